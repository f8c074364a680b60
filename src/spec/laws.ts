// What the schemas cannot say: the laws between fields of config.json, as a flat list. Each is pure and named, gives its
// source, and reports every place that breaks it. Where callers of runc know its words for a refusal, ours contain them.
// What needs a look at the host (is this path a network namespace? is SELinux on?) is not here but in the rooms' plans.

import type { Violation } from "../base/errors.ts";
import { compareInt64 } from "../base/int64.ts";
import { escapePointer } from "../base/json.ts";
import type { IDMapping, Namespace, NamespaceType, Process, Spec } from "./types.ts";

/** Takes the pointer of what is refused and why. */
type Refuse = (pointer: string, problem: string) => void;

export type Law<Subject> = {
  readonly name: string;
  /** Who says so: a document of the runtime-spec, a kernel rule, or the runtime whose refusal we share. */
  readonly source: string;
  readonly check: (subject: Subject, refuse: Refuse) => void;
};

/** Every law of every config.json, broken where the violations say; those of its process included. */
export function checkLaws(spec: Spec): readonly Violation[] {
  return [...run(LAWS, spec, ""), ...(spec.process ? run(PROCESS_LAWS, spec.process, "/process") : [])];
}

/** The laws of a process alone, for `exec --process`. */
export function checkProcess(process: Process): readonly Violation[] {
  return run(PROCESS_LAWS, process, "");
}

/** What else must hold when the runtime is not root in its user namespace. */
export function checkRootless(spec: Spec): readonly Violation[] {
  return run(ROOTLESS_LAWS, spec, "");
}

function run<Subject>(laws: readonly Law<Subject>[], subject: Subject, where: string): readonly Violation[] {
  const violations: Violation[] = [];
  const refuse: Refuse = (pointer, problem) => violations.push({ pointer: where + pointer, problem });
  for (const law of laws) law.check(subject, refuse);
  return violations;
}

/**
 * Strings go to the kernel as C strings, where a NUL would silently end them. Annotations do not.
 *
 * @param text the document `json` came from: without the escape in it there is nothing to look for
 */
export function checkNulBytes(text: string, json: unknown): readonly Violation[] {
  const violations: Violation[] = [];
  const visit = (value: unknown, pointer: string): void => {
    if (pointer === "/annotations") return;
    if (typeof value === "string" && value.includes("\0")) violations.push({ pointer, problem: "contains a NUL byte (\\u0000)" });
    if (typeof value !== "object" || value === null) return;
    for (const [key, inside] of Object.entries(value)) {
      if (key.includes("\0")) violations.push({ pointer, problem: "has a name that contains a NUL byte (\\u0000)" });
      else visit(inside, `${pointer}/${escapePointer(key)}`);
    }
  };
  if (text.includes("\\u0000")) visit(json, "");
  return violations;
}

const find = (spec: Spec, type: NamespaceType): Namespace | undefined => spec.linux.namespaces.find((ns) => ns.type === type);
const has = (spec: Spec, type: NamespaceType): boolean => find(spec, type) !== undefined;

