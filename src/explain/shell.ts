// `tsrun plan --shell`: the plan as a shell script of unshare, mount, pivot_root, ip and echo, for people who want to see a container being made
// by hand. For what a shell can express the process inside sees what it would see under tsrun; a test compares. What a shell cannot
// express is said in a comment at its step, and the script does not run without it unless it is told to.

import { deviceLine, EVERY_DEVICE } from "../cgroup/device-rules.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import type { Hook, State, Status } from "../spec/types.ts";
import { mountCommands, propagationWord, readonlyCommands, restrictCommands } from "./shell-mounts.ts";
import { quoted } from "./shell-words.ts";
import { planSteps, type PlanStep } from "./steps.ts";
import type { ContainerStep } from "../runtime/steps.ts";
import { unreachable } from "../base/errors.ts";

/** Commands of a step; a text instead says why there are none, and that the container is another without. */
export type ShellStep = readonly string[] | { readonly left: string };

export function explainShell(plan: ContainerPlan): string {
  const steps = planSteps(plan).filter(({ acts }) => acts.length > 0);
  const shown = steps.map((step, i) => ({ ...step, number: i + 1, commands: commandsOf(plan, step.step) }));
  const left = [
    ...leftOut(plan),
    ...shown.flatMap(({ step, commands }) => ("left" in commands ? [`${step}: ${commands.left}`] : [])),
  ];
  const outside = shown.filter(({ process, step }) => process === "runtime" && !INSIDE.includes(step));
  const inside = shown.filter(({ process, step }) => process !== "runtime" || INSIDE.includes(step));
  const text = (list: typeof shown): string => list.map((step) => stepText(step)).join("\n");
  return [
    `#!/bin/sh\n# Container ${oneLine(plan.id)}, made of ${oneLine(plan.bundle)} by a shell. "tsrun plan" says the same in words.\n# It needs root, util-linux, coreutils and iproute2 with glibc. It follows links of the image as they come: run it for images that you trust.\n`,
    leftText(left),
    "set -eu\n# Nothing is remembered: there is no state for later commands, and no start without this.\n",
    text(outside.filter(({ step }) => step !== "clone into namespaces")),
    "\n# What init does, the container's first process.\ninit=$(cat <<'INIT'\n",
    prologue(plan),
    text(inside),
    "INIT\n)\n",
    text(outside.filter(({ step }) => step === "clone into namespaces")),
    cleanUp(plan),
  ].join("\n");
}

/** Steps of the runtime that a shell does from inside: it has no hand on another process. */
const INSIDE: readonly ContainerStep[] = ["set rlimits", "set oom score", "run hooks of the runtime"];

function stepText({
  number,
  step,
  acts,
  commands,
}: PlanStep & { readonly number: number; readonly commands: ShellStep }): string {
  const said = acts.map(({ text, why }) => `#    ${oneLine(text)}  [${oneLine(why)}]`);
  const done = "left" in commands ? [`# LEFT OUT: ${commands.left}`] : commands;
  return [`# ${number}. ${step}`, ...said, ...done, ""].join("\n");
}

