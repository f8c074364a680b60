import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { asGoNames } from "./case.ts";

describe("names in any case", () => {
  it("become the spec's, also inside of lists", () => {
    const json = {
      CPU: { Cpus: "1" },
      blockio: { WeightDevice: [{ Major: 8, minor: 0 }] },
      HugePageLimits: [{ pagesize: "2MB", limit: 1 }],
    };
    asGoNames(json, "Resources");
    assert.deepEqual(json, {
      cpu: { cpus: "1" },
      blockIO: { weightDevice: [{ major: 8, minor: 0 }] },
      hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
    });
  });

  it("stay when the right one is there too, or when users choose them", () => {
    const json = { cpu: { cpus: "1" }, CPU: { cpus: "2" }, unified: { "Memory.High": "1" } };
    asGoNames(json, "Resources");
    assert.deepEqual(json, { cpu: { cpus: "1" }, CPU: { cpus: "2" }, unified: { "Memory.High": "1" } });
  });
});
