// Getting processes into cgroups that are there.

import { O_WRONLY } from "../abi/fcntl.ts";
import { EINVAL, EOPNOTSUPP } from "../abi/errno.ts";
import type { HostPid } from "../base/brand.ts";
import { isErrno, StepError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, writeAll } from "../sys/file.ts";
import { utf8 } from "../sys/memory.ts";
import { sleepMs } from "../sys/time.ts";
import { isV2, writeValue } from "./files.ts";
import type { CgroupPath, CgroupPaths } from "./plan.ts";

/**
 * Moves the calling process, which must have one thread, into the groups.
 * @param inV2 clone3 has put it into the v2 one
 * @param why what names them
 */
export function enterCgroup(paths: CgroupPaths, inV2: boolean, why: string = "/linux/cgroupsPath"): void {
  for (const group of paths) {
    if (isV2(group)) {
      if (!inV2) tolerate(paths, group, () => joinV2(group, "0"), why);
    } else {
      tolerate(paths, group, () => writeValue(`${group.path}/tasks`, "0"), why);
    }
  }
}

/** Files that let in whoever writes "0" into them, and could not open them itself. The caller closes them. */
export function openEntries(paths: CgroupPaths, inV2: boolean): readonly Fd[] {
  const entries: Fd[] = [];
  for (const group of paths) {
    if (isV2(group) && inV2) continue;
    tolerate(paths, group, () =>
      entries.push(openat(null, `${group.path}/${isV2(group) ? "cgroup.procs" : "tasks"}`, O_WRONLY)),
    );
  }
  return entries;
}

/** The calling process, which must have one thread, goes where the files lead. */
export function enterByEntries(entries: readonly Fd[]): void {
  for (const entry of entries) {
    writeAll(entry, utf8("0"), "a cgroup's list of processes");
    entry[Symbol.dispose]();
  }
}

/** Moves another process with all its threads into the groups. Takes milliseconds: enterCgroup does not. */
export function joinCgroup(paths: CgroupPaths, pid: HostPid): void {
  for (const group of paths) tolerate(paths, group, () => joinV2(group, String(pid)));
}

/** [kernel] EINVAL for a process that is still being made: it goes away. */
const TRIES = 5;
const PAUSE_MS = 30;

function joinV2(group: CgroupPath, pid: string): void {
  const file = `${group.path}/cgroup.procs`;
  for (let tries = 1; ; tries++) {
    try {
      return writeValue(file, pid);
    } catch (error) {
      if (isErrno(error, EOPNOTSUPP) && isV2(group) && tries === 1) {
        writeValue(`${group.path}/cgroup.type`, "threaded"); // [kernel] below a threaded cgroup only threaded ones take processes
        continue;
      }
      if (!isErrno(error, EINVAL) || tries === TRIES || pid === "0") throw error;
      sleepMs(PAUSE_MS);
    }
  }
}

function tolerate(paths: CgroupPaths, group: CgroupPath, act: () => void, why: string = "/linux/cgroupsPath"): void {
  try {
    act();
  } catch (error) {
    const name = group.controllers[0];
    const onlyNames = name === "name=systemd" || name === "misc" || (name === "" && paths.length > 1);
    if (!onlyNames) throw new StepError(`join cgroup ${group.path}`, error, why);
  }
}
