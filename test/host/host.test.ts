// The foreign function interface on its own: each case of program/cases.ts runs in a process of its own, in the host as it is shipped
// and in one built with AddressSanitizer and UBSan. `make host-test` builds what is run here.

import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const build = resolve(process.env["BUILD"] || "build");
// The host leaves by _exit with the engine's heap as it is: what is still allocated then is no leak. Leaks of calls are counted by the cases.
const environment = {
  ...process.env,
  ASAN_OPTIONS: "detect_leaks=0:abort_on_error=0",
  UBSAN_OPTIONS: "print_stacktrace=1",
};

function run(program: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(resolve(build, program), args, { encoding: "utf8", env: environment, timeout: 60_000 });
}

/** The line of `file` that holds the marker. */
function lineOf(file: string, marker: string): number {
  const lines = readFileSync(new URL(`program/${file}`, import.meta.url), "utf8").split("\n");
  const index = lines.findIndex((line) => line.includes(marker));
  assert.notEqual(index, -1, `${marker} in ${file}`);
  return index + 1;
}

for (const [program, title] of [
  ["host-test", "the foreign function interface"],
  ["host-test-asan", "the foreign function interface under AddressSanitizer and UBSan"],
] as const) {
  describe(title, function () {
    this.timeout(60_000);
    const listed = run(program, "list");
    if (listed.status !== 0) throw new Error(`${program} list: ${listed.error ?? listed.stderr}`);

    for (const name of JSON.parse(listed.stdout) as string[]) {
      it(name, () => {
        const { stdout, stderr, status, signal } = run(program, "run", name);
        assert.deepEqual({ stdout, stderr, status, signal }, { stdout: "ok\n", stderr: "", status: 0, signal: null });
      });
    }

    it("an uncaught error is told with the file and line of the TypeScript, and the exit status is 1", () => {
      const { stdout, stderr, status } = run(program, "uncaught", "nobody catches this");
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /internal error: TypeError: nobody catches this\n/);
      const made = stderr.indexOf(`test/host/program/uncaught.ts:${lineOf("uncaught.ts", "where the error is made")}`);
      const called = stderr.indexOf(`test/host/program/uncaught.ts:${lineOf("uncaught.ts", "who called it")}`);
      assert.ok(made > 0 && called > made, stderr);
      assert.match(stderr, /test\/host\/program\/main\.ts:\d+/);
    });

    it("an uncaught value that is no Error is told as text", () => {
      const { stderr, status } = run(program, "uncaught-text", "a mere text");
      assert.equal(status, 1);
      assert.match(stderr, /internal error: a mere text\n/);
    });

    it("a module whose top level calls the system makes no heap", () => {
      const { stdout, stderr, status } = run(program, "--print-heap");
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(
        stderr,
        /internal error: TypeError: a module's top level runs at build time and calls nothing\n[\s\S]*test\/host\/program\/atbuild\.ts:6/,
      );
    });
  });
}
