// scripts/install-deps installs packages of Debian; on another distribution it names them and stops.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";

describe("scripts/install-deps", () => {
  for (const [manager, named] of [
    ["dnf", /\n {2}dnf install gcc .*\bglibc-static libseccomp-devel libseccomp-static\b/],
    ["apk", /\n {2}apk add build-base .*\blibseccomp-dev libseccomp-static\b/],
    ["pacman", /\n {2}gcc, make, .* as static libraries/],
  ] as const)
    it(`where ${manager} installs packages, it names them and stops`, () => {
      const bin = mkdtempSync(join(tmpdir(), "tsrun-deps-"));
      try {
        for (const tool of ["bash", "sed"])
          symlinkSync(execFileSync("which", [tool], { encoding: "utf8" }).trim(), join(bin, tool));
        writeFileSync(join(bin, manager), "#!/bin/sh\nexit 1\n");
        chmodSync(join(bin, manager), 0o755);
        for (const words of [[], ["--test"]]) {
          const { status, stdout, stderr } = spawnSync("bash", ["scripts/install-deps", ...words], {
            encoding: "utf8",
            env: { PATH: bin },
          });
          assert.deepEqual([status, stdout], [1, ""]);
          assert.match(
            stderr,
            /^install-deps: it installs packages of Debian 12 and newer, and this is .+\. What make needs here, as root:\n/,
          );
          assert.match(stderr, named);
          assert.equal(stderr.includes("--test, --bench and --dist need a Debian."), words.length > 0);
        }
      } finally {
        rmSync(bin, { recursive: true, force: true });
      }
    });
});
