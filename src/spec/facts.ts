// Everything that a plan must know of the host. runtime/plan/facts.ts looks at each fact once a command, at those that few containers need only
// when a plan asks for them. Plans ask nothing else, so they can be made and tested anywhere.

/** One cgroup v1 hierarchy, as mounted here. */
export type CgroupHierarchy = {
  /** As in /proc/self/cgroup: ["cpu", "cpuacct"], or ["name=systemd"]. */
  readonly controllers: readonly string[];
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** The cgroup that the mount point shows: "/" unless this is a container itself. */
  readonly root: string;
  /** Our own cgroup in it, from the hierarchy's root. */
  readonly own: string;
};

export type CgroupLayout =
  | { readonly mode: "none" }
  /** v1, or hybrid: then `unified` is the v2 hierarchy beside, which no resource is set in. */
  | {
      readonly mode: "v1";
      readonly hierarchies: readonly CgroupHierarchy[];
      readonly unified: CgroupHierarchy | undefined;
    }
  /** Only v2. `controllers` are those of the root's cgroup.controllers. */
  | { readonly mode: "v2"; readonly mountPoint: string; readonly own: string; readonly controllers: readonly string[] };

/** The Linux security modules that a config.json may name. */
export type LsmFacts = {
  readonly apparmor: boolean;
  /** An AppArmor profile is on us already. */
  readonly confined: boolean;
  readonly selinux: boolean;
};

export type HostFacts = {
  readonly euid: number;
  readonly egid: number;
  /** Our effective uid in the user namespace above ours: a root there who is a user outside has that user's systemd. */
  readonly outerUid: number;
  /** Cgroups may be refused to us: we are not root, or root of a user namespace only, or were told so (--rootless). */
  readonly rootless: boolean;
  /** Our user namespace has given up setgroups(2), and so have all below it. */
  readonly groupsDenied: boolean;
  /** The highest capability that this kernel knows. */
  readonly lastCapability: number;
  readonly cgroups: CgroupLayout;
  readonly lsm: LsmFacts;
  /** A procfs can be mounted for a pid namespace that the mounter is not in (pidns=, since Linux 6.17). */
  readonly procfsTakesPidns: boolean;
  /** How attributes of mounts are changed: by mount_setattr(2) since Linux 5.12, by remounting before. */
  readonly mountApi: "mount_setattr" | "remount";
};
