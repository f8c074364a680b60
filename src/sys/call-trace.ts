// Counting our own system calls, for --trace: it puts itself in the place of the one function that all of them go through. Loaded when they are counted.

import { CLOCK_MONOTONIC } from "../abi/time.ts";
import { SYS_clock_gettime } from "../abi/syscall.ts";
import { SYSCALLS } from "../abi/syscall_table.ts";
import { host, type Argument } from "./host.ts";

export type CallTotal = {
  readonly call: string;
  readonly count: number;
  readonly ms: number;
  /** How many of them the kernel refused; absent: none. */
  readonly failed?: number;
};

/** The calls since a moment of CLOCK_MONOTONIC, in milliseconds, by name, in the order of the first of each; they are not given again. */
export type TakeCalls = (sinceMs: number) => readonly CallTotal[];

export function traceCalls(): TakeCalls {
  const made: { readonly nr: number; readonly atMs: number; readonly ms: number; readonly failed: boolean }[] = [];
  const raw = host.syscall;
  const time = new BigInt64Array(2);
  const now = (): number => {
    raw(SYS_clock_gettime, CLOCK_MONOTONIC, time);
    return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
  };
  const counted = (nr: number, ...args: readonly Argument[]): number => {
    const atMs = now();
    const result = raw(nr, ...args);
    if (nr !== SYS_clock_gettime) made.push({ nr, atMs, ms: now() - atMs, failed: result < 0 });
    return result;
  };
  Object.defineProperty(host, "syscall", { value: counted });
  const names = new Map(Object.entries(SYSCALLS).map(([name, nr]) => [nr, name]));
  return (sinceMs) => {
    const first = made.findIndex(({ atMs }) => atMs >= sinceMs);
    const totals = new Map<string, { count: number; ms: number; failed: number }>();
    for (const { nr, ms, failed } of first < 0 ? [] : made.splice(first)) {
      const name = names.get(nr) ?? String(nr);
      const total = totals.get(name) ?? { count: 0, ms: 0, failed: 0 };
      totals.set(name, {
        count: total.count + 1,
        ms: total.ms + ms,
        failed: total.failed + (failed ? 1 : 0),
      });
    }
    return [...totals].map(([call, { count, ms, failed }]) => ({ call, count, ms, ...(failed > 0 && { failed }) }));
  };
}
