// Getting into the namespaces. Some take effect for children only, so the parent enters them around the clone; the child joins the rest.

import { CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWTIME } from "../abi/sched.ts";
import { O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { StepError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, writeFile } from "../sys/file.ts";
import { setns, unshare, type Child } from "../sys/process.ts";
import { cloneInto } from "./clone.ts";
import type { NamespaceJoin, NamespacePlan } from "./plan.ts";

/**
 * Forks into the plan's namespaces, and where it can into `cgroup`. Both processes return, as from clone3; the parent is back in its own namespaces then.
 *
 * [kernel] A pid or time namespace that a process enters is its children's, not its own: the parent enters, clones, and returns
 * (setns to one's own pid namespace is allowed), so no intermediate process is needed. Offsets of a time namespace freeze when the
 * first process is in it, hence before the clone. @see pid_namespaces(7), time_namespaces(7)
 */
export function cloneIntoNamespaces(plan: NamespacePlan, cgroup: Fd | null): { readonly child: Child | undefined; readonly inCgroup: boolean } {
  const returns: { readonly own: Fd; readonly flag: number }[] = [];
  const remember = (name: string, flag: number): void => void returns.push({ own: openat(null, `/proc/self/ns/${name}`, O_RDONLY), flag });
  try {
    if (plan.parentJoins.some(({ type }) => type === "pid")) remember("pid", CLONE_NEWPID);
    if (plan.time !== undefined || plan.parentJoins.some(({ type }) => type === "time")) remember("time", CLONE_NEWTIME);
    for (const entry of plan.parentJoins) join(entry);
    if (plan.time !== undefined) {
      unshare(CLONE_NEWTIME);
      if (plan.time.offsets !== "") writeOffsets(plan.time.offsets, plan.time.why);
    }
    const born = cloneInto(plan.cloneFlags, cgroup);
    if (born.child !== undefined) for (const { own, flag } of returns) setns(own, flag, "our own namespace again");
    return born;
  } finally {
    for (const { own } of returns) own[Symbol.dispose]();
  }
}

function writeOffsets(offsets: string, why: string): void {
  try {
    writeFile(null, "/proc/self/timens_offsets", O_WRONLY, offsets);
  } catch (error) {
    throw new StepError("write time offsets", error, why);
  }
}

function join({ type, flag, path, why }: NamespaceJoin): void {
  try {
    using namespace = openat(null, path, O_RDONLY);
    setns(namespace, flag, path);
  } catch (error) {
    throw new StepError(`join ${type} namespace`, error, why);
  }
}

/** In the child: joins what config.json gives a path for. */
export function joinNamespaces(plan: NamespacePlan): void {
  for (const entry of plan.childJoins) join(entry);
}

/** In the child, once it is in its cgroup. */
export function enterCgroupNamespace(plan: NamespacePlan): void {
  if (plan.cgroup !== undefined) unshare(CLONE_NEWCGROUP);
}
