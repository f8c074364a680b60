// How the kernel shall treat the container's process: config.json's words → numbers for the calls of sys/scheduling.ts. Pure.

import { IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE, IOPRIO_CLASS_RT, IOPRIO_CLASS_SHIFT } from "../abi/ioprio.ts";
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  MPOL_PREFERRED_MANY,
  MPOL_WEIGHTED_INTERLEAVE,
} from "../abi/mempolicy.ts";
import { PER_LINUX, PER_LINUX32 } from "../abi/personality.ts";
import {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_UTIL_CLAMP_MAX,
  SCHED_FLAG_UTIL_CLAMP_MIN,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
} from "../abi/sched.ts";
import type { Int64 } from "../base/int64.ts";
import type {
  IOPriorityClass,
  MemoryPolicyFlag,
  MemoryPolicyMode,
  Process,
  SchedulerFlag,
  SchedulerPolicy,
  Spec,
} from "../spec/types.ts";

/** What was asked for; the rest is undefined. */
export type SchedulingPlan = {
  readonly scheduler: SchedulerOp | undefined;
  readonly ioPriority: { readonly value: number; readonly text: string; readonly why: string } | undefined;
  readonly personality: { readonly persona: number; readonly text: string; readonly why: string } | undefined;
  readonly memoryPolicy:
    | { readonly mode: number; readonly nodes: bigint | undefined; readonly text: string; readonly why: string }
    | undefined;
  readonly warnings: readonly string[];
};

export type SchedulerOp = {
  readonly policy: number;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: Int64;
  readonly deadline: Int64;
  readonly period: Int64;
  /** The container is given a cpuset, which SCHED_DEADLINE does not go with. */
  readonly cpuset: boolean;
  readonly text: string;
  readonly why: string;
};

/** The processors of a process that joins the container; undefined: not asked for. */
export type AffinityPlan = { readonly initial: CpuSet | undefined; readonly final: CpuSet | undefined };

/** A bit for each processor. */
export type CpuSet = { readonly cpus: bigint; readonly text: string; readonly why: string };

const POLICIES: { readonly [policy in SchedulerPolicy]: number } = {
  SCHED_OTHER: SCHED_NORMAL,
  SCHED_FIFO,
  SCHED_RR,
  SCHED_BATCH,
  SCHED_ISO: 4, // in no header: reserved for a scheduler that never came, and refused
  SCHED_IDLE,
  SCHED_DEADLINE,
};

const SCHEDULER_FLAGS: { readonly [flag in SchedulerFlag]: number } = {
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_UTIL_CLAMP_MIN,
  SCHED_FLAG_UTIL_CLAMP_MAX,
};

const IO_CLASSES: { readonly [name in IOPriorityClass]: number } = {
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
};

const MEMORY_MODES: { readonly [mode in MemoryPolicyMode]: number } = {
  MPOL_DEFAULT,
  MPOL_BIND,
  MPOL_INTERLEAVE,
  MPOL_WEIGHTED_INTERLEAVE,
  MPOL_PREFERRED,
  MPOL_PREFERRED_MANY,
  MPOL_LOCAL,
};

const MEMORY_FLAGS: { readonly [flag in MemoryPolicyFlag]: number } = {
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
};

/** @param process the container's own, or one that joins it: personality and memory policy are the container's in both cases */
export function planScheduling({ linux }: Spec, process: Process): SchedulingPlan {
  const { personality } = linux;
  return {
    scheduler: planScheduler(process, linux.resources.cpu.cpus !== undefined),
    ioPriority: planIoPriority(process),
    personality: personality && {
      persona: personality.domain === "LINUX32" ? PER_LINUX32 : PER_LINUX,
      text: personality.domain,
      why: "/linux/personality",
    },
    memoryPolicy: planMemoryPolicy(linux.memoryPolicy),
    // [spec] config-linux.md, Personality: no flag is supported at all.
    warnings:
      personality === undefined || personality.flags.length === 0
        ? []
        : [
            `ignoring unsupported personality flags: [${personality.flags.join(" ")}] because personality flag has not supported at this time`,
          ], // runc's words
  };
}

function planScheduler({ scheduler }: Process, cpuset: boolean): SchedulerOp | undefined {
  if (scheduler === undefined) return undefined;
  const { policy, nice, priority, runtime, deadline, period, flags } = scheduler;
  const values = Object.entries({ nice, priority, runtime, deadline, period }).filter(([, value]) => value !== 0);
  return {
    policy: POLICIES[policy],
    flags: flags.reduce((mask, flag) => mask | SCHEDULER_FLAGS[flag], 0),
    nice,
    priority,
    runtime,
    deadline,
    period,
    cpuset,
    text: [policy, ...flags, ...values.map(([name, value]) => `${name} ${value}`)].join(" "),
    why: "/process/scheduler",
  };
}

/** [kernel] What a fork takes away: a deadline cannot be shared, and the others asked for it. */
export const isLostByFork = ({ policy, flags }: SchedulerOp): boolean =>
  policy === SCHED_DEADLINE || (flags & SCHED_FLAG_RESET_ON_FORK) !== 0;

function planIoPriority({ ioPriority }: Process): SchedulingPlan["ioPriority"] {
  if (ioPriority === undefined) return undefined;
  const { class: name, priority } = ioPriority;
  return {
    value: IO_CLASSES[name] * 2 ** IOPRIO_CLASS_SHIFT + priority,
    text: `${name} ${priority}`,
    why: "/process/ioPriority",
  };
}

function planMemoryPolicy(policy: Spec["linux"]["memoryPolicy"]): SchedulingPlan["memoryPolicy"] {
  if (policy === undefined) return undefined;
  const { mode, nodes, flags } = policy;
  return {
    mode: flags.reduce((bits, flag) => bits | MEMORY_FLAGS[flag], MEMORY_MODES[mode]),
    nodes: nodes === undefined ? undefined : numberSet(nodes),
    text: [mode, ...flags, ...(nodes === undefined ? [] : [`nodes ${nodes}`])].join(" "),
    why: "/linux/memoryPolicy",
  };
}

/** For a process that joins a container; its own has none ([spec] config.md, Linux Process). */
export function planAffinity({ execCPUAffinity }: Process): AffinityPlan {
  const cpuSet = (when: "initial" | "final"): CpuSet | undefined => {
    const text = execCPUAffinity?.[when];
    return text === undefined ? undefined : { cpus: numberSet(text), text, why: `/process/execCPUAffinity/${when}` };
  };
  return { initial: cpuSet("initial"), final: cpuSet("final") };
}

/** "0-3,7" as bits. That it is such a list is a law of spec/. */
export function numberSet(list: string): bigint {
  let set = 0n;
  for (const part of list.split(",")) {
    const [first, last = first] = part.split("-").map((number) => BigInt(number.trim() || 0));
    if (part.trim() === "" || first === undefined || last === undefined) continue;
    set |= ((1n << (last - first + 1n)) - 1n) << first;
  }
  return set;
}
