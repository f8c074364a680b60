// The parent giving the notify descriptor to the supervisor ("seccomp agent") at listenerPath, a socket of the host's file system.
// The child cannot: its own sendmsg may wait for the answer of a supervisor who has not got the descriptor yet.

import { HostError, StepError } from "../base/errors.ts";
import { stringify } from "../base/json.ts";
import type { ContainerProcessState, State } from "../spec/types.ts";
import type { Fd } from "../sys/fd.ts";
import { utf8 } from "../sys/memory.ts";
import { writeAll } from "../sys/file.ts";
import { pidfd_getfd, type Child } from "../sys/process.ts";
import { connectUnix, sendmsg } from "../sys/socket.ts";
import type { SeccompListener } from "./plan.ts";

/**
 * Takes the descriptor from the child, which may close its own afterwards, and sends it together with the container process state.
 *
 * @param notify the descriptor's number in the child
 * @param state of the container: "creating" for its first process, "running" for one of `exec`
 * @throws StepError when nobody listens; SysError of pidfd_getfd
 */
export function sendListener(listener: SeccompListener | undefined, child: Child, notify: number, state: State): void {
  if (listener === undefined) throw new HostError("seccomp listenerPath is not set");
  using taken = pidfd_getfd(child.pidfd, notify);
  using agent = connect(listener.path);
  const message: ContainerProcessState = {
    ociVersion: state.ociVersion,
    fds: ["seccompFd"],
    pid: child.pid,
    ...(listener.metadata === "" ? {} : { metadata: listener.metadata }),
    state,
  };
  const bytes = utf8(stringify(message));
  const sent = sendmsg(agent, bytes, [taken]);
  if (sent < bytes.byteLength) writeAll(agent, bytes.subarray(sent));
}

/** The step in which nobody may be there; runc's words. */
export type AgentStep = "failed to connect with seccomp agent specified in the seccomp profile";

function connect(path: string): Fd {
  try {
    return connectUnix(path);
  } catch (error) {
    const step: AgentStep = "failed to connect with seccomp agent specified in the seccomp profile";
    throw new StepError(step, error, "/linux/seccomp/listenerPath");
  }
}
