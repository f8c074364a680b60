// The parent while init enters a user namespace: its id maps are written, or it is met on the other side of one that is joined.

import { SIGKILL } from "../../abi/signal.ts";
import { hostPid } from "../../base/brand.ts";
import { HostError, SpecError } from "../../base/errors.ts";
import { mapIds as writeMaps } from "../../namespaces/idmap.ts";
import type { IDMapping } from "../../spec/types.ts";
import { hostId, isSameMap, parseMap, type UserPlan } from "../../namespaces/user-plan.ts";
import type { Fd } from "../../sys/fd.ts";
import { pidfd_open, pidfd_send_signal, waitPidfd, type Child } from "../../sys/process.ts";
import { decodeError, receive, type ChildMessage } from "../channel/messages.ts";
import { hear } from "../channel/child-messages.ts";
import type { Globals } from "../globals.ts";

/** Init, and how its user namespace maps uids. */
export type Mapped = { readonly init: Child; readonly uids: readonly IDMapping[] };

/**
 * @param child the clone: init, or the process on the way to a joined namespace, which makes init and ends
 * @param own is given init when it is another process than `child`
 */
export function mapIds(
  globals: Globals,
  user: UserPlan,
  child: Child,
  channel: Fd,
  own: (init: Child) => void,
): Mapped {
  if (user.path === undefined) {
    writeMaps(user, child.pid);
    return { init: child, uids: user.uids.ranges };
  }
  const met = meet(globals, user, child, channel);
  own(met.init);
  return met;
}

/** What is `uid` in the container, as we count; undefined when nobody there is. */
export const uidOutside = (uids: readonly IDMapping[], uid: number): number | undefined => hostId(uids, uid);

function meet(globals: Globals, user: UserPlan, between: Child, channel: Fd): Mapped {
  let over = false;
  try {
    for (;;) {
      const message = receive<ChildMessage>(channel);
      if (message !== undefined && hear(globals, message)) continue;
      if (message?.kind === "failed") throw decodeError(message.error);
      else if (message?.kind === "born") {
        const pid = hostPid(message.pid);
        const init = { pid, pidfd: pidfd_open(pid) }; // ours to reap, so nobody else can have the number
        over = true;
        compare(globals, user, init, message);
        return { init, uids: parseMap(message.uidMap) };
      } else throw new HostError("the process that was to join the user namespace died without a word");
    }
  } finally {
    if (!over) pidfd_send_signal(between.pidfd, SIGKILL);
    waitPidfd(between.pidfd);
    between.pidfd[Symbol.dispose]();
  }
}

/** runc's rule: what config.json says besides must be true. */
function compare(
  globals: Globals,
  { uids, gids, path }: UserPlan,
  init: Child,
  { uidMap, gidMap }: { readonly uidMap: string; readonly gidMap: string },
): void {
  if (uids.ranges.length + gids.ranges.length === 0) return;
  for (const [map, actual] of [
    [uids, parseMap(uidMap)],
    [gids, parseMap(gidMap)],
  ] as const) {
    if (isSameMap(map.ranges, actual)) continue;
    pidfd_send_signal(init.pidfd, SIGKILL);
    waitPidfd(init.pidfd);
    init.pidfd[Symbol.dispose]();
    const is = actual.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join(", ");
    throw new SpecError([
      {
        pointer: map.why,
        problem: `user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one (${map.file} of ${path} is: ${is})`,
      },
    ]);
  }
  globals.debug?.("config.json has both a user namespace to join and its mappings: one of them is enough");
}
