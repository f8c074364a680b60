// The seccomp profile that `spec --seccomp` writes: it allows and denies what docker's default profile does. A table of our own, by what the calls are for, with
// the reason of each row. Pure; loaded on demand.
//
// Whatever is not named fails with EPERM: a call that nobody has thought about is not allowed. What asks for a capability is allowed to a container that has
// it, for the kernel refuses it to all others anyway; the profile is there for the mistakes of the kernel.

import type { ConfigDocument } from "./example.ts";

type Row = { readonly why: string; readonly calls: string };

/** Allowed to everybody. */
export const ALLOWED: readonly Row[] = [
  {
    why: "memory of the caller's own; what is locked is bounded by RLIMIT_MEMLOCK",
    calls:
      "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall " +
      "mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect " +
      "process_mrelease remap_file_pages",
  },
  {
    why: "signals: the kernel asks who may send one to whom, and the pid namespace who is there",
    calls:
      "kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask " +
      "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo " +
      "sigaltstack signalfd signalfd4 sigprocmask sigreturn tgkill tkill",
  },
  {
    why: "clocks to read, timers and sleeping; adjusting a clock takes CAP_SYS_TIME besides, and without it these only read",
    calls:
      "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime " +
      "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time " +
      "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 " +
      "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times",
  },
  {
    why: "sockets that there are; which families can be made is said below",
    calls:
      "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg " +
      "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
  },
  {
    why: "System V and POSIX message queues, semaphores and shared memory: of the ipc namespace",
    calls:
      "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend " +
      "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop " +
      "semtimedop_time64 shmat shmctl shmdt shmget",
  },
  {
    why: "waiting for descriptors and for what happens to files; asynchronous input and output",
    calls:
      "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old " +
      "eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel " +
      "io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll " +
      "ppoll_time64 pselect6 pselect6_time64 select",
  },
  {
    why: "who the caller is: the kernel allows what the capabilities of the container do",
    calls:
      "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp " +
      "getpid getppid getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 setfsgid " +
      "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setregid setregid32 " +
      "setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setsid setuid setuid32",
  },
  {
    why: "processes and threads, their limits and their scheduling, filters that only take rights away",
    calls:
      "execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area " +
      "getcpu getpriority getrandom getrlimit getrusage ioprio_get ioprio_set landlock_add_rule " +
      "landlock_create_ruleset landlock_restrict_self prctl prlimit64 process_vm_readv process_vm_writev ptrace " +
      "rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam " +
      "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr " +
      "sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address " +
      "setpriority setrlimit sysinfo ugetrlimit umask uname vfork wait4 waitid waitpid",
  },
  {
    why: "files: the mount namespace says which there are, and their owners and modes what may be done",
    calls:
      "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat " +
      "faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat " +
      "fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs " +
      "fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat ioctl " +
      "lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek lremovexattr " +
      "lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat " +
      "openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat " +
      "readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat " +
      "splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee " +
      "truncate truncate64 unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev",
  },
];

