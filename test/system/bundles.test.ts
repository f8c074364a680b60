// The samples of bundles/ are the first that a reader runs: each keeps what its README promises.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { isTsrun, PROGRAM, PROJECT, useBox } from "./harness.ts";

const BUNDLES = join(PROJECT, "bundles");

describe("bundles/", function () {
  if (!isTsrun) return;
  this.timeout(60_000);
  const box = useBox();

  for (const name of readdirSync(BUNDLES).filter((name) => existsSync(join(BUNDLES, name, "expected")))) {
    it(`${name} does what it promises`, () => {
      const { status, stdout, stderr } = box().exec("/bin/sh", [join(BUNDLES, "try"), PROGRAM, name], {
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      });
      assert.equal(status, 0, stdout + stderr);
    });
  }

  it("none begins with a warning", () => {
    for (const name of readdirSync(BUNDLES).filter((name) => existsSync(join(BUNDLES, name, "config.json")))) {
      const { status, stdout, stderr } = box().exec(PROGRAM, ["plan", "--bundle", join(BUNDLES, name)]);
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "", name);
      assert.doesNotMatch(stdout, /^warning: /m, name);
    }
  });
});
