// <linux/limits.h> <linux/sched.h> <linux/uio.h>
// Sizes the kernel will not exceed.
// PATH_MAX counts the closing zero, NAME_MAX does not.

export const NAME_MAX = 255;
export const PATH_MAX = 4096;
export const PIPE_BUF = 4096;
export const NGROUPS_MAX = 65536;
export const UIO_MAXIOV = 1024;
