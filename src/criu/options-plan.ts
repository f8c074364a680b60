// What CRIU is asked for: flags of the command line, config.json and what is known of the container become its options. Pure.

import { CLONE_NEWNET } from "../abi/sched.ts";
import { hasNewNamespace } from "../spec/namespaces.ts";
import type { Namespace, NamespaceType, Spec, StringMap } from "../spec/types.ts";
import { HostError } from "../base/errors.ts";
import type { ExternalMount } from "./external-mounts.ts";
import { CGROUP_MODES, NETWORK_LOCKS, type CriuOptions } from "./messages.ts";

/** What `checkpoint` and `restore` have in common. */
export type CriuFlags = {
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly autoDedup: boolean;
  readonly lazyPages: boolean;
  /** undefined: soft, as with runc. */
  readonly manageCgroupsMode: keyof typeof CGROUP_MODES | undefined;
  /** undefined: CRIU's own choice, or nftables where the program that it would call is missing. */
  readonly networkLock: keyof typeof NETWORK_LOCKS | undefined;
};

export type CheckpointFlags = CriuFlags & {
  readonly leaveRunning: boolean;
  readonly preDump: boolean;
  /** Relative to the image directory. */
  readonly parentPath: string | undefined;
  readonly tcpSkipInFlight: boolean;
  readonly linkRemap: boolean;
  readonly pageServer: { readonly address: string; readonly port: number } | undefined;
};

export type RestoreFlags = CriuFlags & {
  readonly tcpClose: boolean;
  readonly lsmProfile: string | undefined;
  readonly lsmMountContext: string | undefined;
};

/** CRIU's program must be of this version or newer: since then it has external pid namespaces, the freezer of cgroup v2, and tells when lazy pages are ready. */
export const LEAST_VERSION = 31500;

/** @throws HostError "CRIU 3.11 is too old: …" */
export function checkVersion(version: number): void {
  if (version < LEAST_VERSION)
    throw new HostError(`CRIU ${versionText(version)} is too old: ${versionText(LEAST_VERSION)} or newer is needed`);
}

/** 40201 is "4.2.1". */
export function versionText(version: number): string {
  const [major, minor, sublevel] = [Math.floor(version / 10000), Math.floor(version / 100) % 100, version % 100];
  return sublevel === 0 ? `${major}.${minor}` : `${major}.${minor}.${sublevel}`;
}

/** Where CRIU reads options that take the place of ours: the annotation's file, none if it is empty. */
export function configFile(annotations: StringMap, ownIsThere: boolean): string | undefined {
  const named = Object.hasOwn(annotations, "org.criu.config") ? annotations["org.criu.config"] : undefined;
  if (named !== undefined) return named === "" ? undefined : named;
  return ownIsThere ? OWN_CONFIG : "/etc/criu/runc.conf"; // CRIU passes over one that is not there
}

export const OWN_CONFIG = "/etc/criu/tsrun.conf";

/** What CRIU is told by both commands. */
function common(
  flags: CriuFlags,
  annotations: StringMap,
  host: HostOfCriu,
): Omit<CriuOptions, "imagesDirFd" | "workDirFd"> {
  const config = configFile(annotations, host.ownConfig);
  const lock = flags.networkLock ?? (host.iptablesRestore ? undefined : "nftables");
  return {
    logLevel: 4,
    notifyScripts: true,
    orphanPtsMaster: true,
    shellJob: flags.shellJob,
    extUnixSk: flags.extUnixSk,
    tcpEstablished: flags.tcpEstablished,
    fileLocks: flags.fileLocks,
    autoDedup: flags.autoDedup,
    lazyPages: flags.lazyPages,
    emptyNamespaces: CLONE_NEWNET, // the engines and hooks make what is in it
    manageCgroupsMode: CGROUP_MODES[flags.manageCgroupsMode ?? "soft"],
    ...(lock !== undefined && { networkLock: NETWORK_LOCKS[lock] }),
    ...(config !== undefined && { configFile: config }),
  };
}

/** What matters of the host. */
export type HostOfCriu = {
  /** tsrun's own file of options for CRIU is there. */
  readonly ownConfig: boolean;
  /** The program by which CRIU locks the network unless it is told otherwise. */
  readonly iptablesRestore: boolean;
};

export type Checkpointed = {
  readonly spec: Spec;
  readonly pid: number;
  readonly rootfs: string;
  readonly mounts: readonly ExternalMount[];
  /** The namespaces that the container has joined, and their inodes. */
  readonly joined: readonly { readonly type: NamespaceType; readonly inode: number }[];
  /** The directory of the cgroup that can be frozen; undefined: CRIU stops each process by itself. */
  readonly freezer: string | undefined;
};

