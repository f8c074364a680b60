// The security modules that a config.json may name: AppArmor's profile and SELinux's label of the program to come, and SELinux's label of the
// session keyring. Loaded on demand. The label of mounts is data of the rootfs room; here it is only refused where there is no SELinux.
//
// [cve] CVE-2025-52881: what is written to a path that the container chose may be written to something else. So the files of /proc are opened
// by the child as its first act, while "/" is still that of whoever called us, below a /proc that is verified to be procfs's root and without
// following a link; they are written through these descriptors when it is time. The container's own /proc plays no part, and need not be there.
// [kernel] A process can write these attributes of itself only, and they take effect at its next execve, or at that of a child: hooks of the
// host must have run before.

import { ENOENT, ENOTDIR } from "./abi/errno.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from "./abi/fcntl.ts";
import { PROC_SUPER_MAGIC, SELINUX_MAGIC } from "./abi/magic.ts";
import { HostError, isErrno, SpecError, StepError } from "./base/errors.ts";
import type { LsmFacts } from "./spec/facts.ts";
import type { Process, Spec } from "./spec/types.ts";
import { openBeneath } from "./sys/beneath.ts";
import type { Fd } from "./sys/fd.ts";
import { openat, readAll, readFileIfThere, writeAll } from "./sys/file.ts";
import { readlinkat } from "./sys/directory.ts";
import { fileSystemType, fstat, fstatfs } from "./sys/stat.ts";
import { host } from "./sys/host.ts";
import { utf8 } from "./sys/memory.ts";

export type LsmPlan = {
  readonly apparmor: { readonly command: string; readonly why: string } | undefined;
  readonly selinux: { readonly label: string; readonly why: string } | undefined;
};

const NO_SELINUX = "selinux label is specified in config, but selinux is disabled or not supported"; // runc's words

/** @throws SpecError for what this host's kernel cannot enforce: going on would run an unconfined container that was asked to be confined */
export function planLsm(
  { linux }: Spec,
  { apparmorProfile: profile, selinuxLabel: label, noNewPrivileges }: Process,
  facts: LsmFacts,
): LsmPlan {
  const refused = [
    ...(profile === undefined || profile === "unconfined" || facts.apparmor
      ? []
      : [{ pointer: "/process/apparmorProfile", problem: "apparmor: config provided but apparmor not supported" }]),
    ...(label === undefined || facts.selinux ? [] : [{ pointer: "/process/selinuxLabel", problem: NO_SELINUX }]),
    ...(linux.mountLabel === undefined || facts.selinux ? [] : [{ pointer: "/linux/mountLabel", problem: NO_SELINUX }]),
  ];
  if (refused.length > 0) throw new SpecError(refused);
  // [kernel] Who is confined and has no_new_privs may only add a profile to its own, not change to it.
  const verb = facts.confined && noNewPrivileges ? "stack" : "exec";
  return {
    apparmor:
      profile === undefined || !facts.apparmor
        ? undefined
        : { command: `${verb} ${profile}`, why: "/process/apparmorProfile" },
    selinux: label === undefined ? undefined : { label, why: "/process/selinuxLabel" },
  };
}

/** Asks the kernel. Only for a config.json that names one of them. */
export function probeLsm(): LsmFacts {
  const apparmor = readFileIfThere(null, "/sys/module/apparmor/parameters/enabled")?.startsWith("Y") ?? false;
  // Until a policy is loaded every process has the label "kernel": then SELinux decides nothing.
  const selinux = fileSystemType("/sys/fs/selinux") === SELINUX_MAGIC && current("attr/current") !== "kernel";
  return {
    apparmor,
    confined: apparmor && !/^unconfined\b/.test(current("attr/apparmor/current", "attr/current")),
    selinux,
  };
}

function current(...paths: readonly string[]): string {
  using file = openAttribute(paths, O_RDONLY).file;
  return host.decode(readAll(file, 256)).replace(/[\0\n].*$/s, "");
}

/** A file of /proc/self that is open, and how it is called: podman looks for the name in backquotes in errors. */
type AttributeFile = { readonly file: Fd; readonly name: string };

/** What the child holds between its first act and the writing. */
export type LsmAttributes = {
  readonly apparmor: AttributeFile | undefined;
  readonly selinux: AttributeFile | undefined;
  /** One to set the label of keys to come, one to set it back: [kernel] each takes one write. */
  readonly keys: readonly [AttributeFile, AttributeFile] | undefined;
};

/** In the child, before it joins any namespace. Closed by the functions that write them. */
export function openLsmAttributes(plan: LsmPlan): LsmAttributes {
  const keys = (): AttributeFile => openAttribute(["attr/keycreate"], O_WRONLY);
  return {
    apparmor: plan.apparmor && openAttribute(["attr/apparmor/exec", "attr/exec"], O_WRONLY), // the first since Linux 5.1: other modules may own the second
    selinux: plan.selinux && openAttribute(["attr/exec"], O_WRONLY),
    keys: plan.selinux && [keys(), keys()],
  };
}

/** Runs `join`, which makes the session keyring, so that the keyring has the process's label: else the container could not search it. */
export function withKeyLabel(plan: LsmPlan, { keys }: LsmAttributes, join: () => void): void {
  if (plan.selinux === undefined || keys === undefined) return join();
  set("label the session keyring", keys[0], plan.selinux.label, plan.selinux.why);
  join();
  set("label the session keyring", keys[1], "\n", plan.selinux.why);
}

/** AppArmor: after the names are set, before /proc is masked (the order of runc). @throws StepError with ENOENT when no such profile is loaded, EACCES when ours forbids the change */
export function applyProfile(plan: LsmPlan, { apparmor }: LsmAttributes): void {
  if (plan.apparmor !== undefined && apparmor !== undefined)
    set("apply AppArmor profile", apparmor, plan.apparmor.command, plan.apparmor.why);
}

/** SELinux: when nothing but becoming the user is left. @throws StepError with EINVAL when the policy has no such label */
export function applyLabel(plan: LsmPlan, { selinux }: LsmAttributes): void {
  if (plan.selinux !== undefined && selinux !== undefined)
    set("set SELinux label", selinux, plan.selinux.label, plan.selinux.why);
}

function set(step: string, { file, name }: AttributeFile, text: string, why: string): void {
  using closed = file;
  try {
    writeAll(closed, utf8(text), `${JSON.stringify(text)} to ${name}`);
  } catch (error) {
    throw new StepError(step, error, why);
  }
}

const PROC_ROOT_INODE = 1n;

/** The first of these files of ours that the kernel has. */
function openAttribute(paths: readonly string[], flags: number): AttributeFile {
  using proc = openat(null, "/proc", O_PATH | O_DIRECTORY);
  if (fstatfs(proc).type !== PROC_SUPER_MAGIC || fstat(proc).ino !== PROC_ROOT_INODE)
    throw new HostError("/proc is not the root of a procfs");
  const self = readlinkat(proc, "self"); // a pid of the namespace that this procfs shows, which need not be that of getpid
  for (const path of paths) {
    const last = path === paths.at(-1);
    try {
      const file = openBeneath(proc, `${self}/${path}`, flags);
      return { file, name: `\`/proc/self/${path}\`` };
    } catch (error) {
      if (last || !isErrno(error, ENOENT, ENOTDIR)) throw error;
    }
  }
  throw new HostError("no security attribute was asked for");
}
