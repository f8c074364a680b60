// The benchmark: tsrun beside crun, runc and a floor in C, all in one run on one machine.
//
//   node test/bench/bench.mjs [--quick] [--iterations N] [--only MEASURE]… [--view v1|v2] [--tsrun PATH] [--json FILE]
//
// MEASURE: version, state, list (of 1000 containers), run, cycle, exec, create and delete with limits (limits), run again with docker's default
// config.json (docker), with 200 binds (mounts), in a user namespace (userns) and as a user without rights (rootless), and what a created
// container has in memory (memory). Prints a table and writes build/bench.json.
// Every round runs every program once per measure, in an order drawn anew each time, so that no program has the
// quiet minute to itself. Where the host has v1 cgroups all of it happens in one private view (scripts/private-view):
// crun refuses the hybrid layout, and nothing is left behind. --view v2 is one of v2 without controllers, where no container has limits:
// none of devices either, which crun can set there only with CAP_SYS_RESOURCE. There is no assertion on time here.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { dockerConfig, limitsConfig, mountsConfig, rootlessConfig, usernsConfig } from "./cases.mjs";
import { chargedBytes, smallestLimit } from "./memory.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const project = resolve(here, "../..");
const WARM_UP_ROUNDS = 2;
const MEASURES = [
  "version",
  "state",
  "list",
  "run",
  "cycle",
  "exec",
  "limits",
  "docker",
  "mounts",
  "userns",
  "rootless",
  "memory",
];
/** Measures that are the sum of several calls. */
const SUMS = { cycle: ["create", "start", "kill", "delete"], limits: ["create with limits", "delete --force"] };
const LISTED = 1000;
const TMPFS_MAGIC = 0x01021994;
const USER = 54_321; // nobody's id on any host that we know of

/** A sentence for the user instead of a stack trace. */
class Refusal extends Error {}

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    iterations: { type: "string" },
    only: { type: "string", multiple: true, default: MEASURES },
    view: { type: "string", default: "v1" },
    tsrun: { type: "string", default: join(project, "build/tsrun") },
    json: { type: "string", default: join(project, "build/bench.json") },
    "in-view": { type: "boolean", default: false },
  },
});

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const rounds = Number(options.iterations ?? (options.quick ? 5 : 50));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Refusal(`--iterations wants a positive number`);
  for (const name of options.only) {
    if (!MEASURES.includes(name)) throw new Refusal(`no measure "${name}": there are ${MEASURES.join(", ")}`);
  }
  if (!["v1", "v2"].includes(options.view)) throw new Refusal("--view is v1 or v2");
  if (process.getuid() !== 0) throw new Refusal("must run as root: it makes containers");
  if (!options["in-view"] && /^\d+:[^:]+:/m.test(readFileSync("/proc/self/cgroup", "utf8"))) return enterView();

  if (isWithoutLimits()) options.only = options.only.filter((name) => !["limits", "memory"].includes(name));
  const tools = compileTools();
  const rootfs = makeRootfs();
  const scratch = mkdtempSync(join(tmpdir(), "tsrun-bench-"));
  const states = mkdtempSync(join(inMemory(), "tsrun-bench-"));
  for (const directory of [scratch, states]) chmodSync(directory, 0o755);
  const runtimes = findRuntimes(scratch, states, rootfs);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort());
  try {
    const schedule = join(scratch, "schedule");
    writeFileSync(
      schedule,
      makeSchedule(runtimes, tools, rootfs, rounds)
        .map((words) => words.join("\t") + "\n")
        .join(""),
    );
    if (options.only.includes("list")) for (const runtime of runtimes) fillList(runtime);
    const samples = await runSchedule(tools.measure, schedule, join(scratch, "stderr"), stop.signal);
    const rows = tabulate(samples, runtimes);
    printTable(rows, rounds);
    if (options.only.includes("memory")) printMemory(runtimes);
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, JSON.stringify(rows, null, 2) + "\n");
    return 0;
  } finally {
    for (const runtime of runtimes) {
      for (const id of Object.values(runtime.ids))
        spawnSync(runtime.path, [...runtime.globals, "delete", "--force", id]);
      if (options.only.includes("rootless"))
        spawnSync(runtime.path, [...runtime.own, "delete", "--force", runtime.ids.run]);
    }
    for (const directory of [scratch, states]) rmSync(directory, { recursive: true, force: true });
  }
}

