// `tsrun run`: create and start in one process; in the foreground also wait, pass signals on, and delete.

import { attend, onSignalOfInput, takeSignals } from "./foreground/wait.ts";
import { create, type CreateRequest } from "./create/parent.ts";
import { destroyOrWarn } from "./state/destroy.ts";
import { expect } from "./channel/child-messages.ts";
import type { Globals } from "./globals.ts";
import { hookState, runHooks } from "./lifecycle-hooks.ts";
import { step } from "./step.ts";
import { exitStatus } from "../sys/process.ts";
import { undoOf } from "./undo.ts";
import defer * as ends from "./state/end.ts";
import defer * as readinessRelay from "./foreground/readiness.ts";

export type RunRequest = CreateRequest & {
  readonly detach: boolean;
  /** Leave the state and the cgroup behind when the container has ended. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
};

/** @returns the exit status of the container's process, 128 + N when a signal ended it; 0 at once when detached */
export function runContainer(globals: Globals, request: RunRequest): number {
  using undo = undoOf(globals);
  const signals = request.detach ? undefined : takeSignals(!request.noSubreaper);
  const { child, channel, plan, directory, record, terminal, readiness } = create(
    globals,
    request,
    request.detach ? "run detached" : "run",
    undo,
  );
  expect(globals, plan.cgroup.groups, child, channel, undefined);
  step("run poststart hooks", () => runHooks("poststart", record.poststart, hookState(record, "running", record.pid)));
  if (signals === undefined) {
    undo.move();
    if (readiness !== undefined) readinessRelay.waitUntilReady(readiness, record, child.pid, globals);
    return 0;
  }
  if (readiness !== undefined) onSignalOfInput(readinessRelay.passReadyOnSignal(readiness, globals));
  const ending = attend(child, signals, terminal);
  const status = exitStatus(ending);
  if (status !== 0) for (const reason of ends.whyKilled(plan, record, ending)) globals.warn(reason);
  undo.move();
  if (request.keep) ends.recordEnd(directory, record, ending);
  else destroyOrWarn(globals, directory, record);
  return status;
}
