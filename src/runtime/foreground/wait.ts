// The foreground: signals go on to the process, what ends is reaped, and the process's end is ours.

import { PR_SET_CHILD_SUBREAPER } from "../../abi/prctl.ts";
import { SIGCHLD, SIGIO, SIGPIPE, SIGURG } from "../../abi/signal.ts";
import { WNOHANG } from "../../abi/wait.ts";
import { ESRCH } from "../../abi/errno.ts";
import { isErrno } from "../../base/errors.ts";
import type { Fd } from "../../sys/fd.ts";
import { pidfd_send_signal, prctl, wait4, type Child, type Ending } from "../../sys/process.ts";
import { ALL_SIGNALS, blockSignals, readSignal, signalfd } from "../../sys/signal.ts";
import defer * as ttyRelay from "./tty-relay.ts";

/**
 * From here on every signal is blocked and comes out of the descriptor. Called before anything is made: a signal that comes
 * meanwhile is passed on when the process runs.
 */
export function takeSignals(subreaper: boolean): Fd {
  if (subreaper) prctl("PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER, 1);
  blockSignals(ALL_SIGNALS);
  return signalfd(ALL_SIGNALS);
}

/**
 * Passes signals on, and reaps what falls to us as the subreaper, until the process has ended.
 * @param terminal where the master of its terminal comes out, when we are the one to show it
 * @returns how the process ended
 */
export function attend(child: Child, signals: Fd, terminal: Fd | undefined): Ending {
  if (terminal !== undefined) return ttyRelay.attach(child, signals, terminal);
  let ending = reap(child); // it may have ended before its SIGCHLD could be seen
  while (ending === undefined) ending = handle(readSignal(signals), child);
  return ending;
}

let pending: (() => void) | undefined;

/** What SIGIO is for, from a descriptor of ours: it is not passed on then. */
export function onSignalOfInput(act: () => void): void {
  pending = act;
}

/** How the process ended, when this signal tells it. */
export function handle(signal: number, child: Child): Ending | undefined {
  if (signal === SIGCHLD) return reap(child);
  if (signal === SIGIO && pending !== undefined) pending();
  else if (signal !== SIGPIPE && signal !== SIGURG && signal !== 0) pass(signal, child);
  return undefined;
}

/** Reaps every child that has ended; how the process ended, when it is among them. */
export function reap(child: Child): Ending | undefined {
  for (let reaped = wait4(-1, WNOHANG); reaped !== undefined; reaped = wait4(-1, WNOHANG)) {
    if (reaped.pid !== child.pid) continue;
    pending?.(); // [kernel] of signals that came together SIGCHLD comes out first: what was said before the end is there
    return reaped.ending;
  }
  return undefined;
}

function pass(signal: number, child: Child): void {
  try {
    pidfd_send_signal(child.pidfd, signal);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error; // it has just ended, which SIGCHLD tells
  }
}