/** A comment must not end by what stands in config.json. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, " ");

function leftText(left: readonly string[]): string {
  if (left.length === 0) return "";
  return [
    `# A shell cannot do all of it. Left out:`,
    ...left.map((line) => `#   ${oneLine(line)}`),
    `[ "\${1-}" = --anyway ] || { echo ${quoted(`this script leaves out: ${left.join("; ")}. With --anyway it runs without`)} >&2; exit 1; }`,
    "",
  ].join("\n");
}

/** What no step shows. */
function leftOut({ rootfs, namespaces, process, cgroup, hooks }: ContainerPlan): readonly string[] {
  const parts: string[] = [];
  if (
    cgroup.mode === "v2" &&
    cgroup.driver === "cgroupfs" &&
    cgroup.devices !== undefined &&
    !(cgroup.devices.allow && cgroup.devices.exceptions.length === 0)
  )
    parts.push("device rules of cgroup v2, which are a BPF program");
  if (rootfs.pivot.kind !== "pivot_root")
    parts.push(`the change of root by ${rootfs.pivot.kind}: this script does pivot_root`);
  if (rootfs.propagation === undefined) parts.push("a container in the host's mount namespace");
  if (
    namespaces.created.some(({ type }) => type === "user") ||
    namespaces.childJoins.some(({ type }) => type === "user")
  )
    parts.push("the user namespace");
  if (/[^0\n] [1-9]\d*$/m.test(namespaces.time?.offsets ?? "")) parts.push("nanoseconds of the time namespace");
  if (!hooks.poststop.every(isExpressible)) parts.push(`poststop ${NAMED_HOOKS}`);
  if (process.args[0]?.includes("=")) parts.push("a program with = in its name");
  if (rootfs.propagation?.final !== undefined) parts.push("the propagation of the root, once it is the container's");
  if ([...rootfs.mountsBeforeCgroup, ...rootfs.mountsAfter].some((op) => "tree" in op && op.tree !== undefined))
    parts.push("recursive mount options");
  if (
    [
      ...rootfs.sources,
      ...[...rootfs.mountsBeforeCgroup, ...rootfs.mountsAfter].flatMap((op) =>
        op.kind === "bind" && op.source.kind === "inside" ? [op.source] : [],
      ),
    ].some(({ idmap }) => idmap !== undefined)
  )
    parts.push("the ids of id-mapped mounts");
  return parts;
}

