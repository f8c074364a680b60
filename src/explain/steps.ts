// The plan as a list of steps in words. The type of the list demands every step of runtime/steps.ts, in that order.

import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../abi/mount.ts";
import { deviceLine, type DeviceException, type DevicePlan } from "../cgroup/device-rules.ts";
import type { UnitPlan } from "../cgroup/systemd-plan.ts";
import { show } from "../cgroup/gvariant.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { IdMap } from "../namespaces/user-plan.ts";
import type { MountOp, PropagationPlan, SourceOp } from "../rootfs/plan.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import type { ContainerStep, ContainerSteps } from "../runtime/steps.ts";
import type { SeccompMoment } from "../seccomp/plan.ts";
import type { HookKind } from "../spec/types.ts";
import { sourceOf } from "./isolation.ts";
import { deniedCalls } from "./seccomp-groups.ts";
import { attributeWords, flagWords } from "./shell-mounts.ts";

/** One thing that a step does, and who asked for it: a JSON pointer into config.json, a flag of the command line, or "default". */
export type Act = { readonly text: string; readonly why: string };

export type PlanStep = {
  /** runtime: the process that was called. init: the container's first process. start: init, once `start` has been called. */
  readonly process: "runtime" | "init" | "start";
  readonly step: ContainerStep;
  /** Empty: nothing to do for this container. */
  readonly acts: readonly Act[];
};

/** `Steps` with what each of them does. */
type WithActs<Steps extends readonly unknown[]> = {
  readonly [I in keyof Steps]: Steps[I] extends readonly [infer Process, infer Step]
    ? readonly [process: Process, step: Step, acts: readonly Act[]]
    : never;
};

const runtime = <Step extends string>(step: Step, acts: readonly Act[]) => ["runtime", step, acts] as const;
const init = <Step extends string>(step: Step, acts: readonly Act[]) => ["init", step, acts] as const;
const start = <Step extends string>(step: Step, acts: readonly Act[]) => ["start", step, acts] as const;

const act = (text: string, why: string): readonly Act[] => [{ text, why }];

export const planSteps = (plan: ContainerPlan): readonly PlanStep[] =>
  allSteps(plan).map(([process, step, acts]) => ({ process, step, acts }));