export function planDump(
  flags: CheckpointFlags,
  container: Checkpointed,
  host: HostOfCriu,
): Omit<CriuOptions, "imagesDirFd" | "workDirFd"> {
  const options = {
    ...common(flags, container.spec.annotations, host),
    logFile: DUMP_LOG,
    pid: container.pid,
    root: container.rootfs,
    leaveRunning: flags.leaveRunning,
    tcpSkipInFlight: flags.tcpSkipInFlight,
    linkRemap: flags.linkRemap,
    external: container.joined.flatMap(({ type, inode }) => {
      const name = CRIU_NAMES[type];
      return isExternal(type) ? [`${name}[${inode}]:${keyOf(name)}`] : [];
    }),
    ...(container.freezer !== undefined && { freezeCgroup: container.freezer }),
    ...(flags.pageServer !== undefined && { pageServer: flags.pageServer }),
    ...(flags.parentPath !== undefined && { parentImage: flags.parentPath, trackMemory: true }),
  };
  if (flags.preDump) return { ...options, trackMemory: true };
  return {
    ...options,
    externalMounts: container.mounts.map(({ mountPoint }) => ({ key: mountPoint, value: mountPoint })),
  };
}

export const DUMP_LOG = "dump.log";
export const RESTORE_LOG = "restore.log";

export type Restored = {
  readonly spec: Spec;
  /** A mount on itself, in the mount namespace that CRIU starts in. */
  readonly root: string;
  /** The name of each external mount, and what is mounted there now. */
  readonly mounts: readonly { readonly name: string; readonly source: string }[];
  /** From where on CRIU has descriptors of joined namespaces, in the order of inheritedNamespaces. */
  readonly firstFd: number;
  /** What the standard streams were: those that were pipes take ours. */
  readonly streams: readonly string[];
  /** In which cgroups CRIU is, and so its children; none: they are left alone. */
  readonly cgroups: readonly { readonly controllers: string; readonly path: string }[];
};

export function planRestore(
  flags: RestoreFlags,
  container: Restored,
  host: HostOfCriu,
): Omit<CriuOptions, "imagesDirFd" | "workDirFd"> {
  const { spec } = container;
  const inherited = inheritedNamespaces(spec);
  return {
    ...common(flags, spec.annotations, host),
    ...(container.cgroups.length === 0 && { manageCgroupsMode: CGROUP_MODES.ignore }),
    logFile: RESTORE_LOG,
    root: container.root,
    evasiveDevices: true,
    restoreSibling: true,
    tcpClose: flags.tcpClose,
    externalMounts: container.mounts.map(({ name, source }) => ({ key: name, value: source })),
    inheritFds: [
      ...inherited.map(({ type }, i) => ({ key: keyOf(CRIU_NAMES[type]), fd: container.firstFd + i })),
      ...container.streams.flatMap((stream, fd) => (stream.startsWith("pipe:") ? [{ key: stream, fd }] : [])),
    ],
    joinNamespaces: joinedNamespaces(spec).map(({ type, path }) => ({ type: CRIU_NAMES[type], path })),
    cgroupRoots: container.cgroups,
    ...(flags.lsmProfile !== undefined && { lsmProfile: flags.lsmProfile }),
    ...(flags.lsmMountContext !== undefined && { lsmMountContext: flags.lsmMountContext }),
  };
}

type Joined = { readonly type: NamespaceType; readonly path: string };

const joins = (spec: Spec): readonly Joined[] =>
  spec.linux.namespaces.flatMap(({ type, path }: Namespace) => (path === undefined ? [] : [{ type, path }]));

/** Joined by CRIU through descriptors: their content is not in the images. */
export const inheritedNamespaces = (spec: Spec): readonly Joined[] =>
  joins(spec).filter(({ type }) => isExternal(type));

/** Joined by CRIU through paths. @throws HostError for a cgroup namespace, which CRIU cannot join */
function joinedNamespaces(spec: Spec): readonly Joined[] {
  const others = joins(spec).filter(({ type }) => !isExternal(type));
  const cgroup = others.find(({ type }) => type === "cgroup");
  if (cgroup !== undefined)
    throw new HostError(
      `CRIU cannot restore into the cgroup namespace ${cgroup.path}: it joins namespaces of other types only`,
    );
  return others;
}

const isExternal = (type: NamespaceType): boolean => type === "network" || type === "pid";

/** As /proc/PID/ns has them. */
const CRIU_NAMES: { readonly [Type in NamespaceType]: string } = {
  cgroup: "cgroup",
  ipc: "ipc",
  mount: "mnt",
  network: "net",
  pid: "pid",
  time: "time",
  user: "user",
  uts: "uts",
};

/** The name that runc and crun give it as well: images go from one to the other. */
const keyOf = (name: string): string => `extRoot${name.charAt(0).toUpperCase()}${name.slice(1)}NS`;

/** CRIU makes the mount namespace: it starts in one of its own, where the root file system can be mounted on itself. */
export const makesMountNamespace = (spec: Spec): boolean => hasNewNamespace(spec, "mount");
