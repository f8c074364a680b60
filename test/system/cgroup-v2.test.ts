import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { before, describe, it } from "mocha";
import { PROJECT } from "./harness.ts";
import { onV2 } from "./groups.ts";
import { promises } from "./view.ts";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

describe("cgroups (v2)", () => {
  let results: { readonly [name: string]: string | null } = {};

  before(function () {
    this.timeout(120_000);
    const view = spawnSync(
      join(PROJECT, "scripts/private-view"),
      ["v2", "--", process.execPath, "--import=./scripts/typescript.mjs", join(HERE, "view.ts"), "keep"],
      { cwd: PROJECT, encoding: "utf8" },
    );
    assert.equal(view.status, 0, view.stderr);
    results = JSON.parse(view.stdout) as typeof results;
  });

  for (const name of Object.keys(promises)) {
    it(name, () => {
      const broken = results[name];
      if (broken !== null) throw new Error(broken ?? "was not tried");
    });
  }
});

type Report = {
  readonly stats: { readonly passes: number; readonly failures: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
};

// What these promise holds for both versions; on a host with v2 alone they have run by themselves.
describe("cgroups (v2), and what rests on them", function () {
  if (onV2()) return;
  for (const file of ["pause", "ps", "events", "limits", "update"]) {
    it(`${file}.test.ts keeps its promises there`, function () {
      this.timeout(300_000);
      const mocha = join(PROJECT, "node_modules/mocha/bin/mocha.js");
      const words = [
        "v2",
        "--",
        process.execPath,
        mocha,
        "--reporter",
        "json",
        "--timeout",
        "60000",
        join(HERE, `${file}.test.ts`),
      ];
      const view = spawnSync(join(PROJECT, "scripts/private-view"), words, { cwd: PROJECT, encoding: "utf8" });
      const report = JSON.parse(view.stdout.slice(view.stdout.indexOf("{"))) as Report;
      assert.deepEqual(
        report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? ""}`),
        [],
      );
      assert(report.stats.passes > 0, view.stderr);
    });
  }
});
