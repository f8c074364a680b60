// linux.intelRdt. Machines for tests have no resctrl: what the acts do is seen on a tree of files of the same names, where the test makes what
// the kernel would (the files of a new group) and takes away what it would (with a group, its files).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { before, describe, it, type Context } from "mocha";
import { defaultConfig } from "./bundle.ts";
import { isTsrun, itOurs, ok, PROGRAM, refused, useBox } from "./harness.ts";
import { skipBecause } from "../skip.ts";

describe("linux.intelRdt", () => {
  const box = useBox();

  itOurs("without a resctrl file system is an error, and leaves nothing behind", function (this: Context) {
    if (readFileSync("/proc/self/mountinfo", "utf8").includes(" - resctrl ")) skipBecause(this, "this host has one");
    refused(
      box()
        .container((config) => (config.linux["intelRdt"] = { l3CacheSchema: "L3:0=f" }))
        .run(),
      /\/linux\/intelRdt: intelRdt is specified in config, but Intel RDT is not enabled/,
    );
  });

  itOurs("is not touched when nobody asks", () => {
    const { stderr } = ok(box().container().run());
    assert.doesNotMatch(stderr, /resctrl/);
  });
});

describe("the groups of resctrl", function () {
  if (!isTsrun) return;
  const box = useBox();
  const program = resolve(dirname(PROGRAM), "room-test");
  before(() => assert(existsSync(program), `${program} is missing: make systest builds it`));

  /** A tree with one group that somebody else has made. */
  function tree(): string {
    const root = box().path("resctrl");
    for (const group of ["", "gold"]) makeGroup(root, group, "L3:0=00ff;1=f\nMB:0=100;1= 50\n");
    mkdirSync(join(root, "info"));
    writeFileSync(join(root, "info/last_cmd_status"), "ok\n");
    return root;
  }

  function makeGroup(root: string, group: string, schemata = ""): void {
    mkdirSync(join(root, group, "mon_groups"), { recursive: true });
    writeFileSync(join(root, group, "tasks"), "");
    writeFileSync(join(root, group, "schemata"), schemata);
  }

  type Paths = { readonly group: string; readonly monitoring?: string; readonly remove: readonly string[] };

  function act(
    verb: "locate" | "enter",
    root: string,
    intelRdt: object,
  ): { readonly status: number | null; readonly lines: readonly string[] } {
    const config = defaultConfig();
    config.linux["intelRdt"] = intelRdt;
    const { status, stdout, stderr } = spawnSync(
      program,
      ["intelrdt", verb, root, "c1", "4711", JSON.stringify(config)],
      { encoding: "utf8" },
    );
    assert.equal(stderr, "");
    return { status, lines: stdout.trim().split("\n") };
  }

  function paths(verb: "locate" | "enter", root: string, intelRdt: object): Paths {
    const { status, lines } = act(verb, root, intelRdt);
    assert.equal(status, 0, lines.join("\n"));
    return JSON.parse(lines[0] ?? "") as Paths;
  }

  const fails = (root: string, intelRdt: object): string => {
    const { status, lines } = act("locate", root, intelRdt);
    assert.equal(status, 1);
    return lines.join("\n");
  };

  const read = (root: string, file: string): string => readFileSync(join(root, file), "utf8");

  it("a container without closID has one of its own, named as it is, which goes with it", () => {
    const root = tree();
    const schemas = { l3CacheSchema: "L3:0=f;1=f0", memBwSchema: "MB:0=20;1=70", schemata: ["L2:0=3", "L2:1=3"] };
    const located = paths("locate", root, schemas);
    assert.deepEqual(located, { group: join(root, "c1"), remove: [join(root, "c1")] });
    assert.equal(existsSync(join(root, "c1")), false, "locating makes nothing");
    makeGroup(root, "c1");
    paths("enter", root, schemas);
    assert.equal(read(root, "c1/schemata"), "L3:0=f;1=f0\nMB:0=20;1=70\nL2:0=3\nL2:1=3\n");
    assert.equal(read(root, "c1/tasks"), "4711");
    for (const file of readdirSync(join(root, "c1"))) rmSync(join(root, "c1", file), { recursive: true });
    assert.equal(spawnSync(program, ["intelrdt", "remove", JSON.stringify(located)]).status, 0);
    assert.deepEqual(readdirSync(root).sort(), ["gold", "info", "mon_groups", "schemata", "tasks"]);
    assert.equal(spawnSync(program, ["intelrdt", "remove", JSON.stringify(located)]).status, 0, "removing it again");
  });

  it("the group is made where there is none", () => {
    const root = tree();
    act("enter", root, { l3CacheSchema: "L3:0=f" });
    assert.equal(existsSync(join(root, "c1")), true);
  });

  it("what was there before the container stays", () => {
    const root = tree();
    makeGroup(root, "c1");
    assert.deepEqual(paths("locate", root, {}).remove, []);
    assert.deepEqual(paths("locate", root, { closID: "gold" }).remove, []);
    assert.deepEqual(paths("locate", root, { closID: "new", schemata: ["L3:0=f"] }).remove, []);
  });

  it("without a schema nothing is written to schemata", () => {
    const root = tree();
    const before = read(root, "gold/schemata");
    paths("enter", root, { closID: "gold" });
    assert.deepEqual([read(root, "gold/schemata"), read(root, "gold/tasks")], [before, "4711"]);
  });

  it("MB lines of l3CacheSchema are left out", () => {
    const root = tree();
    makeGroup(root, "c1");
    paths("enter", root, { l3CacheSchema: "MB:0=10\nL3:0=f\nMB:1=10" });
    assert.equal(read(root, "c1/schemata"), "L3:0=f\n");
  });

  it("closID / is the default class", () => {
    const root = tree();
    assert.deepEqual(paths("enter", root, { closID: "/" }), { group: root, remove: [] });
    assert.equal(read(root, "tasks"), "4711");
  });

  it("a closID that does not exist needs a schema", () => {
    assert.match(fails(tree(), { closID: "silver" }), /closID\): HostError: the resctrl group .*silver does not exist/);
  });

  it("a closID that exists must have the schema that was asked for, however it is spelled", () => {
    const root = tree();
    for (const l3CacheSchema of ["L3:0=ff;1=f", "L3:1=0f;0=00FF", "L3:1=f"])
      paths("locate", root, { closID: "gold", l3CacheSchema, memBwSchema: "MB:1=50" });
    assert.match(
      fails(root, { closID: "gold", l3CacheSchema: "L3:0=fe" }),
      /different configuration: L3:0=fe was asked for, ff is set/,
    );
    assert.match(fails(root, { closID: "gold", l3CacheSchema: "L3:2=f" }), /L3:2=f was asked for, nothing is set/);
    assert.match(fails(root, { closID: "gold", memBwSchema: "MB:0=10" }), /MB:0=10 was asked for, 100 is set/);
  });

  it("monitoring has a group in the class, which goes with the container", () => {
    const root = tree();
    const monitoring = join(root, "gold/mon_groups/c1");
    mkdirSync(monitoring);
    writeFileSync(join(monitoring, "tasks"), "");
    assert.deepEqual(paths("enter", root, { closID: "gold", enableMonitoring: true }), {
      group: join(root, "gold"),
      monitoring,
      remove: [monitoring],
    });
    assert.deepEqual([read(root, "gold/tasks"), read(root, "gold/mon_groups/c1/tasks")], ["4711", "4711"]);
    assert.deepEqual(paths("locate", root, { enableMonitoring: true }).remove, [
      join(root, "c1/mon_groups/c1"),
      join(root, "c1"),
    ]);
  });

  it("a refusal has the kernel's own words", () => {
    const root = tree();
    writeFileSync(join(root, "info/last_cmd_status"), "mask f000 has non-consecutive 1-bits\n");
    const { status, lines } = act("enter", root, { l3CacheSchema: "L3:0=f" });
    assert.equal(status, 1);
    assert.match(
      lines.at(-1) ?? "",
      /^set up resource control group \(\/linux\/intelRdt\): .*\(last_cmd_status: mask f000 has non-consecutive 1-bits\)/,
    );
  });
});
