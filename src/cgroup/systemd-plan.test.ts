import { describe, it } from "mocha";
import assert from "node:assert/strict";
import type { ContainerId } from "../base/brand.ts";
import { HostError, SpecError } from "../base/errors.ts";
import { decodeSpec } from "../spec/decode.ts";
import type { CgroupLayout, HostFacts } from "../spec/facts.ts";
import { planCgroup, type CgroupPlan } from "./plan.ts";
import { planUnit, rangeToBits, sliceGroup, type Manager, type UnitPlan } from "./systemd-plan.ts";
import { show } from "./gvariant.ts";

const v2: CgroupLayout = {
  mode: "v2",
  mountPoint: "/sys/fs/cgroup",
  own: "/",
  controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"],
};
const v1: CgroupLayout = {
  mode: "v1",
  hierarchies: ["devices", "memory", "cpu,cpuacct", "cpuset", "pids", "blkio", "freezer", "name=systemd"].map(
    (names) => ({
      controllers: names.split(","),
      mountPoint: `/sys/fs/cgroup/${names.replace("name=", "")}`,
      root: "/",
      own: "/",
    }),
  ),
  unified: undefined,
};
const SYSTEM: Manager = { kind: "system" };
const USER: Manager = { kind: "user", uid: 1000 };

type Options = {
  readonly path?: string;
  readonly layout?: CgroupLayout;
  readonly manager?: Manager;
  readonly annotations?: object;
  readonly id?: string;
};

const specOf = (resources: object, { path, annotations = {} }: Options): ReturnType<typeof decodeSpec> =>
  decodeSpec({
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    annotations,
    linux: { ...(path === undefined ? {} : { cgroupsPath: path }), resources },
  });

const plan = (resources: object = {}, options: Options = {}): UnitPlan =>
  planUnit(
    specOf(resources, options),
    options.layout ?? v2,
    (options.id ?? "c1") as ContainerId,
    options.manager ?? SYSTEM,
  );

function wholePlan(resources: object, options: Options = {}): CgroupPlan {
  const host: HostFacts = {
    euid: 0,
    egid: 0,
    rootless: false,
    groupsDenied: false,
    lastCapability: 40,
    cgroups: options.layout ?? v2,
    mountApi: "mount_setattr",
    outerUid: 0,
    lsm: { apparmor: false, confined: false, selinux: false },
    procfsTakesPidns: false,
  };
  return planCgroup(specOf(resources, options), host, "c1" as ContainerId, plan(resources, options));
}

/** The properties that limits and annotations bring, as "Name=value", without those that every unit has. */
const limits = (resources: object, options: Options = {}): string[] => {
  const usual = new Set(
    plan({}, { ...options, annotations: {} }).properties.map(({ name, value }) => name + show(value)),
  );
  return plan(resources, options).properties.flatMap(({ name, value }) =>
    usual.has(name + show(value)) ? [] : [`${name}=${show(value)}`],
  );
};

const lines = ({ properties }: UnitPlan): string[] => properties.map(({ name, value }) => `${name}=${show(value)}`);

function problem(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SpecError || error instanceof HostError) return error.message;
    throw error;
  }
  return "";
}

