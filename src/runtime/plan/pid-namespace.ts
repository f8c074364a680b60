// create into a pid namespace of others. [cve] As CVE-2016-9962: whoever there has CAP_SYS_PTRACE, and no user namespace between, may look into init
// while it is still root of the host. So what prepares the container stays outside, as channel/late-fork.ts has it for exec, and forks init when nothing is left
// to do but execve.
//
// [kernel] Since Linux 6.17 a procfs can be mounted for a pid namespace that one is not in (pidns=). Before, init has to be in it.

import { EINVAL, ENODEV, ENOSYS, EPERM } from "../../abi/errno.ts";
import { isErrno } from "../../base/errors.ts";
import { pidsMax } from "../../cgroup/resource-writes.ts";
import type { MountOp } from "../../rootfs/ops.ts";
import type { Resources } from "../../spec/types.ts";
import { fsconfig_set, fsopen } from "../../sys/mount.ts";
import { planCrossing } from "../channel/late-fork.ts";
import type { ContainerPlan } from "./container.ts";
import defer * as schedulingPlan from "../../process/scheduling-plan.ts";

/** [kernel] The namespace that a process has joined is its children's, and has this name. */
const JOINED = "pidns=/proc/self/ns/pid_for_children";

/**
 * The plan with init outside until the last moment, where that can be. Hooks and seccomp agents are told of init's pid before, which
 * must be the one that it keeps; and they act in its namespaces.
 */
export function stayOutside(plan: ContainerPlan, { pids }: Resources): ContainerPlan {
  const { namespaces, rootfs, hooks, seccomp, scheduling } = plan;
  const join = namespaces.parentJoins.find(({ type }) => type === "pid");
  const isTold =
    hooks.prestart.length + hooks.createRuntime.length + hooks.createContainer.length > 0 ||
    seccomp?.listener !== undefined;
  if (join === undefined || namespaces.user !== undefined || namespaces.foreignMounts || isTold) return plan;
  if (scheduling?.scheduler !== undefined && schedulingPlan.isLostByFork(scheduling.scheduler)) return plan;
  if (pids.limit !== undefined && pidsMax(pids.limit) === "1") return plan; // there would be two for a moment
  if (!mountsForOthers()) return plan;
  return {
    ...plan,
    namespaces: {
      ...namespaces,
      parentJoins: namespaces.parentJoins.filter((one) => one !== join),
      childJoins: [...namespaces.childJoins, join],
    },
    rootfs: {
      ...rootfs,
      mountsBeforeCgroup: rootfs.mountsBeforeCgroup.map(forJoined),
      mountsAfter: rootfs.mountsAfter.map(forJoined),
    },
    crossing: planCrossing(seccomp, plan.terminal !== undefined, true),
  };
}

const forJoined = (op: MountOp): MountOp =>
  op.kind === "filesystem" && op.type === "proc"
    ? { ...op, data: op.data === "" ? JOINED : `${op.data},${JOINED}` }
    : op;

function mountsForOthers(): boolean {
  try {
    using context = fsopen("proc");
    fsconfig_set(context, "pidns", "/proc/self/ns/pid");
    return true;
  } catch (error) {
    if (isErrno(error, EINVAL, ENODEV, ENOSYS, EPERM)) return false;
    throw error;
  }
}
