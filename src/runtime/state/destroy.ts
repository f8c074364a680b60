// Taking a container away: its processes, its cgroup, its state, and then its poststop hooks.

import { ESRCH } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { HostError, isErrno } from "../../base/errors.ts";
import { killCgroup } from "../../cgroup/processes.ts";
import { thawAll } from "../../cgroup/freezer.ts";
import { driverOf } from "../../cgroup/driver.ts";
import type { Fd } from "../../sys/fd.ts";
import { poll } from "../../sys/poll.ts";
import { pidfd_send_signal } from "../../sys/process.ts";
import type { Globals } from "../globals.ts";
import { hookState, runLateHooks } from "../lifecycle-hooks.ts";
import { openInit } from "./status.ts";
import { removeState, type ContainerRecord, type StateDirectory } from "./store.ts";
import defer * as rdt from "../../intelrdt.ts";

const KILL_TIMEOUT_MS = 10_000;

/** Removes what create made. The container's processes must have been told to end. */
export function destroy(globals: Globals, directory: StateDirectory, record: ContainerRecord): void {
  if (record.cgroup !== undefined) {
    if (record.sharedPid && record.pid !== 0) killCgroup(record.cgroup, SIGKILL); // in a pid namespace of its own all have died with init
    driverOf(record.systemdUnit).remove(record.cgroup);
  }
  if (record.intelRdt !== undefined) rdt.removeIntelRdt(record.intelRdt);
  removeState(globals.root, directory);
  runLateHooks("poststop", record.poststop, hookState(record, "stopped", 0), globals);
}

/** For who has waited for the container's end, and whose caller wants its status: what cannot be removed is a warning. */
export function destroyOrWarn(globals: Globals, directory: StateDirectory, record: ContainerRecord): void {
  try {
    destroy(globals, directory, record);
  } catch (error) {
    globals.warn(`delete --force removes what is left of ${record.id}`, error);
  }
}

/**
 * SIGKILL for a container: for all of its processes where they would outlive init, and also where they are frozen.
 * @throws SysError ESRCH when init has just ended
 */
export function sendKill(record: ContainerRecord, init: Fd): void {
  pidfd_send_signal(init, SIGKILL);
  if (record.cgroup === undefined) return;
  if (record.sharedPid) killCgroup(record.cgroup, SIGKILL);
  else thawAll(record.cgroup); // [kernel] on v1 what is frozen dies only when it is thawed
}

/** How long init has to end before we look whether somebody has frozen it again, or a part of what it waits for. */
const LOOK_MS = 100;

/** Kills init and waits until it is gone. @throws HostError when it does not go */
export function killInit(record: ContainerRecord): void {
  using init = openInit(record) ?? null;
  if (init === null) return;
  try {
    sendKill(record, init);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error;
  }
  for (let waited = 0; poll([{ fd: init, events: POLLIN }], LOOK_MS)[0] === 0; waited += LOOK_MS) {
    if (waited >= KILL_TIMEOUT_MS) throw new HostError("container init still running");
    if (record.cgroup !== undefined) thawAll(record.cgroup);
  }
}
