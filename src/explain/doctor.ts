// `tsrun doctor`: what this host and this user can do and cannot, whatever config.json asks for, and what would change each "no".
// Namespaces are tried, in a process that ends at once: sysctls, security modules and the engine around us may all say no, and only the kernel knows.

import { EINVAL, ENOSPC, ENOSYS, EPERM, EUSERS } from "../abi/errno.ts";
import { CLONE_NEWNS, CLONE_NEWUSER } from "../abi/sched.ts";
import {
  SYS_clone3,
  SYS_close_range,
  SYS_faccessat2,
  SYS_fsopen,
  SYS_getxattr,
  SYS_mount_setattr,
  SYS_openat2,
  SYS_pidfd_getfd,
  SYS_pidfd_open,
  SYS_seccomp,
} from "../abi/syscall.ts";
import { RDTGROUP_SUPER_MAGIC } from "../abi/magic.ts";
import { S_IFREG, S_ISUID } from "../abi/stat.ts";
import { W_OK, X_OK } from "../abi/unistd.ts";
import { passwdEntry } from "../base/passwd.ts";
import { namespaceFlags } from "../namespaces/flags.ts";
import { PATH_WITHOUT_ANY } from "../namespaces/idmap.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { NamespaceType } from "../spec/types.ts";
import { accessErrno, fileSystemType, fileTypeOrErrno, fstatat } from "../sys/stat.ts";
import { host } from "../sys/host.ts";
import { seccomp_version } from "../sys/libseccomp.ts";
import { clone3, exit_group, unshare, waitPidfd } from "../sys/process.ts";
import { resetChildSignal } from "../sys/signal.ts";
import { isOldKernel, OLDEST_KERNEL } from "../sys/uname.ts";
import { SysError } from "../base/errors.ts";
import {
  ACTIONS,
  errnoText,
  fileSystems,
  namespaceLimitFile,
  NAMESPACES,
  namespacesForbidden,
  ownIds,
  absence,
  peek,
  seccompActions,
} from "./look.ts";

export type Check = {
  readonly topic: string;
  readonly what: string;
  /** "limited": less than there could be. */
  readonly can: "yes" | "limited" | "no";
  /** No container at all can be run without it. */
  readonly needed: boolean;
  readonly detail?: string;
  /** The command or the file that would change it. */
  readonly change?: string;
};

export type Examined = {
  readonly user: number;
  readonly kernel: string;
  readonly runs: boolean;
  readonly checks: readonly Check[];
};

export type Surroundings = {
  /** Where the state of containers is kept; undefined: nowhere. */
  readonly root: string | undefined;
  readonly path: string;
  /** $XDG_RUNTIME_DIR and $DBUS_SESSION_BUS_ADDRESS. */
  readonly runtimeDirectory: string;
  readonly sessionBus: string;
};

/** Looks at everything. */
export function examineHost(facts: HostFacts, around: Surroundings): Examined {
  const checks: Check[] = [];
  const tell: Tell =
    (topic) =>
    (what, can, { needed = false, detail, change } = {}) =>
      void checks.push({
        topic,
        what,
        can: can === true ? "yes" : can === false ? "no" : can,
        needed,
        ...(detail !== undefined && { detail }),
        ...(change !== undefined && can !== true && { change }),
      });
  resetChildSignal();
  checkKernel(tell("kernel"));
  checkUser(facts, around, tell("user"));
  checkNamespaces(facts, tell("namespaces"));
  if (facts.euid !== 0) checkIds(facts, around, tell("ids"));
  else checkOwnIds(tell("ids"));
  checkCgroups(facts, around, tell("cgroups"));
  checkFileSystems(facts, tell("file systems"));
  checkSecurity(facts, tell("security"));
  return {
    user: facts.euid,
    kernel: peek("/proc/sys/kernel/osrelease")?.trim() ?? "unknown",
    runs: checks.every(({ needed, can }) => !needed || can !== "no"),
    checks,
  };
}

