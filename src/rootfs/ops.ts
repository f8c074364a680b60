// What the container's file system tree shall be made of, as plain data: the words between the plan and those who carry it out.
// Paths in the container are clean and absolute here, but not resolved: what a symlink in the image makes of them is seen only there.

import type { ContainerPath, HostPath } from "../base/brand.ts";
import type { Attributes } from "./options.ts";

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
 * A bind source that the parent opens, as a detached copy of the mount, in the host's mount namespace: what a child in a user namespace
 * may have no right to reach, and what only the parent may map the ids of.
 */
export type SourceOp = {
  readonly why: Why;
  readonly destination: ContainerPath;
  readonly path: HostPath;
  readonly recursive: boolean;
  readonly idmap: Idmap | undefined;
};

/** Whose the files are: lines for uid_map and gid_map, or a user namespace that is there. `recursive`: on the mounts below, too. */
export type Idmap =
  | { readonly kind: "maps"; readonly recursive: boolean; readonly uids: string; readonly gids: string }
  | { readonly kind: "namespace"; readonly recursive: boolean; readonly path: HostPath };

/**
 * An index into RootfsPlan.sources; or a path that the child opens, which is cheaper and leaves the mounts numbered in the order of
 * config.json, as /proc/self/mountinfo lists them. "inside": what lies in the tree that is being
 * made, where the child sees what earlier mounts made of it; it starts at the root, to which it may have no way in a user namespace.
 */
export type BindSource =
  | { readonly kind: "opened"; readonly index: number }
  | { readonly kind: "path"; readonly path: HostPath }
  | { readonly kind: "inside"; readonly path: HostPath; readonly below: string; readonly idmap: Idmap | undefined };

export type Placed = {
  readonly why: Why;
  readonly destination: ContainerPath;
  /** A mount before this one covers what was there with nothing. A hint: whatever is there after all is used. */
  readonly missing: boolean;
  /** Paths below it will be masked or made read-only (PathOp.within): its descriptor is kept for that. Known only once all mounts are. */
  readonly held: boolean;
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
  /** SELinux's label for its root, where the file system takes none as data. */
  readonly relabel: string | undefined;
  readonly copyUp: boolean;
  /** Whose its root becomes by copyUp: the covered directory's owner, but for what uid= and gid= say. */
  readonly inheritOwner: { readonly uid: boolean; readonly gid: boolean };
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
  /** The container is in a user namespace of its own and the source was opened outside: what the host's mount forbids stays forbidden. */
  readonly locked: boolean;
  readonly api: MountApi;
};

/** For the top mount alone. */
export type BindAttributes = Attributes & {
  /** What a word asked to clear: cleared in any case. The rest of `clear` is what mount(8) would reset, unless it is locked. */
  readonly asked: number;
};

/** New attributes for what is mounted there already. */
export type RemountOp = Placed & {
  readonly kind: "remount";
  readonly attributes: BindAttributes;
  readonly api: MountApi;
};

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
  | {
      readonly kind: "bind";
      readonly name: string;
      readonly source: HostPath;
      readonly otherwise: HostPath | undefined;
      readonly remount: number | undefined;
    }
  | {
      readonly kind: "mount";
      readonly name: string;
      readonly source: string;
      readonly data: string;
      readonly flags: number;
    };

/** cgroup2, or where the kernel refuses it (a user namespace without a cgroup namespace) a bind of the directory that shows the same. */
export type Cgroup2Op = Placed & {
  readonly kind: "cgroup2";
  readonly filesystem: FilesystemOp;
  readonly fallback: BindOp;
  /** [cve] CVE-2023-25809: where that directory cannot be seen either, an empty one covers what a bind of the host's /sys would show. */
  readonly orMask: boolean;
};

/** sysfs, or where the kernel refuses it (somebody else owns the network namespace) a bind of the host's. */
export type SysfsOp = Placed & { readonly kind: "sysfs"; readonly filesystem: FilesystemOp; readonly fallback: BindOp };

export type MountOp = FilesystemOp | BindOp | RemountOp | Cgroup1Op | Cgroup2Op | SysfsOp;

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
  /** [kernel] Known beforehand that no node can be made: in a user namespace the host's is bound at once. */
  readonly bind: boolean;
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

/** `within`: the destination of the procfs or sysfs that the path lies in, and is found from; undefined: it is found from "/". */
export type RestrictedPath = PathOp & { readonly within: ContainerPath | undefined };

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
  readonly readonlyPaths: readonly RestrictedPath[];
  readonly maskedPaths: readonly RestrictedPath[];
  /** What the tmpfs over masked directories gets as data beside its limits: SELinux's context, or nothing. */
  readonly maskData: string;
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
