import { describe, it } from "mocha";
import assert from "node:assert/strict";
import type { ContainerId } from "../base/brand.ts";
import { HostError, SpecError } from "../base/errors.ts";
import { decodeSpec } from "../spec/decode.ts";
import type { CgroupHierarchy, CgroupLayout, HostFacts } from "../spec/facts.ts";
import { cgroupMountSource, planCgroup, type CgroupPlan } from "./plan.ts";
import { cpuWeight, ioWeight, memorySwapMax } from "./resources-v2.ts";

const hierarchy = (names: string, own = "/", root = "/"): CgroupHierarchy => ({
  controllers: names.split(","),
  mountPoint: `/sys/fs/cgroup/${names.replace("name=", "")}`,
  root,
  own,
});

const everyController = [
  "cpuset",
  "devices",
  "memory",
  "cpu,cpuacct",
  "pids",
  "blkio",
  "hugetlb",
  "net_cls,net_prio",
  "freezer",
  "rdma",
  "name=systemd",
];
const v1: CgroupLayout = {
  mode: "v1",
  hierarchies: everyController.map((names) => hierarchy(names)),
  unified: undefined,
};
const hybrid: CgroupLayout = {
  mode: "v1",
  hierarchies: [hierarchy("devices"), hierarchy("memory", "/work/job")],
  unified: { controllers: [""], mountPoint: "/sys/fs/cgroup/unified", root: "/", own: "/work" },
};
const v2: CgroupLayout = {
  mode: "v2",
  mountPoint: "/sys/fs/cgroup",
  own: "/user.slice/session-1.scope",
  controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"],
};

type Options = { readonly cgroupsPath?: string; readonly linux?: object; readonly rootless?: boolean };

function plan(cgroups: CgroupLayout, resources: object = {}, options: Options = {}): CgroupPlan {
  const { cgroupsPath = "/box", linux = {}, rootless = false } = options;
  const spec = decodeSpec({
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    linux: { cgroupsPath, resources, ...linux },
  });
  const host: HostFacts = {
    euid: 0,
    egid: 0,
    rootless,
    groupsDenied: false,
    lastCapability: 40,
    cgroups,
    mountApi: "mount_setattr",
    outerUid: 0,
    lsm: { apparmor: false, confined: false, selinux: false },
    procfsTakesPidns: false,
  };
  return planCgroup(spec, host, "c1" as ContainerId, undefined);
}

const lines = ({ writes }: CgroupPlan): string[] =>
  writes.map(({ file, value }) => `${file.replace("/sys/fs/cgroup/", "")} = ${value}`);
const paths = ({ groups }: CgroupPlan): string[] => groups.map(({ path }) => path.replace("/sys/fs/cgroup", ""));

function problem(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SpecError || error instanceof HostError) return error.message;
    throw error;
  }
  return "";
}

const spec = (linux: object = {}): ReturnType<typeof decodeSpec> =>
  decodeSpec({ ociVersion: "1.2.0", root: { path: "rootfs" }, linux });

