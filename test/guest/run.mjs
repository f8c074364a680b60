// Runs the tests that want another host in guests of test/guest/guest, and adds up what they say. The report is that of mocha:
// TEST_REPORT=FILE node test/guest/run.mjs [FILE…]. A machine that can have no guest skips all of it, with the reason.
//
// The guests have one processor each, so there are as many as this machine has processors, two at most, each on another one; they share out the jobs.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const project = resolve(here, "../..");
const guest = join(here, "guest");
const reports = "build/test/guest"; // below the project, here and there
const NO_GUEST = 125;
const LAST_BEGIN_S = 1200; // what has not begun by then is not tried: the machine is too busy
const JOB_LIMIT_S = 540;
const SLOWNESS = 8; // patience of the tests, compared to this machine's

/** Says nothing that another kernel could change, or takes aim at moments of a fast machine. */
const NOT_HERE = ["badinput.test.ts", "cli.test.ts", "flags.test.ts", "input.test.ts", "killed.test.ts"];
/** What the guest is there for comes first. */
const FIRST = /^(cgroup|lsm|systemd|rootless|podman-|update|events|pause|ps)/;
/** Runs as the user `tester` as well. */
const ALSO_UNPRIVILEGED = ["podman-managers.test.ts", "systemd-user.test.ts"];
/** Runs in guests that are booted in another way as well. */
const ALSO_BOOTED = {
  "--cgroups v1": ["systemd.test.ts", "limits.test.ts", "update.test.ts"],
  "--security selinux": ["lsm.test.ts"],
};

const tests = (folder, wanted) =>
  readdirSync(join(project, folder))
    .filter((name) => name.endsWith(".test.ts") && wanted(name))
    .map((name) => join(folder, name));

/** Those that we may use. */
const processors = /^Cpus_allowed_list:\s*(.*)$/m
  .exec(readFileSync("/proc/self/status", "utf8"))[1]
  .split(",")
  .flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });

/** Runs test/guest/guest to its end, on one processor where one is given: a guest takes one of those that who starts it may use. */
function ended(args, processor) {
  const words = [...(processor === undefined ? [] : ["taskset", "--cpu-list", String(processor)]), guest, ...args];
  const child = spawn(words[0], words.slice(1), { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
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
function skip(reason, files = 1) {
  console.log(`\n    - SKIPPED in the guest: ${reason}`);
  count({ stats: { tests: files, passes: 0, failures: 0, pending: files }, tests: [{ fullTitle: reason }] }, "skipped");
  finish();
}

/** One mocha in a guest. What it did not report has failed. Gives the exit status. */
async function work(name, job) {
  const as = `as ${job.user}${job.boot === "" ? "" : `, ${job.boot.slice(2)}`}`;
  const report = join(reports, `${as.replaceAll(/\W+/g, "-")}-${basename(job.file, ".test.ts")}.json`);
  writeFileSync(join(project, report), "");
  chmodSync(join(project, report), 0o666);
  const from = Date.now();
  const environment = ["env", "CI=true", `TEST_REPORT=/work/${report}`, `TEST_SLOWNESS=${SLOWNESS}`];
  const mocha = ["node_modules/.bin/mocha", "--exit", "--forbid-only", "--reporter", "scripts/reporter.cjs", job.file];
  const { status, said } = await ended([
    "exec",
    "--name",
    name,
    "--user",
    job.user,
    "--timeout",
    String(JOB_LIMIT_S),
    "--",
    ...environment,
    ...mocha,
  ]);
  console.log(`\n-- ${name}, ${as}, ${((Date.now() - from) / 1000).toFixed(0)} s: ${job.file}\n${said}`);
  let result;
  try {
    result = JSON.parse(readFileSync(join(project, report), "utf8"));
  } catch {
    count(
      {
        stats: { tests: 1, passes: 0, failures: 1, pending: 0 },
        tests: [{ fullTitle: "its report", err: { message: `no report; exit status ${status}` } }],
      },
      job.file,
    );
    return status;
  }
  count(result, as);
  if (status !== 0 && result.stats.failures === 0)
    count(
      {
        stats: { tests: 1, passes: 0, failures: 1, pending: 0 },
        tests: [{ fullTitle: "its end", err: { message: `exit status ${status}` } }],
      },
      job.file,
    );
  return status;
}

const wanted = process.argv.slice(2);
const files =
  wanted.length > 0
    ? wanted
    : [
        ...tests("test/system", (name) => !NOT_HERE.includes(name)),
        ...tests("test/clients", (name) => name.startsWith("podman")),
      ];
const size = (file) => statSync(join(project, file)).size;
const rank = (file) => (FIRST.test(basename(file)) ? 1e9 : 0) + size(file);
files.sort((a, b) => rank(b) - rank(a));
const built = spawnSync(guest, ["build"], { cwd: project, stdio: ["ignore", "inherit", "pipe"], encoding: "utf8" });
process.stderr.write(built.stderr);
if (built.status === NO_GUEST) skip(built.stderr.trim().split("\n").at(-1) ?? "");

rmSync(join(project, reports), { recursive: true, force: true });
mkdirSync(join(project, reports), { recursive: true });
const guests = Array.from({ length: Math.min(processors.length, 2) }, (_, i) => `test-${process.pid}-${i}`);
const jobs = [
  ...files.flatMap((file) =>
    (ALSO_UNPRIVILEGED.includes(basename(file)) ? ["root", "tester"] : ["root"]).map((user) => ({
      user,
      boot: "",
      file,
    })),
  ),
  ...Object.entries(ALSO_BOOTED).flatMap(([boot, names]) =>
    files.filter((file) => names.includes(basename(file))).map((file) => ({ user: "root", boot, file })),
  ),
];
const began = performance.now();

process.once("exit", () => guests.forEach((name) => spawnSync(guest, ["stop", "--name", name])));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const reasons = [];
await Promise.all(
  guests.map(async (name, i) => {
    let booted;
    while (jobs.length > 0 && performance.now() - began < LAST_BEGIN_S * 1000) {
      const job = jobs.shift();
      if (job.boot !== booted) {
        booted = job.boot;
        await ended(["stop", "--name", name]);
        const { status, said } = await ended(
          ["start", "--name", name, ...booted.split(" ").filter(Boolean)],
          processors[i],
        );
        process.stderr.write(said);
        if (status !== 0) {
          jobs.unshift(job);
          return reasons.push(said.trim().split("\n").at(-1) ?? "");
        }
      }
      if ((await work(name, job)) === NO_GUEST) booted = undefined; // it is gone: the next job gets another
    }
  }),
);
if (jobs.length > 0)
  skip(reasons[0] ?? `not begun after ${LAST_BEGIN_S} s: ${jobs.map(({ file }) => file).join(" ")}`, jobs.length);
finish();
