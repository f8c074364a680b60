// Random config.json files: the default one and some of these features, each of which is allowed to everybody and harms nobody.

import type { Config } from "../../system/bundle.ts";
import { random } from "../fuzz/mutations.ts";

type Pick = (below: number) => number;
type Feature = (config: Config, pick: Pick) => void;

const one = <T>(pick: Pick, list: readonly T[]): T => list[pick(list.length)] as T;
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_KILL",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_DAC_OVERRIDE",
];
const some = <T>(pick: Pick, list: readonly T[]): T[] => list.filter(() => pick(2) === 0);

const FEATURES: { readonly [name: string]: Feature } = {
  user: (config, pick) =>
    (config.process.user = {
      uid: one(pick, [0, 1, 1000, 65534]),
      gid: one(pick, [0, 1, 1000]),
      additionalGids: some(pick, [5, 10, 20]),
      ...(pick(2) === 0 && { umask: one(pick, [0, 0o22, 0o77]) }),
    }),
  capabilities: (config, pick) => {
    const bounding = some(pick, CAPABILITIES);
    const permitted = some(pick, bounding);
    const inheritable = some(pick, permitted);
    config.process.capabilities = {
      bounding,
      permitted,
      effective: some(pick, permitted),
      inheritable,
      ambient: some(pick, inheritable),
    };
  },
  noCapabilities: (config) => void delete config.process.capabilities,
  noNewPrivileges: (config, pick) => (config.process.noNewPrivileges = pick(2) === 0),
  environment: (config, pick) =>
    (config.process.env = some(pick, [
      "PATH=/bin:/usr/bin",
      "HOME=/tmp",
      "A=1",
      "A=2",
      "EMPTY=",
      "B=x y\tz",
      "Ü=ß",
    ]).concat("PATH=/usr/bin:/bin")),
  directory: (config, pick) => (config.process.cwd = one(pick, ["/tmp", "/usr/bin", "/proc/self", "/dev/shm", "/"])),
  rlimits: (config, pick) =>
    (config.process.rlimits = some(pick, ["NOFILE", "CORE", "NPROC", "STACK", "FSIZE"]).map((type) => {
      const hard = one(pick, [512, 1000, 1024]) * (type === "STACK" || type === "FSIZE" ? 8192 : 1);
      return { type: `RLIMIT_${type}`, soft: hard / 2, hard };
    })),
  oomScore: (config, pick) => (config.process.oomScoreAdj = one(pick, [0, 100, 1000])),
  names: (config, pick) => ((config.hostname = one(pick, ["a", "x.y"])), (config.domainname = one(pick, ["d", "e.f"]))),
  writableRoot: (config) => (config.root.readonly = false),
  namespaces: (config, pick) =>
    (config.linux.namespaces = config.linux.namespaces
      .filter(({ type }) => ["mount", "uts", "pid", "network"].includes(type) || pick(2) === 0)
      .concat(pick(2) === 0 ? [{ type: "cgroup" }] : [])),
  tmpfs: (config, pick) =>
    void config.mounts.push({
      destination: one(pick, ["/mnt", "/tmp", "/new/place"]),
      type: "tmpfs",
      source: "tmpfs",
      options: some(pick, [
        "nosuid",
        "nodev",
        "noexec",
        "ro",
        "mode=711",
        "size=64k",
        "uid=5",
        "gid=6",
        "noatime",
      ]).concat(pick(3) === 0 ? ["tmpcopyup"] : []),
    }),
  bind: (config, pick) =>
    void config.mounts.push({
      destination: one(pick, ["/mnt", "/srv", "/etc/hosts.d"]),
      type: "bind",
      source: "/usr/share/doc",
      options: [
        one(pick, ["bind", "rbind"]),
        ...some(pick, ["ro", "nosuid", "nodev", "noexec", "noatime", "rprivate", "rslave"]),
      ],
    }),
  order: (config, pick) => {
    const from = config.mounts.splice(pick(config.mounts.length), 1);
    config.mounts.splice(pick(config.mounts.length + 1), 0, ...from);
  },
  devices: (config, pick) =>
    (config.linux.devices = some(pick, ["/dev/one", "/dev/below/two"]).map((path) => ({
      path,
      type: "c",
      major: 1,
      minor: 3,
      fileMode: one(pick, [0o600, 0o666]),
      uid: one(pick, [0, 7]),
      gid: one(pick, [0, 8]),
    }))),
  paths: (config, pick) => {
    config.linux.maskedPaths = some(pick, ["/proc/version", "/proc/kcore", "/sys/firmware", "/nowhere"]);
    config.linux.readonlyPaths = some(pick, ["/proc/sys", "/etc", "/proc/irq", "/nowhere"]);
  },
  sysctl: (config, pick) =>
    (config.linux.sysctl = {
      "net.ipv4.ip_forward": one(pick, ["0", "1"]),
      "kernel.domainname": one(pick, ["x", "y"]),
    }),
  limits: (config, pick) =>
    (config.linux.resources = {
      devices: [{ allow: false, access: "rwm" }],
      memory: { limit: one(pick, [64, 128]) * 2 ** 20 },
      pids: { limit: one(pick, [30, 77]) },
      cpu: { shares: one(pick, [512, 1000, 2048]) },
    }),
  seccomp: (config, pick) =>
    (config.linux["seccomp"] = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [
        {
          names: some(pick, ["getpgid", "sethostname", "keyctl", "signalfd4"]).concat("acct"),
          action: "SCMP_ACT_ERRNO",
        },
      ],
    }),
  personality: (config, pick) => (config.linux["personality"] = { domain: one(pick, ["LINUX", "LINUX32"]) }),
  // Not unbindable, of which runc 1.1 cannot make a root file system.
  propagation: (config, pick) =>
    (config.linux.rootfsPropagation = one(pick, ["private", "slave", "rslave", "rprivate"])),
};

export type Made = { readonly features: readonly string[]; readonly change: (config: Config) => void };

/** Bundle number `n` of a series. */
export function bundle(seed: number, n: number): Made {
  const pick = random(seed + n * 6367);
  const names = Object.keys(FEATURES);
  const features = [...new Set(Array.from({ length: 1 + pick(6) }, () => one(pick, names)))];
  const each = features.map((name) => ({ act: FEATURES[name], own: pick(2 ** 31) }));
  // Of numbers of its own, so that two runtimes get the same.
  return { features, change: (config) => each.forEach(({ act, own }) => act?.(config, random(own))) };
}
