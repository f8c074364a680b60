// One step of a process: a name and an act. steps.ts lists the names.

import { StepError } from "../base/errors.ts";
import type { CallTotal, TakeCalls } from "../sys/call-trace.ts";
import { epochMs, monotonicMs } from "../sys/time.ts";
import type { StepName } from "./steps.ts";

/** A step that has ended. */
export type Span = {
  readonly name: StepName;
  /** When it began, in milliseconds since 1970: other clocks are not the same in every time namespace. */
  readonly atMs: number;
  readonly ms: number;
  /** The system calls that it made, when they are counted. */
  readonly calls?: readonly CallTotal[];
};

/** Hears each step that has ended; undefined when nobody listens, and then no clock is read. */
export type StepLog = ((span: Span) => void) | undefined;

let log: StepLog;
let takeCalls: TakeCalls | undefined;

export function logSteps(to: StepLog): void {
  log = to;
}

/** From here on a span has its system calls. */
export function countCalls(take: TakeCalls): void {
  takeCalls = take;
}

/** @throws StepError around whatever `act` throws */
export function step<T>(name: StepName, act: () => T): T {
  const begin = log === undefined ? 0 : monotonicMs();
  try {
    return act();
  } catch (error) {
    throw new StepError(name, error);
  } finally {
    if (log !== undefined) log(spanOf(name, begin));
  }
}

function spanOf(name: StepName, begin: number): Span {
  const ms = monotonicMs() - begin;
  const span = { name, atMs: epochMs() - ms, ms };
  return takeCalls === undefined ? span : { ...span, calls: takeCalls(begin) };
}
