// What a caller of `create`, `run`, `restore`, `plan` and `validate` asks for, with what our environment adds.

import { hostPath, type ContainerId, type HostPath } from "../../base/brand.ts";
import { notifySocket } from "../foreground/notify-socket.ts";
import type { Globals } from "../globals.ts";
import { listenFds } from "../process/inherited-fds.ts";
import type { PlanRequest } from "./container.ts";

/** @param root the state root; asked for only where somebody waits to hear that the container is ready */
export function planRequest(
  { systemdCgroup, noCgroup, rootless }: Pick<Globals, "systemdCgroup" | "noCgroup" | "rootless">,
  asked: {
    readonly id: ContainerId;
    readonly bundle: HostPath;
    readonly noPivot: boolean;
    readonly noNewKeyring: boolean;
    readonly preserveFds: number;
  },
  root: () => HostPath,
): PlanRequest {
  const { id, bundle, noPivot, noNewKeyring, preserveFds } = asked;
  return {
    id,
    bundle,
    noPivot,
    noNewKeyring,
    preserveFds,
    systemdCgroup,
    noCgroup,
    rootless,
    listenFds: listenFds(),
    notify: notifySocket() === undefined ? undefined : hostPath(`${root()}/${id}`),
  };
}
