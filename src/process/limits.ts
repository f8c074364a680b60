// What is set on the process before it loses the right to: by the parent from outside, or by itself while it is still the runtime.

import { EACCES } from "../abi/errno.ts";
import { O_WRONLY } from "../abi/fcntl.ts";
import { RLIM64_INFINITY, RLIMIT_NOFILE, RLIMIT_NPROC } from "../abi/resource.ts";
import type { HostPid } from "../base/brand.ts";
import { isErrno, StepError } from "../base/errors.ts";
import { compareInt64, int64, type Int64 } from "../base/int64.ts";
import { writeFile } from "../sys/file.ts";
import { prlimit } from "../sys/process.ts";
import type { ProcessPlan, RlimitOp } from "./plan.ts";

/** What the way to the program takes more than the program may have: set by settleRlimits in the process itself, when it is there. */
export type Spare = { readonly processes: number; readonly descriptors: number };

const NOTHING: Spare = { processes: 0, descriptors: 0 };
/** For what we open ourselves beside the descriptors that are counted. */
const OUR_DESCRIPTORS = 256;

/** @throws StepError with EPERM where a hard limit is raised without CAP_SYS_RESOURCE */
export function setRlimits(
  plan: ProcessPlan,
  pid: HostPid | "self",
  { processes, descriptors }: Spare = NOTHING,
): void {
  for (const limit of plan.rlimits) {
    if (limit.resource === RLIMIT_NPROC && processes > 0)
      setRlimit({ ...limit, soft: more(limit.soft, processes), hard: more(limit.hard, processes) }, pid);
    else if (limit.resource === RLIMIT_NOFILE && descriptors > 0)
      setRlimit({ ...limit, soft: atLeast(limit.soft, descriptors), hard: atLeast(limit.hard, descriptors) }, pid);
    else setRlimit(limit, pid);
  }
}

/** Takes away what was spare. Lowering takes no right. */
export function settleRlimits(plan: ProcessPlan): void {
  for (const limit of plan.rlimits)
    if (limit.resource === RLIMIT_NPROC || limit.resource === RLIMIT_NOFILE) setRlimit(limit, "self");
}

const more = (limit: Int64, spare: number): Int64 =>
  BigInt(limit) < RLIM64_INFINITY ? int64(BigInt(limit) + BigInt(spare)) : limit;
const atLeast = (limit: Int64, descriptors: number): Int64 =>
  compareInt64(limit, descriptors + OUR_DESCRIPTORS) < 0 ? descriptors + OUR_DESCRIPTORS : limit;

function setRlimit({ name, resource, soft, hard, why }: RlimitOp, pid: HostPid | "self"): void {
  try {
    prlimit(pid === "self" ? 0 : pid, name, resource, soft, hard);
  } catch (error) {
    throw new StepError(`set ${name}`, error, why);
  }
}

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
