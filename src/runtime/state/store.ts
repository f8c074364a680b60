// The state directory of a container: <root>/<id>/ with
//   state.json   what later commands must know (facts only: the status is derived each time, status.ts)
//   config.json  the bundle's config.json as it was at create: later edits have no effect (runtime.md, Lifecycle)
//   resources.json   all limits as the last update left them, in the form of linux.resources; there is none before the first
//   end.json     how it ended, as far as tsrun was told or somebody has asked (end.ts)
//   start.sock   where init waits for `start`; it is there as long as the container is created and not started
// The directory is locked while the container is being created, by those who do it.
// Writes are whole files renamed into place; whoever reads never sees half of one.

import type { IntelRdtPaths } from "../../intelrdt.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  AT_REMOVEDIR,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
} from "../../abi/fcntl.ts";
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EWOULDBLOCK } from "../../abi/errno.ts";
import { RENAME_EXCHANGE } from "../../abi/unistd.ts";
import { containerId, type ContainerId, type HostPath, type HostPid } from "../../base/brand.ts";
import { HostError, isErrno, StateError } from "../../base/errors.ts";
import type { Hook, StringMap } from "../../spec/types.ts";
import type { CgroupPaths, SystemdUnit } from "../../cgroup/plan.ts";
import type { At, Fd } from "../../sys/fd.ts";
import { createFile, createFileAnew, flockOrErrno, openat, readFile } from "../../sys/file.ts";
import { mkdirat, readdir, renameat, unlinkIfThere } from "../../sys/directory.ts";
import { getpid } from "../../sys/process.ts";
import { decodeRecord } from "./record.ts";
import defer * as sdNotify from "../../notify.ts";
import defer * as leftoverCriu from "../criu/leftover.ts";

/** The content of state.json. */
export type ContainerRecord = {
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly annotations: StringMap;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** The uid that created it. */
  readonly owner: number;
  /** In the runtime's pid namespace; 0 until there is an init. */
  readonly pid: number;
  /** Clock ticks after boot at which that process started, proc_pid_stat(5) field 22: a later process of the same number has another. */
  readonly startTime: string;
  /** undefined before it is known. */
  readonly cgroup: CgroupPaths | undefined;
  /** The systemd unit that the cgroup belongs to; undefined: we made it ourselves. */
  readonly systemdUnit: SystemdUnit | undefined;
  /** Its place in resctrl; undefined when it has none. */
  readonly intelRdt: IntelRdtPaths | undefined;
  /** It has a session keyring of its own, _ses.<id>, which exec joins. */
  readonly keyring: boolean;
  /** True when init shares a pid namespace: its death does not kill the others. */
  readonly sharedPid: boolean;
  /** What its standard streams were when it was created, as links of /proc/PID/fd: a restore gives pipes a new end. None with a terminal. */
  readonly streams: readonly string[] | undefined;
  /** CRIU has restored it into a time namespace, where clocks go on as they did: what is executed in it belongs there too. */
  readonly timeNamespace: boolean | undefined;
  readonly poststart: readonly Hook[];
  readonly poststop: readonly Hook[];
};

export type StateDirectory = { readonly id: ContainerId; readonly fd: Fd };

/** @throws HostError for a name that cannot be a container's */
export function checkedId(name: string): ContainerId {
  const id = containerId(name);
  if (id !== undefined) return id;
  throw new HostError(
    name === ""
      ? "container id cannot be empty"
      : `invalid container ID format: ${JSON.stringify(name)}: only letters, digits and _+-. are allowed`,
  );
}

/** Makes the state directory, locked; the caller closes it. @throws StateError when the id is in use */
export function reserve(root: HostPath, id: ContainerId): StateDirectory {
  const path = `${root}/${id}`;
  try {
    makeBelowRoot(root, path);
  } catch (error) {
    if (isErrno(error, EEXIST)) throw new StateError("container with given ID already exists");
    throw error;
  }
  try {
    const fd = openat(null, path, O_RDONLY | O_DIRECTORY);
    flockOrErrno(fd, LOCK_EX); // where the file system has no locks nobody sees us creating
    return { id, fd };
  } catch (error) {
    unlinkIfThere(null, path, AT_REMOVEDIR);
    throw error;
  }
}

/** The container is created: from here on its status is what its init is. init says so, for `run` it does not wait. */
export function finishCreating(directory: StateDirectory): void {
  flockOrErrno(directory.fd, LOCK_UN); // [kernel] the lock is one with the parent's
}

/** True as long as whoever made the state directory, or the init it has cloned, is at work in it. */
export function isBeingCreated(directory: StateDirectory): boolean {
  if (flockOrErrno(directory.fd, LOCK_SH | LOCK_NB) === EWOULDBLOCK) return true;
  flockOrErrno(directory.fd, LOCK_UN);
  return false;
}

/** What to say of a directory without a record; nothing where somebody makes it a container right now, or has taken it away. */
export function abandoned(root: HostPath, id: ContainerId): HostError | undefined {
  let directory: StateDirectory;
  try {
    directory = openContainer(root, id);
  } catch (error) {
    if (error instanceof StateError) return undefined;
    throw error;
  }
  using _closed = directory.fd;
  return isBeingCreated(directory) ? undefined : new HostError("somebody died while creating it");
}

