// config.json as the rest of tsrun sees it: the user's words (runtime-spec 1.3), validated, every default filled in.
// Names are the spec's. A list or map that was absent is empty, a boolean has its value, and `T | undefined` stands
// only where absence means something of its own. Strings that Go clients write as "" for "not set" are undefined too.
// Law: nobody builds these but spec/decode.ts (and tests, through it).

import type { Int64 } from "../base/int64.ts";

export type { Int64 } from "../base/int64.ts";

/** A JSON object used as a map. Iterate with Object.entries; keys come from the user, so never look up "__proto__". */
export type StringMap<T = string> = { readonly [key: string]: T };

export type Spec = {
  readonly ociVersion: string;
  /** Optional at create by the spec, required at start (config.md, Process). */
  readonly process: Process | undefined;
  readonly root: Root;
  readonly mounts: readonly Mount[];
  readonly hostname: string | undefined;
  readonly domainname: string | undefined;
  readonly hooks: Hooks;
  readonly annotations: StringMap;
  readonly linux: Linux;
};

export type Root = {
  /** On the host: absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly: boolean;
};

export type IDMapping = {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
};

export type Mount = {
  /** In the container. Should be absolute; a relative one (old Docker) is taken from "/". */
  readonly destination: string;
  readonly type: string | undefined;
  /** A device name or a host path; relative to the bundle. */
  readonly source: string | undefined;
  readonly options: readonly string[];
  readonly uidMappings: readonly IDMapping[];
  readonly gidMappings: readonly IDMapping[];
  /** Who asked for it, when config.json did not. */
  readonly why?: string;
};

// ---- process

export type Process = {
  readonly terminal: boolean;
  readonly consoleSize: ConsoleSize | undefined;
  readonly user: User;
  /** At least one. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Absolute, in the container. */
  readonly cwd: string;
  /** undefined: no capabilities at all, as five empty sets. */
  readonly capabilities: Capabilities | undefined;
  readonly rlimits: readonly Rlimit[];
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
  /** undefined: keep what the runtime was started with. */
  readonly oomScoreAdj: number | undefined;
  readonly scheduler: Scheduler | undefined;
  readonly ioPriority: IOPriority | undefined;
  readonly execCPUAffinity: CPUAffinity | undefined;
};

export type ConsoleSize = { readonly height: number; readonly width: number };

export type User = {
  readonly uid: number;
  readonly gid: number;
  readonly umask: number | undefined;
  readonly additionalGids: readonly number[];
};

/** Names as written, such as "CAP_CHOWN". Unknown names are not refused: whoever applies them warns. */
export type Capabilities = {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly ambient: readonly string[];
};

export type RlimitType =
  | "RLIMIT_AS"
  | "RLIMIT_CORE"
  | "RLIMIT_CPU"
  | "RLIMIT_DATA"
  | "RLIMIT_FSIZE"
  | "RLIMIT_LOCKS"
  | "RLIMIT_MEMLOCK"
  | "RLIMIT_MSGQUEUE"
  | "RLIMIT_NICE"
  | "RLIMIT_NOFILE"
  | "RLIMIT_NPROC"
  | "RLIMIT_RSS"
  | "RLIMIT_RTPRIO"
  | "RLIMIT_RTTIME"
  | "RLIMIT_SIGPENDING"
  | "RLIMIT_STACK";

export type Rlimit = {
  readonly type: RlimitType;
  /** uint64; 18446744073709551615 is RLIM_INFINITY. */
  readonly soft: Int64;
  readonly hard: Int64;
};

export type SchedulerPolicy =
  "SCHED_OTHER" | "SCHED_FIFO" | "SCHED_RR" | "SCHED_BATCH" | "SCHED_ISO" | "SCHED_IDLE" | "SCHED_DEADLINE";

export type SchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

/** sched_setattr(2); absent numbers are 0, as the system call takes them. */
export type Scheduler = {
  readonly policy: SchedulerPolicy;
  readonly nice: number;
  readonly priority: number;
  readonly flags: readonly SchedulerFlag[];
  readonly runtime: Int64;
  readonly deadline: Int64;
  readonly period: Int64;
};

