// Getting into the namespaces of a container that runs, by a descriptor of its first process.
//
// [kernel] setns(2) takes a pidfd and several kinds at once since 5.8: all or none, in the right order, and of that very process.
// Before, each namespace is a file of /proc.

import { EINVAL } from "../abi/errno.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../abi/fcntl.ts";
import type { HostPid } from "../base/brand.ts";
import { isErrno } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { fchdir } from "../sys/directory.ts";
import { chroot } from "../sys/mount.ts";
import { pidfd_send_signal, setns } from "../sys/process.ts";
import type { NamespaceType } from "../spec/types.ts";
import { namespaceFlags } from "./flags.ts";

export type Target = {
  readonly pid: HostPid;
  readonly pidfd: Fd;
  /** The namespaces that the container has for itself. */
  readonly types: readonly NamespaceType[];
};

/**
 * Joins the namespaces. From here on "/" and /proc are the container's.
 * [kernel] A pid namespace that a process enters is its children's, not its own: the container does not see us, and /proc has no /proc/self for us.
 */
export function joinContainer(target: Target): void {
  using root = target.types.includes("mount") ? null : openRoot(target);
  enter(target, ["user", "ipc", "uts", "network", "cgroup", "time", "pid", "mount"]); // [kernel] the order that the files of /proc demand
  if (root === null) return;
  fchdir(root);
  chroot(".");
}

/** Without a mount namespace of its own the container is where its init has changed its root to. */
function openRoot({ pid, pidfd }: Target): Fd {
  const root = openat(null, `/proc/${pid}/root`, O_PATH | O_DIRECTORY);
  pidfd_send_signal(pidfd, 0); // it still lives, so the number was its own all the time
  return root;
}

function enter(target: Target, order: readonly NamespaceType[]): void {
  const types = order.filter((type) => target.types.includes(type));
  if (types.length === 0) return;
  try {
    setns(
      target.pidfd,
      types.reduce((sum, type) => sum + namespaceFlags[type], 0),
      types.join(", "),
    );
  } catch (error) {
    if (!isErrno(error, EINVAL)) throw error;
    enterByFiles(target, types);
  }
}

const files: { readonly [type in NamespaceType]: string } = {
  user: "user",
  ipc: "ipc",
  uts: "uts",
  network: "net",
  pid: "pid",
  cgroup: "cgroup",
  mount: "mnt",
  time: "time",
};

/** Every file is opened before the first is joined: the mount namespace takes /proc away. */
function enterByFiles({ pid, pidfd }: Target, types: readonly NamespaceType[]): void {
  const opened: { readonly type: NamespaceType; readonly file: Fd }[] = [];
  try {
    for (const type of types) opened.push({ type, file: openat(null, `/proc/${pid}/ns/${files[type]}`, O_RDONLY) });
    pidfd_send_signal(pidfd, 0); // it still lives, so the number was its own all the time
    for (const { type, file } of opened) setns(file, namespaceFlags[type], type);
  } finally {
    for (const { file } of opened) file[Symbol.dispose]();
  }
}
