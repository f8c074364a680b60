// What a seccomp profile denies, in words: system calls by what they are for, and how many. Pure.

import { SYSCALLS } from "../abi/syscall_table.ts";
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../abi/seccomp.ts";
import { ERRNO } from "../abi/errno_table.ts";
import type { SeccompPlan } from "../seccomp/plan.ts";

/** Calls that profiles deny, by what they are for. What is in none of them is among the others. */
const GROUPS: readonly (readonly [name: string, calls: string])[] = [
  [
    "mounts and roots",
    "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr mount_setattr statmount listmount",
  ],
  ["namespaces", "setns unshare clone clone3"],
  ["kernel modules", "init_module finit_module delete_module create_module query_module get_kernel_syms"],
  ["another kernel, power", "kexec_load kexec_file_load reboot"],
  ["BPF and performance counters", "bpf perf_event_open lookup_dcookie"],
  ["other processes", "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd"],
  ["clocks", "settimeofday clock_settime clock_settime64 clock_adjtime clock_adjtime64 adjtimex stime"],
  ["swap and accounting", "swapon swapoff acct quotactl quotactl_fd"],
  ["host and domain name", "sethostname setdomainname"],
  ["keys", "add_key request_key keyctl"],
  ["memory placement", "mbind get_mempolicy set_mempolicy set_mempolicy_home_node migrate_pages move_pages"],
  ["asynchronous I/O by io_uring", "io_uring_setup io_uring_enter io_uring_register"],
  ["file handles", "name_to_handle_at open_by_handle_at"],
  ["ports and machine", "iopl ioperm vm86 vm86old modify_ldt"],
  ["kernel log, page faults", "syslog userfaultfd fanotify_init vhangup"],
  ["directories", "mkdir mkdirat rmdir"],
  [
    "what Linux has no more",
    "_sysctl sysfs uselib ustat nfsservctl afs_syscall getpmsg putpmsg security tuxcall vserver epoll_ctl_old epoll_wait_old personality",
  ],
];

export type Denied = {
  readonly group: string;
  readonly calls: readonly string[];
  /** What happens to them, such as "EPERM" or "the process is killed". */
  readonly answer: string;
  readonly why: string;
};

/** Calls that the profile denies whatever their arguments are; those that depend on them are a group of their own. */
export function deniedCalls(plan: SeccompPlan): readonly Denied[] {
  if (plan.program !== undefined) return [];
  const passes = isPass(plan.defaultAction);
  const answers = new Map<string, { answer: string; why: string }>();
  const conditional: string[] = [];
  if (!passes)
    for (const name of Object.keys(SYSCALLS))
      answers.set(name, { answer: answerOf(plan.defaultAction), why: plan.why });
  for (const { names, action, conditions, why } of plan.rules)
    for (const name of names) {
      if (isPass(action) === passes) continue;
      if (conditions.length > 0) conditional.push(name);
      if (isPass(action)) answers.delete(name);
      else if (conditions.length === 0) answers.set(name, { answer: answerOf(action), why });
    }
  const found: Denied[] = [];
  const grouped = new Set<string>();
  const add = (group: string, calls: readonly string[]): void => {
    const byAnswer = new Map<string, { calls: string[]; why: string }>();
    for (const name of calls) {
      const one = answers.get(name);
      if (one === undefined || grouped.has(name)) continue;
      grouped.add(name);
      const same = byAnswer.get(one.answer);
      if (same === undefined) byAnswer.set(one.answer, { calls: [name], why: one.why });
      else same.calls.push(name);
    }
    for (const [answer, { calls: names, why }] of byAnswer) found.push({ group, calls: names, answer, why });
  };
  for (const [group, calls] of GROUPS) add(group, calls.split(" "));
  add("others", [...answers.keys()]);
  const depends = [...new Set(conditional)].sort();
  if (depends.length > 0)
    found.push({ group: "by their arguments", calls: depends, answer: "some of their uses are denied", why: plan.why });
  return found;
}

const isPass = (action: number): boolean => action === SECCOMP_RET_ALLOW || action === SECCOMP_RET_LOG;

function answerOf(action: number): string {
  const data = action % 0x10000;
  switch (action - data) {
    case SECCOMP_RET_ERRNO:
      return ERRNO[data]?.[0] ?? `errno ${data}`;
    case SECCOMP_RET_KILL_PROCESS:
      return "the process is killed";
    case SECCOMP_RET_KILL_THREAD:
      return "the thread is killed";
    case SECCOMP_RET_TRAP:
      return "SIGSYS";
    case SECCOMP_RET_USER_NOTIF:
      return "the agent decides";
    default:
      return "a tracer decides";
  }
}
