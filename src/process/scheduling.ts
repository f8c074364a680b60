// Sets what scheduling-plan.ts planned. Loaded on demand: most containers ask for none of it.
//
// In the child, and there after it is in its cgroup (a cpuset decides about nodes and processors), after no_new_privs, before it becomes the
// user (CAP_SYS_NICE) and before any seccomp filter, which may forbid these calls to the container.

import { EPERM } from "../abi/errno.ts";
import { IOPRIO_WHO_PGRP } from "../abi/ioprio.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { sched_setaffinity } from "../sys/process.ts";
import { bitWords, ioprio_set, personality, sched_setattr, set_mempolicy } from "../sys/scheduling.ts";
import { resetAffinity } from "./affinity.ts";
import type { AffinityPlan, CpuSet, SchedulerOp, SchedulingPlan } from "./scheduling-plan.ts";

/** @throws StepError for what the kernel refuses */
export function setScheduling(plan: SchedulingPlan): void {
  const { scheduler, ioPriority, personality: domain, memoryPolicy } = plan;
  if (scheduler !== undefined) setScheduler(scheduler, 0);
  if (ioPriority !== undefined)
    attempt("set I/O priority", ioPriority.why, () =>
      ioprio_set(IOPRIO_WHO_PGRP, 0, ioPriority.value, ioPriority.text),
    );
  if (domain !== undefined) attempt("set personality", domain.why, () => void personality(domain.persona));
  if (memoryPolicy !== undefined)
    attempt("set memory policy", memoryPolicy.why, () =>
      set_mempolicy(memoryPolicy.mode, memoryPolicy.nodes, memoryPolicy.text),
    );
}

/** @param pid 0 is ourselves */
export function setScheduler(op: SchedulerOp, pid: number): void {
  attempt("set scheduler", op.why, () => {
    try {
      sched_setattr(pid, op, op.text);
    } catch (error) {
      if (op.cpuset && isErrno(error, EPERM))
        throw new HostError("process scheduler can't be used together with AllowedCPUs"); // runc's words
      throw error;
    }
  });
}

/** Where a process that shall join a container runs before it is in the container's cgroup. @param pid 0 is ourselves */
export function setInitialAffinity(plan: AffinityPlan, pid: number): void {
  if (plan.initial !== undefined) setAffinity(plan.initial, pid);
}

/** Once we have joined the container's cgroup. [spec] Without `final` the kernel decides, that is: what `initial` left, cut to the cpuset; as runc, nothing at all resets it. */
export function setFinalAffinity(plan: AffinityPlan): void {
  if (plan.final !== undefined) setAffinity(plan.final, 0);
  else if (plan.initial === undefined) resetAffinity();
}

function setAffinity({ cpus, text, why }: CpuSet, pid: number): void {
  attempt("set CPU affinity", why, () => sched_setaffinity(pid, bitWords(cpus), text));
}

function attempt(step: string, why: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new StepError(step, error, why);
  }
}
