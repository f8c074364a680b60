// From JSON that the schemas accepted to a Spec: every default is filled in here and nowhere else.
// What is checked later, by spec/validate.ts, decodes to something sensible all the same.

import type {
  BlockIOResources,
  Device,
  DeviceRule,
  Hook,
  Hooks,
  IDMapping,
  IntelRdt,
  Linux,
  MemoryResources,
  Mount,
  Namespace,
  NamespaceType,
  Resources,
  Seccomp,
  Spec,
  StringMap,
  ThrottleDevice,
} from "./types.ts";
import { decodeProcess, type Raw } from "./decode-process.ts";
import { parseInlineIdmap } from "./inline-idmap.ts";

/** @param json config.json, as the schema accepted it */
export function decodeSpec(json: unknown): Spec {
  const raw = json as Raw<Spec>;
  return {
    ociVersion: raw.ociVersion as string,
    process: raw.process && decodeProcess(raw.process),
    root: { path: raw.root?.path as string, readonly: raw.root?.readonly ?? false },
    mounts: list(raw.mounts, (mount) => decodeMount(mount, raw.linux ?? {})),
    hostname: raw.hostname || undefined,
    domainname: raw.domainname || undefined,
    hooks: decodeHooks(raw.hooks ?? {}),
    annotations: (raw.annotations ?? {}) as StringMap,
    linux: decodeLinux(raw.linux ?? {}),
  };
}

function decodeMount(raw: Raw<Mount>, users: Raw<Linux>): Mount {
  const options = raw.options ?? [];
  const idmap = options.find((option) => option.startsWith("idmap=") || option.startsWith("ridmap="));
  const mount = {
    destination: raw.destination as string,
    type: raw.type || undefined,
    source: raw.source || undefined,
    options,
    uidMappings: (raw.uidMappings ?? []) as readonly IDMapping[],
    gidMappings: (raw.gidMappings ?? []) as readonly IDMapping[],
  };
  return idmap === undefined ? mount : withInlineIdmap(mount, idmap, users);
}

/** One that is not written as crun has it stays, to be refused as an option that nobody knows; maps of the mount's own come first, as in crun. */
function withInlineIdmap(mount: Mount, option: string, users: Raw<Linux>): Mount {
  const inline = parseInlineIdmap(option, {
    uidMappings: (users.uidMappings ?? []) as readonly IDMapping[],
    gidMappings: (users.gidMappings ?? []) as readonly IDMapping[],
  });
  if (inline === undefined) return mount;
  const { word, uidMappings, gidMappings } = inline;
  const options = mount.options.map((other) => (other === option ? word : other));
  const hasOwn = mount.uidMappings.length + mount.gidMappings.length > 0;
  return hasOwn ? { ...mount, options } : { ...mount, options, uidMappings, gidMappings };
}

function decodeHooks(raw: Raw<Hooks>): Hooks {
  return {
    prestart: list(raw.prestart, decodeHook),
    createRuntime: list(raw.createRuntime, decodeHook),
    createContainer: list(raw.createContainer, decodeHook),
    startContainer: list(raw.startContainer, decodeHook),
    poststart: list(raw.poststart, decodeHook),
    poststop: list(raw.poststop, decodeHook),
  };
}

function decodeHook(raw: Raw<Hook>): Hook {
  const path = raw.path as string;
  return { path, args: raw.args?.length ? raw.args : [path], env: raw.env, timeout: raw.timeout };
}

function decodeLinux(raw: Raw<Linux>): Linux {
  return {
    namespaces: list(raw.namespaces, decodeNamespace),
    uidMappings: (raw.uidMappings ?? []) as readonly IDMapping[],
    gidMappings: (raw.gidMappings ?? []) as readonly IDMapping[],
    timeOffsets: map(raw.timeOffsets, ({ secs, nanosecs }) => ({ secs: secs ?? 0, nanosecs: nanosecs ?? 0 })),
    devices: list(raw.devices, decodeDevice),
    netDevices: map(raw.netDevices, ({ name }, host) => ({ name: name || host })),
    cgroupsPath: raw.cgroupsPath || undefined,
    resources: decodeResources(raw.resources ?? {}),
    rootfsPropagation: raw.rootfsPropagation || undefined,
    seccomp: raw.seccomp && decodeSeccomp(raw.seccomp),
    sysctl: (raw.sysctl ?? {}) as StringMap,
    maskedPaths: raw.maskedPaths ?? [],
    readonlyPaths: raw.readonlyPaths ?? [],
    mountLabel: raw.mountLabel || undefined,
    personality: raw.personality && {
      domain: raw.personality.domain as "LINUX" | "LINUX32",
      flags: raw.personality.flags ?? [],
    },
    memoryPolicy: raw.memoryPolicy && {
      mode: raw.memoryPolicy.mode as NonNullable<Linux["memoryPolicy"]>["mode"],
      nodes: raw.memoryPolicy.nodes || undefined,
      flags: raw.memoryPolicy.flags ?? [],
    },
    intelRdt: raw.intelRdt && decodeIntelRdt(raw.intelRdt),
  };
}

function decodeNamespace(raw: Raw<Namespace>): Namespace {
  return { type: raw.type as NamespaceType, path: raw.path || undefined };
}