/** Where state directories lie: in memory, as /run does, whatever this machine has for it. */
function inMemory() {
  const found = ["/run", "/dev/shm"].find(
    (directory) => existsSync(directory) && statfsSync(directory).type === TMPFS_MAGIC,
  );
  if (found === undefined)
    console.error("bench: neither /run nor /dev/shm is in memory: the disk has a share in what is measured");
  return found ?? tmpdir();
}

function isWithoutLimits() {
  return options["in-view"] && options.view === "v2";
}

/** Runs this program again in a private view of the v1 hierarchies, or of v2. */
function enterView() {
  const command = [
    options.view,
    "--",
    process.execPath,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
    "--in-view",
  ];
  // The view's own process forwards the signals that concern it; this one only waits for its exit status.
  return new Promise((done, fail) => {
    const view = spawn(join(project, "scripts/private-view"), command, { stdio: "inherit" });
    process.on("SIGINT", () => {});
    for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => view.kill(signal));
    view.on("error", fail);
    view.on("exit", (status) => done(status ?? 1));
  });
}

function compileTools() {
  const target = join(project, "build/bench");
  mkdirSync(target, { recursive: true });
  const tools = {};
  for (const [name, flags] of [
    ["measure", ["-static"]],
    ["floor", ["-static"]],
    ["empty", []],
  ]) {
    tools[name] = join(target, name);
    must("gcc", ["-O2", "-Wall", "-Wextra", ...flags, "-o", tools[name], join(here, `${name}.c`)]);
  }
  return tools;
}

function makeRootfs() {
  must(join(project, "bundles/make-rootfs"), []);
  return join(project, "build/rootfs");
}

/** The runtimes that are there, each with a bundle of its own `spec` in `scratch` and a state directory of its own in `states`. */
function findRuntimes(scratch, states, rootfs) {
  const runtimes = [];
  for (const [name, path] of [
    ["tsrun", resolve(options.tsrun)],
    ["crun", inPath("crun")],
    ["runc", inPath("runc")],
  ]) {
    if (path === undefined || !isExecutable(path)) {
      console.error(`bench: ${name} is not there${path === undefined ? "" : ` (${path})`}: measured without it`);
      continue;
    }
    const globals = ["--root", join(states, name, "state")];
    const bundles = {};
    const kinds = [
      ["run", ["/bin/true"], (config) => config],
      ["stay", ["/bin/sleep", "100000"], (config) => config],
      ["docker", ["/bin/true"], (config, bundle) => dockerConfig(config, join(bundle, "etc"))],
      ["mounts", ["/bin/true"], (config, bundle) => mountsConfig(config, join(bundle, "volume"))],
      ["limits", ["/bin/sleep", "100000"], limitsConfig],
      ["userns", ["/bin/true"], usernsConfig],
      ["rootless", ["/bin/true"], (config) => rootlessConfig(config, USER)],
    ];
    for (const [kind, args, change] of kinds) {
      if (!["run", "stay"].includes(kind) && !options.only.includes(kind)) continue;
      const bundle = join(scratch, name, kind);
      mkdirSync(bundle, { recursive: true });
      must(path, ["spec"], { cwd: bundle });
      const file = join(bundle, "config.json");
      const config = JSON.parse(readFileSync(file, "utf8"));
      config.process.terminal = false;
      config.process.args = args;
      config.root.path = rootfs;
      const changed = change(config, bundle);
      if (isWithoutLimits()) changed.linux.resources = { devices: [{ allow: true, access: "rwm" }] };
      writeFileSync(file, JSON.stringify(changed));
      bundles[kind] = bundle;
    }
    const ids = {
      run: `bench-${name}-run`,
      stay: `bench-${name}-stay`,
      cycle: `bench-${name}-cycle`,
      listed: `bench-${name}-listed`,
    };
    const ownRoot = join(states, name, "own");
    mkdirSync(ownRoot, { recursive: true });
    chownSync(ownRoot, USER, USER);
    // crun does not go on without its cgroup, which the user is not allowed to make; the others do.
    const own = ["--root", ownRoot, ...(name === "crun" ? ["--cgroup-manager", "disabled"] : [])];
    const hasExec = spawnSync(path, ["exec", "--help"]).status === 0;
    if (!hasExec) console.error(`bench: ${name} has no exec: that measure is left out for it`);
    const version = /version\s+(\S+)/.exec(must(path, ["--version"]))?.[1] ?? "?";
    runtimes.push({
      name,
      path,
      version,
      globals,
      own,
      many: join(states, name, "many"),
      bundles,
      ids,
      hasExec,
      pidFile: join(scratch, name, "pid"),
    });
  }
  return runtimes;
}

