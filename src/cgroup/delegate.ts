// Hands a v2 cgroup over to the container that manages it (config-linux.md, "Cgroup ownership").

import { ENOENT } from "../abi/errno.ts";
import { isErrno, StepError } from "../base/errors.ts";
import { readFileIfThere } from "../sys/file.ts";
import { fchownat } from "../sys/stat.ts";
import { isV2 } from "./files.ts";
import type { CgroupPaths } from "./plan.ts";

/** [kernel] What is safe to give away is listed since 4.15. @see cgroups(7), Delegation */
const LIST = "/sys/kernel/cgroup/delegate";
const BEFORE_THE_LIST = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

/** @param owner as our own user namespace counts */
export function delegateCgroup(paths: CgroupPaths, owner: number): void {
  const files = (readFileIfThere(null, LIST) ?? BEFORE_THE_LIST).split("\n").filter(Boolean);
  for (const { path } of paths.filter(isV2)) {
    try {
      fchownat(null, path, owner, -1);
      for (const file of files) chownIfThere(`${path}/${file}`, owner);
    } catch (error) {
      throw new StepError(`hand ${path} over to uid ${owner}`, error, "/linux/cgroupsPath");
    }
  }
}

/** Most of the files belong to controllers that the cgroup may not have. */
function chownIfThere(path: string, owner: number): void {
  try {
    fchownat(null, path, owner, -1);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error;
  }
}