function allSteps(plan: ContainerPlan): WithActs<ContainerSteps> {
  const { namespaces, rootfs, cgroup, process } = plan;
  return [
    runtime("hide our program", [
      {
        text: "let /proc/PID/exe of ours lead to an empty file, so that no container can reach tsrun by it",
        why: "default",
      },
    ]),
    runtime(
      "load config.json",
      act(`read config.json of ${plan.bundle}, check it, and fill in what it leaves out`, "default"),
    ),
    runtime("plan", act("decide everything that follows, by config.json and by what this host has", "default")),
    runtime(
      "look at the namespaces to join",
      [...namespaces.parentJoins, ...namespaces.childJoins].map(({ type, path, why }) => ({
        text: `check that ${path} is a ${type} namespace`,
        why,
      })),
    ),
    runtime(
      "connect console",
      plan.terminal === undefined
        ? []
        : act(
            "connect to the socket that will get the terminal's master; `run` shows the terminal itself",
            "--console-socket",
          ),
    ),
    runtime(
      "connect pidfd socket",
      act("connect to the socket that will get a pidfd of init, where one is named", "--pidfd-socket"),
    ),
    runtime("reserve container id", [
      { text: `make the state directory ${plan.id} below the state root`, why: "default" },
    ]),
    runtime(
      "make notify directory",
      rootfs.sources
        .filter(({ why }) => why === "NOTIFY_SOCKET")
        .map(({ path, why }) => ({ text: `make ${path}, where the container will say that it is ready`, why })),
    ),
    runtime("compile seccomp filter", seccompActs(plan, "compile")),
    runtime("open mount sources", rootfs.sources.map(sourceAct)),
    runtime(
      "find resource control group",
      plan.intelRdt === undefined
        ? []
        : [{ text: `find the resctrl group ${plan.intelRdt.group || "of the default class"}`, why: "/linux/intelRdt" }],
    ),
    runtime(
      "record what will be made",
      act(
        "write state.json and config.json before anything else is made, so that `delete --force` finds all of it",
        "default",
      ),
    ),
    runtime(
      "listen for start",
      act(
        "make start.sock in the state directory, on which init waits for `tsrun start`; `run` does without",
        "default",
      ),
    ),
    runtime("prepare cgroup", cgroup.mode === "v2" && cgroup.unit === undefined ? cgroupActs(plan) : []),
    runtime("clone into namespaces", cloneActs(plan)),
    runtime("map ids", mapActs(plan, ["runtime", "helper"])),
    runtime(
      "complete cgroup",
      cgroup.mode === "v1" || cgroup.unit !== undefined ? [...unitActs(cgroup.unit), ...cgroupActs(plan)] : [],
    ),
    runtime(
      "hand over cgroup",
      cgroup.delegate
        ? [{ text: `make uid ${process.uid} of the container the owner of its cgroup`, why: "/linux/namespaces" }]
        : [],
    ),
    runtime("enter resource control group", intelRdtActs(plan)),
    runtime(
      "move network devices",
      (plan.netDevices?.devices ?? []).map(({ host, name, why }) => ({
        text: `move ${host} and its permanent addresses into the container as ${name}, and bring it up`,
        why,
      })),
    ),
    runtime(
      "set rlimits",
      process.rlimits.map(({ name, soft, hard, why }) => ({
        text: `set ${name} to ${soft} (soft), ${hard} (hard)`,
        why,
      })),
    ),
    runtime(
      "set oom score",
      process.oomScoreAdj === undefined
        ? []
        : [{ text: `write ${process.oomScoreAdj} to /proc/PID/oom_score_adj`, why: "/process/oomScoreAdj" }],
    ),
    runtime("record state", [{ text: "write state.json with init's pid", why: "default" }]),
    init("leave the caller's session", [
      { text: "new session, killed with its maker until created, closed to ptrace, signals blocked", why: "default" },
    ]),
    init("enter user namespace", userNamespaceActs(plan)),
    init("open security attributes", [
      ...(plan.lsm?.apparmor === undefined
        ? []
        : act("open /proc/self/attr/apparmor/exec, while /proc is still the host's", plan.lsm.apparmor.why)),
      ...(plan.lsm?.selinux === undefined
        ? []
        : act(
            "open /proc/self/attr/exec and /proc/self/attr/keycreate, while /proc is still the host's",
            plan.lsm.selinux.why,
          )),
    ]),
    init(
      "join namespaces",
      (namespaces.user === undefined ? namespaces.childJoins : []).map(({ type, path, why }) => ({
        text: `join the ${type} namespace ${path}`,
        why,
      })),
    ),
    init(
      "join session keyring",
      plan.keyring === undefined ? [] : [{ text: `new session keyring ${plan.keyring.name}`, why: "default" }],
    ),
    init(
      "raise loopback",
      namespaces.loopback === undefined ? [] : [{ text: "bring the link lo up", why: namespaces.loopback.why }],
    ),
    init("prepare rootfs", prepareActs(plan)),
    init(
      "mount filesystems",
      rootfs.mountsBeforeCgroup.map((op) => mountAct(op, rootfs.sources)),
    ),
    init("wait for cgroup", act("wait until the cgroup is complete and the state is recorded", "default")),
    init(
      "enter cgroup",
      cgroup.groups.length === 0
        ? []
        : [
            {
              text: `move itself into ${cgroup.groups.length} cgroup${cgroup.groups.length === 1 ? "" : "s"}`,
              why: cgroup.why,
            },
          ],
    ),
    init("reset CPU affinity", [{ text: "allow every processor that the cgroup allows", why: "default" }]),
    init(
      "enter cgroup namespace",
      namespaces.cgroup === undefined
        ? []
        : [{ text: "new cgroup namespace: its own cgroup looks like the root", why: namespaces.cgroup.why }],
    ),
    init(
      "mount cgroup filesystems and the rest",
      rootfs.mountsAfter.map((op) => mountAct(op, rootfs.sources)),
    ),
    init("create devices", deviceActs(plan)),
    runtime("run hooks of the runtime", [...hookActs(plan, "prestart"), ...hookActs(plan, "createRuntime")]),
    init(
      "wait for hooks of the runtime",
      plan.runtimeHooks ? act("wait until the prestart and createRuntime hooks have ended", "/hooks") : [],
    ),
    init("run createContainer hooks", hookActs(plan, "createContainer")),
    init("pivot into rootfs", [{ text: pivotText(plan), why: rootfs.pivot.why }]),
    init("attach terminal", terminalActs(plan)),
    init("create working directory", [{ text: `make ${process.cwd}, if it does not exist`, why: "/process/cwd" }]),
    init("make mounts read-only", [
      ...rootfs.lateReadonly.map(({ path, why }) => ({
        text: `make ${path} read-only, now that everything below it is made`,
        why,
      })),
      ...(rootfs.readonlyRoot ? [{ text: "make the root file system read-only", why: "/root/readonly" }] : []),
    ]),
    init("set host and domain name", [
      ...(namespaces.hostname === undefined
        ? []
        : [{ text: `host name ${namespaces.hostname.name}`, why: namespaces.hostname.why }]),
      ...(namespaces.domainname === undefined
        ? []
        : [{ text: `domain name ${namespaces.domainname.name}`, why: namespaces.domainname.why }]),
    ]),
    init(
      "apply AppArmor profile",
      plan.lsm?.apparmor === undefined
        ? []
        : [
            {
              text: `write ${JSON.stringify(plan.lsm.apparmor.command)} to /proc/self/attr/apparmor/exec`,
              why: plan.lsm.apparmor.why,
            },
          ],
    ),
    init(
      "write sysctls",
      plan.sysctls.map(({ file, value, why }) => ({
        text: `write ${JSON.stringify(value)} to /proc/sys/${file}`,
        why,
      })),
    ),
    init("restrict paths", [
      ...rootfs.readonlyPaths.map(({ path, why }) => ({ text: `make ${path} read-only, if it exists`, why })),
      ...rootfs.maskedPaths.map(({ path, why }) => ({ text: `hide ${path}, if it exists`, why })),
    ]),
    init("hand over stdio", [{ text: `give standard input, output and error to uid ${process.uid}`, why: "default" }]),
    init(
      "set no_new_privs",
      process.noNewPrivileges
        ? [{ text: "no gain of privileges by execve any more", why: "/process/noNewPrivileges" }]
        : [],
    ),
    init("set scheduling", schedulingActs(plan)),
    init(
      "set SELinux label",
      plan.lsm?.selinux === undefined
        ? []
        : [
            {
              text: `write ${JSON.stringify(plan.lsm.selinux.label)} to /proc/self/attr/exec`,
              why: plan.lsm.selinux.why,
            },
          ],
    ),
    init(
      "let go of the host",
      act("close every descriptor of ours and forget the environment of the caller", "default"),
    ),
    init(
      "settle rlimits",
      plan.pidEntry === undefined && rootfs.sources.length > 0
        ? process.rlimits
            .filter(({ name }) => name === "RLIMIT_NOFILE")
            .map(({ name, soft, hard, why }) => ({
              text: `set ${name} to ${soft} (soft), ${hard} (hard) again: mount sources may have needed more`,
              why,
            }))
        : [],
    ),
    init("close descriptors", [
      {
        text: `let execve close every descriptor above ${2 + process.inheritedFds}`,
        why: process.inheritedFds === 0 ? "default" : "--preserve-fds",
      },
    ]),
    init("enter pid namespace before seccomp", pidEntryActs(plan, "before seccomp")),
    init("install seccomp as root", seccompActs(plan, "privileged")),
    init("become user", userActs(plan)),
    init("enter pid namespace", pidEntryActs(plan, "last")),
    runtime(
      "wait for init to enter the pid namespace",
      plan.pidEntry === undefined
        ? []
        : act("wait for the process that init has become, and record its pid", "/linux/namespaces"),
    ),
    init(
      "enter working directory",
      plan.pidEntry === "last"
        ? act(`change to ${process.cwd}, if it is only there in the pid namespace that was joined`, "/process/cwd")
        : [],
    ),
    init("find program", [{ text: `find ${JSON.stringify(process.args[0])} as that user`, why: "/process/args" }]),
    init("install seccomp with a listener", seccompActs(plan, "created")),
    runtime("send pidfd", act("send a pidfd of init, where a socket for it is named", "--pidfd-socket")),
    runtime("write pid file", act("write init's pid into a file, where one is named", "--pid-file")),
    start("install seccomp", seccompActs(plan, "started")),
    start("run startContainer hooks", hookActs(plan, "startContainer")),
    start("execute", [
      { text: `become ${process.args.map((arg) => JSON.stringify(arg)).join(" ")}`, why: "/process/args" },
    ]),
    runtime("run poststart hooks", hookActs(plan, "poststart")),
  ];
}

