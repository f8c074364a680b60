// The config.json that `spec` writes to start from, the same that runc 1.5 writes. Plain JSON, with nothing of the host in it
// but what the caller hands in.

/** A JSON document in the order in which it is to be printed. */
export type ConfigDocument = { readonly [key: string]: unknown };

export type ExampleOptions = {
  /** Give the container its own view of the cgroup tree: runc does so where cgroup v2 is all there is. */
  readonly cgroupNamespace: boolean;
  /** The caller's ids on the host: makes a document that works without root (`spec --rootless`). */
  readonly rootless: { readonly uid: number; readonly gid: number } | undefined;
  /** Ids of the host that are the container's, from 0 on (with rootless: from 1 on): a user namespace. */
  readonly subordinate?: { readonly uids: IdRange; readonly gids: IdRange } | undefined;
  /** What can be written is in memory: nothing in the root file system, and scratch space where programs look for it. */
  readonly readonly?: boolean;
  /** linux.seccomp, given the container's capabilities. */
  readonly seccomp?: (capabilities: readonly string[]) => ConfigDocument;
};

export type IdRange = { readonly first: number; readonly count: number };

export function exampleConfig({
  cgroupNamespace,
  rootless,
  subordinate,
  readonly,
  seccomp,
}: ExampleOptions): ConfigDocument {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  const namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup", "user"].filter(
    (type) =>
      !(type === "network" && rootless) &&
      !(type === "cgroup" && !cgroupNamespace) &&
      !(type === "user" && !rootless && !subordinate),
  );
  return {
    ociVersion: "1.3.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsrun",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
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
        // gid 5 (tty) is not mapped in a user namespace of one id.
        options: [
          "nosuid",
          "noexec",
          "newinstance",
          "ptmxmode=0666",
          "mode=0620",
          ...(rootless && !subordinate ? [] : ["gid=5"]),
        ],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
      // [kernel] sysfs can be mounted only by who owns the network namespace, and a rootless container keeps the host's.
      rootless
        ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] }
        : { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      ...(readonly ? SCRATCH.map(scratch) : []),
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
      },
    ],
    linux: {
      ...((rootless ?? subordinate) && {
        uidMappings: mappings(rootless?.uid, subordinate?.uids),
        gidMappings: mappings(rootless?.gid, subordinate?.gids),
      }),
      ...(!rootless && { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      ...(seccomp && { seccomp: seccomp(capabilities) }),
    },
  };
}

/** Where programs expect to be able to write (hier(7)), when they can write nowhere else. */
const SCRATCH: readonly string[] = ["/run", "/tmp", "/var/tmp"];

const scratch = (destination: string): object => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "nodev", ...(destination === "/run" ? ["noexec", "mode=755"] : ["mode=1777"]), "size=65536k"],
});

/** Our own id is the container's 0, where it is one of them. */
function mappings(own: number | undefined, range: IdRange | undefined): readonly object[] {
  const first = own === undefined ? 0 : 1;
  return [
    ...(own === undefined ? [] : [{ containerID: 0, hostID: own, size: 1 }]),
    ...(range === undefined ? [] : [{ containerID: first, hostID: range.first, size: range.count }]),
  ];
}
