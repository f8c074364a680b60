// <linux/close_range.h>
// close_range(2), since 5.9; CLOSE_RANGE_CLOEXEC since 5.11.
// CLOSE_RANGE_CLOEXEC marks instead of closing, so that errors can still be reported until execve.

export const CLOSE_RANGE_UNSHARE = 0x2;
export const CLOSE_RANGE_CLOEXEC = 0x4;
