// What scripts/test says is what happened: its last line and exit status over suites that pass, fail, skip, cannot start or hold nothing.

import { after, before, describe, it } from "mocha";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const suites = {
  good: 'import { it } from "mocha";\nit("a", () => {});\nit("b", () => {});\nit.skip("c", () => {});\n',
  bad: 'import { it } from "mocha";\nit("a", () => {});\nit("b", () => {\n  throw new Error("the reason");\n});\n',
  broken: 'import "./no-such-file.ts";\n',
  empty: "export {};\n",
  crashing: 'import { it } from "mocha";\nit("a", () => {\n  process.kill(process.pid, "SIGKILL");\n});\n',
  hanging: 'import { it } from "mocha";\nit("a", () => {\n  setInterval(() => {}, 1000);\n});\n',
} as const;

/** In place of the tests that run in a guest: says what the test wants it to. */
const program =
  'import { writeFileSync } from "node:fs";\nif (process.env.SAYS) writeFileSync(process.env.TEST_REPORT, process.env.SAYS);\n';

describe("scripts/test", function () {
  this.timeout(60_000);
  let root = "";

  before(() => {
    root = mkdtempSync(join(tmpdir(), "totals-"));
    for (const [name, text] of Object.entries(suites)) {
      mkdirSync(join(root, "test", name), { recursive: true });
      writeFileSync(join(root, "test", name, "x.test.ts"), text);
    }
    mkdirSync(join(root, "test", "guest"));
    writeFileSync(join(root, "test", "guest", "run.mjs"), program);
    for (const name of ["node_modules", "scripts", "package.json"]) symlinkSync(resolve(name), join(root, name));
    writeFileSync(join(root, ".mocharc.json"), '{ "extension": ["ts"], "node-option": ["import=tsx"] }');
  });
  after(() => rmSync(root, { recursive: true }));

  function run(...names: readonly string[]): {
    readonly last: string | undefined;
    readonly status: number | null;
    readonly output: string;
  } {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--preserve-symlinks-main", "scripts/test.mjs", ...names],
      { cwd: root, encoding: "utf8", env },
    );
    return { last: stdout.trimEnd().split("\n").at(-1), status, output: stdout + stderr };
  }

  it("adds up over suites, prints failures in full and fails with them", () => {
    const { last, status, output } = run("good", "bad");
    assert.equal(last, "3 passed, 1 failed, 1 skipped");
    assert.equal(status, 1);
    assert.match(output, /the reason/);
  });

  it("succeeds when all passed", () => {
    assert.deepEqual([run("good").last, run("good").status], ["2 passed, 0 failed, 1 skipped", 0]);
  });

  it("a suite that cannot start, is killed, holds no tests or is not there has failed", () => {
    for (const name of ["broken", "crashing", "empty", "nowhere"]) {
      const { last, status } = run(name);
      assert.equal(last, "0 passed, 1 failed, 0 skipped", name);
      assert.equal(status, 1, name);
    }
  });

  it("a suite that runs elsewhere counts as its report says, and has failed when there is none", () => {
    process.env["SAYS"] = JSON.stringify({ stats: { tests: 6, passes: 3, failures: 1, pending: 2 } });
    assert.equal(run("guest").last, "3 passed, 1 failed, 2 skipped");
    delete process.env["SAYS"];
    assert.equal(run("guest").last, "0 passed, 1 failed, 0 skipped");
  });

  it("a suite that leaves a timer behind still ends", () => {
    assert.equal(run("hanging").last, "1 passed, 0 failed, 0 skipped");
  });
});
