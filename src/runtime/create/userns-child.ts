// init's way into the container's user namespace.

import { PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../../abi/prctl.ts";
import { SIGKILL } from "../../abi/signal.ts";
import {
  becomeRoot,
  enterTimeNamespace,
  joinUserNamespace,
  mapOwnIds,
  openTimeOffsets,
  unshareInside,
} from "../../namespaces/user.ts";
import type { UserPlan } from "../../namespaces/user-plan.ts";
import { setOwnOomScoreAdj } from "../../process/limits.ts";
import { openRootfs } from "../../rootfs/mounts.ts";
import type { Fd } from "../../sys/fd.ts";
import { exit_group, prctl, setsid } from "../../sys/process.ts";
import { send } from "../channel/messages.ts";
import type { ContainerPlan } from "../plan/container.ts";
import { hideOwnProgram } from "../process/own-program.ts";

export type InUser = {
  /** The root file system's directory, opened while we were who we are. */
  readonly rootfs: Fd;
  /** The user namespace has given up setgroups(2). */
  readonly groupsDenied: boolean;
};

/**
 * What needs our caller's ids first, then what the namespace is for.
 * @param untilMapped returns when the parent has written the id maps
 */
export function enterUserNamespace(
  plan: ContainerPlan,
  user: UserPlan,
  channel: Fd,
  hidden: boolean,
  untilMapped: () => unknown,
): InUser {
  const { namespaces, process } = plan;
  if (!user.privileged) setOwnOomScoreAdj(process, (text) => send(channel, { kind: "log", level: "warning", text }));
  using offsets = openTimeOffsets(namespaces) ?? null;
  let groupsDenied = plan.groupsDenied;
  if (user.path === undefined) {
    mapOwnIds(user);
    enterTimeNamespace(namespaces, offsets ?? undefined);
  } else {
    groupsDenied = joinUserNamespace(
      namespaces,
      offsets ?? undefined,
      (born) => send(channel, { kind: "born", ...born }),
      () => exit_group(0),
    );
    setsid(); // we are another process now, and shall lead a session that a terminal can be given to
  }
  const rootfs = openRootfs(plan.rootfs);
  if (!hidden) hideOwnProgram((text) => send(channel, { kind: "log", level: "debug", text })); // [kernel] as long as our files in /proc are ours
  untilMapped();
  becomeRoot(groupsDenied || process.keepsGroups);
  prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 0);
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // [kernel] a change of ids forgets it
  unshareInside(user);
  return { rootfs, groupsDenied };
}
