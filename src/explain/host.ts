// `tsrun validate --host`: whether this host can do what a config.json asks. Looks, and changes nothing; what it may not look at, it passes over.
// Most refusals are the plan's own. The rest are those that `create` would hear from the kernel, said beforehand and all at once.

import { EACCES, ENOSYS, EPERM } from "../abi/errno.ts";
import { O_DIRECTORY, O_PATH } from "../abi/fcntl.ts";
import { NSFS_MAGIC, RDTGROUP_SUPER_MAGIC } from "../abi/magic.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../abi/openat2.ts";
import { S_IFDIR, S_IFMT, S_IFSOCK } from "../abi/stat.ts";
import { X_OK } from "../abi/unistd.ts";
import { HostError, SpecError, StepError, SysError } from "../base/errors.ts";
import { escapePointer } from "../base/json.ts";
import { join, resolve } from "../base/path.ts";
import { probeLsm } from "../lsm.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import { compile, decodeProgram } from "../seccomp/compile.ts";
import type { SeccompPlan } from "../seccomp/plan.ts";
import { type Finding, Remainder } from "../spec/examine.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { IDMapping, SeccompAction, Spec } from "../spec/types.ts";
import { accessErrno, fileSystemType, fileTypeOrErrno, fstat, openat2OrErrno, openatOrErrno } from "../sys/file.ts";
import type { Fd } from "../sys/fd.ts";
import { seccomp_syscall_resolve_name, seccomp_version } from "../sys/libseccomp.ts";
import {
  absence,
  ACTIONS,
  errnoText,
  fileSystems,
  namespaceLimitFile,
  NAMESPACES,
  namespacesForbidden,
  ownIds,
  peek,
  seccompActions,
  type Range,
} from "./look.ts";

export type HostQuestion = {
  /** config.json, as the schema accepted it. */
  readonly json: unknown;
  readonly spec: Spec;
  readonly bundle: string;
  readonly facts: HostFacts;
  /** What the document itself was found to have. */
  readonly found: readonly Finding[];
  /** Plans what is left of the document; undefined when that breaks the schema. */
  readonly plan: (json: unknown) => ContainerPlan | undefined;
};

/** What of this host stands in the way. */
export function hostFindings(question: HostQuestion): readonly Finding[] {
  const findings = planFindings(question);
  const refused = new Set(
    [...question.found, ...findings].flatMap(({ level, pointer }) => (level === "error" ? [pointer] : [])),
  );
  const { spec, bundle, facts } = question;
  const rootfs = resolve(bundle, spec.root.path);
  const find: Find = (level, pointer, problem, hint) => {
    if (!refused.has(pointer)) findings.push({ level, pointer, problem, ...(hint !== undefined && { hint }) });
  };
  checkUser(spec, facts, find);
  checkMounts(spec, bundle, find);
  checkNamespaces(spec, find);
  checkMappings(spec, facts, find);
  checkCapabilities(spec, facts, find);
  checkSecurityModules(spec, find);
  checkSeccomp(spec, find);
  checkDevices(spec, find);
  checkSysctls(spec, find);
  checkOthers(spec, find);
  using root = openRoot(rootfs, find);
  checkHooks(spec, root, find);
  if (root !== undefined) checkProgram(spec, root, find);
  return findings;
}

type Find = (level: Finding["level"], pointer: string, problem: string, hint?: string) => void;

/** All that the plan refuses: a plan says no once, so what it refused is taken out and the rest is planned again. */
function planFindings({ json, found, plan }: HostQuestion): Finding[] {
  const findings: Finding[] = [];
  const rest = new Remainder(json);
  const refuse = (pointers: readonly string[]): boolean =>
    // Without its namespaces it would be another container, of which nothing is worth saying.
    !pointers.some((pointer) => pointer.startsWith("/linux/namespaces")) &&
    pointers.filter((pointer) => rest.remove(pointer)).length > 0;
  const broken = found.filter(({ level }) => level === "error").map(({ pointer }) => pointer);
  if (broken.length > 0 && !refuse(broken)) return findings;
  for (;;) {
    try {
      const made = plan(rest.json);
      if (made !== undefined)
        findings.push(
          ...planWarnings(made).map((finding) => ({ ...finding, pointer: rest.original(finding.pointer) })),
        );
      return findings;
    } catch (error) {
      const refused = errorFindings(error).map((finding) => ({ ...finding, pointer: rest.original(finding.pointer) }));
      findings.push(...refused);
      if (!refuse(refused.map(({ pointer }) => pointer))) return findings;
    }
  }
}

