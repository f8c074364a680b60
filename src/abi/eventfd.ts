// <sys/eventfd.h>
// eventfd2(2): a counter in a descriptor.
// Reads and writes are 8 bytes in the machine's byte order.

export const EFD_SEMAPHORE = 0o1;
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;
