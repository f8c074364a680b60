// <linux/openat2.h>
// openat2(2), since 5.6.
// An unknown bit in `flags` is EINVAL here, where open(2) ignores it.

export const RESOLVE_NO_XDEV = 0x1;
export const RESOLVE_NO_MAGICLINKS = 0x2;
export const RESOLVE_NO_SYMLINKS = 0x4;
export const RESOLVE_BENEATH = 0x8;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;

/** struct open_how */
export const open_how = {
  size: 24,
  flags: 0, // u64
  mode: 8, // u64
  resolve: 16, // u64
} as const;
