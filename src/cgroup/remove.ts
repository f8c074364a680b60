// Taking cgroups away. A cgroup is busy for an instant after its last process has ended.

import { AT_REMOVEDIR, O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { EBUSY, ENODEV, ENOENT, ENOTEMPTY } from "../abi/errno.ts";
import type { HostPath } from "../base/brand.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import type { At } from "../sys/fd.ts";
import { openatOrErrno } from "../sys/file.ts";
import { unlinkat } from "../sys/directory.ts";
import { sleepMs } from "../sys/time.ts";
import { walkDirectories } from "../sys/walk.ts";
import type { CgroupPaths } from "./plan.ts";

const FIRST_PAUSE_MS = 0.1;
const PATIENCE_MS = 2000;

/**
 * Removes the groups that were made and every group below them, but none above. What is gone already is well.
 * @throws HostError when one stays busy: it has processes
 */
export function removeCgroup(paths: CgroupPaths): void {
  removeAll(paths.flatMap(({ path, found }) => (found ? [] : [path])));
}

/** Removes directories that were made in this order; one that somebody else has moved into meanwhile stays. */
export function removeMade(made: readonly HostPath[]): void {
  // Only what has nothing of ours below it is a container's group and worth waiting for.
  const leaves = made.filter((path) => !made.some((other) => other.startsWith(`${path}/`)));
  removeAll(leaves);
  for (const path of made.toReversed()) if (!leaves.includes(path)) removeDirectory(null, path);
}

/** One that cannot be removed does not keep the others. */
function removeAll(paths: readonly HostPath[]): void {
  const failures: unknown[] = [];
  const isLeft = (path: HostPath): boolean => {
    try {
      return !removeTree(path);
    } catch (error) {
      failures.push(error);
      return false;
    }
  };
  let left: readonly HostPath[] = paths.filter(isLeft);
  let waited = 0;
  for (let pause = FIRST_PAUSE_MS; left.length > 0 && waited <= PATIENCE_MS; pause *= 2) {
    sleepMs(pause);
    waited += pause;
    left = left.filter(isLeft);
  }
  if (failures.length > 0) throw failures[0];
  if (left.length > 0) throw new HostError(`cannot remove the cgroup ${left.join(", ")}: it is still in use`);
}

/** False while it is busy. */
function removeTree(path: string): boolean {
  if (removeDirectory(null, path)) return true;
  const top = openatOrErrno(null, path, O_RDONLY | O_DIRECTORY);
  if (top === ENOENT || top === ENODEV) return true;
  if (typeof top === "number") throw new SysError("openat", top, path);
  walkDirectories(top, { after: removeDirectory });
  return removeDirectory(null, path);
}

function removeDirectory(above: At, name: string): boolean {
  try {
    unlinkat(above, name, AT_REMOVEDIR);
    return true;
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return true; // ENODEV: somebody else is removing the one above
    if (isErrno(error, EBUSY, ENOTEMPTY)) return false;
    throw error;
  }
}
