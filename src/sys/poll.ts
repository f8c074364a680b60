// Waiting until one of several descriptors has something to say.

import { SYS_ppoll } from "../abi/syscall.ts";
import { pollfd, POLLIN } from "../abi/poll.ts";
import { timespec } from "../abi/time.ts";
import type { Fd } from "./fd.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";
import { ProcessDirectory } from "./old-pidfd.ts";

/**
 * Waits until a descriptor is ready; the revents (POLL*) of each, in order. All zero: the time is over.
 * @param timeoutMs undefined waits for ever
 * @see poll(2)
 */
export function poll(
  fds: readonly { readonly fd: Fd; readonly events: number }[],
  timeoutMs?: number,
): readonly number[] {
  return fds.some(({ fd }) => fd instanceof ProcessDirectory)
    ? pollOld(fds, timeoutMs ?? Infinity)
    : pollOnce(fds, timeoutMs);
}

const OLD_INTERVAL_MS = 10;

/** With processes among them that cannot be polled for: looks every now and then. */
function pollOld(fds: readonly { readonly fd: Fd; readonly events: number }[], timeoutMs: number): readonly number[] {
  const others = fds.filter(({ fd }) => !(fd instanceof ProcessDirectory));
  for (let left = timeoutMs; ; left -= OLD_INTERVAL_MS) {
    const ended = fds.map(({ fd }) => fd instanceof ProcessDirectory && fd.ended);
    const rest = [...pollOnce(others, ended.includes(true) ? 0 : Math.max(0, Math.min(left, OLD_INTERVAL_MS)))];
    const found = fds.map(({ fd }, i) =>
      fd instanceof ProcessDirectory ? (ended[i] === true ? POLLIN : 0) : (rest.shift() ?? 0),
    );
    if (left <= 0 || found.some((events) => events !== 0)) return found;
  }
}

function pollOnce(fds: readonly { readonly fd: Fd; readonly events: number }[], timeoutMs?: number): readonly number[] {
  const array = new Struct(pollfd.size * fds.length);
  fds.forEach(({ fd, events }, i) =>
    array.u32(i * pollfd.size + pollfd.fd, fd.raw).u16(i * pollfd.size + pollfd.events, events),
  );
  const limit =
    timeoutMs === undefined
      ? null
      : new Struct(timespec.size)
          .u64(timespec.tv_sec, Math.floor(timeoutMs / 1000))
          .u64(timespec.tv_nsec, Math.round((timeoutMs % 1000) * 1e6)).buffer;
  syscall("ppoll", SYS_ppoll, `${fds.length} descriptors`, array.buffer, fds.length, limit, null, 8);
  return fds.map((_fd, i) => array.getU16(i * pollfd.size + pollfd.revents));
}

/** The same descriptors polled again and again, without making anything anew. */
export class PollSet {
  readonly #fds: readonly number[];
  readonly #array: Struct;
  readonly #limit: Struct = new Struct(timespec.size);

  constructor(fds: readonly Fd[]) {
    this.#fds = fds.map((fd) => fd.raw);
    this.#array = new Struct(pollfd.size * fds.length);
  }

  /** @param events POLL*; 0: not even its end is of interest */
  watch(i: number, events: number): void {
    // [kernel] A negative descriptor is passed over.
    this.#array
      .u32(i * pollfd.size + pollfd.fd, events === 0 ? 0xffff_ffff : (this.#fds[i] ?? 0xffff_ffff))
      .u16(i * pollfd.size + pollfd.events, events);
  }

  wait(timeoutMs?: number): void {
    const limit =
      timeoutMs === undefined
        ? null
        : this.#limit
            .u64(timespec.tv_sec, Math.floor(timeoutMs / 1000))
            .u64(timespec.tv_nsec, Math.round((timeoutMs % 1000) * 1e6)).buffer;
    syscall("ppoll", SYS_ppoll, "a set of descriptors", this.#array.buffer, this.#fds.length, limit, null, 8);
  }

  /** True when the descriptor was watched and something is the matter with it. */
  ready(i: number): boolean {
    return this.#array.getU16(i * pollfd.size + pollfd.revents) !== 0;
  }
}
