// Parts of plans that few containers need: their code is read when a config.json asks for what they do. undefined: this one does not.

import type { UnitPlan } from "../../cgroup/systemd-plan.ts";
import type { ContainerId } from "../../base/brand.ts";
import type { IntelRdtPlan } from "../../intelrdt.ts";
import type { LsmPlan } from "../../lsm.ts";
import type { UserPlan } from "../../namespaces/user-plan.ts";
import type { NetDevicesPlan } from "../../netdevices.ts";
import type { SchedulingPlan } from "../../process/scheduling-plan.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { hasNamespace } from "../../spec/namespaces.ts";
import type { Process, Spec } from "../../spec/types.ts";
import type { PlanRequest } from "./container.ts";
import defer * as lsm from "../../lsm.ts";
import defer * as netDevices from "../../netdevices.ts";
import defer * as rdt from "../../intelrdt.ts";
import defer * as schedulingPlan from "../../process/scheduling-plan.ts";
import defer * as systemdPlan from "../../cgroup/systemd-plan.ts";
import defer * as userPlan from "../../namespaces/user-plan.ts";

export const planNetDevices = (spec: Spec): NetDevicesPlan | undefined =>
  Object.keys(spec.linux.netDevices).length === 0 ? undefined : netDevices.planNetDevices(spec);

export const planUser = (spec: Spec, host: HostFacts): UserPlan | undefined =>
  hasNamespace(spec, "user") ? userPlan.planUser(spec, host) : undefined;

export const planIntelRdt = (spec: Spec, id: ContainerId): IntelRdtPlan | undefined =>
  spec.linux.intelRdt === undefined ? undefined : rdt.planIntelRdt(spec, id);

export function planUnit(spec: Spec, host: HostFacts, { id, rootless }: PlanRequest): UnitPlan {
  return systemdPlan.planUnit(spec, host.cgroups, id, systemdPlan.chooseManager(rootless, host));
}

export function planLsm(spec: Spec, process: Process, host: Pick<HostFacts, "lsm">): LsmPlan | undefined {
  if (
    process.apparmorProfile === undefined &&
    process.selinuxLabel === undefined &&
    spec.linux.mountLabel === undefined
  )
    return undefined;
  return lsm.planLsm(spec, process, host.lsm);
}

export function planScheduling(spec: Spec, process: Process): SchedulingPlan | undefined {
  const { personality, memoryPolicy } = spec.linux;
  if (
    process.scheduler === undefined &&
    process.ioPriority === undefined &&
    personality === undefined &&
    memoryPolicy === undefined
  )
    return undefined;
  return schedulingPlan.planScheduling(spec, process);
}
