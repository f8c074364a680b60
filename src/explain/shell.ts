// `tsrun plan --shell`: the plan as a shell script of unshare, mount, pivot_root, ip and echo, for people who want to see a container being made
// by hand. For what a shell can express the process inside sees what it would see under tsrun; a test compares. What a shell cannot
// express is said in a comment at its step, and the script does not run without it unless it is told to. Pure.
//
// Laws of the script. It never mounts in the caller's mount namespace, nor changes its root: where config.json names none, it makes one of its own
// and only changes the directory that the program takes for "/". Whatever stops it, the process, the cgroups and its own files are taken away.
// Its steps are numbered as they stand in it.

import { KEYCTL_JOIN_SESSION_KEYRING } from "../abi/keyctl.ts";
import { SYS_keyctl, SYS_seccomp, SYS_unshare } from "../abi/syscall.ts";
import {
  CLONE_NEWTIME,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
} from "../abi/sched.ts";
import { unreachable } from "../base/errors.ts";
import { deviceLine, EVERY_DEVICE } from "../cgroup/device-rules.ts";
import { hostId } from "../namespaces/user-plan.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import type { ContainerStep } from "../runtime/steps.ts";
import type { Hook, State, Status } from "../spec/types.ts";
import { mountCommands, propagationWord, readonlyCommands, restrictCommands } from "./shell-mounts.ts";
import { quoted } from "./shell-words.ts";
import { planSteps, type PlanStep } from "./steps.ts";

/** Commands of a step; a text instead says why there are none, and that the container is another without. */
export type ShellStep = readonly string[] | { readonly left: string };

type Shown = PlanStep & { readonly commands: ShellStep };

/** @param filter the seccomp filter that the plan's rules make: struct sock_filter[]; undefined: it cannot be made here */
export function explainShell(plan: ContainerPlan, filter?: Uint8Array): string {
  const shown: Shown[] = planSteps(plan)
    .filter(({ acts }) => acts.length > 0)
    .map((step) => ({ ...step, commands: commandsOf(plan, step.step, filter) }));
  const left = [
    ...leftOut(plan),
    ...shown.flatMap(({ step, commands }) => ("left" in commands ? [`${step}: ${commands.left}`] : [])),
  ];
  let number = 0;
  const text = (holds: (step: Shown) => boolean): string =>
    shown
      .filter(holds)
      .map((step) => stepText(step, ++number))
      .join("\n");
  const isClone = ({ step }: Shown): boolean => step === "clone into namespaces";
  const isAskedFor = ({ step }: Shown): boolean => ASKED_FOR.includes(step);
  const isAfter = ({ step }: Shown): boolean => AFTERWARDS.includes(step);
  const isInside = ({ process, step }: Shown): boolean => process !== "runtime" || insideSteps(plan).includes(step);
  return [
    header(plan, left),
    text((step) => !isInside(step) && !isClone(step) && !isAskedFor(step) && !isAfter(step)),
    text(isClone),
    text(isAskedFor),
    "# What init does, the container's first process. It speaks to this script by the descriptors 8 and 9.\ninit=$(cat <<'INIT'\n",
    prologue(plan),
    text(isInside),
    "INIT\n)\nexport init\n",
    attend(plan),
    text(isAfter),
    ending(),
  ].join("\n");
}

/** Steps of the runtime that a shell does from inside: it has no hand on another process. In a user namespace it would not have the right to. */
const insideSteps = ({ namespaces }: ContainerPlan): readonly ContainerStep[] =>
  namespaces.user === undefined ? ["set rlimits", "set oom score"] : [];

/** What the runtime does once init asks for it: functions of the script. */
const ASKED_FOR: readonly ContainerStep[] = ["map ids", "move network devices", "run hooks of the runtime"];

/** What the runtime does when the program runs. */
const AFTERWARDS: readonly ContainerStep[] = [
  "wait for init to enter the pid namespace",
  "send pidfd",
  "write pid file",
  "run poststart hooks",
];

