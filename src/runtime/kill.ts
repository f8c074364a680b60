// `tsrun kill`: a signal for a container's init, or for all of its processes.

import { ESRCH } from "../abi/errno.ts";
import { SIGKILL } from "../abi/signal.ts";
import { isErrno, StateError } from "../base/errors.ts";
import { killCgroup } from "../cgroup/processes.ts";
import { pidfd_send_signal } from "../sys/process.ts";
import { sendKill } from "./destroy.ts";
import type { Globals } from "./globals.ts";
import { openInit } from "./status.ts";
import { openContainer, readRecord } from "./store.ts";

/**
 * @param all to every process of the container's cgroup, also when init has ended
 * @throws StateError "container not running"
 */
export function killContainer(globals: Globals, id: string, signal: number, all: boolean): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  if (all && record.cgroup !== undefined) return killCgroup(record.cgroup, signal);
  using pidfd = openInit(record) ?? null;
  if (pidfd === null) throw new StateError("container not running");
  try {
    if (signal === SIGKILL) sendKill(record, pidfd);
    else pidfd_send_signal(pidfd, signal);
  } catch (error) {
    if (isErrno(error, ESRCH)) throw new StateError("container not running");
    throw error;
  }
}
