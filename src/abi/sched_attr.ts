// <sys/types.h> <linux/sched/types.h>
// sched_setattr(2); policies and flags are in sched.ts.
// `size_` is the kernel's own field "size", which must hold the size given.

export const SCHED_ATTR_SIZE_VER0 = 48;
export const SCHED_ATTR_SIZE_VER1 = 56;

/** struct sched_attr */
export const sched_attr = {
  size: 56,
  size_: 0, // u32 size
  sched_policy: 4, // u32
  sched_flags: 8, // u64
  sched_nice: 16, // s32
  sched_priority: 20, // u32
  sched_runtime: 24, // u64
  sched_deadline: 32, // u64
  sched_period: 40, // u64
  sched_util_min: 48, // u32
  sched_util_max: 52, // u32
} as const;
