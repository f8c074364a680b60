// `tsrun inspect`: what a container that runs has, beside what the host has and what config.json asked for. Only what /proc and the cgroup file systems say, each
// with the command that shows it: whoever does not believe us can look.

import type { CgroupPaths } from "../cgroup/plan.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { NamespaceType, Resources, Rlimit, Spec } from "../spec/types.ts";
import { readlinkat } from "../sys/directory.ts";
import { NAMESPACES, peek } from "./look.ts";

export type Item = {
  readonly topic: string;
  readonly what: string;
  /** What the container has; absent: we may not look. */
  readonly container?: string;
  /** What we have, who stand for the host. */
  readonly host?: string;
  readonly sharing?: "own" | "SHARED";
  /** What was asked for, where the container has something else now. */
  readonly asked?: string;
  /** The part of config.json that asked. */
  readonly pointer?: string;
  /** Shows the same. */
  readonly command: string;
};

export type Target = {
  readonly id: string;
  readonly pid: number;
  readonly cgroup: CgroupPaths;
  readonly spec: Spec;
  readonly resources: Resources;
};

export type Inspection = { readonly id: string; readonly pid: number; readonly items: readonly Item[] };

export function inspect(target: Target): Inspection {
  const items = [
    ...namespaces(target),
    ...ids(target),
    ...capabilities(target),
    ...restrictions(target),
    ...mounts(target),
    ...cgroups(target),
    ...limits(target),
  ];
  return { id: target.id, pid: target.pid, items };
}

/** Absent keys for what is not known: JSON has no undefined. */
function item(
  topic: string,
  what: string,
  command: string,
  more: { readonly [Key in keyof Item]?: Item[Key] | undefined },
): Item {
  return {
    topic,
    what,
    command,
    ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)),
  };
}

// ---- namespaces and ids

const TYPES: readonly NamespaceType[] = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];

function namespaces({ pid, spec }: Target): readonly Item[] {
  return TYPES.flatMap((type) => {
    const file = NAMESPACES[type];
    const own = link(`/proc/${pid}/ns/${file}`);
    const ours = link(`/proc/self/ns/${file}`);
    if (ours === undefined) return []; // this kernel has none of the kind
    const index = spec.linux.namespaces.findIndex((one) => one.type === type);
    const sharing = own === undefined ? undefined : own === ours ? "SHARED" : "own";
    const asks = index >= 0 && spec.linux.namespaces[index]?.path === undefined ? "own" : undefined;
    return [
      item("namespaces", type, `readlink /proc/${pid}/ns/${file} /proc/self/ns/${file}`, {
        container: own,
        host: ours,
        sharing,
        asked: asks === "own" && sharing === "SHARED" ? "a new one" : undefined,
        pointer: index < 0 ? undefined : `/linux/namespaces/${index}`,
      }),
    ];
  });
}

function link(path: string): string | undefined {
  try {
    return readlinkat(null, path);
  } catch {
    return undefined;
  }
}

const oneLine = (text: string | undefined): string | undefined =>
  text
    ?.trim()
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .join(", ");

function ids({ pid, spec }: Target): readonly Item[] {
  const maps = (["uid", "gid"] as const).map((kind) => {
    const own = oneLine(peek(`/proc/${pid}/${kind}_map`));
    const ours = oneLine(peek(`/proc/self/${kind}_map`));
    const asked = spec.linux[`${kind}Mappings`].map((one) => `${one.containerID} ${one.hostID} ${one.size}`).join(", ");
    return item("ids", `${kind} map (container, host, count)`, `cat /proc/${pid}/${kind}_map`, {
      container: own,
      host: ours,
      sharing: own === undefined ? undefined : own === ours ? "SHARED" : "own",
      asked: asked !== "" && asked !== own ? asked : undefined,
      pointer: asked === "" ? undefined : `/linux/${kind}Mappings`,
    });
  });
  const user = (kind: "Uid" | "Gid"): Item => {
    const own = status(pid, kind)?.split(/\s+/)[1];
    return item(
      "ids",
      `${kind === "Uid" ? "user" : "group"} of the first process, as the host counts`,
      statusCommand(pid, kind),
      {
        container: own,
        host: status("self", kind)?.split(/\s+/)[1],
      },
    );
  };
  return [...maps, user("Uid"), user("Gid")];
}

const status = (pid: number | "self", name: string): string | undefined =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(peek(`/proc/${pid}/status`) ?? "")?.[1];

const statusCommand = (pid: number, name: string): string => `grep ^${name}: /proc/${pid}/status`;

// ---- what it may do

