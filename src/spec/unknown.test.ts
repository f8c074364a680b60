import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { full } from "./full.fixture.ts";
import { findUnknown } from "./unknown.ts";

describe("findUnknown", () => {
  it("finds nothing in a document that uses everything", () => assert.deepEqual(findUnknown(full), []));

  const cases: [string, unknown, string, string | undefined][] = [
    ["a slip of the pen", { hostnam: "a" }, "/hostnam", "hostname"],
    ["letters in the wrong order", { proccess: {}, root: {} }, "/proccess", "process"],
    ["the wrong case", { process: { noNewPrivs: true, oomscoreadj: 1 } }, "/process/oomscoreadj", "oomScoreAdj"],
    ["a known name in the wrong place", { noNewPrivileges: true }, "/noNewPrivileges", "/process/noNewPrivileges"],
    ["a known name one level too high", { linux: { blockIO: {} } }, "/linux/blockIO", "/linux/resources/blockIO"],
    ["what nobody knows", { "x/y": 1 }, "/x~1y", undefined],
    [
      "entries of lists",
      { mounts: [{ destination: "/a" }, { destination: "/b", option: [] }] },
      "/mounts/1/option",
      "options",
    ],
    ["entries of maps", { linux: { netDevices: { eth0: { nam: "x" } } } }, "/linux/netDevices/eth0/nam", "name"],
  ];
  for (const [name, json, pointer, suggestion] of cases) {
    it(`finds ${name}`, () => assert.deepEqual(findUnknown(json).at(-1), { pointer, suggestion }));
  }

  it("leaves alone the names that users choose, and other platforms", () => {
    assert.deepEqual(
      findUnknown({
        annotations: { anything: "" },
        linux: { sysctl: { "a.b": "1" }, resources: { unified: { x: "" }, rdma: { d: {} } } },
        windows: { x: 1 },
      }),
      [],
    );
  });

  it("looks at the other documents too", () => {
    assert.deepEqual(findUnknown({ cmd: [], cwd: "/" }, "Process"), [{ pointer: "/cmd", suggestion: "cwd" }]);
    assert.deepEqual(findUnknown({ memroy: {} }, "Resources"), [{ pointer: "/memroy", suggestion: "memory" }]);
  });
});
