// Renews scripts/hot.txt: what the life of a container changes of the engine's heap. As root, with perf.
//
//   node scripts/profile.mjs --program build/profile/tsrun --blocks build/profile/blocks.json
//
// In that program every block has pages of its own, so a page that is written to for the first time is a block that is. The list may be old: what is
// missing in it costs a page that is copied, no more.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({ options: { program: { type: "string" }, blocks: { type: "string" } } });
const PLACE = 0x3000_0000; // host/heap.ld
const PAGE = 4096;
const MOST_OF_A_NAME = 2; // a name that many blocks have is worth its place when half of them are
const WRITE = 2; // of the error code of a page fault

const program = resolve(options.program);
const scratch = mkdtempSync(join(tmpdir(), "tsrun-profile-"));
const names = new Map();
for (const { at, end, name } of JSON.parse(readFileSync(options.blocks, "utf8")))
  for (let page = Math.floor((PLACE + at) / PAGE); page * PAGE < PLACE + end; page++) names.set(page, name);
const hot = new Set(); // pages

/** @param output "ignore" where a container stays, which would keep a pipe open */
function must(command, args, output = "pipe") {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", output, output],
    maxBuffer: 2 ** 28,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr ?? status}`);
  return stdout;
}

function tally(words) {
  const times = new Map();
  for (const word of words) if (word !== undefined) times.set(word, (times.get(word) ?? 0) + 1);
  return times;
}

const asRootInside = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function bundle(name, args, inUserNamespace = false) {
  const directory = join(scratch, name);
  mkdirSync(directory);
  must(program, ["spec", "--bundle", directory]);
  const file = join(directory, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  Object.assign(config.process, { terminal: false, args });
  config.root.path = resolve(here, "../build/rootfs");
  if (inUserNamespace) {
    config.linux.namespaces.push({ type: "user" });
    Object.assign(config.linux, { uidMappings: asRootInside, gidMappings: asRootInside });
  }
  writeFileSync(file, JSON.stringify(config));
  return directory;
}

function profile(...args) {
  const record = join(scratch, "perf.data");
  must(
    "perf",
    [
      "record",
      "-q",
      "-o",
      record,
      "-e",
      "exceptions:page_fault_user",
      program,
      "--root",
      join(scratch, "state"),
      ...args,
    ],
    "ignore",
  );
  for (const [, address, code] of must("perf", ["script", "-i", record, "-F", "trace"]).matchAll(
    /address=(0x[0-9a-f]+) .*error_code=(0x[0-9a-f]+)/g,
  )) {
    const page = Math.floor(Number(address) / PAGE);
    if (Number(code) & WRITE && names.has(page)) hot.add(page);
  }
}

try {
  must(join(here, "../bundles/make-rootfs"), []);
  const [stays, ends, maps] = [
    bundle("stays", ["/bin/sleep", "100000"]),
    bundle("ends", ["/bin/true"]),
    bundle("maps", ["/bin/true"], true),
  ];
  profile("--version");
  profile("run", "--bundle", ends, "a");
  profile("run", "--bundle", maps, "a");
  profile("create", "--bundle", stays, "b");
  for (const words of ["start b", "state b", "list", "exec b /bin/true", "kill b KILL"]) profile(...words.split(" "));
  for (let tries = 0; !must(program, ["--root", join(scratch, "state"), "state", "b"]).includes('"stopped"'); tries++)
    if (tries > 1000) throw new Error("it does not die");
  profile("delete", "b");
  const all = tally([...names.values()]);
  const touched = [...tally([...hot].map((page) => names.get(page)))]
    .filter(([name, times]) => times >= all.get(name) / MOST_OF_A_NAME)
    .map(([name]) => name);
  writeFileSync(join(here, "hot.txt"), `${touched.sort().join("\n")}\n`);
  console.log(`${touched.length} names`);
} finally {
  spawnSync(program, ["--root", join(scratch, "state"), "delete", "--force", "b"]);
  rmSync(scratch, { recursive: true, force: true });
}