/** Before all but the first container the root is there: it is made when it was missing, and not looked for before. */
function makeBelowRoot(root: HostPath, path: string): void {
  try {
    return mkdirat(null, path, 0o711);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error;
  }
  makeRoot(root);
  mkdirat(null, path, 0o711);
}

function makeRoot(root: HostPath): void {
  let path = "";
  try {
    mkdirat(null, root, 0o700);
  } catch (error) {
    if (isErrno(error, EEXIST)) return;
    if (!isErrno(error, ENOENT)) throw error;
    for (const part of root.split("/").slice(1)) {
      path += `/${part}`;
      try {
        mkdirat(null, path, 0o700);
      } catch (again) {
        if (!isErrno(again, EEXIST)) throw again;
      }
    }
  }
}

/** The caller closes it. @throws StateError when there is no such container */
export function openContainer(root: HostPath, name: string): StateDirectory {
  const id = checkedId(name);
  try {
    return { id, fd: openat(null, `${root}/${id}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) };
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) throw new StateError("container does not exist");
    throw error;
  }
}

/** The names in the state root; none when there is no root. */
export function containerIds(root: HostPath): readonly ContainerId[] {
  try {
    using directory = openat(null, root, O_RDONLY | O_DIRECTORY);
    return readdir(directory)
      .sort()
      .flatMap((name) => containerId(name) ?? []);
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw error;
  }
}

/** @throws StateError when the directory is there but not yet, or no longer, a container */
export function readRecord(directory: StateDirectory): ContainerRecord {
  let text: string;
  try {
    text = readFile(directory.fd, "state.json");
  } catch (error) {
    if (isErrno(error, ENOENT)) throw new StateError("container does not exist");
    throw error;
  }
  const record = decodeRecord(text, directory.id);
  if (typeof record === "string") throw new HostError(`state.json of container ${directory.id} is damaged: ${record}`);
  return record;
}

/** The first record: nobody has read the directory as a container before it is there. */
export function writeFirstRecord(directory: StateDirectory, record: ContainerRecord, config: string): void {
  createFile(directory.fd, "config.json", config, 0o600);
  createFile(directory.fd, "state.json.new", JSON.stringify(record), 0o600);
  renameat(directory.fd, "state.json.new", directory.fd, "state.json");
}

/** [kernel] What replaces another file ext4 writes to the disk at once, half a millisecond with its removal; two that change places it does not. */
export function writeRecord(directory: StateDirectory, record: ContainerRecord): void {
  createFile(directory.fd, "state.json.new", JSON.stringify(record), 0o600); // nobody but who creates the container writes it
  try {
    renameat(directory.fd, "state.json.new", directory.fd, "state.json", RENAME_EXCHANGE);
  } catch (error) {
    if (!isErrno(error, EINVAL, ENOENT)) throw error; // not every file system can
    return renameat(directory.fd, "state.json.new", directory.fd, "state.json");
  }
  unlinkIfThere(directory.fd, "state.json.new", 0);
}

/** @param text all limits that hold now */
export function writeResources(directory: StateDirectory, text: string): void {
  const temporary = `resources.json.${getpid()}`; // of two updates at once each has its own
  createFileAnew(directory.fd, temporary, text, 0o600);
  putInPlace(directory.fd, temporary, "resources.json");
}

/** Removes the state directory and what is in it. Only names of ours: nothing is followed. */
export function removeState(root: HostPath, directory: StateDirectory): void {
  for (const name of ["state.json", "config.json"]) unlinkIfThere(directory.fd, name, 0);
  try {
    unlinkIfThere(null, `${root}/${directory.id}`, AT_REMOVEDIR);
  } catch (error) {
    if (!isErrno(error, ENOTEMPTY)) throw error;
    for (const name of whatIsLeft(directory)) removeWhatIsThere(directory, name);
    unlinkIfThere(null, `${root}/${directory.id}`, AT_REMOVEDIR);
  }
}

function removeWhatIsThere(directory: StateDirectory, name: string): void {
  if (name === "criu") leftoverCriu.endNotedCriu(directory.fd); // a checkpoint that was killed
  try {
    unlinkIfThere(directory.fd, name, 0);
  } catch (error) {
    if (!isErrno(error, EISDIR)) throw error;
    sdNotify.removeNotifyDirectory(directory.fd); // the only directory that we make in it
  }
}

function whatIsLeft(directory: StateDirectory): readonly string[] {
  try {
    using readable = openat(directory.fd, ".", O_RDONLY | O_DIRECTORY);
    return readdir(readable);
  } catch (error) {
    if (isErrno(error, ENOENT)) return []; // another delete was quicker
    throw error;
  }
}

/** Writes the pid as digits without a newline, whole or not at all: clients read it as soon as it is there. */
export function writePidFile(path: string, pid: HostPid): void {
  const slash = path.lastIndexOf("/") + 1;
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}`;
  createFileAnew(null, temporary, String(pid), 0o666);
  putInPlace(null, temporary, path);
}

function putInPlace(dir: At, temporary: string, name: string): void {
  try {
    renameat(dir, temporary, dir, name);
  } catch (error) {
    unlinkIfThere(dir, temporary, 0);
    throw error;
  }
}