const SETS = {
  CapBnd: "bounding",
  CapPrm: "permitted",
  CapEff: "effective",
  CapInh: "inheritable",
  CapAmb: "ambient",
} as const;

function capabilities({ pid, spec }: Target): readonly Item[] {
  return Object.entries(SETS).map(([name, set]) => {
    const own = status(pid, name);
    const asked = [...(spec.process?.capabilities?.[set] ?? [])].map((one) => one.replace(/^CAP_/, "")).sort();
    const names = own === undefined ? undefined : capabilitiesOf(own);
    return item("capabilities", set, statusCommand(pid, name), {
      container: names && (names.join(" ") || "none"),
      host: shortened(capabilitiesOf(status("self", name) ?? "0")),
      asked: names === undefined || [...names].sort().join() === asked.join() ? undefined : asked.join(" ") || "none",
      pointer: `/process/capabilities/${set}`,
    });
  });
}

const capabilitiesOf = (mask: string): readonly string[] =>
  capabilityNames.filter((_name, number) => (BigInt(`0x${mask}`) >> BigInt(number)) & 1n);

const shortened = (names: readonly string[]): string =>
  names.length > capabilityNames.length / 2
    ? `all but ${capabilityNames.filter((name) => !names.includes(name)).join(" ") || "none"}`
    : names.join(" ") || "none";

const SECCOMP: readonly string[] = ["none", "strict", "filter"];

function restrictions({ pid, spec }: Target): readonly Item[] {
  const yes = (value: string | undefined): string | undefined => value && (value === "1" ? "set" : "not set");
  const wantsNoNewPrivileges = spec.process?.noNewPrivileges === true;
  const noNewPrivileges = yes(status(pid, "NoNewPrivs"));
  const mode = SECCOMP[Number(status(pid, "Seccomp") ?? -1)];
  const filters = status(pid, "Seccomp_filters");
  const label = (who: number | "self"): string | undefined => peek(`/proc/${who}/attr/current`)?.replace(/\0?\n?$/, "");
  return [
    item("restrictions", "no_new_privs", statusCommand(pid, "NoNewPrivs"), {
      container: noNewPrivileges,
      host: yes(status("self", "NoNewPrivs")),
      asked: wantsNoNewPrivileges && noNewPrivileges !== "set" ? "set" : undefined,
      pointer: "/process/noNewPrivileges",
    }),
    item("restrictions", "seccomp", statusCommand(pid, "Seccomp"), {
      container: mode === "filter" && filters !== undefined ? `${filters} filter${filters === "1" ? "" : "s"}` : mode,
      host: SECCOMP[Number(status("self", "Seccomp") ?? -1)],
      asked: spec.linux.seccomp !== undefined && mode !== "filter" ? "a filter" : undefined,
      pointer: spec.linux.seccomp === undefined ? undefined : "/linux/seccomp",
    }),
    ...(label(pid) === undefined
      ? [] // no module has labels
      : [
          item("restrictions", "security label", `cat /proc/${pid}/attr/current`, {
            container: label(pid),
            host: label("self"),
          }),
        ]),
    item("restrictions", "oom_score_adj", `cat /proc/${pid}/oom_score_adj`, {
      container: peek(`/proc/${pid}/oom_score_adj`)?.trim(),
      host: peek("/proc/self/oom_score_adj")?.trim(),
      ...otherThan(spec.process?.oomScoreAdj, peek(`/proc/${pid}/oom_score_adj`)?.trim(), "/process/oomScoreAdj"),
    }),
  ];
}

const otherThan = (
  asked: string | number | bigint | undefined,
  now: string | undefined,
  pointer: string,
): { readonly asked?: string | undefined; readonly pointer?: string | undefined } =>
  asked === undefined ? {} : { pointer, asked: now === undefined || String(asked) === now ? undefined : String(asked) };

// ---- root and mounts

type Mounted = {
  readonly point: string;
  readonly options: string;
  readonly type: string;
  readonly source: string;
  readonly shared: boolean;
};

/** @see proc_pid_mountinfo(5) */
function mounted(pid: number): readonly Mounted[] {
  const decode = (text: string): string =>
    text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return (peek(`/proc/${pid}/mountinfo`) ?? "").split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const [, , , root = "", point, options = ""] = fields;
    if (point === undefined || dash < 0) return [];
    const source = fields[dash + 2] ?? "";
    return [
      {
        point: decode(point),
        options,
        type: fields[dash + 1] ?? "",
        source: root === "/" ? source : `${source}${decode(root)}`,
        shared: fields.slice(6, dash).some((field) => field.startsWith("shared:")),
      },
    ];
  });
}

