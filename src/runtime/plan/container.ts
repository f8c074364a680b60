// Spec + HostFacts + request → ContainerPlan: every decision about one container, as plain data. It is the last word: create, plan and validate take
// it from here, nothing below decides anything again, and nothing here looks at the host.

import type { IntelRdtPlan } from "../../intelrdt.ts";
import type { LsmPlan } from "../../lsm.ts";
import type { NetDevicesPlan } from "../../netdevices.ts";
import type { SchedulingPlan } from "../../process/scheduling-plan.ts";
import { planCgroup, cgroupMountSource, type CgroupPlan } from "../../cgroup/plan.ts";
import { planWithoutCgroup, type WithoutCgroup } from "../../cgroup/disabled.ts";
import type { UnitPlan } from "../../cgroup/systemd-plan.ts";
import type { ContainerId, HostPath } from "../../base/brand.ts";
import { SpecError } from "../../base/errors.ts";
import type { KeyringPlan } from "../../keyring.ts";
import { planNamespaces, type NamespacePlan } from "../../namespaces/plan.ts";
import { keepsGroups, planProcess, type ProcessPlan } from "../../process/plan.ts";
import { checkExecve, planSeccomp, type SeccompPlan } from "../../seccomp/plan.ts";
import { planRootfs, type RootfsPlan } from "../../rootfs/plan.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { hasNamespace, hasNewNamespace } from "../../spec/namespaces.ts";
import type { Hooks, Spec, StringMap } from "../../spec/types.ts";
import { planSysctls, type SysctlOp } from "../../sysctl.ts";
import { planTerminal, type TerminalPlan } from "../../terminal/plan.ts";
import { planIntelRdt, planLsm, planNetDevices, planScheduling, planUnit, planUser } from "./optional.ts";
import type { PidNamespaceEntry } from "./pid-namespace.ts";
import defer * as pidNamespace from "./pid-namespace.ts";
import defer * as sdNotify from "../../notify.ts";
import defer * as validation from "../../spec/validate.ts";

/** What the caller of `create`, `run` or `plan` asks for besides config.json. */
export type PlanRequest = {
  readonly id: ContainerId;
  readonly bundle: HostPath;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly systemdCgroup: boolean;
  /** The container stays in the cgroups that it is made in. */
  readonly noCgroup: boolean;
  /** What we are to take ourselves for; it decides which systemd is asked. */
  readonly rootless: "auto" | "true" | "false";
  /** LISTEN_FDS of the caller's environment. */
  readonly listenFds: number;
  readonly preserveFds: number;
  /** The state directory, where the container will say that it is ready; undefined: nobody waits to hear it. @see sd_notify(3) */
  readonly notify: HostPath | undefined;
};

export type ContainerPlan = {
  readonly id: ContainerId;
  readonly ociVersion: string;
  readonly bundle: HostPath;
  readonly rootfsPath: HostPath;
  readonly annotations: StringMap;
  readonly cgroup: CgroupPlan;
  readonly namespaces: NamespacePlan;
  readonly keyring: KeyringPlan;
  readonly rootfs: RootfsPlan;
  readonly sysctls: readonly SysctlOp[];
  readonly hooks: Hooks;
  /** There are hooks that init must stop for. */
  readonly runtimeHooks: boolean;
  readonly process: ProcessPlan;
  readonly seccomp: SeccompPlan | undefined;
  readonly terminal: TerminalPlan;
  readonly lsm: LsmPlan | undefined;
  readonly scheduling: SchedulingPlan | undefined;
  readonly netDevices: NetDevicesPlan | undefined;
  readonly intelRdt: IntelRdtPlan | undefined;
  /** The container shares a pid namespace with others: its init's death does not kill its other processes. */
  readonly sharedPid: boolean;
  readonly pidEntry: PidNamespaceEntry;
  /** The user namespace that we are in, or the container's, has given up setgroups(2). */
  readonly groupsDenied: boolean;
  readonly warnings: readonly string[];
};

