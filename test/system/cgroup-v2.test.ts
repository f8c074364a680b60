import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { before, describe, it } from "mocha";
import { PROJECT } from "./harness.ts";
import { promises } from "./view.ts";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

describe("cgroups (v2)", () => {
  let results: { readonly [name: string]: string | null } = {};

  before(function () {
    this.timeout(120_000);
    const view = spawnSync(join(PROJECT, "scripts/private-view"), ["v2", "--", process.execPath, "--import=tsx", join(HERE, "view.ts"), "keep"], { cwd: PROJECT, encoding: "utf8" });
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