describe("where cgroups are", () => {
  it("an absolute cgroupsPath lies below the mount point of every v1 hierarchy", () => {
    assert.deepEqual(paths(plan(hybrid, {}, { cgroupsPath: "/a/b" })), ["/unified/a/b", "/devices/a/b", "/memory/a/b"]);
  });

  it("a relative cgroupsPath lies below our own cgroup of each v1 hierarchy, and at the top of a hybrid host's v2 half", () => {
    assert.deepEqual(paths(plan(hybrid, {}, { cgroupsPath: "a/b" })), [
      "/unified/a/b",
      "/devices/a/b",
      "/memory/work/job/a/b",
    ]);
  });

  it("a relative cgroupsPath lies beside our own v2 cgroup", () => {
    assert.deepEqual(paths(plan(v2, {}, { cgroupsPath: "a" })), ["/user.slice/a"]);
  });

  it("without cgroupsPath the id names a cgroup below our own on v1 and beside our own on v2, as with runc", () => {
    assert.deepEqual(paths(plan(hybrid, {}, { cgroupsPath: "" })), [
      "/unified/c1",
      "/devices/c1",
      "/memory/work/job/c1",
    ]);
    assert.deepEqual(paths(plan(v2, {}, { cgroupsPath: "" })), ["/user.slice/c1"]);
    assert.deepEqual(paths(plan({ ...v2, own: "/" }, {}, { cgroupsPath: "" })), ["/c1"]);
  });

  it("without cgroupsPath and without privilege the id names a cgroup beside our own", () => {
    const rootless = plan(v2, {}, { cgroupsPath: "", rootless: true });
    assert.deepEqual(paths(rootless), ["/user.slice/c1"]);
    assert.equal(rootless.mayDoWithout, true);
  });

  for (const cgroupsPath of ["/../../a", "../../a", "/a/x/../.", "//a//"]) {
    it(`cgroupsPath ${cgroupsPath} does not leave the hierarchy`, () => {
      assert.deepEqual(paths(plan({ ...v2, own: "/" }, {}, { cgroupsPath })), ["/a"]);
    });
  }

  it("refuses the root of a hierarchy as the container's cgroup", () => {
    assert.match(
      problem(() => plan(v2, {}, { cgroupsPath: "/a/../.." })),
      /^\/linux\/cgroupsPath: /,
    );
  });

  it("inside a container our own cgroup is found below the mount's root", () => {
    const nested: CgroupLayout = {
      mode: "v1",
      hierarchies: [hierarchy("devices", "/docker/x/job", "/docker/x")],
      unified: undefined,
    };
    assert.deepEqual(paths(plan(nested, {}, { cgroupsPath: "a" })), ["/devices/job/a"]);
    const odd: CgroupLayout = {
      mode: "v1",
      hierarchies: [hierarchy("devices", "/elsewhere", "/docker/x")],
      unified: undefined,
    };
    assert.deepEqual(paths(plan(odd, {}, { cgroupsPath: "a" })), ["/devices/a"]);
  });

  it("joins name=systemd but no other named hierarchy", () => {
    const named: CgroupLayout = {
      mode: "v1",
      hierarchies: ["devices", "name=elogind", "name=systemd"].map((name) => hierarchy(name)),
      unified: undefined,
    };
    assert.deepEqual(paths(plan(named)), ["/devices/box", "/systemd/box"]);
    assert.deepEqual(
      plan(named).groups.map(({ optional }) => optional),
      [false, true],
    );
  });

  it("is plain data", () => {
    const whole = plan(v1, { memory: { limit: 1 }, devices: [{ allow: false, access: "rwm" }] });
    assert.deepEqual(JSON.parse(JSON.stringify(whole)).groups, whole.groups);
  });
});

