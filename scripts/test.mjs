// Runs the suites one after the other, prints each one's report as it goes, and adds up what they say. The last line is
// "N passed, N failed, N skipped"; the exit status is 0 only when something passed and nothing failed. A suite that cannot start,
// does not finish or finds no tests has failed. The reports stay in build/test/*.json.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const reports = "build/test";
const LONGEST_SUITE_S = 1800;
// A guest runs the other suites by software emulation, on whatever machine: what hangs in it is ended by the limits of its own tests.
const LONGEST = { guest: 6 * 3600 };

/** The tests below `folder`, sorted; none when there is no such folder. */
function testsBelow(folder) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => /\.test\.m?ts$/.test(file));
  return files.sort().map((file) => join(folder, file));
}

// Commands first, then what needs nothing but Node, then the rest; folders of test/ that are not named here come last.
const commands = {
  format: ["the sources are formatted as prettier has it", "prettier", "--check", "--log-level", "warn", "."],
  types: ["the types are right", "tsc", "--noEmit"],
  "library-types": ["the types of the library are right", "tsc", "--noEmit", "-p", "lib"],
  lint: ["the sources keep the rules of eslint.config.mjs", "eslint", "--max-warnings", "0", "."],
};
// Suites that run their tests elsewhere: the program writes the report that mocha would.
const programs = { guest: "test/guest/run.mjs" };
const order = ["rules", "unit", "abi", "golden", "host", "system", "faults", "clients", "roots", "cross", "guest"];
const folders = readdirSync("test", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();
const found = [...order, ...folders.filter((name) => !order.includes(name))].filter((name) =>
  name in programs ? existsSync(programs[name]) : testsBelow(folderOf(name)).length > 0,
);

function folderOf(suite) {
  return suite === "unit" ? "src" : join("test", suite);
}

/** Runs one program to its end, its output going to ours. Undefined when it ended well, else how it did not. */
function run(seconds, program, ...args) {
  const { status, signal, error } = spawnSync(
    "timeout",
    ["--foreground", "-s", "INT", "-k", "10", String(seconds), program, ...args],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, CI: "true", TEST_REPORT: process.env.TEST_REPORT },
    },
  );
  if (error) return error.message;
  if (status === 124) return `not finished after ${seconds} seconds`;
  return status === 0 ? undefined : signal ? `signal ${signal}` : `exit status ${status}`;
}

/** @returns {{ passed: number, failed: number, skipped: number, broken?: string }} broken: what kept the suite from counting */
function runCommand(suite) {
  const [, program, ...args] = commands[suite];
  const broken = run(LONGEST_SUITE_S, join("node_modules/.bin", program), ...args);
  const counts = broken ? { passed: 0, failed: 1, skipped: 0, broken } : { passed: 1, failed: 0, skipped: 0 };
  writeFileSync(
    join(reports, `${suite}.json`),
    JSON.stringify({ stats: { tests: 1, passes: counts.passed, failures: counts.failed, pending: 0 } }),
  );
  return counts;
}

function runTests(suite) {
  const report = join(reports, `${suite}.json`);
  const files = suite in programs ? [] : testsBelow(folderOf(suite));
  if (files.length === 0 && !(suite in programs))
    return { passed: 0, failed: 1, skipped: 0, broken: `no tests below ${folderOf(suite)}` };
  rmSync(report, { force: true });
  process.env.TEST_REPORT = report;
  const ended =
    suite in programs
      ? run(LONGEST[suite] ?? LONGEST_SUITE_S, process.execPath, programs[suite])
      : run(
          LONGEST_SUITE_S,
          "node_modules/.bin/mocha",
          "--exit",
          "--forbid-only",
          "--reporter",
          "scripts/reporter.cjs",
          ...files,
        );
  if (!existsSync(report))
    return { passed: 0, failed: 1, skipped: 0, broken: `it could not run: ${ended ?? "no report"}` };
  const { stats, tests = [] } = JSON.parse(readFileSync(report, "utf8"));
  const { passes: passed, failures: failed, pending: skipped } = stats;
  for (const { fullTitle, err } of tests)
    if (err?.message !== undefined) failures.push(`${suite}: ${fullTitle}\n    ${shortened(err.message)}`);
  if (ended && failed === 0) return { passed, failed: 1, skipped, broken: ended };
  if (passed + failed + skipped === 0) return { passed, failed: 1, skipped, broken: "it holds no tests" };
  return { passed, failed, skipped };
}

/** What went wrong, in a few lines: the whole stands above, in the suite's own report. */
const shortened = (message) =>
  message
    .trim()
    .split("\n")
    .slice(0, 6)
    .map((line) => line.slice(0, 300))
    .join("\n    ");

mkdirSync(reports, { recursive: true });
const failures = [];
const suites = process.argv.length > 2 ? process.argv.slice(2) : [...Object.keys(commands), ...found];
const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
for (const suite of suites) {
  console.log(`\n== ${suite}`);
  const began = Date.now();
  const result = suite in commands ? runCommand(suite) : runTests(suite);
  for (const kind of Object.keys(total)) total[kind] += result[kind];
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  lines.push(
    `${suite.padEnd(10)} ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${seconds} s${result.broken ? `: ${result.broken}` : ""}`,
  );
}
if (failures.length > 0) console.log(`\nfailed:\n${failures.join("\n")}`); // again, where the end of a log shows it
console.log(`\n${lines.join("\n")}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
