// The cgroups of a process that joins a container: the container's own, or groups below them that --cgroup names.

import { O_DIRECTORY, O_PATH } from "../abi/fcntl.ts";
import { ENODEV, ENOENT } from "../abi/errno.ts";
import { hostPath, type HostPid } from "../base/brand.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { clean } from "../base/path.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, readFile } from "../sys/file.ts";
import { getpid } from "../sys/process.ts";
import { isV2, writeValue } from "./files.ts";
import { enterCgroup } from "./join.ts";
import type { CgroupPath, CgroupPaths, SystemdUnit } from "./plan.ts";
import defer * as systemd from "./systemd.ts";

const V2_MOUNT_POINT = "/sys/fs/cgroup";

/**
 * @param asked "PATH" for all groups, or "CONTROLLER[,CONTROLLER…]:PATH" for some
 * @throws HostError in runc's words
 */
export function groupsBelow(paths: CgroupPaths, asked: readonly string[]): CgroupPaths {
  if (asked.length === 0) return paths;
  const wanted = new Map<string, string>();
  for (const text of asked) {
    const colon = text.indexOf(":");
    if (colon < 0) {
      if (asked.length > 1) throw new HostError(`invalid --cgroup argument: ${text} (missing <controller>: prefix)`);
      return paths.map((group) => below(group, text));
    }
    for (const controller of text.slice(0, colon).split(",")) {
      if (controller === "") throw new HostError(`invalid --cgroup argument: ${text} (empty <controller> prefix)`);
      if (wanted.has(controller))
        throw new HostError(`invalid --cgroup argument(s): controller ${controller} specified multiple times`);
      if (!paths.some(({ controllers }) => controllers.includes(controller)))
        throw new HostError(`unknown controller ${controller} in SubCgroupPaths`);
      wanted.set(controller, text.slice(colon + 1));
    }
  }
  return paths.map((group) => {
    const path = group.controllers.map((controller) => wanted.get(controller)).find((sub) => sub !== undefined);
    return path === undefined ? group : below(group, path);
  });
}

function below({ controllers, path }: CgroupPath, sub: string): CgroupPath {
  const joined = clean(`${path}/${sub}`);
  if (joined !== path && !joined.startsWith(`${path}/`)) throw new HostError(`bad sub cgroup path: ${sub}`);
  return { controllers, path: hostPath(joined) };
}

/** The v2 group, for clone3; null where there is none, or not any more. The caller closes it. */
export function openGroup(paths: CgroupPaths): Fd | null {
  const group = paths.find(isV2);
  if (group === undefined) return null;
  try {
    return openat(null, group.path, O_PATH | O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return null; // entering it will tell, or the other way in
    throw error;
  }
}

/**
 * Moves the calling process into the groups.
 * @param inV2 clone3 has put it into the v2 one
 * @param init whose group will do as well: a container may have moved its processes down, and then [kernel] its own group takes none
 * (EBUSY: "no internal processes"), or away, and then the group may be gone. undefined: --cgroup wants this one
 * @param unit of systemd, which may do what we may not: a user's process comes from a session that the user's systemd is not above
 */
export function enterGroups(
  paths: CgroupPaths,
  inV2: boolean,
  init: HostPid | undefined,
  unit: SystemdUnit | undefined,
): void {
  const only = paths.length === 1 && paths.every(isV2);
  const others = [
    ...(only && init !== undefined ? [() => enterGroupOf(init)] : []),
    ...(only && unit !== undefined ? [() => systemd.joinUnit(unit, belowUnit(paths, unit))] : []),
  ];
  try {
    enterCgroup(paths, inV2, init === undefined ? "--cgroup" : undefined);
  } catch (error) {
    for (const [i, enter] of others.entries()) {
      try {
        return enter();
      } catch (again) {
        if (i === others.length - 1) throw inRuncsWords(unit === undefined ? again : error); // the first says which group it was to be
      }
    }
    throw inRuncsWords(error);
  }
}

const inRuncsWords = (error: unknown): StepError => new StepError(`adding pid ${getpid()} to cgroups`, error);

function enterGroupOf(init: HostPid): void {
  const group = /^0::(\/.*)$/m.exec(readFile(null, `/proc/${init}/cgroup`))?.[1] ?? "";
  writeValue(`${V2_MOUNT_POINT}${group}/cgroup.procs`, "0");
}

/** What of the group's path lies below the unit's: "" or "/x". */
function belowUnit(paths: CgroupPaths, { name }: SystemdUnit): string {
  const path = paths[0]?.path ?? "";
  const at = path.indexOf(`/${name}/`);
  return at < 0 ? "" : path.slice(at + 1 + name.length);
}
