// <asm/stat.h> <linux/stat.h>
// File types and mode bits, stat(2) and statx(2).
// `stat` is the kernel's struct, which is also glibc's; statx has the same layout on every machine.

declare const ARCH_X86_64: boolean;

// st_mode
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o60000;
export const S_IFDIR = 0o40000;
export const S_IFCHR = 0o20000;
export const S_IFIFO = 0o10000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
export const S_IRWXU = 0o700;
export const S_IRUSR = 0o400;
export const S_IWUSR = 0o200;
export const S_IXUSR = 0o100;
export const S_IRWXG = 0o70;
export const S_IRGRP = 0o40;
export const S_IWGRP = 0o20;
export const S_IXGRP = 0o10;
export const S_IRWXO = 0o7;
export const S_IROTH = 0o4;
export const S_IWOTH = 0o2;
export const S_IXOTH = 0o1;

// statx(2)
export const STATX_TYPE = 0x1;
export const STATX_MODE = 0x2;
export const STATX_NLINK = 0x4;
export const STATX_UID = 0x8;
export const STATX_GID = 0x10;
export const STATX_ATIME = 0x20;
export const STATX_MTIME = 0x40;
export const STATX_CTIME = 0x80;
export const STATX_INO = 0x100;
export const STATX_SIZE = 0x200;
export const STATX_BLOCKS = 0x400;
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;
export const STATX_MNT_ID = 0x1000;
export const STATX_DIOALIGN = 0x2000;
export const STATX_MNT_ID_UNIQUE = 0x4000;

// statx.stx_attributes
export const STATX_ATTR_COMPRESSED = 0x4;
export const STATX_ATTR_IMMUTABLE = 0x10;
export const STATX_ATTR_APPEND = 0x20;
export const STATX_ATTR_NODUMP = 0x40;
export const STATX_ATTR_ENCRYPTED = 0x800;
export const STATX_ATTR_AUTOMOUNT = 0x1000;
export const STATX_ATTR_MOUNT_ROOT = 0x2000;
export const STATX_ATTR_VERITY = 0x100000;
export const STATX_ATTR_DAX = 0x200000;

type StatField =
  | "size" | "st_dev" | "st_ino" | "st_mode" | "st_nlink" | "st_uid" | "st_gid" | "st_rdev" | "st_size" | "st_blksize"
  | "st_blocks" | "st_atime" | "st_atime_nsec" | "st_mtime" | "st_mtime_nsec" | "st_ctime" | "st_ctime_nsec";

/** struct stat */
export const stat: Readonly<Record<StatField, number>> = {
  size: ARCH_X86_64 ? 144 : 128,
  st_dev: 0, // u64
  st_ino: 8, // u64
  st_mode: ARCH_X86_64 ? 24 : 16, // u32
  st_nlink: ARCH_X86_64 ? 16 : 20, // u64|u32
  st_uid: ARCH_X86_64 ? 28 : 24, // u32
  st_gid: ARCH_X86_64 ? 32 : 28, // u32
  st_rdev: ARCH_X86_64 ? 40 : 32, // u64
  st_size: 48, // s64
  st_blksize: 56, // s64|s32
  st_blocks: 64, // s64
  st_atime: 72, // u64|s64
  st_atime_nsec: 80, // u64
  st_mtime: 88, // u64|s64
  st_mtime_nsec: 96, // u64
  st_ctime: 104, // u64|s64
  st_ctime_nsec: 112, // u64
};

/** struct statx */
export const statx = {
  size: 256,
  stx_mask: 0, // u32
  stx_blksize: 4, // u32
  stx_attributes: 8, // u64
  stx_nlink: 16, // u32
  stx_uid: 20, // u32
  stx_gid: 24, // u32
  stx_mode: 28, // u16
  stx_ino: 32, // u64
  stx_size: 40, // u64
  stx_blocks: 48, // u64
  stx_attributes_mask: 56, // u64
  stx_atime_sec: 64, // s64 stx_atime.tv_sec
  stx_atime_nsec: 72, // u32 stx_atime.tv_nsec
  stx_btime_sec: 80, // s64 stx_btime.tv_sec
  stx_btime_nsec: 88, // u32 stx_btime.tv_nsec
  stx_ctime_sec: 96, // s64 stx_ctime.tv_sec
  stx_ctime_nsec: 104, // u32 stx_ctime.tv_nsec
  stx_mtime_sec: 112, // s64 stx_mtime.tv_sec
  stx_mtime_nsec: 120, // u32 stx_mtime.tv_nsec
  stx_rdev_major: 128, // u32
  stx_rdev_minor: 132, // u32
  stx_dev_major: 136, // u32
  stx_dev_minor: 140, // u32
  stx_mnt_id: 144, // u64
} as const;
