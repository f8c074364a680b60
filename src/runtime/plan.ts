// Spec + HostFacts + request → ContainerPlan: every decision about one container, as plain data. Nothing below decides anything again.

import { planCgroup, cgroupMountSource, type CgroupPlan } from "../cgroup/plan.ts";
import type { ContainerId, HostPath } from "../base/brand.ts";
import { hostPath } from "../base/brand.ts";
import { SpecError, type Violation } from "../base/errors.ts";
import { resolve } from "../base/path.ts";
import type { KeyringPlan } from "../keyring.ts";
import { planNamespaces, type NamespacePlan } from "../namespaces/plan.ts";
import { planProcess, type ProcessPlan } from "../process/plan.ts";
import { planRootfs, type RootfsPlan } from "../rootfs/plan.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { Hooks, Spec, StringMap } from "../spec/types.ts";
import { planSysctls, type SysctlOp } from "../sysctl.ts";

/** What the caller of `create`, `run` or `plan` asks for besides config.json. */
export type PlanRequest = {
  readonly id: ContainerId;
  readonly bundle: HostPath;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly systemdCgroup: boolean;
  /** LISTEN_FDS of the caller's environment. */
  readonly listenFds: number;
  readonly preserveFds: number;
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
  readonly process: ProcessPlan;
  /** The container shares a pid namespace with others: its init's death does not kill its other processes. */
  readonly sharedPid: boolean;
  readonly warnings: readonly string[];
};

/** @throws SpecError for what config.json asks and this version cannot do: said, never skipped */
export function planContainer(spec: Spec, host: HostFacts, request: PlanRequest): ContainerPlan {
  const missing = unsupported(spec);
  if (missing.length > 0) throw new SpecError(missing);
  const cgroup = planCgroup(spec, host, request.id, { systemdCgroup: request.systemdCgroup });
  const process = planProcess(spec, host, request);
  return {
    id: request.id,
    ociVersion: spec.ociVersion,
    bundle: request.bundle,
    rootfsPath: hostPath(resolve(request.bundle, spec.root.path)),
    annotations: spec.annotations,
    cgroup,
    namespaces: planNamespaces(spec),
    keyring: request.noNewKeyring ? undefined : { name: `_ses.${request.id}` },
    rootfs: planRootfs(spec, host, { bundle: request.bundle, noPivot: request.noPivot, cgroupPaths: cgroupMountSource(cgroup, spec) }),
    sysctls: planSysctls(spec),
    hooks: spec.hooks,
    process,
    sharedPid: !spec.linux.namespaces.some(({ type, path }) => type === "pid" && path === undefined),
    warnings: process.warnings,
  };
}

/** The parts of config.json that a later version will do. Going on without them would run another container than was asked for. */
function unsupported(spec: Spec): readonly Violation[] {
  const { linux, process } = spec;
  const asked: readonly (readonly [string, boolean])[] = [
    ["/process/terminal", process?.terminal ?? false],
    ["/process/scheduler", process?.scheduler !== undefined],
    ["/process/ioPriority", process?.ioPriority !== undefined],
    ["/process/selinuxLabel", process?.selinuxLabel !== undefined],
    ["/process/apparmorProfile", process?.apparmorProfile !== undefined && process.apparmorProfile !== "unconfined"],
    ["/linux/seccomp", linux.seccomp !== undefined],
    ["/linux/mountLabel", linux.mountLabel !== undefined],
    ["/linux/netDevices", Object.keys(linux.netDevices).length > 0],
    ["/linux/personality", linux.personality !== undefined],
    ["/linux/memoryPolicy", linux.memoryPolicy !== undefined],
    ["/linux/intelRdt", linux.intelRdt !== undefined],
    ["/linux/namespaces", linux.namespaces.some(({ type }) => type === "user")],
    ["/linux/uidMappings", linux.uidMappings.length > 0],
  ];
  return asked.flatMap(([pointer, used]) => (used ? [{ pointer, problem: "is not supported by this version of tsrun" }] : []));
}
