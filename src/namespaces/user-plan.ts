// The container's user namespace: which one, its id maps as the kernel wants them, and who may write them. Pure.
//
// [kernel] Whoever writes a map needs CAP_SETUID (CAP_SETGID) over the ids, in the namespace that they come from. Without it a process may map
// its own id alone, and its group once setgroups(2) is given up; newuidmap(1) and newgidmap(1) map what /etc/subuid and /etc/subgid
// grant. @see user_namespaces(7)

import { CLONE_NEWIPC } from "../abi/sched.ts";
import { SpecError, type Violation } from "../base/errors.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { IDMapping, Spec } from "../spec/types.ts";

export type IdMap = {
  readonly file: "uid_map" | "gid_map";
  readonly why: string;
  readonly ranges: readonly IDMapping[];
  /** What is written into the file. */
  readonly text: string;
  /** init itself (its own id alone), the runtime, or newuidmap and newgidmap. */
  readonly by: "init" | "runtime" | "helper";
};

export type UserPlan = {
  readonly why: string;
  /** The namespace to join; undefined: a new one. */
  readonly path: string | undefined;
  /** Of a new one; of one that is joined: what config.json believes them to be, empty when it does not say. */
  readonly uids: IdMap;
  readonly gids: IdMap;
  /** setgroups(2) is given up, which a map that init writes for itself costs. */
  readonly denySetgroups: boolean;
  /** We are root: we may look into init though it is closed to others from its first moment. */
  readonly privileged: boolean;
  /** CLONE_NEW* of what init makes once it is root in there. [kernel] The root of a mqueue file system belongs to who made its ipc namespace. */
  readonly inside: number;
};

/** [kernel] UID_GID_MAP_MAX_EXTENTS since 4.15, and less than a page of text. */
const MOST_RANGES = 340;
const MOST_BYTES = 4095;

/** undefined: the container stays in ours. @throws SpecError for maps that no kernel takes, and users that they leave out */
export function planUser(spec: Spec, host: Pick<HostFacts, "euid" | "egid">): UserPlan | undefined {
  const { namespaces, uidMappings, gidMappings } = spec.linux;
  const index = namespaces.findIndex(({ type }) => type === "user");
  const entry = namespaces[index];
  if (entry === undefined) return undefined;
  const privileged = host.euid === 0;
  const ownGroup = isOwn(gidMappings, host.egid);
  const by = (own: boolean): IdMap["by"] => (privileged ? "runtime" : own ? "init" : "helper");
  const plan: UserPlan = {
    why: `/linux/namespaces/${index}`,
    path: entry.path,
    uids: {
      file: "uid_map",
      why: "/linux/uidMappings",
      ranges: uidMappings,
      text: mapText(uidMappings),
      by: by(isOwn(uidMappings, host.euid)),
    },
    gids: {
      file: "gid_map",
      why: "/linux/gidMappings",
      ranges: gidMappings,
      text: mapText(gidMappings),
      by: by(ownGroup),
    },
    denySetgroups: entry.path === undefined && !privileged && ownGroup,
    privileged,
    inside: namespaces.some(({ type, path }) => type === "ipc" && path === undefined) ? CLONE_NEWIPC : 0,
  };
  const violations =
    entry.path === undefined
      ? [...checkMap(plan.uids), ...checkMap(plan.gids), ...checkUsers(spec, plan), ...checkMounts(spec, plan)]
      : [];
  if (violations.length > 0) throw new SpecError(violations);
  return plan;
}

const isOwn = (ranges: readonly IDMapping[], id: number): boolean =>
  ranges.length === 1 && ranges[0]?.hostID === id && ranges[0].size === 1;

const mapText = (ranges: readonly IDMapping[]): string =>
  ranges.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

function checkMap({ ranges, why, text }: IdMap): readonly Violation[] {
  if (ranges.length > MOST_RANGES)
    return [{ pointer: why, problem: `has ${ranges.length} ranges, but the kernel takes at most ${MOST_RANGES}` }];
  if (text.length > MOST_BYTES)
    return [
      {
        pointer: why,
        problem: `is too long: the kernel takes ${MOST_BYTES} bytes, and these ranges are ${text.length}`,
      },
    ];
  return [...overlaps(ranges, why, "containerID"), ...overlaps(ranges, why, "hostID")];
}

function overlaps(ranges: readonly IDMapping[], why: string, side: "containerID" | "hostID"): readonly Violation[] {
  const sorted = ranges
    .map((range, index) => ({ first: range[side], end: range[side] + range.size, index }))
    .sort((a, b) => a.first - b.first);
  return sorted.flatMap(({ first, index }, i) => {
    const before = sorted[i - 1];
    if (before === undefined || before.end <= first) return [];
    return [
      {
        pointer: `${why}/${Math.max(index, before.index)}/${side}`,
        problem: `overlaps with ${why}/${Math.min(index, before.index)}`,
      },
    ];
  });
}

/** In runc's words where it has some. */
function checkUsers({ process }: Spec, { uids, gids, denySetgroups }: UserPlan): readonly Violation[] {
  if (process === undefined) return [];
  const { uid, gid, additionalGids } = process.user;
  const violations: Violation[] = [];
  if (hostId(uids.ranges, uid) === undefined)
    violations.push({
      pointer: "/process/user/uid",
      problem: `cannot setuid to unmapped uid ${uid} in user namespace`,
    });
  if (hostId(gids.ranges, gid) === undefined)
    violations.push({
      pointer: "/process/user/gid",
      problem: `cannot setgid to unmapped gid ${gid} in user namespace`,
    });
  if (denySetgroups) {
    if (additionalGids.length > 0)
      violations.push({
        pointer: "/process/user/additionalGids",
        problem: "cannot set any additional groups in a rootless container",
      });
    return violations;
  }
  additionalGids.forEach((one, i) => {
    if (hostId(gids.ranges, one) === undefined)
      violations.push({
        pointer: `/process/user/additionalGids/${i}`,
        problem: `gid ${one} is not mapped in the container's user namespace`,
      });
  });
  return violations;
}

/** [kernel] A file system that is mounted in there takes no owner that it does not map; of the default devpts that is gid=5. */
const checkMounts = ({ mounts }: Spec, { uids, gids }: UserPlan): readonly Violation[] =>
  mounts.flatMap(({ options }, mount) =>
    options.flatMap((option, i) => {
      const [, kind, id] = /^([ug])id=([0-9]+)$/.exec(option) ?? [];
      if (kind === undefined || hostId((kind === "u" ? uids : gids).ranges, Number(id)) !== undefined) return [];
      return [
        {
          pointer: `/mounts/${mount}/options/${i}`,
          problem: `cannot specify ${option} mount option: ${kind}id ${id} is not mapped in the container's user namespace`,
        },
      ];
    }),
  );

/** The id outside of what is `id` in the container; undefined when it is not mapped. */
export function hostId(ranges: readonly IDMapping[], id: number): number | undefined {
  const range = ranges.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return range && range.hostID + id - range.containerID;
}

/** The lines of /proc/PID/uid_map. */
export function parseMap(text: string): readonly IDMapping[] {
  return text.split("\n").flatMap((line) => {
    const [containerID, hostID, size] = line.trim().split(/\s+/).map(Number);
    return containerID === undefined || hostID === undefined || size === undefined
      ? []
      : [{ containerID, hostID, size }];
  });
}

/** True when they map alike, in whatever order. */
export function isSameMap(a: readonly IDMapping[], b: readonly IDMapping[]): boolean {
  const key = (ranges: readonly IDMapping[]): string =>
    ranges
      .map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`)
      .sort()
      .join(",");
  return key(a) === key(b);
}
