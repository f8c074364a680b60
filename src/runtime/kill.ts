// `tsrun kill`: a signal for a container's init, or for all of its processes.

import { ESRCH } from "../abi/errno.ts";
import { SIGKILL } from "../abi/signal.ts";
import { isErrno, StateError } from "../base/errors.ts";
import { killCgroup, processes } from "../cgroup/processes.ts";
import { pidfd_send_signal } from "../sys/process.ts";
import { sendKill } from "./state/destroy.ts";
import type { Globals } from "./globals.ts";
import { openInit } from "./state/status.ts";
import { isBeingCreated, openContainer, readRecord, type ContainerRecord } from "./state/store.ts";

/**
 * @param signalOf asked once there is such a container: that there is none is said before that there is no such signal, as by runc
 * @param all to every process of the container's cgroup, also when init has ended; where it has none, as without privilege, to init
 * @throws StateError "container not running", but not for `all`: runc lets that succeed
 */
export function killContainer(globals: Globals, id: string, signalOf: () => number, all: boolean): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  const signal = signalOf();
  if (isBeingCreated(directory)) throw new StateError("container not running: it is being created"); // [spec] runtime.md, Kill: neither created nor running
  if (all && record.cgroup !== undefined && record.cgroup.length > 0) return killCgroup(record.cgroup, signal);
  using pidfd = openInit(record) ?? null;
  if (pidfd === null) return all ? undefined : killOrphans(record, signal);
  try {
    if (signal === SIGKILL) sendKill(record, pidfd);
    else pidfd_send_signal(pidfd, signal);
  } catch (error) {
    if (isErrno(error, ESRCH) && all) return;
    if (isErrno(error, ESRCH)) throw new StateError("container not running");
    throw error;
  }
}

/** Without a pid namespace of its own the container's processes outlive its init. */
function killOrphans({ sharedPid, cgroup }: ContainerRecord, signal: number): void {
  if (signal !== SIGKILL || !sharedPid || cgroup === undefined || processes(cgroup).length === 0)
    throw new StateError("container not running");
  killCgroup(cgroup, SIGKILL);
}
