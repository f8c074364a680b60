// Runs the tests that want another host in guests of test/guest/guest, and adds up what they say. The report is that of mocha:
// TEST_REPORT=FILE test/guest/run.mjs [FILE…]. A machine that can have no guest skips all of it, with the reason.
//
// The guests have one processor each, so there are as many as this machine has processors, two at most; they share out the jobs.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const project = resolve(here, "../..");
const guest = join(here, "guest");
const reports = "build/test/guest"; // below the project, here and there
const NO_GUEST = 125;
const JOB_LIMIT_S = 1500;
const SLOWNESS = 8; // patience of the tests, compared to this machine's

const tests = (folder, wanted) =>
  readdirSync(join(project, folder)).filter((name) => name.endsWith(".test.ts") && wanted(name)).map((name) => join(folder, name));
const unprivileged = (name) => name.startsWith("rootless");

/** Files in `count` groups of about the same size, the largest group first. */
function dealt(files, count) {
  const size = (file) => statSync(join(project, file)).size + 3000; // a start of mocha costs as much
  const groups = Array.from({ length: Math.min(count, files.length) }, () => ({ size: 0, files: [] }));
  for (const file of [...files].sort((a, b) => size(b) - size(a))) {
    const smallest = groups.reduce((a, b) => (b.size < a.size ? b : a));
    smallest.files.push(file);
    smallest.size += size(file);
  }
  return groups.sort((a, b) => b.size - a.size).map((group) => group.files);
}

/** Runs test/guest/guest to its end. */
function ended(args, output = "pipe") {
  const child = spawn(guest, args, { cwd: project, stdio: ["ignore", output, output] });
  let said = "";
  child.stdout?.on("data", (data) => (said += data));
  child.stderr?.on("data", (data) => (said += data));
  return new Promise((done) => {
    child.once("error", (error) => done({ status: null, said: error.message }));
    child.once("close", (status) => done({ status, said }));
  });
}

const total = { stats: { tests: 0, passes: 0, failures: 0, pending: 0 }, tests: [] };
function count(report, prefix) {
  for (const kind of Object.keys(total.stats)) total.stats[kind] += report.stats[kind];
  for (const test of report.tests) total.tests.push({ ...test, fullTitle: `${prefix}: ${test.fullTitle}` });
}
function finish() {
  if (process.env.TEST_REPORT) writeFileSync(process.env.TEST_REPORT, JSON.stringify(total, null, 2));
  process.exit(total.stats.failures > 0 ? 1 : 0);
}
function skip(reason) {
  console.log(`    - the guest's tests, all of them: ${reason}`);
  count({ stats: { tests: 1, passes: 0, failures: 0, pending: 1 }, tests: [{ fullTitle: reason }] }, "skipped");
  finish();
}

/** One mocha in a guest. What it did not report has failed. */
async function work(name, job) {
  const report = join(reports, `${job.user}-${basename(job.files[0], ".test.ts")}.json`);
  writeFileSync(join(project, report), "");
  chmodSync(join(project, report), 0o666);
  const began = Date.now();
  const environment = ["env", "CI=true", `TEST_REPORT=/work/${report}`, `TEST_SLOWNESS=${SLOWNESS}`];
  const mocha = ["node_modules/.bin/mocha", "--exit", "--forbid-only", "--reporter", "scripts/reporter.cjs", ...job.files];
  const { status, said } = await ended(["exec", "--name", name, "--user", job.user, "--timeout", String(JOB_LIMIT_S), "--", ...environment, ...mocha]);
  console.log(`\n-- ${name}, as ${job.user}, ${((Date.now() - began) / 1000).toFixed(0)} s: ${job.files.join(" ")}\n${said}`);
  const text = existsSync(join(project, report)) ? readFileSync(join(project, report), "utf8") : "";
  if (text === "") return count({ stats: { tests: 1, passes: 0, failures: 1, pending: 0 }, tests: [{ fullTitle: `no report; exit status ${status}` }] }, job.files.join(" "));
  const result = JSON.parse(text);
  count(result, `as ${job.user}`);
  if (status !== 0 && result.stats.failures === 0) count({ stats: { tests: 1, passes: 0, failures: 1, pending: 0 }, tests: [{ fullTitle: `exit status ${status}` }] }, job.files.join(" "));
}

const wanted = process.argv.slice(2);
const files = wanted.length > 0 ? wanted : [...tests("test/system", () => true), ...tests("test/clients", (name) => /podman/.test(name))];
const built = spawnSync(guest, ["build"], { cwd: project, stdio: ["ignore", "inherit", "pipe"], encoding: "utf8" });
process.stderr.write(built.stderr);
if (built.status === NO_GUEST) skip(built.stderr.trim().split("\n").at(-1) ?? "");

rmSync(join(project, reports), { recursive: true, force: true });
mkdirSync(join(project, reports), { recursive: true });
const guests = Array.from({ length: Math.min(availableParallelism(), 2) }, (_, i) => `test-${process.pid}-${i}`);
const jobs = [
  ...dealt(files.filter((file) => !unprivileged(basename(file))), 3 * guests.length).map((group) => ({ user: "root", files: group })),
  ...dealt(files.filter((file) => unprivileged(basename(file))), 1).map((group) => ({ user: "tester", files: group })),
];

process.once("exit", () => guests.forEach((name) => spawnSync(guest, ["stop", "--name", name])));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const reasons = [];
await Promise.all(guests.map(async (name) => {
  const { status, said } = await ended(["start", "--name", name]);
  process.stderr.write(said);
  if (status !== 0) return reasons.push(said.trim().split("\n").at(-1) ?? "");
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await work(name, job);
}));
if (reasons.length === guests.length) skip(reasons[0]);
finish();
