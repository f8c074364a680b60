// What a mount allows and whom it tells of mounts below it, changed through a descriptor of the mount itself.

import { AT_EMPTY_PATH, AT_RECURSIVE } from "../abi/fcntl.ts";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_STRICTATIME,
} from "../abi/mount.ts";
import {
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
} from "../abi/statfs.ts";
import { ENOSYS, EPERM } from "../abi/errno.ts";
import { isErrno, SysError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { fstatfs } from "../sys/stat.ts";
import { mount_setattr } from "../sys/mount.ts";
import { changeMount } from "../sys/tree.ts";
import type { Attributes, BindAttributes, MountApi } from "./ops.ts";

/** Changes the attributes of one mount, which is attached. @param mount a descriptor of its root */
export function setAttributes(api: MountApi, mount: Fd, attributes: Attributes, detail: string): void {
  switch (api) {
    case "mount_setattr":
      return mount_setattr(
        mount,
        "",
        AT_EMPTY_PATH,
        { set: attributes.set, clear: attributes.clear, propagation: 0, userns: null },
        detail,
      );
    case "remount":
      return remount(mount, attributes, detail);
  }
}

/** As setAttributes; what is locked and was not asked to be cleared stays. [kernel] A mount from another user namespace keeps its restrictions. */
export function setBindAttributes(api: MountApi, mount: Fd, attributes: BindAttributes, detail: string): void {
  try {
    setAttributes(api, mount, attributes, detail);
  } catch (error) {
    if (!isErrno(error, EPERM) || attributes.clear === attributes.asked) throw error;
    setAttributes(api, mount, { set: attributes.set, clear: attributes.asked }, detail);
  }
}

/**
 * As setBindAttributes, for what was opened in a user namespace above ours: the kernel locks nothing there, and would lock it in a bind of our own making.
 * @throws SysError EPERM a word asks to clear what the host's mount forbids
 * @see mount_namespaces(7), restrictions on mount namespaces
 */
export function setLockedAttributes(api: MountApi, mount: Fd, attributes: BindAttributes, detail: string): void {
  const locked = restrictions(mount);
  if ((locked & attributes.asked) !== 0) throw new SysError("mount_setattr", EPERM, detail);
  setAttributes(api, mount, { set: attributes.set, clear: attributes.clear & ~locked }, detail);
}

/** What the mount forbids now, of that which is locked for user namespaces below. */
export function restrictions(mount: Fd): number {
  const now = fstatfs(mount).flags;
  return FLAGS.slice(0, 4).reduce(
    (attributes, [attribute, , st]) => ((now & st) === 0 ? attributes : attributes | attribute),
    0,
  );
}

/** Changes the attributes of a mount and of all below it. @throws SysError ENOSYS where only mount(2) is there: it cannot */
export function setTreeAttributes(api: MountApi, mount: Fd, attributes: Attributes, detail: string): void {
  switch (api) {
    case "mount_setattr":
      return mount_setattr(
        mount,
        "",
        AT_EMPTY_PATH | AT_RECURSIVE,
        { set: attributes.set, clear: attributes.clear, propagation: 0, userns: null },
        detail,
      );
    case "remount":
      throw new SysError("mount_setattr", ENOSYS, detail);
  }
}

/** @param propagation MS_SHARED …, with MS_REC for all below it too */
export function setPropagation(api: MountApi, mount: Fd, propagation: number, detail: string): void {
  switch (api) {
    case "mount_setattr": {
      const flags = (propagation & MS_REC) === 0 ? AT_EMPTY_PATH : AT_EMPTY_PATH | AT_RECURSIVE;
      return mount_setattr(
        mount,
        "",
        flags,
        { set: 0, clear: 0, propagation: propagation & ~MS_REC, userns: null },
        detail,
      );
    }
    case "remount":
      return changeMount(mount, propagation, detail);
  }
}

const FLAGS: readonly (readonly [attribute: number, ms: number, st: number])[] = [
  [MOUNT_ATTR_RDONLY, MS_RDONLY, ST_RDONLY],
  [MOUNT_ATTR_NOSUID, MS_NOSUID, ST_NOSUID],
  [MOUNT_ATTR_NODEV, MS_NODEV, ST_NODEV],
  [MOUNT_ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC],
  [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME],
  [MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW, ST_NOSYMFOLLOW],
];

/** [kernel] A remount by mount(2) sets every attribute anew: those that shall stay have to be named. */
function remount(mount: Fd, { set, clear }: Attributes, detail: string): void {
  const now = fstatfs(mount).flags;
  let flags = 0;
  for (const [attribute, ms, st] of FLAGS) {
    if ((set & attribute) !== 0 || ((clear & attribute) === 0 && (now & st) !== 0)) flags |= ms;
  }
  if ((clear & MOUNT_ATTR__ATIME) !== 0) {
    const atime = set & MOUNT_ATTR__ATIME;
    flags |=
      atime === MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME : atime === MOUNT_ATTR_NOATIME ? MS_NOATIME : MS_RELATIME;
  } else flags |= (now & ST_NOATIME) !== 0 ? MS_NOATIME : (now & ST_RELATIME) !== 0 ? MS_RELATIME : MS_STRICTATIME;
  changeMount(mount, flags | MS_BIND | MS_REMOUNT, detail);
}

/** Which calls this kernel has, for planRootfs. */
export function probeMountApi(): MountApi {
  try {
    mount_setattr(null, "/", 0, { set: 0, clear: 0, propagation: 0, userns: null }); // [kernel] nothing to change: succeeds without a look at the mount
    return "mount_setattr";
  } catch (error) {
    return isErrno(error, ENOSYS) ? "remount" : "mount_setattr"; // EPERM: it is there, for others
  }
}