type Told = (
  what: string,
  can: boolean | "limited",
  more?: { readonly needed?: boolean; readonly detail?: string; readonly change?: string | undefined },
) => void;
type Tell = (topic: string) => Told;

/** System calls by the Linux that brought them. */
const CALLS: readonly (readonly [name: string, nr: number, since: string, needed: boolean, without: string])[] = [
  ["clone3", SYS_clone3, "5.3", true, "no container can be made"],
  ["pidfd_open", SYS_pidfd_open, "5.3", true, "no process can be held on to"],
  ["openat2", SYS_openat2, "5.6", false, "paths in containers are walked name by name, which takes longer"],
  ["fsopen", SYS_fsopen, "5.2", true, "no mount can be moved into place"],
  ["pidfd_getfd", SYS_pidfd_getfd, "5.6", false, "no seccomp agent can be used"],
  ["faccessat2", SYS_faccessat2, "5.8", false, "whether a program may be executed is seen only when it is"],
  ["close_range", SYS_close_range, "5.9", false, "descriptors are closed one by one"],
  ["mount_setattr", SYS_mount_setattr, "5.12", false, "no id-mapped mounts and no recursive mount options such as rro"],
];

const MINUS_ONE = 0xffff_ffff;

function checkKernel(tell: Told): void {
  tell(`Linux ${OLDEST_KERNEL} or newer`, !isOldKernel(), { needed: true, change: "a newer kernel" });
  for (const [name, nr, since, needed, without] of CALLS) {
    const errno = -host.syscall(nr, MINUS_ONE, null, MINUS_ONE, MINUS_ONE, MINUS_ONE, 0); // wrong on purpose: a call that is there says so
    const hidden = errno === ENOSYS || (errno === EPERM && filtered());
    tell(name, !hidden, {
      needed,
      ...(hidden && { detail: without, change: filtered() ? OUTER_FILTER : `Linux ${since} or newer` }),
    });
  }
}

const OUTER_FILTER = "the seccomp profile that the engine around us has put on us";

/** A filter is on ourselves. */
const filtered = (): boolean => status("Seccomp") === "2";

const status = (name: string): string | undefined =>
  new RegExp(`^${name}:\\s*(.*)$`, "m").exec(peek("/proc/self/status") ?? "")?.[1];

const has = (set: "CapEff" | "CapBnd", capability: string): boolean =>
  (BigInt(`0x${status(set) ?? "0"}`) & (1n << BigInt(capabilityNames.indexOf(capability)))) !== 0n;

/** What root uses of its rights in nearly every container. */
const CAPABILITIES: readonly string[] = [
  "SYS_ADMIN",
  "SETUID",
  "SETGID",
  "SETPCAP",
  "SYS_CHROOT",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "KILL",
  "MKNOD",
  "NET_ADMIN",
  "SYS_RESOURCE",
  "SYS_PTRACE",
];

function checkUser({ euid }: HostFacts, { root }: Surroundings, tell: Told): void {
  if (euid === 0) {
    const missing = CAPABILITIES.filter((name) => !has("CapEff", name));
    tell("root's capabilities", missing.length === 0 ? true : missing.includes("SYS_ADMIN") ? false : "limited", {
      ...(missing.length > 0 && { detail: `without ${missing.map((name) => `CAP_${name}`).join(", ")}` }),
      change: "the engine around us must give them (--privileged, or --cap-add of each)",
    });
  }
  const problem = root === undefined ? "XDG_RUNTIME_DIR is not set" : writable(root);
  tell("a place for the state of containers", problem === undefined, {
    needed: true,
    detail: problem === undefined ? (root ?? "") : `${root ?? ""}${root === undefined ? "" : ": "}${problem}`,
    change: "set XDG_RUNTIME_DIR to a directory of yours, or pass --root",
  });
}