function decodeDevice(raw: Raw<Device>): Device {
  return {
    type: raw.type as Device["type"],
    path: raw.path as string,
    major: raw.major ?? 0,
    minor: raw.minor ?? 0,
    // Docker copies st_mode whole: the file type does not belong here.
    fileMode: raw.fileMode === undefined ? undefined : raw.fileMode & 0o7777,
    uid: raw.uid,
    gid: raw.gid,
  };
}

function decodeIntelRdt(raw: Raw<IntelRdt>): IntelRdt {
  return {
    closID: raw.closID || undefined,
    schemata: raw.schemata ?? [],
    l3CacheSchema: raw.l3CacheSchema || undefined,
    memBwSchema: raw.memBwSchema || undefined,
    enableMonitoring: raw.enableMonitoring ?? false,
  };
}

/** @param json the `linux.resources` of a config.json, or the document of `update --resources` */
export function decodeResources(json: unknown): Resources {
  const raw = json as Raw<Resources>;
  return {
    devices: list(raw.devices, decodeDeviceRule),
    memory: decodeMemory(raw.memory ?? {}),
    cpu: {
      shares: raw.cpu?.shares,
      quota: raw.cpu?.quota,
      burst: raw.cpu?.burst,
      period: raw.cpu?.period,
      realtimeRuntime: raw.cpu?.realtimeRuntime,
      realtimePeriod: raw.cpu?.realtimePeriod,
      cpus: raw.cpu?.cpus || undefined,
      mems: raw.cpu?.mems || undefined,
      idle: raw.cpu?.idle,
    },
    pids: { limit: raw.pids?.limit },
    blockIO: decodeBlockIO(raw.blockIO ?? {}),
    hugepageLimits: (raw.hugepageLimits ?? []) as Resources["hugepageLimits"],
    network: {
      classID: raw.network?.classID,
      priorities: (raw.network?.priorities ?? []) as Resources["network"]["priorities"],
    },
    rdma: map(raw.rdma, ({ hcaHandles, hcaObjects }) => ({ hcaHandles, hcaObjects })),
    unified: (raw.unified ?? {}) as StringMap,
  };
}

function decodeDeviceRule(raw: Raw<DeviceRule>): DeviceRule {
  return {
    allow: raw.allow as boolean,
    type: raw.type || "a",
    major: raw.major === -1 ? undefined : raw.major,
    minor: raw.minor === -1 ? undefined : raw.minor,
    access: raw.access || "rwm",
  };
}

function decodeMemory(raw: Raw<MemoryResources>): MemoryResources {
  return {
    limit: raw.limit,
    reservation: raw.reservation,
    swap: raw.swap,
    kernel: raw.kernel,
    kernelTCP: raw.kernelTCP,
    swappiness: raw.swappiness === 0xffff_ffff_ffff_ffffn ? undefined : raw.swappiness,
    disableOOMKiller: raw.disableOOMKiller ?? false,
    useHierarchy: raw.useHierarchy,
    checkBeforeUpdate: raw.checkBeforeUpdate ?? false,
  };
}

function decodeBlockIO(raw: Raw<BlockIOResources>): BlockIOResources {
  return {
    weight: raw.weight,
    leafWeight: raw.leafWeight,
    weightDevice: list(raw.weightDevice, ({ major, minor, weight, leafWeight }) => ({
      major: major as number,
      minor: minor as number,
      weight,
      leafWeight,
    })),
    throttleReadBpsDevice: (raw.throttleReadBpsDevice ?? []) as readonly ThrottleDevice[],
    throttleWriteBpsDevice: (raw.throttleWriteBpsDevice ?? []) as readonly ThrottleDevice[],
    throttleReadIOPSDevice: (raw.throttleReadIOPSDevice ?? []) as readonly ThrottleDevice[],
    throttleWriteIOPSDevice: (raw.throttleWriteIOPSDevice ?? []) as readonly ThrottleDevice[],
  };
}

function decodeSeccomp(raw: Raw<Seccomp>): Seccomp {
  return {
    defaultAction: raw.defaultAction as Seccomp["defaultAction"],
    defaultErrnoRet: raw.defaultErrnoRet,
    architectures: raw.architectures ?? [],
    flags: raw.flags,
    listenerPath: raw.listenerPath || undefined,
    listenerMetadata: raw.listenerMetadata || undefined,
    syscalls: list(raw.syscalls, ({ names, action, errnoRet, args }) => ({
      names: names as readonly string[],
      action: action as Seccomp["defaultAction"],
      errnoRet,
      args: list(args, ({ index, value, valueTwo, op }) => ({
        index: index as number,
        value: value as number | bigint,
        valueTwo: valueTwo ?? 0,
        op: op as Seccomp["syscalls"][0]["args"][0]["op"],
      })),
    })),
  };
}

function list<From, To>(raw: readonly From[] | undefined, decode: (raw: From) => To): readonly To[] {
  return raw ? raw.map(decode) : [];
}

/** Built with fromEntries, which makes an own property even of "__proto__". */
function map<From, To>(
  raw: StringMap<From | undefined> | undefined,
  decode: (raw: From, key: string) => To,
): StringMap<To> {
  return raw ? Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, decode(value as From, key)])) : {};
}