export type IOPriorityClass = "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";

export type IOPriority = { readonly class: IOPriorityClass; readonly priority: number };

/** CPU lists such as "0-3,7". */
export type CPUAffinity = { readonly initial: string | undefined; readonly final: string | undefined };

// ---- hooks

export type HookKind = "prestart" | "createRuntime" | "createContainer" | "startContainer" | "poststart" | "poststop";

export type Hooks = { readonly [kind in HookKind]: readonly Hook[] };

export type Hook = {
  /** Absolute: on the host, but in the container for startContainer. */
  readonly path: string;
  /** argv; [path] when config.json gives none. */
  readonly args: readonly string[];
  /** undefined when config.json says nothing; an empty list is an empty environment. */
  readonly env: readonly string[] | undefined;
  /** Seconds, above 0; undefined: as long as it takes. */
  readonly timeout: number | undefined;
};

// ---- linux

export type Linux = {
  readonly namespaces: readonly Namespace[];
  readonly uidMappings: readonly IDMapping[];
  readonly gidMappings: readonly IDMapping[];
  /** Keys are clocks: "monotonic", "boottime". */
  readonly timeOffsets: StringMap<TimeOffset>;
  readonly devices: readonly Device[];
  /** Keys are the names on the host. */
  readonly netDevices: StringMap<NetDevice>;
  readonly cgroupsPath: string | undefined;
  readonly resources: Resources;
  readonly rootfsPropagation: RootfsPropagation | undefined;
  readonly seccomp: Seccomp | undefined;
  readonly sysctl: StringMap;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly mountLabel: string | undefined;
  readonly personality: Personality | undefined;
  readonly memoryPolicy: MemoryPolicy | undefined;
  readonly intelRdt: IntelRdt | undefined;
};

export type NamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

/** A new namespace, or the one at `path` to join. */
export type Namespace = { readonly type: NamespaceType; readonly path: string | undefined };

export type TimeOffset = { readonly secs: Int64; readonly nanosecs: number };

/** c and u: character, b: block, p: fifo. */
export type DeviceType = "c" | "b" | "u" | "p";

export type Device = {
  readonly type: DeviceType;
  /** Absolute, in the container. */
  readonly path: string;
  /** 0 for a fifo. */
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
};

export type NetDevice = {
  /** The name in the container; the host's name when config.json gives none. May end in "%d". */
  readonly name: string;
};

export type RootfsPropagation =
  "shared" | "slave" | "private" | "unbindable" | "rshared" | "rslave" | "rprivate" | "runbindable";

export type Personality = { readonly domain: "LINUX" | "LINUX32"; readonly flags: readonly string[] };

export type MemoryPolicyMode =
  | "MPOL_DEFAULT"
  | "MPOL_BIND"
  | "MPOL_INTERLEAVE"
  | "MPOL_WEIGHTED_INTERLEAVE"
  | "MPOL_PREFERRED"
  | "MPOL_PREFERRED_MANY"
  | "MPOL_LOCAL";

export type MemoryPolicyFlag = "MPOL_F_NUMA_BALANCING" | "MPOL_F_RELATIVE_NODES" | "MPOL_F_STATIC_NODES";

export type MemoryPolicy = {
  readonly mode: MemoryPolicyMode;
  /** A node list such as "0-1,4"; undefined: none. */
  readonly nodes: string | undefined;
  readonly flags: readonly MemoryPolicyFlag[];
};

export type IntelRdt = {
  /** undefined: the container's id. */
  readonly closID: string | undefined;
  /** Lines; written after the two schemas below. */
  readonly schemata: readonly string[];
  readonly l3CacheSchema: string | undefined;
  readonly memBwSchema: string | undefined;
  readonly enableMonitoring: boolean;
};

// ---- linux.resources

