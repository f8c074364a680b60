// Where a mount may go, as far as its words tell: the image's symlinks are looked at later.

import { containerPath, type ContainerPath, type HostPath } from "../base/brand.ts";
import { dirname, isBelow, resolve } from "../base/path.ts";
import type { MountOp } from "./ops.ts";

/** runc takes a destination that spells out the root file system's own path as a path in it. */
export function planDestination(destination: string, rootfs: HostPath): ContainerPath {
  const path = resolve("/", destination);
  return containerPath(isBelow(path, rootfs) ? path.slice(rootfs.length) : path);
}

/** By path, the place in the list of the last mount there, and of the last below. With hundreds of mounts nobody looks at all of them for each. */
export type Places = { readonly at: Map<string, number>; readonly below: Map<string, number> };

export const noPlaces = (): Places => ({ at: new Map(), below: new Map() });

/**
 * Notes that the next mount goes to `destination`.
 * @returns whether the nearest mount above starts empty, and nothing was made there since
 */
export function addPlace({ at, below }: Places, destination: ContainerPath, before: readonly MountOp[]): boolean {
  let last = -1;
  for (let above = dirname(destination); above !== "/"; above = dirname(above)) {
    last = Math.max(last, at.get(above) ?? -1);
    below.set(above, before.length);
  }
  const op = last < 0 ? undefined : before[last];
  const startsEmpty = op !== undefined && op.kind === "filesystem" && op.type === "tmpfs" && !op.copyUp;
  const covered = startsEmpty && last >= Math.max(at.get(destination) ?? -1, below.get(destination) ?? -1);
  at.set(destination, before.length);
  return covered;
}

/** By path, the place in the list of the last mount there. A remount covers nothing. */
export function placesOf(ops: readonly MountOp[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  ops.forEach(({ kind, destination }, index) => kind !== "remount" && places.set(destination, index));
  return places;
}

/**
 * The mount of the kernel's own that what lies in `directory` will be seen in: the last that covers it, if that is a procfs or sysfs. A bind on their place
 * may be one. Undefined for what lies elsewhere: symlinks may lead out of it, and are followed from "/".
 */
export function coveringKernelMount(
  directory: string,
  ops: readonly MountOp[],
  places: ReturnType<typeof placesOf>,
): MountOp | undefined {
  let index = -1;
  for (let above = directory; above !== "/"; above = dirname(above)) index = Math.max(index, places.get(above) ?? -1);
  const last = ops[index];
  if (last === undefined) return undefined;
  const isKernels =
    last.kind === "sysfs" ||
    (last.kind === "filesystem" && (last.type === "proc" || last.type === "sysfs")) ||
    (last.kind === "bind" && (last.destination === "/proc" || last.destination === "/sys"));
  return isKernels ? last : undefined;
}

/** The mounts, with those marked whose descriptors are kept. */
export const withHeld = (ops: readonly MountOp[], held: ReadonlySet<MountOp>): readonly MountOp[] =>
  held.size === 0 ? ops : ops.map((op) => (held.has(op) ? asHeld(op) : op));

const asHeld = (op: MountOp): MountOp =>
  op.kind === "sysfs"
    ? {
        ...op,
        held: true,
        filesystem: { ...op.filesystem, held: true },
        fallback: { ...op.fallback, held: true },
      }
    : { ...op, held: true };

const PROC_FILES: readonly string[] = [
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
];

/**
 * Why nothing may be mounted at `path`, every symlink in it resolved; undefined when it may.
 * [cve] CVE-2019-16884, CVE-2019-19921: LSM labels and sysctls are written below /proc, so it must be a procfs and nothing may lie
 * over its files but the few that lxcfs offers.
 */
export function placeProblem(path: string, kind: "proc" | "bind" | "other"): string | undefined {
  if (path === "/") return "mountpoint is on the top of rootfs";
  if (path === "/proc")
    return kind === "other" ? '"/proc" cannot be mounted because it is not of type proc' : undefined;
  return path.startsWith("/proc/") && !PROC_FILES.includes(path)
    ? `"${path}" cannot be mounted because it is inside /proc`
    : undefined;
}
