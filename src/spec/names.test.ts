import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { SpecError } from "../base/errors.ts";
import { full } from "./full.fixture.ts";
import { allKnown, asGoNames, asGoReads, onlyKnown } from "./names.ts";

describe("names in any case", () => {
  it("become the spec's, also inside of lists, and are told of", () => {
    const json = {
      CPU: { Cpus: "1" },
      blockio: { WeightDevice: [{ Major: 8, minor: 0 }] },
      HugePageLimits: [{ pagesize: "2MB", limit: 1 }],
    };
    assert.equal(allKnown(json, "Resources"), false);
    assert.deepEqual(
      asGoNames(json, "Resources").map(({ pointer, name }) => `${pointer} ${name}`),
      [
        "/CPU cpu",
        "/CPU/Cpus cpus",
        "/blockio blockIO",
        "/blockio/WeightDevice weightDevice",
        "/blockio/WeightDevice/0/Major major",
        "/HugePageLimits hugepageLimits",
        "/HugePageLimits/0/pagesize pageSize",
      ],
    );
    assert.deepEqual(json, {
      cpu: { cpus: "1" },
      blockIO: { weightDevice: [{ major: 8, minor: 0 }] },
      hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
    });
    assert.equal(allKnown(json, "Resources"), true);
  });

  it("are folded as Go folds them: the long s and the sign of Kelvin, too", () => {
    const json = { hoſtname: "a", linux: { MaſKedPaths: [] } };
    asGoNames(json, "Config");
    assert.deepEqual(json, { hostname: "a", linux: { maskedPaths: [] } });
  });

  it("stay when users choose them, and when nobody knows them", () => {
    const json = { unified: { "Memory.High": "1" }, CPUs: {}, ["x".repeat(300_000)]: 1 };
    asGoNames(json, "Resources");
    assert.deepEqual(Object.keys(json), ["unified", "CPUs", "x".repeat(300_000)]);
    assert.deepEqual(json.unified, { "Memory.High": "1" });
  });

  it("are refused when the right one is there, too", () => {
    const refused = (json: object): void =>
      assert.throws(
        () => asGoNames(json, "Resources"),
        (error) =>
          error instanceof SpecError && error.message === "/CPU: is cpu in another spelling, and cpu is there as well",
      );
    refused({ cpu: { cpus: "1" }, CPU: { cpus: "2" } });
    refused({ CPU: { cpus: "1" }, cpu: { cpus: "2" } });
  });

  it("are all known in a document that uses everything, and in none that has another", () => {
    assert.equal(allKnown(full, "Config"), true);
    for (const name of ["constructor", "__proto__", "toString", "x"])
      assert.equal(allKnown(JSON.parse(`{"process":{"${name}":1}}`), "Config"), false, name);
  });
});

describe("what lies where nobody knows a name", () => {
  const deep = (levels: number): unknown =>
    JSON.parse(`{"x":${"[".repeat(levels)}null${"]".repeat(levels)},"hostname":null,"annotations":{"a":"b","c":null}}`);

  it("is not looked at, however deep", () => {
    const json = deep(5000);
    asGoReads(json, "Config");
    assert.deepEqual(Object.keys(json as object), ["x", "annotations"]);
    assert.deepEqual(onlyKnown(json, "Config"), { annotations: { a: "b" } });
  });
});