function commandsOf(plan: ContainerPlan, step: ContainerStep): ShellStep {
  const { rootfs, namespaces, process } = plan;
  switch (step) {
    case "load config.json":
    case "plan":
      return ["# (done: this script is the result)"];
    case "look at the namespaces to join":
      return ["# (nsenter checks it, below)"];
    case "connect console":
    case "connect pidfd socket":
    case "send pidfd":
    case "write pid file":
      return ["# (nobody else is told)"];
    case "reserve container id":
    case "record what will be made":
    case "record state":
      return ["# (a shell keeps no state)"];
    case "listen for start":
      return ["# (a shell does not wait for a start)"];
    case "make notify directory":
      return { left: "readiness, which nobody would pass on" };
    case "open mount sources":
      return ["# (done where they are mounted)"];
    case "hide our program":
      return ["# (a shell script has no program of its own to hide)"];
    case "prepare cgroup":
    case "complete cgroup":
      return cgroupCommands(plan);
    case "clone into namespaces":
      return cloneCommands(plan);
    case "set rlimits":
      return [
        `prlimit --pid $$ ${process.rlimits.map(({ name, soft, hard }) => `--${name.slice("RLIMIT_".length).toLowerCase()}=${limit(soft)}:${limit(hard)}`).join(" ")}`,
      ];
    case "set oom score":
      return [`echo ${process.oomScoreAdj} > /proc/self/oom_score_adj`];
    case "leave the caller's session":
      return ["# (setsid, below)"];
    case "join namespaces":
    case "wait for cgroup":
    case "wait for init to enter the pid namespace":
    case "enter cgroup":
    case "enter cgroup namespace":
    case "enter pid namespace":
    case "enter pid namespace before seccomp":
      return ["# (done by those who started this)"];
    case "reset CPU affinity":
      return ["taskset --pid --cpu-list 0-$(($(getconf _NPROCESSORS_CONF) - 1)) $$ > /dev/null || :"];
    case "raise loopback":
      return ["ip link set lo up"];
    case "prepare rootfs":
      return prepareCommands(plan);
    case "mount filesystems":
      return mountCommands(rootfs.mountsBeforeCgroup, rootfs.sources);
    case "mount cgroup filesystems and the rest":
      return mountCommands(rootfs.mountsAfter, rootfs.sources);
    case "create devices":
      return deviceCommands(plan);
    case "pivot into rootfs":
      return ["# (the last thing that is done, below: afterwards a shell has no programs left)"];
    case "make mounts read-only":
      return readonlyCommands([...rootfs.lateReadonly.map(({ path }) => path), ...(rootfs.readonlyRoot ? ["/"] : [])]);
    case "restrict paths":
      return restrictCommands(
        rootfs.readonlyPaths.map(({ path }) => path),
        rootfs.maskedPaths.map(({ path }) => path),
        rootfs.maskData,
      );
    case "set host and domain name":
      return [
        ...(namespaces.hostname === undefined
          ? []
          : [`printf %s ${quoted(namespaces.hostname.name)} > /proc/sys/kernel/hostname`]),
        ...(namespaces.domainname === undefined
          ? []
          : [`printf %s ${quoted(namespaces.domainname.name)} > /proc/sys/kernel/domainname`]),
      ];
    case "write sysctls":
      return plan.sysctls.map(({ file, value }) => `printf %s ${quoted(value)} > ${quoted(`/proc/sys/${file}`)}`);
    case "create working directory":
      return [`[ -e "$root"${quoted(process.cwd)} ] || (umask 022 && mkdir -p "$root"${quoted(process.cwd)})`];
    case "hand over stdio":
      // By a copy of the descriptor: with its own errors sent to /dev/null, chown's descriptor 2 would be the host's /dev/null.
      return process.uid === 0
        ? ["# (root's already)"]
        : [
            `for fd in 0 1 2; do [ /proc/self/fd/$fd -ef /dev/null ] || chown ${process.uid} /proc/self/fd/3 3>&$fd 2> /dev/null || :; done`,
          ];
    case "set no_new_privs":
    case "become user":
    case "find program":
      return ["# (setpriv and env, below)"];
    case "close descriptors":
      return [
        "# (those from 10 on, if the caller left any open, a shell cannot close)",
        `exec${[3, 4, 5, 6, 7, 8, 9]
          .filter((fd) => fd >= 3 + process.inheritedFds)
          .map((fd) => ` ${fd}>&-`)
          .join("")}`,
      ];
    case "execute":
      return executeCommands(plan);
    case "join session keyring":
      return ["# (done by those who started this)"];
    case "attach terminal":
      return { left: "the pseudoterminal: the program has the script's own standard streams" };
    case "run createContainer hooks":
      return plan.hooks.createContainer.every(isExpressible)
        ? plan.hooks.createContainer.map((hook) =>
            hookCommand(plan, hook, "creating", '(cd "$root" && umask 022 && exec'),
          )
        : { left: NAMED_HOOKS };
    case "run hooks of the runtime":
    case "run poststart hooks":
      return { left: "hooks on the host, for whom the container would have to wait" };
    case "run startContainer hooks":
      return { left: "hooks in the container's root, where the script has no shell any more" };
    case "compile seccomp filter":
      return { left: "seccomp filters" };
    case "install seccomp as root":
    case "install seccomp with a listener":
    case "install seccomp":
      return ["# (left out)"];
    case "set scheduling":
      return { left: "scheduling, priorities, personality and memory policy" };
    case "move network devices":
      return { left: "network devices, whose addresses would have to be kept" };
    case "let go of the host":
    case "enter working directory":
      return ["# (env, below)"];
    case "settle rlimits":
      return ["# (they are final already)"];
    case "wait for hooks of the runtime":
      return ["# (the hooks are left out)"];
    case "open security attributes":
      return ["# (left out)"];
    case "find resource control group":
    case "enter resource control group":
    case "map ids":
    case "hand over cgroup":
    case "enter user namespace":
    case "apply AppArmor profile":
    case "set SELinux label":
      return { left: "no shell command does it" };
    default:
      return unreachable(step);
  }
}

/** env(1) starts a program by its path: no other name can be given to it, and what has a = is none. */
const isExpressible = ({ path, args }: Hook): boolean => args[0] === path && !path.includes("=");
const NAMED_HOOKS = "hooks whose first argument is not their path";

/** The state on standard input, and what the hook says is not shown. @param open a subshell: what a hook is started in */
function hookCommand(
  { ociVersion, id, bundle, annotations }: ContainerPlan,
  { path, args, env, timeout }: Hook,
  status: Status,
  open: string,
): string {
  const [front = "", back = ""] = JSON.stringify({
    ociVersion,
    id,
    status,
    pid: -1,
    bundle,
    annotations,
  } satisfies State).split('"pid":-1');
  const state = `${quoted(`${front}"pid":`)}${status === "stopped" ? "0" : '"$$"'}${quoted(back)}`;
  const words = [
    ...(timeout === undefined ? [] : ["timeout", "-s", "KILL", String(timeout)]),
    ...(env === undefined ? [] : ["env", "-i", ...env.map(quoted)]),
    quoted(path),
    ...args.slice(1).map(quoted),
  ];
  return `printf %s ${state} | ${open} ${words.join(" ")}) > /dev/null`;
}