describe("the unit of a container", () => {
  it("is runc-ID.scope in system.slice when nobody names it, in user.slice with a user's systemd", () => {
    const { name, slice, cgroup, kind, why } = plan();
    assert.deepEqual(
      [name, slice, cgroup, kind, why],
      ["runc-c1.scope", "system.slice", "/system.slice/runc-c1.scope", "scope", "default"],
    );
    const own = plan({}, { manager: USER });
    assert.deepEqual(
      [own.name, own.slice, own.cgroup, own.user],
      ["runc-c1.scope", "user.slice", "/user.slice/user-1000.slice/user@1000.service/user.slice/runc-c1.scope", true],
    );
  });

  it("cgroupsPath is slice:prefix:name, of which slice and prefix may be empty", () => {
    const place = (path: string): readonly string[] => {
      const { name, slice, cgroup } = plan({}, { path });
      return [name, slice, cgroup];
    };
    assert.deepEqual(place("machine.slice:libpod:abc"), [
      "libpod-abc.scope",
      "machine.slice",
      "/machine.slice/libpod-abc.scope",
    ]);
    assert.deepEqual(place(":cri:abc"), ["cri-abc.scope", "system.slice", "/system.slice/cri-abc.scope"]);
    assert.deepEqual(place("a.slice::abc"), ["-abc.scope", "a.slice", "/a.slice/-abc.scope"]);
    assert.deepEqual(place("-.slice:p:n"), ["p-n.scope", "-.slice", "/p-n.scope"]);
    assert.deepEqual(place("-:p:n"), ["p-n.scope", "-.slice", "/p-n.scope"]);
    assert.equal(plan({}, { path: "a.slice:p:n" }).why, "/linux/cgroupsPath");
  });

  it("a slice lies in those whose names begin its own", () => {
    assert.equal(
      sliceGroup("kubepods-burstable-pod1.slice"),
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice",
    );
    assert.equal(plan({}, { path: "a-b.slice:p:n" }).cgroup, "/a.slice/a-b.slice/p-n.scope");
  });

  it("a name that ends in .slice makes a slice, which has no prefix and wants the one above", () => {
    const unit = plan({}, { path: "a.slice:ignored:a-b.slice" });
    assert.deepEqual([unit.kind, unit.name, unit.cgroup], ["slice", "a-b.slice", "/a.slice/a-b.slice"]);
    assert.ok(lines(unit).includes("Wants=['a.slice']"));
    assert.ok(!lines(unit).some((line) => /^(Slice|Delegate)=/.test(line)));
  });

  for (const [path, words] of [
    ["/a/b", /expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "\/a\/b" instead/],
    ["a:b", /expected cgroupsPath to be of format/],
    ["a.slice:b:c:d", /expected cgroupsPath to be of format/],
    ["noslice:p:n", /invalid slice name: noslice/],
    [".slice:p:n", /invalid slice name/],
    ["a--b.slice:p:n", /invalid slice name/],
    ["-a.slice:p:n", /invalid slice name/],
    ["x/../y.slice:p:n", /invalid slice name/],
    ["a.slice:p/../..:n", /is not a name of a systemd unit/],
    [`a.slice:p:${"n".repeat(250)}`, /more than 255 characters/],
  ] as const)
    it(`cgroupsPath ${path.slice(0, 24)} is refused with the reason`, () => {
      assert.match(
        problem(() => plan({}, { path })),
        words,
      );
    });

  it("a container id that no unit can be called by is refused", () => {
    assert.match(
      problem(() => plan({}, { id: "a+b" })),
      /"runc-a\+b\.scope" is not a name of a systemd unit/,
    );
  });

  it("a user's systemd is where our own cgroup says", () => {
    const at = (own: string): string =>
      plan({}, { manager: USER, layout: { ...v2, own } as CgroupLayout }).cgroup.replace(
        "/user.slice/runc-c1.scope",
        "",
      );
    assert.equal(at("/user.slice/user-7.slice/session-3.scope"), "/user.slice/user-7.slice/user@7.service");
    assert.equal(
      at("/user.slice/user-7.slice/user@7.service/app.slice/x.scope"),
      "/user.slice/user-7.slice/user@7.service",
    );
    assert.equal(
      at("/lxc/box/user.slice/user-7.slice/session-3.scope"),
      "/lxc/box/user.slice/user-7.slice/user@7.service",
    );
    assert.equal(at("/system.slice/sshd.service"), "/user.slice/user-1000.slice/user@1000.service");
  });

  it("a user's systemd is not asked for v1 cgroups", () => {
    assert.match(
      problem(() => plan({}, { manager: USER, layout: v1 })),
      /cannot use rootless systemd cgroups manager on cgroup v1/,
    );
  });

  it("has its cgroup in the plan: one on v2, one in every hierarchy on v1", () => {
    assert.deepEqual(
      wholePlan({}).groups.map(({ path }) => path),
      ["/sys/fs/cgroup/system.slice/runc-c1.scope"],
    );
    assert.deepEqual(
      wholePlan({ memory: { limit: 5 } }).writes.map(({ file }) => file),
      ["/sys/fs/cgroup/system.slice/runc-c1.scope/memory.max"],
    );
    assert.ok(
      wholePlan({}, { layout: v1 }).groups.some(
        ({ path }) => path === "/sys/fs/cgroup/freezer/system.slice/runc-c1.scope",
      ),
    );
  });

  it("crun's annotation for a group below the unit's is followed, and nothing else than one name", () => {
    const below = (name: string): Options => ({ annotations: { "run.oci.systemd.subgroup": name } });
    assert.equal(
      wholePlan({}, below("container")).groups[0]?.path,
      "/sys/fs/cgroup/system.slice/runc-c1.scope/container",
    );
    assert.equal(plan({}, below("")).subgroup, undefined);
    assert.match(
      problem(() => plan({}, below("../x"))),
      /must be the name of one cgroup/,
    );
  });
});

