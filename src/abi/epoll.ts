// <linux/eventpoll.h>
// epoll_create1(2), epoll_ctl(2), epoll_pwait(2).
// struct epoll_event is packed on x86_64 and padded elsewhere.

declare const ARCH_X86_64: boolean;

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

// events
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 0x10000000;
export const EPOLLWAKEUP = 0x20000000;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000;

/** struct epoll_event */
export const epoll_event: Readonly<Record<"size" | "events" | "data", number>> = {
  size: ARCH_X86_64 ? 12 : 16,
  events: 0, // u32
  data: ARCH_X86_64 ? 4 : 8, // u64
};
