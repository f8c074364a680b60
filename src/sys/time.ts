// Clocks and sleeping.

import { SYS_clock_gettime, SYS_clock_nanosleep } from "../abi/syscall.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, timespec } from "../abi/time.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

function now(clock: number): { readonly seconds: number; readonly nanoseconds: number } {
  const time = new Struct(timespec.size);
  syscall("clock_gettime", SYS_clock_gettime, `clock ${clock}`, clock, time.buffer);
  return { seconds: time.getNumber(timespec.tv_sec), nanoseconds: time.getNumber(timespec.tv_nsec) };
}

/** Milliseconds since some moment, never going back. */
export function monotonicMs(): number {
  const { seconds, nanoseconds } = now(CLOCK_MONOTONIC);
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Milliseconds since 1970. */
export function epochMs(): number {
  const { seconds, nanoseconds } = now(CLOCK_REALTIME);
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The time of day in UTC as RFC 3339 with nanoseconds, trailing zeros of the fraction cut as Go's RFC3339Nano does. */
export function timestamp(): string {
  const { seconds, nanoseconds } = now(CLOCK_REALTIME);
  const digits = String(1e9 + nanoseconds); // a 1 and the fraction, with its leading zeros
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  const fraction = digits.slice(1, end);
  return new Date(seconds * 1000).toISOString().slice(0, 19) + (fraction === "" ? "" : `.${fraction}`) + "Z";
}

export function sleepMs(ms: number): void {
  const time = new Struct(timespec.size)
    .u64(timespec.tv_sec, Math.floor(ms / 1000))
    .u64(timespec.tv_nsec, Math.round((ms % 1000) * 1e6));
  syscall("clock_nanosleep", SYS_clock_nanosleep, `${ms} ms`, CLOCK_MONOTONIC, 0, time.buffer, null);
}