function planWarnings({ cgroup, seccomp, warnings }: ContainerPlan): Finding[] {
  const findings = cgroup.ignored.map(({ why, problem }): Finding => ({ level: "warning", pointer: why, problem }));
  for (const warning of warnings)
    if (!/^ignoring .*capabilities/.test(warning)) findings.push(pointed("warning", warning)); // those are named one by one
  if (cgroup.mode === "none" && !cgroup.mayDoWithout)
    findings.push({
      level: "error",
      pointer: "",
      problem: "no cgroup file system is mounted on /sys/fs/cgroup: the container could reach every device",
    });
  return seccomp === undefined ? findings : [...findings, ...filterFindings(seccomp)];
}

/** Whether libseccomp can make a filter of it. */
function filterFindings(plan: SeccompPlan): readonly Finding[] {
  try {
    if (plan.program === undefined) compile(plan, undefined);
    else decodeProgram(plan.program);
    return [];
  } catch (error) {
    return errorFindings(error, plan.why);
  }
}

/** @throws what is no refusal but a mistake of ours */
function errorFindings(error: unknown, why: string = ""): readonly Finding[] {
  if (error instanceof SpecError)
    return error.violations.map(({ pointer, problem }) => ({ level: "error", pointer, problem }));
  if (error instanceof StepError) return errorFindings(error.cause, error.why ?? why);
  if (error instanceof HostError) return [pointed("error", error.message, why)];
  if (error instanceof SysError)
    return [
      {
        level: "error",
        pointer: pointerOf(why),
        problem: `${error.syscall} ${error.detail}: ${errnoText(error.errno)}`,
      },
    ];
  throw error;
}

/** A message of a plan says at its start what it is about. */
function pointed(level: Finding["level"], message: string, why: string = ""): Finding {
  const [, pointer, problem] = /^(\/\S*): (.*)$/s.exec(message) ?? [];
  return { level, pointer: pointer ?? pointerOf(why), problem: problem ?? message };
}

/** A part of a plan may be there by default, or for a flag: neither is in config.json. */
const pointerOf = (why: string): string => (why.startsWith("/") ? why : "");

function checkUser(spec: Spec, { euid }: HostFacts, find: Find): void {
  if (euid === 0) return;
  find("warning", "", `looked at as user ${euid}: what root can do here is not seen`);
  if (!spec.linux.namespaces.some(({ type }) => type === "user"))
    find("warning", "/linux/namespaces", "without root privileges a container needs a user namespace");
}

function openRoot(rootfs: string, find: Find): Fd | undefined {
  const type = fileTypeOrErrno(rootfs);
  if (type >= 0 && type !== S_IFDIR) find("error", "/root/path", `${rootfs} is not a directory`);
  const problem = absence(rootfs);
  if (problem !== undefined) find("error", "/root/path", `${rootfs}: ${problem}`);
  const root = type === S_IFDIR ? openatOrErrno(null, rootfs, O_PATH | O_DIRECTORY) : -type;
  return typeof root === "number" ? undefined : root;
}

const isBind = (type: string | undefined, options: readonly string[]): boolean =>
  type === "bind" || options.includes("bind") || options.includes("rbind");

function checkMounts({ mounts }: Spec, bundle: string, find: Find): void {
  const known = fileSystems();
  for (const [i, { type, source, options }] of mounts.entries()) {
    if (isBind(type, options)) {
      const path = source === undefined ? undefined : resolve(bundle, source);
      const problem = path === undefined || options.includes("remount") ? undefined : absence(path);
      if (problem !== undefined) find("error", `/mounts/${i}/source`, `${path}: ${problem}`);
    } else if (type !== undefined && type !== "none" && !type.startsWith("cgroup") && known?.includes(type) === false) {
      find(
        "warning",
        `/mounts/${i}/type`,
        `this kernel has no file system ${JSON.stringify(type)} at present`,
        `modprobe ${type} may bring it`,
      );
    }
  }
}

