// Getting into the namespaces. Some take effect for children only, so the parent enters them around the clone; the child joins the rest.

import { CLONE_NEWCGROUP, CLONE_NEWTIME } from "../abi/sched.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { StepError } from "../base/errors.ts";
import type { NamespaceType } from "../spec/types.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, writeFile } from "../sys/file.ts";
import { fchdir } from "../sys/directory.ts";
import { chroot } from "../sys/mount.ts";
import { setns, unshare, type Child } from "../sys/process.ts";
import { cloneInto } from "./clone.ts";
import { namespaceFiles, namespaceFlags } from "./flags.ts";
import type { NamespaceJoin, NamespacePlan } from "./plan.ts";

/**
 * Forks into the plan's namespaces, and where it can into `cgroup`. Both processes return, as from clone3; the parent is back in its own namespaces then.
 *
 * [kernel] A pid or time namespace that a process enters is its children's, not its own: the parent enters, clones, and returns
 * (setns to one's own pid namespace is allowed), so no intermediate process is needed. Offsets of a time namespace freeze when the
 * first process is in it, hence before the clone. @see pid_namespaces(7), time_namespaces(7)
 */
export function cloneIntoNamespaces(
  plan: NamespacePlan,
  cgroup: Fd | null,
): { readonly child: Child | undefined; readonly inCgroup: boolean } {
  const returns: (() => void)[] = [];
  const opened: Fd[] = [];
  const open = (path: string, flags: number): Fd => {
    const fd = openat(null, path, flags);
    opened.push(fd);
    return fd;
  };
  const remember = (type: NamespaceType): void => {
    const own = open(`/proc/self/ns/${namespaceFiles[type]}`, O_RDONLY);
    returns.push(() => setns(own, namespaceFlags[type], "our own namespace again"));
  };
  const makesTime = plan.time?.by === "parent";
  try {
    for (const { type } of plan.parentJoins) {
      if (type === "mount") rememberPlace(open, returns);
      remember(type);
    }
    if (makesTime && !plan.parentJoins.some(({ type }) => type === "time")) remember("time");
    const targets = plan.parentJoins.map((entry) => ({ entry, file: openNamespace(entry) })); // all before the first is entered: the mount namespace takes /proc away
    opened.push(...targets.map(({ file }) => file));
    for (const { entry, file } of targets) enter(entry, file);
    if (makesTime) makeTimeNamespace(plan);
    const born = cloneInto(plan.user?.path === undefined ? plan.cloneFlags : 0, cgroup);
    if (born.child !== undefined) for (const goBack of returns.reverse()) goBack();
    return born;
  } finally {
    for (const fd of opened) fd[Symbol.dispose]();
  }
}

/** [kernel] Who joins a mount namespace starts at its root. */
function rememberPlace(open: (path: string, flags: number) => Fd, returns: (() => void)[]): void {
  const root = open("/", O_PATH | O_DIRECTORY);
  const directory = open(".", O_PATH | O_DIRECTORY);
  returns.push(() => {
    fchdir(root);
    chroot(".");
    fchdir(directory);
  });
}

function makeTimeNamespace({ time }: NamespacePlan): void {
  if (time === undefined) return;
  unshare(CLONE_NEWTIME);
  if (time.offsets === "") return;
  try {
    writeFile(null, "/proc/self/timens_offsets", O_WRONLY, time.offsets);
  } catch (error) {
    throw new StepError("write time offsets", error, time.why);
  }
}

/** The caller closes it. */
export function openNamespace({ type, path, why }: NamespaceJoin): Fd {
  try {
    return openat(null, path, O_RDONLY);
  } catch (error) {
    throw new StepError(`join ${type} namespace`, error, why);
  }
}

export function enter({ type, flag, path, why }: NamespaceJoin, namespace: Fd): void {
  try {
    setns(namespace, flag, path);
  } catch (error) {
    throw new StepError(`join ${type} namespace`, error, why);
  }
}

/** In the child: joins what config.json gives a path for. */
export function joinNamespaces(plan: NamespacePlan): void {
  if (plan.user !== undefined) return; // enterUserNamespace has
  for (const entry of plan.childJoins) {
    using namespace = openNamespace(entry);
    enter(entry, namespace);
  }
}

/** In the child, once it is in its cgroup. */
export function enterCgroupNamespace(plan: NamespacePlan): void {
  if (plan.cgroup !== undefined) unshare(CLONE_NEWCGROUP);
}
