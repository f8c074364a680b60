// Waiting until one of several descriptors has something to say.

import { SYS_ppoll } from "../abi/syscall.ts";
import { pollfd } from "../abi/poll.ts";
import { timespec } from "../abi/time.ts";
import type { Fd } from "./fd.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

/**
 * Waits until a descriptor is ready; the revents (POLL*) of each, in order. All zero: the time is over.
 * @param timeoutMs undefined waits for ever
 * @see poll(2)
 */
export function poll(fds: readonly { readonly fd: Fd; readonly events: number }[], timeoutMs?: number): readonly number[] {
  const array = new Struct(pollfd.size * fds.length);
  fds.forEach(({ fd, events }, i) => array.u32(i * pollfd.size + pollfd.fd, fd.raw).u16(i * pollfd.size + pollfd.events, events));
  const limit =
    timeoutMs === undefined
      ? null
      : new Struct(timespec.size).u64(timespec.tv_sec, Math.floor(timeoutMs / 1000)).u64(timespec.tv_nsec, Math.round((timeoutMs % 1000) * 1e6)).buffer;
  syscall("ppoll", SYS_ppoll, `${fds.length} descriptors`, array.buffer, fds.length, limit, null, 8);
  return fds.map((_fd, i) => array.getU16(i * pollfd.size + pollfd.revents));
}
