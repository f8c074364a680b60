// `tsrun run`: create and start in one process; in the foreground also wait, pass signals on, and delete.

import { PR_SET_CHILD_SUBREAPER } from "../abi/prctl.ts";
import { SIGCHLD, SIGPIPE, SIGURG } from "../abi/signal.ts";
import { WNOHANG } from "../abi/wait.ts";
import { ESRCH } from "../abi/errno.ts";
import { isErrno } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { exitStatus, pidfd_send_signal, prctl, wait4, type Child, type Ending } from "../sys/process.ts";
import { ALL_SIGNALS, blockSignals, readSignal, signalfd } from "../sys/signal.ts";
import { tellChild } from "./channel.ts";
import { create, undoOf, type CreateRequest } from "./create.ts";
import { destroy } from "./destroy.ts";
import { expect } from "./expect.ts";
import type { Globals } from "./globals.ts";
import { runPoststartHooks } from "./start.ts";
import { step } from "./step.ts";

export type RunRequest = CreateRequest & {
  readonly detach: boolean;
  /** Leave the state and the cgroup behind when the container has ended. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
};

/** @returns the exit status of the container's process, 128 + N when a signal ended it; 0 at once when detached */
export function runContainer(globals: Globals, request: RunRequest): number {
  using undo = undoOf(globals);
  // Blocked before anything is made: a signal that comes while the container is being created is passed on when it runs.
  const signals = request.detach ? undefined : takeSignals(request.noSubreaper);
  const container = create(globals, request, "channel", undo);
  const { child, channel, plan, directory, record } = container;
  tellChild(channel, { kind: "start" });
  step("start", () => expect(globals, plan, child, channel, undefined));
  runPoststartHooks(globals, record);
  if (signals === undefined) {
    undo.move();
    return 0;
  }
  const status = attend(child, signals);
  undo.move();
  if (!request.keep) destroy(globals, directory, record);
  return status;
}

function takeSignals(noSubreaper: boolean): Fd {
  if (!noSubreaper) prctl("PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER, 1);
  blockSignals(ALL_SIGNALS);
  return signalfd(ALL_SIGNALS);
}

/** Passes signals on, and reaps what falls to us as the subreaper, until the container's process has ended. */
function attend(child: Child, signals: Fd): number {
  const ended = reap(child); // it may have ended before its SIGCHLD could be seen
  if (ended !== undefined) return exitStatus(ended);
  for (;;) {
    const signal = readSignal(signals);
    const ending = signal === SIGCHLD ? reap(child) : undefined;
    if (ending !== undefined) return exitStatus(ending);
    if (signal !== SIGCHLD && signal !== SIGPIPE && signal !== SIGURG) pass(signal, child);
  }
}

/** Reaps every child that has ended; how the container's process ended, when it is among them. */
function reap(child: Child): Ending | undefined {
  for (let reaped = wait4(-1, WNOHANG); reaped !== undefined; reaped = wait4(-1, WNOHANG)) if (reaped.pid === child.pid) return reaped.ending;
  return undefined;
}

function pass(signal: number, child: Child): void {
  try {
    pidfd_send_signal(child.pidfd, signal);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error; // it has just ended, which SIGCHLD tells
  }
}