export const LAWS: readonly Law<Spec>[] = [
  {
    name: "ociVersion",
    source: "config.md, Specification version",
    check({ ociVersion }, refuse) {
      if (!ociVersion.startsWith("1.")) {
        refuse("/ociVersion", `is version ${ociVersion} of the runtime-spec, but tsrun knows 1.x only`);
      }
    },
  },
  {
    name: "annotation names",
    source: "config.md, Annotations",
    check({ annotations }, refuse) {
      if (Object.hasOwn(annotations, "")) refuse("/annotations/", "must not have an empty name");
    },
  },
  {
    name: "hostname needs a uts namespace",
    source: "runc",
    check(spec, refuse) {
      if (spec.hostname !== undefined && !has(spec, "uts")) {
        refuse("/hostname", "unable to set hostname without a private UTS namespace");
      }
      if (spec.domainname !== undefined && !has(spec, "uts")) {
        refuse("/domainname", "unable to set domainname without a private UTS namespace");
      }
    },
  },
  {
    name: "masks need a mount namespace",
    source: "runc",
    check(spec, refuse) {
      if (has(spec, "mount")) return;
      for (const list of ["maskedPaths", "readonlyPaths"] as const) {
        if (spec.linux[list].length > 0) {
          refuse(`/linux/${list}`, "unable to restrict sys entries without a private MNT namespace");
        }
      }
    },
  },
  {
    name: "each namespace once",
    source: "config-linux.md, Namespaces",
    check({ linux: { namespaces } }, refuse) {
      namespaces.forEach(({ type, path }, index) => {
        if (namespaces.findIndex((other) => other.type === type) < index) {
          refuse(`/linux/namespaces/${index}`, `duplicated ns "${type}"`);
        }
        if (path !== undefined && !path.startsWith("/")) refuse(`/linux/namespaces/${index}/path`, "must be an absolute path");
      });
    },
  },
  {
    name: "user namespace and its mappings",
    source: "runc; user_namespaces(7)",
    check(spec, refuse) {
      const user = find(spec, "user");
      const { uidMappings, gidMappings } = spec.linux;
      if (!user) {
        const list = uidMappings.length > 0 ? "uidMappings" : "gidMappings";
        if (uidMappings.length + gidMappings.length > 0) {
          refuse(`/linux/${list}`, "user namespace mappings specified, but user namespace isn't enabled in the config");
        }
      } else if (user.path === undefined) {
        if (uidMappings.length + gidMappings.length === 0) {
          refuse("/linux/namespaces", "user namespaces enabled, but no namespace path to join nor mappings to apply specified");
          return;
        }
        if (!maps(uidMappings, 0)) refuse("/linux/uidMappings", "must map the container's root user (containerID 0)");
        if (!maps(gidMappings, 0)) refuse("/linux/gidMappings", "must map the container's root group (containerID 0)");
      }
    },
  },
  {
    name: "id mappings",
    source: "user_namespaces(7)",
    check({ linux, mounts }, refuse) {
      const check = (list: readonly IDMapping[], pointer: string): void =>
        list.forEach(({ containerID, hostID, size }, index) => {
          if (size === 0) refuse(`${pointer}/${index}/size`, "must not be 0");
          else if (Math.max(containerID, hostID) + size > 2 ** 32 - 1) {
            refuse(`${pointer}/${index}/size`, "maps more ids than there are");
          }
        });
      check(linux.uidMappings, "/linux/uidMappings");
      check(linux.gidMappings, "/linux/gidMappings");
      mounts.forEach((mount, index) => {
        check(mount.uidMappings, `/mounts/${index}/uidMappings`);
        check(mount.gidMappings, `/mounts/${index}/gidMappings`);
      });
    },
  },
  {
    name: "time offsets",
    source: "runc; time_namespaces(7)",
    check(spec, refuse) {
      const offsets = Object.entries(spec.linux.timeOffsets);
      if (offsets.length === 0) return;
      const time = find(spec, "time");
      if (!time) refuse("/linux/timeOffsets", "time namespace offsets specified, but time namespace isn't enabled in the config");
      else if (time.path !== undefined) {
        refuse("/linux/timeOffsets", "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one");
      }
      for (const [clock, { nanosecs }] of offsets) {
        const pointer = `/linux/timeOffsets/${escapePointer(clock)}`;
        if (clock !== "monotonic" && clock !== "boottime") {
          refuse(pointer, "is no clock of a time namespace: there are monotonic and boottime");
        }
        if (nanosecs >= 1e9) refuse(`${pointer}/nanosecs`, "must be less than 1000000000");
      }
    },
  },
  {
    name: "sysctls belong to the container's namespaces",
    source: "runc",
    check(spec, refuse) {
      const seen = new Set<string>();
      for (const key of Object.keys(spec.linux.sysctl)) {
        const name = dottedSysctl(key);
        const problem = seen.has(name) ? `sysctl "${name}" is given twice` : sysctlProblem(spec, name);
        if (problem !== undefined) refuse(`/linux/sysctl/${escapePointer(key)}`, problem);
        seen.add(name);
      }
    },
  },
  {
    name: "id-mapped mounts",
    source: "config.md, Mounts; runc",
    check(spec, refuse) {
      spec.mounts.forEach(({ options, uidMappings, gidMappings }, index) => {
        const mapped = uidMappings.length + gidMappings.length > 0;
        const asked = options.includes("idmap") || options.includes("ridmap");
        if (!mapped && !asked) return;
        const pointer = `/mounts/${index}`;
        if (!options.includes("bind") && !options.includes("rbind")) {
          refuse(pointer, "id-mapped mounts are only supported for bind-mounts");
        }
        if (mapped && (uidMappings.length === 0 || gidMappings.length === 0)) {
          refuse(pointer, "id-mapped mounts must have both uid and gid mappings specified");
        }
        if (!mapped && !has(spec, "user")) {
          refuse(pointer, "id-mapped mounts must have both uid and gid mappings specified, or a user namespace to take them from");
        }
      });
    },
  },
  {
    name: "network devices",
    source: "config-linux.md, Network Devices; runc; dev_valid_name in the kernel",
    check(spec, refuse) {
      for (const [host, { name }] of Object.entries(spec.linux.netDevices)) {
        const pointer = `/linux/netDevices/${escapePointer(host)}`;
        if (!has(spec, "network")) refuse(pointer, "unable to move network devices without a NET namespace");
        if (!isNetDeviceName(host)) refuse(pointer, `invalid network device name "${host}"`);
        if (!isNetDeviceName(name)) refuse(`${pointer}/name`, `invalid network device name "${name}"`);
      }
    },
  },
  {
    name: "memory limits",
    source: "config-linux.md, Memory; runc, crun",
    check({ linux: { resources } }, refuse) {
      const { limit = 0, swap = 0, swappiness = 0 } = resources.memory;
      const pointer = "/linux/resources/memory";
      if (compareInt64(swappiness, 100) > 0) refuse(`${pointer}/swappiness`, "must be an integer between 0 and 100");
      if (compareInt64(limit, -1) < 0) refuse(`${pointer}/limit`, "must be -1 (unlimited), or a number of bytes");
      if (compareInt64(swap, -1) < 0) refuse(`${pointer}/swap`, "must be -1 (unlimited), or a number of bytes");
      if (swap === -1 || swap === 0 || limit === -1) return;
      if (limit === 0) refuse(`${pointer}/swap`, "unable to set swap limit without memory limit");
      else if (compareInt64(swap, limit) < 0) refuse(`${pointer}/swap`, "memory+swap limit should be >= memory limit");
    },
  },
  {
    name: "cpu burst",
    source: "config-linux.md, CPU",
    check({ linux: { resources } }, refuse) {
      const { quota = 0, burst = 0 } = resources.cpu;
      if (quota > 0 && compareInt64(burst, quota) > 0) refuse("/linux/resources/cpu/burst", "must not be more than quota");
    },
  },
  {
    name: "entries that limit nothing",
    source: "config-linux.md, Block IO, RDMA",
    check({ linux: { resources } }, refuse) {
      resources.blockIO.weightDevice.forEach(({ weight, leafWeight }, index) => {
        if (weight === undefined && leafWeight === undefined) {
          refuse(`/linux/resources/blockIO/weightDevice/${index}`, "must have at least one of weight and leafWeight");
        }
      });
      for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma)) {
        if (hcaHandles === undefined && hcaObjects === undefined) {
          refuse(`/linux/resources/rdma/${escapePointer(device)}`, "must have at least one of hcaHandles and hcaObjects");
        }
      }
    },
  },
  {
    name: "unified resources are files of the cgroup",
    source: "runc, crun",
    check({ linux: { resources } }, refuse) {
      for (const key of Object.keys(resources.unified)) {
        if (key.includes("/") || key === "" || key === "." || key === "..") {
          refuse(`/linux/resources/unified/${escapePointer(key)}`, `unified resource "${key}" must be a file name (no slashes)`);
        }
      }
    },
  },
  {
    name: "seccomp errno values",
    source: "config-linux.md, Seccomp",
    check({ linux: { seccomp } }, refuse) {
      const check = (action: string, value: number | undefined, pointer: string): void => {
        if (value !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") {
          refuse(pointer, `errno value specified for action "${action}", which takes none`);
        }
      };
      if (!seccomp) return;
      check(seccomp.defaultAction, seccomp.defaultErrnoRet, "/linux/seccomp/defaultErrnoRet");
      seccomp.syscalls.forEach(({ action, errnoRet }, index) => check(action, errnoRet, `/linux/seccomp/syscalls/${index}/errnoRet`));
    },
  },
  {
    name: "seccomp notify",
    source: "config-linux.md, Seccomp; runc",
    check({ linux: { seccomp } }, refuse) {
      if (!seccomp) return;
      const pointer = "/linux/seccomp";
      if (seccomp.listenerMetadata !== undefined && seccomp.listenerPath === undefined) {
        refuse(`${pointer}/listenerMetadata`, "must not be set without listenerPath");
      }
      if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
        refuse(`${pointer}/defaultAction`, "SCMP_ACT_NOTIFY cannot be used as default action");
      }
      seccomp.syscalls.forEach(({ names, action }, index) => {
        if (action !== "SCMP_ACT_NOTIFY") return;
        // The filter's descriptor has to be written to the parent after the filter is in force.
        if (names.includes("write")) {
          refuse(`${pointer}/syscalls/${index}/names`, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
        }
        if (seccomp.listenerPath === undefined) {
          refuse(
            `${pointer}/syscalls/${index}/action`,
            "SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath: seccomp listenerPath is not set",
          );
        }
      });
    },
  },
  {
    name: "intelRdt",
    source: "config-linux.md, IntelRdt; runc",
    check({ linux: { intelRdt } }, refuse) {
      if (!intelRdt) return;
      const { closID = "", memBwSchema = "MB:", schemata } = intelRdt;
      if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
        refuse("/linux/intelRdt/closID", `invalid intelRdt.ClosID "${closID}"`);
      }
      if (!/^MB:[^\n]*$/.test(memBwSchema)) refuse("/linux/intelRdt/memBwSchema", 'must start with "MB:" and be one line');
      schemata.forEach((line, index) => {
        if (line.includes("\n")) refuse(`/linux/intelRdt/schemata/${index}`, "must be one line");
      });
    },
  },
  {
    name: "memory policy",
    source: "set_mempolicy(2); runc",
    check({ linux: { memoryPolicy } }, refuse) {
      if (!memoryPolicy) return;
      const { mode, nodes, flags } = memoryPolicy;
      const pointer = "/linux/memoryPolicy";
      if (nodes !== undefined && !isNumberList(nodes)) refuse(`${pointer}/nodes`, 'must be a list of nodes such as "0-3,7"');
      const none = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL";
      if (none && nodes !== undefined) refuse(`${pointer}/nodes`, `memory policy mode requires 0 nodes, but ${mode} got some`);
      if (!none && mode !== "MPOL_PREFERRED" && nodes === undefined) {
        refuse(`${pointer}/mode`, `memory policy mode requires at least one node, but ${mode} got 0`);
      }
      if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
        refuse(`${pointer}/flags`, "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
      }
    },
  },
];

