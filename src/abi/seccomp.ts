// <linux/ioctl.h> <linux/seccomp.h>
// seccomp(2) and its notification descriptor (the filter program: filter.ts, architectures: audit.ts).
// Ask SECCOMP_GET_NOTIF_SIZES before reading notifications: the kernel's structs may be larger than these.

// modes and operations
export const SECCOMP_MODE_DISABLED = 0;
export const SECCOMP_MODE_STRICT = 1;
export const SECCOMP_MODE_FILTER = 2;
export const SECCOMP_SET_MODE_STRICT = 0;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_GET_ACTION_AVAIL = 2;
export const SECCOMP_GET_NOTIF_SIZES = 3;

// filter flags
export const SECCOMP_FILTER_FLAG_TSYNC = 0x1;
export const SECCOMP_FILTER_FLAG_LOG = 0x2;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8;
export const SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10;
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

// return values
export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
export const SECCOMP_RET_KILL_THREAD = 0x0;
export const SECCOMP_RET_TRAP = 0x30000;
export const SECCOMP_RET_ERRNO = 0x50000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
export const SECCOMP_RET_TRACE = 0x7ff00000;
export const SECCOMP_RET_LOG = 0x7ffc0000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
export const SECCOMP_RET_ACTION_FULL = 0xffff0000;
export const SECCOMP_RET_ACTION = 0x7fff0000;
export const SECCOMP_RET_DATA = 0xffff;

// notifications
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 0x1;
export const SECCOMP_ADDFD_FLAG_SETFD = 0x1;
export const SECCOMP_ADDFD_FLAG_SEND = 0x2;
export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
export const SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;

/** struct seccomp_data */
export const seccomp_data = {
  size: 64,
  nr: 0, // s32
  arch: 4, // u32
  instruction_pointer: 8, // u64
  args: 16, // u64[6]
} as const;

/** struct seccomp_notif_sizes */
export const seccomp_notif_sizes = {
  size: 6,
  seccomp_notif: 0, // u16
  seccomp_notif_resp: 2, // u16
  seccomp_data: 4, // u16
} as const;

/** struct seccomp_notif */
export const seccomp_notif = {
  size: 80,
  id: 0, // u64
  pid: 8, // u32
  flags: 12, // u32
  nr: 16, // s32 data.nr
  arch: 20, // u32 data.arch
  instruction_pointer: 24, // u64 data.instruction_pointer
  args: 32, // u64[6] data.args
} as const;

/** struct seccomp_notif_resp */
export const seccomp_notif_resp = {
  size: 24,
  id: 0, // u64
  val: 8, // s64
  error: 16, // s32
  flags: 20, // u32
} as const;

/** struct seccomp_notif_addfd */
export const seccomp_notif_addfd = {
  size: 24,
  id: 0, // u64
  flags: 8, // u32
  srcfd: 12, // u32
  newfd: 16, // u32
  newfd_flags: 20, // u32
} as const;
