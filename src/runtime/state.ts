// `tsrun state` and `tsrun list`.

import { StateError } from "../base/errors.ts";
import { passwdEntry } from "../base/passwd.ts";
import type { PrintedState } from "../spec/types.ts";
import { readFileIfThere } from "../sys/file.ts";
import type { Globals } from "./globals.ts";
import { statusOf } from "./state/status.ts";
import { abandoned, containerIds, openContainer, readRecord } from "./state/store.ts";
import defer * as ends from "./state/end.ts";

/** @param nameOf who makes many calls remembers its answers @throws StateError "container does not exist" */
export function containerState(globals: Globals, id: string, nameOf: (uid: number) => string = userName): PrintedState {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  const status = statusOf(directory, record);
  const { ociVersion, bundle, rootfs, created, annotations } = record;
  const state = {
    ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : record.pid,
    status,
    bundle,
    rootfs,
    created,
    annotations,
    owner: nameOf(record.owner),
  };
  return status === "stopped" ? { ...state, ...ends.endOf(directory, record) } : state;
}

/** Every container below the state root, by name. What cannot be read is a warning, until `delete --force` takes it away. */
export function listContainers(globals: Globals): readonly PrintedState[] {
  const names = new Map<number, string>();
  const nameOf = (uid: number): string => {
    const name = names.get(uid) ?? userName(uid);
    names.set(uid, name);
    return name;
  };
  return containerIds(globals.root).flatMap((id) => {
    try {
      return [containerState(globals, id, nameOf)];
    } catch (error) {
      const problem = error instanceof StateError ? abandoned(globals.root, id) : error;
      if (problem !== undefined) globals.warn(`load container ${id}`, problem);
      return [];
    }
  });
}

function userName(uid: number): string {
  return passwdEntry(readFileIfThere(null, "/etc/passwd") ?? "", uid)?.name ?? "";
}
