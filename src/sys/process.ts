// Processes and namespaces. One thread only: what a raw call changes for "the calling thread" it changes for all of us.

import {
  SYS_clone,
  SYS_clone3,
  SYS_execve,
  SYS_exit_group,
  SYS_getcpu,
  SYS_getegid,
  SYS_geteuid,
  SYS_getpid,
  SYS_kill,
  SYS_madvise,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
  SYS_pidfd_send_signal,
  SYS_prctl,
  SYS_prlimit64,
  SYS_sched_setaffinity,
  SYS_setns,
  SYS_setpgid,
  SYS_setsid,
  SYS_unshare,
  SYS_wait4,
  SYS_waitid,
} from "../abi/syscall.ts";
import { CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PIDFD, clone_args } from "../abi/sched.ts";
import { SIGCHLD } from "../abi/signal.ts";
import { rlimit64 } from "../abi/resource.ts";
import { CLD_EXITED, P_PID, P_PIDFD, siginfo, WEXITED, WNOHANG, WNOWAIT } from "../abi/wait.ts";
import { MADV_POPULATE_WRITE } from "../abi/mman.ts";
import { EBADF, ECHILD, EINTR, EINVAL, ENOSYS, ESRCH } from "../abi/errno.ts";
import { SysError } from "../base/errors.ts";
import { int64, type Int64 } from "../base/int64.ts";
import { hostPid, type HostPid } from "../base/brand.ts";
import { Fd } from "./fd.ts";
import { host, type Argument } from "./host.ts";
import { syscall } from "./call.ts";
import { stringArray, Struct } from "./memory.ts";
import { openProcess, pidOf, ProcessDirectory } from "./old-pidfd.ts";

export type Child = { readonly pid: HostPid; readonly pidfd: Fd };

/**
 * Forks into new namespaces. Both processes return: the child gets undefined, the parent the child's pid and pidfd, which it closes.
 * @param flags CLONE_NEW* and others; SIGCHLD and CLONE_PIDFD are added
 * @param cgroup a cgroup v2 directory to start the child in, or null
 * @throws SysError ENOSYS with a cgroup before 5.3, EPERM without the capability, ENOSPC when a limit of namespaces is reached, EBUSY/EOPNOTSUPP for the cgroup
 * @see clone3(2)
 */
export function clone3(flags: number, cgroup: Fd | null = null): Child | undefined {
  const pidfd = new Int32Array(1);
  const args = new Struct(clone_args.size)
    .u64(clone_args.flags, flags + CLONE_PIDFD + (cgroup === null ? 0 : CLONE_INTO_CGROUP))
    .pointer(clone_args.pidfd, pidfd)
    .u64(clone_args.exit_signal, (flags & CLONE_PARENT) === 0 ? SIGCHLD : 0) // [kernel] a child of our parent's tells it as we do
    .u64(clone_args.cgroup, cgroup === null ? 0 : cgroup.raw);
  const pid = host.syscall(SYS_clone3, args.buffer, clone_args.size);
  if (pid === -ENOSYS && cgroup === null) return clone(flags);
  if (pid < 0) throw new SysError("clone3", -pid, `flags 0x${flags.toString(16)}`);
  if (pid === 0) copyHotPages();
  return pid === 0 ? undefined : { pid: hostPid(pid), pidfd: new Fd(pidfd[0] as number) };
}

/** Whoever has forked, or was, gets copies at once of what it will change, at half of what a fault for each page costs; before 5.14 by these. @see madvise(2) */
export function copyHotPages(): void {
  host.syscall(SYS_madvise, host.hot, host.hot.byteLength, MADV_POPULATE_WRITE);
}

/**
 * Forks a child for our own parent, who waits for it as for us. Both processes return: "child", "parent".
 * By clone(2), which every profile for seccomp lets through that lets a shell fork: many answer clone3 with ENOSYS, for its flags lie in memory.
 * @throws SysError EAGAIN when a limit of processes is reached @see clone(2), CLONE_PARENT
 */
export function forkForParent(): "child" | "parent" {
  return syscall("clone", SYS_clone, "CLONE_PARENT", CLONE_PARENT + SIGCHLD, null, null, null, 0) === 0
    ? "child"
    : "parent";
}

