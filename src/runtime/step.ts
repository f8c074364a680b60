// One step of a process: a name and an act. steps.ts lists the names.

import { StepError } from "../base/errors.ts";
import { monotonicMs } from "../sys/time.ts";
import type { StepName } from "./steps.ts";

/** Hears each step that has ended and how long it took; undefined when nobody listens, and then no clock is read. */
export type StepLog = ((name: StepName, ms: number) => void) | undefined;

let log: StepLog;

export function logSteps(to: StepLog): void {
  log = to;
}

/** @throws StepError around whatever `act` throws */
export function step<T>(name: StepName, act: () => T): T {
  const begin = log === undefined ? 0 : monotonicMs();
  try {
    return act();
  } catch (error) {
    throw new StepError(name, error);
  } finally {
    log?.(name, monotonicMs() - begin);
  }
}
