// What the container's file system tree shall be made of: Spec + HostFacts → RootfsPlan, as plain data. Every decision about mounts,
// devices, masks and the change of root is made here and in the *-plan.ts files; the other files of this room only do it.

import { MS_PRIVATE, MS_REC, MS_SLAVE } from "../abi/mount.ts";
import { containerPath, hostPath, type HostPath } from "../base/brand.ts";
import { SpecError, type Violation } from "../base/errors.ts";
import { dirname, resolve } from "../base/path.ts";
import type { HostFacts } from "../spec/facts.ts";
import { findNamespace, hasNamespace } from "../spec/namespaces.ts";
import type { RootfsPropagation, Spec } from "../spec/types.ts";
import { boundAsTheyAre, LINKS, planDevices } from "./devices-plan.ts";
import { labelled, planMounts, type MountContext } from "./mounts-plan.ts";
import type { CgroupMountSource, MountApi, MountOp, PropagationPlan, RestrictedPath, RootfsPlan } from "./ops.ts";
import { isQuiet, propagationFlags } from "./options.ts";
import { coveringKernelMount, placesOf, withHeld } from "./place.ts";

export type * from "./ops.ts";

export type RootfsRequest = {
  readonly bundle: HostPath;
  readonly noPivot: boolean;
  readonly cgroupPaths: CgroupMountSource;
  /** mount_setattr unless told otherwise. */
  readonly api?: MountApi;
  /** One option more for each procfs. */
  readonly procOption?: string | undefined;
  /** Every bind source is opened by the parent: whoever mounts is in the container already. */
  readonly openSources?: boolean;
};

/**
 * @throws SpecError for what no host could do
 * @throws HostError for what this host or this version of tsrun cannot do
 */
export function planRootfs(spec: Spec, host: HostFacts, request: RootfsRequest): RootfsPlan {
  const violations: Violation[] = [];
  const rootfs = hostPath(resolve(request.bundle, spec.root.path));
  const ownMounts = hasNamespace(spec, "mount");
  const pivot = !ownMounts
    ? ({ kind: "chroot", why: "/linux/namespaces" } as const)
    : request.noPivot
      ? ({ kind: "move", why: "--no-pivot" } as const)
      : ({ kind: "pivot_root", why: "default" } as const);
  const propagation = ownMounts ? planPropagation(spec.linux.rootfsPropagation) : undefined;
  if (pivot.kind === "move" && propagation !== undefined && (propagation.host & MS_PRIVATE) !== 0) {
    violations.push({
      pointer: "/linux/rootfsPropagation",
      problem: "rootfsPropagation of [r]private is not safe without pivot_root",
    });
  }
  const api = request.api ?? "mount_setattr";
  const user = findNamespace(spec, "user");
  const inUserNamespace = user !== undefined;
  const { uidMappings, gidMappings, mountLabel } = spec.linux;
  const context: MountContext = {
    bundle: request.bundle,
    cgroupPaths: request.cgroupPaths,
    label: mountLabel,
    rootfs,
    api,
    propagation,
    sourcesByParent: inUserNamespace && host.euid === 0, // without privilege we reach no more than the child does
    ownsNetwork: !inUserNamespace || hasNamespace(spec, "network"),
    rootless: host.rootless,
    openSources: request.openSources ?? false,
    procOption: request.procOption,
    inUserNamespace,
    users: { path: user?.path, uidMappings, gidMappings },
  };
  const { ops: mounts, sources, lateReadonly, warnings } = planMounts(spec.mounts, context, violations);
  if (violations.length > 0) throw new SpecError(violations);
  const places = placesOf(mounts);
  const held = new Set<MountOp>();
  const readonlyPaths = planPaths(spec.linux.readonlyPaths, "/linux/readonlyPaths", mounts, places, held);
  const maskedPaths = planPaths(spec.linux.maskedPaths, "/linux/maskedPaths", mounts, places, held);
  const ops = withHeld(mounts, held);
  const ownDev = !ops.some((op) => op.kind === "bind" && op.destination === "/dev");
  const firstCgroup = ops.findIndex(({ kind }) => kind === "cgroup1" || kind === "cgroup2");
  const split = firstCgroup < 0 ? ops.length : firstCgroup;
  return {
    rootfs,
    api,
    pivot,
    propagation,
    sources,
    mountsBeforeCgroup: ops.slice(0, split),
    mountsAfter: ops.slice(split),
    ownDev,
    devices: ownDev ? planDevices(spec.linux.devices, inUserNamespace) : [],
    links: ownDev ? LINKS : [],
    lateReadonly,
    readonlyRoot: spec.root.readonly && ownMounts, // in the host's mount namespace "/" is no mount of ours (runc)
    readonlyPaths,
    maskedPaths,
    maskData: labelled("tmpfs", "", mountLabel),
    warnings: [
      ...warnings,
      ...(spec.root.readonly && !ownMounts
        ? ["root.readonly needs a mount namespace: the root file system stays writable"]
        : []),
      ...(ownDev && inUserNamespace ? boundAsTheyAre(spec.linux.devices) : []),
    ],
  };
}

/** runc's rules. Without a word in config.json the container hears of the host's mounts, and the host of none of the container's. */
function planPropagation(word: RootfsPropagation | undefined): PropagationPlan {
  const host = word === undefined ? MS_SLAVE | MS_REC : propagationFlags(word);
  const root = word !== undefined && (host & MS_SLAVE) !== 0 ? MS_SLAVE : MS_PRIVATE;
  const nothingShared = isQuiet(host) && (host & MS_REC) !== 0;
  return {
    why: word === undefined ? "default" : "/linux/rootfsPropagation",
    host,
    parent: nothingShared ? undefined : root,
    root,
    slaveBeforeDetach: !nothingShared,
    final: isQuiet(host) ? undefined : host,
  };
}

/** @param held gets the mounts that the paths are found from */
function planPaths(
  paths: readonly string[],
  pointer: string,
  mounts: readonly MountOp[],
  places: ReturnType<typeof placesOf>,
  held: Set<MountOp>,
): readonly RestrictedPath[] {
  const ops: RestrictedPath[] = [];
  const seen = new Set<string>();
  let directory: string | undefined;
  let within: MountOp | undefined;
  paths.forEach((given, index) => {
    const path = containerPath(resolve("/", given));
    if (seen.has(path)) return;
    seen.add(path);
    if (dirname(path) !== directory) {
      directory = dirname(path);
      within = coveringKernelMount(directory, mounts, places);
      if (within !== undefined) held.add(within);
    }
    ops.push({ why: `${pointer}/${index}`, path, within: within?.destination });
  });
  return ops;
}
