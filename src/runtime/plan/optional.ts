// Rooms that few containers need: their code is read when a config.json asks for what they do.

import type { UnitPlan } from "../../cgroup/systemd-plan.ts";
import { SpecError } from "../../base/errors.ts";
import type { LsmPlan } from "../../lsm.ts";
import type { SchedulingPlan } from "../../process/scheduling-plan.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { hasNamespace } from "../../spec/namespaces.ts";
import type { Process, Spec } from "../../spec/types.ts";
import { planContainer, type ContainerPlan, type PlanRequest, type RarePlans } from "./container.ts";
import defer * as lsm from "../../lsm.ts";
import defer * as netDevices from "../../netdevices.ts";
import defer * as pidNamespace from "./pid-namespace.ts";
import defer * as rdt from "../../intelrdt.ts";
import defer * as schedulingPlan from "../../process/scheduling-plan.ts";
import defer * as systemd from "../../cgroup/systemd.ts";
import defer * as systemdPlan from "../../cgroup/systemd-plan.ts";
import defer * as userPlan from "../../namespaces/user-plan.ts";
import defer * as validation from "../../spec/validate.ts";

/** The plan of a container, those rooms' parts included. @throws as planContainer and those rooms do */
export function planWithRareRooms(spec: Spec, host: HostFacts, request: PlanRequest): ContainerPlan {
  const plan = planContainer(spec, host, request, planRare(spec, host, request));
  return plan.namespaces.parentJoins.length === 0 ? plan : pidNamespace.stayOutside(plan, spec.linux.resources);
}

/** @throws SpecError for what cannot be had without being root in our user namespace */
export function refuseWithoutRoot(spec: Spec): void {
  const violations = validation.checkRootless(spec);
  if (violations.length > 0) throw new SpecError(violations);
}

function planRare(spec: Spec, host: HostFacts, request: PlanRequest): RarePlans {
  const { process, linux } = spec;
  const { id } = request;
  return {
    unit: request.systemdCgroup ? planUnit(spec, host, request) : undefined,
    lsm: process && planLsm(spec, process),
    scheduling: process && planScheduling(spec, process),
    netDevices: Object.keys(linux.netDevices).length === 0 ? undefined : netDevices.planNetDevices(spec),
    user: hasNamespace(spec, "user") ? userPlan.planUser(spec, host) : undefined,
    intelRdt: linux.intelRdt === undefined ? undefined : rdt.planIntelRdt(spec, id),
  };
}

function planUnit(spec: Spec, host: HostFacts, { id, rootless }: PlanRequest): UnitPlan {
  const manager = systemd.chooseManager(rootless);
  return systemdPlan.planUnit(spec, host.cgroups, id, manager);
}

/** Asks the kernel which modules it has, when one is named. */
export function planLsm(spec: Spec, process: Process): LsmPlan | undefined {
  if (
    process.apparmorProfile === undefined &&
    process.selinuxLabel === undefined &&
    spec.linux.mountLabel === undefined
  )
    return undefined;
  return lsm.planLsm(spec, process, lsm.probeLsm());
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
