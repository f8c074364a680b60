// <asm/statfs.h> <sys/statvfs.h>
// statfs(2): which file system, and with which flags it is mounted (the magics: magic.ts).
// f_flags holds the kernel's ST_* bits; ST_VALID is always set and means nothing to us.

// f_flags
export const ST_RDONLY = 0x1;
export const ST_NOSUID = 0x2;
export const ST_NODEV = 0x4;
export const ST_NOEXEC = 0x8;
export const ST_SYNCHRONOUS = 0x10;
export const ST_MANDLOCK = 0x40;
export const ST_NOATIME = 0x400;
export const ST_NODIRATIME = 0x800;
export const ST_RELATIME = 0x1000;
export const ST_NOSYMFOLLOW = 0x2000;

/** struct statfs */
export const statfs = {
  size: 120,
  f_type: 0, // s64
  f_bsize: 8, // s64
  f_blocks: 16, // s64
  f_bfree: 24, // s64
  f_bavail: 32, // s64
  f_files: 40, // s64
  f_ffree: 48, // s64
  f_fsid: 56, // bytes[8]
  f_namelen: 64, // s64
  f_frsize: 72, // s64
  f_flags: 80, // s64
} as const;