export const PROCESS_LAWS: readonly Law<Process>[] = [
  {
    name: "environment",
    source: "config.md, Process; runc",
    check: ({ env }, refuse) => checkEnvironment(env, "/env", refuse),
  },
  {
    name: "each rlimit once, soft at most hard",
    source: "config.md, POSIX process; setrlimit(2)",
    check({ rlimits }, refuse) {
      rlimits.forEach(({ type, soft, hard }, index) => {
        if (rlimits.findIndex((other) => other.type === type) < index) refuse(`/rlimits/${index}`, `duplicated rlimit ${type}`);
        if (compareInt64(soft, hard) > 0) refuse(`/rlimits/${index}/soft`, `must not be more than hard (${hard})`);
      });
    },
  },
  {
    name: "scheduler",
    source: "sched_setattr(2), sched(7); runc, crun",
    check({ scheduler }, refuse) {
      if (!scheduler) return;
      const { policy, nice, priority, runtime, deadline, period } = scheduler;
      if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
        refuse("/scheduler/nice", `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`);
      }
      if (policy === "SCHED_FIFO" || policy === "SCHED_RR") {
        if (priority < 1 || priority > 99) refuse("/scheduler/priority", `must be an integer between 1 and 99 for ${policy}`);
      } else if (priority !== 0) refuse("/scheduler/priority", "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
      if (policy !== "SCHED_DEADLINE") {
        if (runtime > 0 || deadline > 0 || period > 0) {
          refuse("/scheduler", "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
        }
        return;
      }
      if (compareInt64(runtime, 1024) < 0) refuse("/scheduler/runtime", "must be at least 1024 (nanoseconds) for SCHED_DEADLINE");
      if (compareInt64(runtime, deadline) > 0) refuse("/scheduler/deadline", "must not be less than runtime");
      if (period > 0 && compareInt64(deadline, period) > 0) refuse("/scheduler/period", "must be 0 or not less than deadline");
    },
  },
  {
    name: "exec CPU affinity",
    source: "config.md, Linux Process; runc",
    check({ execCPUAffinity }, refuse) {
      for (const when of ["initial", "final"] as const) {
        const list = execCPUAffinity?.[when];
        if (list !== undefined && !isNumberList(list)) {
          refuse(`/execCPUAffinity/${when}`, `bad CPUAffinity: must be a list of CPUs such as "0-3,7", not "${list}"`);
        }
      }
    },
  },
];

export const ROOTLESS_LAWS: readonly Law<Spec>[] = [
  {
    name: "rootless containers have a user namespace",
    source: "runc",
    check(spec, refuse) {
      const user = find(spec, "user");
      if (!user) refuse("/linux/namespaces", "rootless container requires user namespaces");
      else if (user.path === undefined) {
        if (spec.linux.uidMappings.length === 0) {
          refuse("/linux/uidMappings", "rootless containers requires at least one UID mapping");
        }
        if (spec.linux.gidMappings.length === 0) {
          refuse("/linux/gidMappings", "rootless containers requires at least one GID mapping");
        }
      }
    },
  },
  {
    name: "rootless mount owners are mapped",
    source: "runc",
    check({ mounts, linux }, refuse) {
      mounts.forEach(({ options }, mount) =>
        options.forEach((option, index) => {
          const [, kind, id] = /^([ug])id=([0-9]+)$/.exec(option) ?? [];
          if (kind === undefined || maps(kind === "u" ? linux.uidMappings : linux.gidMappings, Number(id))) return;
          refuse(`/mounts/${mount}/options/${index}`, `cannot specify ${option} mount option for rootless container: the id is not mapped`);
        }),
      );
    },
  },
  {
    name: "rootless containers get no network devices and no id-mapped mounts",
    source: "runc",
    check({ mounts, linux }, refuse) {
      if (Object.keys(linux.netDevices).length > 0) {
        refuse("/linux/netDevices", "network devices are not supported for rootless containers");
      }
      mounts.forEach(({ options, uidMappings }, index) => {
        if (uidMappings.length > 0 || options.includes("idmap") || options.includes("ridmap")) {
          refuse(`/mounts/${index}`, "id-mapped mounts are not supported for rootless containers");
        }
      });
    },
  },
];

function checkEnvironment(env: readonly string[], pointer: string, refuse: Refuse): void {
  env.forEach((entry, index) => {
    if (!entry.includes("=")) refuse(`${pointer}/${index}`, `invalid environment variable "${entry}": missing '='`);
    else if (entry.startsWith("=")) {
      refuse(`${pointer}/${index}`, `invalid environment variable "${entry}": name cannot be empty`);
    }
  });
}

function maps(mappings: readonly IDMapping[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/** A list as the kernel prints CPUs and nodes: numbers and ranges between commas; runc allows spaces and empty parts. */
function isNumberList(list: string): boolean {
  const parts = list.split(",").map((part) => part.trim()).filter((part) => part !== "");
  return parts.length > 0 && parts.every((part) => {
    const [, first, last] = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/.exec(part) ?? [];
    return first !== undefined && (last === undefined || Number(first) <= Number(last));
  });
}

/** Fewer than IFNAMSIZ (16) bytes; only ASCII is counted right, and nobody names devices otherwise. */
function isNetDeviceName(name: string): boolean {
  return name.length > 0 && name.length < 16 && name !== "." && name !== ".." && !/[/:\s]/.test(name);
}

/** sysctl(8): a name may be written with slashes, and then its dots are slashes (net/ipv4/conf/eno2.100/forwarding). */
export function dottedSysctl(name: string): string {
  const first = /[./]/.exec(name);
  if (first?.[0] !== "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

const IPC_SYSCTLS =
  /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..*)$/;

/** Why a container with these namespaces may not set the sysctl; undefined if it may. */
function sysctlProblem(spec: Spec, name: string): string | undefined {
  // [cve] In a dotted name "/" stands for ".", so "net.//.kernel" would leave its directory.
  if (name.split(".").some((part) => part === "" || part === "/" || part === "//")) return `sysctl "${name}" is not a name`;
  if (IPC_SYSCTLS.test(name)) return has(spec, "ipc") ? undefined : `sysctl "${name}" is not allowed in the hosts ipc namespace`;
  if (name.startsWith("net.")) return has(spec, "network") ? undefined : `sysctl "${name}" not allowed in host network namespace`;
  if (name.startsWith("user.")) return has(spec, "user") ? undefined : `setting ucounts without a user namespace not allowed: ${name}`;
  if (has(spec, "uts")) {
    if (name === "kernel.domainname") return undefined;
    if (name === "kernel.hostname") return `sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`;
  }
  return `sysctl "${name}" is not in a separate kernel namespace`;
}
