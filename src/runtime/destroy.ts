// Taking a container away: its processes, its cgroup, its state, and then its poststop hooks.

import { ESRCH } from "../abi/errno.ts";
import { POLLIN } from "../abi/poll.ts";
import { SIGKILL } from "../abi/signal.ts";
import { hostPid } from "../base/brand.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { killCgroup } from "../cgroup/processes.ts";
import { removeCgroup } from "../cgroup/remove.ts";
import type { Fd } from "../sys/fd.ts";
import { poll } from "../sys/poll.ts";
import { pidfd_open, pidfd_send_signal } from "../sys/process.ts";
import type { Globals } from "./globals.ts";
import { hookState, runPoststopHooks } from "./hookstate.ts";
import { initAlive } from "./status.ts";
import { removeState, type ContainerRecord, type StateDirectory } from "./store.ts";

const KILL_TIMEOUT_MS = 10_000;

/** Removes what create made. The container's processes must have been told to end. */
export function destroy(globals: Globals, directory: StateDirectory, record: ContainerRecord): void {
  if (record.cgroup !== undefined) {
    killCgroup(record.cgroup, SIGKILL); // what init has left behind in a shared pid namespace, or in flight
    removeCgroup(record.cgroup);
  }
  removeState(globals.root, directory);
  runPoststopHooks(record.poststop, hookState(record, "stopped", 0), globals);
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

/** Kills init and waits until it is gone. @throws HostError when it does not go */
export function killInit(record: ContainerRecord): void {
  using pidfd = openInit(record) ?? null;
  if (pidfd === null) return;
  try {
    if (record.cgroup !== undefined) killCgroup(record.cgroup, SIGKILL); // thaws what is frozen
    pidfd_send_signal(pidfd, SIGKILL);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error;
  }
  if (poll([{ fd: pidfd, events: POLLIN }], KILL_TIMEOUT_MS)[0] === 0) throw new HostError("container init still running");
}
