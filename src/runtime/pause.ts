// `tsrun pause` and `tsrun resume`: all processes of a container stand still, and go on. The kernel remembers which, state.json does not.

import { StateError } from "../base/errors.ts";
import { freezeCgroup, thawCgroup } from "../cgroup/freezer.ts";
import type { Globals } from "./globals.ts";
import { statusOf, withGroups } from "./state/status.ts";
import { step } from "./step.ts";
import { openContainer, readRecord } from "./state/store.ts";

/** @throws StateError "container not running" unless it is running or created */
export function pauseContainer(globals: Globals, id: string): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  const status = statusOf(directory, record);
  if (status === "creating") throw new StateError("container not running: it is being created");
  if (status !== "running" && status !== "created") throw new StateError("container not running");
  withGroups(record, "container not running", () => step("freeze cgroup", () => freezeCgroup(record.cgroup ?? [])));
}

/** @throws StateError "container not paused" */
export function resumeContainer(globals: Globals, id: string): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  const status = statusOf(directory, record);
  if (status === "creating") throw new StateError("container not paused: it is being created");
  if (status !== "paused") throw new StateError("container not paused");
  step("thaw cgroup", () => thawCgroup(record.cgroup ?? []));
}
