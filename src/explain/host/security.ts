// Whether security modules and seccomp can do what is asked of them.

import { EACCES } from "../../abi/errno.ts";
import { S_IFSOCK } from "../../abi/stat.ts";
import { nearest } from "../../base/nearest.ts";
import type { HostFacts } from "../../spec/facts.ts";
import type { SeccompAction, Spec } from "../../spec/types.ts";
import { fileTypeOrErrno } from "../../sys/stat.ts";
import { seccomp_syscall_resolve_name, seccomp_version } from "../../sys/libseccomp.ts";
import { ACTIONS, errnoText, peek, seccompActions } from "../look.ts";
import type { Find } from "./find.ts";
import defer * as syscallTable from "../../abi/syscall_table.ts";

export function checkSecurityModules({ linux, process }: Spec, { lsm }: HostFacts, find: Find): void {
  const profile = process?.apparmorProfile;
  const label = process?.selinuxLabel;
  if ((profile === undefined || profile === "unconfined") && label === undefined && linux.mountLabel === undefined)
    return;
  const { apparmor, selinux } = lsm;
  const pointer = "/process/apparmorProfile";
  if (profile !== undefined && profile !== "unconfined") {
    const loaded = peek("/sys/kernel/security/apparmor/profiles")
      ?.split("\n")
      .map((line) => line.replace(/ \([a-z]+\)$/, ""));
    if (!apparmor) find("error", pointer, "AppArmor is not enabled on this host");
    else if (loaded !== undefined && !profile.includes("//") && !loaded.includes(profile))
      find("error", pointer, `no profile ${JSON.stringify(profile)} is loaded`, {
        hint: "apparmor_parser -r FILE loads one",
      });
  }
  if (selinux) return;
  if (label !== undefined) find("error", "/process/selinuxLabel", "SELinux is not enabled on this host");
  if (linux.mountLabel !== undefined) find("error", "/linux/mountLabel", "SELinux is not enabled on this host");
}

export function checkSeccomp({ linux: { seccomp } }: Spec, find: Find): void {
  if (seccomp === undefined) return;
  const available = seccompActions();
  if (available === undefined)
    find(
      "warning",
      "/linux/seccomp",
      "this kernel does not tell what it can do with seccomp (since Linux 4.14 it does)",
    );
  const check = (pointer: string, action: SeccompAction): void => {
    if (available?.includes(ACTIONS[action]) === false) find("error", pointer, `this kernel cannot do ${action}`);
  };
  check("/linux/seccomp/defaultAction", seccomp.defaultAction);
  let version: string;
  try {
    version = seccomp_version();
  } catch {
    return; // the filter could not be made: that was said
  }
  for (const [i, { names, action }] of seccomp.syscalls.entries()) {
    check(`/linux/seccomp/syscalls/${i}/action`, action);
    const unknown = names.filter((name) => seccomp_syscall_resolve_name(name) === undefined);
    if (unknown.length === 0) continue;
    const meant = unknown.flatMap((name) => nearest(name, callNames()) ?? []);
    find(
      "warning",
      `/linux/seccomp/syscalls/${i}/names`,
      `libseccomp ${version} knows no system call ${unknown.join(", ")}: no rule is made for it`,
      { hint: meant.length === 0 ? undefined : `did you mean ${meant.join(", ")}?` },
    );
  }
  const { listenerPath } = seccomp;
  if (listenerPath === undefined || !seccomp.syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY")) return;
  const type = fileTypeOrErrno(listenerPath);
  if (type !== S_IFSOCK && type !== -EACCES)
    find(
      "warning",
      "/linux/seccomp/listenerPath",
      `${listenerPath}: ${type < 0 ? errnoText(-type) : "is not a socket"}`,
      { hint: "the seccomp agent must listen there before the container is created" },
    );
}

const callNames = (): readonly string[] => Object.keys(syscallTable.SYSCALLS);