/** A state directory with many containers: one that runs, and what is known of it under other names. */
function fillList({ path, globals, bundles, ids, many }) {
  const alone = { stdio: "ignore" }; // its init would keep a pipe open
  must(path, [...globals, "create", "--bundle", bundles.stay, ids.listed], alone);
  must(path, [...globals, "start", ids.listed], alone);
  const from = join(globals[1], ids.listed);
  for (let i = 0; i < LISTED; i++) {
    const id = `${ids.listed}-${i}`;
    mkdirSync(join(many, id), { recursive: true });
    for (const file of readdirSync(from)) {
      if (!lstatSync(join(from, file)).isFile()) continue;
      if (file === "config.json") copyFileSync(join(from, file), join(many, id, file));
      else writeFileSync(join(many, id, file), readFileSync(join(from, file), "utf8").replaceAll(ids.listed, id));
    }
  }
}

/** All lines for the launcher; a tag is "measure/program/round". */
function makeSchedule(runtimes, tools, rootfs, rounds) {
  const random = makeRandom(1);
  const lines = [];
  const stays = options.only.includes("state") || options.only.includes("exec");
  if (stays) {
    for (const r of runtimes) {
      lines.push(["do", r.path, ...r.globals, "create", "--bundle", r.bundles.stay, r.ids.stay]);
      lines.push(["do", r.path, ...r.globals, "start", r.ids.stay]);
    }
  }
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const suffix = round < 0 ? "warm-up" : String(round);
    for (const measure of options.only) {
      for (const cell of shuffle(cellsOf(measure, runtimes, tools, rootfs), random)) lines.push(...cell(suffix));
    }
  }
  if (stays) for (const r of runtimes) lines.push(["try", r.path, ...r.globals, "delete", "--force", r.ids.stay]);
  return lines;
}