function mounts({ pid, spec }: Target): readonly Item[] {
  const found = mounted(pid);
  const command = `cat /proc/${pid}/mountinfo`;
  const at = (path: string): Mounted | undefined => found.findLast(({ point }) => point === path);
  const isReadonly = (mount: Mounted | undefined): boolean => mount?.options.split(",").includes("ro") ?? false;
  const root = at("/");
  const items = [
    item("mounts", "/", `readlink /proc/${pid}/root; ${command}`, {
      container: root && describe(root),
      sharing: root?.shared ? "SHARED" : "own",
      asked: root !== undefined && spec.root.readonly && !isReadonly(root) ? "read-only" : undefined,
      pointer: "/root",
    }),
  ];
  const known = new Set<string>();
  for (const [index, { destination, options }] of spec.mounts.entries()) {
    const path = `/${destination.split("/").filter(Boolean).join("/")}`;
    const mount = at(path);
    known.add(path);
    const wantsReadonly = options.includes("ro") && !options.includes("rw");
    items.push(
      item("mounts", path, command, {
        container: mount === undefined ? "nothing is mounted" : describe(mount),
        sharing: mount === undefined ? undefined : mount.shared ? "SHARED" : "own",
        asked: mount === undefined ? "a mount" : wantsReadonly && !isReadonly(mount) ? "read-only" : undefined,
        pointer: `/mounts/${index}`,
      }),
    );
  }
  for (const mount of found)
    if (mount.point !== "/" && !known.has(mount.point))
      items.push(
        item("mounts", mount.point, command, { container: describe(mount), sharing: mount.shared ? "SHARED" : "own" }),
      );
  return items;
}

const describe = ({ type, source, options }: Mounted): string => `${type} from ${source} (${options})`;

// ---- cgroups

type CgroupFile = {
  readonly what: string;
  readonly controller: string;
  /** Of cgroup v1, of v2. */
  readonly v1: string;
  readonly v2: string;
  readonly use?: { readonly v1: string; readonly v2: string };
  readonly asked?: (resources: Resources) => string | number | bigint | undefined;
  readonly pointer?: string;
};

const FILES: readonly CgroupFile[] = [
  {
    what: "memory limit, in bytes",
    controller: "memory",
    v1: "memory.limit_in_bytes",
    v2: "memory.max",
    use: { v1: "memory.usage_in_bytes", v2: "memory.current" },
    asked: ({ memory }) => memory.limit,
    pointer: "/memory/limit",
  },
  {
    what: "processes",
    controller: "pids",
    v1: "pids.max",
    v2: "pids.max",
    use: { v1: "pids.current", v2: "pids.current" },
    asked: ({ pids }) => pids.limit,
    pointer: "/pids/limit",
  },
  {
    what: "processors",
    controller: "cpuset",
    v1: "cpuset.cpus",
    v2: "cpuset.cpus.effective",
    asked: ({ cpu }) => cpu.cpus,
    pointer: "/cpu/cpus",
  },
  {
    what: "memory nodes",
    controller: "cpuset",
    v1: "cpuset.mems",
    v2: "cpuset.mems.effective",
    asked: ({ cpu }) => cpu.mems,
    pointer: "/cpu/mems",
  },
  { what: "share of the processors", controller: "cpu", v1: "cpu.shares", v2: "cpu.weight" },
  { what: "processor time, in microseconds of a period", controller: "cpu", v1: "cpu.cfs_quota_us", v2: "cpu.max" },
];

function cgroups({ pid, cgroup, resources }: Target): readonly Item[] {
  const own = oneLine(peek(`/proc/${pid}/cgroup`));
  const ours = oneLine(peek("/proc/self/cgroup"));
  const items = [
    item("cgroup", "path", `cat /proc/${pid}/cgroup`, {
      container:
        cgroup.length === 0 ? (own ?? "none of its own") : [...new Set(cgroup.map(({ path }) => path))].join(", "),
      sharing: own === undefined ? undefined : own === ours ? "SHARED" : "own",
    }),
  ];
  const v2 = cgroup.find(({ controllers }) => controllers[0] === "");
  for (const file of FILES) {
    const v1 = cgroup.find(({ controllers }) => controllers.includes(file.controller));
    const directory = v1?.path ?? v2?.path;
    if (directory === undefined) continue;
    const version = v1 === undefined ? "v2" : "v1";
    const value = limitOf(peek(`${directory}/${file[version]}`));
    if (value === undefined) continue;
    const used = file.use && peek(`${directory}/${file.use[version]}`)?.trim();
    items.push(
      item("cgroup", file.what, `cat ${directory}/${file[version]}`, {
        container: used === undefined ? value : `${value}, ${used} in use`,
        ...(file.asked && askedLimit(file.asked(resources), value, `/linux/resources${file.pointer}`)),
      }),
    );
  }
  return items;
}

