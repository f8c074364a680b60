// What `validate --host` and `doctor` both look for on a host. Nothing is changed; what we may not look at is not there for us.

import { EACCES, EPERM } from "../abi/errno.ts";
import type { NamespaceType, SeccompAction } from "../spec/types.ts";
import { readFileIfThere } from "../sys/file.ts";
import { fileTypeOrErrno } from "../sys/stat.ts";
import defer * as errnoTable from "../abi/errno_table.ts";

/** A file of the kernel; undefined when it is not there or not for us. */
export function peek(path: string): string | undefined {
  try {
    return readFileIfThere(null, path);
  } catch {
    return undefined;
  }
}

export const errnoText = (errno: number): string => errnoTable.ERRNO[errno]?.[1] ?? `errno ${errno}`;

/** Why there is nothing at `path`; undefined when there is something, or when we may not look. */
export function absence(path: string): string | undefined {
  const type = fileTypeOrErrno(path);
  return type >= 0 || type === -EACCES || type === -EPERM ? undefined : errnoText(-type);
}

/** As /proc/PID/ns and /proc/sys/user call them. */
export const NAMESPACES: { readonly [type in NamespaceType]: string } = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  user: "user",
  cgroup: "cgroup",
  time: "time",
};

export const namespaceLimitFile = (type: NamespaceType): string => `/proc/sys/user/max_${NAMESPACES[type]}_namespaces`;

/** A kernel that has them, and lets no new ones be made. */
export const namespacesForbidden = (type: NamespaceType): boolean => peek(namespaceLimitFile(type))?.trim() === "0";

/** As /proc/sys/kernel/seccomp/actions_avail calls them. */
export const ACTIONS: { readonly [name in SeccompAction]: string } = {
  SCMP_ACT_KILL: "kill_thread",
  SCMP_ACT_KILL_PROCESS: "kill_process",
  SCMP_ACT_KILL_THREAD: "kill_thread",
  SCMP_ACT_TRAP: "trap",
  SCMP_ACT_ERRNO: "errno",
  SCMP_ACT_TRACE: "trace",
  SCMP_ACT_ALLOW: "allow",
  SCMP_ACT_LOG: "log",
  SCMP_ACT_NOTIFY: "user_notif",
};

/** undefined: the kernel does not tell. */
export const seccompActions = (): readonly string[] | undefined =>
  peek("/proc/sys/kernel/seccomp/actions_avail")?.trim().split(" ");

/** File systems that the kernel has at present; undefined: it does not tell. */
export const fileSystems = (): readonly string[] | undefined =>
  peek("/proc/filesystems")
    ?.split("\n")
    .map((line) => line.slice(line.indexOf("\t") + 1));

export type Range = { readonly first: number; readonly end: number };

/** The ids that exist in our user namespace. */
export function ownIds(file: "uid_map" | "gid_map"): readonly Range[] {
  return (peek(`/proc/self/${file}`) ?? "").split("\n").flatMap((line) => {
    const [first = NaN, , count = NaN] = line.trim().split(/\s+/).map(Number);
    return Number.isFinite(count) ? [{ first, end: first + count }] : [];
  });
}

/** A set of our own capabilities as /proc/self/status has it; none when it does not tell. @see capabilities(7) */
export const ownCapabilities = (set: "CapInh" | "CapPrm" | "CapEff" | "CapBnd"): bigint =>
  BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(peek("/proc/self/status") ?? "")?.[1] ?? "0"}`);