describe("properties of every unit", () => {
  it("a scope is delegated, accounted and outlives nothing that systemd orders", () => {
    assert.deepEqual(lines(plan({ devices: [{ allow: true, access: "rwm" }] })), [
      "Description='tsrun container c1'",
      "Slice='system.slice'",
      "Delegate=true",
      "MemoryAccounting=true",
      "CPUAccounting=true",
      "IOAccounting=true",
      "TasksAccounting=true",
      "DefaultDependencies=false",
      "DeviceAllow=[]",
      "DevicePolicy='auto'",
    ]);
    assert.ok(lines(plan({}, { layout: v1 })).includes("BlockIOAccounting=true"));
  });

  it("annotations become properties, after the usual and before the limits, so that they change the ones and not the others", () => {
    const names = plan(
      { pids: { limit: 5 } },
      {
        annotations: {
          "org.systemd.property.DefaultDependencies": "true",
          "org.systemd.property.TasksMax": "uint64 9",
        },
      },
    ).properties.map(({ name, value }) => `${name}=${show(value)}`);
    assert.deepEqual(
      names.filter((line) => /^(Default|TasksMax)/.test(line)),
      ["DefaultDependencies=false", "DefaultDependencies=true", "TasksMax=9", "TasksMax=5"],
    );
  });

  it("annotations may have any type of value", () => {
    const annotations = {
      "org.systemd.property.TimeoutStopUSec": "uint64 123456789",
      "org.systemd.property.CollectMode": "'inactive-or-failed'",
      "org.systemd.property.After": "['a.service', 'b.service']",
      "org.systemd.property.Nonsense": "-1",
      "org.opencontainers.image.title": "not ours",
    };
    assert.deepEqual(limits({}, { annotations }), [
      "TimeoutStopUSec=123456789",
      "CollectMode='inactive-or-failed'",
      "After=['a.service', 'b.service']",
      "Nonsense=-1",
    ]);
  });

  it("an annotation in seconds becomes a property in microseconds, of whatever type the number is", () => {
    const sec = (value: string, name = "TimeoutStopSec"): string =>
      limits({}, { annotations: { [`org.systemd.property.${name}`]: value } })[0] ?? "";
    for (const value of ["uint64 7", "7", "byte 7", "int16 7", "uint32 7", "int64 7", "7.0"])
      assert.equal(sec(value), "TimeoutStopUSec=7000000");
    assert.equal(sec("0.5", "RuntimeMaxSec"), "RuntimeMaxUSec=500000");
    assert.equal(sec("7", "FOOSec"), "FOOSec=7");
    assert.match(
      problem(() => sec("'7'")),
      /org\.systemd\.property\.TimeoutStopSec='7' value parse error: not a number/,
    );
    assert.match(
      problem(() => sec("-7")),
      /not a number of seconds/,
    );
    assert.match(
      problem(() => sec("uint64 18446744073709551615")),
      /not a number of seconds/,
    );
  });

  it("an annotation whose name or value is wrong is refused with its place", () => {
    const of = (name: string, value: string): string =>
      problem(() => plan({}, { annotations: { [`org.systemd.property.${name}`]: value } }));
    assert.match(of("X", "1"), /^\/annotations\/org\.systemd\.property\.X: .*name incorrect: too short/);
    assert.match(of("Foo-Bar", "1"), /contains non-alphabetic character/);
    assert.match(of("Foo", "bar"), /org\.systemd\.property\.Foo=bar value parse error: unexpected "bar"/);
  });

  it("memory.oom.group is the policy of the unit, too", () => {
    assert.ok(limits({ unified: { "memory.oom.group": "1" } }).includes("OOMPolicy='kill'"));
    assert.ok(limits({ unified: { "memory.oom.group": "0" } }).includes("OOMPolicy='continue'"));
  });
});