const limit = (value: number | bigint): string =>
  BigInt(value) === 0xffff_ffff_ffff_ffffn ? "unlimited" : String(value);

function prepareCommands({ rootfs: { propagation } }: ContainerPlan): readonly string[] {
  if (propagation === undefined) return [];
  return [
    `mount -n --make-${propagationWord(propagation.host)} /`,
    ...(propagation.parent === undefined
      ? []
      : [
          `mount -n --make-${propagationWord(propagation.parent)} "$(findmnt -n -o TARGET --target "$root" | tail -n 1)"`,
        ]),
    'mount -n --rbind "$root" "$root"',
    `mount -n --make-${propagationWord(propagation.root)} "$root"`,
  ];
}

function cgroupCommands({ cgroup }: ContainerPlan): ShellStep {
  if (cgroup.driver === "systemd") return { left: "cgroups made by systemd" };
  const groups = cgroup.groups.flatMap(({ path, optional, controllers, mountPoint }) => [
    `make_cgroup ${quoted(path)}${optional ? " 2> /dev/null || :" : ""}`,
    ...(controllers.includes("cpuset") && cgroup.mode === "v1"
      ? [`fill_cpuset ${quoted(path)} ${quoted(mountPoint)}`]
      : []),
    ...(controllers.includes("devices") && cgroup.devices !== undefined
      ? [
          `echo ${quoted(EVERY_DEVICE)} > ${quoted(`${path}/devices.${cgroup.devices.allow ? "allow" : "deny"}`)}`,
          ...cgroup.devices.exceptions.map(
            (exception) =>
              `echo ${quoted(deviceLine(exception))} > ${quoted(`${path}/devices.${cgroup.devices?.allow === true ? "deny" : "allow"}`)}`,
          ),
        ]
      : []),
  ]);
  const writes = cgroup.writes.map(({ file, value, missing }) => {
    const write = `echo ${quoted(value)} > ${quoted(file)}`;
    if (missing === "fail") return write;
    if (missing === "skip") return `[ ! -e ${quoted(file)} ] || ${write}`;
    return `if [ -e ${quoted(file)} ]; then ${write}; else echo ${quoted(missing.value)} > ${quoted(missing.file)}; fi`;
  });
  const again = cgroup.writes
    .filter(({ again: more }) => more)
    .map(({ file, value }) => `echo ${quoted(value)} > ${quoted(file)} || :`);
  return [
    "made=",
    `make_cgroup() { [ -d "$1" ] || { mkdir -p "$1" && made="$1 $made"; }; }`,
    ...(cgroup.groups.some(({ controllers }) => controllers.includes("cpuset")) && cgroup.mode === "v1"
      ? [FILL_CPUSET]
      : []),
    ...enableCommands(cgroup),
    ...groups,
    ...writes,
    ...again,
  ];
}

/** v2: controllers are handed down from the top. */
function enableCommands({ mode, enable, groups }: ContainerPlan["cgroup"]): readonly string[] {
  const [group] = groups;
  if (mode !== "v2" || group === undefined || enable.length === 0) return [];
  const above: string[] = [];
  for (
    let path: string = group.path.slice(0, group.path.lastIndexOf("/"));
    path.length >= group.mountPoint.length;
    path = path.slice(0, path.lastIndexOf("/"))
  )
    above.unshift(path);
  return above.flatMap((path) => [
    ...(path === group.mountPoint ? [] : [`make_cgroup ${quoted(path)}`]),
    ...enable.map(
      (controller) => `echo +${controller} > ${quoted(`${path}/cgroup.subtree_control`)} 2> /dev/null || :`,
    ),
  ]);
}