const sourceAct = ({ path, recursive, idmap, why }: SourceOp): Act => ({
  text: `open ${path}${recursive ? " with the mounts below it" : ""}${idmapWords(idmap)}`,
  why,
});

function idmapWords(idmap: SourceOp["idmap"]): string {
  if (idmap === undefined) return "";
  const list = (lines: string): string => lines.trim().replaceAll("\n", ", ");
  const map =
    idmap.kind === "maps"
      ? `as uid map ${list(idmap.uids)} and gid map ${list(idmap.gids)} say`
      : `as the user namespace ${idmap.path} says`;
  return `, its files owned ${map}${idmap.recursive ? ", and so below it" : ""}`;
}

function cgroupActs({ cgroup }: ContainerPlan): readonly Act[] {
  return [
    ...groupActs(cgroup),
    ...cgroup.writes.map(({ file, value, why: asked }) => ({
      text: `write ${JSON.stringify(value)} to ${file}`,
      why: asked,
    })),
    ...(cgroup.devices === undefined ? [] : deviceRuleActs(cgroup.devices)),
    ...cgroup.ignored.map(({ problem, why: asked }) => ({ text: `ignored: ${problem}`, why: asked })),
  ];
}

/** Cgroups that differ by their hierarchy only are one: they stand at the same place of it, or below our own group in it. */
function groupActs({ groups, unit, why }: ContainerPlan["cgroup"]): readonly Act[] {
  const verb = unit === undefined ? "make" : "use";
  const alike = (above: "mountPoint" | "runtimes"): string | undefined => {
    const places = new Set(
      groups.map((group) => (group.path.startsWith(`${group[above]}/`) ? group.path.slice(group[above].length) : "")),
    );
    const [place = ""] = places;
    return groups.length > 1 && places.size === 1 && place !== "" ? place : undefined;
  };
  const [place, below] = [alike("mountPoint"), alike("runtimes")];
  if (place === undefined && below === undefined)
    return groups.map(({ path }) => ({ text: `${verb} the cgroup ${path}`, why }));
  const names = groups.map(({ mountPoint }) => mountPoint.slice(mountPoint.lastIndexOf("/") + 1)).join(" ");
  const what = place ?? `${(below ?? "").slice(1)} below our own`;
  return [{ text: `${verb} the cgroup ${what} in each of ${groups.length} hierarchies: ${names}`, why }];
}

