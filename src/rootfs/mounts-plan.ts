// mounts[] → MountOps in their order: flags, data, sources, propagation, and what has to wait until everything below is made.

import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_STRICTATIME,
  MS_UNBINDABLE,
} from "../abi/mount.ts";
import { hostPath, type HostPath } from "../base/brand.ts";
import { HostError, type Violation } from "../base/errors.ts";
import { basename, isBelow, resolve } from "../base/path.ts";
import type { IDMapping, Mount } from "../spec/types.ts";
import type {
  BindAttributes,
  BindOp,
  BindSource,
  Cgroup1Hierarchy,
  Cgroup1Op,
  Cgroup2Op,
  CgroupMountSource,
  FilesystemOp,
  Idmap,
  MountApi,
  MountOp,
  PathOp,
  Placed,
  PropagationPlan,
  SourceOp,
} from "./ops.ts";
import { isQuiet, parseMountOptions, type MountOptions } from "./options.ts";
import { addPlace, noPlaces, placeProblem, planDestination } from "./place.ts";

export type MountContext = {
  readonly bundle: HostPath;
  readonly cgroupPaths: CgroupMountSource;
  /** SELinux. */
  readonly label: string | undefined;
  readonly rootfs: HostPath;
  readonly api: MountApi;
  readonly propagation: PropagationPlan | undefined;
  readonly sourcesByParent: boolean;
  /** [kernel] sysfs shows the network namespace, and only who owns that may mount it. */
  readonly ownsNetwork: boolean;
  readonly rootless: boolean;
  /** RootfsRequest.openSources. */
  readonly openSources: boolean;
  /** RootfsRequest.procOption. */
  readonly procOption: string | undefined;
  readonly inUserNamespace: boolean;
  /** The container's user namespace. */
  readonly users: {
    readonly path: string | undefined;
    readonly uidMappings: readonly IDMapping[];
    readonly gidMappings: readonly IDMapping[];
  };
};

export type MountsPlan = {
  readonly ops: readonly MountOp[];
  readonly sources: readonly SourceOp[];
  readonly lateReadonly: readonly PathOp[];
  readonly warnings: readonly string[];
};

export function planMounts(mounts: readonly Mount[], context: MountContext, violations: Violation[]): MountsPlan {
  const ops: MountOp[] = [];
  const places = noPlaces();
  const sources: SourceOp[] = [];
  const lateReadonly: PathOp[] = [];
  const warnings: string[] = [];
  const parsed = mounts.map((mount) => ({ mount, options: parseMountOptions(mount.options) }));
  const somethingShared =
    context.propagation === undefined ||
    context.propagation.slaveBeforeDetach ||
    parsed.some(({ options: { propagation } }) => propagation.length > 0 && !propagation.every(isQuiet));

  parsed.forEach(({ mount, options }, index) => {
    const why = mount.why ?? `/mounts/${index}`;
    const destination = planDestination(mount.destination, context.rootfs);
    const placed = { why, destination, missing: addPlace(places, destination, ops), held: false };
    const isBind = (options.flags & MS_BIND) !== 0;
    const type = mount.type;
    const problem = placeProblem(destination, isBind ? "bind" : type === "proc" ? "proc" : "other");
    if (problem !== undefined) violations.push({ pointer: `${why}/destination`, problem });
    if (!mount.destination.startsWith("/")) {
      warnings.push(
        `${why}/destination: relative destination path ${JSON.stringify(mount.destination)} is deprecated, taken as relative to /`,
      );
    }
    if (options.copyUp && (isBind || type !== "tmpfs"))
      violations.push({ pointer: `${why}/options`, problem: "tmpcopyup can be used only with tmpfs" });

    if (isBind) {
      if (options.data !== "") {
        violations.push({
          pointer: `${why}/options`,
          problem: `bind mounts cannot have any filesystem-specific options applied, such as "${options.data}"`,
        });
      }
      if ((options.flags & MS_REMOUNT) !== 0) {
        ops.push({
          kind: "remount",
          ...placed,
          attributes: bindAttributes(options) ?? { set: 0, clear: 0, asked: 0 },
          api: context.api,
        });
        return;
      }
      if (mount.source === undefined) violations.push({ pointer: why, problem: "a bind mount needs a source" });
      else
        ops.push(
          planBind(
            placed,
            resolve(context.bundle, mount.source),
            options,
            context,
            sources,
            planIdmap(mount, options, context),
          ),
        );
      return;
    }
    if (type === undefined || type === "none") {
      const problem =
        type === undefined
          ? "a mount needs a type, or the option bind or rbind"
          : 'there is no file system of type "none": to show a directory or a file of the host, add the option bind or rbind';
      violations.push({ pointer: why, problem });
      return;
    }
    if (type === "cgroup") {
      // The tmpfs of v1 gets its directories first.
      if (context.cgroupPaths.mode === "v1" && (options.flags & MS_RDONLY) !== 0)
        lateReadonly.push({ why: placed.why, path: destination });
      ops.push(planCgroupMount(placed, mount, options, context));
      return;
    }
    if (type === "sysfs" && !context.ownsNetwork) {
      const whole = { ...options, flags: options.flags | MS_BIND | MS_REC, tree: wholeTree(options, context.api) };
      const fallback = planBind(placed, "/sys", whole, { ...context, sourcesByParent: false }, sources);
      ops.push({
        kind: "sysfs",
        ...placed,
        filesystem: filesystem(placed, type, mount.source ?? type, options, context.api),
        fallback,
      });
      return;
    }
    let now = options;
    if ((options.flags & MS_RDONLY) !== 0 && (type === "tmpfs" || destination === "/dev")) {
      lateReadonly.push({ why, path: destination });
      now = { ...now, flags: options.flags & ~MS_RDONLY };
    }
    if (type === "proc" && context.procOption !== undefined)
      now = { ...now, data: now.data === "" ? context.procOption : `${now.data},${context.procOption}` };
    // [kernel] A mount below one that is not shared starts private: then there is nothing to do for these words.
    if (!somethingShared && options.propagation.length > 0) now = { ...now, propagation: [] };
    ops.push(filesystem(placed, type, mount.source ?? type, now, context.api, context.label));
  });
  return { ops, sources, lateReadonly: lateReadonly.filter((late) => !isCovered(late, ops)), warnings };
}

