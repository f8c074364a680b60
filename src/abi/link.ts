// <link.h>
// What dlinfo(3) tells of a library that is loaded.
// Only these fields are for everybody; what follows them is the dynamic linker's own.

/** struct link_map */
export const link_map = {
  size: 40,
  l_addr: 0, // u64
  l_name: 8, // ptr
} as const;