/** Why nothing can be made at `path`, or the nearest directory above it that is there; undefined when something can. */
function writable(path: string): string | undefined {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    if (fileTypeOrErrno(at) < 0 && at !== "/") continue;
    const errno = accessErrno(at, W_OK);
    return errno === 0 || errno === ENOSYS ? undefined : errnoText(errno);
  }
}

const TYPES: readonly NamespaceType[] = ["user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"];

function checkNamespaces({ euid }: HostFacts, tell: Told): void {
  const user = attempt(CLONE_NEWUSER);
  const outer = euid === 0 && attempt(CLONE_NEWNS) === 0 ? [] : [CLONE_NEWUSER];
  for (const type of TYPES) {
    const errno = type === "user" ? user : attempt(...outer, namespaceFlags[type]);
    const needed = type === "mount" || (type === "user" && outer.length > 0);
    const can = errno === 0;
    tell(`new ${type} namespaces`, can, { needed, ...(!can && whyNoNamespace(type, errno, outer.length > 0, user)) });
  }
  if (outer.length === 0 && user === 0) return;
  tell(
    "a user namespace in which we have all rights",
    outer.length > 0 ? attempt(CLONE_NEWUSER, CLONE_NEWNS) === 0 : false,
    { needed: outer.length > 0, change: whyNoNamespace("user", user || EPERM, true, user).change },
  );
}

/** Makes the namespaces one after the other in a process that ends; 0, or the errno. */
function attempt(...flags: readonly number[]): number {
  const child = clone3(0);
  if (child === undefined) {
    try {
      for (const flag of flags) unshare(flag);
    } catch (error) {
      exit_group(error instanceof SysError ? error.errno : 255);
    }
    exit_group(0);
  }
  using pidfd = child.pidfd;
  const ending = waitPidfd(pidfd);
  return ending.kind === "exited" ? ending.status : EPERM;
}

