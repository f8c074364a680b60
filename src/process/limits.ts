// What is set on the process before it loses the right to: by the parent from outside, or by itself while it is still the runtime.

import { EACCES } from "../abi/errno.ts";
import { O_WRONLY } from "../abi/fcntl.ts";
import { RLIM64_INFINITY, RLIMIT_NPROC } from "../abi/resource.ts";
import type { HostPid } from "../base/brand.ts";
import { isErrno, StepError } from "../base/errors.ts";
import { int64, type Int64 } from "../base/int64.ts";
import { writeFile } from "../sys/file.ts";
import { prlimit } from "../sys/process.ts";
import type { ProcessPlan, RlimitOp } from "./plan.ts";

/**
 * @param forks the process that the limits are for will be forked by this one: [kernel] for a moment RLIMIT_NPROC counts both
 * @throws StepError with EPERM where a hard limit is raised without CAP_SYS_RESOURCE
 */
export function setRlimits(plan: ProcessPlan, pid: HostPid | "self", forks = false): void {
  for (const limit of plan.rlimits) setRlimit(forks && limit.resource === RLIMIT_NPROC ? { ...limit, soft: oneMore(limit.soft), hard: oneMore(limit.hard) } : limit, pid);
}

/** In the process itself, once it is forked. */
export function setProcessLimit(plan: ProcessPlan): void {
  for (const limit of plan.rlimits) if (limit.resource === RLIMIT_NPROC) setRlimit(limit, "self");
}

function setRlimit({ name, resource, soft, hard, why }: RlimitOp, pid: HostPid | "self"): void {
  try {
    prlimit(pid === "self" ? 0 : pid, name, resource, soft, hard);
  } catch (error) {
    throw new StepError(`set ${name}`, error, why);
  }
}

const oneMore = (limit: Int64): Int64 => (BigInt(limit) < RLIM64_INFINITY ? int64(BigInt(limit) + 1n) : limit);

/** As setOomScoreAdj for ourselves without privilege, who can only raise it: one that is too low is said, and the process starts all the same, as with crun. */
export function setOwnOomScoreAdj(plan: ProcessPlan, warn: (text: string) => void): void {
  try {
    setOomScoreAdj(plan, "self");
  } catch (error) {
    if (!(error instanceof StepError) || !isErrno(error.cause, EACCES)) throw error;
    warn(`oom score ${plan.oomScoreAdj} is lower than our own, which takes privileges: it stays as it is`);
  }
}

/** undefined keeps what the caller of the runtime has. @see proc_pid_oom_score_adj(5) */
export function setOomScoreAdj(plan: ProcessPlan, pid: HostPid | "self"): void {
  if (plan.oomScoreAdj === undefined) return;
  try {
    writeFile(null, `/proc/${pid}/oom_score_adj`, O_WRONLY, String(plan.oomScoreAdj));
  } catch (error) {
    throw new StepError("set oom score", error, "/process/oomScoreAdj");
  }
}
