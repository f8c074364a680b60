// Turning our own init into the user's process: working directory, ids, capabilities. The order is the kernel's law.

import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
} from "../abi/prctl.ts";
import { EACCES, EEXIST, EINVAL, ENOENT, EPERM, EROFS } from "../abi/errno.ts";
import { S_IFIFO, S_IFMT } from "../abi/stat.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { capset, dropBoundingSet, setgid, setgroups, setuid } from "../sys/credentials.ts";
import { chdir, getcwd, mkdirat, umask } from "../sys/directory.ts";
import { fchown, fileTypeOrErrno, fstat, fstatat } from "../sys/stat.ts";
import { prctl } from "../sys/process.ts";
import type { ProcessPlan } from "./plan.ts";
import defer * as capabilityRefusal from "./capability-refusal.ts";

/** Creates the working directory where the image has none, as runc does. "/" is the container's root here. */
export function makeWorkingDirectory(plan: ProcessPlan): void {
  if (fileTypeOrErrno(plan.cwd) !== -ENOENT) return; // it is there, or the change of directory below tells. Not entered yet: /proc/self/fd has what is the host's
  let path = "";
  for (const part of plan.cwd.split("/").slice(1)) {
    path += `/${part}`;
    try {
      mkdirat(null, path, 0o755);
    } catch (error) {
      if (!isErrno(error, EEXIST)) throw new StepError("create the working directory", error, "/process/cwd");
    }
  }
}

/** @see prctl(2), PR_SET_NO_NEW_PRIVS */
export function setNoNewPrivileges(plan: ProcessPlan): void {
  if (plan.noNewPrivileges) prctl("PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1);
}

/** Hands our stdio to the container's user, who could not reopen /dev/stdout otherwise. */
export function giveStdio(plan: ProcessPlan): void {
  for (const fd of [0, 1, 2]) {
    const { uid, mode, rdev } = fstat(fd);
    if (uid === plan.uid) continue;
    if ((mode & 0o170000) === 0o020000 && rdev === 0x103) continue; // /dev/null is everybody's
    try {
      fchown(fd, plan.uid, -1);
    } catch (error) {
      if (!isErrno(error, EINVAL, EPERM, EROFS, EACCES)) throw error; // unmapped owner or a file that may not be changed: runc goes on as well
    }
  }
}

/**
 * Hands those of our standard streams that are pipes to the container's user: root of a user namespace may not, where their owner is not mapped.
 * Only pipes: whose file or terminal it is, it stays.
 * @param uid as we count
 */
export function givePipes(uid: number): void {
  for (const fd of [0, 1, 2]) {
    const { uid: owner, mode } = fstat(fd);
    if ((mode & S_IFMT) === S_IFIFO && owner !== uid) fchown(fd, uid, -1);
  }
}

/**
 * Drops to the plan's user, in the working directory. [kernel] The bounding set while CAP_SETPCAP is there; groups and gid before uid; PR_SET_KEEPCAPS, or the change
 * of uid empties the permitted set; the ambient set last, for it needs permitted and inheritable. @see capabilities(7)
 * @param groupsDenied the user namespace has given up setgroups(2)
 * @param mayMiss an errno with which the working directory may fail: then it is still to be entered, which the result tells by false
 */
export function becomeUser(plan: ProcessPlan, groupsDenied: boolean, mayMiss = 0): boolean {
  const { bounding, effective, permitted, inheritable, ambient, last } = plan.capabilities;
  let entered = changeDirectory(plan, EACCES, mayMiss); // as root where root may, or below as the user where only the user may (NFS root_squash)
  dropBoundingSet(bounding, last);
  prctl("PR_SET_KEEPCAPS", PR_SET_KEEPCAPS, 1);
  if (!groupsDenied && !plan.keepsGroups) setgroups(plan.additionalGids);
  setgid(plan.gid);
  setuid(plan.uid);
  entered ||= changeDirectory(plan, mayMiss);
  umask(plan.umask);
  try {
    capset({ effective, permitted, inheritable });
  } catch (error) {
    throw capabilityRefusal.refusedCapabilities(error, plan.capabilities);
  }
  prctl("PR_SET_KEEPCAPS", PR_SET_KEEPCAPS, 0);
  prctl("PR_CAP_AMBIENT_CLEAR_ALL", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (let capability = 0, rest = ambient; rest !== 0n; capability++, rest >>= 1n)
    if (rest & 1n) prctl(`PR_CAP_AMBIENT_RAISE ${capability}`, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
  return entered;
}

/**
 * [cve] CVE-2024-21626: a working directory outside the container's root must not be entered, whatever its path says.
 * @param allowed errnos with which it may fail @returns false when it has
 */
export function changeDirectory(plan: ProcessPlan, ...allowed: readonly number[]): boolean {
  try {
    chdir(plan.cwd);
    if (!isInsideRoot())
      throw new HostError(
        "current working directory is outside of container mount namespace root -- possible container breakout detected",
      );
    return true;
  } catch (error) {
    if (isErrno(error, ...allowed)) return false;
    throw new StepError("change to the working directory", error, plan.cwdWhy);
  }
}

/** A profile that is in force already may forbid getcwd(2), which tells at once. */
function isInsideRoot(): boolean {
  try {
    return getcwd().startsWith("/");
  } catch (error) {
    if (isErrno(error, ENOENT)) throw error; // a directory that has been removed
    return leadsToRoot();
  }
}

/** Whether the way up ends in the root of ours. Only there, and in the root of all that is outside, is ".." the directory itself. */
function leadsToRoot(): boolean {
  const root = fstatat(null, "/");
  let here = fstatat(null, ".");
  for (let path = ".."; ; path += "/..") {
    if (here.dev === root.dev && here.ino === root.ino) return true;
    const above = fstatat(null, path);
    if (above.dev === here.dev && above.ino === here.ino) return false;
    here = above;
  }
}
