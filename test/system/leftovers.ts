// What a container can leave behind on the host: mounts, cgroups, processes, state, network namespaces. Only what bears one of
// our names counts, so that other work on the machine disturbs nothing.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** What our containers are known by: their ids begin with `prefix`, their files lie below `directory`, our processes' environment has `token`. */
export type Mark = { readonly prefix: string; readonly directory: string; readonly token: string };

/** For a file of /proc or a directory that may be gone by the time it is read. */
function tolerate<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

export function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function mounts({ prefix, directory }: Mark): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(directory) || line.includes(prefix));
}

/** The mount points of all cgroup hierarchies. */
export function hierarchies(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "");
}

/** Every cgroup directory with a name of ours. */
export function cgroups({ prefix }: Pick<Mark, "prefix">): string[] {
  const found: string[] = [];
  const visit = (directory: string): void => {
    for (const entry of tolerate(() => readdirSync(directory, { withFileTypes: true }), [])) {
      if (!entry.isDirectory()) continue;
      if (entry.name.includes(prefix)) found.push(join(directory, entry.name));
      visit(join(directory, entry.name));
    }
  };
  for (const mountPoint of hierarchies()) visit(mountPoint);
  return found;
}

/** Processes of ours, but not this one; zombies only when they are our own children: those of pid 1 are its business. */
export function processes({ prefix, directory, token }: Mark): string[] {
  const read = (pid: string, file: string): string => tolerate(() => readFileSync(`/proc/${pid}/${file}`, "utf8"), "");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const stat = read(pid, "stat");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const command = read(pid, "cmdline").replaceAll("\0", " ").trim();
      if (state === "Z") return parent === String(process.pid) ? [`${pid} zombie ${stat.slice(0, 40)}`] : [];
      const ours =
        read(pid, "environ").includes(token) || command.includes(directory) || read(pid, "cgroup").includes(prefix);
      return ours ? [`${pid} (${state}, parent ${parent}) ${command}`] : [];
    });
}

/** Network namespaces that a bind mount keeps and no process; below /run others keep theirs, and we never do. */
function networkNamespaces(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(" - nsfs ") && line.includes(" net:[") && !/ \/(var\/)?run\//.test(line));
}

/** What is a property of the host and no container may change. */
function host(): object {
  const links = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"].map((name) =>
    tolerate(() => readlinkSync(`/proc/self/ns/${name}`), `no ${name} namespaces`),
  );
  const { uid, gid, mode, rdev } = statSync("/dev/null");
  return {
    null: { uid, gid, mode, rdev }, // whose standard streams are handed over may own it for ever after
    names: ["hostname", "domainname", "shmmax", "msgmax"].map((name) =>
      readFileSync(`/proc/sys/kernel/${name}`, "utf8"),
    ),
    links,
    namespaces: networkNamespaces(),
  };
}

export type Snapshot = { readonly host: object };

export function hostSnapshot(): Snapshot {
  return { host: host() };
}

/** What there is of ours. Containers end by themselves, but not at once: `patienceMs` is how long that may take. */
export function leftovers(
  mark: Mark,
  stateRoots: readonly string[],
  patienceMs: number = 5000 * Number(process.env["TEST_SLOWNESS"] ?? 1),
): string[] {
  for (const end = Date.now() + patienceMs; ; sleepMs(20)) {
    const isLast = Date.now() >= end;
    const found = [
      ...mounts(mark).map((line) => `mount: ${line}`),
      ...cgroups(mark).map((path) => `cgroup: ${path}`),
      ...processes(mark).map((line) => `process: ${line}`),
      ...stateRoots.flatMap((root) =>
        tolerate(() => readdirSync(root), [])
          .filter((name) => name !== "@seccomp")
          .map((name) => `state: ${root}/${name}`),
      ),
    ];
    if (found.length === 0 || isLast) return found;
  }
}

/** @throws AssertionError that names whatever was left */
export function assertNothingLeft(mark: Mark, stateRoots: readonly string[], before: Snapshot): void {
  assert.deepEqual(leftovers(mark, stateRoots), [], "left on the host");
  assert.deepEqual(host(), before.host, "changed on the host");
}
