// <linux/futex.h>
// futex(2): waits until a word in memory is no longer what it was.
// The kernel wakes who waits for a thread's id that CLONE_CHILD_CLEARTID clears.

export const FUTEX_WAIT = 0;
