// Laws of a process: that of config.json, and that of `exec --process`.

import { compareInt64 } from "../base/int64.ts";
import { isNumberList, type Law, type Refuse } from "./rule.ts";
import type { Process } from "./types.ts";

export const PROCESS_LAWS: readonly Law<Process>[] = [
  {
    name: "environment",
    source: "config.md, Process; runc",
    check: ({ env }, refuse) => checkEnvironment(env, "/env", refuse),
  },
  {
    name: "each rlimit once, soft at most hard",
    source: "config.md, POSIX process; setrlimit(2)",
    check({ rlimits }, refuse) {
      rlimits.forEach(({ type, soft, hard }, index) => {
        if (rlimits.findIndex((other) => other.type === type) < index)
          refuse(`/rlimits/${index}`, `duplicated rlimit ${type}`);
        if (compareInt64(soft, hard) > 0) refuse(`/rlimits/${index}/soft`, `must not be more than hard (${hard})`);
      });
    },
  },
  {
    name: "scheduler",
    source: "sched_setattr(2), sched(7); runc, crun",
    check({ scheduler }, refuse) {
      if (!scheduler) return;
      const { policy, nice, priority, runtime, deadline, period } = scheduler;
      if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
        refuse("/scheduler/nice", `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`);
      }
      if (policy === "SCHED_FIFO" || policy === "SCHED_RR") {
        if (priority < 1 || priority > 99)
          refuse("/scheduler/priority", `must be an integer between 1 and 99 for ${policy}`);
      } else if (priority !== 0)
        refuse("/scheduler/priority", "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
      if (policy !== "SCHED_DEADLINE") {
        if (runtime > 0 || deadline > 0 || period > 0) {
          refuse("/scheduler", "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
        }
        return;
      }
      if (compareInt64(runtime, 1024) < 0)
        refuse("/scheduler/runtime", "must be at least 1024 (nanoseconds) for SCHED_DEADLINE");
      if (compareInt64(runtime, deadline) > 0) refuse("/scheduler/deadline", "must not be less than runtime");
      if (period > 0 && compareInt64(deadline, period) > 0)
        refuse("/scheduler/period", "must be 0 or not less than deadline");
    },
  },
  {
    name: "exec CPU affinity",
    source: "config.md, Linux Process; runc",
    check({ execCPUAffinity }, refuse) {
      if (!execCPUAffinity) return;
      for (const when of ["initial", "final"] as const) {
        const list = execCPUAffinity[when];
        if (list !== undefined && !isNumberList(list)) {
          refuse(`/execCPUAffinity/${when}`, `bad CPUAffinity: must be a list of CPUs such as "0-3,7", not "${list}"`);
        }
      }
    },
  },
];

function checkEnvironment(env: readonly string[], pointer: string, refuse: Refuse): void {
  env.forEach((entry, index) => {
    if (!entry.includes("=")) refuse(`${pointer}/${index}`, `invalid environment variable "${entry}": missing '='`);
    else if (entry.startsWith("=")) {
      refuse(`${pointer}/${index}`, `invalid environment variable "${entry}": name cannot be empty`);
    }
  });
}