/** Whether a later mount hides it: then its path leads to that one, or to a directory in it. */
function isCovered({ why, path }: PathOp, ops: readonly MountOp[]): boolean {
  const own = ops.findIndex((op) => op.why === why);
  return ops.slice(own + 1).some(({ destination }) => `${path}/`.startsWith(`${destination}/`.replace("//", "/")));
}

/** [kernel] SELinux: proc and sysfs have labels of their own; mqueue takes one for its root only, once it is mounted. */
const UNLABELLED: readonly string[] = ["proc", "sysfs", "mqueue"];

/** Data with SELinux's context for all that lies on the mount; quoted, for a label may have commas. */
export function labelled(type: string, data: string, label: string | undefined): string {
  if (label === undefined || UNLABELLED.includes(type)) return data;
  return `${data === "" ? "" : `${data},`}context="${label}"`;
}

const says = (word: string, data: string): boolean => `,${data}`.includes(`,${word}=`);

function filesystem(
  { why, destination, missing, held }: Placed,
  type: string,
  source: string,
  options: MountOptions,
  api: MountApi,
  label?: string,
): FilesystemOp {
  return {
    kind: "filesystem",
    why,
    destination,
    missing,
    held,
    type,
    source,
    flags: options.flags,
    data: labelled(type, options.data, label),
    inheritMode: type === "tmpfs" && !says("mode", options.data),
    relabel: type === "mqueue" ? label : undefined,
    copyUp: options.copyUp,
    inheritOwner: { uid: !says("uid", options.data), gid: !says("gid", options.data) },
    plainDirectory: type === "proc" || type === "sysfs",
    propagation: options.propagation,
    tree: options.tree,
    api,
  };
}

/** Maps of its own make a mount id-mapped without a word; the word alone takes the maps of the container's user namespace. As runc. */
function planIdmap(
  { uidMappings, gidMappings }: Mount,
  { idmap }: MountOptions,
  { users }: MountContext,
): Idmap | undefined {
  const recursive = idmap === "ridmap";
  if (uidMappings.length + gidMappings.length > 0)
    return { kind: "maps", recursive, uids: mapLines(uidMappings), gids: mapLines(gidMappings) };
  if (idmap === undefined) return undefined;
  return users.path === undefined
    ? { kind: "maps", recursive, uids: mapLines(users.uidMappings), gids: mapLines(users.gidMappings) }
    : { kind: "namespace", recursive, path: hostPath(users.path) };
}

/** @see user_namespaces(7) */
const mapLines = (mappings: readonly IDMapping[]): string =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

function planBind(
  { why, destination, missing, held }: Placed,
  path: string,
  options: MountOptions,
  context: MountContext,
  sources: SourceOp[],
  idmap?: Idmap,
): BindOp {
  const recursive = (options.flags & MS_REC) !== 0;
  // What lies in the container's tree is to show what earlier mounts made of it; the parent cannot see that.
  const inside =
    path === context.rootfs || isBelow(path, context.rootfs)
      ? ({ kind: "inside", path: hostPath(path), below: path.slice(context.rootfs.length + 1), idmap } as const)
      : undefined;
  const byParent = context.openSources || (inside === undefined && (idmap !== undefined || context.sourcesByParent));
  const source: BindSource = byParent
    ? { kind: "opened", index: sources.length }
    : (inside ?? { kind: "path", path: hostPath(path) });
  if (byParent) sources.push({ why, destination, path: hostPath(path), recursive, idmap });
  return {
    kind: "bind",
    why,
    destination,
    missing,
    held,
    source,
    recursive,
    propagation: bindPropagation(options.propagation, byParent ? context.propagation?.host : undefined),
    attributes: bindAttributes(options),
    tree: options.tree,
    locked: byParent && context.inUserNamespace,
    api: context.api,
  };
}

