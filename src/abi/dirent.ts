// <dirent.h>
// getdents64(2) and its d_type.
// The kernel's struct linux_dirent64 has no public header; glibc's dirent64 is the same up to d_name.

export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

/** struct dirent64: a record is d_reclen bytes long; size is the longest */
export const linux_dirent64 = {
  size: 280,
  d_ino: 0, // u64
  d_off: 8, // s64
  d_reclen: 16, // u16
  d_type: 18, // u8
  d_name: 19, // char[256]
} as const;
