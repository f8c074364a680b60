// <sys/mman.h>
// mmap(2), mprotect(2).
// MAP_ANONYMOUS takes descriptor -1.

export const PROT_NONE = 0x0;
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const PROT_EXEC = 0x4;
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_STACK = 0x20000;
export const MAP_FIXED_NOREPLACE = 0x100000;

// madvise(2)
export const MADV_POPULATE_WRITE = 23;

// mremap(2)
export const MREMAP_MAYMOVE = 0x1;
export const MREMAP_FIXED = 0x2;
