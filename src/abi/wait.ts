// <linux/wait.h> <asm/siginfo.h>
// waitid(2), wait4(2) and the siginfo_t that waitid fills.
// A status of wait4: exit code in bits 8..15, or the signal in bits 0..6 with 0x80 for a core dump.

// options
export const WNOHANG = 0x1;
export const WUNTRACED = 0x2;
export const WSTOPPED = 0x2;
export const WEXITED = 0x4;
export const WCONTINUED = 0x8;
export const WNOWAIT = 0x1000000;
export const __WNOTHREAD = 0x20000000;
export const __WALL = 0x40000000;
export const __WCLONE = 0x80000000;

// waitid(2) id types; P_PIDFD since 5.4
export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;
export const P_PIDFD = 3;

// si_code of SIGCHLD
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

/** siginfo_t */
export const siginfo = {
  size: 128,
  si_signo: 0, // s32
  si_errno: 4, // s32
  si_code: 8, // s32
  si_pid: 16, // s32
  si_uid: 20, // u32
  si_status: 24, // s32
} as const;
