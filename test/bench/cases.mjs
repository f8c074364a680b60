// Bundles beside each runtime's own `spec`: what docker makes of a container when nobody asks for anything, and one with many mounts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The profile that podman ships, which is docker's with the conditions of its own; Debian: golang-github-containers-common. */
const PROFILE = "/usr/share/containers/seccomp.json";
const ARCHITECTURE =
  process.arch === "arm64" ? { name: "SCMP_ARCH_AARCH64", go: "arm64" } : { name: "SCMP_ARCH_X86_64", go: "amd64" };

const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** docker's default config.json. @param directory for the three files that it binds over those in /etc */
export function dockerConfig(config, directory) {
  const binds = ["resolv.conf", "hostname", "hosts"].map((name) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), `${name}\n`);
    return { destination: `/etc/${name}`, type: "bind", source: join(directory, name), options: ["rbind", "rprivate"] };
  });
  return {
    ...config,
    process: {
      ...config.process,
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=container"],
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      noNewPrivileges: false,
      rlimits: [],
      oomScoreAdj: 0,
    },
    root: { ...config.root, readonly: false },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"] },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
      },
      ...binds,
    ],
    linux: {
      ...config.linux,
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" },
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          ...[
            [1, 5],
            [1, 3],
            [1, 9],
            [1, 8],
          ].map(([major, minor]) => ({ allow: true, type: "c", major, minor, access: "rwm" })),
          ...[
            [5, 0],
            [5, 1],
          ].map(([major, minor]) => ({ allow: true, type: "c", major, minor, access: "rwm" })),
          { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
        ],
        memory: {},
        cpu: { shares: 0 },
        pids: { limit: 0 },
        blockIO: { weight: 0 },
      },
      namespaces: [{ type: "mount" }, { type: "network" }, { type: "uts" }, { type: "pid" }, { type: "ipc" }],
      maskedPaths: [
        "/proc/asound",
        "/proc/acpi",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      seccomp: profile(),
    },
  };
}

/** Many bind mounts of one directory, read-only, besides those of config. */
export function mountsConfig(config, directory, count = 200) {
  mkdirSync(directory, { recursive: true });
  const binds = Array.from({ length: count }, (_, i) => ({
    destination: `/volumes/${i}`,
    type: "bind",
    source: directory,
    options: ["rbind", "rprivate", "ro", "nosuid"],
  }));
  return {
    ...config,
    mounts: [...config.mounts, { destination: "/volumes", type: "tmpfs", source: "tmpfs" }, ...binds],
  };
}

/** The limits that an engine's user asks for. */
export function limitsConfig(config) {
  const resources = {
    ...config.linux.resources,
    memory: { limit: 256 * 2 ** 20, swap: 256 * 2 ** 20 },
    cpu: { shares: 512, quota: 50_000, period: 100_000 },
    pids: { limit: 100 },
  };
  return { ...config, linux: { ...config.linux, resources } };
}

const mapping = (hostID, size) => [{ containerID: 0, hostID, size }];

/** In a user namespace of its own, as an engine makes it for root's containers. */
export function usernsConfig(config) {
  const namespaces = [...config.linux.namespaces, { type: "user" }];
  return {
    ...config,
    linux: {
      ...config.linux,
      namespaces,
      uidMappings: mapping(3_000_000, 65_536),
      gidMappings: mapping(3_000_000, 65_536),
    },
  };
}

/** As a user without rights runs it: `spec --rootless` makes the same of it. */
export function rootlessConfig(config, id) {
  const { resources: _resources, ...linux } = config.linux;
  const namespaces = [...linux.namespaces.filter(({ type }) => type !== "network"), { type: "user" }];
  const mounts = config.mounts
    .filter(({ destination }) => destination !== "/sys/fs/cgroup")
    .map((mount) =>
      mount.destination === "/sys"
        ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] }
        : mount,
    )
    .map((mount) => ({ ...mount, options: mount.options?.filter((option) => !option.startsWith("gid=")) }));
  return {
    ...config,
    mounts,
    linux: { ...linux, namespaces, uidMappings: mapping(id, 1), gidMappings: mapping(id, 1) },
  };
}

/** The engine's profile as it hands it to a runtime: what is for other machines and for other capabilities is left out. */
function profile() {
  if (!existsSync(PROFILE)) {
    console.error(`bench: ${PROFILE} is not there: docker's case is measured without a seccomp profile`);
    return undefined;
  }
  const { defaultAction, defaultErrnoRet, archMap, syscalls } = JSON.parse(readFileSync(PROFILE, "utf8"));
  const machine = archMap.find(({ architecture }) => architecture === ARCHITECTURE.name);
  const applies = ({ includes = {}, excludes = {} }) =>
    (includes.arches ?? [ARCHITECTURE.go]).includes(ARCHITECTURE.go) &&
    !(excludes.arches ?? []).includes(ARCHITECTURE.go) &&
    (includes.caps ?? []).every((name) => CAPABILITIES.includes(name)) &&
    !(excludes.caps ?? []).some((name) => CAPABILITIES.includes(name));
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: machine === undefined ? [] : [machine.architecture, ...(machine.subArchitectures ?? [])],
    syscalls: syscalls.filter(applies).map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args?.length > 0 ? { args } : {}),
    })),
  };
}
