// Whether the namespaces can be made and joined, and take what is to be written in them: ids, clocks, names, sysctls. Tried in processes that end.

import { ESRCH } from "../../abi/errno.ts";
import { NSFS_MAGIC } from "../../abi/magic.ts";
import { O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { NS_GET_NSTYPE, NS_GET_PID_FROM_PIDNS } from "../../abi/nsfs.ts";
import { CLONE_NEWTIME, CLONE_NEWUSER } from "../../abi/sched.ts";
import { isErrno, SpecError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import { enter, openNamespace } from "../../namespaces/enter.ts";
import { namespaceFlags } from "../../namespaces/flags.ts";
import { setNames } from "../../namespaces/names.ts";
import type { NamespaceJoin } from "../../namespaces/plan.ts";
import type { ContainerPlan } from "../../runtime/plan/container.ts";
import type { HostFacts } from "../../spec/facts.ts";
import type { IDMapping, NamespaceType, Spec } from "../../spec/types.ts";
import { ioctl, openat, openatOrErrno, writeFile } from "../../sys/file.ts";
import { readdir } from "../../sys/directory.ts";
import { fileSystemType, fileTypeOrErrno } from "../../sys/stat.ts";
import { unshare } from "../../sys/process.ts";
import { refuseHostNetwork, writeSysctls } from "../../sysctl.ts";
import { attempt } from "../attempt.ts";
import {
  absence,
  errnoText,
  namespaceLimitFile,
  NAMESPACES,
  namespacesForbidden,
  ownIds,
  peek,
  type Range,
} from "../look.ts";
import type { Find } from "./find.ts";

export function checkNamespaces({ linux }: Spec, { euid }: HostFacts, find: Find): void {
  const inUser = linux.namespaces.some(({ type, path }) => type === "user" && path === undefined);
  for (const [i, { type, path }] of linux.namespaces.entries()) {
    const pointer = `/linux/namespaces/${i}`;
    if (absence(`/proc/self/ns/${NAMESPACES[type]}`) !== undefined)
      find("error", pointer, `this kernel has no ${type} namespaces`);
    else if (path === undefined) checkNew(type, inUser || euid !== 0, pointer, find);
    else {
      const problem = absence(path);
      if (problem !== undefined) find("error", `${pointer}/path`, `${path}: ${problem}`);
      else if (fileTypeOrErrno(path) >= 0 && fileSystemType(path) !== NSFS_MAGIC)
        find("error", `${pointer}/path`, `${path} is not a namespace`);
    }
  }
}

function checkNew(type: NamespaceType, inUser: boolean, pointer: string, find: Find): void {
  if (namespacesForbidden(type))
    return find("error", pointer, `this host allows no new ${type} namespaces`, {
      hint: `raise ${namespaceLimitFile(type)}`,
    });
  // A user namespace that cannot be made is said of itself, and not of those in it.
  const [refusal] = attempt(inUser && type !== "user" ? [CLONE_NEWUSER] : [], () => unshare(namespaceFlags[type]));
  if (refusal !== undefined)
    find("error", pointer, `a new ${type} namespace: ${errnoText(refusal.errno)}`, {
      hint: "new namespaces take CAP_SYS_ADMIN or a new user namespace, and what is around us may forbid them; `tsrun doctor` tells more",
    });
}

/** Those that are joined: each tried on its own, in a process that has joined the user namespace among them, which gives the right to the others. */
export function checkJoins({ namespaces }: ContainerPlan, find: Find): void {
  const joins = [...namespaces.parentJoins, ...namespaces.childJoins];
  const user = joins.find(({ type }) => type === "user");
  for (const join of joins) {
    if (absence(join.path) !== undefined || fileSystemType(join.path) !== NSFS_MAGIC) continue; // said before
    const kind = kindOf(join.path);
    if (kind !== undefined && kind !== join.type) {
      find("error", `${join.why}/path`, `${join.path} is not a ${join.type} namespace but a ${kind} one`);
      continue;
    }
    if (join.type === "pid" && isDead(join.path)) {
      find(
        "error",
        `${join.why}/path`,
        `${join.path} is a pid namespace whose first process has ended: nothing can be started in it any more`,
      );
      continue;
    }
    const [refusal] = attempt([], () => {
      for (const one of user === undefined || user === join ? [join] : [user, join]) joinOne(one);
    });
    if (refusal !== undefined)
      find("error", `${join.why}/path`, `${join.path}: ${errnoText(refusal.errno)}`, {
        hint: "joining takes CAP_SYS_ADMIN in the user namespace that owns it; our own user namespace cannot be joined",
      });
  }
}

function joinOne(join: NamespaceJoin): void {
  using file = openNamespace(join);
  enter(join, file);
}

const TYPES: readonly NamespaceType[] = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];

/** undefined: the kernel does not tell. */
function kindOf(path: string): NamespaceType | undefined {
  try {
    using file = openat(null, path, O_RDONLY | O_NONBLOCK);
    const kind = ioctl(file, "NS_GET_NSTYPE", NS_GET_NSTYPE, 0);
    return TYPES.find((type) => namespaceFlags[type] === kind);
  } catch {
    return undefined;
  }
}

/** [kernel] Since 6.11 a pid namespace says who is its process 1, who may have ended unreaped; before, nothing is known. @see ioctl_nsfs(2) */
function isDead(path: string): boolean {
  try {
    using file = openat(null, path, O_RDONLY | O_NONBLOCK);
    const first = ioctl(file, "NS_GET_PID_FROM_PIDNS", NS_GET_PID_FROM_PIDNS, 1);
    return /^State:\s*[ZX]/m.test(peek(`/proc/${first}/status`) ?? "");
  } catch (error) {
    return isErrno(error, ESRCH);
  }
}

export function checkMappings({ linux, process }: Spec, { euid }: HostFacts, find: Find): void {
  if (!linux.namespaces.some(({ type, path }) => type === "user" && path === undefined)) return;
  for (const [list, file, helper] of [
    ["uidMappings", "uid_map", "newuidmap"],
    ["gidMappings", "gid_map", "newgidmap"],
  ] as const) {
    const ours = ownIds(file);
    for (const [i, { hostID, size }] of linux[list].entries()) {
      if (ours.length > 0 && !covers(ours, hostID, hostID + size))
        find(
          "error",
          `/linux/${list}/${i}`,
          `not all of the ids ${hostID} to ${hostID + size - 1} exist here: see /proc/self/${file}`,
        );
    }
    if (euid !== 0 && linux[list].some(({ size }) => size > 1))
      find(
        "warning",
        `/linux/${list}`,
        `without root privileges more than one id takes ${helper}, and a range in /etc/sub${list.slice(0, 3)}`,
      );
  }
  if (process === undefined) return;
  const { uid, gid, additionalGids } = process.user;
  const unmapped = (mappings: readonly IDMapping[], id: number): boolean =>
    mappings.length > 0 && !mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
  const problem = "is not mapped in the container's user namespace";
  if (unmapped(linux.uidMappings, uid)) find("error", "/process/user/uid", problem);
  if (unmapped(linux.gidMappings, gid)) find("error", "/process/user/gid", problem);
  for (const [i, one] of additionalGids.entries())
    if (unmapped(linux.gidMappings, one)) find("error", `/process/user/additionalGids/${i}`, problem);
}

/** Whether these ranges together hold every id from `first` to before `end`. */
function covers(ranges: readonly Range[], first: number, end: number): boolean {
  let reached = first;
  for (const range of [...ranges].sort((a, b) => a.first - b.first))
    if (range.first <= reached) reached = Math.max(reached, range.end);
  return reached >= end;
}

/** Names, clocks and sysctls are written into new namespaces of the same kinds, which nobody else is in. */
export function checkWrites(plan: ContainerPlan, find: Find): void {
  const { namespaces, sysctls } = plan;
  const made = (type: NamespaceType): boolean => namespaces.created.some((one) => one.type === type);
  const inUser = made("user");
  if (made("uts"))
    for (const part of ["hostname", "domainname"] as const) {
      const name = namespaces[part];
      if (name === undefined) continue;
      const [refusal] = attempt([...(inUser ? [CLONE_NEWUSER] : []), namespaceFlags.uts], () =>
        setNames({ ...namespaces, hostname: undefined, domainname: undefined, [part]: name }),
      );
      if (refusal !== undefined)
        find("error", name.why, `${JSON.stringify(name.name)}: ${errnoText(refusal.errno)}`, {
          hint: "a name has at most 64 bytes",
        });
    }
  const { time } = namespaces;
  if (time !== undefined && time.offsets !== "") {
    const [refusal] = attempt([...(inUser ? [CLONE_NEWUSER] : []), CLONE_NEWTIME], () =>
      writeFile(null, "/proc/self/timens_offsets", O_WRONLY, time.offsets),
    );
    if (refusal !== undefined)
      find("error", time.why, `${time.offsets.trim().replaceAll("\n", ", ")}: ${errnoText(refusal.errno)}`, {
        hint: "a clock of the container must not be negative, nor near its end",
      });
  }
  for (const op of sysctls) {
    const path = `/proc/sys/${op.file}`;
    const type: NamespaceType | undefined = op.file.startsWith("net/")
      ? "network"
      : op.file.startsWith("user/")
        ? "user"
        : op.file === "kernel/domainname"
          ? "uts"
          : "ipc";
    if (absence(path) !== undefined) {
      // A network namespace has the sysctls of its own devices.
      find(type === "network" ? "warning" : "error", op.why, `${path}: no such sysctl`, { hint: sysctlMeant(op.file) });
      continue;
    }
    if (!made(type) || inUser) continue;
    const [refusal] = attempt([namespaceFlags[type]], () => writeSysctls([op]));
    if (refusal !== undefined)
      find("error", op.why, `${JSON.stringify(op.value)} in ${path}: ${errnoText(refusal.errno)}`, {
        hint: `here it is ${JSON.stringify(peek(path)?.trim() ?? "")}`,
      });
  }
  const network = [...namespaces.parentJoins, ...namespaces.childJoins].find(({ type }) => type === "network");
  if (network === undefined || absence(network.path) !== undefined) return;
  try {
    refuseHostNetwork(sysctls, network.path);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    for (const { pointer, problem } of error.violations) find("error", pointer, problem);
  }
}

/** The name beside it that is nearest. */
function sysctlMeant(file: string): string | undefined {
  const slash = file.lastIndexOf("/");
  const directory = openatOrErrno(null, `/proc/sys/${file.slice(0, slash)}`, O_RDONLY | O_DIRECTORY);
  if (typeof directory === "number") return undefined;
  using closed = directory;
  const found = nearest(file.slice(slash + 1), readdir(closed));
  return found === undefined ? undefined : `did you mean ${`${file.slice(0, slash)}/${found}`.replaceAll("/", ".")}?`;
}