/**
 * What the parent opened is still a peer of the host's mount: it takes the propagation that it would have had in the container's
 * copy of the tree. The last word for the whole tree that cuts every tie makes those before it pointless.
 */
function bindPropagation(asked: readonly number[], host: number | undefined): readonly number[] {
  const base = host === undefined || (host & MS_SHARED) !== 0 ? asked : [host | MS_REC, ...asked];
  if (base.length < 2) return base;
  const cut = base.findLastIndex((flags) => (flags & MS_REC) !== 0 && (flags & (MS_PRIVATE | MS_UNBINDABLE)) !== 0);
  return cut > 0 ? base.slice(cut) : base;
}

const RESTRICTIONS =
  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
const MS_ATIME = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

/** MS_* as MOUNT_ATTR_*, but for those about access times. [kernel] Four have the same number in both. */
const restrictionsIn = (flags: number): number =>
  (flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) |
  ((flags & MS_NOSYMFOLLOW) !== 0 ? MOUNT_ATTR_NOSYMFOLLOW : 0);

/** What is asked of one file system holds for all that the host has mounted below, which nobody asked for: cgroups, tracing. */
function wholeTree({ flags, tree }: MountOptions, api: MountApi): MountOptions["tree"] {
  if (api !== "mount_setattr") return tree;
  const set = restrictionsIn(flags);
  return set === 0 ? tree : { set: set | (tree?.set ?? 0), clear: tree?.clear ?? 0 };
}

/** Options of the mount itself as attributes: as with `mount --bind -o`, what was not asked for is off, but no word at all changes nothing. */
function bindAttributes(options: MountOptions): BindAttributes | undefined {
  const { flags, cleared } = options;
  if ((flags & ~(MS_BIND | MS_REC | MS_REMOUNT)) === 0 && cleared === 0) return undefined;
  let set = restrictionsIn(flags);
  let clear = RESTRICTIONS & ~set;
  let asked = restrictionsIn(cleared);
  if ((flags & (MS_ATIME | MS_NODIRATIME)) !== 0) {
    const noatime = (flags & MS_NOATIME) !== 0 ? MOUNT_ATTR_NOATIME : MOUNT_ATTR_RELATIME;
    set |= (flags & MS_STRICTATIME) !== 0 ? MOUNT_ATTR_STRICTATIME : noatime;
    clear |= MOUNT_ATTR__ATIME;
    asked |= MOUNT_ATTR__ATIME;
    if ((flags & MS_NODIRATIME) !== 0) set |= MOUNT_ATTR_NODIRATIME;
    else clear |= MOUNT_ATTR_NODIRATIME;
  }
  if ((cleared & MS_NODIRATIME) !== 0) {
    clear |= MOUNT_ATTR_NODIRATIME;
    asked |= MOUNT_ATTR_NODIRATIME;
  }
  return { set, clear, asked };
}

function planCgroupMount(
  placed: Placed,
  mount: Mount,
  options: MountOptions,
  context: MountContext,
): Cgroup1Op | Cgroup2Op {
  const source = context.cgroupPaths;
  switch (source.mode) {
    case "none":
      throw new HostError(`${placed.why}: there is no cgroup to mount`);
    case "v1": {
      const flags = options.flags & ~MS_REMOUNT;
      const remount = bindAttributes(options) === undefined ? undefined : flags | MS_BIND | MS_REMOUNT;
      const hierarchies = source.hierarchies.map(
        ({ controllers, mountPoint, containerPath: path, otherwise }): Cgroup1Hierarchy => {
          const name = basename(mountPoint);
          if (!source.namespaced) return { kind: "bind", name, source: path, otherwise, remount };
          const data = controllers.join(",");
          return {
            kind: "mount",
            name,
            source: name === "systemd" ? "systemd" : "cgroup",
            data,
            flags: MS_NOEXEC | MS_NOSUID | MS_NODEV | (flags & MS_RDONLY),
          };
        },
      );
      const links: Cgroup1Op["links"][number][] = [];
      for (const { name } of hierarchies)
        if (name.includes(","))
          for (const controller of name.split(",")) links.push({ name: controller, target: name });
      return { kind: "cgroup1", ...placed, hierarchies, links, propagation: options.propagation };
    }
    case "v2": {
      const bind = hostPath(source.namespaced ? source.containerPath : source.mountPoint);
      return {
        kind: "cgroup2",
        ...placed,
        filesystem: filesystem(placed, "cgroup2", mount.source ?? "cgroup", options, context.api),
        orMask: context.rootless,
        fallback: {
          kind: "bind",
          ...placed,
          source: { kind: "path", path: bind },
          recursive: false,
          propagation: options.propagation,
          attributes: bindAttributes(options),
          tree: options.tree,
          locked: false,
          api: context.api,
        },
      };
    }
  }
}
