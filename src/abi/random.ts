// <sys/random.h>
// getrandom(2).
// Without flags it waits only until the kernel has gathered its first entropy after boot.

export const GRND_NONBLOCK = 0x1;
export const GRND_RANDOM = 0x2;