/** What was absent is undefined inside; the objects themselves are always there. */
export type Resources = {
  readonly devices: readonly DeviceRule[];
  readonly memory: MemoryResources;
  readonly cpu: CPUResources;
  readonly pids: PidsResources;
  readonly blockIO: BlockIOResources;
  readonly hugepageLimits: readonly HugepageLimit[];
  readonly network: NetworkResources;
  /** Keys are device names such as "mlx5_1". */
  readonly rdma: StringMap<RdmaLimit>;
  /** Keys are cgroup v2 file names such as "memory.high". */
  readonly unified: StringMap;
};

/** One line for the device controller; the order of lines counts. */
export type DeviceRule = {
  readonly allow: boolean;
  /** a: all. */
  readonly type: "a" | "b" | "c";
  /** undefined: every one (config.json may also say -1). */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Some of "rwm"; absent means all three. */
  readonly access: string;
};

/** Bytes. -1 is "unlimited". */
export type MemoryResources = {
  readonly limit: Int64 | undefined;
  readonly reservation: Int64 | undefined;
  /** Memory and swap together, as cgroup v1 counts. */
  readonly swap: Int64 | undefined;
  readonly kernel: Int64 | undefined;
  readonly kernelTCP: Int64 | undefined;
  /** uint64; (uint64)-1, which Docker writes for "not set", is undefined here. */
  readonly swappiness: Int64 | undefined;
  readonly disableOOMKiller: boolean;
  readonly useHierarchy: boolean | undefined;
  readonly checkBeforeUpdate: boolean;
};

/** Microseconds; quota -1 is "unlimited". */
export type CPUResources = {
  readonly shares: Int64 | undefined;
  readonly quota: Int64 | undefined;
  readonly burst: Int64 | undefined;
  readonly period: Int64 | undefined;
  readonly realtimeRuntime: Int64 | undefined;
  readonly realtimePeriod: Int64 | undefined;
  readonly cpus: string | undefined;
  readonly mems: string | undefined;
  readonly idle: Int64 | undefined;
};

export type PidsResources = { readonly limit: Int64 | undefined };

export type WeightDevice = {
  readonly major: number;
  readonly minor: number;
  readonly weight: number | undefined;
  readonly leafWeight: number | undefined;
};

export type ThrottleDevice = { readonly major: number; readonly minor: number; readonly rate: Int64 };

export type BlockIOResources = {
  readonly weight: number | undefined;
  readonly leafWeight: number | undefined;
  readonly weightDevice: readonly WeightDevice[];
  readonly throttleReadBpsDevice: readonly ThrottleDevice[];
  readonly throttleWriteBpsDevice: readonly ThrottleDevice[];
  readonly throttleReadIOPSDevice: readonly ThrottleDevice[];
  readonly throttleWriteIOPSDevice: readonly ThrottleDevice[];
};

export type HugepageLimit = {
  /** Such as "2MB". */
  readonly pageSize: string;
  readonly limit: Int64;
};

export type NetworkResources = {
  readonly classID: number | undefined;
  readonly priorities: readonly { readonly name: string; readonly priority: number }[];
};

export type RdmaLimit = { readonly hcaHandles: number | undefined; readonly hcaObjects: number | undefined };

// ---- linux.seccomp

export type SeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY";

export type SeccompOperator =
  "SCMP_CMP_NE" | "SCMP_CMP_LT" | "SCMP_CMP_LE" | "SCMP_CMP_EQ" | "SCMP_CMP_GE" | "SCMP_CMP_GT" | "SCMP_CMP_MASKED_EQ";

export type SeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

export type SeccompArch =
  | "SCMP_ARCH_X86"
  | "SCMP_ARCH_X86_64"
  | "SCMP_ARCH_X32"
  | "SCMP_ARCH_ARM"
  | "SCMP_ARCH_AARCH64"
  | "SCMP_ARCH_MIPS"
  | "SCMP_ARCH_MIPS64"
  | "SCMP_ARCH_MIPS64N32"
  | "SCMP_ARCH_MIPSEL"
  | "SCMP_ARCH_MIPSEL64"
  | "SCMP_ARCH_MIPSEL64N32"
  | "SCMP_ARCH_PPC"
  | "SCMP_ARCH_PPC64"
  | "SCMP_ARCH_PPC64LE"
  | "SCMP_ARCH_S390"
  | "SCMP_ARCH_S390X"
  | "SCMP_ARCH_PARISC"
  | "SCMP_ARCH_PARISC64"
  | "SCMP_ARCH_RISCV64"
  | "SCMP_ARCH_LOONGARCH64"
  | "SCMP_ARCH_M68K"
  | "SCMP_ARCH_SH"
  | "SCMP_ARCH_SHEB";

