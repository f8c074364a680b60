// The caller's sockets: one takes the master of the terminal, one a pidfd. They are connected before anything is made, for their paths
// are the host's, and a caller who does not listen shall not cost a container.

import type { Undo } from "../../base/dispose.ts";
import { HostError } from "../../base/errors.ts";
import type { Fd } from "../../sys/fd.ts";
import { ownName } from "../../sys/own-name.ts";
import { utf8 } from "../../sys/memory.ts";
import type { Child } from "../../sys/process.ts";
import { connectUnix, sendmsg } from "../../sys/socket.ts";
import type { MasterTo } from "../../terminal/attach.ts";
import type { TerminalPlan } from "../../terminal/plan.ts";
import defer * as ttyRelay from "./tty-relay.ts";

export type Console = {
  /** For the child. */
  readonly to: MasterTo;
  /** Ours, when we show the terminal ourselves: the master comes out of it. */
  readonly mine: Fd | undefined;
};

/** @throws HostError, in the name of runc in its words, when a terminal and nobody to show it, or the other way round */
export function openConsole(
  plan: TerminalPlan,
  detach: boolean,
  consoleSocket: string | undefined,
  undo: Undo,
): Console | undefined {
  if (detach && plan !== undefined && consoleSocket === undefined)
    throw new HostError(`cannot allocate tty if ${ownName()} will detach without setting console socket`);
  if ((!detach || plan === undefined) && consoleSocket !== undefined)
    throw new HostError(`cannot use console socket if ${ownName()} will not detach or allocate tty`);
  if (plan === undefined) return undefined;
  if (consoleSocket !== undefined)
    return {
      to: { socket: undo.use("close console socket", connectUnix(consoleSocket)), size: undefined, cooked: false },
      mine: undefined,
    };
  return ttyRelay.ownConsole(undo);
}

export function connectPidfdSocket(path: string | undefined, undo: Undo): Fd | undefined {
  return path === undefined ? undefined : undo.use("close pidfd socket", connectUnix(path));
}

/** @param name what runc writes beside it: "standard" for a container's init, "setns" for exec */
export function sendPidfd(socket: Fd | undefined, name: "standard" | "setns", child: Child): void {
  if (socket !== undefined) sendmsg(socket, utf8(name), [child.pidfd]);
}
