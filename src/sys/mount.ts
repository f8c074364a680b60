// Mounts, by both APIs of the kernel. Source and target "" together with a descriptor mean the descriptor itself.

import {
  SYS_chroot,
  SYS_fsconfig,
  SYS_fsmount,
  SYS_fsopen,
  SYS_mount,
  SYS_mount_setattr,
  SYS_move_mount,
  SYS_open_tree,
  SYS_pivot_root,
  SYS_umount2,
} from "../abi/syscall.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  mount_attr,
  OPEN_TREE_CLOEXEC,
} from "../abi/mount.ts";
import { at, Fd, type At } from "./fd.ts";
import { syscall } from "./call.ts";
import { readOrErrno } from "./file.ts";
import { host } from "./host.ts";
import { Struct } from "./memory.ts";

/** @see mount(2) */
export function mount(
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null,
  detail?: string,
): void {
  syscall("mount", SYS_mount, detail ?? `${source ?? type ?? "none"} on ${target}`, source, target, type, flags, data);
}

/** @see umount2(2) */
export function umount2(target: string, flags: number): void {
  syscall("umount2", SYS_umount2, target, target, flags);
}

/**
 * Makes `newRoot` the root mount of this mount namespace.
 * @param putOld where the old root lands; "." for both is allowed (pivot_root(2), NOTES)
 * @throws SysError EINVAL if `newRoot` is not a mount point, its parent mount is shared, or `/` is the initramfs
 * @see pivot_root(2)
 */
export function pivot_root(newRoot: string, putOld: string): void {
  syscall("pivot_root", SYS_pivot_root, `${newRoot} over ${putOld}`, newRoot, putOld);
}

/** @see chroot(2) */
export function chroot(path: string): void {
  syscall("chroot", SYS_chroot, path, path);
}

/** A mount as a descriptor, cloned when `flags` has OPEN_TREE_CLONE; the caller closes it. @throws SysError ENOSYS before 5.2 @see open_tree(2) */
export function open_tree(dir: At, path: string, flags: number, detail: string = path): Fd {
  return new Fd(syscall("open_tree", SYS_open_tree, detail, at(dir), path, flags + OPEN_TREE_CLOEXEC));
}

/** Attaches a detached mount, or moves one. @see move_mount(2) */
export function move_mount(fromDir: At, from: string, toDir: At, to: string, flags: number, detail?: string): void {
  syscall("move_mount", SYS_move_mount, detail ?? `${from} to ${to}`, at(fromDir), from, at(toDir), to, flags);
}

/** A context to configure a new file system in; the caller closes it. @throws SysError ENODEV unknown type, ENOSYS before 5.2 @see fsopen(2) */
export function fsopen(type: string): Fd {
  return new Fd(syscall("fsopen", SYS_fsopen, type, type, FSOPEN_CLOEXEC));
}

/** Sets an option, with a value or as a flag. @throws SysError EINVAL unknown option or value @see fsconfig(2) */
export function fsconfig_set(context: Fd, key: string, value: string | null): void {
  const command = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  syscall("fsconfig", SYS_fsconfig, value === null ? key : `${key}=${value}`, context.raw, command, key, value, 0);
}

/** Makes the superblock. @see fsconfig(2) */
export function fsconfig_create(context: Fd, detail: string): void {
  syscall("fsconfig", SYS_fsconfig, `create ${detail}`, context.raw, FSCONFIG_CMD_CREATE, null, null, 0);
}

/** [kernel] The context holds few messages; each is "e ", "w " or "i " (error, warning, information) and words. */
const LONGEST_MESSAGE = 1024;

/** What the kernel has to say of a context so far, oldest first, without the letter of its kind. Each is given once. @see fsopen(2) */
export function contextMessages(context: Fd): readonly string[] {
  const messages: string[] = [];
  const buffer = new Uint8Array(LONGEST_MESSAGE);
  for (let length; (length = readOrErrno(context, buffer)) > 0;)
    messages.push(
      host
        .decode(buffer.subarray(0, length))
        .replace(/^[ewi] /, "")
        .trim(),
    );
  return messages;
}

/** The configured file system as a detached mount; the caller closes it. @param attributes MOUNT_ATTR_* @see fsmount(2) */
export function fsmount(context: Fd, attributes: number, detail: string): Fd {
  return new Fd(syscall("fsmount", SYS_fsmount, detail, context.raw, FSMOUNT_CLOEXEC, attributes));
}

const attr = new Struct(mount_attr.size);

/**
 * Changes attributes of a mount, of the whole tree below it with AT_RECURSIVE.
 * @param attributes MOUNT_ATTR_* to set and to clear, MS_SHARED … as propagation or 0, a user namespace for MOUNT_ATTR_IDMAP
 * @throws SysError ENOSYS before 5.12, EINVAL file system cannot be id-mapped, EPERM locked attribute
 * @see mount_setattr(2)
 */
export function mount_setattr(
  dir: At,
  path: string,
  flags: number,
  attributes: {
    readonly set: number;
    readonly clear: number;
    readonly propagation: number;
    readonly userns: Fd | null;
  },
  detail: string = path,
): void {
  attr
    .u64(mount_attr.attr_set, attributes.set)
    .u64(mount_attr.attr_clr, attributes.clear)
    .u64(mount_attr.propagation, attributes.propagation)
    .u64(mount_attr.userns_fd, attributes.userns === null ? 0 : attributes.userns.raw);
  syscall("mount_setattr", SYS_mount_setattr, detail, at(dir), path, flags, attr.buffer, mount_attr.size);
}
