import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Violation } from "../base/errors.ts";
import { decodeSpec } from "./decode.ts";
import { checkLaws, checkRootless, LAWS, PROCESS_LAWS } from "./validate.ts";
import { dottedSysctl } from "./validate-namespaces.ts";
import { ROOTLESS_LAWS } from "./validate-rootless.ts";
import { isConfig } from "../../build/gen/validate.js";
import type { Spec } from "./types.ts";

const ns = (...types: string[]): object => ({ namespaces: types.map((type) => ({ type })) });
const process = (part: object): object => ({ process: { cwd: "/", args: ["a"], ...part } });
const resources = (part: object): object => ({ linux: { resources: part } });
const seccomp = (part: object): object => ({ linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...part } } });
const map = (size = 1): object[] => [{ containerID: 0, hostID: 1000, size }];
const bind = (part: object): object => ({ mounts: [{ destination: "/a", source: "/a", options: ["bind"], ...part }] });

function spec(part: object): Spec {
  const json = { ociVersion: "1.0.0", root: { path: "rootfs" }, ...part };
  assert(isConfig(json), "the schema takes it");
  return decodeSpec(json);
}

const text = (violations: readonly Violation[]): string[] =>
  violations.map(({ pointer, problem }) => `${pointer}: ${problem}`);

