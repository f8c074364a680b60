// What CRIU finds when it begins: a mount namespace of its own, in which the root file system is a mount and has a place for every mount of
// config.json. In the process that becomes CRIU: nothing of it is left when that has gone, however it goes.

import { O_DIRECTORY, O_PATH } from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_REC, MS_SLAVE } from "../../abi/mount.ts";
import { CLONE_NEWNS } from "../../abi/sched.ts";
import { containerPath, type HostPath } from "../../base/brand.ts";
import { StepError } from "../../base/errors.ts";
import { clean, resolve } from "../../base/path.ts";
import { isBind } from "../../criu/sources-plan.ts";
import { openTarget } from "../../rootfs/resolve.ts";
import type { Mount, Spec } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { openat } from "../../sys/file.ts";
import { mount, umount2 } from "../../sys/mount.ts";
import { unshare } from "../../sys/process.ts";
import { attachTree, copyTree } from "../../sys/tree.ts";

/** @throws StepError that names the mount */
export function prepareMounts(spec: Spec, rootfs: HostPath, bundle: HostPath): void {
  unshare(CLONE_NEWNS);
  mount("none", "/", null, MS_SLAVE | MS_REC, null); // the host does not see what we mount
  mount(rootfs, rootfs, null, MS_BIND | MS_REC, null);
  makeMountPoints(spec, rootfs, bundle);
  umount2(rootfs, MNT_DETACH);
  mount(rootfs, rootfs, null, MS_BIND | MS_REC, null); // CRIU wants a root that is a mount, and none of ours on it
}

/** As create does it: binds are mounted meanwhile, for a place may lie in what another one brings. */
function makeMountPoints({ mounts }: Spec, rootfs: HostPath, bundle: HostPath): void {
  using root = openat(null, rootfs, O_PATH | O_DIRECTORY);
  mounts.forEach((entry, i) => {
    if (isCriusOwn(entry, mounts)) return;
    try {
      makeMountPoint(root, entry, bundle);
    } catch (error) {
      throw new StepError(`make a place for ${entry.destination}`, error, `/mounts/${i}`);
    }
  });
}

/** cgroup file systems stand on tmpfs or sysfs, and what is on a tmpfs is in the images. */
const isCriusOwn = ({ type, destination }: Mount, mounts: readonly Mount[]): boolean =>
  type === "cgroup" ||
  type === "cgroup2" ||
  mounts.some(
    (other) => other.type === "tmpfs" && clean(`/${destination}`).startsWith(`${clean(`/${other.destination}`)}/`),
  );

function makeMountPoint(root: Fd, entry: Mount, bundle: HostPath): void {
  const path = containerPath(clean(`/${entry.destination}`));
  if (!isBind(entry)) {
    openTarget(root, path, null, false).fd[Symbol.dispose]();
    return;
  }
  using source = openat(null, resolve(bundle, entry.source ?? ""), O_PATH);
  const target = openTarget(root, path, source, false);
  using fd = target.fd;
  using tree = copyTree(source, "", true, entry.source);
  attachTree(tree, fd, "", `${entry.source} to ${entry.destination}`);
}