const FILL_CPUSET = `fill_cpuset() ( # GROUP TOP: a new v1 cpuset takes no process before it has processors and memory nodes
  [ "$1" = "$2" ] || { fill_cpuset "\${1%/*}" "$2"; for name in cpus mems; do [ -n "$(cat "$1/cpuset.$name")" ] || cat "\${1%/*}/cpuset.$name" > "$1/cpuset.$name"; done; }
)`;

const UNSHARE: { readonly [type: string]: string } = {
  mount: "--mount",
  uts: "--uts",
  ipc: "--ipc",
  network: "--net",
  pid: "--pid --fork --kill-child",
  cgroup: "--cgroup",
  time: "--time",
};
const NSENTER: { readonly [type: string]: string } = {
  mount: "mount",
  uts: "uts",
  ipc: "ipc",
  network: "net",
  pid: "pid",
  cgroup: "cgroup",
  time: "time",
  user: "user",
};

function cloneCommands({ namespaces, cgroup, id, keyring }: ContainerPlan): readonly string[] {
  const joins = [...namespaces.parentJoins, ...namespaces.childJoins].map(
    ({ type, path }) => `--${NSENTER[type]}=${quoted(path)}`,
  );
  const offsets = [...(namespaces.time?.offsets ?? "").matchAll(/^(\w+) (-?\d+) /gm)]
    .map(([, clock, seconds]) => ` --${clock} ${seconds}`)
    .join("");
  const flags = namespaces.created.flatMap(({ type }) => UNSHARE[type] ?? []).join(" ");
  const enter = cgroup.groups.map(
    ({ path, optional }) =>
      `  ${optional ? `[ ! -d ${quoted(path)} ] || ` : ""}echo 0 > ${quoted(`${path}/cgroup.procs`)}`,
  );
  const unshare =
    flags === "" ? "" : `unshare ${flags}${flags.includes("--mount") ? " --propagation unchanged" : ""}${offsets} `;
  return [
    ...(keyring === undefined
      ? []
      : [
          `if command -v keyctl > /dev/null; then keyring=${quoted(`keyctl session ${keyring.name}`)}; else keyring=; echo "keyctl is not installed: the caller's session keyring stays" >&2; fi`,
        ]),
    "status=0",
    "(",
    ...enter,
    `  exec ${keyring === undefined ? "" : "$keyring "}${joins.length === 0 ? "" : `nsenter ${joins.join(" ")} `}${unshare}setsid --wait sh -c "$init" ${quoted(id)}`,
    ") || status=$?",
  ];
}

function cleanUp(plan: ContainerPlan): string {
  const late = plan.hooks.poststop
    .filter(isExpressible)
    .map(
      (hook) =>
        `${hookCommand(plan, hook, "stopped", "(exec")} || echo ${quoted(`${hook.path}, a poststop hook, has failed`)} >&2`,
    );
  return [
    ...(plan.cgroup.groups.length === 0
      ? []
      : ["# Nothing is left behind.", 'for group in $made; do rmdir "$group" || :; done']),
    ...(late.length === 0 ? [] : ["# run poststop hooks", ...late]),
    'exit "$status"',
    "",
  ].join("\n");
}

function prologue({ rootfs, rootfsPath }: ContainerPlan): string {
  return `set -eu
umask 0
root=$(cd ${quoted(rootfsPath)} && pwd -P)

# [ROOT] "/" will be the container's, and programs of the host must still be found: by a working directory that stays on the host. Their
# loader is named so, too, because they name it by an absolute path.
for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ ! -e "$loader" ] || break; done
loader=..$(readlink -f "$loader")
libraries=$(ldd "$(command -v setpriv)" "$(command -v env)" "$(command -v umount)" | sed -n 's#.* => \\(/.*\\)/[^/]* (.*#..\\1#p' | sort -u | tr '\\n' ':')
setpriv=..$(readlink -f "$(command -v setpriv)") env=..$(readlink -f "$(command -v env)") umount=..$(readlink -f "$(command -v umount)") pivot=$(command -v pivot_root)

attributes() { # PATH OPTIONS: changes a mount's attributes and keeps its others
  mount -n -o "remount,bind,$(findmnt -n -o VFS-OPTIONS --mountpoint "$1" | tail -n 1),$2" "$1"
}
directory() { [ -d "$1" ] || (umask 022 && mkdir -p "$1"); }
target() { # SOURCE PATH: a mount point of the source's kind
  if [ -d "$1" ]; then directory "$2"; else directory "\${2%/*}" && { [ -e "$2" ] || (umask 022 && : > "$2"); }; fi
}
${rootfs.maskedPaths.length > 0 ? "empty=\n" : ""}`;
}

