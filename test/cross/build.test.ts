// The program of the other machine, as it was built here: it does the same under qemu-user as far as that goes, its heap is laid out alike, and the build
// refuses what a heap must not have.

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { BUILD, build, COMPILER, EMULATOR, lacks, OTHER, OTHER_BUILD } from "./other.ts";

describe(`the program for ${OTHER}`, function () {
  this.timeout(300_000);
  const reason = lacks();
  if (reason !== undefined) {
    it.skip(`is built (${reason})`);
    return;
  }
  before(() => build("build", `${OTHER_BUILD}/profile/tsrun`));

  const emulated = (program: string, ...words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(EMULATOR, [join(OTHER_BUILD, program), ...words], { encoding: "utf8", timeout: 120_000 });

  it("needs no library", () => {
    const { stdout } = spawnSync("readelf", ["--program-headers", "--wide", join(OTHER_BUILD, "tsrun")], {
      encoding: "utf8",
    });
    assert.match(stdout, / LOAD /);
    assert.doesNotMatch(stdout, /INTERP|DYNAMIC/);
  });

  for (const words of [
    ["--version"],
    ["help"],
    ["help", "exec"],
    ["validate", "--bundle", "bundles/limits"],
    ["state", "no-such-container"],
    ["spec", "--bundle", "/no/such/directory"],
  ])
    it(`says what this machine's says: ${words.join(" ")}`, () => {
      const [other, own] = [
        emulated("tsrun", ...words),
        spawnSync(join(BUILD, "tsrun"), words, { encoding: "utf8" }),
      ].map(({ status, stdout, stderr }) => ({
        status,
        stdout,
        stderr: stderr.replace(/\d{4}-\d\d-\d\dT[\d:.+Z-]+/g, ""),
      }));
      assert.deepEqual(other, own);
    });

  it("compiles seccomp profiles for its own architecture", () => {
    const { linux } = JSON.parse(emulated("tsrun", "features").stdout) as {
      readonly linux: { readonly seccomp: { readonly enabled: boolean } };
    };
    assert.equal(linux.seccomp.enabled, true);
  });

  it("with each block of its heap moved to a page of its own it does the same", () => {
    for (const words of [["--version"], ["help"], ["features"], ["validate", "--bundle", "bundles/hello"]]) {
      const [moved, usual] = ["profile/tsrun", "tsrun"].map((program) => emulated(program, ...words));
      assert.deepEqual([moved?.status, moved?.stdout], [usual?.status, usual?.stdout]);
      assert.equal(moved?.status, 0, moved?.stderr);
    }
  });

  it("what is hot ends its heap, and begins where the largest page of its kernels does", () => {
    const heap = readFileSync(join(OTHER_BUILD, "obj/heap.bin"));
    const [used, hot] = [Number(heap.readBigUInt64LE(0)), Number(heap.readBigUInt64LE(8))];
    assert.equal(used, heap.length);
    assert.ok(
      hot > 0 && hot % (OTHER === "aarch64" ? 65_536 : 4096) === 0 && used - hot < used / 4,
      `${hot} of ${used}`,
    );
  });

  describe("a heap that points out of itself", () => {
    const scratch = mkdtempSync(join(tmpdir(), "tsrun-cross-"));
    after(() => rmSync(scratch, { recursive: true, force: true }));

    for (const [what, pointer] of [
      ["to the stack", "&argc"],
      ["to what malloc gave", "malloc(1 << 20)"],
      ["to mapped memory", "mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)"],
    ] as const)
      it(`is refused: ${what}`, () => {
        const source = join(scratch, "maker.c");
        const program = join(scratch, "maker");
        writeFileSync(
          source,
          `#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(int argc, char **argv) {
  void *words[64] = {0};
  for (int i = 32; i < 40; i++)
    words[i] = ${pointer};
  return fwrite(words, sizeof words, 1, stdout) != 1;
}
`,
        );
        assert.equal(spawnSync(COMPILER, ["-static", "-no-pie", "-o", program, source]).status, 0);
        const words = ["--emulator", EMULATOR, "--program", program, "--elsewhere", program];
        const made = spawnSync(process.execPath, ["scripts/heap.mjs", ...words, "--out", join(scratch, "heap.S")], {
          encoding: "utf8",
        });
        assert.notEqual(made.status, 0);
        assert.match(made.stderr, /cannot be linked in: it depends on the process that makes it/);
      });
  });
});