/** As clone3, before 5.3. [kernel] Before 5.2 CLONE_PIDFD is passed over. @see clone(2) */
function clone(flags: number): Child | undefined {
  const pidfd = new Int32Array([-1]);
  const pid = syscall(
    "clone",
    SYS_clone,
    `flags 0x${flags.toString(16)}`,
    flags + CLONE_PIDFD + SIGCHLD,
    0,
    pidfd,
    0,
    0,
  );
  if (pid === 0) return undefined;
  const raw = pidfd[0] as number;
  return { pid: hostPid(pid), pidfd: raw < 0 ? pidfd_open(hostPid(pid)) : new Fd(raw) };
}

/** @see unshare(2) */
export function unshare(flags: number): void {
  syscall("unshare", SYS_unshare, `0x${flags.toString(16)}`, flags);
}

/** Joins a namespace. @throws SysError EINVAL when it is not of `kind` (a CLONE_NEW*) @see setns(2) */
export function setns(namespace: Fd, kind: number, detail: string): void {
  syscall("setns", SYS_setns, detail, namespace.raw, kind);
}

/** Replaces the program. Returns only by throwing. @see execve(2) */
export function execve(path: string, args: readonly string[], env: readonly string[]): never {
  const argv = stringArray(args);
  const envp = stringArray(env);
  syscall("execve", SYS_execve, path, path, argv.pointers, envp.pointers);
  throw new Error("execve returned");
}

export function exit_group(status: number): never {
  host.syscall(SYS_exit_group, status);
  throw new Error("exit_group returned");
}

export const getpid = (): HostPid => hostPid(host.syscall(SYS_getpid));
export const geteuid = (): number => host.syscall(SYS_geteuid);
export const getegid = (): number => host.syscall(SYS_getegid);

/** @see setsid(2) */
export function setsid(): void {
  syscall("setsid", SYS_setsid, "");
}

/** @see setpgid(2) */
export function setpgid(pid: number, group: number): void {
  syscall("setpgid", SYS_setpgid, `${pid} into ${group}`, pid, group);
}

/** @see kill(2) */
export function kill(pid: HostPid, signal: number): void {
  syscall("kill", SYS_kill, `process ${pid}, signal ${signal}`, pid, signal);
}

/** A handle on a process that no later process with the same number can take over; the caller closes it. @throws SysError ESRCH @see pidfd_open(2) */
export function pidfd_open(pid: HostPid): Fd {
  const result = host.syscall(SYS_pidfd_open, pid, 0);
  if (result === -ENOSYS) return openProcess(pid);
  if (result < 0) throw new SysError("pidfd_open", -result, `process ${pid}`);
  return new Fd(result);
}

/** @throws SysError ESRCH when the process has ended, EPERM @see pidfd_send_signal(2) */
export function pidfd_send_signal(pidfd: Fd, signal: number): void {
  const result = host.syscall(SYS_pidfd_send_signal, pidfd.raw, signal, null, 0); // takes directories of /proc, too
  if (result === -ENOSYS) return signalByNumber(pidfd, signal);
  if (result < 0) throw new SysError("pidfd_send_signal", -result, `signal ${signal}`);
}

/** Before 5.1. [kernel] Whoever is in another pid namespace than this process knows it by another number, but may still look at it. */
function signalByNumber(pidfd: Fd, signal: number): void {
  if (pidfd instanceof ProcessDirectory && pidfd.ended) throw new SysError("kill", ESRCH, `process ${pidfd.pid}`);
  if (signal !== 0 || !(pidfd instanceof ProcessDirectory)) kill(pidOf(pidfd), signal);
}

/** What to tell a process that shall take `fd` by pidfd_getfd: it has to stay open until that has happened. */
export const numberToTake = (fd: Fd): number => fd.raw;

/**
 * A descriptor of our own for what `target` is in the process behind `pidfd`; the caller closes it.
 * @throws SysError EPERM without ptrace rights over it, EBADF when `target` is not open there, ENOSYS before 5.6
 * @see pidfd_getfd(2)
 */
export function pidfd_getfd(pidfd: Fd, target: number): Fd {
  return new Fd(syscall("pidfd_getfd", SYS_pidfd_getfd, `descriptor ${target}`, pidfd.raw, target, 0));
}

/** How a process ended: its exit status, or the signal that killed it. */
export type Ending =
  { readonly kind: "exited"; readonly status: number } | { readonly kind: "killed"; readonly signal: number };

/** The exit status that a shell would show: the status, or 128 + the signal. */
export const exitStatus = (ending: Ending): number => (ending.kind === "exited" ? ending.status : 128 + ending.signal);

