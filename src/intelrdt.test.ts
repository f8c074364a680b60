import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { containerId } from "./base/brand.ts";
import { planIntelRdt, schemaOf, type IntelRdtPlan } from "./intelrdt.ts";
import { decodeSpec } from "./spec/decode.ts";

function plan(intelRdt: object | undefined): IntelRdtPlan | undefined {
  const id = containerId("c1");
  assert(id !== undefined);
  return planIntelRdt(
    decodeSpec({ ociVersion: "1.3.0", root: { path: "rootfs" }, linux: intelRdt === undefined ? {} : { intelRdt } }),
    id,
  );
}

describe("the intelRdt plan", () => {
  it("is none when nothing is asked", () => assert.equal(plan(undefined), undefined));

  it("has a class named as the container when closID is not given", () => {
    assert.deepEqual(plan({}), { group: "c1", shared: false, schemata: [], compared: [], monitoring: undefined });
  });

  it("takes closID for somebody else's class, and / for the default one", () => {
    assert.deepEqual([plan({ closID: "gold" })?.group, plan({ closID: "gold" })?.shared], ["gold", true]);
    assert.deepEqual([plan({ closID: "/" })?.group, plan({ closID: "/" })?.shared], ["", true]);
  });

  it("writes l3CacheSchema, memBwSchema and schemata in this order, without bandwidth in the first", () => {
    const all = { schemata: ["L2:0=3"], memBwSchema: "MB:0=20", l3CacheSchema: "L3:0=f\nMB:0=9\nL3DATA:0=3" };
    assert.deepEqual(plan(all)?.schemata, ["L3:0=f", "L3DATA:0=3", "MB:0=20", "L2:0=3"]);
  });

  it("compares the two schemas, not schemata, with a class that was named", () => {
    const all = { schemata: ["L2:0=3"], memBwSchema: "MB:0=20", l3CacheSchema: "L3:0=f" };
    assert.deepEqual(plan(all)?.compared, []);
    assert.deepEqual(plan({ ...all, closID: "gold" })?.compared, ["L3:0=f", "MB:0=20"]);
  });

  it("names the monitoring group as the container, in whatever class", () => {
    assert.equal(plan({ enableMonitoring: true, closID: "gold" })?.monitoring, "c1");
  });
});

describe("a line of schemata", () => {
  const read = (line: string): unknown => [schemaOf(line)[0], Object.fromEntries(schemaOf(line)[1])];

  it("is a resource and a value for each cache", () =>
    assert.deepEqual(read("L3:0=ff;1=c0"), ["L3", { 0: "ff", 1: "c0" }]));

  it("means the same with blanks, zeros and capitals", () =>
    assert.deepEqual(read("    MB:00= 20; 1=0;2=0FF"), ["MB", { 0: "20", 1: "0", 2: "ff" }]));

  it("may be empty", () => assert.deepEqual(read(""), ["", {}]));
});
