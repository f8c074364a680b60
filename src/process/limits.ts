// What is set on the process before it loses the right to: by the parent from outside, or by itself while it is still the runtime.

import { O_WRONLY } from "../abi/fcntl.ts";
import type { HostPid } from "../base/brand.ts";
import { StepError } from "../base/errors.ts";
import { writeFile } from "../sys/file.ts";
import { prlimit } from "../sys/process.ts";
import type { ProcessPlan } from "./plan.ts";

/** @throws StepError with EPERM where a hard limit is raised without CAP_SYS_RESOURCE */
export function setRlimits(plan: ProcessPlan, pid: HostPid | "self"): void {
  for (const { name, resource, soft, hard, why } of plan.rlimits) {
    try {
      prlimit(pid === "self" ? 0 : pid, name, resource, soft, hard);
    } catch (error) {
      throw new StepError(`set ${name}`, error, why);
    }
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
