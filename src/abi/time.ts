// <linux/time.h> <linux/timerfd.h>
// Clocks, timespec, and the offsets of a time namespace.
// /proc/PID/timens_offsets takes CLOCK_MONOTONIC and CLOCK_BOOTTIME only.

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_TAI = 11;
export const TIMER_ABSTIME = 0x1;

// timerfd_create(2)
export const TFD_CLOEXEC = 0o2000000;
export const TFD_NONBLOCK = 0o4000;
export const TFD_TIMER_ABSTIME = 0x1;

/** struct timespec */
export const timespec = {
  size: 16,
  tv_sec: 0, // s64
  tv_nsec: 8, // s64
} as const;

/** struct timeval */
export const timeval = {
  size: 16,
  tv_sec: 0, // s64
  tv_usec: 8, // s64
} as const;

/** struct itimerspec */
export const itimerspec = {
  size: 32,
  it_interval_sec: 0, // s64 it_interval.tv_sec
  it_interval_nsec: 8, // s64 it_interval.tv_nsec
  it_value_sec: 16, // s64 it_value.tv_sec
  it_value_nsec: 24, // s64 it_value.tv_nsec
} as const;