function checkNamespaces({ linux }: Spec, find: Find): void {
  for (const [i, { type, path }] of linux.namespaces.entries()) {
    const pointer = `/linux/namespaces/${i}`;
    const name = NAMESPACES[type];
    if (absence(`/proc/self/ns/${name}`) !== undefined) find("error", pointer, `this kernel has no ${type} namespaces`);
    else if (path === undefined) {
      if (namespacesForbidden(type))
        find("error", pointer, `this host allows no new ${type} namespaces`, `raise ${namespaceLimitFile(type)}`);
    } else {
      const problem = absence(path);
      if (problem !== undefined) find("error", `${pointer}/path`, `${path}: ${problem}`);
      else if (fileTypeOrErrno(path) >= 0 && fileSystemType(path) !== NSFS_MAGIC)
        find("error", `${pointer}/path`, `${path} is not a namespace`);
    }
  }
}

function checkMappings({ linux, process }: Spec, { euid }: HostFacts, find: Find): void {
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

function checkCapabilities({ process }: Spec, { lastCapability }: HostFacts, find: Find): void {
  const seen = new Set<string>();
  for (const [set, names] of Object.entries(process?.capabilities ?? {})) {
    for (const [i, name] of names.entries()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const number = capabilityNames.indexOf(name.replace(/^CAP_/, ""));
      if (number < 0)
        find("warning", `/process/capabilities/${set}/${i}`, `there is no capability ${name}: it is ignored`);
      else if (number > lastCapability)
        find("warning", `/process/capabilities/${set}/${i}`, `this kernel does not know ${name}: it is ignored`);
    }
  }
  const { permitted = [], inheritable = [], ambient = [] } = process?.capabilities ?? {};
  for (const [i, name] of ambient.entries()) {
    if (!permitted.includes(name) || !inheritable.includes(name))
      find(
        "warning",
        `/process/capabilities/ambient/${i}`,
        `${name} is ignored: it is not both permitted and inheritable`,
      );
  }
}

function checkSecurityModules({ linux, process }: Spec, find: Find): void {
  const profile = process?.apparmorProfile;
  const label = process?.selinuxLabel;
  if ((profile === undefined || profile === "unconfined") && label === undefined && linux.mountLabel === undefined)
    return;
  const { apparmor, selinux } = probeLsm();
  const pointer = "/process/apparmorProfile";
  if (profile !== undefined && profile !== "unconfined") {
    const loaded = peek("/sys/kernel/security/apparmor/profiles")
      ?.split("\n")
      .map((line) => line.replace(/ \([a-z]+\)$/, ""));
    if (!apparmor) find("error", pointer, "AppArmor is not enabled on this host");
    else if (loaded !== undefined && !profile.includes("//") && !loaded.includes(profile))
      find("error", pointer, `no profile ${JSON.stringify(profile)} is loaded`, "apparmor_parser -r FILE loads one");
  }
  if (selinux) return;
  if (label !== undefined) find("error", "/process/selinuxLabel", "SELinux is not enabled on this host");
  if (linux.mountLabel !== undefined) find("error", "/linux/mountLabel", "SELinux is not enabled on this host");
}

function checkSeccomp({ linux: { seccomp } }: Spec, find: Find): void {
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
    if (unknown.length > 0)
      find(
        "warning",
        `/linux/seccomp/syscalls/${i}/names`,
        `libseccomp ${version} knows no system call ${unknown.join(", ")}: no rule is made for it`,
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
      "the seccomp agent must listen there before the container is created",
    );
}

/** Each line of /proc/devices is a number and the name of the driver that has it. */
function checkDevices({ linux: { devices } }: Spec, find: Find): void {
  const [characters, blocks] = devices.length === 0 ? [] : (peek("/proc/devices")?.split("Block devices:") ?? []);
  for (const [i, { type, path, major, minor }] of devices.entries()) {
    const drivers = type === "b" ? blocks : type === "p" ? undefined : characters;
    if (drivers === undefined || new RegExp(`^ *${major} `, "m").test(drivers)) continue;
    find(
      "warning",
      `/linux/devices/${i}`,
      `no driver of this host has ${type === "b" ? "block" : "character"} device ${major}:${minor} (${path})`,
    );
  }
}

function checkSysctls({ linux: { sysctl } }: Spec, find: Find): void {
  for (const key of Object.keys(sysctl)) {
    const file = /^[^./]*\//.test(key) ? key : key.replace(/[./]/g, (c) => (c === "." ? "/" : ".")); // the first separator decides, as in the plan
    const path = `/proc/sys/${file}`;
    if (absence(path) === undefined) continue;
    // A network namespace has the sysctls of its own devices.
    find(
      file.startsWith("net/") ? "warning" : "error",
      `/linux/sysctl/${escapePointer(key)}`,
      `${path}: no such sysctl`,
    );
  }
}

function checkOthers({ linux }: Spec, find: Find): void {
  for (const name of Object.keys(linux.netDevices)) {
    if (absence(`/sys/class/net/${name}`) !== undefined)
      find("error", `/linux/netDevices/${escapePointer(name)}`, `this host has no network device ${name}`);
  }
  if (linux.intelRdt !== undefined && fileSystemType("/sys/fs/resctrl") !== RDTGROUP_SUPER_MAGIC)
    find("error", "/linux/intelRdt", "no resctrl file system is mounted on /sys/fs/resctrl");
  for (const [i, { pageSize }] of linux.resources.hugepageLimits.entries()) {
    const [, count, unit] = /^([0-9]+)([KMG])B$/.exec(pageSize) ?? [];
    const kilobytes = Number(count) * (unit === "G" ? 1024 * 1024 : unit === "M" ? 1024 : 1);
    if (absence(`/sys/kernel/mm/hugepages/hugepages-${kilobytes}kB`) !== undefined)
      find("error", `/linux/resources/hugepageLimits/${i}/pageSize`, `this kernel has no pages of ${pageSize}`);
  }
}

function checkHooks({ hooks }: Spec, root: Fd | undefined, find: Find): void {
  for (const [kind, list] of Object.entries(hooks)) {
    for (const [i, { path }] of list.entries()) {
      const pointer = `/hooks/${kind}/${i}/path`;
      if (kind === "startContainer") {
        // [spec] This one is a program of the container.
        const problem = root === undefined ? undefined : whyNotInside(root, path);
        if (problem !== undefined)
          find("warning", pointer, `${path}, in the root file system: ${problem}`, "unless a mount brings it");
        continue;
      }
      const type = fileTypeOrErrno(path);
      if (type < 0) find("error", pointer, `${path}: ${errnoText(-type)}`);
      else if (type === S_IFDIR) find("error", pointer, `${path} is a directory`);
      else if (accessErrno(path, X_OK) === EACCES) find("error", pointer, `${path} is not executable`);
    }
  }
}

const CANNOT_TELL: ReadonlySet<number> = new Set([EACCES, EPERM, ENOSYS]);

/** Why `path` cannot be run by a process that has `root` as "/"; undefined when it can, or when we cannot tell. */
function whyNotInside(root: Fd, path: string): string | undefined {
  const file = openat2OrErrno(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (typeof file === "number") return CANNOT_TELL.has(file) ? undefined : errnoText(file);
  using closed = file;
  const { mode } = fstat(closed);
  if ((mode & S_IFMT) === S_IFDIR) return "is a directory";
  return (mode & 0o111) === 0 ? "is not executable" : undefined;
}

function checkProgram({ process, mounts, hooks }: Spec, root: Fd, find: Find): void {
  const name = process?.args[0];
  if (process === undefined || name === undefined || name === "") return;
  const PATH = process.env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
  const candidates = name.includes("/")
    ? [resolve(process.cwd, name)]
    : PATH.split(":").map((directory) => resolve(process.cwd, join(directory || ".", name)));
  const problems = candidates.map((path) => whyNotInside(root, path));
  if (problems.includes(undefined)) return;
  // What is mounted over the image, or put into it by a hook, may bring the program.
  const certain =
    hooks.prestart.length + hooks.createRuntime.length + hooks.createContainer.length === 0 &&
    mounts.every(
      ({ type, destination, options }) =>
        (type !== undefined && EMPTY.has(type) && !isBind(type, options)) ||
        /^\/(etc|proc|sys|dev)(\/|$)/.test(destination),
    );
  const where = name.includes("/")
    ? `: ${problems[0]}`
    : PATH === ""
      ? ": there is no PATH in /process/env"
      : `: not found in ${PATH}`;
  find(
    certain ? "error" : "warning",
    "/process/args/0",
    `${JSON.stringify(name)}, in the root file system${where}`,
    certain ? undefined : "unless a mount or a hook brings it",
  );
}

/** File systems that hold no programs. */
const EMPTY: ReadonlySet<string> = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "bpf"]);
