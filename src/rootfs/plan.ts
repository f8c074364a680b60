// What the container's file system tree shall be made of: Spec + HostFacts → RootfsPlan, as plain data. Every decision about mounts,
// devices, masks and the change of root is made here; the other files of this room only do it.
// Paths in the container are clean and absolute here, but not resolved: what a symlink in the image makes of them is seen only there.

import {
  MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY, MOUNT_ATTR_RELATIME, MOUNT_ATTR_STRICTATIME, MS_BIND, MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW,
  MS_PRIVATE, MS_RDONLY, MS_REC, MS_RELATIME, MS_REMOUNT, MS_SHARED, MS_SLAVE, MS_STRICTATIME, MS_UNBINDABLE,
} from "../abi/mount.ts";
import { S_IFBLK, S_IFCHR, S_IFIFO } from "../abi/stat.ts";
import { containerPath, hostPath, type ContainerPath, type HostPath } from "../base/brand.ts";
import { HostError, SpecError, type Violation } from "../base/errors.ts";
import { basename, clean, dirname, resolve } from "../base/path.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { Device, DeviceType, Mount, RootfsPropagation, Spec } from "../spec/types.ts";
import { parseMountOptions, propagationFlags, type Attributes, type MountOptions } from "./options.ts";

export type { Attributes } from "./options.ts";

/** Who asked: a JSON pointer into config.json, a flag, or "default". */
export type Why = string;

/**
 * How attributes and propagation of a mount are set: by mount_setattr(2), since Linux 5.12, or by mount(2) on a path in /proc.
 * Fresh file systems are mounted by mount(2) in any case: fsopen(2) and its followers take four calls more and measurably longer.
 */
export type MountApi = "mount_setattr" | "remount";

/** What a mount of type cgroup shows; the cgroup room's plan tells. */
export type CgroupMountSource =
  | { readonly mode: "none" }
  | {
      readonly mode: "v1";
      /** The container has a cgroup namespace: a fresh mount shows its own groups as roots. */
      readonly namespaced: boolean;
      readonly hierarchies: readonly {
        readonly controllers: readonly string[];
        readonly mountPoint: HostPath;
        /** The container's own cgroup, as a directory of the host. */
        readonly containerPath: HostPath;
      }[];
    }
  | { readonly mode: "v2"; readonly namespaced: boolean; readonly mountPoint: HostPath; readonly containerPath: HostPath };

/**
 * A bind source that the parent opens, as a detached copy of the mount, in the host's mount namespace: what a child in a user namespace
 * may have no right to reach.
 */
export type SourceOp = { readonly why: Why; readonly destination: ContainerPath; readonly path: HostPath; readonly recursive: boolean };

/**
 * An index into RootfsPlan.sources; or a path that the child opens, which is cheaper and leaves the mounts numbered in the order of
 * config.json, as /proc/self/mountinfo lists them.
 */
export type BindSource = { readonly kind: "opened"; readonly index: number } | { readonly kind: "path"; readonly path: HostPath };

type Placed = {
  readonly why: Why;
  readonly destination: ContainerPath;
  /** A mount before this one covers what was there with nothing. A hint: whatever is there after all is used. */
  readonly missing: boolean;
};

/** mount(2) of a file system. */
export type FilesystemOp = Placed & {
  readonly kind: "filesystem";
  readonly type: string;
  readonly source: string;
  /** MS_* */
  readonly flags: number;
  readonly data: string;
  /** tmpfs without mode=: takes the mode of the directory that it covers. */
  readonly inheritMode: boolean;
  readonly copyUp: boolean;
  /** [cve] CVE-2019-19921: proc and sysfs go on a plain directory, never through a symlink of the image. */
  readonly plainDirectory: boolean;
  /** MS_SHARED …, each a call of its own, in this order. */
  readonly propagation: readonly number[];
  readonly tree: Attributes | undefined;
  readonly api: MountApi;
};

