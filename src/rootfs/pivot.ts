// The change of root: after it "/" is the container's, and nothing of the host's tree can be reached.

import { EINVAL, ENOENT, EPERM } from "../abi/errno.ts";
import { O_DIRECTORY, O_PATH } from "../abi/fcntl.ts";
import { MNT_DETACH, MS_MOVE, MS_REC, MS_SLAVE } from "../abi/mount.ts";
import { isErrno, StepError, unreachable } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, readFile } from "../sys/file.ts";
import { chdir, fchdir } from "../sys/directory.ts";
import { chroot, mount, pivot_root, umount2 } from "../sys/mount.ts";
import { reopenDevNull } from "./devices.ts";
import { kernelFilesystems } from "./mountinfo.ts";
import type { RootfsPlan } from "./ops.ts";

/** @param root from prepareRoot, borrowed @throws StepError */
export function pivot(root: Fd, plan: RootfsPlan): void {
  try {
    changeRoot(root, plan);
    if (plan.propagation?.final !== undefined) mount(null, "/", null, plan.propagation.final, null, "propagation of /");
  } catch (error) {
    throw new StepError(plan.pivot.kind, error, plan.pivot.why);
  }
  if (plan.ownDev) reopenDevNull();
}

function changeRoot(root: Fd, plan: RootfsPlan): void {
  switch (plan.pivot.kind) {
    case "pivot_root":
      return pivotRoot(root, plan.propagation?.slaveBeforeDetach ?? true);
    case "move":
      hideKernelFilesystems(plan.rootfs);
      fchdir(root);
      mount(".", "/", null, MS_MOVE, null, `${plan.rootfs} on /`);
      return enter();
    case "chroot":
      fchdir(root);
      return enter();
    default:
      return unreachable(plan.pivot.kind);
  }
}

/** pivot_root(2), NOTES: with "." for both, the old root is mounted over the new one and needs no directory in it. */
function pivotRoot(root: Fd, slaveFirst: boolean): void {
  const old = openat(null, "/", O_PATH | O_DIRECTORY);
  fchdir(root);
  pivot_root(".", ".");
  fchdir(old); // where pivot_root leaves the working directory is not promised
  if (slaveFirst) mount(null, ".", null, MS_SLAVE | MS_REC, null, "propagation of the old root");
  umount2(".", MNT_DETACH);
  old[Symbol.dispose]();
  chdir("/");
}

function enter(): void {
  chroot(".");
  chdir("/");
}

/**
 * [kernel] Without pivot_root the host's mounts stay in our mount namespace, and the kernel lets whoever sees a
 * whole procfs or sysfs anywhere in it mount another, without the masks. So each one outside of the container goes, or is covered.
 */
function hideKernelFilesystems(rootfs: string): void {
  for (const path of kernelFilesystems(readFile(null, "/proc/self/mountinfo", 65536), rootfs)) {
    try {
      mount(null, path, null, MS_SLAVE | MS_REC, null, `propagation of ${path}`);
    } catch (error) {
      if (isErrno(error, ENOENT)) continue; // gone with one above it
      throw error;
    }
    try {
      umount2(path, MNT_DETACH);
    } catch (error) {
      if (!isErrno(error, EINVAL, EPERM)) throw error; // locked by a user namespace: cover it
      mount("tmpfs", path, "tmpfs", 0, null);
    }
  }
}
