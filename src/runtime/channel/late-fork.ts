// Into somebody else's pid namespace. From the moment that a process is in it, whoever there has CAP_SYS_PTRACE may look into the process and make
// it act. So what prepares the program stays outside, and when nothing is left to do but execve it forks the process that will be the program:
// with the container's root, working directory, namespaces, user and capabilities, and with no descriptor but those that the program gets.
//
//   parent ──clone──▶ joiner: enters everything, becomes the user, lets go of the host; is not in the pid namespace
//     ▲                 └──clone(CLONE_PARENT)──▶ process: is in the pid namespace; execve
//     └──────────────────────── entered ────────────┘
//
// [cve] CVE-2016-9962. [kernel] A pid namespace that a process has entered is its children's.

import { HostError } from "../../base/errors.ts";
import { hostPid } from "../../base/brand.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import type { Fd } from "../../sys/fd.ts";
import { writeAll } from "../../sys/file.ts";
import { host } from "../../sys/host.ts";
import { utf8 } from "../../sys/memory.ts";
import { exit_group, forkForParent, isChild, pidfd_open, setsid, type Child } from "../../sys/process.ts";
import { recvSender } from "../../sys/socket.ts";
import { nextLength, pastReset, receive, type ChildMessage, type ParentMessage } from "./messages.ts";
import { died, heed } from "./child-messages.ts";
import type { Globals } from "../globals.ts";

/** In the joiner: forks the process, which alone returns. @param wait until the parent has answered, which may do something for us first */
export function forkIntoPidNamespace(channel: Fd, wait: boolean): void {
  if (forkForParent() === "parent") {
    channel[Symbol.dispose]();
    exit_group(0);
  }
  setsid();
  writeAll(channel, utf8(JSON.stringify({ kind: "entered" } satisfies ChildMessage))); // by write(2), as passNotify
  if (wait && receive<ParentMessage>(channel)?.kind !== "taken") exit_group(1);
}

/**
 * In the parent: the process that the joiner has forked. The caller closes its pidfd and reaps both.
 * @param channel for which noteSenders was called before the joiner was made
 * @throws what the joiner failed with, or HostError when it died without a word
 */
export function receiveForkedChild(
  globals: Globals,
  groups: CgroupPaths,
  joiner: Child,
  channel: Fd,
  takeListener?: (notify: number) => void,
): Child {
  for (;;) {
    const buffer = new Uint8Array(nextLength(channel));
    const { length, pid } = pastReset(() => recvSender(channel, buffer));
    if (length === 0) throw died(groups, joiner);
    const message = JSON.parse(host.decode(buffer)) as ChildMessage;
    if (message.kind !== "entered") {
      heed(globals, message, channel, takeListener);
      continue;
    }
    const child = { pid: hostPid(pid), pidfd: pidfd_open(hostPid(pid)) }; // until we reap it the number is its own
    if (pid !== joiner.pid && isChild(child.pidfd)) return child;
    child.pidfd[Symbol.dispose]();
    throw new HostError(`process ${pid}, which is none of ours, claims to be the container's new process`);
  }
}
