// <asm/poll.h> <linux/time_types.h>
// poll(2) and ppoll(2).
// POLLHUP and POLLERR come unasked.

export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;
export const POLLRDNORM = 0x40;
export const POLLRDHUP = 0x2000;

/** struct pollfd */
export const pollfd = {
  size: 8,
  fd: 0, // s32
  events: 4, // s16
  revents: 6, // s16
} as const;
