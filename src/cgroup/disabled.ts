// --cgroup-manager disabled: the container stays in the cgroups of its caller, and nothing is limited. crun's, for engines that look after cgroups themselves.

import type { ContainerId } from "../base/brand.ts";
import { hostPath } from "../base/brand.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { Spec } from "../spec/types.ts";
import { below, planCgroup, type CgroupMountSource, type CgroupPlan } from "./plan.ts";

export type WithoutCgroup = {
  readonly cgroup: CgroupPlan;
  readonly source: CgroupMountSource;
  readonly warnings: readonly string[];
};

/** What config.json limits is not limited then: a warning says so. */
export function planWithoutCgroup(spec: Spec, host: HostFacts, id: ContainerId): WithoutCgroup {
  const cgroup = planCgroup(
    { ...spec, linux: { ...spec.linux, cgroupsPath: undefined } },
    { rootless: host.rootless, cgroups: { mode: "none" } },
    id,
    undefined,
  );
  const namespaced = spec.linux.namespaces.some(({ type }) => type === "cgroup");
  return {
    cgroup: { ...cgroup, why: "--cgroup-manager", mayDoWithout: true },
    source: sourceOf(host, namespaced),
    warnings: ["--cgroup-manager disabled: nothing of /linux/resources is applied, no device is refused"],
  };
}

function sourceOf({ cgroups }: HostFacts, namespaced: boolean): CgroupMountSource {
  switch (cgroups.mode) {
    case "none":
      return cgroups;
    case "v1":
      return {
        mode: "v1",
        namespaced,
        hierarchies: cgroups.hierarchies.map(({ controllers, mountPoint, root, own }) => ({
          controllers,
          mountPoint: hostPath(mountPoint),
          containerPath: hostPath(`${mountPoint}${below(root, own)}`),
          otherwise: undefined,
        })),
      };
    case "v2":
      return {
        mode: "v2",
        namespaced,
        mountPoint: hostPath(cgroups.mountPoint),
        containerPath: hostPath(`${cgroups.mountPoint}${cgroups.own === "/" ? "" : cgroups.own}`),
      };
  }
}
