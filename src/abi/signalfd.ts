// <linux/signalfd.h>
// signalfd4(2): signals read as records from a descriptor.
// The signals must be blocked first, or their default action still happens.

export const SFD_CLOEXEC = 0o2000000;
export const SFD_NONBLOCK = 0o4000;

/** struct signalfd_siginfo */
export const signalfd_siginfo = {
  size: 128,
  ssi_signo: 0, // u32
  ssi_errno: 4, // s32
  ssi_code: 8, // s32
  ssi_pid: 12, // u32
  ssi_uid: 16, // u32
  ssi_fd: 20, // s32
  ssi_tid: 24, // u32
  ssi_band: 28, // u32
  ssi_overrun: 32, // u32
  ssi_trapno: 36, // u32
  ssi_status: 40, // s32
  ssi_int: 44, // s32
  ssi_ptr: 48, // u64
  ssi_utime: 56, // u64
  ssi_stime: 64, // u64
  ssi_addr: 72, // u64
} as const;
