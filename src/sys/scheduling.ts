// How the kernel treats a process: its share of the processors and of the disks, its memory nodes, its personality. All of it is kept over
// fork and execve. For the calling thread where a call says 0: there is only one.

import { sched_attr } from "../abi/sched_attr.ts";
import { SYS_ioprio_set, SYS_personality, SYS_sched_setattr, SYS_set_mempolicy } from "../abi/syscall.ts";
import type { Int64 } from "../base/int64.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

export type SchedulingAttributes = {
  readonly policy: number;
  /** SCHED_FLAG_* */
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  /** Nanoseconds, for SCHED_DEADLINE; 0 otherwise. */
  readonly runtime: Int64;
  readonly deadline: Int64;
  readonly period: Int64;
};

/**
 * @param pid 0 is ourselves
 * @throws SysError EINVAL for a policy or value that the kernel does not know, EPERM without CAP_SYS_NICE, for SCHED_DEADLINE with a cpuset, and for
 * real-time policies in a cgroup v1 without cpu.rt_runtime_us, EBUSY when the processors cannot keep the deadlines
 * @see sched_setattr(2), sched(7)
 */
export function sched_setattr(pid: number, attributes: SchedulingAttributes, detail: string): void {
  const attr = new Struct(sched_attr.size)
    .u32(sched_attr.size_, sched_attr.size)
    .u32(sched_attr.sched_policy, attributes.policy)
    .u64(sched_attr.sched_flags, attributes.flags)
    .u32(sched_attr.sched_nice, attributes.nice)
    .u32(sched_attr.sched_priority, attributes.priority)
    .u64(sched_attr.sched_runtime, attributes.runtime)
    .u64(sched_attr.sched_deadline, attributes.deadline)
    .u64(sched_attr.sched_period, attributes.period);
  syscall("sched_setattr", SYS_sched_setattr, detail, pid, attr.buffer, 0);
}

/** @param which IOPRIO_WHO_* @param who 0: ourselves, our process group, our user @throws SysError EPERM for the real-time class without CAP_SYS_NICE @see ioprio_set(2) */
export function ioprio_set(which: number, who: number, value: number, detail: string): void {
  syscall("ioprio_set", SYS_ioprio_set, detail, which, who, value);
}

/** @returns the personality that we had @see personality(2) */
export function personality(persona: number): number {
  return syscall("personality", SYS_personality, `0x${persona.toString(16)}`, persona);
}

/**
 * @param mode MPOL_* and MPOL_F_* @param nodes a bit for each memory node; undefined: none
 * @throws SysError EINVAL for nodes that are not there or not in our cpuset, and for a mode that the kernel is too old for; ENOSYS without NUMA
 * @see set_mempolicy(2)
 */
export function set_mempolicy(mode: number, nodes: bigint | undefined, detail: string): void {
  const mask = nodes === undefined ? null : bitWords(nodes);
  syscall("set_mempolicy", SYS_set_mempolicy, detail, mode, mask, mask === null ? 0 : mask.length * 64 + 1); // [kernel] counts one bit more than it reads
}

/** A set of numbers as the kernel's bitmaps have it: words of 64 bits. */
export function bitWords(set: bigint): BigUint64Array {
  const words: bigint[] = [];
  for (let rest = set; rest > 0n || words.length === 0; rest >>= 64n) words.push(rest & 0xffff_ffff_ffff_ffffn);
  return new BigUint64Array(words);
}