const NODES: { readonly [device: string]: string } = {
  "c 1:3": "null",
  "c 1:5": "zero",
  "c 1:7": "full",
  "c 1:8": "random",
  "c 1:9": "urandom",
  "c 5:0": "tty",
  "c 5:1": "console",
  "c 5:2": "ptmx",
  "c 10:200": "tun",
  "c 10:229": "fuse",
  "c 136:*": "every pts",
  "c *:*": "every character device",
  "b *:*": "every block device",
};

/** The last rule that names every device, and what differs from it; what every container has is one line. */
function deviceRuleActs({ allow, why, exceptions }: DevicePlan): readonly Act[] {
  const [verb, opposite] = allow ? ["allow", "refuse"] : ["refuse", "allow"];
  const named = (one: DeviceException): string => {
    const line = deviceLine(one);
    const [, device = line, access = ""] = /^(.*) ([rwm]+)$/.exec(line) ?? [];
    const name = NODES[device] === undefined ? device : `${NODES[device]} (${device})`;
    const words = [...access].map((letter) => (letter === "r" ? "read" : letter === "w" ? "write" : "mknod"));
    return access === "rwm" ? name : `${words.join(" and ")} ${name}`;
  };
  const defaults = exceptions.filter((one) => one.why === "default");
  return [
    { text: `${verb} every device but these`, why },
    ...exceptions
      .filter((one) => one.why !== "default")
      .map((one) => ({ text: `${opposite} ${named(one)}`, why: one.why })),
    ...(defaults.length === 0
      ? []
      : [{ text: `${opposite} what every container may use: ${defaults.map(named).join(", ")}`, why: "default" }]),
  ];
}