function stepText({ step, acts, commands }: Shown, number: number): string {
  const said = acts.map(({ text, why }) => `#    ${oneLine(text)}  [${oneLine(why)}]`);
  const done = "left" in commands ? [`# LEFT OUT: ${commands.left}`] : commands;
  const shows = `step ${number} ${quoted(step)}`;
  const [first = ""] = done;
  // What is only defined here happens when its function is called.
  const all = /^\w+\(\) \{( #.*)?$/.test(first) ? [first, `  ${shows}`, ...done.slice(1)] : [shows, ...done];
  return [`# ${number}. ${step}`, ...said, ...all, ""].join("\n");
}

/** A comment must not end by what stands in config.json. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, " ");

function header(plan: ContainerPlan, left: readonly string[]): string {
  const { id, bundle, hooks, namespaces } = plan;
  return [
    "#!/bin/sh",
    `# Container ${oneLine(id)}, made of ${oneLine(bundle)} by a shell. "tsrun plan" says the same in words.`,
    "# It needs root, util-linux, coreutils, diffutils and iproute2 with glibc. It follows links of the image as they come: run it for images that",
    "# you trust. With --step it stops before each step and shows what the last one has changed; with STEP=COMMAND in its environment it runs that",
    "# command instead of stopping.",
    ...(left.length === 0
      ? []
      : ["#", "# A shell cannot do all of it. Left out:", ...left.map((line) => `#   ${oneLine(line)}`)]),
    "set -eu",
    "anyway=",
    'for option; do case "$option" in --anyway) anyway=1 ;; --step) STEP=\'printf "Enter: the next step " >&2; read -r _ < /dev/tty\' ;; *) echo "$0: there are only --anyway and --step" >&2; exit 2 ;; esac; done',
    ...(left.length === 0
      ? []
      : [
          `[ -n "$anyway" ] || { echo ${quoted(`this script leaves out: ${left.join("; ")}. With --anyway it runs without`)} >&2; exit 1; }`,
        ]),
    `STEP="\${STEP-}" && export STEP`,
    "",
    "# Nothing is remembered, and nothing is left behind, whatever ends this: there is no state for later commands, and no start without this.",
    "made= child= container=",
    "work=$(mktemp -d)",
    "export work",
    ...(namespaces.user === undefined
      ? []
      : ['chmod 777 "$work" # root of the user namespace writes there, with --step']),
    "cleanup() {",
    "  status=$?",
    "  trap - EXIT",
    "  trap '' TERM INT HUP",
    '  for pid in $child $container; do kill -KILL "$pid" 2> /dev/null || :; done',
    '  for group in $made; do while read -r pid; do kill -KILL "$pid" 2> /dev/null || :; done < "$group/cgroup.procs" || :; done',
    "  wait || :",
    '  for group in $made; do for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$group" 2> /dev/null && continue 2; sleep 0.1; done; echo "$group cannot be removed" >&2; done',
    '  rm -rf "$work"',
    ...hooks.poststop
      .filter(isExpressible)
      .map(
        (hook, i) =>
          `${i === 0 ? "  # run poststop hooks\n" : ""}  [ -z "$container" ] || ${hookCommand(plan, hook, "stopped", inBundle(plan))} || echo ${quoted(`${hook.path}, a poststop hook, has failed`)} >&2`,
      ),
    '  exit "$status"',
    "}",
    "trap cleanup EXIT",
    "trap 'exit 143' TERM",
    "trap 'exit 130' INT",
    "trap 'exit 129' HUP",
    "",
    HELPERS,
  ].join("\n");
}

/** For the script and for init: what --step shows. */
const HELPERS = `helpers=$(cat <<'HELPERS'
step() { # NUMBER NAME: with STEP set, what has changed since the last one
  [ -n "$STEP" ] || return 0
  snapshot > "$work/now" 2> /dev/null || :
  if [ -e "$work/last" ]; then diff "$work/last" "$work/now" | grep '^[<>]' >&2 || echo "  nothing that can be seen here" >&2; eval "$STEP"; fi
  mv "$work/now" "$work/last"
  echo "== $1. $2" >&2
}
snapshot() {
  for kind in cgroup ipc mnt net pid_for_children time_for_children user uts; do echo "namespace $(readlink "/proc/self/ns/$kind")"; done
  cut -d ' ' -f 5- /proc/self/mountinfo | sed 's/^/mount /'
  sed 's/^/cgroup /' /proc/self/cgroup
  echo "names $(cat /proc/sys/kernel/hostname) $(cat /proc/sys/kernel/domainname)"
  sed 's/^/limit /' /proc/self/limits
  echo "oom score $(cat /proc/self/oom_score_adj)"
  grep -E '^(Uid|Gid|Groups|Cap|Cpus_allowed_list)' /proc/self/status
  ip -o link | sed 's/^/link /'
  [ -z "\${root-}" ] || ls -l "$root" "$root/dev" | sed 's/^/file /'
}
HELPERS
)
eval "$helpers"
export helpers
`;

/** What no step shows. */
function leftOut(plan: ContainerPlan): readonly string[] {
  const { rootfs, process, cgroup, hooks } = plan;
  const parts: string[] = [];
  if (cgroup.mode === "v2" && cgroup.driver === "cgroupfs" && !devicesAreOutOfReach(plan))
    parts.push("device rules of cgroup v2, which are a BPF program");
  if (!hooks.poststop.every(isExpressible)) parts.push(`poststop ${NAMED_HOOKS}`);
  if (process.args[0]?.includes("=")) parts.push("a program with = in its name");
  if (process.inheritedFds > MOST_FDS) parts.push(`more than ${MOST_FDS} descriptors that are passed on`);
  if (rootfs.propagation?.final !== undefined) parts.push("the propagation of the root, once it is the container's");
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

/** The script has 6 to 9 for itself. */
const MOST_FDS = 3;
const CAP_MKNOD = 1n << 27n;

/** No other nodes than the container's own can be had: then nothing is lost without the rules. */
const devicesAreOutOfReach = ({ cgroup: { devices }, process }: ContainerPlan): boolean =>
  devices === undefined ||
  (devices.allow && devices.exceptions.length === 0) ||
  (!devices.allow && (process.capabilities.bounding & CAP_MKNOD) === 0n);

function commandsOf(plan: ContainerPlan, step: ContainerStep, filter: Uint8Array | undefined): ShellStep {
  const { rootfs, namespaces, process } = plan;
  switch (step) {
    case "load config.json":
    case "plan":
      return ["# (done: this script is the result)"];
    case "look at the namespaces to join":
      return ["# (nsenter does, below)"];
    case "connect console":
    case "connect pidfd socket":
    case "send pidfd":
    case "write pid file":
      return ["# (nobody else is told)"];
    case "listen for start":
      return ["# (a shell does not wait for a start)"];
    case "make notify directory":
      return { left: "readiness, which nobody would pass on" };
    case "reserve container id":
    case "record what will be made":
    case "record state":
      return ["# (a shell keeps no state)"];
    case "hide our program":
      return ["# (a shell script has no program of its own to hide)"];
    case "open mount sources":
      return ["# (init opens them by their paths, which takes the right to reach them)"];
    case "prepare cgroup":
    case "complete cgroup":
      return cgroupCommands(plan);
    case "hand over cgroup":
      return handOverCommands(plan);
    case "clone into namespaces":
      return cloneCommands(plan);
    case "map ids":
      return mapCommands(plan);
    case "move network devices":
      return networkCommands(plan);
    case "set rlimits":
      return namespaces.user === undefined
        ? [`prlimit --pid $$ ${rlimitWords(plan)}`]
        : ["# (what starts init is started with them, below)"];
    case "set oom score":
      return namespaces.user === undefined
        ? [`echo ${process.oomScoreAdj} > /proc/self/oom_score_adj`]
        : ["# (what starts init is given it, below)"];
    case "leave the caller's session":
      return ["# (setsid, by those who started this)"];
    case "enter user namespace":
    case "join namespaces":
    case "wait for cgroup":
    case "wait for init to enter the pid namespace":
    case "enter cgroup":
    case "enter cgroup namespace":
    case "enter pid namespace":
    case "enter pid namespace before seccomp":
    case "join session keyring":
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
    case "run hooks of the runtime":
      return runtimeHookCommands(plan);
    case "run createContainer hooks":
      return plan.hooks.createContainer.every(isExpressible)
        ? [
            ...plan.hooks.createContainer.map((hook) =>
              hookCommand(plan, hook, "creating", '(cd "$root" && umask 022 && exec'),
            ),
          ]
        : { left: NAMED_HOOKS };
    case "pivot into rootfs":
      return ["# (one of the last things that are done, below: afterwards a shell has no programs left)"];
    case "attach terminal":
      return terminalCommands(plan);
    case "create working directory":
      return [`[ -e "$root"${quoted(process.cwd)} ] || (umask 022 && mkdir -p "$root"${quoted(process.cwd)})`];
    case "make mounts read-only":
      return readonlyCommands([...rootfs.lateReadonly.map(({ path }) => path), ...(rootfs.readonlyRoot ? ["/"] : [])]);
    case "set host and domain name":
      return nameCommands(plan);
    case "write sysctls":
      return plan.sysctls.map(({ file, value }) => `printf %s ${quoted(value)} > ${quoted(`/proc/sys/${file}`)}`);
    case "restrict paths":
      return restrictCommands(
        rootfs.readonlyPaths.map(({ path }) => path),
        rootfs.maskedPaths.map(({ path }) => path),
        rootfs.maskData,
      );
    case "hand over stdio":
      // By a copy of the descriptor: with its own errors sent to /dev/null, chown's descriptor 2 would be the host's /dev/null.
      return process.uid === 0
        ? ["# (root's already)"]
        : [
            `for fd in 0 1 2; do [ /proc/self/fd/$fd -ef /dev/null ] || chown ${process.uid} /proc/self/fd/3 3>&$fd 2> /dev/null || :; done`,
          ];
    case "set scheduling":
      return schedulingCommands(plan);
    case "set no_new_privs":
    case "become user":
    case "find program":
      return ["# (setpriv and env, below)"];
    case "close descriptors":
      return [
        "# (those from 10 on, if the caller left any open, a shell cannot close; 8 and 9 are closed below)",
        `exec${[3, 4, 5, 6, 7]
          .filter((fd) => fd >= 3 + process.inheritedFds)
          .map((fd) => ` ${fd}>&-`)
          .join("")}`,
      ];
    case "compile seccomp filter":
      return filter === undefined ? { left: "seccomp filters" } : filterCommands(plan, filter);
    case "install seccomp as root":
    case "install seccomp with a listener":
    case "install seccomp":
      return plan.seccomp?.listener !== undefined
        ? { left: "seccomp agents" }
        : [filter === undefined ? "# (left out)" : "# (perl, below)"];
    case "run startContainer hooks":
      return !plan.hooks.startContainer.every(isExpressible)
        ? { left: NAMED_HOOKS }
        : rootfs.pivot.kind !== "pivot_root"
          ? { left: "hooks in the container's root, where the script has no shell any more" }
          : ["# (once the root is the container's, below)"];
    case "execute":
      return executeCommands(plan, filter);
    case "run poststart hooks":
      return plan.hooks.poststart.every(isExpressible)
        ? plan.hooks.poststart.map((hook) => hookCommand(plan, hook, "running", inBundle(plan)))
        : { left: NAMED_HOOKS };
    case "let go of the host":
    case "enter working directory":
      return ["# (env, below)"];
    case "settle rlimits":
      return ["# (they are final already)"];
    case "wait for hooks of the runtime":
      return ["ask hooks"];
    case "open security attributes":
      return ["# (left out)"];
    case "find resource control group":
    case "enter resource control group":
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

/** Hooks on the host run in the bundle. */
const inBundle = ({ bundle }: ContainerPlan): string => `(cd ${quoted(bundle)} && exec`;

/** Hooks of init tell its own pid, which is another in its pid namespace; those of the runtime the one that the host sees. */
const PIDS: { readonly [status in Status]: string } = {
  creating: '"$$"',
  created: '"$$"',
  running: '"$container"',
  paused: '"$container"',
  stopped: "0",
};

/**
 * The state on standard input, and what the hook says is not shown.
 * @param open a subshell: what a hook is started in @param run how its program is started; by itself unless told
 */
function hookCommand(
  plan: ContainerPlan,
  hook: Hook,
  status: Status,
  open: string,
  {
    pid = PIDS[status],
    run = "",
    env = "env",
  }: { readonly pid?: string; readonly run?: string; readonly env?: string } = {},
): string {
  const { ociVersion, id, bundle, annotations } = plan;
  const { path, args, timeout } = hook;
  const [front = "", back = ""] = JSON.stringify({
    ociVersion,
    id,
    status,
    pid: -1,
    bundle,
    annotations,
  } satisfies State).split('"pid":-1');
  const state = `${quoted(`${front}"pid":`)}${pid}${quoted(back)}`;
  const words = [
    ...(timeout === undefined || run !== "" ? [] : ["timeout", "-s", "KILL", String(timeout)]),
    ...(hook.env === undefined ? [] : [...(run === "" ? [] : [run]), env, "-i", ...hook.env.map(quoted)]),
    quoted(path),
    ...args.slice(1).map(quoted),
  ];
  return `printf %s ${state} | ${open} ${words.join(" ")}) > /dev/null`;
}

function runtimeHookCommands(plan: ContainerPlan): ShellStep {
  const hooks = [...plan.hooks.prestart, ...plan.hooks.createRuntime];
  if (!hooks.every(isExpressible)) return { left: NAMED_HOOKS };
  return [
    "run_hooks() { # when init says so, which waits",
    ...hooks.map((hook) => `  ${hookCommand(plan, hook, "creating", inBundle(plan), { pid: '"$container"' })}`),
    "}",
  ];
}

const rlimitWords = ({ process }: ContainerPlan): string =>
  process.rlimits
    .map(({ name, soft, hard }) => `--${name.slice("RLIMIT_".length).toLowerCase()}=${limit(soft)}:${limit(hard)}`)
    .join(" ");

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
    `make_cgroup() { [ -d "$1" ] || { mkdir -p "$1" && made="$1 $made"; }; }`,
    ...(cgroup.groups.some(({ controllers }) => controllers.includes("cpuset")) && cgroup.mode === "v1"
      ? [FILL_CPUSET]
      : []),
    ...enableCommands(cgroup),
    ...groups,
    ...(cgroup.mode === "v2" && cgroup.devices !== undefined
      ? [
          "# (device rules are a BPF program under v2, which a shell cannot make. Who makes no nodes has none but those below.)",
        ]
      : []),
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

/** As the kernel lists what may be handed over. @see cgroups(7), delegation */
function handOverCommands({ cgroup, process, namespaces }: ContainerPlan): readonly string[] {
  const uid = namespaces.user === undefined ? process.uid : hostId(namespaces.user.uids.ranges, process.uid);
  const path = cgroup.groups[0]?.path ?? "";
  return [
    `chown ${uid ?? 0} ${quoted(path)}`,
    `for file in $(cat /sys/kernel/cgroup/delegate); do [ ! -e ${quoted(path)}/$file ] || chown ${uid ?? 0} ${quoted(path)}/$file; done`,
  ];
}

function mapCommands({ namespaces: { user } }: ContainerPlan): readonly string[] {
  if (user === undefined) return [];
  return [
    "map_ids() { # when init is in its user namespace",
    ...[user.uids, user.gids].map(({ file, text }) => `  printf %s ${quoted(text)} > "/proc/$container/${file}"`),
    "}",
  ];
}

function networkCommands({ netDevices }: ContainerPlan): readonly string[] {
  return [
    "move_devices() { # when init is in its network namespace",
    ...(netDevices?.devices ?? []).flatMap(({ host, name }) => [
      `  addresses=$(ip -o address show dev ${quoted(host)} scope global permanent | sed -E 's/.* inet6? ([^ ]+)( brd ([^ ]+))? .*/\\1/')`,
      `  ip link set dev ${quoted(host)} netns "$container" name ${quoted(name)}`,
      `  for address in $addresses; do nsenter --target "$container" --net ip address add "$address" dev ${quoted(name)}; done`,
      `  nsenter --target "$container" --net ip link set dev ${quoted(name)} up`,
    ]),
    "}",
  ];
}

function nameCommands({ namespaces: { user, hostname, domainname } }: ContainerPlan): readonly string[] {
  const set = (name: string, file: string): string =>
    user === undefined ? `printf %s ${quoted(name)} > /proc/sys/kernel/${file}` : `${file} ${quoted(name)}`; // /proc/sys/kernel is the host's root's
  return [
    ...(hostname === undefined ? [] : [set(hostname.name, "hostname")]),
    ...(domainname === undefined ? [] : [set(domainname.name, "domainname")]),
  ];
}

const POLICY: ReadonlyMap<number, string> = new Map([
  [SCHED_NORMAL, "--other"],
  [SCHED_FIFO, "--fifo"],
  [SCHED_RR, "--rr"],
  [SCHED_BATCH, "--batch"],
  [SCHED_IDLE, "--idle"],
  [SCHED_DEADLINE, "--deadline"],
]);

function schedulingCommands({ scheduling }: ContainerPlan): ShellStep {
  if (scheduling === undefined) return [];
  const { scheduler, ioPriority, personality, memoryPolicy } = scheduling;
  const policy = scheduler === undefined ? "" : POLICY.get(scheduler.policy);
  if (personality !== undefined || memoryPolicy !== undefined) return { left: "personality and memory policy" };
  if (policy === undefined || (scheduler !== undefined && scheduler.flags !== 0))
    return { left: "flags of the scheduler" };
  return [
    ...(scheduler === undefined
      ? []
      : [
          `chrt ${policy}${scheduler.policy === SCHED_DEADLINE ? ` --sched-runtime ${scheduler.runtime} --sched-deadline ${scheduler.deadline} --sched-period ${scheduler.period}` : ""} --pid ${scheduler.priority} $$`,
          ...(scheduler.policy === SCHED_NORMAL || scheduler.policy === SCHED_BATCH
            ? [`renice -n ${scheduler.nice} -p $$ > /dev/null`]
            : []),
        ]),
    ...(ioPriority === undefined
      ? []
      : [`ionice --class ${ioPriority.value >>> 13} --classdata ${ioPriority.value & 7} --pid $$`]),
  ];
}

/** script(1) makes the pseudoterminal, of the host's devpts: it has to outlive the change of root. */
function terminalCommands({ terminal }: ContainerPlan): readonly string[] {
  if (terminal === undefined) return [];
  const { size, bindConsole } = terminal;
  return [
    "# (script has made it, of the host's devpts, and is its master: its name is not seen in the container)",
    ...(size === undefined ? [] : [`stty rows ${size.rows} cols ${size.columns}`]),
    ...(bindConsole
      ? ['[ -e "$root/dev/console" ] || : > "$root/dev/console"', 'mount -n --bind "$(tty)" "$root/dev/console"']
      : []),
  ];
}

/** What is left of perl's arguments is the program that it becomes. */
const PERL_EXEC = 'exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\\n"';

/** perl is what every Debian has that makes a call of its own: seccomp(2), with the filter as an argument. */
function filterCommands({ seccomp }: ContainerPlan, filter: Uint8Array): readonly string[] {
  const hex = Array.from(filter, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    'command -v perl > /dev/null || { echo "perl is not installed, which would load the seccomp filter" >&2; exit 1; }',
    `load='$f = pack("H*", shift); syscall(${SYS_seccomp}, 1, ${seccomp?.flags ?? 0}, pack("Sx6P", length($f) / 8, $f)) == 0 or die "seccomp: $!\\n"; ${PERL_EXEC}'`,
    `filter=${hex}`,
    "export load filter",
  ];
}

const UNSHARE: { readonly [type: string]: string } = {
  user: "--user --keep-caps",
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

function cloneCommands(plan: ContainerPlan): readonly string[] {
  const { namespaces, cgroup, keyring, terminal, process, rootfs } = plan;
  const enter = cgroup.groups.map(
    ({ path, optional }) =>
      `${optional ? `[ ! -d ${quoted(path)} ] || ` : ""}echo 0 > ${quoted(`${path}/cgroup.procs`)}`,
  );
  const isNew = namespaces.user !== undefined && namespaces.user.path === undefined;
  const session = `setsid ${terminal === undefined ? "" : "--ctty "}--wait `;
  const run = `${session}sh -c "$helpers\n$init" "$0"`;
  const chain = [
    `exec env --default-signal=INT,QUIT ${keyring === undefined || isNew ? "" : '"$@" '}`,
    namespaces.user !== undefined && process.rlimits.length > 0 ? `prlimit ${rlimitWords(plan)} ` : "",
    enterWords(plan),
    isNew
      ? `sh -c 'read -r pid _ < /proc/self/stat; echo "map $pid" >&8; read -r _ <&9; exec setpriv --reuid 0 --regid 0 --clear-groups ${keyring === undefined ? "" : '"$@" '}${namespaces.created.some(({ type }) => type === "ipc") ? "unshare --ipc " : ""}${run}' "$0"${keyring === undefined ? "" : ' "$@"'}`
      : run,
  ].join("");
  return [
    "start_init() { # below, when init is told what to do",
    ...(rootfs.propagation === undefined
      ? ["# (The mount namespace is not the container's: it is there so that no mount lands in the caller's.)"]
      : []),
    "chain=$(cat <<'CHAIN'",
    ...enter,
    ...(namespaces.user !== undefined && process.oomScoreAdj !== undefined
      ? [`echo ${process.oomScoreAdj} > /proc/self/oom_score_adj`]
      : []),
    ...(keyring === undefined
      ? []
      : [
          `if command -v keyctl > /dev/null; then set -- keyctl session ${quoted(keyring.name)}`,
          `elif command -v perl > /dev/null; then set -- perl -e ${quoted(`$n = shift; syscall(${SYS_keyctl}, ${KEYCTL_JOIN_SESSION_KEYRING}, $n) >= 0 or die "keyctl: $!\\n"; ${PERL_EXEC}`)} ${quoted(keyring.name)}`,
          'else set --; echo "neither keyctl nor perl is installed: the caller\'s session keyring stays" >&2; fi',
        ]),
    chain,
    "CHAIN",
    ")",
    "export chain",
    'mkfifo -m 600 "$work/up" "$work/down"',
    'exec 6<&0 8<> "$work/up" 9<> "$work/down"',
    terminal === undefined
      ? `( exec sh -ec "$chain" ${quoted(plan.id)} ) <&6 6<&- &`
      : `( SHELL=/bin/sh exec script -qefc ${quoted(`exec sh -ec "$chain" ${quoted(plan.id)}`)} /dev/null ) <&6 6<&- &`,
    "child=$!",
    'exec 6<&- 7< "$work/up" 8>&-',
    "}",
  ];
}

/** Starts init, and does what it cannot do by itself, until it becomes the program. */
function attend({ namespaces, netDevices, runtimeHooks }: ContainerPlan): string {
  return [
    "start_init",
    "while read -r what container <&7; do",
    "  case $what in",
    ...(namespaces.user !== undefined && namespaces.user.path === undefined ? ["    map) map_ids ;;"] : []),
    ...(netDevices !== undefined ? ["    network) move_devices ;;"] : []),
    ...(runtimeHooks ? ["    hooks) run_hooks ;;"] : []),
    "    run) break ;;",
    "  esac",
    "  echo go >&9",
    "done",
    "",
  ].join("\n");
}

/** nsenter and unshare, in the order in which namespaces give the right to the others. */
function enterWords({ namespaces, rootfs }: ContainerPlan): string {
  const joins = [...namespaces.parentJoins, ...namespaces.childJoins].map(
    ({ type, path }) => `--${NSENTER[type]}=${quoted(path)}`,
  );
  const offsets = [...(namespaces.time?.offsets ?? "").matchAll(/^(\w+) (-?\d+) /gm)]
    .map(([, clock, seconds]) => ` --${clock} ${seconds}`)
    .join("");
  const isNew = namespaces.user !== undefined && namespaces.user.path === undefined;
  // unshare(1) takes whole seconds only.
  const exact = /\d [1-9]\d*$/m.test(namespaces.time?.offsets ?? "");
  const time = exact
    ? `perl -e ${quoted(`syscall(${SYS_unshare}, ${CLONE_NEWTIME}) == 0 or die "unshare: $!\\n"; open(F, ">", "/proc/self/timens_offsets") && syswrite(F, shift) or die "timens_offsets: $!\\n"; close(F); ${PERL_EXEC}`)} ${quoted(namespaces.time?.offsets ?? "")} `
    : "";
  const types = namespaces.created
    .map(({ type }) => type)
    .filter((type) => !(isNew && type === "ipc") && !(exact && type === "time")); // root of the user namespace makes that
  const mounts = rootfs.propagation === undefined ? "private" : namespaces.foreignMounts ? "slave" : "unchanged";
  const own = [...(types.includes("mount") ? [] : ["mount"]), ...types];
  const flags = own.flatMap((type) => UNSHARE[type] ?? []).join(" ");
  return `${joins.length === 0 ? "" : `nsenter ${joins.join(" ")} `}${time}unshare ${flags} --propagation ${mounts}${exact ? "" : offsets} `;
}

/** The status of the program is ours. */
function ending(): string {
  return ["status=0", 'wait "$child" || status=$?', "child=", 'exit "$status"', ""].join("\n");
}

function prologue({ rootfs, rootfsPath, netDevices }: ContainerPlan): string {
  return `set -eu
umask 0
root=$(cd ${quoted(rootfsPath)} && pwd -P)
read -r pid _ < /proc/self/stat # as the host counts
ask() { echo "$1 $pid" >&8; read -r _ <&9; } # WHAT: the script does it
${netDevices !== undefined ? "ask network\n" : ""}
attributes() { # PATH OPTIONS: changes a mount's attributes and keeps its others
  mount -n -o "remount,bind,$(findmnt -n -o VFS-OPTIONS --mountpoint "$1" | tail -n 1),$2" "$1"
}
tree() { # PATH OPTIONS: those of a mount and of all below it
  findmnt -n -r -R -o TARGET --mountpoint "$1" | while read -r at; do attributes "$(printf %b "$at")" "$2"; done
}
directory() { [ -d "$1" ] || (umask 022 && mkdir -p "$1"); }
target() { # SOURCE PATH: a mount point of the source's kind
  if [ -d "$1" ]; then directory "$2"; else directory "\${2%/*}" && { [ -e "$2" ] || (umask 022 && : > "$2"); }; fi
}
${rootfs.maskedPaths.length > 0 ? "empty=\n" : ""}`;
}

function deviceCommands({ rootfs }: ContainerPlan): readonly string[] {
  const nodes = rootfs.devices.map(({ directory, name, mode, major, minor, uid, gid, bind, hostNode }) => {
    const path = `"$root"${quoted(`${directory}/${name}`)}`;
    if (bind) return `target ${quoted(hostNode)} ${path} && mount -n --bind ${quoted(hostNode)} ${path}`;
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
function executeCommands(plan: ContainerPlan, filter: Uint8Array | undefined): readonly string[] {
  const { rootfs, process, hooks, seccomp } = plan;
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
  const load =
    filter === undefined || seccomp?.listener !== undefined
      ? ""
      : '"$loader" --library-path "$libraries" "$perl" -e "$load" "$filter" ';
  const [before, after] = seccomp?.moment === "privileged" ? [load, ""] : ["", load];
  const loaded = (words: string): string => `"$loader" --library-path "$libraries" ${words}`;
  const become = `${before}${loaded('"$setpriv"')}${process.noNewPrivileges ? " --no-new-privs" : ""} --reuid ${uid} --regid ${gid} ${groups} --inh-caps ${capabilityWords(capabilities.inheritable)} --ambient-caps ${capabilityWords(capabilities.ambient)} --bounding-set ${capabilityWords(capabilities.bounding)} `;
  const program = `${loaded('"$env"')} -i --chdir=${quoted(process.cwd)} ${env}${home ? "" : ' "HOME=$home"'} ${process.args.map(quoted).join(" ")}`;
  const needed = ["setpriv", "env", "nsenter", ...(load === "" ? [] : ["perl"])];
  return [
    ...(home
      ? []
      : [
          "home=/",
          `if [ -r "$root/etc/passwd" ]; then while IFS=: read -r _ _ user _ _ directory _; do [ "$user" != ${uid} ] || { home=$directory; break; }; done < "$root/etc/passwd"; fi`,
        ]),
    "",
    '# [ROOT] From here on "/" becomes the container\'s, and programs of the host must still be found: by a working directory that stays on the host.',
    "# Their loader is named so, too, because they name it by an absolute path.",
    'for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ ! -e "$loader" ] || break; done',
    'loader=..$(readlink -f "$loader")',
    `libraries=$(ldd ${needed.map((name) => `"$(command -v ${name})"`).join(" ")} | sed -n 's#.* => \\(/.*\\)/[^/]* (.*#..\\1#p' | sort -u | tr '\\n' ':')`,
    `${needed.map((name) => `${name}=..$(readlink -f "$(command -v ${name})")`).join(" ")} umount=$(readlink -f "$(command -v umount)") pivot=$(command -v pivot_root)`,
    "cd /usr",
    ...(rootfs.pivot.kind === "pivot_root"
      ? [
          '(cd "$root" && exec "$pivot" . .)',
          "# The old root lies over the new one, and goes. [kernel] Who enters a mount namespace has what lies on top for its root.",
          loaded('"$nsenter" --mount=../proc/self/ns/mnt "$umount" -n -l /'),
        ]
      : rootfs.pivot.kind === "move"
        ? ['mount -n --move "$root" /']
        : []),
    ...(final === undefined
      ? []
      : [`# LEFT OUT: the root's propagation, which would become ${propagationWord(final)}`]),
    `umask ${process.umask.toString(8).padStart(3, "0")}`,
    ...(rootfs.pivot.kind === "pivot_root" && hooks.startContainer.every(isExpressible)
      ? hooks.startContainer.map((hook) =>
          hookCommand(plan, { ...hook, env: hook.env ?? [...process.env] }, "created", `(exec ${become}`, {
            run: '"$loader" --library-path "$libraries"',
            env: '"$env"',
          }),
        )
      : []),
    'echo "run $pid" >&8',
    `exec 8>&- 9>&-`,
    rootfs.pivot.kind === "pivot_root"
      ? `exec ${become}\\`
      : `exec "\${nsenter#..}" ${rootfs.pivot.kind === "move" ? "--mount=/proc/self/ns/mnt" : '--root="$root"'} --wd=/usr ${become}\\`,
    `  ${after}${program}`,
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