/** What one round of a measure consists of: per program a function from the tag's end to its lines. */
function cellsOf(measure, runtimes, tools, rootfs) {
  const timed =
    (name, ...command) =>
    (suffix) => [["time", `${measure}/${name}/${suffix}`, ...command]];
  const each = (words) => runtimes.map((r) => timed(r.name, r.path, ...r.globals, ...words(r)));
  switch (measure) {
    case "version":
      return [timed("floor", tools.empty), ...runtimes.map((r) => timed(r.name, r.path, "--version"))];
    case "state":
      return each((r) => ["state", r.ids.stay]);
    case "exec":
      return runtimes
        .filter((r) => r.hasExec)
        .map((r) => timed(r.name, r.path, ...r.globals, "exec", r.ids.stay, "/bin/true"));
    case "run":
      return [
        timed("floor", tools.floor, rootfs, "bench-floor", "/bin/true"),
        timed("floor-no-cgroup", tools.floor, "--no-cgroup", rootfs, "bench-floor", "/bin/true"),
        ...each((r) => ["run", "--bundle", r.bundles.run, r.ids.run]),
      ];
    case "list":
      return runtimes.map((r) => timed(r.name, r.path, "--root", r.many, "list"));
    case "rootless":
      return runtimes.map((r) => (suffix) => [
        [
          "time-as",
          String(USER),
          `rootless/${r.name}/${suffix}`,
          r.path,
          ...r.own,
          "run",
          "--bundle",
          r.bundles.rootless,
          r.ids.run,
        ],
      ]);
    case "limits":
      return runtimes.map((r) => (suffix) => [
        [
          "time",
          `${SUMS.limits[0]}/${r.name}/${suffix}`,
          r.path,
          ...r.globals,
          "create",
          "--bundle",
          r.bundles.limits,
          r.ids.cycle,
        ],
        ["time", `${SUMS.limits[1]}/${r.name}/${suffix}`, r.path, ...r.globals, "delete", "--force", r.ids.cycle],
      ]);
    case "docker":
    case "mounts":
    case "userns":
      return each((r) => ["run", "--bundle", r.bundles[measure], r.ids.run]);
    case "cycle":
      return runtimes.map((r) => (suffix) => {
        const time = (verb, ...words) => ["time", `${verb}/${r.name}/${suffix}`, r.path, ...r.globals, verb, ...words];
        return [
          time("create", "--bundle", r.bundles.stay, "--pid-file", r.pidFile, r.ids.cycle),
          time("start", r.ids.cycle),
          time("kill", r.ids.cycle, "KILL"),
          ["gone", r.pidFile],
          time("delete", r.ids.cycle),
          ["remove", r.pidFile],
        ];
      });
    case "memory":
      return [];
  }
}