function unitActs(unit: UnitPlan | undefined): readonly Act[] {
  if (unit === undefined) return [];
  const { name, kind, slice, user, subgroup, why, properties } = unit;
  return [
    {
      text: `have ${user ? "the user's" : "the system's"} systemd start the ${kind} ${name}${kind === "scope" ? ` in ${slice}, with init in it` : ""}`,
      why,
    },
    ...properties.map((property) => ({ text: `${property.name}=${show(property.value)}`, why: property.why })),
    ...(subgroup === undefined
      ? []
      : [{ text: `move init down into ${subgroup}`, why: "/annotations/run.oci.systemd.subgroup" }]),
  ];
}

function intelRdtActs({ intelRdt }: ContainerPlan): readonly Act[] {
  if (intelRdt === undefined) return [];
  const why = "/linux/intelRdt";
  return [
    ...intelRdt.schemata.map((line) => ({ text: `write ${JSON.stringify(line)} to schemata`, why })),
    ...(intelRdt.monitoring === undefined
      ? []
      : [{ text: `make the monitoring group ${intelRdt.monitoring}`, why: `${why}/enableMonitoring` }]),
    { text: `put the container's process into ${intelRdt.group || "the default class"}`, why },
  ];
}

function schedulingActs({ scheduling }: ContainerPlan): readonly Act[] {
  if (scheduling === undefined) return [];
  const { scheduler, ioPriority, personality, memoryPolicy } = scheduling;
  return [
    ...(scheduler === undefined ? [] : [{ text: `scheduling policy ${scheduler.text}`, why: scheduler.why }]),
    ...(ioPriority === undefined ? [] : [{ text: `I/O priority ${ioPriority.text}`, why: ioPriority.why }]),
    ...(personality === undefined ? [] : [{ text: `personality ${personality.text}`, why: personality.why }]),
    ...(memoryPolicy === undefined ? [] : [{ text: `memory policy ${memoryPolicy.text}`, why: memoryPolicy.why }]),
  ];
}

function cloneActs({ namespaces }: ContainerPlan): readonly Act[] {
  const { time } = namespaces;
  return [
    ...namespaces.parentJoins.map(({ type, path, why }) => ({
      text: `enter the ${type} namespace ${path} for the clone`,
      why,
    })),
    ...(time?.by !== "parent"
      ? []
      : [
          {
            text: `new time namespace${time.offsets === "" ? "" : `, offsets ${time.offsets.trim().replaceAll("\n", ", ")}`}`,
            why: time.why,
          },
        ]),
    ...namespaces.created.flatMap(({ type, why }) =>
      type === "cgroup" || type === "time" ? [] : [{ text: `new ${type} namespace`, why }],
    ),
    { text: "fork init, the container's first process", why: "default" },
  ];
}

function userNamespaceActs(plan: ContainerPlan): readonly Act[] {
  const { namespaces } = plan;
  const { user, time, childJoins } = namespaces;
  if (user === undefined) return [];
  return [
    ...childJoins.map(({ type, path, why }) => ({ text: `join the ${type} namespace ${path}`, why })),
    ...(user.denySetgroups
      ? [{ text: "give up setgroups(2), which mapping a group without privilege costs", why: "default" }]
      : []),
    ...mapActs(plan, ["init"]),
    ...(time?.by !== "init"
      ? []
      : [
          {
            text: `new time namespace${time.offsets === "" ? "" : `, offsets ${time.offsets.trim().replaceAll("\n", ", ")}`}`,
            why: time.why,
          },
        ]),
    { text: "become root of the user namespace", why: user.why },
  ];
}