function deviceCommands({ rootfs }: ContainerPlan): readonly string[] {
  const nodes = rootfs.devices.map(({ directory, name, mode, major, minor, uid, gid }) => {
    const path = `"$root"${quoted(`${directory}/${name}`)}`;
    const type =
      (mode & 0o170000) === 0o010000 ? "p" : `${(mode & 0o170000) === 0o060000 ? "b" : "c"} ${major} ${minor}`;
    const owner = uid === 0 && gid === 0 ? "" : ` && chown -h ${uid}:${gid} ${path}`;
    return `[ -e ${path} ] || { directory "$root"${quoted(directory)} && mknod -m ${(mode & 0o7777).toString(8)} ${path} ${type}${owner}; }`;
  });
  const links = rootfs.links.map(({ directory, name, target, replace, onlyWith }) => {
    const path = `"$root"${quoted(`${directory}/${name}`)}`;
    const make = replace
      ? `ln -sfn ${quoted(target)} ${path}`
      : `[ -e ${path} ] || [ -L ${path} ] || ln -s ${quoted(target)} ${path}`;
    return onlyWith === undefined ? make : `[ ! -e "$root"${quoted(onlyWith)} ] || ${make}`;
  });
  return [...nodes, ...links];
}

/** The change of root and the program. */
function executeCommands({ rootfs, process }: ContainerPlan): readonly string[] {
  const { capabilities, uid, gid, additionalGids } = process;
  const groups = process.keepsGroups
    ? "--keep-groups"
    : additionalGids.length > 0
      ? `--groups ${additionalGids.join(",")}`
      : "--clear-groups";
  const home = process.env.some((entry) => entry.startsWith("HOME=") && entry !== "HOME=");
  const env = process.env
    .filter((entry) => entry !== "HOME=")
    .map(quoted)
    .join(" ");
  const final = rootfs.propagation?.final;
  return [
    ...(home
      ? []
      : [
          "home=/",
          `if [ -r "$root/etc/passwd" ]; then while IFS=: read -r _ _ user _ _ directory _; do [ "$user" != ${uid} ] || { home=$directory; break; }; done < "$root/etc/passwd"; fi`,
        ]),
    "cd /usr",
    '(cd "$root" && exec "$pivot" . .)',
    '# From here on "/" is the container\'s, see [ROOT]. The old root lies over it, and goes.',
    '"$loader" --library-path "$libraries" "$umount" -l ..',
    ...(final === undefined
      ? []
      : [`# LEFT OUT: the root's propagation, which would become ${propagationWord(final)}`]),
    `umask ${process.umask.toString(8).padStart(3, "0")}`,
    `exec "$loader" --library-path "$libraries" "$setpriv"${process.noNewPrivileges ? " --no-new-privs" : ""} --reuid ${uid} --regid ${gid} ${groups} \\`,
    `  --inh-caps ${capabilityWords(capabilities.inheritable)} --ambient-caps ${capabilityWords(capabilities.ambient)} --bounding-set ${capabilityWords(capabilities.bounding)} \\`,
    `  "$loader" --library-path "$libraries" "$env" -i --chdir=${quoted(process.cwd)} ${env}${home ? "" : ' "HOME=$home"'} ${process.args.map(quoted).join(" ")}`,
  ];
}

/** For setpriv(1), which may not know the newest by name. */
const capabilityWords = (mask: bigint): string =>
  [
    "-all",
    ...capabilityNames.flatMap((name, number) =>
      (mask & (1n << BigInt(number))) === 0n ? [] : [number > 37 ? `+cap_${number}` : `+${name.toLowerCase()}`],
    ),
  ].join(",");
