// <linux/kcmp.h>
// kcmp(2): whether two processes share a kernel object.
// Needs CONFIG_KCMP, else ENOSYS.

export const KCMP_FILE = 0;
export const KCMP_VM = 1;
export const KCMP_FILES = 2;
export const KCMP_FS = 3;
export const KCMP_SIGHAND = 4;
export const KCMP_IO = 5;
