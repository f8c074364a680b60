// Who is in the container's cgroups, how to signal all of them, and whether memory ran out.

import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { ENODEV, ENOENT, EOPNOTSUPP, ESRCH } from "../abi/errno.ts";
import { SIGKILL } from "../abi/signal.ts";
import { hostPid, type HostPath, type HostPid } from "../base/brand.ts";
import { isErrno, SysError } from "../base/errors.ts";
import { int64, type Int64 } from "../base/int64.ts";
import type { Fd } from "../sys/fd.ts";
import { openatOrErrno, readFile } from "../sys/file.ts";
import { lstatIfThere } from "../sys/stat.ts";
import { kill } from "../sys/process.ts";
import { walkDirectories } from "../sys/walk.ts";
import { freezeCgroup, thawAll, thawCgroup } from "./freezer.ts";
import { isV2, readValue, writeValue } from "./files.ts";
import type { CgroupPath, CgroupPaths } from "./plan.ts";

/** Every process in the groups and below, as we see their numbers. In v1 one hierarchy stands for all. */
export function processes(paths: CgroupPaths): HostPid[] {
  const group =
    paths.find(({ controllers }) => controllers.includes("devices")) ?? paths.find((path) => !isV2(path)) ?? paths[0];
  const pids: HostPid[] = [];
  if (group !== undefined) collect(group.path, pids);
  return pids;
}

function collect(path: string, pids: HostPid[]): void {
  const top = openatOrErrno(null, path, O_RDONLY | O_DIRECTORY);
  if (top === ENOENT || top === ENODEV) return;
  if (typeof top === "number") throw new SysError("openat", top, path);
  walkDirectories(top, {
    before: (directory) => {
      for (const line of readProcesses(directory).split("\n"))
        if (line !== "" && line !== "0") pids.push(hostPid(Number(line))); // 0: outside of our pid namespace
    },
  });
}

function readProcesses(directory: Fd): string {
  try {
    return readFile(directory, "cgroup.procs");
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return ""; // removed while we read: nobody is in it
    if (!isErrno(error, EOPNOTSUPP)) throw error;
    return readFile(directory, "cgroup.threads"); // [kernel] a threaded cgroup tells only these
  }
}

/**
 * Sends the signal to every process. SIGKILL leaves none alive, also those that are being forked meanwhile; a frozen container is thawed.
 */
export function killCgroup(paths: CgroupPaths, signal: number): void {
  const hasFreezer = paths.some(({ controllers }) => controllers.includes("freezer"));
  if (signal === SIGKILL && killAtOnce(paths)) {
    if (paths.length > 1) signalEach(paths, signal); // a hybrid host: who has left the v2 half is still in the others
    if (hasFreezer) thawAll(paths);
    return;
  }
  let stopped = false;
  try {
    freezeCgroup(paths);
    stopped = true;
  } catch {
    // Without a freezer, or with processes that will not freeze, the signal still reaches all that are seen.
  }
  try {
    signalEach(paths, signal);
  } finally {
    if (signal === SIGKILL) thawAll(paths);
    if (stopped) thawCgroup(paths);
  }
}

function signalEach(paths: CgroupPaths, signal: number): void {
  for (const pid of processes(paths)) {
    try {
      kill(pid, signal);
    } catch (error) {
      if (!isErrno(error, ESRCH)) throw error; // ended meanwhile
    }
  }
}

/** [kernel] cgroup.kill, since 5.14. False where it is not, and where nothing is in a v2 cgroup. */
function killAtOnce(paths: CgroupPaths): boolean {
  const group = paths.find(isV2);
  if (group === undefined) return false;
  try {
    writeValue(`${group.path}/cgroup.kill`, "1");
    return true;
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV, EOPNOTSUPP)) return false; // ENODEV: systemd is removing it, for it is empty
    throw error;
  }
}

export type OomKilled = {
  /** How many processes. */
  readonly count: number;
  /** The group in which memory ran out, or one below whose limit did. */
  readonly path: HostPath;
  /** Its limit in bytes; undefined: none of its own, a group above it ran out. */
  readonly limit: Int64 | undefined;
};

/** The group whose memory is accounted, if it is. */
const memoryGroup = (paths: CgroupPaths): CgroupPath | undefined =>
  paths.find(({ controllers }) => controllers.includes("memory")) ??
  (paths.length === 1 ? paths.find(isV2) : undefined);

/** True when nobody can tell any more whether memory ran out: systemd removes a unit's group as soon as that is empty. */
export function isAccountGone(paths: CgroupPaths): boolean {
  const group = memoryGroup(paths);
  return group !== undefined && lstatIfThere(null, group.path) === undefined;
}

/** What the kernel's OOM killer did in the container; undefined when nothing, or when memory is not accounted. */
export function oomKilled(paths: CgroupPaths): OomKilled | undefined {
  const group = memoryGroup(paths);
  if (group === undefined) return undefined;
  const { path } = group;
  try {
    const v2 = isV2(group);
    const count = Number(
      /^oom_kill (\d+)$/m.exec(readValue(`${path}/${v2 ? "memory.events" : "memory.oom_control"}`))?.[1] ?? 0,
    );
    if (count === 0) return undefined;
    return { count, path, limit: parseLimit(readValue(`${path}/${v2 ? "memory.max" : "memory.limit_in_bytes"}`)) };
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return undefined; // no memory controller, or the group is gone
    throw error;
  }
}

/** As one clause of an error. */
export function oomWords({ count, path, limit }: OomKilled): string {
  const whose =
    limit === undefined
      ? `for want of memory above ${path}, which has no limit itself`
      : `at the limit of ${path}, ${limit} bytes`;
  return `the kernel killed ${count} process${count === 1 ? "" : "es"} ${whose}`;
}

/** [kernel] v1 shows "no limit" as the highest multiple of a page. */
const NO_LIMIT = 1n << 62n;

function parseLimit(text: string): Int64 | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const bytes = BigInt(text);
  return bytes > NO_LIMIT ? undefined : int64(bytes);
}