const kept: [string, object][] = [
  ["a development version of 1.x", { ociVersion: "1.4.0-dev+x" }],
  [
    "hostname with a uts namespace, even one that is joined",
    { hostname: "a", domainname: "b", linux: { namespaces: [{ type: "uts", path: "/proc/1/ns/uts" }] } },
  ],
  ["masks with a mount namespace", { linux: { ...ns("mount"), maskedPaths: ["/a"], readonlyPaths: ["/b"] } }],
  ["a user namespace with its mappings", { linux: { ...ns("user"), uidMappings: map(), gidMappings: map() } }],
  [
    "mappings beside the path of a user namespace, as containerd and CRI-O write",
    { linux: { namespaces: [{ type: "user", path: "/proc/1/ns/user" }], uidMappings: map(), gidMappings: map() } },
  ],
  [
    "the whole range of ids",
    {
      linux: {
        ...ns("user"),
        uidMappings: [{ containerID: 0, hostID: 0, size: 4294967295 }],
        gidMappings: [{ containerID: 0, hostID: 0, size: 4294967295 }],
      },
    },
  ],
  [
    "time offsets with a time namespace",
    { linux: { ...ns("time"), timeOffsets: { monotonic: { secs: 7881, nanosecs: 2718281 }, boottime: { secs: -1 } } } },
  ],
  ["no time offsets without one", { linux: { timeOffsets: {} } }],
  [
    "sysctls of the namespaces it has",
    {
      linux: {
        ...ns("ipc", "network", "uts", "user"),
        uidMappings: map(),
        gidMappings: map(),
        sysctl: {
          "kernel.sem": "1",
          "fs.mqueue.msg_max": "1",
          "net.ipv4.ip_forward": "1",
          "kernel.domainname": "a",
          "user.max_user_namespaces": "1",
          "net/ipv4/conf/eno2.100/forwarding": "1",
          "net.ipv4.conf.eno2/100.rp_filter": "1",
        },
      },
    },
  ],
  ["id-mapped bind mounts", bind({ uidMappings: map(), gidMappings: map() })],
  [
    "an id-mapped mount that takes the user namespace's mapping",
    { ...bind({ options: ["rbind", "ridmap"] }), linux: { ...ns("user"), uidMappings: map(), gidMappings: map() } },
  ],
  [
    "network devices with a network namespace",
    { linux: { ...ns("network"), netDevices: { eth0: { name: "eth%d" }, abcdefghijklmno: {} } } },
  ],
  ["memory and swap", resources({ memory: { limit: 1, swap: 1 } })],
  ["unlimited swap without memory", resources({ memory: { swap: -1 } })],
  ["unlimited memory with some swap", resources({ memory: { limit: -1, swap: 5 } })],
  ["burst without quota", resources({ cpu: { burst: 5, quota: -1 } })],
  ["burst within quota", resources({ cpu: { burst: 5, quota: 5 } })],
  ["unified files", resources({ unified: { "memory.high": "max" } })],
  [
    "errnoRet for ERRNO and TRACE",
    seccomp({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      syscalls: [{ names: ["a"], action: "SCMP_ACT_TRACE", errnoRet: 1 }],
    }),
  ],
  [
    "NOTIFY with a listener",
    seccomp({ listenerPath: "/s", listenerMetadata: "m", syscalls: [{ names: ["read"], action: "SCMP_ACT_NOTIFY" }] }),
  ],
  ["a listenerPath nobody needs", seccomp({ listenerPath: "/s" })],
  ["the default class of service", { linux: { intelRdt: { closID: "/" } } }],
  ["memory policies with the nodes they need", { linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0-1, 4," } } }],
  ["MPOL_PREFERRED with nodes or without", { linux: { memoryPolicy: { mode: "MPOL_PREFERRED" } } }],
  ["an environment with empty values", process({ env: ["A=", "B==", "A=again"] })],
  ["infinite rlimits", process({ rlimits: [{ type: "RLIMIT_CPU", soft: 1, hard: 18446744073709551615n }] })],
  [
    "deadline scheduling",
    process({
      scheduler: {
        policy: "SCHED_DEADLINE",
        flags: ["SCHED_FLAG_RESET_ON_FORK"],
        nice: 19,
        runtime: 42000,
        deadline: 100000,
        period: 1000000,
      },
    }),
  ],
  [
    "deadline scheduling without period",
    process({ scheduler: { policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000 } }),
  ],
  ["real-time scheduling", process({ scheduler: { policy: "SCHED_FIFO", priority: 10 } })],
  ["batch scheduling", process({ scheduler: { policy: "SCHED_BATCH", priority: 0, nice: 19 } })],
  ["CPU affinity", process({ execCPUAffinity: { initial: "0-3,7", final: "" } })],
];

const broken: [law: string, part: object, ...violations: string[]][] = [
  [
    "ociVersion",
    { ociVersion: "2.0.0" },
    "/ociVersion: is version 2.0.0 of the runtime-spec, but tsrun knows 1.x only",
  ],
  [
    "ociVersion",
    { ociVersion: "0.1.0" },
    "/ociVersion: is version 0.1.0 of the runtime-spec, but tsrun knows 1.x only",
  ],
  [
    "ociVersion",
    { ociVersion: "10.0.0" },
    "/ociVersion: is version 10.0.0 of the runtime-spec, but tsrun knows 1.x only",
  ],
  ["annotation names", { annotations: { "": "x" } }, "/annotations/: must not have an empty name"],
  [
    "hostname needs a uts namespace",
    { hostname: "a", domainname: "b" },
    "/hostname: unable to set hostname without a private UTS namespace",
    "/domainname: unable to set domainname without a private UTS namespace",
  ],
  [
    "masks need a mount namespace",
    { linux: { readonlyPaths: ["/a"] } },
    "/linux/readonlyPaths: unable to restrict sys entries without a private MNT namespace",
  ],
  ["each namespace once", { linux: ns("pid", "mount", "pid") }, '/linux/namespaces/2: duplicated ns "pid"'],
  [
    "each namespace once",
    { linux: { namespaces: [{ type: "pid", path: "proc/1/ns/pid" }] } },
    "/linux/namespaces/0/path: must be an absolute path",
  ],
  [
    "user namespace and its mappings",
    { linux: { uidMappings: map() } },
    "/linux/uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config",
  ],
  [
    "user namespace and its mappings",
    { linux: { gidMappings: map() } },
    "/linux/gidMappings: user namespace mappings specified, but user namespace isn't enabled in the config",
  ],
  [
    "user namespace and its mappings",
    { linux: ns("user") },
    "/linux/namespaces: user namespaces enabled, but no namespace path to join nor mappings to apply specified",
  ],
  [
    "user namespace and its mappings",
    { linux: { ...ns("user"), uidMappings: [{ containerID: 1, hostID: 1, size: 9 }] } },
    "/linux/uidMappings: must map the container's root user (containerID 0)",
    "/linux/gidMappings: must map the container's root group (containerID 0)",
  ],
  [
    "id mappings",
    bind({ uidMappings: map(0), gidMappings: [{ containerID: 1, hostID: 0, size: 4294967295 }] }),
    "/mounts/0/uidMappings/0/size: must not be 0",
    "/mounts/0/gidMappings/0/size: maps more ids than there are",
  ],
  [
    "time offsets",
    { linux: { timeOffsets: { monotonic: {} } } },
    "/linux/timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config",
  ],
  [
    "time offsets",
    { linux: { namespaces: [{ type: "time", path: "/proc/1/ns/time" }], timeOffsets: { boottime: {} } } },
    "/linux/timeOffsets: time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
  ],
  [
    "time offsets",
    { linux: { ...ns("time"), timeOffsets: { realtime: { nanosecs: 1e9 } } } },
    "/linux/timeOffsets/realtime: is no clock of a time namespace: there are monotonic and boottime",
    "/linux/timeOffsets/realtime/nanosecs: must be less than 1000000000",
  ],
  [
    "sysctls belong to the container's namespaces",
    {
      linux: {
        sysctl: {
          "kernel.sem": "",
          "fs.mqueue.a": "",
          "net.ipv4.ip_forward": "",
          "user.max_mnt_namespaces": "",
          "kernel.domainname": "",
          "vm.swappiness": "",
        },
      },
    },
    '/linux/sysctl/kernel.sem: sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
    '/linux/sysctl/fs.mqueue.a: sysctl "fs.mqueue.a" is not allowed in the hosts ipc namespace',
    '/linux/sysctl/net.ipv4.ip_forward: sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    "/linux/sysctl/user.max_mnt_namespaces: setting ucounts without a user namespace not allowed: user.max_mnt_namespaces",
    '/linux/sysctl/kernel.domainname: sysctl "kernel.domainname" is not in a separate kernel namespace',
    '/linux/sysctl/vm.swappiness: sysctl "vm.swappiness" is not in a separate kernel namespace',
  ],
  [
    "sysctls belong to the container's namespaces",
    {
      linux: {
        ...ns("uts", "ipc", "network"),
        sysctl: { "kernel.hostname": "", "kernel.msgmaxx": "", "net.ipv4.a": "1", "net/ipv4/a": "2" },
      },
    },
    '/linux/sysctl/kernel.hostname: sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
    '/linux/sysctl/kernel.msgmaxx: sysctl "kernel.msgmaxx" is not in a separate kernel namespace',
    '/linux/sysctl/net~1ipv4~1a: sysctl "net.ipv4.a" is given twice',
  ],
  [
    "sysctls belong to the container's namespaces",
    { linux: { ...ns("network"), sysctl: { "net/../vm/swappiness": "", "net.//.vm.swappiness": "", "net..x": "" } } },
    '/linux/sysctl/net~1..~1vm~1swappiness: sysctl "net.//.vm.swappiness" is not a name',
    '/linux/sysctl/net.~1~1.vm.swappiness: sysctl "net.//.vm.swappiness" is given twice',
    '/linux/sysctl/net..x: sysctl "net..x" is not a name',
  ],
  [
    "id-mapped mounts",
    { mounts: [{ destination: "/a", type: "tmpfs", options: ["idmap"] }] },
    "/mounts/0: id-mapped mounts are only supported for bind-mounts",
    "/mounts/0: id-mapped mounts must have both uid and gid mappings specified, or a user namespace to take them from",
  ],
  [
    "id-mapped mounts",
    bind({ gidMappings: map() }),
    "/mounts/0: id-mapped mounts must have both uid and gid mappings specified",
  ],
  [
    "network devices",
    { linux: { netDevices: { eth0: {} } } },
    "/linux/netDevices/eth0: unable to move network devices without a NET namespace",
  ],
  [
    "network devices",
    {
      linux: {
        ...ns("network"),
        netDevices: {
          "a/b": { name: "ok" },
          eth0: { name: "abcdefghijklmnop" },
          eth1: { name: "a b" },
          eth2: { name: ".." },
          eth3: { name: "a:1" },
        },
      },
    },
    '/linux/netDevices/a~1b: invalid network device name "a/b"',
    '/linux/netDevices/eth0/name: invalid network device name "abcdefghijklmnop"',
    '/linux/netDevices/eth1/name: invalid network device name "a b"',
    '/linux/netDevices/eth2/name: invalid network device name ".."',
    '/linux/netDevices/eth3/name: invalid network device name "a:1"',
  ],
  [
    "memory limits",
    resources({ memory: { swap: 5 } }),
    "/linux/resources/memory/swap: unable to set swap limit without memory limit",
  ],
  [
    "memory limits",
    resources({ memory: { limit: 9223372036854771712n, swap: 5 } }),
    "/linux/resources/memory/swap: memory+swap limit should be >= memory limit",
  ],
  [
    "memory limits",
    resources({ memory: { limit: -2, swappiness: 101 } }),
    "/linux/resources/memory/swappiness: must be an integer between 0 and 100",
    "/linux/resources/memory/limit: must be -1 (unlimited), or a number of bytes",
  ],
  ["cpu burst", resources({ cpu: { quota: 5, burst: 6 } }), "/linux/resources/cpu/burst: must not be more than quota"],
  [
    "entries that limit nothing",
    resources({ blockIO: { weightDevice: [{ major: 8, minor: 0 }] }, rdma: { mlx: {} } }),
    "/linux/resources/blockIO/weightDevice/0: must have at least one of weight and leafWeight",
    "/linux/resources/rdma/mlx: must have at least one of hcaHandles and hcaObjects",
  ],
  [
    "unified resources are files of the cgroup",
    resources({ unified: { "../x": "", "..": "" } }),
    '/linux/resources/unified/..~1x: unified resource "../x" must be a file name (no slashes)',
    '/linux/resources/unified/..: unified resource ".." must be a file name (no slashes)',
  ],
  [
    "seccomp errno values",
    seccomp({ defaultErrnoRet: 1, syscalls: [{ names: ["a"], action: "SCMP_ACT_KILL", errnoRet: 0 }] }),
    '/linux/seccomp/defaultErrnoRet: errno value specified for action "SCMP_ACT_ALLOW", which takes none',
    '/linux/seccomp/syscalls/0/errnoRet: errno value specified for action "SCMP_ACT_KILL", which takes none',
  ],
  [
    "seccomp notify",
    seccomp({ defaultAction: "SCMP_ACT_NOTIFY" }),
    "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action",
  ],
  [
    "seccomp notify",
    seccomp({ listenerMetadata: "a", syscalls: [{ names: ["read", "write"], action: "SCMP_ACT_NOTIFY" }] }),
    "/linux/seccomp/listenerMetadata: must not be set without listenerPath",
    "/linux/seccomp/syscalls/0/names: SCMP_ACT_NOTIFY cannot be used for the write syscall",
    "/linux/seccomp/syscalls/0/action: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath: seccomp listenerPath is not set",
  ],
  [
    "intelRdt",
    { linux: { intelRdt: { closID: "..", memBwSchema: "L3:0=1", schemata: ["a\nb"] } } },
    '/linux/intelRdt/closID: invalid intelRdt.ClosID ".."',
    '/linux/intelRdt/memBwSchema: must start with "MB:" and be one line',
    "/linux/intelRdt/schemata/0: must be one line",
  ],
  [
    "intelRdt",
    { linux: { intelRdt: { closID: "a/b", memBwSchema: "MB:0=1\nL3:0=1" } } },
    '/linux/intelRdt/closID: invalid intelRdt.ClosID "a/b"',
    '/linux/intelRdt/memBwSchema: must start with "MB:" and be one line',
  ],
  [
    "memory policy",
    { linux: { memoryPolicy: { mode: "MPOL_DEFAULT", nodes: "0" } } },
    "/linux/memoryPolicy/nodes: memory policy mode requires 0 nodes but got 1: MPOL_DEFAULT takes none",
  ],
  [
    "memory policy",
    { linux: { memoryPolicy: { mode: "MPOL_BIND", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] } } },
    "/linux/memoryPolicy/nodes: memory policy mode requires at least one node but got 0: MPOL_BIND needs some",
    "/linux/memoryPolicy/flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
  ],
  [
    "memory policy",
    { linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "3-1" } } },
    '/linux/memoryPolicy/nodes: invalid memory policy nodes "3-1": must be a list of nodes such as "0-3,7"',
  ],
  [
    "environment",
    process({ env: ["A=b", "FOO", "=x"] }),
    "/process/env/1: invalid environment variable \"FOO\": missing '='",
    '/process/env/2: invalid environment variable "=x": name cannot be empty',
  ],
  [
    "each rlimit once, soft at most hard",
    process({
      rlimits: [
        { type: "RLIMIT_CPU", soft: 18446744073709551615n, hard: 1 },
        { type: "RLIMIT_CPU", soft: 0, hard: 0 },
      ],
    }),
    "/process/rlimits/0/soft: must not be more than hard (1)",
    "/process/rlimits/1: duplicated rlimit RLIMIT_CPU",
  ],
  [
    "scheduler",
    process({ scheduler: { policy: "SCHED_OTHER", nice: 20 } }),
    "/process/scheduler/nice: invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER",
  ],
  [
    "scheduler",
    process({ scheduler: { policy: "SCHED_BATCH", priority: 1, runtime: 5 } }),
    "/process/scheduler/priority: scheduler.priority can only be specified for SchedFIFO or SchedRR policy",
    "/process/scheduler: scheduler runtime/deadline/period can only be specified for SchedDeadline policy",
  ],
  [
    "scheduler",
    process({ scheduler: { policy: "SCHED_RR" } }),
    "/process/scheduler/priority: must be an integer between 1 and 99 for SCHED_RR",
  ],
  [
    "scheduler",
    process({ scheduler: { policy: "SCHED_DEADLINE", runtime: 5, deadline: 4, period: 3 } }),
    "/process/scheduler/runtime: must be at least 1024 (nanoseconds) for SCHED_DEADLINE",
    "/process/scheduler/deadline: must not be less than runtime",
    "/process/scheduler/period: must be 0 or not less than deadline",
  ],
  [
    "exec CPU affinity",
    process({ execCPUAffinity: { initial: "a", final: "," } }),
    '/process/execCPUAffinity/initial: bad CPUAffinity: must be a list of CPUs such as "0-3,7", not "a"',
    '/process/execCPUAffinity/final: bad CPUAffinity: must be a list of CPUs such as "0-3,7", not ","',
  ],
];

