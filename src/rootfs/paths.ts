// What of /proc and /sys the container may only read, or not see at all. "/" is the container's root here; what is not there needs no care.
// What lies in a procfs or sysfs that we mounted is found from its own descriptor: whoever may rename the directory under it, in the root file
// system, takes it out of the way of its path, and not out of ours.
// Nearly all of these paths lie in a directory of procfs or sysfs, where the kernel alone makes names. With such a directory, found by
// descriptor and proved to be the kernel's, as working directory a plain name is as good as a descriptor, and takes half of the calls.

import { O_PATH } from "../abi/fcntl.ts";
import { EINVAL } from "../abi/errno.ts";
import { MOUNT_ATTR_RDONLY, MS_BIND, MS_RDONLY, MS_REC } from "../abi/mount.ts";
import { S_IFDIR } from "../abi/stat.ts";
import { containerPath, type ContainerPath } from "../base/brand.ts";
import { isErrno, StepError } from "../base/errors.ts";
import { basename, dirname } from "../base/path.ts";
import type { Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { chdir, fchdir } from "../sys/directory.ts";
import { fileType, fileTypeAt } from "../sys/stat.ts";
import { mount, mount_setattr } from "../sys/mount.ts";
import { attachTree, copyTree } from "../sys/tree.ts";
import { setAttributes } from "./attributes.ts";
import { openNull } from "./devices.ts";
import { attach, isKernels, type HeldMounts } from "./mounts.ts";
import type { MountApi, RestrictedPath, RootfsPlan } from "./ops.ts";
import { lookUp, topmost } from "./resolve.ts";

const READONLY = { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns: null };

type State = {
  /** RootfsPlan.maskData. */
  readonly data: string;
  readonly held: HeldMounts;
  /** The directory looked at last. */
  directory: ContainerPath | undefined;
  /** undefined: it is not there. True: it is the kernel's, and the working directory. */
  firm: boolean | undefined;
  /** The container's /dev/null, once a file was masked. */
  null: Fd | undefined;
  /** An empty read-only tmpfs, once a directory was masked: all such masks are copies of one, as each tmpfs costs memory and time of its own. */
  empty: Fd | undefined;
};

/** @param held from mountFilesystems; closes them @throws StepError */
export function restrictPaths(plan: RootfsPlan, held: HeldMounts): void {
  const state: State = {
    data: plan.maskData,
    held,
    directory: undefined,
    firm: undefined,
    null: undefined,
    empty: undefined,
  };
  for (const op of plan.readonlyPaths) {
    const { path, why } = op;
    try {
      if (isFirm(state, op)) makeNameReadonly(plan.api, path);
      else if (state.firm === false) makeReadonly(plan.api, path);
    } catch (error) {
      throw new StepError(`make ${path} read-only`, error, why);
    }
  }
  for (const op of plan.maskedPaths) {
    const { path, why } = op;
    try {
      if (isFirm(state, op)) maskName(state, path);
      else if (state.firm === false) mask(state, path);
    } catch (error) {
      throw new StepError(`mask ${path}`, error, why);
    }
  }
  for (const mounted of held.values()) mounted[Symbol.dispose]();
  state.null?.[Symbol.dispose]();
  state.empty?.[Symbol.dispose]();
  if (state.directory !== undefined) chdir("/");
}

/** Whether the path lies directly in a directory of the kernel's, which is then the working directory. */
function isFirm(state: State, { path, within }: RestrictedPath): boolean {
  const directory = containerPath(dirname(path));
  if (directory !== state.directory) {
    const fd = openDirectory(state.held, directory, within);
    state.directory = directory;
    state.firm = fd === undefined ? undefined : isKernels(fd);
    if (fd === undefined) return false;
    if (state.firm) fchdir(fd);
    fd[Symbol.dispose]();
  }
  return state.firm ?? false;
}

/** [kernel] ".." of a root is what is mounted topmost there: a hook may have put something on ours. */
function openDirectory(held: HeldMounts, directory: ContainerPath, within: ContainerPath | undefined): Fd | undefined {
  const mounted = within === undefined ? undefined : held.get(within);
  return mounted === undefined || within === undefined
    ? lookUp(null, directory)
    : lookUp(mounted, containerPath(`/..${directory.slice(within.length)}`));
}

// ---- by descriptor

/** Covers `path` with itself; what is mounted below comes along and keeps its own flags. */
function makeReadonly(api: MountApi, path: ContainerPath): void {
  const target = lookUp(null, path);
  if (target === undefined) return;
  const tree = copyTree(target, "", true, path);
  attach(tree, target, path);
  setAttributes(api, tree, READONLY, path);
  target[Symbol.dispose]();
  tree[Symbol.dispose]();
}

/** Covers `path` with something empty of its kind. */
function mask(state: State, path: ContainerPath): void {
  const target = lookUp(null, path);
  if (target === undefined) return;
  if (fileType(target) !== S_IFDIR) {
    state.null ??= openNull(O_PATH);
    cover(state.null, target, path);
  } else if (state.empty !== undefined) cover(state.empty, target, path);
  else {
    fchdir(target);
    mountEmpty(".", state.data, path);
    state.empty = topmost(target) ?? lookUp(null, path);
    state.directory = undefined; // the working directory is another one now
  }
  target[Symbol.dispose]();
}

function cover(source: Fd, target: Fd, path: ContainerPath): void {
  const copy = copyOf(source, path);
  attach(copy, target, path);
  copy[Symbol.dispose]();
}

// ---- by name in the working directory

function makeNameReadonly(api: MountApi, path: ContainerPath): void {
  const name = basename(path);
  if (fileTypeAt(null, name) === undefined) return;
  mount(name, name, null, MS_BIND | MS_REC, null, path);
  switch (api) {
    case "mount_setattr":
      return mount_setattr(null, name, 0, READONLY, path);
    case "remount": {
      const mounted = openat(null, name, O_PATH);
      setAttributes(api, mounted, READONLY, path);
      mounted[Symbol.dispose]();
    }
  }
}

function maskName(state: State, path: ContainerPath): void {
  const name = basename(path);
  const type = fileTypeAt(null, name);
  if (type === undefined) return;
  if (type !== S_IFDIR) {
    state.null ??= openNull(O_PATH);
    coverName(state.null, name, path);
  } else if (state.empty !== undefined) coverName(state.empty, name, path);
  else {
    mountEmpty(name, state.data, path);
    state.empty = openat(null, name, O_PATH);
  }
}

function coverName(source: Fd, name: string, path: ContainerPath): void {
  const copy = copyOf(source, path);
  attachTree(copy, null, name, path);
  copy[Symbol.dispose]();
}

// ---- either way

const copyOf = (source: Fd, path: ContainerPath): Fd => copyTree(source, "", false, path);

function mountEmpty(on: string, label: string, path: ContainerPath): void {
  const data = (inodes: number): string => `nr_blocks=1,nr_inodes=${inodes}${label === "" ? "" : `,${label}`}`;
  const detail = `tmpfs on ${path}`;
  try {
    mount("tmpfs", on, "tmpfs", MS_RDONLY, data(1), detail);
  } catch (error) {
    if (!isErrno(error, EINVAL)) throw error;
    mount("tmpfs", on, "tmpfs", MS_RDONLY, data(2), detail); // Ubuntu's 5.4 counts the root twice
  }
}
