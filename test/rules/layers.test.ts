// The import law: src/ keeps it, and scripts/layers.mjs, which says so, sees every way of breaking it.

import { afterEach, beforeEach, describe, it } from "mocha";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { check } from "../../scripts/layers.mjs";

describe("the import law", () => {
  let root = "";

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "layers-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** What the script says of these sources (path below src → text). */
  function violations(sources: { readonly [file: string]: string }): readonly string[] {
    for (const [file, text] of Object.entries(sources)) {
      mkdirSync(dirname(join(root, "src", file)), { recursive: true });
      writeFileSync(join(root, "src", file), text);
    }
    return check(join(root, "src")).violations;
  }

  const lower = {
    "base/errors.ts": "export type E = 1;\n",
    "abi/mount.ts": 'import "../base/errors.ts";\nexport const MS_RDONLY = 1;\n',
    "sys/mount.ts": 'import { MS_RDONLY } from "../abi/mount.ts";\nexport const m = MS_RDONLY;\n',
    "spec/types.ts": 'import "../base/errors.ts";\nexport type Spec = 1;\n',
    "rootfs/plan.ts": 'import type { Spec } from "../spec/types.ts";\nexport type RootfsPlan = Spec;\n',
    "rootfs/mounts.ts": 'import "../sys/mount.ts";\nimport "./plan.ts";\nexport type M = 1;\n',
    "cgroup/plan.ts": "export type CgroupPlan = 1;\n",
    "hooks.ts": 'import "./sys/mount.ts";\nexport type H = 1;\n',
    "runtime/plan/container.ts":
      'import "../../rootfs/plan.ts";\nimport "../../hooks.ts";\nexport type ContainerPlan = 1;\n',
    "runtime/channel/messages.ts": 'import "../../sys/mount.ts";\nexport type C = 1;\n',
    "runtime/create/parent.ts":
      'import "../plan/container.ts";\nimport "../channel/messages.ts";\nimport "../../rootfs/mounts.ts";\nimport "./init.ts";\nexport type Created = 1;\n',
    "runtime/create/init.ts":
      'import "../channel/messages.ts";\nimport "../../rootfs/mounts.ts";\nexport type I = 1;\n',
    "explain/text.ts":
      'import type { ContainerPlan } from "../runtime/plan/container.ts";\nexport type T = ContainerPlan;\n',
    "cli/plan.ts": 'import defer * as text from "../explain/text.ts";\nexport const explain = (): unknown => text;\n',
    "main.ts": 'import "./cli/plan.ts";\n',
  };

  it("src/ keeps it", () => {
    const { files, violations: found } = check("src");
    assert.equal(found.join("\n"), "");
    assert.ok(files > 100);
  });

  it("imports of lower layers and of the own folder are allowed", () => {
    assert.deepEqual(violations(lower), []);
  });

  it("spec/ may import what the schemas were made into, and tests what they need", () => {
    const found = violations({
      "spec/load.ts": 'import { isConfig } from "../../build/gen/validate.js";\nexport { isConfig };\n',
      "spec/load.test.ts":
        'import assert from "node:assert/strict";\nimport { it } from "mocha";\nimport "./load.ts";\nimport "../../test/setup.mjs";\n',
    });
    assert.deepEqual(found, []);
  });

  it("the test of a one-file room may import it", () => {
    assert.deepEqual(violations({ ...lower, "hooks.test.ts": 'import "./hooks.ts";\n' }), []);
  });

  const bad: readonly (readonly [what: string, file: string, text: string, line: number, law: RegExp])[] = [
    ["a higher layer", "sys/fd.ts", '\nimport "../spec/types.ts";\n', 2, /only lower layers/],
    ["a room from spec/", "spec/validate.ts", 'import "../rootfs/plan.ts";\n', 1, /only lower layers/],
    ["the command line from runtime/", "runtime/run.ts", 'import "../cli/plan.ts";\n', 1, /only lower layers/],
    ["sys from base", "base/path.ts", 'import "../sys/mount.ts";\n', 1, /only lower layers/],
    ["another room", "rootfs/devices.ts", 'import "../cgroup/plan.ts";\n', 1, /rooms never import rooms/],
    [
      "a type of another room",
      "rootfs/devices.ts",
      'import type { CgroupPlan } from "../cgroup/plan.ts";\nexport type D = CgroupPlan;\n',
      1,
      /rooms never import rooms/,
    ],
    [
      "a type of another room, inline",
      "rootfs/devices.ts",
      'export type D =\n  import("../cgroup/plan.ts").CgroupPlan;\n',
      2,
      /rooms never import rooms/,
    ],
    ["a one-file room from a room", "rootfs/devices.ts", 'import "../hooks.ts";\n', 1, /rooms never import rooms/],
    ["a room from a one-file room", "terminal.ts", 'import "./rootfs/mounts.ts";\n', 1, /rooms never import rooms/],
    [
      "another room, on demand",
      "rootfs/devices.ts",
      'import defer * as plan from "../cgroup/plan.ts";\nexport const p = (): unknown => plan;\n',
      1,
      /rooms never import rooms/,
    ],
    [
      "another room, by re-export",
      "rootfs/devices.ts",
      'export * from "../cgroup/plan.ts";\n',
      1,
      /rooms never import rooms/,
    ],
    [
      "sys from spec/",
      "spec/load.ts",
      'import "../sys/mount.ts";\n',
      1,
      /spec\/, plan\.ts and \*-plan\.ts files never import sys/,
    ],
    [
      "a type of sys from spec/",
      "spec/load.ts",
      'import type { m } from "../sys/mount.ts";\nexport type L = typeof m;\n',
      1,
      /never import sys/,
    ],
    [
      "sys from a plan",
      "rootfs/plan.ts",
      'import "../sys/mount.ts";\nexport type RootfsPlan = 1;\n',
      1,
      /never import sys/,
    ],
    [
      "sys from a part of a plan",
      "rootfs/mounts-plan.ts",
      'import "../sys/mount.ts";\nexport type MountsPlan = 1;\n',
      1,
      /never import sys/,
    ],
    [
      "sys from a plan by way of its room",
      "cgroup/plan.ts",
      'import "./layout.ts";\nexport type CgroupPlan = 1;\n',
      1,
      /cgroup\/layout\.ts, which imports sys\/mount\.ts: .*never import sys/,
    ],
    ["create from init", "runtime/create/init.ts", 'import "./parent.ts";\n', 1, /another process/],
    [
      "a type of create from init",
      "runtime/create/init.ts",
      'import type { Created } from "./parent.ts";\nexport type I = Created;\n',
      1,
      /another process/,
    ],
    ["exec from join", "runtime/exec/child.ts", 'import "./parent.ts";\n', 1, /another process/],
    [
      "runtime from explain/",
      "explain/shell.ts",
      'import type { C } from "../runtime/channel/messages.ts";\nexport type S = C;\n',
      1,
      /beside runtime/,
    ],
    [
      "the values of runtime/plan/container.ts from explain/",
      "explain/shell.ts",
      'import { type ContainerPlan } from "../runtime/plan/container.ts";\nexport type S = ContainerPlan;\n',
      1,
      /beside runtime/,
    ],
    [
      "a module of Node",
      "cli/list.ts",
      'import { readFileSync } from "node:fs";\nexport { readFileSync };\n',
      1,
      /nothing but the engine/,
    ],
    ["a package", "cli/list.ts", 'import "left-pad";\n', 1, /nothing but the engine/],
    ["a file outside src/", "rootfs/devices.ts", 'import "../../test/setup.mjs";\n', 1, /nothing but the engine/],
    [
      "the made validators outside spec/",
      "runtime/plan/container.ts",
      'import "../../../build/gen/validate.js";\nexport type ContainerPlan = 1;\n',
      1,
      /nothing but the engine/,
    ],
    ["a test", "rootfs/devices.ts", 'import "./devices.test.ts";\n', 1, /never imports a test/],
    ["a file that is not there", "rootfs/devices.ts", 'import "./nowhere.ts";\n', 1, /no such file/],
  ];
  for (const [what, file, text, line, law] of bad) {
    it(`refused: ${what}`, () => {
      const found = violations({
        ...lower,
        "cgroup/layout.ts": 'import "../sys/mount.ts";\nexport type L = 1;\n',
        "runtime/exec/parent.ts": "export type X = 1;\n",
        "rootfs/devices.test.ts": "export type D = 1;\n",
        [file]: text,
      });
      assert.equal(found.length, 1, found.join("\n"));
      assert.ok(found[0]?.includes(`src/${file}:${line}: imports `), found[0]);
      assert.match(found[0] ?? "", law);
    });
  }
});
