// Mounting: the parent opens the sources of binds, the child makes the container's tree. No error is survived here, so descriptors
// of the child that an error leaves open end with it.
// A fresh file system is mounted on "." with the target as working directory: as safe as on the target's path in /proc, which it is a path
// of, and measurably faster; binds are put in place by descriptor (sys/tree.ts).

import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from "../abi/fcntl.ts";
import { EBUSY, EINVAL, ENOENT, ENOTDIR, EPERM } from "../abi/errno.ts";
import { PROC_SUPER_MAGIC, SYSFS_MAGIC } from "../abi/magic.ts";
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC } from "../abi/mount.ts";
import { S_IFDIR } from "../abi/stat.ts";
import { HostError, isErrno, StepError, SysError, unreachable } from "../base/errors.ts";
import { dirname } from "../base/path.ts";
import type { ContainerPath } from "../base/brand.ts";
import type { Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { fchdir, mkdirat, symlinkat } from "../sys/directory.ts";
import { fileType, fsetxattr, fstat, fstatfs } from "../sys/stat.ts";
import { mount } from "../sys/mount.ts";
import { attachTree, copyTree, holdProc } from "../sys/tree.ts";
import {
  restrictions,
  setBindAttributes,
  setLockedAttributes,
  setPropagation,
  setTreeAttributes,
} from "./attributes.ts";
import type {
  BindOp,
  Cgroup1Hierarchy,
  Cgroup1Op,
  Cgroup2Op,
  FilesystemOp,
  MountOp,
  RemountOp,
  RootfsPlan,
  SourceOp,
  SysfsOp,
} from "./ops.ts";
import { placeProblem } from "./place.ts";
import { lookUp, openPlainDirectory, openTarget, topmost, type Target } from "./resolve.ts";
import defer * as copyup from "./copyup.ts";
import defer * as idmappedMounts from "./idmap.ts";
import defer * as refusal from "./refusal.ts";

/** For who mounts: what the parent has opened, and how to have it map the ids of a detached copy. Both are borrowed. */
export type Sources = { readonly opened: readonly Fd[]; readonly map: (tree: Fd, source: SourceOp) => void };

/** Opens every bind source as a detached copy, in the host's mount namespace; the caller closes them. @throws StepError naming the one that is missing */
export function openSources(plan: RootfsPlan): readonly Fd[] {
  const opened: Fd[] = [];
  const mapsIds = plan.sources.some(({ idmap }) => idmap !== undefined);
  const idmaps = mapsIds ? idmappedMounts : undefined;
  using namespaces = idmaps && new idmaps.IdmapNamespaces();
  for (const source of plan.sources) {
    const { why, destination, path, recursive } = source;
    try {
      const tree = copyTree(null, path, recursive);
      opened.push(tree);
      if (idmaps !== undefined && namespaces !== undefined) idmaps.mapTree(tree, source, namespaces);
    } catch (error) {
      for (const fd of opened) fd[Symbol.dispose]();
      throw new StepError(`bind source of ${destination}`, error, why);
    }
  }
  return opened;
}

/** The root file system's directory, in our mount namespace; prepareRoot closes it. */
export function openRootfs(plan: RootfsPlan): Fd {
  try {
    // A symlink is refused: whoever can change it would choose which tree becomes "/".
    return openat(null, plan.rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    throw isErrno(error, ENOTDIR)
      ? new HostError(`invalid rootfs ${plan.rootfs}: not a directory, or a symlink`)
      : error;
  }
}

/**
 * Cuts our copy of the host's mounts off from the host's and makes the root file system a mount of its own.
 * @returns its root, to resolve in; the caller closes it
 */
export function prepareRoot(plan: RootfsPlan, directory: Fd): Fd {
  if (plan.api === "remount") holdProc();
  const { propagation } = plan;
  if (propagation === undefined) return directory;
  mount(null, "/", null, propagation.host, null, "propagation of /");
  if (propagation.parent !== undefined) setParentPropagation(plan.rootfs, propagation.parent);
  const root = copyTree(directory, "", true, plan.rootfs);
  attachTree(root, directory, "", `${plan.rootfs} onto itself`);
  setPropagation(plan.api, root, propagation.root, plan.rootfs);
  directory[Symbol.dispose]();
  return root;
}

/** For the mount that `path` lies on: the nearest directory upwards that is the root of one. */
function setParentPropagation(path: string, propagation: number): void {
  for (let at = path; ; at = dirname(at)) {
    try {
      return mount(null, at, null, propagation, null, `propagation of ${at}`);
    } catch (error) {
      if (!isErrno(error, EINVAL) || at === "/") throw error; // mount(2): EINVAL, no mount point
    }
  }
}

/** The procfs and sysfs mounts of the container by their destinations, as far as something in them is to be restricted. restrictPaths closes them. */
export type HeldMounts = Map<ContainerPath, Fd>;

/** Mounts in order. Leaves the working directory at `root`. @throws StepError */
export function mountFilesystems(root: Fd, ops: readonly MountOp[], sources: Sources, held: HeldMounts): void {
  if (ops.length === 0) return;
  for (const op of ops) {
    try {
      perform(root, op, sources, held);
    } catch (error) {
      throw new StepError(`mount ${op.destination}`, refusal.refusedPlace(error, root, op.destination), op.why);
    }
  }
  fchdir(root);
}

function perform(root: Fd, op: MountOp, sources: Sources, held: HeldMounts): void {
  switch (op.kind) {
    case "filesystem":
      return mountFilesystem(root, op, held);
    case "bind":
      return bind(root, op, sources, held);
    case "remount":
      return remount(root, op);
    case "cgroup1":
      return mountCgroup1(root, op);
    case "cgroup2":
      return mountCgroup2(root, op, sources, held);
    case "sysfs":
      return mountSysfs(root, op, sources, held);
    default:
      return unreachable(op);
  }
}

function mountFilesystem(root: Fd, op: FilesystemOp, held: HeldMounts): void {
  const target = op.plainDirectory
    ? openPlainDirectory(root, op.destination, op.type)
    : openTarget(root, op.destination, null, op.missing);
  refuse(placeProblem(target.path, op.type === "proc" ? "proc" : "other"));
  const covered = op.copyUp ? openat(target.fd, ".", O_RDONLY | O_DIRECTORY) : undefined;
  fchdir(target.fd);
  mountHere(op, op.inheritMode ? dataWithMode(op.data, target) : op.data);
  if (
    covered === undefined &&
    op.tree === undefined &&
    op.relabel === undefined &&
    op.propagation.length === 0 &&
    !op.held
  )
    return target.fd[Symbol.dispose]();
  const mounted = mountedOn(root, target.fd, op.destination);
  if (covered !== undefined) {
    copyup.copyUp(covered, mounted, op.inheritOwner);
    covered[Symbol.dispose]();
  }
  if (op.relabel !== undefined) relabel(mounted, op.relabel, op.destination);
  for (const propagation of op.propagation) setPropagation(op.api, mounted, propagation, op.destination);
  if (op.tree !== undefined) setTreeAttributes(op.api, mounted, op.tree, op.destination);
  if (op.held) held.set(op.destination, mounted);
  else mounted[Symbol.dispose]();
}

/** On the working directory. @throws SysError that shows the options, with what the kernel has to say of them */
function mountHere(op: FilesystemOp, data: string): void {
  try {
    mount(op.source, ".", op.type, op.flags, data, op.destination);
  } catch (error) {
    throw refusal.refusedMount(error, op, data);
  }
}

function relabel(mounted: Fd, label: string, destination: string): void {
  const directory = openat(mounted, ".", O_RDONLY | O_DIRECTORY);
  fsetxattr(directory, "security.selinux", label, destination);
  directory[Symbol.dispose]();
}

/** tmpfs's own default, 1777, is for a directory that was not there before. */
function dataWithMode(data: string, target: Target): string {
  if (!target.existed) return data;
  const mode = `mode=${(fstat(target.fd).mode & 0o7777).toString(8)}`;
  return data === "" ? mode : `${mode},${data}`;
}

/**
 * The mount that was made on `target` just now. Closes `target`.
 * @param path where it should be, for kernels that have no other way to it
 */
function mountedOn(root: Fd, target: Fd, path: ContainerPath): Fd {
  const mounted = topmost(target) ?? mountedAt(root, path);
  target[Symbol.dispose]();
  return mounted;
}

/** The mount that is topmost at `path` now. */
function mountedAt(root: Fd, path: ContainerPath): Fd {
  const mounted = lookUp(root, path);
  if (mounted === undefined) throw new HostError(`${path} was removed while we mounted on it`);
  return mounted;
}

function bind(root: Fd, op: BindOp, sources: Sources, held: HeldMounts): void {
  const source = openSource(root, op, sources);
  if (op.source.kind === "inside" && op.source.idmap !== undefined)
    sources.map(source, {
      why: op.why,
      destination: op.destination,
      path: op.source.path,
      recursive: op.recursive,
      idmap: op.source.idmap,
    });
  const target = openTarget(root, op.destination, source, op.missing);
  refuse(placeProblem(target.path, "bind"));
  if (target.path === "/proc" && fstatfs(source).type !== PROC_SUPER_MAGIC) refuse(placeProblem(target.path, "other"));
  attach(source, target.fd, op.destination);
  target.fd[Symbol.dispose]();
  for (const propagation of op.propagation) setPropagation(op.api, source, propagation, op.destination);
  if (op.locked && op.tree !== undefined && (restrictions(source) & op.tree.clear) !== 0)
    throw new SysError("mount_setattr", EPERM, op.destination);
  if (op.attributes !== undefined)
    (op.locked ? setLockedAttributes : setBindAttributes)(op.api, source, op.attributes, op.destination);
  if (op.tree !== undefined) setTreeAttributes(op.api, source, op.tree, op.destination);
  if (op.held && isKernels(source)) held.set(op.destination, source);
  else if (op.source.kind !== "opened") source[Symbol.dispose]();
}

/** Whether nobody but the kernel makes names there. */
export function isKernels(fd: Fd): boolean {
  const { type } = fstatfs(fd);
  return type === PROC_SUPER_MAGIC || type === SYSFS_MAGIC;
}

function openSource(root: Fd, { source, recursive }: BindOp, sources: Sources): Fd {
  if (source.kind === "opened") return sourceOf(sources, source.index);
  return source.kind === "inside"
    ? copyTree(root, source.below, recursive, source.path)
    : copyTree(null, source.path, recursive);
}

function sourceOf(sources: Sources, index: number): Fd {
  const source = sources.opened[index];
  if (source === undefined) throw new Error(`bind source ${index} was not opened`);
  return source;
}

/** Attaches a detached mount; `mount` is then a descriptor of its root. @throws SysError ENOTDIR for a directory on a file and the reverse, as mount(2) */
export function attach(source: Fd, target: Fd, detail: string): void {
  try {
    attachTree(source, target, "", detail);
  } catch (error) {
    if (isErrno(error, EINVAL) && (fileType(source) === S_IFDIR) !== (fileType(target) === S_IFDIR))
      throw new SysError("move_mount", ENOTDIR, detail);
    throw error;
  }
}

function remount(root: Fd, op: RemountOp): void {
  const mounted = mountedAt(root, op.destination);
  setBindAttributes(op.api, mounted, op.attributes, op.destination);
  mounted[Symbol.dispose]();
}

/** In the tmpfs nobody but us has made a name, so plain names are safe there. */
function mountCgroup1(root: Fd, op: Cgroup1Op): void {
  const target = openTarget(root, op.destination, null, op.missing);
  refuse(placeProblem(target.path, "other"));
  fchdir(target.fd);
  mount("tmpfs", ".", "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, "mode=755", `tmpfs on ${op.destination}`);
  const tmpfs = mountedOn(root, target.fd, op.destination);
  fchdir(tmpfs);
  tmpfs[Symbol.dispose]();
  for (const propagation of op.propagation) mount(null, ".", null, propagation, null, op.destination);
  for (const hierarchy of op.hierarchies) {
    mkdirat(null, hierarchy.name, 0o755);
    mountHierarchy(hierarchy, op.destination);
    for (const propagation of op.propagation)
      mount(null, hierarchy.name, null, propagation, null, `${op.destination}/${hierarchy.name}`);
  }
  for (const { name, target: to } of op.links) symlinkat(to, null, name);
}

function mountHierarchy(hierarchy: Cgroup1Hierarchy, destination: string): void {
  const { name, source } = hierarchy;
  switch (hierarchy.kind) {
    case "bind":
      bindHierarchy(hierarchy, destination);
      if (hierarchy.remount !== undefined) mount(null, name, null, hierarchy.remount, null, `${destination}/${name}`);
      return;
    case "mount":
      return mount(
        source,
        name,
        "cgroup",
        hierarchy.flags,
        hierarchy.data,
        `cgroup ${hierarchy.data} on ${destination}/${name}`,
      );
    default:
      return unreachable(hierarchy);
  }
}

/** A container that could not get a cgroup of its own is in ours. */
function bindHierarchy(
  { name, source, otherwise }: Extract<Cgroup1Hierarchy, { readonly kind: "bind" }>,
  destination: string,
): void {
  try {
    mount(source, name, null, MS_BIND | MS_REC, null, `${source} on ${destination}/${name}`);
  } catch (error) {
    if (otherwise === undefined || !isErrno(error, ENOENT)) throw error;
    mount(otherwise, name, null, MS_BIND | MS_REC, null, `${otherwise} on ${destination}/${name}`);
  }
}

function mountCgroup2(root: Fd, op: Cgroup2Op, sources: Sources, held: HeldMounts): void {
  try {
    mountFilesystem(root, op.filesystem, held);
  } catch (error) {
    if (!isErrno(error, EPERM, EBUSY)) throw error;
    bindCgroup(root, op, sources, held);
  }
}

function bindCgroup(root: Fd, op: Cgroup2Op, sources: Sources, held: HeldMounts): void {
  try {
    bind(root, op.fallback, sources, held);
  } catch (error) {
    if (!op.orMask || !isErrno(error, ENOENT) || error.syscall !== "open_tree") throw error;
    const target = openTarget(root, op.destination, null, op.missing);
    fchdir(target.fd);
    mount("tmpfs", ".", "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1", `tmpfs on ${op.destination}`);
    target.fd[Symbol.dispose]();
  }
}

function mountSysfs(root: Fd, op: SysfsOp, sources: Sources, held: HeldMounts): void {
  try {
    mountFilesystem(root, op.filesystem, held);
  } catch (error) {
    if (!isErrno(error, EPERM)) throw error;
    bind(root, op.fallback, sources, held);
  }
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new HostError(problem);
}
