// The container's cgroups: made, joined, left. What differs by version is in v1.ts and v2.ts, loaded when the host has it;
// what later commands need is in processes.ts, freezer.ts and remove.ts, and works from CgroupPaths alone.
//
// [kernel] Moving a process by its number into cgroup.procs waits for an RCU grace period: milliseconds. Two ways do not wait:
// clone3 into a v2 cgroup, and a process of one thread that moves itself by writing 0 into `tasks` of a v1 cgroup. So the parent
// prepares, clones into `cloneInto`, completes while the child is busy with its mounts, and the child enters.

import { O_DIRECTORY, O_PATH } from "../abi/fcntl.ts";
import { EACCES, EEXIST, ENOENT, EPERM, EROFS } from "../abi/errno.ts";
import { hostPath, type HostPath } from "../base/brand.ts";
import { dirname } from "../base/path.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { mkdirat } from "../sys/directory.ts";
import { isV2 } from "./files.ts";
import type { CgroupGroup, CgroupPath, CgroupPaths, CgroupPlan } from "./plan.ts";
import defer * as cgroupFreezer from "./freezer.ts";
import defer * as cgroupProcesses from "./processes.ts";
import defer * as cgroupRemoval from "./remove.ts";
import defer * as cgroupV1 from "./v1.ts";
import defer * as cgroupV2 from "./v2.ts";

/** @see processes.ts */
export const killCgroup = (paths: CgroupPaths, signal: number): void => cgroupProcesses.killCgroup(paths, signal);

/** Cgroups under construction. Whoever has one completes it or abandons it. */
export type PreparedCgroup = {
  readonly plan: CgroupPlan;
  /** The v2 cgroup, for clone3; null where there is none. */
  readonly cloneInto: Fd | null;
  /** The groups that could be made so far. */
  readonly groups: CgroupGroup[];
  /** Every directory that was not there before, in the order of making. */
  readonly made: HostPath[];
};

/**
 * Makes what must be there before the container's first process is: on v2 the cgroup with its limits, on a hybrid host the empty v2 half.
 * Leaves nothing behind when it fails.
 * @throws HostError the cgroup is in use, or the host has none
 */
export function prepareCgroup(plan: CgroupPlan): PreparedCgroup {
  if (plan.mode === "none" && !plan.mayDoWithout)
    throw new HostError("no cgroup file system is mounted on /sys/fs/cgroup: the container could reach every device");
  const made: HostPath[] = [];
  const groups: CgroupGroup[] = [];
  try {
    let cloneInto: Fd | null = null;
    const first = plan.groups[0];
    if (first !== undefined && isV2(first)) {
      const state = makeGroup(plan, first, made);
      if (state !== "without") {
        groups.push(first);
        if (plan.mode === "v2") cgroupV2.setUpV2(plan, first, state === "made");
        cloneInto = openat(null, first.path, O_PATH | O_DIRECTORY);
      }
    }
    return { plan, cloneInto, groups, made };
  } catch (error) {
    takeBack(groups, made);
    throw error;
  }
}

/**
 * Makes the rest: v1 cgroups and their limits, and v2's device program, which takes the kernel longest and which our own code in the
 * child does not need. All is complete when it returns; when it fails the caller abandons what was prepared.
 */
export function completeCgroup(prepared: PreparedCgroup): CgroupPaths {
  const { plan, groups, made } = prepared;
  if (plan.mode === "v1") {
    const added: CgroupGroup[] = [];
    for (const group of plan.groups) {
      if (isV2(group)) continue;
      const state = makeGroup(plan, group, made);
      if (state !== "without") added.push(group);
    }
    groups.push(...added);
    cgroupV1.setUpV1(plan, added);
  }
  const v2 = groups[0];
  if (plan.mode === "v2" && plan.devices !== undefined && v2 !== undefined) {
    cgroupV2.limitDevices(v2.path, plan.devices, made.includes(v2.path), plan.mayLeaveDevices);
  }
  return groups.map((group) => {
    const { controllers, path } = group;
    return isRoot(group) ? { controllers, path, found: true } : { controllers, path };
  });
}

/** Undoes what was prepared and completed. Processes that are about to end are waited for, a second or so. */
export function abandonCgroup({ cloneInto, groups, made }: PreparedCgroup): void {
  cloneInto?.[Symbol.dispose]();
  takeBack(groups, made);
}

/** A group that was there goes as well: it has the container's limits by now. */
function takeBack(groups: readonly CgroupGroup[], made: readonly HostPath[]): void {
  const found = groups.filter((group) => !isRoot(group) && !made.includes(group.path)).map(({ path }) => path);
  cgroupRemoval.removeMade([...made, ...found]);
}

const isRoot = ({ path, mountPoint }: CgroupGroup): boolean => path === mountPoint;

/** Makes one group, or finds it empty and thawed. */
function makeGroup(plan: CgroupPlan, group: CgroupGroup, made: HostPath[]): "made" | "found" | "without" {
  try {
    if (makeDirectories(group.path, group.mountPoint, made)) return "made";
  } catch (error) {
    if (group.optional && isErrno(error, EACCES, EPERM, EROFS, ENOENT)) return "without";
    if (plan.mayDoWithout && isErrno(error, EACCES, EPERM, EROFS)) {
      if (plan.writes.length === 0) return "without";
      throw new StepError(
        "rootless needs no limits + no cgrouppath when no permission is granted for cgroups",
        error,
        plan.writes[0]?.why,
      );
    }
    throw new StepError(
      `unable to apply cgroup configuration: create cgroup ${group.path}`,
      error,
      "/linux/cgroupsPath",
    ); // runc's words
  }
  // Looking into every v1 hierarchy would be too expensive: as in runc, one stands for all. The v2 half of a hybrid host is looked
  // into as well, before anything is cloned into it: undoing kills what is in there.
  if (isV2(group) || group.controllers.includes("devices")) refuseInhabited(group);
  if (isV2(group) || group.controllers.includes("freezer")) {
    if (cgroupFreezer.frozen([group])) throw new HostError(`container's cgroup unexpectedly frozen (${group.path})`);
  }
  return "found";
}

function refuseInhabited(group: CgroupPath): void {
  const count = cgroupProcesses.processes([group]).length;
  if (count > 0) throw new HostError(`container's cgroup is not empty: ${count} process(es) found (${group.path})`);
}

/** @returns false when it was there already */
export function makeDirectories(path: HostPath, mountPoint: HostPath, made: HostPath[]): boolean {
  try {
    mkdirat(null, path, 0o755);
  } catch (error) {
    if (isErrno(error, EEXIST)) return false;
    const parent = hostPath(dirname(path));
    if (!isErrno(error, ENOENT) || parent.length <= mountPoint.length) throw error;
    makeDirectories(parent, mountPoint, made);
    return makeDirectories(path, mountPoint, made);
  }
  made.push(path);
  return true;
}
