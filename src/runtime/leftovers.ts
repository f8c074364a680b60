// `tsrun doctor --leftovers`: what runtimes have left that were killed in the middle of something. Everything that create makes is recorded before it is
// made, so all of it is found from the state directories. Loaded on demand.

import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../abi/fcntl.ts";
import { ENOENT, ENOTDIR } from "../abi/errno.ts";
import { MNT_DETACH, UMOUNT_NOFOLLOW } from "../abi/mount.ts";
import type { ContainerId } from "../base/brand.ts";
import { HostError, isErrno, StateError } from "../base/errors.ts";
import { readdir, unlinkat } from "../sys/directory.ts";
import { openat, readFile } from "../sys/file.ts";
import { umount2 } from "../sys/mount.ts";
import { lstatIfThere } from "../sys/stat.ts";
import { sleepMs } from "../sys/time.ts";
import type { Globals } from "./globals.ts";
import { destroy } from "./state/destroy.ts";
import { initAlive } from "./state/status.ts";
import {
  containerIds,
  isBeingCreated,
  openContainer,
  readRecord,
  removeState,
  type ContainerRecord,
} from "./state/store.ts";

export type Leftover = {
  readonly kind: "state" | "cgroup" | "unit" | "resctrl" | "mount" | "file";
  /** A path; of a unit its name. */
  readonly what: string;
  /** The container that it belongs to; undefined: to none. */
  readonly container: string | undefined;
  readonly why: string;
  /** Nobody can have a use for it: `--clean` removes it. */
  readonly certain: boolean;
};

/** How long something must stay as it is to be a leftover, and no moment in another command's life. */
const MOMENT_MS = 250;

/** @param clean removes what is certain @returns what there is, or what is there still */
export function findLeftovers(globals: Globals, clean: boolean): readonly Leftover[] {
  const before = look(globals);
  if (before.length === 0) return before;
  sleepMs(MOMENT_MS);
  const found = look(globals).filter(({ kind, what }) =>
    before.some((other) => other.kind === kind && other.what === what),
  );
  if (!clean) return found;
  const certain = found.filter((leftover) => leftover.certain);
  for (const { what } of certain.filter(({ kind }) => kind === "mount"))
    tolerate(globals, what, () => umount2(what, MNT_DETACH | UMOUNT_NOFOLLOW));
  for (const id of new Set(certain.flatMap(({ kind, container }) => (kind === "state" ? (container ?? []) : []))))
    tolerate(globals, id, () => remove(globals, id));
  for (const { what } of certain.filter(({ kind }) => kind === "file"))
    tolerate(globals, what, () => unlinkat(null, what));
  return look(globals).filter(({ kind, what }) => found.some((other) => other.kind === kind && other.what === what));
}

function tolerate(globals: Globals, what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error, ENOENT)) globals.warn(`remove ${what}`, error); // it is among what is left
  }
}

function look(globals: Globals): readonly Leftover[] {
  const mounts = mountPoints();
  return [...containerIds(globals.root).flatMap((id) => ofContainer(globals, id, mounts)), ...ofCache(globals)];
}

function ofContainer(globals: Globals, id: ContainerId, mounts: readonly string[]): readonly Leftover[] {
  const path = `${globals.root}/${id}`;
  try {
    const directory = openContainer(globals.root, id);
    using _closed = directory.fd;
    if (isBeingCreated(directory)) return [];
    const state = (why: string, certain: boolean): Leftover => ({
      kind: "state",
      what: path,
      container: id,
      why,
      certain,
    });
    const below = mounts
      .filter((point) => point.startsWith(`${path}/`))
      .map((what): Leftover => ({
        kind: "mount",
        what,
        container: id,
        why: "lies in the state directory",
        certain: true,
      }));
    let record: ContainerRecord;
    try {
      record = readRecord(directory);
    } catch (error) {
      if (error instanceof StateError)
        return [...below, state("its create was killed before it had made anything", true)];
      if (error instanceof HostError)
        return [state(`${error.message}; \`tsrun delete --force ${id}\` goes by what else is known`, false)];
      throw error;
    }
    if (initAlive(record)) return temporaries(path, directoryNames(path), id);
    if (record.pid === 0 || lstatIfThere(directory.fd, "start.sock") !== undefined)
      return [
        ...below,
        ...made(record, id),
        state(
          record.pid === 0 ? "its create was killed" : "it ended before it was started, and cannot be any more",
          true,
        ),
      ];
    return [];
  } catch (error) {
    if (error instanceof StateError || isErrno(error, ENOENT, ENOTDIR)) return []; // gone meanwhile, or no container
    throw error;
  }
}

/** What the record says was to be made, and is there. */
function made({ cgroup, systemdUnit, intelRdt }: ContainerRecord, id: string): readonly Leftover[] {
  const entry = (kind: Leftover["kind"], what: string): Leftover => ({
    kind,
    what,
    container: id,
    why: "belongs to it",
    certain: true,
  });
  const isThere = (path: string): boolean => lstatIfThere(null, path) !== undefined;
  const groups = (cgroup ?? []).filter(({ path, found }) => !found && isThere(path));
  return [
    ...groups.map(({ path }) => entry("cgroup", path)),
    ...(systemdUnit !== undefined && groups.length > 0 ? [entry("unit", systemdUnit.name)] : []),
    ...(intelRdt?.remove ?? []).filter(isThere).map((path) => entry("resctrl", path)),
  ];
}

/** Files that were to take the place of others; the number in a name is its writer's. */
const temporaries = (path: string, names: readonly string[], id: string): readonly Leftover[] =>
  names
    .filter(
      (name) =>
        /^resources\.json\.\d+$/.test(name) &&
        lstatIfThere(null, `/proc/${name.slice("resources.json.".length)}`) === undefined,
    )
    .map((name) => ({
      kind: "file",
      what: `${path}/${name}`,
      container: id,
      why: "an update was killed that wrote it",
      certain: true,
    }));

function ofCache(globals: Globals): readonly Leftover[] {
  const path = `${globals.root}/@seccomp`;
  return directoryNames(path)
    .filter((name) => /^\d+\.\d+\.[0-9a-f]{16}$/.test(name))
    .map((name) => ({
      kind: "file",
      what: `${path}/${name}`,
      container: undefined,
      why: "a command was killed that wrote it",
      certain: true,
    }));
}

function directoryNames(path: string): readonly string[] {
  try {
    using directory = openat(null, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return readdir(directory);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) return [];
    throw error;
  }
}

const mountPoints = (): readonly string[] =>
  readFile(null, "/proc/self/mountinfo", 65536)
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .reverse(); // what was mounted last goes first

/** As delete --force does, of a container that has no process. */
function remove(globals: Globals, id: string): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  let record: ContainerRecord;
  try {
    record = readRecord(directory);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    return removeState(globals.root, directory);
  }
  destroy(globals, directory, record);
}