function whyNoNamespace(
  type: NamespaceType,
  errno: number,
  nested: boolean,
  user: number,
): { readonly detail: string; readonly change?: string } {
  const detail = errnoText(errno);
  if (absence(`/proc/self/ns/${NAMESPACES[type]}`) !== undefined)
    return {
      detail: "this kernel has none",
      change: `a kernel built with CONFIG_${type === "network" ? "NET" : type === "mount" ? "NAMESPACES" : type.toUpperCase()}_NS`,
    };
  if (namespacesForbidden(type))
    return {
      detail: `${namespaceLimitFile(type)} is 0`,
      change: `sysctl user.max_${NAMESPACES[type]}_namespaces=15000`,
    };
  if (errno === ENOSPC || errno === EUSERS)
    return {
      detail: `${detail}: as many as there may be are in use, or they are nested more than 32 deep`,
      change: `sysctl user.max_${NAMESPACES[type]}_namespaces=NUMBER`,
    };
  if (errno === EINVAL) return { detail };
  if (nested && user !== 0 && type !== "user") return { detail: "it takes a user namespace first" };
  if (nested || type === "user") {
    if (peek("/proc/sys/kernel/unprivileged_userns_clone")?.trim() === "0")
      return { detail: "kernel.unprivileged_userns_clone is 0", change: "sysctl kernel.unprivileged_userns_clone=1" };
    if (peek("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() === "1") {
      return {
        detail: "AppArmor lets no user namespace have rights (kernel.apparmor_restrict_unprivileged_userns is 1)",
        change:
          'sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile in /etc/apparmor.d that says "userns," for tsrun',
      };
    }
    if (type === "user" && status("Seccomp") !== "2" && peek("/proc/self/mountinfo")?.includes(" / / ") !== true)
      return { detail: `${detail}: processes in a chroot may not make one` };
  }
  if (filtered()) return { detail, change: OUTER_FILTER };
  return { detail, change: "CAP_SYS_ADMIN, or a user namespace" };
}

function checkOwnIds(tell: Told): void {
  for (const [what, file] of [
    ["user ids", "uid_map"],
    ["group ids", "gid_map"],
  ] as const) {
    const count = ownIds(file).reduce((sum, { first, end }) => sum + end - first, 0);
    tell(`${what} for containers`, count > 1 ? (count < 65536 ? "limited" : true) : false, {
      detail: `${count} exist here`,
      change: `the engine around us must map more (/proc/self/${file})`,
    });
  }
}

function checkIds({ euid }: HostFacts, { path }: Surroundings, tell: Told): void {
  const name = passwdEntry(peek("/etc/passwd") ?? "", euid)?.name;
  for (const [what, file, helper, capability] of [
    ["user ids", "/etc/subuid", "newuidmap", "SETUID"],
    ["group ids", "/etc/subgid", "newgidmap", "SETGID"],
  ] as const) {
    const count = subordinates(peek(file) ?? "", name, euid);
    tell(`${what} beside our own`, count > 0 ? (count < 65536 ? "limited" : true) : false, {
      detail: `${count} in ${file}`,
      change: `usermod --add-sub${what === "user ids" ? "uids" : "gids"} 100000-165535 ${name ?? euid}`,
    });
    const found = (path || PATH_WITHOUT_ANY)
      .split(":")
      .map((directory) => `${directory}/${helper}`)
      .find((file) => fileTypeOrErrno(file) === S_IFREG && accessErrno(file, X_OK) === 0);
    const allowed =
      found !== undefined &&
      ((fstatat(null, found).mode & S_ISUID) !== 0 ||
        host.syscall(SYS_getxattr, found, "security.capability", null, 0) > 0);
    const [taken, give] =
      status("NoNewPrivs") === "1"
        ? ["no_new_privs is set on us", "without no_new_privs"]
        : has("CapBnd", capability)
          ? []
          : [`our bounding set lacks CAP_${capability}`, `with CAP_${capability} in its bounding set`];
    tell(helper, allowed && taken === undefined, {
      detail:
        found === undefined
          ? "not installed: only our own id can be mapped"
          : taken !== undefined
            ? `${found} cannot gain its rights: ${taken}`
            : allowed
              ? found
              : `${found} has neither the setuid bit nor CAP_${capability}`,
      change:
        found === undefined
          ? "apt install uidmap (elsewhere: shadow-utils)"
          : give === undefined
            ? `chmod u+s ${found}`
            : `start tsrun ${give}`,
    });
  }
}

/** @see subuid(5) */
const subordinates = (text: string, name: string | undefined, uid: number): number =>
  text.split("\n").reduce((sum, line) => {
    const [owner, , count] = line.split(":");
    return owner !== undefined && count !== undefined && (owner === name || owner === String(uid))
      ? sum + Number(count)
      : sum;
  }, 0);

const CONTROLLERS = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma"] as const;
const V1_NAMES: { readonly [name: string]: string } = { io: "blkio" };

function checkCgroups({ euid, cgroups }: HostFacts, around: Surroundings, tell: Told): void {
  if (cgroups.mode === "none")
    return tell("cgroups", false, {
      needed: euid === 0,
      detail: "no cgroup file system is mounted on /sys/fs/cgroup",
      change: "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    });
  const own =
    cgroups.mode === "v2"
      ? `${cgroups.mountPoint}${cgroups.own === "/" ? "" : cgroups.own}`
      : `${cgroups.hierarchies[0]?.mountPoint ?? ""}`;
  const errno = accessErrno(own, W_OK);
  const systemd = absence("/run/systemd/system") === undefined;
  const delegation = howToDelegate(cgroups.mode, own, systemd);
  tell(`cgroups, ${cgroups.mode}`, errno === 0 || errno === ENOSYS, {
    detail: errno === 0 ? own : `${own}: ${errnoText(errno)}`,
    change: euid !== 0 ? delegation : "/sys/fs/cgroup must be mounted writable: the engine around us decides",
  });
  const handed = errno === 0 || errno === ENOSYS || cgroups.mode === "v2"; // v2 is handed on by a group of its own
  const controllers =
    cgroups.mode === "v2"
      ? (peek(`${own}/cgroup.controllers`)?.trim().split(" ") ?? cgroups.controllers)
      : cgroups.hierarchies.flatMap(({ controllers }) => controllers);
  for (const name of CONTROLLERS) {
    const there = controllers.includes(cgroups.mode === "v2" ? name : (V1_NAMES[name] ?? name));
    const known =
      new RegExp(`^${cgroups.mode === "v2" ? name : (V1_NAMES[name] ?? name)}\\s+\\d+\\s+\\d+\\s+1$`, "m").test(
        peek("/proc/cgroups") ?? "",
      ) ||
      (cgroups.mode === "v2" && cgroups.controllers.includes(name));
    tell(`limits of ${name}`, there && handed, {
      change: !known
        ? `a kernel with this controller, and ${name === "memory" ? "cgroup_enable=memory" : "no cgroup_disable of it"} on its command line`
        : cgroups.mode === "v1"
          ? howOnV1(name, there || euid !== 0, delegation)
          : euid === 0
            ? `write "+${name}" to cgroup.subtree_control of the cgroups above ${own}`
            : systemd
              ? `Delegate=${name} for user@.service (systemctl edit user@.service)`
              : delegation,
    });
  }
  tellSystemd(euid, around, systemd, tell);
}

function howToDelegate(mode: "v1" | "v2", own: string, systemd: boolean): string {
  if (mode === "v1")
    return `cgroup v1 cannot be handed to users: boot with ${systemd ? "systemd.unified_cgroup_hierarchy=1" : "cgroup_no_v1=all, and mount cgroup2 on /sys/fs/cgroup"}`;
  if (systemd)
    return "systemd-run --user --scope -p Delegate=yes, or Delegate=yes for user@.service (systemctl edit user@.service)";
  return `as root: chown USER ${own} ${own}/cgroup.procs ${own}/cgroup.subtree_control ${own}/cgroup.threads`;
}

function tellSystemd(euid: number, { runtimeDirectory, sessionBus }: Surroundings, systemd: boolean, tell: Told): void {
  const what = "cgroups made by systemd (--systemd-cgroup)";
  if (!systemd)
    return tell(what, false, {
      detail: "systemd is not running here",
      change: "a host whose pid 1 is systemd; without --systemd-cgroup none is needed",
    });
  const session =
    euid === 0 ||
    sessionBus !== "" ||
    ["systemd/private", "bus"].some((socket) => absence(`${runtimeDirectory}/${socket}`) === undefined);
  tell(what, session, {
    ...(!session && {
      detail: "neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS leads to a systemd of the user's",
    }),
    change: `log in (su alone makes no session), or loginctl enable-linger and export XDG_RUNTIME_DIR=/run/user/${euid}`,
  });
}

const howOnV1 = (name: string, there: boolean, delegation: string): string =>
  there
    ? delegation
    : `mkdir /sys/fs/cgroup/${V1_NAMES[name] ?? name} && mount -t cgroup -o ${V1_NAMES[name] ?? name} cgroup /sys/fs/cgroup/${V1_NAMES[name] ?? name}`;

/** What config.json commonly mounts. */
const FILE_SYSTEMS: readonly (readonly [name: string, change: string])[] = [
  ["proc", "a kernel with CONFIG_PROC_FS"],
  ["sysfs", "a kernel with CONFIG_SYSFS"],
  ["tmpfs", "a kernel with CONFIG_TMPFS"],
  ["devpts", "a kernel with CONFIG_UNIX98_PTYS"],
  ["mqueue", "a kernel with CONFIG_POSIX_MQUEUE"],
  ["overlay", "modprobe overlay"],
  ["fuse", "modprobe fuse"],
];

function checkFileSystems({ mountApi }: HostFacts, tell: Told): void {
  const known = fileSystems();
  for (const [name, change] of FILE_SYSTEMS) if (known !== undefined) tell(name, known.includes(name), { change });
  tell("id-mapped mounts", mountApi === "mount_setattr", { change: "Linux 5.12 or newer" });
  const covered = (peek("/proc/self/mountinfo") ?? "")
    .split("\n")
    .flatMap((line) => /^\S+ \S+ \S+ \S+ (\/proc\/\S+) /.exec(line)?.[1] ?? []);
  tell("a procfs in a user namespace", covered.length === 0 ? true : "limited", {
    ...(covered.length > 0 && {
      detail: `${covered[0]} and ${covered.length - 1} more are mounted over: the kernel then lets no user namespace mount proc`,
    }),
    change: "the engine around us must not mask /proc (docker: --security-opt systempaths=unconfined)",
  });
  tell("Intel RDT, AMD QoS (resctrl)", fileSystemType("/sys/fs/resctrl") === RDTGROUP_SUPER_MAGIC, {
    change: "mount -t resctrl resctrl /sys/fs/resctrl, on a machine that has it",
  });
}

function checkSecurity({ euid, lsm: { apparmor, selinux } }: HostFacts, tell: Told): void {
  tell("AppArmor profiles", apparmor, { change: "boot with apparmor=1 security=apparmor, on a kernel that has it" });
  tell("SELinux labels", selinux, { change: "boot with selinux=1 security=selinux, and load a policy" });
  const actions = seccompActions();
  const filters = -host.syscall(SYS_seccomp, MINUS_ONE, 0, null) !== ENOSYS;
  tell("seccomp filters", filters, { change: "a kernel with CONFIG_SECCOMP_FILTER" });
  const missing = actions === undefined ? [] : Object.values(ACTIONS).filter((action) => !actions.includes(action));
  if (filters)
    tell("every action of a filter", missing.length === 0 ? true : "limited", {
      ...(missing.length > 0 && { detail: `without ${missing.join(", ")}` }),
      change: "a newer kernel",
    });
  const version = libseccomp();
  tell("libseccomp, which compiles profiles", version !== undefined, {
    ...(version !== undefined && { detail: version }),
    change: "a tsrun that was built with libseccomp",
  });
  const noexec = Number(peek("/proc/sys/vm/memfd_noexec") ?? 0);
  const hidden = "hiding our own program from containers (CVE-2019-5736)";
  // The file is there with the option that lets who is not root do it.
  if (noexec < 2 && euid !== 0 && absence("/proc/self/timers") !== undefined)
    tell(hidden, false, {
      detail: "this kernel lets only root do it",
      change:
        "a kernel with CONFIG_CHECKPOINT_RESTORE; or let root own the program, which then no container of yours can write",
    });
  else
    tell(hidden, noexec < 2, {
      ...(noexec >= 2 && { detail: "vm.memfd_noexec is 2" }),
      change: "sysctl vm.memfd_noexec=1",
    });
}

function libseccomp(): string | undefined {
  try {
    return seccomp_version();
  } catch {
    return undefined;
  }
}

/** For people: a line each, by topic. */
export function doctorText({ user, kernel, runs, checks }: Examined): string {
  const width = 9;
  const lines: string[] = [`Linux ${kernel}, as ${user === 0 ? "root" : `user ${user}`}`];
  let topic = "";
  for (const check of checks) {
    if (check.topic !== topic) lines.push("", check.topic);
    topic = check.topic;
    const detail = check.detail === undefined || check.detail === "" ? "" : `: ${check.detail}`;
    lines.push(
      `  ${check.can.padEnd(width)}${check.what}${detail}${check.change === undefined ? "" : ` — ${check.change}`}`,
    );
  }
  const blocked = checks.filter(({ needed, can }) => needed && can === "no").map(({ what }) => what);
  return [
    ...lines,
    "",
    runs ? "Containers can be run here." : `No container can be run here without: ${blocked.join(", ")}.`,
    "",
  ].join("\n");
}