/** Feeds the launcher; resolves to a map from "measure/program" to samples by round. */
function runSchedule(launcher, schedule, stderrFile, signal) {
  return new Promise((done, fail) => {
    const child = spawn("/bin/sh", ["-c", 'exec "$0" "$1" <"$2"', launcher, stderrFile, schedule], {
      stdio: ["ignore", "pipe", "inherit"],
      signal,
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    child.on("error", () => fail(new Refusal("interrupted")));
    child.on("close", (status, killedBy) => {
      if (killedBy !== null) return fail(new Refusal("interrupted"));
      if (status !== 0) return fail(new Refusal("a measured command failed"));
      const samples = new Map();
      for (const line of text.trim().split("\n")) {
        const [, tag, wallNs, peakKb] = /^(.*) (\d+) (\d+)$/.exec(line);
        const [measure, program, round] = tag.split("/");
        if (round === "warm-up") continue;
        const key = `${measure}/${program}`;
        if (!samples.has(key)) samples.set(key, []);
        samples.get(key).push({ ms: Number(wallNs) / 1e6, peakKb: Number(peakKb) });
      }
      done(samples);
    });
  });
}

/** The rows of the table, sums of several calls per round besides. */
function tabulate(samples, runtimes) {
  for (const [measure, verbs] of Object.entries(SUMS)) {
    for (const { name } of runtimes) {
      const calls = verbs.map((verb) => samples.get(`${verb}/${name}`));
      if (calls.includes(undefined)) continue;
      const sums = calls[0].map((_, i) => ({
        ms: calls.reduce((sum, call) => sum + call[i].ms, 0),
        peakKb: Math.max(...calls.map((call) => call[i].peakKb)),
      }));
      samples.set(`${measure}/${name}`, sums);
    }
  }
  const versions = new Map(runtimes.map((r) => [r.name, r.version]));
  const measures = [
    "version",
    "state",
    "list",
    "run",
    "docker",
    "mounts",
    "userns",
    "rootless",
    "cycle",
    ...SUMS.cycle,
    "limits",
    ...SUMS.limits,
    "exec",
  ];
  const programs = ["tsrun", "crun", "runc", "floor", "floor-no-cgroup"];
  const rows = [];
  for (const measure of measures) {
    const medianOf = (program) => {
      const found = samples.get(`${measure}/${program}`);
      return found === undefined
        ? undefined
        : quantile(
            found.map((s) => s.ms),
            0.5,
          );
    };
    for (const program of programs) {
      const found = samples.get(`${measure}/${program}`);
      if (found === undefined) continue;
      const times = found.map((s) => s.ms);
      const median = quantile(times, 0.5);
      rows.push({
        measure,
        program,
        version: versions.get(program) ?? "",
        median_ms: rounded(median, 3),
        p10: rounded(quantile(times, 0.1), 3),
        p90: rounded(quantile(times, 0.9), 3),
        ratio_to_crun: ratio(median, medianOf("crun")),
        ratio_to_floor: ratio(median, medianOf("floor")),
        peak_kb: Math.round(
          quantile(
            found.map((s) => s.peakKb),
            0.5,
          ),
        ),
        n: found.length,
      });
    }
  }
  return rows;
}

function printTable(rows, rounds) {
  const heads = ["measure", "program", "median ms", "p10", "p90", "x crun", "x floor", "peak MiB", "n"];
  const cells = rows.map((r) => [
    r.measure,
    `${r.program} ${r.version}`.trim(),
    r.median_ms.toFixed(2),
    r.p10.toFixed(2),
    r.p90.toFixed(2),
    r.ratio_to_crun?.toFixed(2) ?? "-",
    r.ratio_to_floor?.toFixed(2) ?? "-",
    (r.peak_kb / 1024).toFixed(1),
    String(r.n),
  ]);
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i].length)));
  const line = (row) => row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  const layout = options["in-view"] ? `cgroup ${options.view} (private view)` : "the host's cgroups";
  console.log(
    `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${layout}, ${rounds} interleaved rounds`,
  );
  console.log(line(heads));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  let previous = rows[0]?.measure;
  for (const [i, row] of cells.entries()) {
    if (rows[i].measure !== previous) console.log();
    previous = rows[i].measure;
    console.log(line(row));
  }
}

function printMemory(runtimes) {
  console.log("\nmemory of the container's own cgroup");
  for (const { name, version, path, globals, bundles } of runtimes) {
    // A created container keeps the streams that it was given: not a pipe that we read to its end.
    const runtime = (...words) =>
      spawnSync(path, [...globals, ...words], {
        encoding: "utf8",
        stdio: ["ignore", words[0] === "state" ? "pipe" : "ignore", "ignore"],
      });
    const charged = chargedBytes(runtime, bundles.stay, `bench-${name}-memory`);
    const smallest = smallestLimit(runtime, bundles.run, `bench-${name}-memory`);
    const kb = (bytes) => (bytes === undefined ? "no memory controller" : `${Math.ceil(bytes / 1024)} KiB`);
    console.log(
      `${`${name} ${version}`.padEnd(14)}  between create and start: ${kb(charged)}; smallest limit with which /bin/true runs: ${kb(smallest)}`,
    );
  }
}

/** The value below which the share `q` of the samples lies, interpolated. */
function quantile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

function ratio(value, base) {
  return base === undefined ? null : rounded(value / base, 2);
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

/** Park and Miller's generator: the same orders in every run of the benchmark. */
function makeRandom(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function shuffle(items, random) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

function must(program, words, settings = {}) {
  const outcome = spawnSync(program, words, { encoding: "utf8", ...settings });
  if (outcome.error !== undefined) throw new Refusal(`${program}: ${outcome.error.message}`);
  if (outcome.status !== 0) throw new Refusal(`${program} ${words.join(" ")} failed:\n${outcome.stderr}`);
  return outcome.stdout;
}

function inPath(name) {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
