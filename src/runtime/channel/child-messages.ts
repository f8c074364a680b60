// The parent listening to its child: log lines are passed on, a failure is thrown, a silent death is explained.

import { HostError } from "../../base/errors.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import { POLLIN } from "../../abi/poll.ts";
import { awaitEnd, type Child } from "../../sys/process.ts";
import type { Fd } from "../../sys/fd.ts";
import { poll } from "../../sys/poll.ts";
import { decodeError, receive, tellChild, type ChildMessage } from "./messages.ts";
import type { Globals } from "../globals.ts";
import defer * as cgroupProcesses from "../../cgroup/processes.ts";
import defer * as idmappedMount from "../create/idmapped-mount.ts";

/**
 * Waits until the child says `kind`; undefined waits for the end of the channel, which execve brings.
 * @param takeListener passes a seccomp notify descriptor on, given its number in the child
 * @throws what the child failed with, or HostError when it died without a word
 */
export function expect(
  globals: Globals,
  groups: CgroupPaths,
  child: Child,
  channel: Fd,
  kind: "mounted" | "created" | undefined,
  takeListener?: (notify: number) => void,
): void {
  for (;;) {
    const message = receive<ChildMessage>(channel);
    if (message === undefined) {
      if (kind === undefined) return;
      throw died(groups, child);
    }
    if (message.kind === kind) return;
    if (message.kind === "map") idmappedMount.mapForChild(child, message);
    heed(globals, message, channel, takeListener);
  }
}

/** Does what a message asks for that may come at any moment. @throws what the child failed with */
export function heed(
  globals: Globals,
  message: ChildMessage,
  channel: Fd,
  takeListener?: (notify: number) => void,
): void {
  if (message.kind === "failed") throw decodeError(message.error);
  if (message.kind === "listener") {
    takeListener?.(message.fd);
    tellChild(channel, { kind: "taken" });
  }
  hear(globals, message);
}

/** Passes on what the child says by the way. @returns false for a message that asks for something */
export function hear(globals: Globals, message: ChildMessage): boolean {
  if (message.kind === "log") (message.level === "debug" ? globals.debug : globals.warn)?.(message.text);
  else if (message.kind === "step") globals.steps?.ended(message.process, message.span);
  else return false;
  return true;
}

/**
 * Does for the child what it needs of us. Where that fails because the child has failed meanwhile, we say why the child did: it came first.
 * @throws what the child failed with, or what `act` threw
 */
export function orLastWord<T>(globals: Globals, channel: Fd, act: () => T): T {
  try {
    return act();
  } catch (error) {
    while (poll([{ fd: channel, events: POLLIN }], 0)[0] !== 0) {
      const message = receive<ChildMessage>(channel);
      if (message === undefined) break;
      heed(globals, message, channel);
    }
    throw error;
  }
}

/** Why the child has ended that said nothing. */
export function died(groups: CgroupPaths, child: Child): HostError {
  const oom = cgroupProcesses.oomKilled(groups);
  if (oom !== undefined)
    return new HostError(`container init was OOM-killed (memory limit too low?): ${cgroupProcesses.oomWords(oom)}`);
  const ending = awaitEnd(child.pidfd); // who made it kills and reaps it: that must not fail
  const how = ending.kind === "killed" ? `killed by signal ${ending.signal}` : `exit status ${ending.status}`;
  return new HostError(
    `container init died without a word: ${how}${cgroupProcesses.isAccountGone(groups) ? ", and its cgroup is gone, which would tell whether it was OOM-killed" : ""}`,
  );
}
