// Bundles for the tests: a root file system of busybox, made once a run and hard-linked into each bundle, and a config.json.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

export type User = { uid: number; gid: number; umask?: number; additionalGids?: number[]; username?: string };

export type Mount = {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  [other: string]: unknown;
};

export type Hook = { path: string; args?: string[]; env?: string[]; timeout?: number };

/** What the tests change in a config.json; whatever else there is can be set by name. */
export type Config = {
  ociVersion: string;
  process: {
    terminal?: boolean;
    user: User;
    args: string[];
    env: string[];
    cwd: string;
    capabilities?: { [set: string]: string[] };
    rlimits?: { type: string; soft: unknown; hard: unknown }[];
    noNewPrivileges?: boolean;
    oomScoreAdj?: number;
    [other: string]: unknown;
  };
  root: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts: Mount[];
  annotations?: { [name: string]: string };
  hooks?: { [kind: string]: Hook[] };
  linux: {
    namespaces: { type: string; path?: string }[];
    resources?: { [controller: string]: unknown };
    maskedPaths?: string[];
    readonlyPaths?: string[];
    devices?: object[];
    sysctl?: { [name: string]: string };
    cgroupsPath?: string;
    rootfsPropagation?: string;
    timeOffsets?: object;
    [other: string]: unknown;
  };
  [other: string]: unknown;
};

/** What `runc spec` writes, without a terminal, with a time limit of nobody's: the container does what `args` says and ends. */
export function defaultConfig(): Config {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.0.2-dev",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["true"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: [...capabilities], effective: [...capabilities], permitted: [...capabilities] },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "container",
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
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
      },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: [{ type: "pid" }, { type: "network" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }],
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

const project = resolve(HERE, "../..");

let shared: string | undefined;

/** The root file system that all bundles of this run are linked from; tests do not write into its files. */
export function sharedRootfs(): string {
  if (shared !== undefined) return shared;
  const directory = mkdtempSync(join(tmpdir(), "tsrun-rootfs-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  execFileSync(join(project, "bundles/make-rootfs"), [join(directory, "rootfs")]);
  return (shared = join(directory, "rootfs"));
}

/** Makes `<bundle>/rootfs`: directories of its own, files that are hard links. */
export function makeRootfs(bundle: string): void {
  mkdirSync(bundle, { recursive: true });
  execFileSync("cp", ["-al", sharedRootfs(), join(bundle, "rootfs")]);
}