function pidEntryActs(
  { pidEntry, namespaces: { childJoins } }: ContainerPlan,
  moment: ContainerPlan["pidEntry"],
): readonly Act[] {
  const join = childJoins.find(({ type }) => type === "pid");
  return join === undefined || pidEntry !== moment
    ? []
    : [{ text: "fork init into the pid namespace that was joined, and end", why: join.why }];
}

function mapActs({ namespaces: { user } }: ContainerPlan, by: readonly IdMap["by"][]): readonly Act[] {
  if (user === undefined || user.path !== undefined) return [];
  return [user.uids, user.gids].flatMap((map) => {
    if (!by.includes(map.by)) return [];
    const helper = map.by !== "helper" ? "" : map.file === "uid_map" ? " by newuidmap" : " by newgidmap";
    return [{ text: `write ${map.file}${helper}: ${map.text.trim().replaceAll("\n", ", ")}`, why: map.why }];
  });
}

function prepareActs({ rootfs }: ContainerPlan): readonly Act[] {
  const { propagation } = rootfs;
  if (propagation === undefined) return [];
  return [
    { text: `make the copies of the host's mounts ${propagationWords(propagation.host)}`, why: propagation.why },
    ...parentAct(propagation),
    {
      text: `bind ${rootfs.rootfs} onto itself, ${propagationWords(propagation.root)}: the root must be a mount`,
      why: "/root/path",
    },
  ];
}

const parentAct = ({ parent, why }: PropagationPlan): readonly Act[] =>
  parent === undefined
    ? []
    : [{ text: `make the mount that the root file system lies on ${propagationWords(parent)}`, why }];

function mountAct(op: MountOp, sources: readonly SourceOp[]): Act {
  const { why } = op;
  switch (op.kind) {
    case "filesystem": {
      const options = [
        ...flagWords(op.flags),
        ...(op.data === "" ? [] : [op.data]),
        ...op.propagation.map(propagationWords),
      ];
      return {
        text: `mount ${op.type} on ${op.destination}${options.length > 0 ? ` (${options.join(",")})` : ""}${op.copyUp ? ", with a copy of what it covers" : ""}`,
        why,
      };
    }
    case "bind": {
      const options = [
        ...(op.attributes === undefined
          ? []
          : attributeWords({ set: op.attributes.set, clear: op.attributes.asked }).split(",")),
        ...(op.tree === undefined
          ? []
          : attributeWords(op.tree)
              .split(",")
              .map((word) => `r${word}`)),
        ...op.propagation.map(propagationWords),
      ].filter((word) => word !== "");
      return {
        text: `bind ${sourceOf(op, sources)} on ${op.destination}${op.recursive ? " with the mounts below it" : ""}${options.length > 0 ? ` (${options.join(",")})` : ""}${op.source.kind === "inside" ? idmapWords(op.source.idmap) : ""}`,
        why,
      };
    }
    case "remount": {
      const words = attributeWords({ set: op.attributes.set, clear: op.attributes.asked });
      return { text: `change the attributes of ${op.destination}${words === "" ? "" : ` (${words})`}`, why };
    }
    case "cgroup1":
      return { text: `mount ${op.hierarchies.length} cgroup hierarchies below ${op.destination}`, why };
    case "cgroup2":
      return { text: `mount cgroup2 on ${op.destination}`, why };
    case "sysfs":
      return { text: `mount sysfs on ${op.destination}, or bind the host's where that is not allowed`, why };
  }
}

function deviceActs({ rootfs }: ContainerPlan): readonly Act[] {
  return [
    ...rootfs.devices.map(({ directory, name, major, minor, mode, bind, why }) => ({
      text: bind
        ? `bind the host's ${directory}/${name}`
        : `make ${directory}/${name} (${major}:${minor}, mode 0${(mode & 0o7777).toString(8)})`,
      why,
    })),
    ...rootfs.links.map(({ directory, name, target }) => ({
      text: `link ${directory}/${name} to ${target}`,
      why: "default",
    })),
  ];
}