export type Seccomp = {
  readonly defaultAction: SeccompAction;
  /** undefined: EPERM where the action takes a number. */
  readonly defaultErrnoRet: number | undefined;
  readonly architectures: readonly SeccompArch[];
  /** undefined differs from []: runc then sets SPEC_ALLOW. */
  readonly flags: readonly SeccompFlag[] | undefined;
  readonly listenerPath: string | undefined;
  readonly listenerMetadata: string | undefined;
  readonly syscalls: readonly SeccompRule[];
};

export type SeccompRule = {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet: number | undefined;
  readonly args: readonly SeccompArg[];
};

export type SeccompArg = {
  readonly index: number;
  readonly value: Int64;
  readonly valueTwo: Int64;
  readonly op: SeccompOperator;
};

// ---- what tsrun prints

/** paused is not the spec's, but every client of runc knows it. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** The spec's state (runtime.md, State): what hooks read on stdin and seccomp agents receive. */
export type State = {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: Status;
  /** 0 when stopped. */
  readonly pid: number;
  readonly bundle: string;
  readonly annotations: StringMap;
};

/** What `state` prints: the spec's state and runc's extras. */
export type PrintedState = State & {
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  /** User name of the owner; "" when unknown. */
  readonly owner: string;
  /** It has stopped, and the kernel killed in it for want of memory; our own addition. */
  readonly oomKilled?: {
    /** How many. */
    readonly processes: number;
    readonly cgroup: string;
    /** Absent: the cgroup has none of its own, one above it ran out. */
    readonly limitBytes?: number;
  };
  /** It has stopped, and this is known of its end; our own addition. */
  readonly ended?: {
    /** RFC 3339 with nanoseconds. Absent where tsrun did not wait for it. */
    readonly at?: string;
    /** Of its first process; absent when a signal ended it, or when only the process that waited for it was told. */
    readonly exitStatus?: number;
    /** The name of the signal that ended it. */
    readonly signal?: string;
    /** Whom the kernel has told its status, or will: `run` itself, or the caller of tsrun, to whom a created or detached container falls. */
    readonly waitedBy: "tsrun" | "caller";
  };
};

/** Sent along with the seccomp notify descriptor (config-linux.md, The Container Process State). */
export type ContainerProcessState = {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: State;
};

/** What `features` prints (features.md, features-linux.md). */
export type Features = {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly HookKind[];
  readonly mountOptions: readonly string[];
  readonly linux: LinuxFeatures;
  readonly annotations: StringMap;
  readonly potentiallyUnsafeConfigAnnotations: readonly string[];
};

export type LinuxFeatures = {
  readonly namespaces: readonly NamespaceType[];
  readonly capabilities: readonly string[];
  readonly cgroup: {
    readonly v1: boolean;
    readonly v2: boolean;
    readonly systemd: boolean;
    readonly systemdUser: boolean;
    readonly rdma: boolean;
  };
  readonly seccomp: {
    readonly enabled: boolean;
    readonly actions?: readonly SeccompAction[];
    readonly operators?: readonly SeccompOperator[];
    readonly archs?: readonly SeccompArch[];
    readonly knownFlags?: readonly SeccompFlag[];
    readonly supportedFlags?: readonly SeccompFlag[];
  };
  readonly apparmor: { readonly enabled: boolean };
  readonly selinux: { readonly enabled: boolean };
  readonly intelRdt: { readonly enabled: boolean; readonly schemata: boolean; readonly monitoring: boolean };
  readonly memoryPolicy: { readonly modes: readonly MemoryPolicyMode[]; readonly flags: readonly MemoryPolicyFlag[] };
  readonly mountExtensions: { readonly idmap: { readonly enabled: boolean } };
  readonly netDevices: { readonly enabled: boolean };
};