describe("v1 limits", () => {
  it("nothing asked for is nothing written", () => {
    assert.deepEqual(plan(v1).writes, []);
  });

  it("every write knows what asked for it", () => {
    const { writes } = plan(v1, {
      memory: { limit: 1 },
      blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
    });
    assert.deepEqual(
      writes.map(({ why }) => why),
      ["/linux/resources/memory/limit", "/linux/resources/blockIO/throttleReadBpsDevice/0"],
    );
  });

  it("memory: the limit before memory and swap", () => {
    assert.deepEqual(
      lines(plan(v1, { memory: { limit: 100, swap: 200, reservation: 50, swappiness: 7, disableOOMKiller: true } })),
      [
        "memory/box/memory.limit_in_bytes = 100",
        "memory/box/memory.memsw.limit_in_bytes = 200",
        "memory/box/memory.soft_limit_in_bytes = 50",
        "memory/box/memory.oom_control = 1",
        "memory/box/memory.swappiness = 7",
      ],
    );
  });

  it("memory: -1 lifts swap first, and both when only memory is named", () => {
    const both = ["memory/box/memory.memsw.limit_in_bytes = -1", "memory/box/memory.limit_in_bytes = -1"];
    assert.deepEqual(lines(plan(v1, { memory: { limit: -1, swap: -1 } })), both);
    assert.deepEqual(lines(plan(v1, { memory: { limit: -1 } })), both);
    assert.equal(plan(v1, { memory: { limit: -1 } }).writes[0]?.missing, "skip");
  });

  it("memory: 0 is not set, numbers beyond 2^53 stay exact", () => {
    assert.deepEqual(lines(plan(v1, { memory: { limit: 0, swap: 0, reservation: 9223372036854771712n } })), [
      "memory/box/memory.soft_limit_in_bytes = 9223372036854771712",
    ]);
  });

  it("memory: refuses a swappiness above 100", () => {
    assert.match(
      problem(() => plan(v1, { memory: { swappiness: 101 } })),
      /^\/linux\/resources\/memory\/swappiness: invalid memory swappiness value: 101/,
    );
  });

  it("cpu: period and burst are written again when the quota changes what they are checked against", () => {
    const { writes } = plan(v1, { cpu: { quota: 5000, period: 10000, burst: 1000, shares: 2, idle: 1 } });
    assert.deepEqual(
      writes.map(({ file, value, again }) => [file.split("/").at(-1), value, again]),
      [
        ["cpu.shares", "2", false],
        ["cpu.cfs_period_us", "10000", true],
        ["cpu.cfs_burst_us", "1000", true],
        ["cpu.cfs_quota_us", "5000", false],
        ["cpu.idle", "1", false],
      ],
    );
  });

  it("cpu: real-time limits are written, cpu.shares outside the kernel's range refused", () => {
    assert.deepEqual(lines(plan(v1, { cpu: { realtimePeriod: 1000000, realtimeRuntime: 950000 } })), [
      "cpu,cpuacct/box/cpu.rt_period_us = 1000000",
      "cpu,cpuacct/box/cpu.rt_runtime_us = 950000",
    ]);
    assert.match(
      problem(() => plan(v1, { cpu: { shares: 1 } })),
      /the minimum allowed cpu-shares is 2/,
    );
    assert.match(
      problem(() => plan(v1, { cpu: { shares: 262145 } })),
      /the maximum allowed cpu-shares is 262144/,
    );
  });

  it("cpuset, pids, hugetlb, network, rdma each go to their own hierarchy", () => {
    const resources = {
      cpu: { cpus: "0-1", mems: "0" },
      pids: { limit: -1 },
      hugepageLimits: [{ pageSize: "2MB", limit: 18446744073709551615n }],
      network: { classID: 1048577, priorities: [{ name: "eth0", priority: 5 }] },
      rdma: { mlx5_1: { hcaHandles: 3 }, mlx4_0: { hcaObjects: 7 } },
    };
    assert.deepEqual(lines(plan(v1, resources)), [
      "cpuset/box/cpuset.cpus = 0-1",
      "cpuset/box/cpuset.mems = 0",
      "pids/box/pids.max = max",
      "hugetlb/box/hugetlb.2MB.limit_in_bytes = 18446744073709551615",
      "hugetlb/box/hugetlb.2MB.rsvd.limit_in_bytes = 18446744073709551615",
      "net_cls,net_prio/box/net_cls.classid = 1048577",
      "net_cls,net_prio/box/net_prio.ifpriomap = eth0 5",
      "rdma/box/rdma.max = mlx5_1 hca_handle=3",
      "rdma/box/rdma.max = mlx4_0 hca_object=7",
    ]);
  });

  it("pids: 0 is 1, as with systemd", () => {
    assert.deepEqual(lines(plan(v1, { pids: { limit: 0 } })), ["pids/box/pids.max = 1"]);
  });

  it("blockIO: BFQ's file stands in for CFQ's", () => {
    const { writes } = plan(v1, {
      blockIO: { weight: 500, leafWeight: 10, weightDevice: [{ major: 8, minor: 0, weight: 300, leafWeight: 20 }] },
    });
    assert.deepEqual(
      writes.map(({ file, value, missing }) => [
        file.split("/").at(-1),
        value,
        typeof missing === "string" ? missing : missing.file.split("/").at(-1),
      ]),
      [
        ["blkio.weight", "500", "blkio.bfq.weight"],
        ["blkio.leaf_weight", "10", "fail"],
        ["blkio.weight_device", "8:0 300", "blkio.bfq.weight_device"],
        ["blkio.leaf_weight_device", "8:0 20", "fail"],
      ],
    );
  });

  it("blockIO: each throttle has its file", () => {
    const device = [{ major: 8, minor: 16, rate: 1048576 }];
    const blockIO = {
      throttleReadBpsDevice: device,
      throttleWriteBpsDevice: device,
      throttleReadIOPSDevice: device,
      throttleWriteIOPSDevice: device,
    };
    assert.deepEqual(
      lines(plan(v1, { blockIO })),
      ["read_bps", "write_bps", "read_iops", "write_iops"].map(
        (name) => `blkio/box/blkio.throttle.${name}_device = 8:16 1048576`,
      ),
    );
  });

  it("names the controller that is not mounted, and what asked for it", () => {
    assert.equal(
      problem(() => plan(hybrid, { pids: { limit: 5 } })),
      '/linux/resources/pids/limit: the cgroup controller "pids" is not mounted on this host',
    );
  });

  it("refuses a host whose devices cannot be limited", () => {
    assert.match(
      problem(() => plan({ mode: "v1", hierarchies: [hierarchy("memory")], unified: undefined })),
      /"devices" is not mounted/,
    );
  });

  it("refuses unified", () => {
    assert.match(
      problem(() => plan(v1, { unified: { "memory.high": "1" } })),
      /cannot use unified on cgroup v1/,
    );
  });
});

