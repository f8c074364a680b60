// Whether a container is creating, created, running, paused or stopped: derived from the kernel each time, never stored.

import { ENODEV, ENOENT, ESRCH } from "../../abi/errno.ts";
import { isErrno, StateError, StepError } from "../../base/errors.ts";
import { hostPid, type HostPid } from "../../base/brand.ts";
import { frozen } from "../../cgroup/freezer.ts";
import type { Status } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { readFile } from "../../sys/file.ts";
import { readlinkat } from "../../sys/directory.ts";
import { pidfd_open } from "../../sys/process.ts";
import { isAwaited } from "../channel/start-socket.ts";
import { isBeingCreated, type ContainerRecord, type StateDirectory } from "./store.ts";

type ProcStat = { readonly state: string; readonly parent: number; readonly startTime: string };

/** State letter, parent and start time of a process; undefined when there is none. @see proc_pid_stat(5) */
export function procStat(pid: HostPid): ProcStat | undefined {
  try {
    const text = readFile(null, `/proc/${pid}/stat`, 1024);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 20); // the name before it may hold anything
    return { state: fields[0] ?? "", parent: Number(fields[1]), startTime: fields[19] ?? "" };
  } catch (error) {
    if (isErrno(error, ENOENT, ESRCH)) return undefined;
    throw error;
  }
}

/** What the standard streams of a process are, as links of /proc/PID/fd, such as "pipe:[4711]"; "" for one that is closed. */
export const streamsOf = (process: HostPid | "self"): readonly string[] =>
  [0, 1, 2].map((fd) => {
    try {
      return readlinkat(null, `/proc/${process}/fd/${fd}`);
    } catch (error) {
      if (isErrno(error, ENOENT)) return "";
      throw error;
    }
  });

/** True while the record's init lives: the same number, the same start, and not a zombie. */
export function initAlive(record: ContainerRecord): boolean {
  if (record.pid === 0) return false;
  const stat = procStat(hostPid(record.pid));
  return stat !== undefined && stat.startTime === record.startTime && stat.state !== "Z" && stat.state !== "X";
}

/** The record's init behind a descriptor, or undefined when it has ended. The caller closes it. */
export function openInit(record: ContainerRecord): Fd | undefined {
  if (record.pid === 0) return undefined;
  try {
    const pidfd = pidfd_open(hostPid(record.pid));
    if (initAlive(record)) return pidfd; // looked at after it was opened: no other process can have taken the number in between
    pidfd[Symbol.dispose]();
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error;
  }
  return undefined;
}

/**
 * What `act` does with the container's cgroups. @throws StateError `message` when they are gone because init has ended meanwhile, at whichever call:
 * systemd removes a scope's as soon as nobody is in it
 */
export function withGroups<T>(record: ContainerRecord, message: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    let cause = error;
    while (cause instanceof StepError) cause = cause.cause;
    throw isErrno(cause, ENOENT, ENODEV) && !initAlive(record) ? new StateError(message) : error;
  }
}

export function statusOf(directory: StateDirectory, record: ContainerRecord): Status {
  if (isBeingCreated(directory)) return "creating";
  if (!initAlive(record)) return "stopped";
  if (record.cgroup !== undefined && frozen(record.cgroup)) return "paused";
  return isAwaited(directory) ? "created" : "running";
}
