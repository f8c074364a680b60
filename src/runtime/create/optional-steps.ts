// What create does for rooms that few containers need, in the parent: each returns at once where config.json asks for nothing of the kind.

import type { Undo } from "../../base/dispose.ts";
import type { IntelRdtPaths, IntelRdtPlan } from "../../intelrdt.ts";
import type { NetDevicesPlan } from "../../netdevices.ts";
import type { SeccompFilter } from "../../seccomp/install.ts";
import type { Child } from "../../sys/process.ts";
import { refuseHostNetwork } from "../../sysctl.ts";
import type { Globals } from "../globals.ts";
import { hookState } from "../lifecycle-hooks.ts";
import { notifySocket } from "../foreground/notify-socket.ts";
import type { ContainerPlan } from "../plan/container.ts";
import type { Readiness } from "../foreground/readiness.ts";
import type { StateDirectory } from "../state/store.ts";
import defer * as kind from "../../namespaces/kind.ts";
import defer * as netDevices from "../../netdevices.ts";
import defer * as rdt from "../../intelrdt.ts";
import defer * as readinessRelay from "../foreground/readiness.ts";
import defer * as sdNotify from "../../notify.ts";
import defer * as seccompCache from "../../seccomp/cache.ts";
import defer * as seccompListener from "../../seccomp/listener.ts";

/** Where the service will speak; `start` listens there later, `run` does from here on. */
export function makeNotify(directory: StateDirectory, isCreate: boolean, undo: Undo): Readiness | undefined {
  const target = notifySocket();
  if (target === undefined) return undefined;
  sdNotify.makeNotifyDirectory(directory.fd);
  const readiness = isCreate ? undefined : readinessRelay.listen(directory, target);
  if (readiness !== undefined) undo.use("close notify socket", readiness.listener);
  return readiness;
}

export function enterGroup(
  plan: IntelRdtPlan | undefined,
  paths: IntelRdtPaths | undefined,
  child: Child,
  undo: Undo,
): void {
  if (plan === undefined || paths === undefined) return;
  undo.defer("remove resource control group", () => rdt.removeIntelRdt(paths));
  rdt.enterIntelRdt(plan, paths, child.pid);
}

export function moveDevices(plan: NetDevicesPlan | undefined, child: Child, undo: Undo): void {
  if (plan === undefined) return;
  const moved = netDevices.moveNetDevices(plan, child.pid);
  undo.defer("return network devices", () => netDevices.returnNetDevices(plan, child.pid, moved));
}

/** Here, where nothing is made yet that would have to be taken back. */
export function lookAtNamespaces({ namespaces: { parentJoins, childJoins }, sysctls }: ContainerPlan): void {
  if (parentJoins.length + childJoins.length === 0) return;
  const joins = [...parentJoins, ...childJoins];
  kind.checkKinds(joins);
  const network = joins.find(({ type }) => type === "network");
  if (network !== undefined) refuseHostNetwork(sysctls, network.path);
}

/** Here, where the host's libraries are: what the child loads is bytes in its memory. */
export function prepareSeccomp(globals: Globals, { seccomp }: ContainerPlan): SeccompFilter | undefined {
  return seccomp === undefined ? undefined : seccompCache.seccompFilter(seccomp, globals.root, globals.debug);
}

/** The agent listens in the host's file system, where only we are. */
export function handOver(plan: ContainerPlan, child: Child, notify: number): void {
  seccompListener.sendListener(plan.seccomp?.listener, child, notify, hookState(plan, "creating", child.pid));
}