/** Allowed to a container that has the capability, in its bounding set. */
export const BY_CAPABILITY: readonly (Row & { readonly capability: string })[] = [
  {
    capability: "CAP_SYS_ADMIN",
    why: "mounts, namespaces, quotas, the kernel's own programs and probes: each is a large part of the kernel that a container need not reach",
    calls:
      "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie lsm_get_self_attr lsm_list_modules " +
      "lsm_set_self_attr mount mount_setattr move_mount open_tree " +
      "perf_event_open quotactl quotactl_fd setdomainname sethostname setns statmount syslog umount umount2 unshare",
  },
  {
    capability: "CAP_DAC_READ_SEARCH",
    why: "opens a file by its number and not by its path: the way out of a container that had no mount namespace of its files (shocker)",
    calls: "open_by_handle_at",
  },
  { capability: "CAP_SYS_BOOT", why: "the machine is everybody's", calls: "reboot" },
  { capability: "CAP_SYS_CHROOT", why: "another root: a step of many ways out", calls: "chroot" },
  {
    capability: "CAP_SYS_MODULE",
    why: "code that runs in the kernel",
    calls: "delete_module finit_module init_module",
  },
  { capability: "CAP_SYS_PACCT", why: "one accounting for the whole machine", calls: "acct" },
  {
    capability: "CAP_SYS_PTRACE",
    why: "what others hold open, and their memory",
    calls: "kcmp pidfd_getfd process_madvise",
  },
  { capability: "CAP_SYS_RAWIO", why: "ports of the hardware", calls: "ioperm iopl" },
  {
    capability: "CAP_SYS_TIME",
    why: "one clock for the whole machine",
    calls: "clock_settime clock_settime64 settimeofday stime",
  },
  { capability: "CAP_SYS_TTY_CONFIG", why: "hangs up a terminal of others", calls: "vhangup" },
  {
    capability: "CAP_SYS_NICE",
    why: "which memory node is used, for others too",
    calls: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  },
  { capability: "CAP_SYSLOG", why: "the kernel's log tells of the host", calls: "syslog" },
  { capability: "CAP_BPF", why: "programs in the kernel", calls: "bpf" },
  { capability: "CAP_PERFMON", why: "counters of the whole machine", calls: "perf_event_open" },
];

/** Denied to everybody, whatever capabilities the container has: they are in none of the rows above. For readers, and for the test that it stays so. */
export const DENIED: readonly Row[] = [
  { why: "keys of the kernel's keyrings have no namespace", calls: "add_key keyctl request_key" },
  { why: "the next kernel of the machine", calls: "kexec_file_load kexec_load" },
  { why: "swap is of the whole machine", calls: "swapoff swapon" },
  {
    why: "lets user space answer page faults of the kernel, which wins its races",
    calls: "userfaultfd",
  },
  {
    why: "a second way to make system calls, which no filter sees; many mistakes of the kernel were in it",
    calls: "io_uring_enter io_uring_register io_uring_setup",
  },
  {
    why: "the root of a mount namespace: who may change it has CAP_SYS_ADMIN, and is the runtime",
    calls: "pivot_root",
  },
  { why: "moves memory between nodes, of others too", calls: "migrate_pages move_pages" },
  {
    why: "old calls that the kernel has no use for any more",
    calls: "nfsservctl sysfs uselib ustat vm86 vm86old _sysctl",
  },
];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: namespaces are made by who has CAP_SYS_ADMIN. */
const CLONE_NEW = 0x7e020000;
const AF_VSOCK = 40;
const ENOSYS = 38;
/** PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is. The others change how memory is laid out, and so weaken it. */
const PERSONALITIES: readonly number[] = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const ARCHITECTURES: { readonly [arch: string]: readonly string[] } = {
  x86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  aarch64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};
const OF_MACHINE: { readonly [arch: string]: string } = {
  x86_64: "arch_prctl modify_ldt",
  aarch64: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
};

const allow = (calls: string, args?: readonly object[]): object => ({
  names: calls.split(" "),
  action: "SCMP_ACT_ALLOW",
  ...(args !== undefined && { args }),
});

/** @param capabilities the bounding set, by name @param arch the machine, as uname(2) calls it */
export function seccompProfile(capabilities: readonly string[], arch: string): ConfigDocument {
  const has = (name: string): boolean => capabilities.includes(name);
  const mayClone = has("CAP_SYS_ADMIN");
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ARCHITECTURES[arch] ?? [],
    syscalls: [
      ...ALLOWED.map(({ calls }) => allow(calls)),
      ...(OF_MACHINE[arch] === undefined ? [] : [allow(OF_MACHINE[arch])]),
      ...BY_CAPABILITY.filter(({ capability }) => has(capability)).map(({ calls }) => allow(calls)),
      allow("socket", [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }]), // it leads to the host of a virtual machine, past the network namespace
      ...PERSONALITIES.map((value) => allow("personality", [{ index: 0, value, op: "SCMP_CMP_EQ" }])),
      ...(mayClone
        ? []
        : [
            allow("clone", [{ index: 0, value: CLONE_NEW, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]),
            // Its flags lie in memory, where no filter can look: libc takes clone where there is no such call.
            { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
          ]),
    ],
  };
}
