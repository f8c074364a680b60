// Stopping and continuing all processes of a container at once.

import { ENODEV, ENOENT } from "../abi/errno.ts";
import type { HostPath } from "../base/brand.ts";
import { O_DIRECTORY, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { HostError, SysError } from "../base/errors.ts";
import { openatOrErrno, writeFile } from "../sys/file.ts";
import { sleepMs } from "../sys/time.ts";
import { walkDirectories } from "../sys/walk.ts";
import { isGone, isV2, readValue, writeValue } from "./files.ts";
import type { CgroupPath, CgroupPaths } from "./plan.ts";

/** v1's freezer; on a hybrid host, too. undefined: cgroups that cannot freeze. */
const freezerOf = (paths: CgroupPaths): CgroupPath | undefined =>
  paths.find(({ controllers }) => controllers.includes("freezer")) ?? paths.find(isV2);

/** The directory of the cgroup that freezes the container; undefined where none can. */
export const freezerDirectory = (paths: CgroupPaths): HostPath | undefined => freezerOf(paths)?.path;

/** True when the container itself was frozen; a frozen parent does not count. */
export function frozen(paths: CgroupPaths): boolean {
  const group = freezerOf(paths);
  if (group === undefined) return false;
  try {
    return readValue(`${group.path}/${isV2(group) ? "cgroup.freeze" : "freezer.self_freezing"}`) === "1";
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Returns when every process stands still. @throws HostError when they do not within ten seconds */
export function freezeCgroup(paths: CgroupPaths): void {
  const group = freezerOf(paths);
  if (group === undefined) throw new HostError("the container has no cgroup that can be frozen");
  if (isV2(group)) freezeV2(group.path);
  else freezeV1(group.path);
}

/** Does nothing when it is not frozen: nobody is in one that is gone. */
export function thawCgroup(paths: CgroupPaths): void {
  const group = freezerOf(paths);
  if (group === undefined) throw new HostError("the container has no cgroup that can be frozen");
  try {
    if (isV2(group)) writeValue(`${group.path}/cgroup.freeze`, "0");
    else writeValue(`${group.path}/freezer.state`, "THAWED");
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Thaws the container's group and those that it has made below: [kernel] what is frozen on v1 does not even die. Others may freeze them again meanwhile.
 */
export function thawAll(paths: CgroupPaths): void {
  const group = freezerOf(paths);
  if (group === undefined || isV2(group)) return;
  const top = openatOrErrno(null, group.path, O_RDONLY | O_DIRECTORY);
  if (top === ENOENT || top === ENODEV) return;
  if (typeof top === "number") throw new SysError("openat", top, group.path);
  walkDirectories(top, {
    before: (directory) => {
      try {
        writeFile(directory, "freezer.state", O_WRONLY, "THAWED");
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  });
}

const PATIENCE_MS = 10000;

function freezeV2(path: string): void {
  writeValue(`${path}/cgroup.freeze`, "1");
  let waited = 0;
  for (let pause = 0.1; !/^frozen 1$/m.test(readValue(`${path}/cgroup.events`)); pause = Math.min(pause * 2, 10)) {
    if (waited > PATIENCE_MS) throw new HostError(`the cgroup ${path} does not freeze`); // as asked it goes on freezing
    sleepMs(pause);
    waited += pause;
  }
}

const TRIES = 1000;

/**
 * [kernel] A v1 group stays FREEZING as long as processes appear in it; writing FROZEN again looks at them anew, and thawing
 * for a moment lets those go on that hold the others up.
 */
function freezeV1(path: string): void {
  const state = `${path}/freezer.state`;
  try {
    for (let tries = 1; tries <= TRIES; tries++) {
      if (tries % 50 === 0) {
        writeValue(state, "THAWED");
        sleepMs(10);
      }
      writeValue(state, "FROZEN");
      if (tries % 25 === 0) sleepMs(0.01);
      if (readValue(state) === "FROZEN") return;
    }
  } catch (error) {
    thawAgain(state);
    throw error;
  }
  thawAgain(state);
  throw new HostError(`the cgroup ${path} does not freeze`);
}

/** Half frozen is worse than not frozen. */
function thawAgain(state: string): void {
  try {
    writeValue(state, "THAWED");
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