/** Waits for our child behind `pidfd` and reaps it. @see waitid(2) */
export function waitPidfd(pidfd: Fd): Ending {
  return waitid(pidfd, WEXITED);
}

/** Waits for a child to end and leaves it to be reaped. @see waitid(2) */
export function awaitEnd(pidfd: Fd): Ending {
  return waitid(pidfd, WEXITED | WNOWAIT);
}

function waitid(pidfd: Fd, options: number): Ending {
  const info = new Struct(siginfo.size);
  const result = waitidRaw(pidfd, info.buffer, options);
  if (result < 0) throw new SysError("waitid", -result, "P_PIDFD");
  const status = info.getI32(siginfo.si_status);
  return info.getI32(siginfo.si_code) === CLD_EXITED ? { kind: "exited", status } : { kind: "killed", signal: status };
}

/** [kernel] waitid knows pidfds since 5.4, and no directories of /proc. The number is our child's until it is reaped. */
function waitidRaw(pidfd: Fd, info: Argument, options: number): number {
  let result = host.syscall(SYS_waitid, P_PIDFD, pidfd.raw, info, options, null);
  if (result === -EINVAL || result === -EBADF)
    result = host.syscall(SYS_waitid, P_PID, pidOf(pidfd), info, options, null);
  return result === -EINTR ? waitidRaw(pidfd, info, options) : result;
}

/** Whether the process behind `pidfd`, alive or ended, is a child of ours. It is not reaped. @see waitid(2) */
export function isChild(pidfd: Fd): boolean {
  const result = waitidRaw(pidfd, null, WEXITED + WNOHANG + WNOWAIT);
  if (result < 0 && result !== -ECHILD) throw new SysError("waitid", -result, "P_PIDFD");
  return result >= 0;
}

/** Reaps any child that has ended. @returns undefined when none has (WNOHANG) or none is left @see wait4(2) */
export function wait4(pid: number, options: number): { readonly pid: number; readonly ending: Ending } | undefined {
  const status = new Int32Array(1);
  const reaped = host.syscall(SYS_wait4, pid, status, options, null);
  if (reaped === 0 || reaped === -ECHILD) return undefined;
  if (reaped < 0) throw new SysError("wait4", -reaped, `process ${pid}`);
  const word = status[0] as number;
  const signal = word & 0x7f;
  return {
    pid: reaped,
    ending: signal === 0 ? { kind: "exited", status: (word >> 8) & 0xff } : { kind: "killed", signal },
  };
}

/** @see prctl(2) */
export function prctl(name: string, option: number, a: number | string = 0, b = 0, c = 0, d = 0): number {
  return syscall("prctl", SYS_prctl, name, option, a, b, c, d);
}

/** Sets a resource limit of another process. @param pid 0 is ourselves @throws SysError EPERM to raise a hard limit without CAP_SYS_RESOURCE @see prlimit(2) */
export function prlimit(pid: number, name: string, resource: number, soft: Int64, hard: Int64): void {
  const limit = new Struct(rlimit64.size).u64(rlimit64.rlim_cur, soft).u64(rlimit64.rlim_max, hard);
  syscall("prlimit", SYS_prlimit64, `${name} ${soft}:${hard}`, pid, resource, limit.buffer, null);
}

/** The soft and the hard limit. @param pid 0 is ourselves @see prlimit(2) */
export function getrlimit(name: string, resource: number, pid = 0): { readonly soft: Int64; readonly hard: Int64 } {
  const limit = new Struct(rlimit64.size);
  syscall("prlimit", SYS_prlimit64, name, pid, resource, null, limit.buffer);
  return { soft: int64(limit.getU64(rlimit64.rlim_cur)), hard: int64(limit.getU64(rlimit64.rlim_max)) };
}

/** The processor that we run on, at this moment. @see getcpu(2) */
export function getcpu(): number {
  const cpu = new Uint32Array(1);
  syscall("getcpu", SYS_getcpu, "", cpu, null, null);
  return cpu[0] as number;
}

/**
 * The processors that a process may run on. [kernel] Those that are not there, or not in its cpuset, are left out.
 * @param pid 0 is ourselves @param cpus a bit for each
 * @throws SysError EINVAL when none is left @see sched_setaffinity(2)
 */
export function sched_setaffinity(pid: number, cpus: Uint8Array | BigUint64Array, detail: string): void {
  syscall("sched_setaffinity", SYS_sched_setaffinity, detail, pid, cpus.byteLength, cpus);
}
