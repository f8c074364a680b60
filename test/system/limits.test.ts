// linux.resources at create, row by row of the catalogue, on whichever cgroups this host has. update.test.ts changes them, cgroup.test.ts has
// what is v1's alone.

import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { group, hasController, itOnV2, itWith, onV2, value } from "./groups.ts";
import { isTsrun, itOurs, ok, refused, removeGroup, useBox, type Container, type State } from "./harness.ts";

const MB = 2 ** 20;

describe("limits", () => {
  const box = useBox();
  const v2 = onV2();

  const started = (resources: object, change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.linux.resources = { ...config.linux.resources, ...resources };
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  /** Starts with the resources, looks, and ends. */
  const look = (resources: object, see: (container: Container) => void): void => {
    const container = started(resources);
    see(container);
    ok(container.delete("--force"));
  };

  const refuses = (resources: object, message: RegExp): void =>
    refused(
      box()
        .container((config) => (config.linux.resources = { ...config.linux.resources, ...resources }))
        .run(),
      message,
    );

  const file = (container: Container, controller: string, name: string): string =>
    readFileSync(join(group(box(), container, controller), name), "utf8").trim();
  const hasFile = (container: Container, controller: string, name: string): boolean =>
    existsSync(join(group(box(), container, controller), name));

  it("none at all: the container has its cgroup all the same, and only the default devices", () => {
    const inside = box().inside(
      "grep -c : /proc/self/cgroup > /dev/null && (exec 3</dev/mem0) 2>/dev/null || echo mem not read; echo x > /dev/null && echo null",
      (config) => {
        delete config.linux.resources;
        config.linux.devices = [{ path: "/dev/mem0", type: "c", major: 1, minor: 1, fileMode: 0o666 }];
      },
    );
    assert.equal(inside, "mem not read\nnull\n");
    const container = started({}, (config) => delete config.linux.resources);
    assert(
      readFileSync(join(group(box(), container, "devices"), "cgroup.procs"), "utf8").includes(
        String(container.state().pid),
      ),
    );
    ok(container.delete("--force"));
  });

  itWith("memory: limit, reservation and swap", ["memory"], () => {
    look({ memory: { limit: 64 * MB, reservation: 32 * MB, swap: 96 * MB } }, (container) => {
      assert.equal(value(container, "memory.limit_in_bytes", "memory.max"), String(64 * MB));
      assert.equal(value(container, "memory.soft_limit_in_bytes", "memory.low"), String(32 * MB));
      if (hasFile(container, "memory", v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"))
        assert.equal(value(container, "memory.memsw.limit_in_bytes", "memory.swap.max"), String((v2 ? 32 : 96) * MB));
    });
  });

  itWith("memory: -1 is no limit, 0 is not set", ["memory"], () => {
    const none = v2 ? "max" : readFileSync("/sys/fs/cgroup/memory/memory.limit_in_bytes", "utf8").trim();
    for (const limit of [-1, 0])
      look({ memory: { limit } }, (container) =>
        assert.equal(value(container, "memory.limit_in_bytes", "memory.max"), none),
      );
  });

  itWith("memory: swap below the limit is refused, and so is swap without one on v2", ["memory"], () => {
    refuses(
      { memory: { limit: 64 * MB, swap: 32 * MB } },
      v2 ? /\/linux\/resources\/memory(\/swap)?: .*swap/ : /memory/,
    );
    if (v2) refuses({ memory: { swap: 32 * MB } }, /unable to set swap limit without memory limit/);
  });

  itWith("memory: kernel is passed over; kernelTCP is v1's", ["memory"], () => {
    look({ memory: { kernel: 16 * MB, kernelTCP: 16 * MB } }, (container) => {
      if (!v2 && hasFile(container, "memory", "memory.kmem.tcp.limit_in_bytes"))
        assert.equal(file(container, "memory", "memory.kmem.tcp.limit_in_bytes"), String(16 * MB));
    });
  });

  itWith("memory: swappiness from 0 to 100; passed over on v2", ["memory"], () => {
    look(
      { memory: { swappiness: 0 } },
      (container) => v2 || assert.equal(file(container, "memory", "memory.swappiness"), "0"),
    );
    if (!v2) refuses({ memory: { swappiness: 101 } }, /swappiness/);
  });

  itWith("memory: useHierarchy is v1's, and what the kernel does not do any more is refused", ["memory"], () => {
    look(
      { memory: { useHierarchy: true } },
      (container) => v2 || assert.equal(file(container, "memory", "memory.use_hierarchy"), "1"),
    );
    if (!v2) refuses({ memory: { useHierarchy: false } }, /memory\.use_hierarchy/);
  });

  itWith("cpu: shares, as weight on v2 by the new conversion", ["cpu"], () => {
    for (const [shares, weight] of [
      [2, 1],
      [100, 17],
      [512, 59],
      [1024, 100],
      [3333, 256],
      [262_144, 10_000],
    ] as const) {
      look({ cpu: { shares } }, (container) =>
        assert.equal(value(container, "cpu.shares", "cpu.weight"), String(v2 ? weight : shares)),
      );
    }
    if (!v2) refuses({ cpu: { shares: 1 } }, /the minimum allowed cpu-shares is 2/);
    if (!v2) refuses({ cpu: { shares: 262_145 } }, /the maximum allowed cpu-shares is 262144/);
  });

  itWith("cpu: quota and period, together and alone", ["cpu"], () => {
    const bandwidth = (container: Container): string =>
      v2
        ? file(container, "cpu", "cpu.max").replace("max ", "-1 ")
        : `${file(container, "cpu", "cpu.cfs_quota_us")} ${file(container, "cpu", "cpu.cfs_period_us")}`;
    look({ cpu: { quota: 40_000, period: 80_000 } }, (container) => assert.equal(bandwidth(container), "40000 80000"));
    look({ cpu: { period: 1_000_000 } }, (container) => assert.equal(bandwidth(container), "-1 1000000"));
    look({ cpu: { quota: 5000 } }, (container) => assert.equal(bandwidth(container), "5000 100000"));
    look({ cpu: { quota: -1 } }, (container) => assert.equal(bandwidth(container), "-1 100000"));
  });

  itWith("cpu: a period that the kernel refuses is told with its file, and nothing is left", ["cpu"], () => {
    refuses({ cpu: { period: 100 } }, v2 ? /cpu\.max/ : /cpu\.cfs_period_us/);
  });

  itWith("cpu: burst and idle, where the kernel has them", ["cpu"], () => {
    const container = started({ cpu: { quota: 50_000, period: 100_000 } });
    const [burst, idle] = [
      hasFile(container, "cpu", v2 ? "cpu.max.burst" : "cpu.cfs_burst_us"),
      hasFile(container, "cpu", "cpu.idle"),
    ];
    ok(container.delete("--force"));
    if (burst)
      look({ cpu: { quota: 50_000, period: 100_000, burst: 20_000 } }, (one) =>
        assert.equal(file(one, "cpu", v2 ? "cpu.max.burst" : "cpu.cfs_burst_us"), "20000"),
      );
    if (idle) look({ cpu: { idle: 1 } }, (one) => assert.equal(file(one, "cpu", "cpu.idle"), "1"));
    if (idle) look({ cpu: { idle: 1, shares: 100 } }, (one) => assert.equal(file(one, "cpu", "cpu.idle"), "1"));
    if (idle) refuses({ cpu: { idle: 2 } }, /cpu\.idle/);
  });

  itWith(
    "cpu: real-time limits are passed over on v2, and refused by name where the kernel has them not or the cgroup above has none to give",
    ["cpu"],
    () => {
      const resources = { cpu: { realtimePeriod: 1_000_000, realtimeRuntime: 1000 } };
      if (v2) return look(resources, () => undefined);
      const result = box()
        .container((config) => (config.linux.resources = resources))
        .run();
      if (result.status !== 0) refused(result, /cpu\.rt_(runtime|period)_us/);
    },
  );

  itWith(
    "cpuset: cpus and mems, also in groups of groups, and values outside of the cgroup above are refused",
    ["cpuset"],
    () => {
      const container = started(
        { cpu: { cpus: "0", mems: "0" } },
        (config) => (config.linux.cgroupsPath = `/${box().prefix}deep/er/${config.hostname}`),
      );
      const own =
        /cpuset[^:]*:(.*)/.exec(readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"))?.[1] ??
        /0::(.*)/.exec(readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"))?.[1];
      assert.deepEqual(
        ["cpuset.cpus", "cpuset.mems"].map((name) =>
          readFileSync(`/sys/fs/cgroup/${v2 ? "" : "cpuset"}${own}/${name}`, "utf8").trim(),
        ),
        ["0", "0"],
      );
      ok(container.delete("--force"));
      box().removeCgroups();
      refuses({ cpu: { cpus: "4711" } }, /cpuset\.cpus/);
      refuses({ cpu: { mems: "4711" } }, /cpuset\.mems/);
    },
  );

  itWith("pids: 0 is 1, and -1 is no limit (runc issue 4014)", ["pids"], () => {
    for (const [limit, wanted] of [
      [0, "1"],
      [-1, "max"],
      [77, "77"],
    ] as const)
      look({ pids: { limit } }, (container) => assert.equal(value(container, "pids.max", "pids.max"), wanted));
  });

  itWith("blockIO: rates of a device", ["blkio"], () => {
    const disk = /^\s*(\d+)\s+(\d+)\s+\d+\s+(sd[a-z]|vd[a-z]|loop0|ubd[a-z]|nvme\d+n\d+)$/m.exec(
      readFileSync("/proc/partitions", "utf8"),
    );
    if (disk === null) return;
    const [major, minor] = [Number(disk[1]), Number(disk[2])];
    const at = (rate: number): object[] => [{ major, minor, rate }];
    look(
      {
        blockIO: {
          throttleReadBpsDevice: at(1_048_576),
          throttleWriteBpsDevice: at(2_097_152),
          throttleReadIOPSDevice: at(100),
          throttleWriteIOPSDevice: at(200),
        },
      },
      (container) => {
        if (v2)
          assert.match(
            file(container, "blkio", "io.max"),
            new RegExp(`${major}:${minor} rbps=1048576 wbps=2097152 riops=100 wiops=200`),
          );
        else
          assert.deepEqual(
            ["read_bps", "write_bps", "read_iops", "write_iops"].map((name) =>
              file(container, "blkio", `blkio.throttle.${name}_device`),
            ),
            ["1048576", "2097152", "100", "200"].map((rate) => `${major}:${minor} ${rate}`),
          );
      },
    );
    refuses(
      { blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 1, rate: 1000 }] } },
      v2 ? /io\.max/ : /blkio\.throttle\.read_bps_device/,
    );
  });

  itWith("blockIO: the weight is set where a scheduler has one, else refused with the file", ["blkio"], () => {
    const plain = started({});
    const name = (v2 ? ["io.bfq.weight", "io.weight"] : ["blkio.weight", "blkio.bfq.weight"]).find((one) =>
      hasFile(plain, "blkio", one),
    );
    ok(plain.delete("--force"));
    if (name === undefined) refuses({ blockIO: { weight: 500 } }, /weight/);
    else
      look({ blockIO: { weight: 500 } }, (container) =>
        assert.match(file(container, "blkio", name), name === "io.weight" ? /^(default )?4950$/m : /^(default )?500$/m),
      );
    if (!v2) refuses({ blockIO: { leafWeight: 500 } }, /blkio\.leaf_weight/);
    else look({ blockIO: { leafWeight: 500 } }, () => undefined);
  });

  itWith("hugetlb: limits of faults and of reservations, for every size that the host has", ["hugetlb"], () => {
    const sizes = readdirSync("/sys/kernel/mm/hugepages")
      .map((name) => Number(/(\d+)kB/.exec(name)?.[1]))
      .map((kilobytes) => ({
        kilobytes,
        pageSize:
          kilobytes >= 1 << 20
            ? `${kilobytes >> 20}GB`
            : kilobytes >= 1 << 10
              ? `${kilobytes >> 10}MB`
              : `${kilobytes}KB`,
      }));
    look(
      { hugepageLimits: sizes.map(({ kilobytes, pageSize }) => ({ pageSize, limit: kilobytes * 1024 })) },
      (container) => {
        for (const { kilobytes, pageSize } of sizes) {
          const names = (
            v2
              ? [`hugetlb.${pageSize}.max`, `hugetlb.${pageSize}.rsvd.max`]
              : [`hugetlb.${pageSize}.limit_in_bytes`, `hugetlb.${pageSize}.rsvd.limit_in_bytes`]
          ).filter((name) => hasFile(container, "hugetlb", name));
          assert(names.length > 0);
          for (const name of names) assert.equal(file(container, "hugetlb", name), String(kilobytes * 1024), name);
        }
      },
    );
    refuses({ hugepageLimits: [{ pageSize: "3MB", limit: 0 }] }, /hugetlb\.3MB/);
  });

  it("a limit whose controller this host has not is refused with both names; what v2 has no word for is passed over", () => {
    const asks: readonly [string, object, RegExp][] = [
      [
        "hugetlb",
        { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] },
        /\/linux\/resources\/hugepageLimits\/0: .*"?hugetlb"?/,
      ],
      ["rdma", { rdma: { mlx5_1: { hcaHandles: 1 } } }, /\/linux\/resources\/rdma: .*"?rdma"?/],
      ["cpuset", { cpu: { cpus: "0" } }, /\/linux\/resources\/cpu\/cpus: .*"?cpuset"?/],
      ["memory", { memory: { limit: 64 * MB } }, /\/linux\/resources\/memory: .*"?memory"?/],
      ["net_cls", { network: { classID: 1_048_577 } }, /\/linux\/resources\/network\/classID: .*"?net_cls"?/],
      [
        "net_prio",
        { network: { priorities: [{ name: "lo", priority: 1 }] } },
        /\/linux\/resources\/network\/priorities\/0: .*"?net_prio"?/,
      ],
    ];
    for (const [controller, resources, message] of asks) {
      if (v2 && controller.startsWith("net_")) look(resources, () => undefined);
      else if (!hasController(controller)) refuses(resources, message);
    }
  });

  it("cgroupsPath: the root of the hierarchy is refused, and a path is cleaned as if the hierarchy were everything", () => {
    for (const path of ["/", "/..", "/../..", "."])
      refused(
        box()
          .container((config) => (config.linux.cgroupsPath = path))
          .run(),
        /\/linux\/cgroupsPath: must name a cgroup below the root/,
      );
    const container = started({}, (config) => (config.linux.cgroupsPath = `/a/../../../${box().prefix}x`));
    assert.match(readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"), new RegExp(`:/${box().prefix}x\n`));
    ok(container.delete("--force"));
    box().removeCgroups();
  });

  it("create refuses a cgroup with processes and a frozen one, and leaves both alone (runc cgroups.bats)", () => {
    const path = `/${box().prefix}shared`;
    const first = started({}, (config) => (config.linux.cgroupsPath = path));
    const second = box().container((config) => (config.linux.cgroupsPath = path));
    refused(second.run(), /container's cgroup is not empty: \d+ process/);
    refused(second.create(), /container's cgroup is not empty/);
    assert.equal(first.state().status, "running");
    ok(first.delete("--force"));
    const frozen = v2 ? `/sys/fs/cgroup${path}` : `/sys/fs/cgroup/freezer${path}`;
    mkdirSync(frozen, { recursive: true });
    writeFileSync(join(frozen, v2 ? "cgroup.freeze" : "freezer.state"), v2 ? "1" : "FROZEN");
    refused(second.run(), /container's cgroup unexpectedly frozen/);
    assert(existsSync(frozen), "somebody else's");
    removeGroup(frozen);
    box().removeCgroups();
  });

  itOnV2("a cgroup that was there before the container is used and goes with it, as with runc", [], () => {
    const path = `/${box().prefix}found`;
    const directory = `/sys/fs/cgroup${path}`;
    mkdirSync(directory);
    ok(
      box()
        .container((config) => (config.linux.cgroupsPath = path))
        .run(),
    );
    assert.equal(existsSync(directory), false);
    box().removeCgroups();
  });

  itOnV2("controllers are passed on from the root down to the container, and nothing extra is in it", [], () => {
    const container = started({}, (config) => (config.linux.cgroupsPath = `/${box().prefix}a/b/${config.hostname}`));
    const all = readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8");
    const own = `/sys/fs/cgroup/${box().prefix}a/b/container`;
    assert.equal(readFileSync(join(own, "cgroup.controllers"), "utf8"), all);
    assert.equal(readFileSync(join(own, "cgroup.subtree_control"), "utf8").trim(), "");
    ok(container.delete("--force"));
    box().removeCgroups();
  });

  itOnV2("a limit that a group above does not pass on is refused with the group's name", ["memory"], async () => {
    const parent = `/sys/fs/cgroup/${box().prefix}full`;
    mkdirSync(parent);
    const inhabitant = spawn("sleep", ["60"], { env: { TSRUN_TEST: box().prefix } });
    writeFileSync(join(parent, "cgroup.procs"), String(inhabitant.pid)); // [kernel] no internal processes
    refused(
      box()
        .container((config) => {
          config.linux.cgroupsPath = `/${box().prefix}full/child`;
          config.linux.resources = { memory: { limit: 64 * MB } };
        })
        .run(),
      /\/linux\/resources\/memory.*full/,
    );
    const ended = once(inhabitant, "exit");
    inhabitant.kill("SIGKILL");
    await ended;
    box().removeCgroups();
  });

  itOnV2("below a threaded group only thread controllers can be limited", ["memory"], () => {
    const parent = `/sys/fs/cgroup/${box().prefix}threads`;
    mkdirSync(join(parent, "member"), { recursive: true });
    writeFileSync(join(parent, "member/cgroup.type"), "threaded");
    const inThreads = (resources: object): Container =>
      box().container((config) => {
        config.linux.cgroupsPath = `/${box().prefix}threads/child`;
        config.linux.resources = { ...config.linux.resources, ...resources };
      });
    refused(inThreads({ memory: { limit: 64 * MB } }).run(), /cannot enter cgroupv2 ".*" with domain controllers/);
    ok(inThreads({ pids: { limit: 50 } }).run());
    box().removeCgroups();
  });

  itOnV2(
    "unified files override what was converted, several lines are several writes, and mistakes are told by key",
    [],
    () => {
      look({ unified: { "cgroup.max.depth": "5\n" } }, (container) =>
        assert.equal(file(container, "", "cgroup.max.depth"), "5"),
      );
      if (hasController("memory") && hasController("pids")) {
        look(
          {
            memory: { limit: 32 * MB },
            unified: { "memory.max": "41943040", "pids.max": "42", "memory.high": "20971520" },
          },
          (container) => {
            assert.deepEqual(
              ["memory.max", "pids.max", "memory.high"].map((name) => file(container, "", name)),
              ["41943040", "42", "20971520"],
            );
          },
        );
      }
      refuses({ unified: { "a/b": "1" } }, /unified resource "a\/b" must be a file name/);
      refuses({ unified: { nodot: "1" } }, /"nodot" must be in the form CONTROLLER\.PARAMETER/);
      refuses({ unified: { "cgroup.nosuch": "1" } }, /cgroup\.nosuch/);
    },
  );

  itOnV2(
    "exec goes where init is when the container's own group takes nobody any more (no internal processes)",
    ["memory"],
    () => {
      const container = started({});
      const own = group(box(), container, "");
      mkdirSync(join(own, "inner"));
      writeFileSync(join(own, "inner/cgroup.procs"), String(container.state().pid));
      writeFileSync(join(own, "cgroup.subtree_control"), "+memory");
      assert.match(
        ok(box().runtime(["exec", container.id, "cat", "/proc/self/cgroup"])).stdout,
        new RegExp(`^0::.*/${container.id}/inner$`, "m"),
      );
      ok(container.delete("--force"));
    },
  );

  it("exec --cgroup runs in a group below the container's, and not beside it", () => {
    const container = started({});
    const own = group(box(), container, "devices");
    mkdirSync(join(own, "below"));
    const found = ok(
      box().runtime(["exec", "--cgroup", v2 ? "below" : "devices:below", container.id, "cat", "/proc/self/cgroup"]),
    ).stdout;
    assert.match(
      found,
      v2 ? new RegExp(`^0::.*/${container.id}/below$`, "m") : new RegExp(`:devices:.*/${container.id}/below$`, "m"),
    );
    const outside = box().runtime(["exec", "--cgroup", "../beside", container.id, "true"]);
    assert.equal(outside.status, 255);
    assert.match(outside.stderr, /bad sub cgroup path: \.\.\/beside/);
    assert.equal(box().runtime(["exec", "--cgroup", "nosuch:x", container.id, "true"]).status, 255);
    ok(container.delete("--force"));
  });

  it("a cgroup namespace shows the container's own group as the root, in every cgroup mount", () => {
    const inside = box().inside(
      "cat /proc/self/cgroup; for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -f $d/cgroup.procs ] && grep -qx 1 $d/cgroup.procs && echo found $d; done; true",
      (config) => config.linux.namespaces.push({ type: "cgroup" }),
    );
    for (const line of inside.split("\n").filter((one) => /^\d+:/.test(one))) assert.match(line, /:\/$/);
    assert.match(inside, v2 ? /^found \/sys\/fs\/cgroup$/m : /^found \/sys\/fs\/cgroup\/(devices|memory)$/m);
  });

  itWith("state says that the kernel killed for want of memory, in which cgroup and at which limit", ["memory"], () => {
    const container = box().container((config) => {
      config.linux.resources = { memory: { limit: 16 * MB, swap: 16 * MB } };
      config.process.args = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
    });
    ok(container.create());
    const directory = group(box(), container, "memory");
    ok(container.start());
    const state = container.waitFor("stopped", 20_000) as State & { readonly oomKilled?: object };
    if (isTsrun) assert.deepEqual(state.oomKilled, { processes: 1, cgroup: directory, limitBytes: 16 * MB });
    ok(container.delete());
    const healthy = started({ memory: { limit: 64 * MB } });
    assert(!("oomKilled" in healthy.state()));
    ok(healthy.kill("KILL"));
    assert(!("oomKilled" in healthy.waitFor("stopped")));
    ok(healthy.delete());
  });

  if (hasController("memory")) {
    itOurs("a start that memory was not enough for says which cgroup and which limit, and leaves nothing", () => {
      for (const limit of [64 * 1024, 128 * 1024, 256 * 1024]) {
        const { status, stderr } = box()
          .container((config) => (config.linux.resources = { memory: { limit, swap: limit } }))
          .run();
        if (status === 0) return; // it starts even so
        if (
          status === 137 &&
          / has run out of memory: .* at the limit of .*: \/linux\/resources\/memory\/limit\n$/.test(stderr)
        )
          continue; // the program itself was too large
        if (/OOM-killed/.test(stderr))
          assert.match(
            stderr,
            new RegExp(
              `container init was OOM-killed \\(memory limit too low\\?\\): the kernel killed \\d+ process(es)? at the limit of /sys/fs/cgroup/.*, ${limit} bytes`,
            ),
          );
        else assert.match(stderr, /ENOMEM|cannot allocate memory|unable to set memory limit/i);
      }
    });

    itOurs("1 MiB is enough for /bin/true", () => {
      ok(
        box()
          .container((config) => (config.linux.resources = { memory: { limit: MB } }))
          .run(),
      );
    });
  }
});
