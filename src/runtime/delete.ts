// `tsrun delete`.

import { HostError, StateError, SysError } from "../base/errors.ts";
import defer * as salvageRecord from "./state/salvage.ts";
import { destroy, killInit } from "./state/destroy.ts";
import type { Globals } from "./globals.ts";
import { statusOf } from "./state/status.ts";
import { openContainer, readRecord, removeState, type ContainerRecord, type StateDirectory } from "./state/store.ts";

/** @param force kills what runs, removes what is damaged, and does not mind what does not exist */
export function deleteContainer(globals: Globals, id: string, force: boolean): void {
  let directory: StateDirectory;
  try {
    directory = openContainer(globals.root, id);
  } catch (error) {
    if (force && error instanceof StateError) return;
    throw error;
  }
  using _closed = directory.fd;
  const record = force ? recordAtAnyPrice(globals, directory) : readRecord(directory);
  if (record === undefined) return removeState(globals.root, directory);
  const status = force ? "stopped" : statusOf(directory, record);
  if (status === "creating") throw new StateError(`cannot delete container ${id} that is not stopped: creating`);
  if (status !== "stopped" && status !== "created")
    throw new StateError(`cannot delete container ${id} that is not stopped: ${status}`);
  killInit(record);
  destroy(globals, directory, record);
}

/** @returns undefined for what was killed before its first record: it has nothing but this directory */
function recordAtAnyPrice(globals: Globals, directory: StateDirectory): ContainerRecord | undefined {
  try {
    return readRecord(directory);
  } catch (error) {
    if (error instanceof StateError) return undefined;
    if (!(error instanceof HostError || error instanceof SysError)) throw error;
    const record = salvageRecord.salvage(directory);
    globals.debug?.(
      `state.json of container ${directory.id} cannot be read: its cgroups are ${record.cgroup?.map(({ path }) => path).join(" ")}`,
    );
    return record;
  }
}
