// `tsrun delete`.

import { HostError, StateError } from "../base/errors.ts";
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
  let record: ContainerRecord;
  try {
    record = readRecord(directory);
  } catch (error) {
    if (!force || !(error instanceof StateError || error instanceof HostError)) throw error;
    removeState(globals.root, directory); // what was killed before its first record has nothing but this directory
    return;
  }
  const status = statusOf(directory, record);
  if (status !== "stopped" && status !== "created" && !force)
    throw new StateError(`cannot delete container ${id} that is not stopped: ${status}`);
  killInit(record);
  destroy(globals, directory, record);
}