describe("devices of a unit", () => {
  const devices = (rules: readonly object[], layout: CgroupLayout = v2): string[] =>
    lines(plan({ devices: rules }, { layout })).filter((line) => line.startsWith("Device"));
  const strict = devices([{ allow: false, access: "rwm" }]);

  it("are those of config.json and the defaults, and no others", () => {
    assert.deepEqual(strict.slice(0, 2), ["DeviceAllow=[]", "DevicePolicy='strict'"]);
    for (const entry of [
      "('char-*', 'm')",
      "('block-*', 'm')",
      "('/dev/char/1:3', 'rwm')",
      "('char-136', 'rwm')",
      "('/dev/char/10:200', 'rwm')",
    ])
      assert.ok(strict[2]?.includes(entry), entry);
    const more = devices([
      { allow: false, access: "rwm" },
      { allow: true, type: "b", major: 8, minor: 0, access: "rw" },
      { allow: true, type: "c", major: 10, access: "r" },
    ]);
    assert.ok(more[2]?.includes("('/dev/block/8:0', 'rw'), ('char-10', 'r')"));
  });

  it("are all of them when all are allowed", () => {
    assert.deepEqual(devices([{ allow: true, access: "rwm" }]), ["DeviceAllow=[]", "DevicePolicy='auto'"]);
  });

  it("are left to our own program where systemd has no words: a list of what is denied, any major number", () => {
    assert.deepEqual(
      devices([
        { allow: true, access: "rwm" },
        { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
      ]),
      ["DeviceAllow=[]", "DevicePolicy='auto'"],
    );
    const anyMajor = [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", minor: 5, access: "r" },
    ];
    assert.deepEqual(devices(anyMajor), ["DeviceAllow=[]", "DevicePolicy='auto'"]);
    assert.deepEqual(devices(anyMajor, v1), strict);
  });
});

describe("limits of a unit, v2", () => {
  const NO_LIMIT = "18446744073709551615";

  it("memory", () => {
    assert.deepEqual(limits({ memory: { limit: 1000, reservation: 500, swap: 3000 } }), [
      "MemoryMax=1000",
      "MemoryLow=500",
      "MemorySwapMax=2000",
    ]);
    assert.deepEqual(limits({ memory: { limit: -1 } }), [`MemoryMax=${NO_LIMIT}`, `MemorySwapMax=${NO_LIMIT}`]);
    assert.deepEqual(limits({ memory: { limit: 1000, swap: -1 } }), ["MemoryMax=1000", `MemorySwapMax=${NO_LIMIT}`]);
    assert.match(
      problem(() => limits({ memory: { swap: 5 } })),
      /unable to set swap limit without memory limit/,
    );
  });

  it("cpu.shares as a weight, cpu.idle as the weight 0", () => {
    assert.deepEqual(limits({ cpu: { shares: 1024 } }), ["CPUWeight=100"]);
    assert.deepEqual(limits({ cpu: { shares: 1024, idle: 1 } }), ["CPUWeight=0"]);
    assert.deepEqual(limits({ cpu: { shares: 1024, idle: 0 } }), ["CPUWeight=100"]);
  });

  it("cpu.quota in whole percents, rounded up; the files say the same", () => {
    assert.deepEqual(limits({ cpu: { quota: 5000, period: 10000 } }), [
      "CPUQuotaPeriodUSec=10000",
      "CPUQuotaPerSecUSec=500000",
    ]);
    assert.deepEqual(limits({ cpu: { quota: 12345 } }), ["CPUQuotaPerSecUSec=130000"]);
    assert.deepEqual(limits({ cpu: { period: 5000 } }), ["CPUQuotaPeriodUSec=5000", `CPUQuotaPerSecUSec=${NO_LIMIT}`]);
    assert.deepEqual(limits({ cpu: { quota: -1 } }), [`CPUQuotaPerSecUSec=${NO_LIMIT}`]);
    assert.deepEqual(
      wholePlan({ cpu: { quota: 12345 } }).writes.map(({ value }) => value),
      ["13000 100000"],
    );
    assert.deepEqual(
      wholePlan({ cpu: { quota: 5000, period: 10000 } }).writes.map(({ value }) => value),
      ["5000 10000"],
    );
    assert.deepEqual(
      wholePlan({ cpu: { quota: -1 } }).writes.map(({ value }) => value),
      ["max 100000"],
    );
  });

  it("cpus and memory nodes as bits", () => {
    assert.deepEqual(limits({ cpu: { cpus: "0-1,8", mems: "0" } }), ["AllowedCPUs=[3, 1]", "AllowedMemoryNodes=[1]"]);
    assert.deepEqual(rangeToBits(" 1, 3-5,", ""), [0b111010]);
    assert.deepEqual(rangeToBits("16", ""), [0, 0, 1]);
    for (const [list, words] of [
      ["", /empty value/],
      ["5-3", /invalid range: 5-3/],
      ["a", /"a" is no number/],
      ["1-", /no range/],
      ["70000", /too high/],
    ] as const)
      assert.throws(() => rangeToBits(list, "/x"), { message: words });
  });

  it("pids: negative is no limit, 0 is 1", () => {
    assert.deepEqual(
      [-1, 0, 7].map((limit) => limits({ pids: { limit } })[0]),
      [`TasksMax=${NO_LIMIT}`, "TasksMax=1", "TasksMax=7"],
    );
  });

  it("blockIO.weight as the weight of I/O; what is limited by device is left to the files", () => {
    const resources = { blockIO: { weight: 1000, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] } };
    assert.deepEqual(limits(resources), ["IOWeight=10000"]);
    assert.deepEqual(
      wholePlan(resources).writes.map(({ value }) => value),
      ["1000", "8:0 rbps=5"],
    );
  });

  it("unified files that have a property, and they come last", () => {
    const unified = {
      "memory.max": "41943040",
      "memory.high": "20971520",
      "memory.low": "524288",
      "memory.min": "131072",
      "memory.swap.max": "max",
      "pids.max": "99",
      "cpu.max": "10000 100000",
      "cpu.weight": "42",
      "cpuset.cpus": "0",
      "cpuset.mems": "0",
    };
    assert.deepEqual(limits({ unified, memory: { limit: 5 } }), [
      "MemoryMax=5",
      "MemoryMax=41943040",
      "MemoryHigh=20971520",
      "MemoryLow=524288",
      "MemoryMin=131072",
      `MemorySwapMax=${NO_LIMIT}`,
      "TasksMax=99",
      "CPUQuotaPeriodUSec=100000",
      "CPUQuotaPerSecUSec=100000",
      "CPUWeight=42",
      "AllowedCPUs=[1]",
      "AllowedMemoryNodes=[1]",
    ]);
    assert.deepEqual(limits({ unified: { "cpu.max": "max" } }), [
      "CPUQuotaPeriodUSec=100000",
      `CPUQuotaPerSecUSec=${NO_LIMIT}`,
    ]);
    assert.deepEqual(limits({ unified: { "cpu.idle": "1", "cpu.weight": "5" } }), ["CPUWeight=0"]);
    assert.deepEqual(limits({ unified: { "pids.max": "0", "hugetlb.2MB.max": "5", "cpu.idle": "0" } }), ["TasksMax=1"]);
  });

  it("unified values that are no numbers are refused with their place", () => {
    assert.match(
      problem(() => limits({ unified: { "memory.max": "lots" } })),
      /^\/linux\/resources\/unified\/memory\.max: .*"lots" is not a number/,
    );
    assert.match(
      problem(() => limits({ unified: { "cpu.max": "1 2 3" } })),
      /"cpu.max" value invalid/,
    );
  });

  it("every limit says who asked, and may be refused by a systemd that does not know it; annotations may not", () => {
    const { properties } = plan({ memory: { limit: 5 } }, { annotations: { "org.systemd.property.Foo": "1" } });
    const found = (name: string): readonly unknown[] =>
      properties.filter((property) => property.name === name).map(({ why, optional }) => [why, optional]);
    assert.deepEqual(found("MemoryMax"), [["/linux/resources/memory/limit", true]]);
    assert.deepEqual(found("Foo"), [["/annotations/org.systemd.property.Foo", false]]);
    assert.deepEqual(found("DevicePolicy"), [["default", false]]);
  });
});

describe("limits of a unit, v1", () => {
  it("have the names that they had then", () => {
    const resources = {
      memory: { limit: 1000, reservation: 5, swap: 2000 },
      cpu: { shares: 512, quota: 12345, cpus: "0" },
      blockIO: { weight: 300 },
      pids: { limit: 4 },
    };
    assert.deepEqual(limits(resources, { layout: v1 }), [
      "MemoryLimit=1000",
      "CPUShares=512",
      "CPUQuotaPerSecUSec=130000",
      "BlockIOWeight=300",
      "TasksMax=4",
      "AllowedCPUs=[1]",
    ]);
    assert.ok(
      wholePlan(resources, { layout: v1 }).writes.some(
        ({ file, value }) => file.endsWith("cpu.cfs_quota_us") && value === "13000",
      ),
    );
  });

  it("unified is refused as without systemd", () => {
    assert.match(
      problem(() => wholePlan({ unified: { "memory.max": "1" } }, { layout: v1 })),
      /cannot use unified on cgroup v1/,
    );
  });
});
