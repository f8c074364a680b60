// A file descriptor that somebody owns. The owner says `using` or hands it to an Undo; borrowers take Fd and do not close it.

import "../base/dispose.ts";
import { SYS_close, SYS_dup3, SYS_fcntl } from "../abi/syscall.ts";
import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  F_SETOWN,
  FASYNC,
} from "../abi/fcntl.ts";
import { host } from "./host.ts";
import { syscall } from "./call.ts";

export class Fd {
  #raw: number;

  constructor(raw: number) {
    this.#raw = raw;
  }

  /** The number. Throws after close: a closed number may already be somebody else's. */
  get raw(): number {
    if (this.#raw < 0) throw new Error("the descriptor is closed");
    return this.#raw;
  }

  get closed(): boolean {
    return this.#raw < 0;
  }

  /** Gives the number up: the caller closes it. */
  release(): number {
    const raw = this.raw;
    this.#raw = -1;
    return raw;
  }

  /** Closing twice is allowed. close(2)'s errors say nothing that a caller could act on; the number is free in any case. */
  [Symbol.dispose](): void {
    if (this.#raw >= 0) host.syscall(SYS_close, this.#raw);
    this.#raw = -1;
  }

  /** Where /proc shows this descriptor: a path for calls that take no descriptor. Needs /proc of the current mount namespace. */
  get procPath(): string {
    return `/proc/self/fd/${this.raw}`;
  }
}

/** A directory to start from: a descriptor, or the working directory. */
export type At = Fd | null;

export const at = (dir: At): number => (dir === null ? AT_FDCWD : dir.raw);

/** A new close-on-exec descriptor, at least `minimum`, for the same open file. The caller closes it. */
export function duplicate(fd: Fd | number, minimum = 3): Fd {
  const raw = typeof fd === "number" ? fd : fd.raw;
  return new Fd(syscall("fcntl", SYS_fcntl, `F_DUPFD_CLOEXEC ${raw}`, raw, F_DUPFD_CLOEXEC, minimum));
}

/** Makes `target` refer to `fd`'s open file, inherited over execve. @see dup3(2) */
export function dup3(fd: number, target: number, flags: number): void {
  syscall("dup3", SYS_dup3, `${fd} to ${target}`, fd, target, flags);
}

/** Makes `number` the same open file as `fd`, and lets execve pass it on, also when it is that number already. */
export function inherit(fd: Fd, number: number): void {
  if (fd.raw === number) setCloexec(number, false);
  else dup3(fd.raw, number, 0);
}

export function setCloexec(raw: number, on: boolean): void {
  syscall("fcntl", SYS_fcntl, `F_SETFD ${raw}`, raw, F_SETFD, on ? FD_CLOEXEC : 0);
}

/** Sets O_NONBLOCK or O_APPEND, for everybody who has this open file. @see F_SETFL(2const) */
export function addStatusFlags(fd: Fd, flags: number): void {
  const before = syscall("fcntl", SYS_fcntl, `F_GETFL ${fd.raw}`, fd.raw, F_GETFL, 0);
  syscall("fcntl", SYS_fcntl, `F_SETFL ${fd.raw}`, fd.raw, F_SETFL, before | flags);
}

/** O_* with which the number was opened; undefined when it is not an open descriptor. @see F_GETFL(2const) */
export function openFlags(raw: number): number | undefined {
  const flags = host.syscall(SYS_fcntl, raw, F_GETFL, 0);
  return flags < 0 ? undefined : flags;
}

let ownStatus = "";

/** Keeps what /proc/self/status says while the host's /proc is there, for descriptorsEnd. */
export function noteOwnStatus(text: string): void {
  ownStatus = text;
}

/** Where nothing says how many descriptors there may be: as many as fs.nr_open allows by default. */
const MOST_DESCRIPTORS = 1 << 20;

/**
 * No descriptor of ours has this number or a higher one: for who must look at each, where close_range(2) is missing. RLIMIT_NOFILE does not tell, for it
 * may have been lowered since. [kernel] The table has FDSize places, and doubles when it is full. @see proc_pid_status(5)
 */
export function descriptorsEnd(): number {
  const size = /^FDSize:\s*(\d+)$/m.exec(ownStatus)?.[1];
  return size === undefined ? MOST_DESCRIPTORS : 2 * Math.max(Number(size), 256);
}

/** False when the number is not an open descriptor. */
export function isOpen(raw: number): boolean {
  return host.syscall(SYS_fcntl, raw, F_GETFD, 0) >= 0;
}

/** True for a descriptor that our caller left open for us: all of our own are close-on-exec. */
export function isInherited(raw: number): boolean {
  return host.syscall(SYS_fcntl, raw, F_GETFD, 0) === 0;
}

/** Lets the kernel send SIGIO to `pid` whenever there is something new to read. @see fcntl(2), F_SETOWN, O_ASYNC */
export function sendSignalOnInput(fd: Fd, pid: number): void {
  syscall("fcntl", SYS_fcntl, `F_SETOWN ${fd.raw}`, fd.raw, F_SETOWN, pid);
  addStatusFlags(fd, FASYNC);
}