function pivotText({ rootfs }: ContainerPlan): string {
  switch (rootfs.pivot.kind) {
    case "pivot_root":
      return `make ${rootfs.rootfs} the root by pivot_root and let go of the host's`;
    case "move":
      return `move ${rootfs.rootfs} over / and chroot into it`;
    case "chroot":
      return `chroot into ${rootfs.rootfs}: there is no mount namespace of its own`;
  }
}

function terminalActs({ terminal }: ContainerPlan): readonly Act[] {
  if (terminal === undefined) return [];
  const { size, bindConsole, why } = terminal;
  return [
    { text: "make a pseudoterminal of the container's devpts and send its master to who shows it", why },
    ...(size === undefined
      ? []
      : [{ text: `${size.rows} rows, ${size.columns} columns`, why: "/process/consoleSize" }]),
    ...(bindConsole ? [{ text: "bind it over /dev/console", why }] : []),
    { text: "make it standard input, output and error, and the controlling terminal", why },
  ];
}

const groupWords = ({ keepsGroups, additionalGids }: ContainerPlan["process"]): string =>
  keepsGroups
    ? ", the caller's other groups (run.oci.keep_original_groups)"
    : additionalGids.length > 0
      ? `, groups ${additionalGids.join(" ")}`
      : "";

function userActs({ process }: ContainerPlan): readonly Act[] {
  const { capabilities } = process;
  const set = (name: string, mask: bigint): Act => ({
    text: `${name} capabilities: ${capabilityWords(mask)}`,
    why: capabilities.why,
  });
  return [
    { text: `uid ${process.uid}, gid ${process.gid}${groupWords(process)}`, why: "/process/user" },
    { text: `umask 0${process.umask.toString(8)}`, why: process.umaskWhy },
    set("bounding", capabilities.bounding),
    set("effective", capabilities.effective),
    set("permitted", capabilities.permitted),
    set("inheritable", capabilities.inheritable),
    set("ambient", capabilities.ambient),
    { text: `change to ${process.cwd}`, why: "/process/cwd" },
  ];
}

/** The filter is compiled by us, and installed at one of three moments: seccomp/plan.ts says why. */
function seccompActs({ seccomp }: ContainerPlan, moment: SeccompMoment | "compile"): readonly Act[] {
  if (seccomp === undefined) return [];
  const { rules, listener, why } = seccomp;
  if (moment === "compile")
    return [
      { text: `compile a filter of ${rules.length} rules, or take it from the cache`, why },
      ...deniedCalls(seccomp).map(({ group, calls, answer, why: asked }) => ({
        text: `deny ${calls.length} ${calls.length === 1 ? "call" : "calls"} (${group}): ${shortened(calls)}: ${answer}`,
        why: asked,
      })),
    ];
  if (moment !== seccomp.moment) return [];
  return [{ text: `install the filter${listener === undefined ? "" : `, its questions go to ${listener.path}`}`, why }];
}

/** A list that is too long for a line says how many more there are. */
const shortened = (names: readonly string[]): string =>
  names.length > MOST_NAMES
    ? `${names.slice(0, MOST_NAMES).join(" ")} and ${names.length - MOST_NAMES} more`
    : names.join(" ");
const MOST_NAMES = 24;

const hookActs = (plan: ContainerPlan, kind: HookKind): readonly Act[] =>
  plan.hooks[kind].map(({ path, args, timeout }, i) => ({
    text: `run ${[path, ...args.slice(1)].map(word).join(" ")}${args[0] === path ? "" : ` as ${word(args[0] ?? "")}`}${timeout === undefined ? "" : `, for ${timeout} s at most`}`,
    why: `/hooks/${kind}/${i}`,
  }));

/** As JSON where it is not plain. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : JSON.stringify(text));

const capabilityWords = (mask: bigint): string =>
  mask === 0n ? "none" : capabilityNames.filter((_name, number) => (mask & (1n << BigInt(number))) !== 0n).join(" ");

function propagationWords(flags: number): string {
  const word =
    flags & MS_SHARED
      ? "shared"
      : flags & MS_SLAVE
        ? "slave"
        : flags & MS_PRIVATE
          ? "private"
          : flags & MS_UNBINDABLE
            ? "unbindable"
            : "as it is";
  return flags & MS_REC ? `r${word}` : word;
}