/** [kernel] v1 shows "no limit" of memory as the highest multiple of a page. */
const limitOf = (text: string | undefined): string | undefined => {
  const value = oneLine(text);
  return value !== undefined && /^\d{18,}$/.test(value) ? "max" : value;
};

/** -1 is no limit; a memory limit is a multiple of pages. */
function askedLimit(
  asked: string | number | bigint | undefined,
  now: string,
  pointer: string,
): ReturnType<typeof otherThan> {
  const PAGE = 65536;
  if (asked === undefined) return {};
  if (typeof asked !== "string" && Number(asked) < 0) return otherThan("max", now, pointer);
  if (
    typeof asked !== "string" &&
    /^\d+$/.test(now) &&
    Math.abs(Number(asked) - Number(now)) < PAGE &&
    Number(asked) >= PAGE
  )
    return { pointer };
  return otherThan(asked, now, pointer);
}

// ---- limits of the process

function limits({ pid, spec }: Target): readonly Item[] {
  const own = limitsOf(pid);
  const ours = limitsOf("self");
  const asked = new Map<string, { readonly limit: Rlimit; readonly i: number }>();
  (spec.process?.rlimits ?? []).forEach((limit, i) => asked.set(limit.type, { limit, i }));
  return [...own].map(([name, now]) => {
    const wanted = asked.get(name);
    const words = wanted && wordsOf(wanted.limit);
    return item("limits", name, `prlimit --pid ${pid} --${name.slice("RLIMIT_".length).toLowerCase()}`, {
      container: now,
      host: ours.get(name),
      asked: words !== undefined && words !== now ? words : undefined,
      pointer: wanted && `/process/rlimits/${wanted.i}`,
    });
  });
}

const INFINITY = 2n ** 64n - 1n;
const wordsOf = ({ soft, hard }: Rlimit): string =>
  [soft, hard].map((one) => (BigInt(one) === INFINITY ? "unlimited" : String(one))).join(":");

const NAMES: { readonly [words: string]: string } = {
  "Max cpu time": "CPU",
  "Max file size": "FSIZE",
  "Max data size": "DATA",
  "Max stack size": "STACK",
  "Max core file size": "CORE",
  "Max resident set": "RSS",
  "Max processes": "NPROC",
  "Max open files": "NOFILE",
  "Max locked memory": "MEMLOCK",
  "Max address space": "AS",
  "Max file locks": "LOCKS",
  "Max pending signals": "SIGPENDING",
  "Max msgqueue size": "MSGQUEUE",
  "Max nice priority": "NICE",
  "Max realtime priority": "RTPRIO",
  "Max realtime timeout": "RTTIME",
};

/** soft:hard by name. @see proc_pid_limits(5) */
function limitsOf(pid: number | "self"): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of (peek(`/proc/${pid}/limits`) ?? "").split("\n").slice(1)) {
    const [, words = "", soft = "", hard = ""] = /^(.*?)\s{2,}(\S+)\s+(\S+)/.exec(line) ?? [];
    const name = NAMES[words];
    if (name !== undefined) found.set(`RLIMIT_${name}`, `${soft}:${hard}`);
  }
  return found;
}

// ---- for people

export function inspectText({ id, pid, items }: Inspection): string {
  const lines = [`Container ${id}, process ${pid}`];
  let topic = "";
  for (const one of items) {
    if (one.topic !== topic) lines.push("", one.topic);
    topic = one.topic;
    const sharing = one.sharing === undefined ? "" : `${one.sharing} `;
    const host = one.host === undefined ? "" : `; host: ${one.host}`;
    lines.push(`  ${one.what}: ${sharing}${one.container ?? "not for us to see"}${host}   [${one.command}]`);
    if (one.asked !== undefined)
      lines.push(`    OTHERWISE NOW: ${one.pointer ?? "config.json"} asked for ${one.asked}`);
  }
  const shared = items
    .filter(({ topic: of, sharing }) => of === "namespaces" && sharing === "SHARED")
    .map(({ what }) => what);
  const differing = items.filter(({ asked }) => asked !== undefined).length;
  lines.push(
    "",
    shared.length === 0 ? "No namespace is shared with the host." : `Shared with the host: ${shared.join(", ")}.`,
    differing === 0
      ? "All is as config.json asked."
      : `${differing} thing${differing === 1 ? " is" : "s are"} not as config.json asked.`,
    "",
  );
  return lines.join("\n");
}