describe("the laws of config.json", () => {
  for (const [name, part] of kept) it(`allow ${name}`, () => assert.deepEqual(text(checkLaws(spec(part))), []));
  for (const [law, part, ...violations] of broken) {
    it(`refuse by "${law}": ${violations[0]}`, () => assert.deepEqual(text(checkLaws(spec(part))), violations));
  }
  it("are all tried here", () => {
    const tried = new Set(broken.map(([law]) => law));
    assert.deepEqual(
      [...LAWS, ...PROCESS_LAWS].map(({ name }) => name).filter((name) => !tried.has(name)),
      [],
    );
  });
  it("have names of their own, and sources", () => {
    const all = [...LAWS, ...PROCESS_LAWS, ...ROOTLESS_LAWS];
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    assert(all.every(({ source }) => source.length > 0));
  });
});

describe("the laws of rootless containers", () => {
  const rootless = { linux: { ...ns("user"), uidMappings: map(), gidMappings: map() } };
  it("allow one mapped id", () =>
    assert.deepEqual(
      checkRootless(spec({ ...rootless, mounts: [{ destination: "/a", options: ["uid=0", "gid=0", "uid=x"] }] })),
      [],
    ));
  it("allow to join a user namespace without mappings", () =>
    assert.deepEqual(checkRootless(spec({ linux: { namespaces: [{ type: "user", path: "/proc/1/ns/user" }] } })), []));
  it("refuse to do without a user namespace", () =>
    assert.deepEqual(text(checkRootless(spec({}))), [
      "/linux/namespaces: rootless container requires user namespaces",
    ]));
  it("refuse to do without mappings", () =>
    assert.deepEqual(text(checkRootless(spec({ linux: ns("user") }))), [
      "/linux/uidMappings: rootless containers requires at least one UID mapping",
      "/linux/gidMappings: rootless containers requires at least one GID mapping",
    ]));
  it("refuse owners that are not mapped", () =>
    assert.deepEqual(text(checkRootless(spec({ ...rootless, mounts: [{ destination: "/a", options: ["gid=5"] }] }))), [
      "/mounts/0/options/0: cannot specify gid=5 mount option for rootless container: the id is not mapped",
    ]));
  it("refuse network devices and id-mapped mounts", () =>
    assert.deepEqual(
      text(
        checkRootless(
          spec({ ...bind({ options: ["bind", "idmap"] }), linux: { ...rootless.linux, netDevices: { eth0: {} } } }),
        ),
      ),
      [
        "/linux/netDevices: network devices are not supported for rootless containers",
        "/mounts/0: id-mapped mounts are not supported for rootless containers",
      ],
    ));
});

describe("dottedSysctl", () => {
  it("reads names as sysctl(8) does", () => {
    assert.equal(dottedSysctl("net/ipv4/conf/eno2.100/rp_filter"), "net.ipv4.conf.eno2/100.rp_filter");
    assert.equal(dottedSysctl("net.ipv4.conf.eno2/100.rp_filter"), "net.ipv4.conf.eno2/100.rp_filter");
    assert.equal(dottedSysctl("vm"), "vm");
  });
});
