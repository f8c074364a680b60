// The child's way into a user namespace, from the clone until it is root in there.
//
// [kernel] Before its id is mapped a process is nobody in the namespace, though it has every capability there: it makes no file. On the host it is
// still who we are, so what belongs to us is opened before, and what it makes of its own after.
// [cve] CVE-2016-9962: no process of a namespace that is joined may look into us. The kernel asks those for CAP_SYS_PTRACE over the user
// namespace that tsrun was started in, as long as we are not dumpable.

import { CLONE_NEWTIME, CLONE_PARENT } from "../abi/sched.ts";
import { O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { EINVAL, ENOENT, EPERM } from "../abi/errno.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import type { HostPid } from "../base/brand.ts";
import { setgid, setgroups, setuid } from "../sys/credentials.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, readFile, writeAll, writeFile } from "../sys/file.ts";
import { utf8 } from "../sys/memory.ts";
import { clone3, setns, unshare } from "../sys/process.ts";
import { enter, openNamespace } from "./enter.ts";
import type { NamespaceJoin, NamespacePlan } from "./plan.ts";
import type { IdMap, UserPlan } from "./user-plan.ts";

/** Who has come out on the other side of a joined user namespace, as its parent must know it. */
export type Born = { readonly pid: HostPid; readonly uidMap: string; readonly gidMap: string };

/**
 * Joins the namespaces, and forks into the new ones, which the user namespace is to own. Only the fork returns; it is a child of our parent.
 *
 * [kernel] Our own rights join what lies outside of the user namespace, those in it what lies inside: what is refused before is tried again after.
 * @param offsets from openTimeOffsets
 * @param tell is called in the process between, which ends then
 * @returns whether the user namespace has given up setgroups(2)
 */
export function joinUserNamespace(
  plan: NamespacePlan,
  offsets: Fd | undefined,
  tell: (born: Born) => void,
  end: () => never,
): boolean {
  const opened = plan.childJoins.map((entry) => ({ entry, file: openNamespace(entry) }));
  const user = opened.find(({ entry }) => entry.type === "user");
  if (user === undefined) throw new Error("there is no user namespace to join");
  const others = opened.filter((one) => one !== user);
  // The mount namespace takes /proc away, and with it the maps that are read below.
  const later = others.filter(({ entry, file }) => entry.type === "mount" || !isEntered(file, entry));
  enter(user.entry, user.file);
  const uidMap = readFile(null, "/proc/self/uid_map", 4096);
  const gidMap = readFile(null, "/proc/self/gid_map", 4096);
  const denied = readFile(null, "/proc/self/setgroups", 16).startsWith("deny");
  if (plan.time?.by === "init") makeTimeNamespace(plan.time, offsets); // the fork enters it
  for (const { entry, file } of later) enter(entry, file);
  for (const { file } of opened) file[Symbol.dispose]();
  const child = clone3(plan.cloneFlags + CLONE_PARENT);
  if (child === undefined) return denied;
  tell({ pid: child.pid, uidMap, gidMap });
  end();
}

function isEntered(file: Fd, entry: NamespaceJoin): boolean {
  try {
    enter(entry, file);
    return true;
  } catch (error) {
    if (error instanceof StepError && isErrno(error.cause, EPERM)) return false;
    throw error;
  }
}

/** The maps that a process may write for itself. */
export function mapOwnIds({ uids, gids, denySetgroups }: UserPlan): void {
  if (gids.by === "init") {
    if (denySetgroups) writeSetgroups("self");
    writeMap(gids, "self");
  }
  if (uids.by === "init") writeMap(uids, "self");
}

/** [kernel] Since 3.19 an unprivileged process gives setgroups(2) up before it maps a group. Older ones have no such file. */
export function writeSetgroups(pid: HostPid | "self"): void {
  try {
    writeFile(null, `/proc/${pid}/setgroups`, O_WRONLY, "deny");
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw new StepError("give up setgroups", error, "/linux/gidMappings");
  }
}

export function writeMap({ file, text, why }: IdMap, pid: HostPid | "self"): void {
  try {
    writeFile(null, `/proc/${pid}/${file}`, O_WRONLY, text);
  } catch (error) {
    throw new StepError(`write ${file} ${JSON.stringify(text.trim())}`, error, why);
  }
}

/** [kernel] A file of /proc is its process's own until that changes its ids; what was opened before stays writable. */
export function openTimeOffsets({ time }: NamespacePlan): Fd | undefined {
  return time?.by === "init" && time.offsets !== "" ? openat(null, "/proc/self/timens_offsets", O_WRONLY) : undefined;
}

/** A time namespace that the new user namespace owns. [kernel] setns(2) takes who makes it into it as well, which unshare(2) does not. */
export function enterTimeNamespace({ time }: NamespacePlan, offsets: Fd | undefined): void {
  if (time?.by !== "init") return;
  makeTimeNamespace(time, offsets);
  using own = openat(null, "/proc/self/ns/time_for_children", O_RDONLY);
  setns(own, CLONE_NEWTIME, "the new time namespace");
}

function makeTimeNamespace(time: NonNullable<NamespacePlan["time"]>, offsets: Fd | undefined): void {
  unshare(CLONE_NEWTIME);
  try {
    if (offsets !== undefined) writeAll(offsets, utf8(time.offsets), "/proc/self/timens_offsets");
  } catch (error) {
    throw new StepError("write time offsets", error, time.why);
  }
}

/** Root of the user namespace that we are in, and member of no group but its. @param denied groups cannot be given up */
export function becomeRoot(denied: boolean): void {
  try {
    setgid(0);
    setuid(0);
  } catch (error) {
    if (isErrno(error, EINVAL)) throw new HostError("the user namespace does not map its root (uid 0 and gid 0)");
    throw error;
  }
  if (!denied) setgroups([]);
}

/** What root of the user namespace has to make. */
export function unshareInside({ inside }: UserPlan): void {
  if (inside !== 0) unshare(inside);
}
