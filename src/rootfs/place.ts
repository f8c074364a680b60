// Where a mount may go, as far as its words tell: the image's symlinks are looked at later.

import { containerPath, type ContainerPath, type HostPath } from "../base/brand.ts";
import { clean, dirname } from "../base/path.ts";
import type { MountOp } from "./ops.ts";

/** runc takes a destination that spells out the root file system's own path as a path in it. */
export function planDestination(destination: string, rootfs: HostPath): ContainerPath {
  const path = clean(`/${destination}`);
  return containerPath(rootfs !== "/" && path.startsWith(`${rootfs}/`) ? path.slice(rootfs.length) : path);
}

/** The nearest mount above `destination` starts empty, and nothing was made there since. */
export function isCovered(destination: ContainerPath, before: readonly MountOp[]): boolean {
  for (let index = before.length - 1; index >= 0; index--) {
    const op = before[index];
    if (op === undefined || op.destination === destination || op.destination.startsWith(`${destination}/`)) return false;
    if (destination.startsWith(`${op.destination}/`)) return op.kind === "filesystem" && op.type === "tmpfs" && !op.copyUp;
  }
  return false;
}

/**
 * The mount of the kernel's own that `path` will be seen in: the last that covers its directory, if that is a procfs or sysfs. A bind on their place
 * may be one. Undefined for what lies elsewhere: symlinks may lead out of it, and are followed from "/".
 */
export function coveringKernelMount(path: ContainerPath, ops: readonly MountOp[]): MountOp | undefined {
  const directory = dirname(path);
  const last = ops.findLast(({ kind, destination }) => kind !== "remount" && (directory === destination || directory.startsWith(`${destination}/`)));
  if (last === undefined) return undefined;
  const isKernels = last.kind === "sysfs" || (last.kind === "filesystem" && (last.type === "proc" || last.type === "sysfs")) || (last.kind === "bind" && (last.destination === "/proc" || last.destination === "/sys"));
  return isKernels ? last : undefined;
}

/** Its descriptor is kept. */
export function hold(op: MountOp): MountOp {
  return op.kind === "sysfs" ? { ...op, held: true, filesystem: { ...op.filesystem, held: true }, fallback: { ...op.fallback, held: true } } : { ...op, held: true };
}

const PROC_FILES: readonly string[] = [
  "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
  "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
];

/**
 * Why nothing may be mounted at `path`, every symlink in it resolved; undefined when it may.
 * [cve] CVE-2019-16884, CVE-2019-19921: LSM labels and sysctls are written below /proc, so it must be a procfs and nothing may lie
 * over its files but the few that lxcfs offers.
 */
export function placeProblem(path: string, kind: "proc" | "bind" | "other"): string | undefined {
  if (path === "/") return "mountpoint is on the top of rootfs";
  if (path === "/proc") return kind === "other" ? '"/proc" cannot be mounted because it is not of type proc' : undefined;
  return path.startsWith("/proc/") && !PROC_FILES.includes(path) ? `"${path}" cannot be mounted because it is inside /proc` : undefined;
}
