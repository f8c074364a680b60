// <asm/resource.h> <linux/resource.h>
// Resource limits, priorities and usage: prlimit(2), setpriority(2), getrusage(2).
// The same numbers on x86_64 and aarch64 (other machines differ).

// prlimit(2)
export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_RSS = 5;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIMIT_LOCKS = 10;
export const RLIMIT_SIGPENDING = 11;
export const RLIMIT_MSGQUEUE = 12;
export const RLIMIT_NICE = 13;
export const RLIMIT_RTPRIO = 14;
export const RLIMIT_RTTIME = 15;
export const RLIM_NLIMITS = 16;
export const RLIM64_INFINITY = 0xffff_ffff_ffff_ffffn;

/** struct rlimit64 */
export const rlimit64 = {
  size: 16,
  rlim_cur: 0, // u64
  rlim_max: 8, // u64
} as const;

// getrusage(2)
export const RUSAGE_SELF = 0;
export const RUSAGE_CHILDREN = -1;
export const RUSAGE_THREAD = 1;

/** struct rusage */
export const rusage = {
  size: 144,
  ru_utime_sec: 0, // s64 ru_utime.tv_sec
  ru_utime_usec: 8, // s64 ru_utime.tv_usec
  ru_stime_sec: 16, // s64 ru_stime.tv_sec
  ru_stime_usec: 24, // s64 ru_stime.tv_usec
  ru_maxrss: 32, // s64
  ru_ixrss: 40, // s64
  ru_idrss: 48, // s64
  ru_isrss: 56, // s64
  ru_minflt: 64, // s64
  ru_majflt: 72, // s64
  ru_nswap: 80, // s64
  ru_inblock: 88, // s64
  ru_oublock: 96, // s64
  ru_msgsnd: 104, // s64
  ru_msgrcv: 112, // s64
  ru_nsignals: 120, // s64
  ru_nvcsw: 128, // s64
  ru_nivcsw: 136, // s64
} as const;

// setpriority(2)
export const PRIO_PROCESS = 0;
export const PRIO_PGRP = 1;
export const PRIO_USER = 2;
