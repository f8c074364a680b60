// Which cgroups the container gets and what is written into them, decided before anything is touched.
// Law: every write carries the part of config.json that asked for it, and the order of `writes` is the order in which they happen.
// What differs between v1 and v2 is spent here (resources-v1.ts, resources-v2.ts); the acting half only creates, writes and removes.

import type { ContainerId, HostPath } from "../base/brand.ts";
import { hostPath } from "../base/brand.ts";
import { SpecError } from "../base/errors.ts";
import type { Int64 } from "../base/int64.ts";
import { clean, dirname } from "../base/path.ts";
import type { CgroupHierarchy, HostFacts } from "../spec/facts.ts";
import { hasNamespace, hasNewNamespace } from "../spec/namespaces.ts";
import type { Spec } from "../spec/types.ts";
import { ignoredAccess, planDevices, type DevicePlan } from "./device-rules.ts";
import { planV1 } from "./resources-v1.ts";
import { planV2 } from "./resources-v2.ts";
import type { UnitPlan } from "./systemd-plan.ts";

/** One of the container's cgroups. `controllers` are those of its hierarchy, as in /proc/self/cgroup; [""] is the v2 hierarchy. */
export type CgroupPath = {
  readonly controllers: readonly string[];
  readonly path: HostPath;
  /**
   * It is the hierarchy's root, which nobody removes. Any other group goes with its container, also one that was there before it, as with runc and crun: it was
   * empty, what a killed runtime has left is such a one, and the next container in it would have this one's limits. (runtime.md, Delete, would leave it.)
   */
  readonly found?: true;
};

/** All of the container's cgroups: what state.json keeps and every later command works from. Empty: it has none of its own. */
export type CgroupPaths = readonly CgroupPath[];

export type CgroupGroup = CgroupPath & {
  /** The group lies below; everything between is made as needed and never removed. */
  readonly mountPoint: HostPath;
  /** Our own group in that hierarchy. */
  readonly runtimes: HostPath;
  /** It only names the container and limits nothing: the container starts without it where it cannot be made. */
  readonly optional: boolean;
};

export type CgroupWrite = {
  readonly file: HostPath;
  readonly value: string;
  readonly why: string;
  /** When the kernel has no such file: fail, go on, or write this instead. */
  readonly missing: "fail" | "skip" | { readonly file: HostPath; readonly value: string };
  /** Depends on a value that a later write changes: when the kernel says EINVAL it is written once more, after all others. */
  readonly again: boolean;
};

/** A unit of systemd's that the container's cgroup belongs to. state.json remembers it. */
export type SystemdUnit = {
  readonly name: string;
  /** It is the user's own systemd's. */
  readonly user: boolean;
};

export type CgroupPlan = {
  readonly driver: "cgroupfs" | "systemd";
  /** What systemd is to make; undefined: the cgroup is ours alone. */
  readonly unit: UnitPlan | undefined;
  readonly mode: "none" | "v1" | "v2";
  /** Who named the place: config.json, or nobody. */
  readonly why: string;
  /** The v2 hierarchy first: clone3 can start the container's init in it. */
  readonly groups: readonly CgroupGroup[];
  /** v2: enabled for the children of every group above the container's. All that the host has: whoever watches the container wants its statistics. */
  readonly enable: readonly string[];
  /** v2: what asked for a controller that cannot work in a threaded cgroup; undefined when nothing did. */
  readonly domainOnly: string | undefined;
  readonly writes: readonly CgroupWrite[];
  /** memory.checkBeforeUpdate: what the file says must be below these; undefined: nobody asked, or the kernel looks by itself (v1). */
  readonly check:
    { readonly file: HostPath; readonly limit: Int64 | undefined; readonly swap: Int64 | undefined } | undefined;
  /** undefined where the devices cannot be limited: no cgroups at all. */
  readonly devices: DevicePlan | undefined;
  /** What config.json asks for and this kind of cgroup has no word for. runc passes over it in silence. */
  readonly ignored: readonly { readonly why: string; readonly problem: string }[];
  /** Without privilege and without a path of the caller's choice, no cgroup is needed as long as nothing is limited. */
  readonly mayDoWithout: boolean;
  /** The container is to manage its cgroup: v2, with a cgroup namespace and a cgroup file system that can be written. */
  readonly delegate: boolean;
  /** Devices are limited where we are allowed to. [kernel] Who may not, makes no device nodes either. */
  readonly mayLeaveDevices: boolean;
};

/** For the rootfs room: what a mount of type cgroup shows. */
export type CgroupMountSource =
  | { readonly mode: "none" }
  | {
      readonly mode: "v1";
      /** The container has a cgroup namespace: a fresh mount shows its own groups as roots. */
      readonly namespaced: boolean;
      readonly hierarchies: readonly {
        readonly controllers: readonly string[];
        readonly mountPoint: HostPath;
        readonly containerPath: HostPath;
        /** What is shown where that could not be made; undefined where it must be there. */
        readonly otherwise: HostPath | undefined;
      }[];
    }
  | {
      readonly mode: "v2";
      readonly namespaced: boolean;
      readonly mountPoint: HostPath;
      readonly containerPath: HostPath;
    };

/**
 * @param unit what systemd is to make; undefined: we make the cgroups ourselves
 * @throws SpecError values that no cgroup takes, or `unified` on v1
 * @throws HostError a controller that config.json asks for is not there
 */