/**
 * @throws SpecError for what config.json asks and a container cannot have, or not without being root in our user namespace
 * @throws HostError for what this host cannot do
 */
export function planContainer(asked: Spec, host: HostFacts, request: PlanRequest): ContainerPlan {
  if (host.euid !== 0) refuseWithoutRoot(asked);
  const spec =
    request.notify === undefined ? asked : sdNotify.withNotify(asked, sdNotify.notifyDirectory(request.notify));
  const unit = request.systemdCgroup ? planUnit(spec, host, request) : undefined;
  const lsm = spec.process && planLsm(spec, spec.process, host);
  const scheduling = spec.process && planScheduling(spec, spec.process);
  const netDevices = planNetDevices(spec);
  const user = planUser(spec, host);
  const intelRdt = planIntelRdt(spec, request.id);
  const { cgroup, source, warnings } = request.noCgroup
    ? planWithoutCgroup(spec, host, request.id)
    : planOwnCgroup(spec, host, request, unit);
  if (spec.process === undefined)
    throw new SpecError([{ pointer: "/process", problem: "is required to create a container" }]);
  const process = planProcess(spec.process, host, {
    listenFds: request.listenFds,
    preserveFds: request.preserveFds,
    keepsGroups: keepsGroups(spec.annotations),
  });
  const seccomp = planSeccomp(spec, spec.process.noNewPrivileges);
  if (seccomp !== undefined) checkExecve(seccomp);
  const terminal = planTerminal(spec.process, hasNamespace(spec, "mount"));
  const pidEntry = joinsPidNamespace(spec)
    ? pidNamespace.planLateEntry(spec, host, { seccomp, scheduling, terminal })
    : undefined;
  const rootfs = planRootfs(spec, host, {
    bundle: request.bundle,
    noPivot: request.noPivot,
    cgroupPaths: source,
    api: host.mountApi,
    procOption: pidEntry === undefined ? undefined : pidNamespace.JOINED_PIDNS,
  });
  return {
    id: request.id,
    ociVersion: spec.ociVersion,
    bundle: request.bundle,
    rootfsPath: rootfs.rootfs,
    annotations: spec.annotations,
    cgroup,
    namespaces: planNamespaces(spec, user, pidEntry !== undefined),
    keyring: request.noNewKeyring ? undefined : { name: `_ses.${request.id}` },
    rootfs,
    sysctls: planSysctls(spec),
    hooks: spec.hooks,
    runtimeHooks: spec.hooks.prestart.length + spec.hooks.createRuntime.length > 0,
    process,
    seccomp,
    terminal,
    lsm,
    scheduling,
    netDevices,
    intelRdt,
    sharedPid: !hasNewNamespace(spec, "pid"),
    pidEntry,
    groupsDenied: host.groupsDenied || (user?.denySetgroups ?? false),
    warnings: [...warnings, ...process.warnings, ...rootfs.warnings, ...(scheduling?.warnings ?? [])],
  };
}

function refuseWithoutRoot(spec: Spec): void {
  const violations = validation.checkRootless(spec);
  if (violations.length > 0) throw new SpecError(violations);
}

const joinsPidNamespace = (spec: Spec): boolean =>
  spec.linux.namespaces.some(({ type, path }) => type === "pid" && path !== undefined);

function planOwnCgroup(spec: Spec, host: HostFacts, request: PlanRequest, unit: UnitPlan | undefined): WithoutCgroup {
  const cgroup = planCgroup(spec, host, request.id, unit);
  const kernelMemory = cgroup.ignored.some(({ why }) => why.startsWith("/linux/resources/memory/kernel"));
  const warnings = !kernelMemory ? [] : ["Kernel memory settings are ignored and will be removed"]; // runc's words
  return { cgroup, source: cgroupMountSource(cgroup, spec), warnings };
}
