// Signals of our own process. No handler is ever installed: what must be seen is blocked and read from a signalfd.

import {
  SYS_getpid,
  SYS_rt_sigaction,
  SYS_rt_sigprocmask,
  SYS_rt_sigtimedwait,
  SYS_signalfd4,
} from "../abi/syscall.ts";
import { kernel_sigaction, SIGCHLD, SIGINT, SIGTERM, SIGXFSZ, SIG_BLOCK, SIG_DFL, SIG_SETMASK } from "../abi/signal.ts";
import { SFD_CLOEXEC, signalfd_siginfo } from "../abi/signalfd.ts";
import { timespec } from "../abi/time.ts";
import { HostError } from "../base/errors.ts";
import { Fd, noteOwnStatus } from "./fd.ts";
import { host } from "./host.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";
import { read, readFileIfThere } from "./file.ts";

const maskOf = (signals: readonly number[]): bigint =>
  signals.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);
const mask8 = (mask: bigint): BigUint64Array => new BigUint64Array([mask]);

/** Every signal that can be blocked. */
export const ALL_SIGNALS: bigint = 0xffff_ffff_ffff_ffffn;

/** @see sigprocmask(2) */
export function blockSignals(signals: readonly number[] | bigint): void {
  syscall(
    "rt_sigprocmask",
    SYS_rt_sigprocmask,
    "SIG_BLOCK",
    SIG_BLOCK,
    mask8(typeof signals === "bigint" ? signals : maskOf(signals)),
    null,
    8,
  );
}

/** Unblocks every signal. @see sigprocmask(2) */
export function unblockSignals(): void {
  syscall("rt_sigprocmask", SYS_rt_sigprocmask, "SIG_SETMASK", SIG_SETMASK, mask8(0n), null, 8);
}

/**
 * Gives every signal its default disposition: what a caller ignored must not stay ignored over execve. To be called while the host's /proc is there, which
 * says that there is nothing to do; without it each of the 64 is reset. @see sigaction(2), proc_pid_status(5)
 */
export function resetSignals(): void {
  const ignored = ignoredSignals();
  if (ignored === NONE) return;
  const action = new Struct(kernel_sigaction.size).u64(kernel_sigaction.sa_handler, SIG_DFL);
  for (let signal = 1; signal <= 64; signal++) host.syscall(SYS_rt_sigaction, signal, action.buffer, null, 8); // KILL and STOP refuse
}

const NONE = "0000000000000000";
const FIELD = "\nSigIgn:\t";

/** A hexadecimal mask of them; undefined where /proc does not say. */
function ignoredSignals(): string | undefined {
  const status = readFileIfThere(null, "/proc/self/status") ?? "";
  noteOwnStatus(status);
  const at = status.indexOf(FIELD);
  return at < 0 ? undefined : status.slice(at + FIELD.length, at + FIELD.length + NONE.length);
}

/**
 * Gives SIGCHLD its default disposition. [kernel] A caller that ignores it passes that on over execve, and then children vanish
 * when they end: nobody can wait for them. @see wait(2), NOTES
 */
export function resetChildSignal(): void {
  const action = new Struct(kernel_sigaction.size).u64(kernel_sigaction.sa_handler, SIG_DFL);
  syscall("rt_sigaction", SYS_rt_sigaction, "SIGCHLD", SIGCHLD, action.buffer, null, 8);
}

/** Which of SIGINT and SIGTERM has come for us, who have blocked them; it is taken. Who has not blocked them ends at once. @see sigtimedwait(2) */
export function askedToEnd(): "SIGINT" | "SIGTERM" | undefined {
  const atOnce = new Struct(timespec.size).buffer;
  const signal = host.syscall(SYS_rt_sigtimedwait, mask8(maskOf([SIGINT, SIGTERM])), null, atOnce, 8);
  return signal === SIGTERM ? "SIGTERM" : signal === SIGINT ? "SIGINT" : undefined;
}

/** For who waits for others, now and again. @throws HostError when we have been asked to end meanwhile */
export function refuseIfAskedToEnd(): void {
  const signal = askedToEnd();
  if (signal !== undefined) throw new HostError(`asked to end by ${signal}`);
}

/** Blocked signals as a descriptor to read and poll; the caller closes it. @see signalfd(2) */
export function signalfd(signals: readonly number[] | bigint): Fd {
  return new Fd(
    syscall(
      "signalfd4",
      SYS_signalfd4,
      "",
      -1,
      mask8(typeof signals === "bigint" ? signals : maskOf(signals)),
      8,
      SFD_CLOEXEC,
    ),
  );
}

/**
 * Waits for the next signal; its number, or 0 for a SIGXFSZ of our own: [kernel] who writes beyond RLIMIT_FSIZE is who sends it, and what is blocked comes
 * out of a signalfd although it is ignored.
 */
export function readSignal(fd: Fd): number {
  const info = new Struct(signalfd_siginfo.size);
  read(fd, new Uint8Array(info.buffer));
  const signal = info.getU32(signalfd_siginfo.ssi_signo);
  return signal === SIGXFSZ && info.getU32(signalfd_siginfo.ssi_pid) === host.syscall(SYS_getpid) ? 0 : signal;
}