export function planCgroup(
  spec: Spec,
  host: Pick<HostFacts, "cgroups" | "rootless">,
  id: ContainerId,
  unit: UnitPlan | undefined,
): CgroupPlan {
  const { cgroupsPath } = spec.linux;
  const resources =
    unit === undefined
      ? spec.linux.resources
      : { ...spec.linux.resources, cpu: { ...spec.linux.resources.cpu, quota: unit.quota } };
  const layout = host.cgroups;
  const plan = {
    driver: unit === undefined ? ("cgroupfs" as const) : ("systemd" as const),
    unit,
    mode: layout.mode,
    why: cgroupsPath === undefined ? "default" : "/linux/cgroupsPath",
    devices: layout.mode === "none" ? undefined : planDevices(resources.devices, spec.linux.devices),
    mayDoWithout: host.rootless && cgroupsPath === undefined && unit === undefined,
    delegate: layout.mode === "v2" && managesItself(spec),
    mayLeaveDevices: host.rootless,
  };
  if (layout.mode === "none")
    return { ...plan, groups: [], enable: [], domainOnly: undefined, check: undefined, writes: [], ignored: [] };
  const place =
    unit === undefined
      ? placeOf(cgroupsPath, id)
      : { path: `${unit.cgroup}${unit.subgroup === undefined ? "" : `/${unit.subgroup}`}`, relative: false };
  if (layout.mode === "v1") {
    const groups = groupsV1(
      layout.unified === undefined ? layout.hierarchies : [layout.unified, ...layout.hierarchies],
      place,
    );
    const { writes, ignored } = planV1(resources, groups);
    return {
      ...plan,
      groups,
      enable: [],
      domainOnly: undefined,
      check: undefined,
      writes,
      ignored: [...ignored, ...ignoredAccess(resources.devices)],
    };
  }
  // A v2 cgroup that has processes cannot have children with limits, hence beside our own and not below it.
  const path = `${layout.mountPoint}${place.relative && layout.own !== "/" ? slashed(dirname(layout.own)) : ""}${place.path}`;
  const groups = [
    {
      controllers: [""],
      path: hostPath(path),
      mountPoint: hostPath(layout.mountPoint),
      runtimes: hostPath(`${layout.mountPoint}${slashed(layout.own)}`),
      optional: false,
    },
  ];
  const planned = planV2(resources, hostPath(path), layout.controllers);
  return {
    ...plan,
    groups,
    enable: layout.controllers,
    ...planned,
    ignored: [...planned.ignored, ...ignoredAccess(resources.devices)],
  };
}

function managesItself(spec: Spec): boolean {
  if (!hasNewNamespace(spec, "cgroup")) return false;
  return spec.mounts.some(
    ({ type, destination, options }) =>
      type === "cgroup" &&
      clean(destination) === "/sys/fs/cgroup" &&
      options.lastIndexOf("rw") >= options.lastIndexOf("ro"),
  );
}

type Place = { readonly path: string; readonly relative: boolean };

/**
 * [spec] An absolute cgroupsPath counts from the hierarchy's mount point, a relative one from where the runtime chooses: its own cgroup.
 * Without one the container is there too, as with runc: what limits us, such as a service's memory, limits it as well.
 */
function placeOf(cgroupsPath: string | undefined, id: ContainerId): Place {
  if (cgroupsPath === undefined) return { path: `/${id}`, relative: true };
  // [cve] "/../../x": cleaned as if the hierarchy were the whole file system, so that nothing outside it can be named.
  const path = clean(`/${cgroupsPath}`);
  if (path === "/")
    throw new SpecError([
      { pointer: "/linux/cgroupsPath", problem: "must name a cgroup below the root of the hierarchy" },
    ]);
  return { path, relative: !cgroupsPath.startsWith("/") };
}

const slashed = (path: string): string => (path === "/" ? "" : path);

function groupsV1(hierarchies: readonly CgroupHierarchy[], place: Place): CgroupGroup[] {
  const groups: CgroupGroup[] = [];
  for (const { controllers, mountPoint, root, own } of hierarchies) {
    const name = controllers[0] ?? "";
    // Somebody else's bookkeeping is not ours to join.
    if (name.startsWith("name=") && name !== "name=systemd") continue;
    const runtimes = `${mountPoint}${below(root, own)}`;
    const above = place.relative && name !== "" ? runtimes : mountPoint;
    groups.push({
      controllers,
      path: hostPath(`${above}${place.path}`),
      mountPoint: hostPath(mountPoint),
      runtimes: hostPath(runtimes),
      optional: name === "" || name === "misc" || name === "name=systemd",
    });
  }
  return groups;
}

/** `own` as seen below a mount that shows `root`: in a container without a cgroup namespace, /proc/self/cgroup names the host's paths. */
export function below(root: string, own: string): string {
  if (root === "/" || root === "") return slashed(own);
  return own.startsWith(`${root}/`) ? own.slice(root.length) : "";
}

/** What the container's own mounts of cgroup file systems show. */
export function cgroupMountSource(plan: CgroupPlan, spec: Spec): CgroupMountSource {
  const namespaced = hasNamespace(spec, "cgroup");
  if (plan.mode === "v1") {
    const hierarchies: Extract<CgroupMountSource, { mode: "v1" }>["hierarchies"][number][] = [];
    for (const { controllers, mountPoint, path, runtimes } of plan.groups) {
      if (controllers[0] !== "")
        hierarchies.push({
          controllers,
          mountPoint,
          containerPath: path,
          otherwise: plan.mayDoWithout ? runtimes : undefined,
        });
    }
    return { mode: "v1", namespaced, hierarchies };
  }
  const group = plan.groups[0];
  return group === undefined
    ? { mode: "none" }
    : { mode: "v2", namespaced, mountPoint: group.mountPoint, containerPath: group.path };
}