describe("v2 limits", () => {
  it("enables all that the host has, whatever is asked for", () => {
    assert.deepEqual(plan(v2).enable, v2.mode === "v2" && v2.controllers);
  });

  for (const [shares, weight] of [
    [0, 0],
    [1, 1],
    [2, 1],
    [1024, 100],
    [512, 59],
    [262144, 10000],
    [1000000, 10000],
  ] as const) {
    it(`cpu.shares ${shares} is cpu.weight ${weight}`, () => assert.equal(cpuWeight(shares), weight));
  }

  for (const [weight, io] of [
    [0, 0],
    [10, 1],
    [500, 4950],
    [1000, 10000],
  ] as const) {
    it(`blkio.weight ${weight} is io.weight ${io}`, () => assert.equal(ioWeight(weight), io));
  }

  for (const [limit, swap, max] of [
    [undefined, undefined, undefined],
    [100, undefined, undefined],
    [100, 0, undefined],
    [100, 100, "0"],
    [100, 300, "200"],
    [100, -1, "max"],
    [-1, undefined, "max"],
    [-1, 0, "max"],
    [-1, 500, "500"],
    [undefined, -1, "max"],
    [9007199254740993n, 9223372036854775807n, "9214364837600034814"],
  ] as const) {
    it(`memory ${limit} with memory and swap ${swap} is memory.swap.max ${max}`, () =>
      assert.equal(memorySwapMax(limit, swap), max));
  }

  it("refuses swap without memory, and less of both than of memory", () => {
    assert.match(
      problem(() => plan(v2, { memory: { swap: 5 } })),
      /unable to set swap limit without memory limit/,
    );
    assert.match(
      problem(() => plan(v2, { memory: { limit: 5, swap: 4 } })),
      /memory\+swap limit should be >= memory limit/,
    );
  });

  it("memory: swap before the limit, and without swap accounting no word about none", () => {
    const { writes } = plan(v2, { memory: { limit: 100, swap: 100, reservation: 50 } });
    assert.deepEqual(
      writes.map(({ file, value, missing }) => [file, value, missing]),
      [
        ["/sys/fs/cgroup/box/memory.swap.max", "0", "skip"],
        ["/sys/fs/cgroup/box/memory.max", "100", "fail"],
        ["/sys/fs/cgroup/box/memory.low", "50", "fail"],
      ],
    );
    assert.equal(plan(v2, { memory: { limit: 100, swap: 300 } }).writes[0]?.missing, "fail");
  });

  it("cpu: quota and period are one value, -1 is max, the period has a default", () => {
    assert.deepEqual(lines(plan(v2, { cpu: { quota: 5000, period: 10000 } })), ["box/cpu.max = 5000 10000"]);
    assert.deepEqual(lines(plan(v2, { cpu: { quota: -1 } })), ["box/cpu.max = max 100000"]);
    assert.deepEqual(lines(plan(v2, { cpu: { period: 10000 } })), ["box/cpu.max = max 10000"]);
  });

  it("cpu: the weight is set while the group is not idle", () => {
    assert.deepEqual(lines(plan(v2, { cpu: { shares: 1024, idle: 1 } })), ["box/cpu.weight = 100", "box/cpu.idle = 1"]);
    assert.deepEqual(lines(plan(v2, { cpu: { shares: 1024, idle: 0 } })), ["box/cpu.idle = 0", "box/cpu.weight = 100"]);
  });

  it("cpuset, pids, hugetlb, rdma", () => {
    const resources = {
      cpu: { cpus: "0", mems: "0" },
      pids: { limit: 9 },
      hugepageLimits: [{ pageSize: "1GB", limit: 5 }],
      rdma: { m: { hcaHandles: 1, hcaObjects: 2 } },
    };
    assert.deepEqual(lines(plan(v2, resources)), [
      "box/pids.max = 9",
      "box/cpuset.cpus = 0",
      "box/cpuset.mems = 0",
      "box/hugetlb.1GB.max = 5",
      "box/hugetlb.1GB.rsvd.max = 5",
      "box/rdma.max = m hca_handle=1 hca_object=2",
    ]);
  });

  it("blockIO: BFQ's weight or the converted one, throttles as words of io.max", () => {
    const device = [{ major: 8, minor: 0, rate: 7 }];
    const { writes } = plan(v2, {
      blockIO: { weight: 10, throttleReadBpsDevice: device, throttleWriteIOPSDevice: device },
    });
    assert.deepEqual(
      writes.map(({ file, value, missing }) => [file.split("/").at(-1), value, missing]),
      [
        ["io.bfq.weight", "10", { file: "/sys/fs/cgroup/box/io.weight", value: "1" }],
        ["io.max", "8:0 rbps=7", "fail"],
        ["io.max", "8:0 wiops=7", "fail"],
      ],
    );
  });

  it("unified comes last, and line by line", () => {
    assert.deepEqual(
      lines(plan(v2, { pids: { limit: 9 }, unified: { "pids.max": "5", "io.max": "8:0 rbps=1\n8:1 wbps=2\n" } })),
      ["box/pids.max = 9", "box/pids.max = 5", "box/io.max = 8:0 rbps=1", "box/io.max = 8:1 wbps=2"],
    );
  });

  it("unified: refuses other directories, words without a controller, and controllers that are not there", () => {
    assert.match(
      problem(() => plan(v2, { unified: { "../x/memory.max": "1" } })),
      /must be a file name \(no slashes\)/,
    );
    assert.match(
      problem(() => plan(v2, { unified: { memory: "1" } })),
      /must be in the form CONTROLLER\.PARAMETER/,
    );
    assert.match(
      problem(() => plan(v2, { unified: { "misc.max": "1" } })),
      /can't be set: controller "misc" not available/,
    );
    assert.deepEqual(lines(plan(v2, { unified: { "cgroup.max.depth": "1" } })), ["box/cgroup.max.depth = 1"]);
  });

  it("a page size cannot name another file", () => {
    assert.match(
      problem(() => plan(v2, { hugepageLimits: [{ pageSize: "x/../memory", limit: 1 }] })),
      /^\/linux\/resources\/hugepageLimits\/0\/pageSize: /,
    );
  });

  it("names the controller that is not there, and what asked for it", () => {
    const bare: CgroupLayout = { mode: "v2", mountPoint: "/sys/fs/cgroup", own: "/", controllers: ["hugetlb"] };
    assert.equal(
      problem(() => plan(bare, { cpu: { shares: 5 } })),
      '/linux/resources/cpu: the cgroup v2 controller "cpu" is not available on this host',
    );
    assert.deepEqual(plan(bare).writes, []);
  });

  it("says what v2 has no word for", () => {
    const resources = {
      memory: { swappiness: 5, kernel: 1, disableOOMKiller: true },
      cpu: { realtimePeriod: 1 },
      network: { classID: 1 },
      blockIO: { leafWeight: 10 },
    };
    const { writes, ignored } = plan(v2, resources);
    assert.deepEqual(writes, []);
    assert.deepEqual(ignored.map(({ why }) => why.replace("/linux/resources/", "")).sort(), [
      "blockIO/leafWeight",
      "cpu/realtimePeriod",
      "memory/disableOOMKiller",
      "memory/kernel",
      "memory/swappiness",
      "network/classID",
    ]);
  });

  it("knows which limits cannot be had in a threaded cgroup", () => {
    assert.equal(plan(v2, { pids: { limit: 1 }, cpu: { cpus: "0" } }).domainOnly, undefined);
    assert.equal(plan(v2, { memory: { limit: 1 } }).domainOnly, "/linux/resources/memory");
  });
});

describe("what the container's own cgroup mounts show", () => {
  it("v1: every hierarchy but the v2 half of a hybrid host", () => {
    const source = cgroupMountSource(plan(hybrid), spec({ namespaces: [{ type: "cgroup" }] }));
    assert.deepEqual(source, {
      mode: "v1",
      namespaced: true,
      hierarchies: [
        {
          controllers: ["devices"],
          mountPoint: "/sys/fs/cgroup/devices",
          containerPath: "/sys/fs/cgroup/devices/box",
          otherwise: undefined,
        },
        {
          controllers: ["memory"],
          mountPoint: "/sys/fs/cgroup/memory",
          containerPath: "/sys/fs/cgroup/memory/box",
          otherwise: undefined,
        },
      ],
    });
  });

  it("v2: the container's cgroup", () => {
    const source = cgroupMountSource(plan(v2), spec());
    assert.deepEqual(source, {
      mode: "v2",
      namespaced: false,
      mountPoint: "/sys/fs/cgroup",
      containerPath: "/sys/fs/cgroup/box",
    });
  });

  it("no cgroups: nothing", () => {
    assert.deepEqual(cgroupMountSource(plan({ mode: "none" }), spec()), { mode: "none" });
  });
});
