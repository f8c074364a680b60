// What does not fit together is refused by make before anything is compiled, with a sentence.

import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipBecause } from "../skip.ts";

const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
const other = machine === "x86_64" ? "aarch64" : "x86_64";
const engines = "node_modules/@suchipi/quickjs/build";

describe("make", function () {
  this.timeout(60_000);

  function make(wrapper: readonly string[], words: readonly string[]): SpawnSyncReturns<string> {
    const build = mkdtempSync(join(tmpdir(), "tsrun-toolchain-"));
    // Not the variables of the make that runs the tests.
    const env = { PATH: process.env["PATH"] ?? "" };
    try {
      const [command = "", ...args] = [...wrapper, "make", `BUILD=${build}`, ...words];
      return spawnSync(command, args, { encoding: "utf8", env, timeout: 60_000 });
    } finally {
      rmSync(build, { recursive: true, force: true });
    }
  }

  for (const [title, words, problem] of [
    [
      "a machine that nobody knows",
      ["ARCH=riscv64", "CC=gcc"],
      /^make: ARCH=riscv64: tsrun knows x86_64 and aarch64$/m,
    ],
    [
      "a compiler for another machine",
      [`ARCH=${other}`, "CC=gcc", "SYSROOT="],
      new RegExp(`^make: CC=gcc compiles for ${machine}, and ARCH is ${other}$`, "m"),
    ],
    ["no compiler", ["CC=no-such-compiler"], /^make: no C compiler no-such-compiler: .* CC= names another$/m],
    [
      "a C library that the compiler does not compile for",
      ["CC=gcc", "LIBC=musl"],
      /^make: CC=gcc compiles for the C library gnu, and LIBC is musl: LIBC=musl goes with CC=musl-gcc, LIBC=gnu with gcc$/m,
    ],
    [
      "an engine for another C library",
      [`ENGINE_LIB=${engines}/${machine}-unknown-linux-musl/lib/quickjs-core.a`],
      new RegExp(`^make: the QuickJS at .*-musl/lib/quickjs-core.a is not for ${machine} and the C library gnu$`, "m"),
    ],
    [
      "an engine for another machine",
      [`ENGINE_LIB=${engines}/${other}-unknown-linux-gnu/lib/quickjs-core.a`],
      new RegExp(`^make: the QuickJS at .* is not for ${machine} and the C library gnu$`, "m"),
    ],
    ["no engine", ["ENGINE_LIB=/no/such/quickjs.a"], /^make: no QuickJS at \/no\/such\/quickjs\.a: npm ci brings it$/m],
    [
      "no libseccomp",
      ["LIBSECCOMP=-lno-such-seccomp"],
      /^make: no libseccomp\.a for \w+: Debian's libseccomp-dev has it, .* LIBSECCOMP= builds without$/m,
    ],
  ] as const)
    it(`refuses ${title}`, () => {
      const { status, stderr } = make([], words);
      assert.equal(status, 2);
      assert.match(stderr, problem);
    });

  it("refuses an engine whose file says another machine than its name", () => {
    const directory = mkdtempSync(join(tmpdir(), "tsrun-toolchain-"));
    try {
      writeFileSync(join(directory, "a.c"), "int a;\n");
      const cross = spawnSync(`${other}-linux-gnu-gcc`, ["-c", "a.c"], { cwd: directory });
      assert.equal(cross.status, 0);
      const { status, stderr } = make([], [`ENGINE_LIB=${join(directory, "a.o")}`]);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`^make: the QuickJS at .*a\\.o is for ${other}, and ARCH is ${machine}$`, "m"));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("takes the engine of the compiler's C library, whatever loader of another is installed", function () {
    if (process.getuid?.() !== 0) return skipBecause(this, "needs root");
    const lower = mkdtempSync(join(tmpdir(), "tsrun-toolchain-"));
    try {
      mkdirSync(join(lower, "lib"));
      writeFileSync(join(lower, "lib", `ld-musl-${machine}.so.1`), "");
      const mounted = `mount -t overlay -o lowerdir="${lower}/lib:/usr/lib" overlay /usr/lib && ls /lib/ld-musl-* >&2 && exec "$@"`;
      const { stdout, stderr } = make(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, "sh"],
        ["-pn", "CC=gcc", "no-such-target"],
      );
      assert.match(stderr, /\/lib\/ld-musl-/);
      assert.match(stdout, new RegExp(`^ENGINE := .*/${machine}-unknown-linux-gnu$`, "m"));
    } finally {
      rmSync(lower, { recursive: true, force: true });
    }
  });
});