export type BindOp = Placed & {
  readonly kind: "bind";
  readonly source: BindSource;
  readonly recursive: boolean;
  readonly propagation: readonly number[];
  readonly attributes: BindAttributes | undefined;
  readonly tree: Attributes | undefined;
  readonly api: MountApi;
};

/** For the top mount alone. */
export type BindAttributes = Attributes & {
  /** What a word asked to clear: cleared in any case. The rest of `clear` is what mount(8) would reset, unless it is locked. */
  readonly asked: number;
};

/** New attributes for what is mounted there already. */
export type RemountOp = Placed & { readonly kind: "remount"; readonly attributes: BindAttributes; readonly api: MountApi };

/** A tmpfs with one directory for each v1 hierarchy. */
export type Cgroup1Op = Placed & {
  readonly kind: "cgroup1";
  readonly hierarchies: readonly Cgroup1Hierarchy[];
  /** Controllers that are mounted together get a link each. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
  readonly propagation: readonly number[];
};

export type Cgroup1Hierarchy =
  /** `remount`: MS_* for a second call, as the first takes none; undefined when no word asked. */
  | { readonly kind: "bind"; readonly name: string; readonly source: HostPath; readonly remount: number | undefined }
  | { readonly kind: "mount"; readonly name: string; readonly source: string; readonly data: string; readonly flags: number };

/** cgroup2, or where the kernel refuses it (a user namespace without a cgroup namespace) a bind of the directory that shows the same. */
export type Cgroup2Op = Placed & { readonly kind: "cgroup2"; readonly filesystem: FilesystemOp; readonly fallback: BindOp };

export type MountOp = FilesystemOp | BindOp | RemountOp | Cgroup1Op | Cgroup2Op;

export type DeviceOp = {
  readonly why: Why;
  readonly directory: ContainerPath;
  readonly name: string;
  /** S_IFCHR, S_IFBLK or S_IFIFO with the permissions. */
  readonly mode: number;
  readonly major: number;
  readonly minor: number;
  readonly uid: number;
  readonly gid: number;
  /** Where the host has the same device, for hosts that let us make no nodes. */
  readonly hostNode: HostPath;
};

export type LinkOp = {
  readonly directory: ContainerPath;
  readonly name: string;
  readonly target: string;
  /** Takes the place of what is there; otherwise what is there stays. */
  readonly replace: boolean;
  /** Only where the container has this. */
  readonly onlyWith: ContainerPath | undefined;
};

export type PathOp = { readonly why: Why; readonly path: ContainerPath };

export type RootfsPlan = {
  readonly rootfs: HostPath;
  readonly api: MountApi;
  readonly pivot: { readonly kind: "pivot_root" | "move" | "chroot"; readonly why: Why };
  /** undefined without a mount namespace: then the host's mounts are not touched. */
  readonly propagation: PropagationPlan | undefined;
  readonly sources: readonly SourceOp[];
  readonly mountsBeforeCgroup: readonly MountOp[];
  /** From the first cgroup mount on: to be mounted from within the container's cgroup and cgroup namespace. */
  readonly mountsAfter: readonly MountOp[];
  /** False when /dev is a bind of somebody else's: then nothing in it is made or changed. */
  readonly ownDev: boolean;
  readonly devices: readonly DeviceOp[];
  readonly links: readonly LinkOp[];
  /** Mounts that had to be writable until everything below them was made. */
  readonly lateReadonly: readonly PathOp[];
  readonly readonlyRoot: boolean;
  readonly readonlyPaths: readonly PathOp[];
  readonly maskedPaths: readonly PathOp[];
  readonly warnings: readonly string[];
};

export type PropagationPlan = {
  readonly why: Why;
  /** MS_* for all that the container's copy of the host's mounts holds. */
  readonly host: number;
  /**
   * For the mount that the root file system lies on; undefined when `host` says enough.
   * [kernel] pivot_root refuses a shared parent, and a bind below one would show up on the host.
   */
  readonly parent: number | undefined;
  /** For the root file system's own mount. */
  readonly root: number;
  /** The old root may hold shared mounts: they must be slaves before it is unmounted, or the host would see them go. */
  readonly slaveBeforeDetach: boolean;
  /** For "/" when it is the container's: shared and unbindable would get in the way before. */
  readonly final: number | undefined;
};

export type RootfsRequest = {
  readonly bundle: HostPath;
  readonly noPivot: boolean;
  readonly cgroupPaths: CgroupMountSource;
  /** mount_setattr unless told otherwise. */
  readonly api?: MountApi;
};

/**
 * @throws SpecError for what no host could do
 * @throws HostError for what this host or this version of tsrun cannot do
 */
export function planRootfs(spec: Spec, _host: HostFacts, request: RootfsRequest): RootfsPlan {
  const violations: Violation[] = [];
  const rootfs = hostPath(resolve(request.bundle, spec.root.path));
  const hasNamespace = spec.linux.namespaces.some(({ type }) => type === "mount");
  const pivot = !hasNamespace
    ? ({ kind: "chroot", why: "/linux/namespaces" } as const)
    : request.noPivot
      ? ({ kind: "move", why: "--no-pivot" } as const)
      : ({ kind: "pivot_root", why: "default" } as const);
  const propagation = hasNamespace ? planPropagation(spec.linux.rootfsPropagation) : undefined;
  if (pivot.kind === "move" && propagation !== undefined && (propagation.host & MS_PRIVATE) !== 0) {
    violations.push({ pointer: "/linux/rootfsPropagation", problem: "rootfsPropagation of [r]private is not safe without pivot_root" });
  }
  const api = request.api ?? "mount_setattr";
  const hasUserNamespace = spec.linux.namespaces.some(({ type }) => type === "user");
  const mounts = planMounts(spec.mounts, { ...request, label: spec.linux.mountLabel, rootfs, api, propagation, hasUserNamespace }, violations);
  if (violations.length > 0) throw new SpecError(violations);
  const ownDev = !mounts.ops.some((op) => op.kind === "bind" && op.destination === "/dev");
  const firstCgroup = mounts.ops.findIndex(({ kind }) => kind === "cgroup1" || kind === "cgroup2");
  const split = firstCgroup < 0 ? mounts.ops.length : firstCgroup;
  return {
    rootfs,
    api,
    pivot,
    propagation,
    sources: mounts.sources,
    mountsBeforeCgroup: mounts.ops.slice(0, split),
    mountsAfter: mounts.ops.slice(split),
    ownDev,
    devices: ownDev ? planDevices(spec.linux.devices) : [],
    links: ownDev ? LINKS : [],
    lateReadonly: mounts.lateReadonly,
    readonlyRoot: spec.root.readonly,
    readonlyPaths: planPaths(spec.linux.readonlyPaths, "/linux/readonlyPaths"),
    maskedPaths: planPaths(spec.linux.maskedPaths, "/linux/maskedPaths"),
    warnings: mounts.warnings,
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

/** Nothing is sent to others. */
const isQuiet = (propagation: number): boolean => (propagation & (MS_SLAVE | MS_PRIVATE)) !== 0;

// ---- mounts

type MountContext = Omit<RootfsRequest, "api"> & {
  /** SELinux. */
  readonly label: string | undefined;
  readonly rootfs: HostPath;
  readonly api: MountApi;
  readonly propagation: PropagationPlan | undefined;
  readonly hasUserNamespace: boolean;
};

type MountsPlan = {
  readonly ops: readonly MountOp[];
  readonly sources: readonly SourceOp[];
  readonly lateReadonly: readonly PathOp[];
  readonly warnings: readonly string[];
};

function planMounts(mounts: readonly Mount[], context: MountContext, violations: Violation[]): MountsPlan {
  const ops: MountOp[] = [];
  const sources: SourceOp[] = [];
  const lateReadonly: PathOp[] = [];
  const warnings: string[] = [];
  const parsed = mounts.map((mount) => ({ mount, options: parseMountOptions(mount.options) }));
  const somethingShared =
    context.propagation === undefined || context.propagation.slaveBeforeDetach || parsed.some(({ options }) => options.propagation.some((flags) => !isQuiet(flags)));

  parsed.forEach(({ mount, options }, index) => {
    const why = `/mounts/${index}`;
    const destination = planDestination(mount.destination, context.rootfs);
    const placed = { why, destination, missing: isCovered(destination, ops) };
    const isBind = (options.flags & MS_BIND) !== 0;
    const type = mount.type;
    const problem = placeProblem(destination, isBind ? "bind" : type === "proc" ? "proc" : "other");
    if (problem !== undefined) violations.push({ pointer: `${why}/destination`, problem });
    if (!mount.destination.startsWith("/")) {
      warnings.push(`${why}/destination: relative destination path ${JSON.stringify(mount.destination)} is deprecated, taken as relative to /`);
    }
    if (options.idmap !== undefined || mount.uidMappings.length + mount.gidMappings.length > 0) {
      throw new HostError(`${why}: id-mapped mounts are not supported yet`);
    }
    if (options.copyUp && (isBind || type !== "tmpfs")) violations.push({ pointer: `${why}/options`, problem: "tmpcopyup can be used only with tmpfs" });

    if (isBind) {
      if (options.data !== "") {
        violations.push({ pointer: `${why}/options`, problem: `bind mounts cannot have any filesystem-specific options applied, such as "${options.data}"` });
      }
      if ((options.flags & MS_REMOUNT) !== 0) {
        ops.push({ kind: "remount", ...placed, attributes: bindAttributes(options) ?? { set: 0, clear: 0, asked: 0 }, api: context.api });
        return;
      }
      if (mount.source === undefined) violations.push({ pointer: why, problem: "a bind mount needs a source" });
      else ops.push(planBind(placed, resolve(context.bundle, mount.source), options, context, sources));
      return;
    }
    if (type === undefined) {
      violations.push({ pointer: why, problem: "a mount needs a type, or the option bind or rbind" });
      return;
    }
    if (type === "cgroup") {
      // The tmpfs of v1 gets its directories first.
      if (context.cgroupPaths.mode === "v1" && (options.flags & MS_RDONLY) !== 0) lateReadonly.push({ why: placed.why, path: destination });
      ops.push(planCgroupMount(placed, mount, options, context));
      return;
    }
    const late = type === "tmpfs" || destination === "/dev";
    if (late && (options.flags & MS_RDONLY) !== 0) lateReadonly.push({ why, path: destination });
    ops.push({
      ...filesystem(placed, type, mount.source ?? type, options, context.api),
      data: labelled(type, options.data, context.label),
      flags: late ? options.flags & ~MS_RDONLY : options.flags,
      // [kernel] A mount below one that is not shared starts private: then there is nothing to do for these words.
      propagation: somethingShared ? options.propagation : [],
    });
  });
  return { ops, sources, lateReadonly, warnings };
}

/** [kernel] SELinux: proc, sysfs and mqueue have labels of their own and take no context. */
const UNLABELLED: readonly string[] = ["proc", "sysfs", "mqueue"];

/** Data with SELinux's context for all that lies on the mount; quoted, for a label may have commas. */
function labelled(type: string, data: string, label: string | undefined): string {
  if (label === undefined || UNLABELLED.includes(type)) return data;
  return `${data === "" ? "" : `${data},`}context="${label}"`;
}

/** runc takes a destination that spells out the root file system's own path as a path in it. */
function planDestination(destination: string, rootfs: HostPath): ContainerPath {
  const path = clean(`/${destination}`);
  return containerPath(rootfs !== "/" && path.startsWith(`${rootfs}/`) ? path.slice(rootfs.length) : path);
}

/** The nearest mount above `destination` starts empty, and nothing was made there since. */
function isCovered(destination: ContainerPath, before: readonly MountOp[]): boolean {
  for (let index = before.length - 1; index >= 0; index--) {
    const op = before[index];
    if (op === undefined || op.destination === destination || op.destination.startsWith(`${destination}/`)) return false;
    if (destination.startsWith(`${op.destination}/`)) return op.kind === "filesystem" && op.type === "tmpfs" && !op.copyUp;
  }
  return false;
}

const PROC_FILES: readonly string[] = [
  "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
  "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
];

/**
 * Why nothing may be mounted at `path`, every symlink in it resolved; undefined when it may.
 * [cve] CVE-2019-16884, CVE-2019-19921: LSM labels and sysctls are written below /proc, so it must be a procfs and nothing may lie
 * over its files but the few that lxcfs offers.
 */
export function placeProblem(path: string, kind: "proc" | "bind" | "other"): string | undefined {
  if (path === "/") return "mountpoint is on the top of rootfs";
  if (path === "/proc") return kind === "other" ? '"/proc" cannot be mounted because it is not of type proc' : undefined;
  return path.startsWith("/proc/") && !PROC_FILES.includes(path) ? `"${path}" cannot be mounted because it is inside /proc` : undefined;
}

function filesystem(placed: Placed, type: string, source: string, options: MountOptions, api: MountApi): FilesystemOp {
  return {
    kind: "filesystem",
    ...placed,
    type,
    source,
    flags: options.flags,
    data: options.data,
    inheritMode: type === "tmpfs" && !/(^|,)mode=/.test(options.data),
    copyUp: options.copyUp,
    plainDirectory: type === "proc" || type === "sysfs",
    propagation: options.propagation,
    tree: options.tree,
    api,
  };
}

function planBind(placed: Placed, path: string, options: MountOptions, context: MountContext, sources: SourceOp[]): BindOp {
  const recursive = (options.flags & MS_REC) !== 0;
  // What lies in the container's tree is to show what earlier mounts made of it; the parent cannot see that.
  const inside = path === context.rootfs || path.startsWith(`${context.rootfs}/`);
  const byParent = context.hasUserNamespace && !inside;
  const source: BindSource = byParent ? { kind: "opened", index: sources.length } : { kind: "path", path: hostPath(path) };
  if (byParent) sources.push({ why: placed.why, destination: placed.destination, path: hostPath(path), recursive });
  return {
    kind: "bind",
    ...placed,
    source,
    recursive,
    propagation: bindPropagation(options.propagation, byParent ? context.propagation?.host : undefined),
    attributes: bindAttributes(options),
    tree: options.tree,
    api: context.api,
  };
}

/**
 * What the parent opened is still a peer of the host's mount: it takes the propagation that it would have had in the container's
 * copy of the tree. The last word for the whole tree that cuts every tie makes those before it pointless.
 */
function bindPropagation(asked: readonly number[], host: number | undefined): readonly number[] {
  const base = host === undefined || (host & MS_SHARED) !== 0 ? asked : [host | MS_REC, ...asked];
  const cut = base.findLastIndex((flags) => (flags & MS_REC) !== 0 && (flags & (MS_PRIVATE | MS_UNBINDABLE)) !== 0);
  return cut > 0 ? base.slice(cut) : base;
}

const ATTRIBUTES: readonly (readonly [ms: number, attribute: number])[] = [
  [MS_RDONLY, MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR_NOEXEC],
  [MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW],
];
const MS_ATIME = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

/** Options of the mount itself as attributes: as with `mount --bind -o`, what was not asked for is off, but no word at all changes nothing. */
function bindAttributes(options: MountOptions): BindAttributes | undefined {
  const { flags, cleared } = options;
  if ((flags & ~(MS_BIND | MS_REC | MS_REMOUNT)) === 0 && cleared === 0) return undefined;
  let set = 0;
  let clear = 0;
  let asked = 0;
  for (const [ms, attribute] of ATTRIBUTES) {
    if ((flags & ms) !== 0) set |= attribute;
    else clear |= attribute;
    if ((cleared & ms) !== 0) asked |= attribute;
  }
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

function planCgroupMount(placed: Placed, mount: Mount, options: MountOptions, context: MountContext): Cgroup1Op | Cgroup2Op {
  const source = context.cgroupPaths;
  switch (source.mode) {
    case "none":
      throw new HostError(`${placed.why}: there is no cgroup to mount`);
    case "v1": {
      const flags = options.flags & ~MS_REMOUNT;
      const hierarchies = source.hierarchies.map(({ controllers, mountPoint, containerPath: path }): Cgroup1Hierarchy => {
        const name = basename(mountPoint);
        if (!source.namespaced) {
          return { kind: "bind", name, source: path, remount: bindAttributes(options) === undefined ? undefined : flags | MS_BIND | MS_REMOUNT };
        }
        const data = controllers.join(",");
        return { kind: "mount", name, source: name === "systemd" ? "systemd" : "cgroup", data, flags: MS_NOEXEC | MS_NOSUID | MS_NODEV | (flags & MS_RDONLY) };
      });
      const links = hierarchies.flatMap(({ name }) => (name.includes(",") ? name.split(",").map((controller) => ({ name: controller, target: name })) : []));
      return { kind: "cgroup1", ...placed, hierarchies, links, propagation: options.propagation };
    }
    case "v2": {
      const bind = hostPath(source.namespaced ? source.containerPath : source.mountPoint);
      return {
        kind: "cgroup2",
        ...placed,
        filesystem: filesystem(placed, "cgroup2", mount.source ?? "cgroup", options, context.api),
        fallback: {
          kind: "bind",
          ...placed,
          source: { kind: "path", path: bind },
          recursive: false,
          propagation: options.propagation,
          attributes: bindAttributes(options),
          tree: options.tree,
          api: context.api,
        },
      };
    }
  }
}

// ---- /dev

const DEFAULT_DEVICES: readonly (readonly [path: string, major: number, minor: number])[] = [
  ["/dev/null", 1, 3],
  ["/dev/random", 1, 8],
  ["/dev/full", 1, 7],
  ["/dev/tty", 5, 0],
  ["/dev/zero", 1, 5],
  ["/dev/urandom", 1, 9],
];

const FILE_TYPES: { readonly [type in DeviceType]: number } = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

function planDevices(devices: readonly Device[]): readonly DeviceOp[] {
  const ops: DeviceOp[] = [];
  const asked = devices.map(({ path }) => clean(path));
  for (const [path, major, minor] of DEFAULT_DEVICES) {
    if (!asked.includes(path)) ops.push(device("default", path, S_IFCHR | 0o666, major, minor, 0, 0));
  }
  devices.forEach(({ type, path: given, major, minor, fileMode = 0o666, uid = 0, gid = 0 }, index) => {
    const path = clean(given);
    const mode = FILE_TYPES[type] | (fileMode & 0o7777);
    if (path === "/dev/ptmx") return; // always a link into the container's own devpts
    ops.push(type === "p" ? device(`/linux/devices/${index}`, path, mode, 0, 0, uid, gid) : device(`/linux/devices/${index}`, path, mode, major, minor, uid, gid));
  });
  return ops;
}

function device(why: Why, path: string, mode: number, major: number, minor: number, uid: number, gid: number): DeviceOp {
  return { why, directory: containerPath(dirname(path)), name: basename(path), mode, major, minor, uid, gid, hostNode: hostPath(path) };
}

const link = (name: string, target: string, replace = false, onlyWith?: string): LinkOp => ({
  directory: containerPath("/dev"),
  name,
  target,
  replace,
  onlyWith: onlyWith === undefined ? undefined : containerPath(onlyWith),
});

const LINKS: readonly LinkOp[] = [
  link("ptmx", "pts/ptmx", true),
  link("fd", "/proc/self/fd"),
  link("stdin", "/proc/self/fd/0"),
  link("stdout", "/proc/self/fd/1"),
  link("stderr", "/proc/self/fd/2"),
  link("core", "/proc/kcore", false, "/proc/kcore"),
];

// ---- masks

function planPaths(paths: readonly string[], pointer: string): readonly PathOp[] {
  const ops: PathOp[] = [];
  const seen = new Set<string>();
  paths.forEach((given, index) => {
    const path = clean(`/${given}`);
    if (!seen.has(path)) ops.push({ why: `${pointer}/${index}`, path: containerPath(path) });
    seen.add(path);
  });
  return ops;
}
