// A config.json to begin with, and the parts that people ask for first. Every function returns plain data: add to it with a spread.

import { exampleConfig } from "../../src/spec/example.ts";
import type {
  Config,
  IdMapping,
  Linux,
  Mount,
  Namespace,
  Process,
  Resources,
  Seccomp,
} from "../../build/gen/config-types.ts";

export type BindOptions = {
  /** No writing through this mount. Default: false. */
  readonly readonly?: boolean;
  /** With the mounts below `source`. Default: true. */
  readonly recursive?: boolean;
  /** Options besides, such as "noexec". */
  readonly options?: readonly string[];
};

/** A bind mount: what is at `source` on the host appears at `destination` in the container. */
export function bind(
  source: string,
  destination: string,
  { readonly = false, recursive = true, options = [] }: BindOptions = {},
): Mount {
  const access = readonly ? (recursive ? "rro" : "ro") : "rw";
  return { destination, type: "bind", source, options: [recursive ? "rbind" : "bind", access, ...options] };
}

/** An empty file system in memory. @param sizeBytes its limit; half of the host's memory when absent */
export function tmpfs(
  destination: string,
  { sizeBytes, mode = 0o755 }: { readonly sizeBytes?: number; readonly mode?: number } = {},
): Mount {
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  return {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", `mode=${mode.toString(8)}`, ...size],
  };
}

export type Limits = {
  /** Memory, and as much swap as the host has. */
  readonly memoryBytes?: number;
  /** CPU time in CPUs: 0.5 is half of one. */
  readonly cpus?: number;
  /** The CPUs to run on, such as "0-3". */
  readonly cpuset?: string;
  /** Processes and threads. */
  readonly pids?: number;
};

const CPU_PERIOD_US = 100_000;

/** linux.resources of a config.json, without the device rules. */
export function limits({ memoryBytes, cpus, cpuset, pids }: Limits): Resources {
  const cpu = {
    ...(cpus !== undefined && { quota: Math.round(cpus * CPU_PERIOD_US), period: CPU_PERIOD_US }),
    ...(cpuset !== undefined && { cpus: cpuset }),
  };
  return {
    ...(memoryBytes !== undefined && { memory: { limit: memoryBytes } }),
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(pids !== undefined && { pids: { limit: pids } }),
  };
}

/** IDs 0 to size - 1 of the container as hostID and the IDs after it. */
export function idRange(hostID: number, size: number): readonly IdMapping[] {
  return [{ containerID: 0, hostID, size }];
}

export type DefaultConfigOptions = {
  /** The root file system: absolute, or relative to the bundle. */
  readonly root: string;
  /** Program and arguments. */
  readonly args: readonly string[];
  /** Default: true. */
  readonly readonlyRoot?: boolean;
  /** Variables besides PATH and, with a terminal, TERM. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] };
  readonly terminal?: boolean;
  readonly hostname?: string;
  /** Mounts besides those of /proc, /dev and /sys. */
  readonly mounts?: readonly Mount[];
  readonly limits?: Limits;
  /** "none": nothing but lo. "host": the caller's. A path: the network namespace of others. Default: "none". */
  readonly network?: "none" | "host" | `/${string}`;
  /** A user namespace with these maps; see `idRange`. */
  readonly userNamespace?: { readonly uidMappings: readonly IdMapping[]; readonly gidMappings: readonly IdMapping[] };
  /** Names of the capabilities that the process keeps. Default: those of `runc spec`. */
  readonly capabilities?: readonly string[];
  readonly seccomp?: Seccomp;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** A config.json that a container can be made from: what `tsrun spec` writes, without a terminal and with the changes asked for. */
export function defaultConfig(options: DefaultConfigOptions): Config {
  const base: Config = {
    root: { path: "" },
    ociVersion: "",
    ...exampleConfig({ cgroupNamespace: true, rootless: undefined }),
  };
  return {
    ...base,
    hostname: options.hostname ?? "container",
    process: processOf(base, options),
    root: { path: options.root, readonly: options.readonlyRoot ?? true },
    mounts: [...mountsOf(base, options), ...(options.mounts ?? [])],
    linux: linuxOf(base, options),
    ...(options.annotations !== undefined && { annotations: options.annotations }),
  };
}

function processOf(base: Config, options: DefaultConfigOptions): Process {
  const { args, cwd = "/", user = { uid: 0, gid: 0 }, terminal = false, capabilities } = options;
  const { env = [], ...process } = base.process ?? { args, cwd };
  const own = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const names = own.map((variable) => variable.slice(0, variable.indexOf("=") + 1));
  const inherited = env.filter(
    (variable) => (terminal || !variable.startsWith("TERM=")) && !names.some((name) => variable.startsWith(name)),
  );
  return {
    ...process,
    args,
    cwd,
    user,
    terminal,
    env: [...inherited, ...own],
    ...(capabilities !== undefined && {
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    }),
  };
}

/** [kernel] sysfs can be mounted only by the owner of the network namespace: with one of others, that of the host is bound. */
function mountsOf(base: Config, { network = "none", userNamespace }: DefaultConfigOptions): readonly Mount[] {
  if (network === "none" || userNamespace === undefined) return base.mounts ?? [];
  const options = ["rbind", "nosuid", "noexec", "nodev", "ro"];
  return (base.mounts ?? []).map((mount) =>
    mount.type === "sysfs" ? { destination: "/sys", type: "none", source: "/sys", options } : mount,
  );
}

function linuxOf(base: Config, options: DefaultConfigOptions): Linux {
  const { network = "none", userNamespace, seccomp } = options;
  const namespaces = (base.linux?.namespaces ?? []).flatMap((namespace): readonly Namespace[] => {
    if (namespace.type !== "network" || network === "none") return [namespace];
    return network === "host" ? [] : [{ type: "network", path: network }];
  });
  return {
    ...base.linux,
    namespaces: userNamespace === undefined ? namespaces : [...namespaces, { type: "user" }],
    resources: { ...base.linux?.resources, ...limits(options.limits ?? {}) },
    ...userNamespace,
    ...(seccomp !== undefined && { seccomp }),
  };
}
