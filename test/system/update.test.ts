import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { group, hasController, itOnV1, itOnV2, itWith, onV2, setValue, value } from "./groups.ts";
import { eventually, isTsrun, ok, refused, useBox, type Container, type Result } from "./harness.ts";

const MB = 2 ** 20;

describe("update", () => {
  const box = useBox();
  const v2 = onV2();

  /** As runc's update.bats begins. */
  const started = (resources: object = {}, change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.linux.resources = { ...config.linux.resources, ...resources };
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  const update = (container: Container, ...flags: string[]): Result =>
    box().runtime(["update", ...flags, container.id]);
  const updateFrom = (container: Container, resources: object): Result =>
    box().runtime(["update", "--resources", "-", container.id], { input: JSON.stringify(resources) });
  const end = (container: Container): Result => ok(container.delete("--force"));

  const memory = (container: Container): string => value(container, "memory.limit_in_bytes", "memory.max");
  const reservation = (container: Container): string => value(container, "memory.soft_limit_in_bytes", "memory.low");
  const unlimited = (): string =>
    v2 ? "max" : readFileSync("/sys/fs/cgroup/memory/memory.limit_in_bytes", "utf8").trim();
  const swapIsCounted = (container: Container): boolean =>
    existsSync(join(group(box(), container, "memory"), v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"));
  /** Memory and swap together, as config.json counts. */
  const both = (container: Container): string => {
    const text = value(container, "memory.memsw.limit_in_bytes", "memory.swap.max");
    return v2 && text !== "max" ? String(Number(text) + Number(memory(container))) : text;
  };
  /** "quota period". */
  const bandwidth = (container: Container): string => {
    if (!v2) return `${value(container, "cpu.cfs_quota_us", "")} ${value(container, "cpu.cfs_period_us", "")}`;
    return value(container, "", "cpu.max").replace("max ", "-1 ");
  };
  const shares = (container: Container): string => value(container, "cpu.shares", "cpu.weight");
  const pids = (container: Container): string => value(container, "pids.max", "pids.max");

  itWith("--memory takes bytes and sizes with units, and -1 for no limit", ["memory"], () => {
    const container = started({ memory: { limit: 32 * MB, reservation: 24 * MB } });
    for (const [text, bytes] of [
      ["67108864", 64 * MB],
      ["50M", 50 * MB],
      ["60m", 60 * MB],
      ["1g", 1024 * MB],
      ["40MiB", 40 * MB],
      ["1.5G", 1536 * MB],
      ["51200k", 50 * MB],
      ["52 mb", 52 * MB],
    ] as const) {
      ok(update(container, "--memory", text));
      assert.equal(memory(container), String(bytes), text);
    }
    ok(update(container, "--memory-reservation", "33554432"));
    assert.equal(reservation(container), String(32 * MB));
    ok(update(container, "--memory", "-1"));
    assert.equal(memory(container), unlimited());
    if (swapIsCounted(container)) assert.equal(both(container), unlimited());
    assert.equal(reservation(container), String(32 * MB), "stays");
    end(container);
  });

  itWith(
    "memory and swap are set in the order that the kernel takes, up and down (runc PR 592)",
    ["memory"],
    function () {
      const container = started({ memory: { limit: 32 * MB } });
      if (!swapIsCounted(container)) return void end(container);
      for (const [limit, swap] of [
        [30, 50],
        [60, 80],
        [20, 40],
        [100, 100],
        [50, 92],
      ] as const) {
        ok(update(container, "--memory", `${limit}M`, "--memory-swap", `${swap}M`));
        assert.deepEqual([memory(container), both(container)], [String(limit * MB), String(swap * MB)]);
      }
      ok(update(container, "--memory-swap", "-1"));
      assert.equal(both(container), unlimited());
      assert.equal(memory(container), String(50 * MB));
      end(container);
    },
  );

  itWith(
    "--memory alone keeps the sum of memory and swap, as config.json or the last update set it",
    ["memory"],
    () => {
      const container = started({ memory: { limit: 32 * MB, swap: 64 * MB } });
      if (!swapIsCounted(container)) return void end(container);
      ok(update(container, "--memory", "40M"));
      assert.deepEqual([memory(container), both(container)], [String(40 * MB), String(64 * MB)]);
      ok(update(container, "--memory-swap", "96M"));
      ok(update(container, "--memory", "50M"));
      assert.deepEqual([memory(container), both(container)], [String(50 * MB), String(96 * MB)]);
      end(container);
    },
  );

  itWith("a limit of swap below that of memory is refused, and nothing is changed", ["memory"], () => {
    const container = started({ memory: { limit: 64 * MB } });
    if (!swapIsCounted(container)) return void end(container);
    const before = [memory(container), both(container), reservation(container)];
    refused(
      update(container, "--memory-reservation", "1M", "--memory", "40M", "--memory-swap", "30M"),
      v2 ? /--memory-swap: memory\+swap limit should be >= memory limit/ : /--memory(-swap)?: .*(memsw|limit_in_bytes)/,
    );
    assert.deepEqual([memory(container), both(container), reservation(container)], before);
    end(container);
  });

  itWith(
    "a limit below what is in use is refused: on v1 by the kernel, on v2 with checkBeforeUpdate",
    ["memory"],
    () => {
      const container = started({ memory: { limit: 64 * MB } });
      refused(
        updateFrom(container, { memory: { limit: 1024, checkBeforeUpdate: true } }),
        v2
          ? /rejecting memory limit 1024 <= usage \d+/
          : /unable to set memory limit to 1024 \(current usage: \d+, peak usage: \d+\)/,
      );
      if (v2)
        refused(
          updateFrom(container, { memory: { limit: 1024, swap: 2048, checkBeforeUpdate: true } }),
          /rejecting memory\+swap limit 2048 <= usage \d+/,
        );
      assert.equal(memory(container), String(64 * MB));
      assert.equal(container.state().status, "running");
      end(container);
    },
  );

  itWith("--cpu-quota and --cpu-period keep each other's value (runc update.bats)", ["cpu"], () => {
    const container = started({ cpu: { shares: 100, quota: 500_000, period: 1_000_000 } });
    const first = shares(container);
    const steps: readonly [readonly string[], string][] = [
      [["--cpu-period", "900000"], "500000 900000"],
      [["--cpu-quota", "600000"], "600000 900000"],
      [["--cpu-quota", "-1"], "-1 900000"],
      [["--cpu-quota", "500000", "--cpu-period", "1000000"], "500000 1000000"],
      [["--cpu-period", "10000", "--cpu-quota", "3000"], "3000 10000"],
      [["--cpu-quota", "-1", "--cpu-period", "100000"], "-1 100000"],
    ];
    for (const [flags, wanted] of steps) {
      ok(update(container, ...flags));
      assert.equal(bandwidth(container), wanted, flags.join(" "));
    }
    assert.equal(shares(container), first);
    ok(update(container, "--cpu-share", "200"));
    assert.equal(shares(container), v2 ? "29" : "200");
    end(container);
  });

  itWith("--cpu-period or --cpu-quota alone, with neither set before", ["cpu"], () => {
    const period = started();
    ok(update(period, "--cpu-period", "50000"));
    assert.equal(bandwidth(period), "-1 50000");
    end(period);
    const quota = started();
    ok(update(quota, "--cpu-quota", "30000"));
    assert.equal(bandwidth(quota), "30000 100000");
    end(quota);
  });

  itOnV1("a quota and a period are set in the order that a limit above allows (runc issue 2044)", ["cpu"], () => {
    const parent = `/sys/fs/cgroup/cpu/${box().prefix}pod`;
    mkdirSync(parent);
    writeFileSync(join(parent, "cpu.cfs_quota_us"), "50000");
    const container = started(
      { cpu: {} },
      (config) => (config.linux.cgroupsPath = `/${box().prefix}pod/${config.hostname}`),
    );
    const own = join(parent, "container");
    refused(update(container, "--cpu-quota", "60000"), /cpu\.cfs_quota_us/);
    ok(update(container, "--cpu-period", "10000", "--cpu-quota", "3000"));
    assert.deepEqual(
      ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => readFileSync(join(own, file), "utf8").trim()),
      ["3000", "10000"],
    );
    end(container);
    box().removeCgroups();
  });

  itWith("--cpu-burst is set, and stays when other limits change (runc issue 4210)", ["cpu"], () => {
    const container = started({ cpu: { quota: 500_000, period: 1_000_000 } });
    const file = join(group(box(), container, "cpu"), v2 ? "cpu.max.burst" : "cpu.cfs_burst_us");
    if (!existsSync(file)) return void end(container); // before Linux 5.14
    const burst = (): string => readFileSync(file, "utf8").trim();
    ok(update(container, "--cpu-period", "900000", "--cpu-burst", "500000"));
    assert.equal(burst(), "500000");
    if (hasController("pids")) ok(update(container, "--pids-limit", "30"));
    assert.equal(burst(), "500000");
    ok(update(container, "--cpu-burst", "0"));
    assert.equal(burst(), "0");
    refused(update(container, "--cpu-burst", "600000"), /--cpu-burst: .*burst/);
    end(container);
  });

  itWith("--cpu-idle is 0 or 1 (runc update.bats)", ["cpu"], () => {
    const container = started({ cpu: { shares: 100 } });
    const file = join(group(box(), container, "cpu"), "cpu.idle");
    if (!existsSync(file)) return void end(container); // before Linux 5.15
    const idle = (): string => readFileSync(file, "utf8").trim();
    for (const wanted of ["1", "0", "1"]) {
      ok(update(container, "--cpu-idle", wanted));
      assert.equal(idle(), wanted);
    }
    ok(updateFrom(container, { cpu: { idle: 0 } }));
    assert.equal(idle(), "0");
    ok(update(container, "--cpu-idle", "1"));
    for (const wrong of ["-1", "2"]) refused(update(container, "--cpu-idle", wrong), /--cpu-idle: .*cpu\.idle/);
    ok(update(container, "--cpu-period", "10000"));
    assert.equal(idle(), "1");
    end(container);
  });

  itWith("--cpuset-cpus and --cpuset-mems", ["cpuset"], () => {
    const container = started();
    ok(update(container, "--cpuset-cpus", "0", "--cpuset-mems", "0"));
    assert.deepEqual(
      [value(container, "cpuset.cpus", "cpuset.cpus"), value(container, "cpuset.mems", "cpuset.mems")],
      ["0", "0"],
    );
    refused(update(container, "--cpuset-cpus", "4711"), /--cpuset-cpus: .*cpuset\.cpus/);
    assert.equal(value(container, "cpuset.cpus", "cpuset.cpus"), "0");
    end(container);
  });

  itWith("--pids-limit: -1 is no limit, and 0 is 1 (runc issue 4014)", ["pids"], () => {
    const container = started({ pids: { limit: 20 } });
    assert.equal(pids(container), "20");
    for (const [limit, wanted] of [
      ["12345", "12345"],
      ["-1", "max"],
      ["0", "1"],
      ["10", "10"],
    ] as const) {
      ok(update(container, "--pids-limit", limit));
      assert.equal(pids(container), wanted);
    }
    end(container);
  });

  itWith(
    "all at once by flags, and back by a file: what the file does not name stays",
    ["memory", "pids", "cpu"],
    () => {
      const container = started({
        memory: { limit: 32 * MB, reservation: 24 * MB },
        cpu: { shares: 100, quota: 500_000, period: 1_000_000 },
        pids: { limit: 20 },
      });
      const all = (): string[] => [
        memory(container),
        reservation(container),
        bandwidth(container),
        shares(container),
        pids(container),
      ];
      const first = all();
      ok(
        update(
          container,
          "--cpu-period",
          "900000",
          "--cpu-quota",
          "600000",
          "--cpu-share",
          "200",
          "--memory",
          "64M",
          "--memory-reservation",
          "32M",
          "--pids-limit",
          "10",
        ),
      );
      assert.deepEqual(all(), [String(64 * MB), String(32 * MB), "600000 900000", v2 ? "29" : "200", "10"]);
      const file = box().write(
        "resources.json",
        JSON.stringify({
          memory: { limit: 32 * MB, reservation: 24 * MB },
          cpu: { shares: 100, quota: 500_000, period: 1_000_000 },
        }),
      );
      ok(update(container, "-r", file));
      assert.deepEqual(all(), [...first.slice(0, 4), "10"]);
      end(container);
    },
  );

  itWith("with --resources the other flags are passed over, as by runc", ["pids"], () => {
    const container = started({ pids: { limit: 20 } });
    ok(box().runtime(["update", "--pids-limit", "5", "-r", "-", container.id], { input: '{"pids":{"limit":7}}' }));
    assert.equal(pids(container), "7");
    end(container);
  });

  itWith("a resources document is read as Go reads it: null is absent, and case does not matter", ["pids"], () => {
    const container = started({ pids: { limit: 20 } });
    ok(updateFrom(container, { memory: null, Pids: { Limit: 9 } }));
    assert.equal(pids(container), "9");
    end(container);
  });

  itWith("when one limit is refused, those before it are taken back", ["memory", "pids"], () => {
    const container = started({
      memory: { limit: 64 * MB, reservation: 32 * MB },
      pids: { limit: 20 },
      cpu: { shares: 100 },
    });
    const all = (): string[] => [memory(container), reservation(container), pids(container), shares(container)];
    const before = all();
    const state = readFileSync(join(box().stateRoot, container.id, "state.json"), "utf8");
    // On v1 the order is cpuset, memory, cpu, pids; on v2 pids, memory, io, cpu, cpuset. The last is refused.
    const { stderr } = update(
      container,
      "--memory",
      "128M",
      "--memory-reservation",
      "48M",
      "--pids-limit",
      "30",
      "--cpu-share",
      "200",
      ...(v2 ? ["--cpu-idle", "7"] : ["--cpu-period", "7"]),
    );
    assert.match(stderr, v2 ? /cpu\.idle/ : /cfs_period_us/);
    assert.deepEqual(all(), before);
    assert.equal(readFileSync(join(box().stateRoot, container.id, "state.json"), "utf8"), state);
    assert(!existsSync(join(box().stateRoot, container.id, "resources.json")));
    ok(update(container, "--pids-limit", "31"));
    assert.equal(memory(container), before[0], "a later update knows nothing of the refused one");
    end(container);
  });

  itWith("changes only what it names: what somebody else set meanwhile stays", ["pids"], () => {
    const container = started({
      pids: { limit: 20 },
      ...(hasController("memory") ? { memory: { limit: 64 * MB } } : {}),
    });
    setValue(container, "pids.max", "pids.max", "40");
    if (hasController("memory")) ok(update(container, "--memory", "70M"));
    else ok(update(container));
    assert.equal(pids(container), "40");
    end(container);
  });

  itWith("limits of single devices: one is changed, another added, the rest stay (runc update.bats)", ["blkio"], () => {
    const device = /^\s*(\d+)\s+(\d+)\s+\d+\s+(sd[a-z]|vd[a-z]|loop0|ubda|nvme\d+n\d+)$/m.exec(
      readFileSync("/proc/partitions", "utf8"),
    );
    if (device === null) return; // a host without disks
    const [major, minor] = [Number(device[1]), Number(device[2])];
    const at = (rate: number): object[] => [{ major, minor, rate }];
    const container = started({ blockIO: { throttleReadBpsDevice: [...at(485_760), ...at(485_760)] } });
    ok(
      updateFrom(container, {
        blockIO: {
          throttleReadBpsDevice: at(10_485_760),
          throttleWriteBpsDevice: at(9_437_184),
          throttleReadIOPSDevice: at(1000),
          throttleWriteIOPSDevice: at(900),
        },
      }),
    );
    if (v2)
      assert.match(
        value(container, "", "io.max"),
        new RegExp(`^${major}:${minor} rbps=10485760 wbps=9437184 riops=1000 wiops=900$`, "m"),
      );
    else {
      const files = ["read_bps", "write_bps", "read_iops", "write_iops"].map((name) =>
        value(container, `blkio.throttle.${name}_device`, ""),
      );
      assert.deepEqual(
        files,
        ["10485760", "9437184", "1000", "900"].map((rate) => `${major}:${minor} ${rate}`),
      );
    }
    end(container);
  });

  it("--blkio-weight sets the weight, where the scheduler has one", () => {
    const container = started();
    const file = v2 ? ["io.bfq.weight", "io.weight"] : ["blkio.weight", "blkio.bfq.weight"];
    const found = hasController("blkio")
      ? file.find((name) => existsSync(join(group(box(), container, "blkio"), name)))
      : undefined;
    const result = update(container, "--blkio-weight", "500");
    if (found === undefined) refused(result, /--blkio-weight|blkio|io/);
    else {
      ok(result);
      assert.match(
        readFileSync(join(group(box(), container, "blkio"), found), "utf8"),
        found === "io.weight" ? /^(default )?4950$/m : /^(default )?500$/m,
      );
    }
    end(container);
  });

  it("unified files are written on v2, and refused on v1", () => {
    const container = started();
    if (!v2)
      refused(
        updateFrom(container, { unified: { "pids.max": "10" } }),
        /invalid configuration: cannot use unified on cgroup v1/,
      );
    else {
      ok(updateFrom(container, { unified: { "cgroup.max.depth": "9" } }));
      assert.equal(value(container, "", "cgroup.max.depth"), "9");
      refused(updateFrom(container, { unified: { "../x": "9" } }), /unified resource "\.\.\/x" must be a file name/);
      refused(updateFrom(container, { unified: { nodot: "9" } }), /CONTROLLER\.PARAMETER/);
      refused(updateFrom(container, { unified: { "nosuch.max": "9" } }), /controller "nosuch" not available/);
    }
    end(container);
  });

  itOnV2("a limit whose controller is not there is refused by name", [], () => {
    const container = started();
    if (hasController("hugetlb")) return void end(container);
    refused(
      updateFrom(container, { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }),
      /\/hugepageLimits\/0: .*"hugetlb" is not available/,
    );
    end(container);
  });

  it("devices are not changed, and never denied for a moment (runc update.bats)", () => {
    const container = started({}, (config) => {
      config.root.readonly = false;
      config.process.args = ["sh", "-c", "while :; do echo x > /dev/null || echo denied >> /denied; done 2>> /denied"];
    });
    eventually("it writes", () => existsSync(container.at("denied")));
    for (let i = 0; i < 10; i++)
      ok(
        updateFrom(container, {
          devices: [{ allow: false, access: "rwm" }],
          ...(hasController("pids") ? { pids: { limit: 30 + i } } : {}),
        }),
      );
    assert.equal(container.state().status, "running");
    assert.equal(readFileSync(container.at("denied"), "utf8"), "");
    end(container);
  });

  it("kernel memory is passed over with runc's warning", () => {
    const asked = box().container((config) => {
      config.process.args = ["true"];
      config.linux.resources = { memory: { kernel: 2 ** 24 } };
    });
    if (isTsrun) assert.match(ok(asked.run()).stderr, /Kernel memory settings are ignored and will be removed/);
    const container = started();
    assert.match(
      ok(update(container, "--kernel-memory", "50M")).stderr,
      /Kernel memory settings are ignored and will be removed/,
    );
    assert.match(
      ok(update(container, "--kernel-memory-tcp", "50M")).stderr,
      /Kernel memory settings are ignored and will be removed/,
    );
    end(container);
  });

  it("real-time limits: set where the kernel has them and the cgroup above has runtime left, refused by name elsewhere, passed over on v2", () => {
    const container = started();
    const result = update(container, "--cpu-rt-period", "1000000", "--cpu-rt-runtime", "1000");
    if (v2 || result.status === 0) ok(result);
    else refused(result, /--cpu-rt-(runtime|period): .*cpu\.rt_(runtime|period)_us/);
    if (!v2 && result.status === 0) assert.equal(value(container, "cpu.rt_runtime_us", ""), "1000");
    end(container);
  });

  it("a created container's limits can be changed", () => {
    const container = box().container();
    ok(container.create());
    ok(hasController("pids") ? update(container, "--pids-limit", "10") : update(container));
    if (hasController("pids")) assert.equal(pids(container), "10");
    assert.equal(container.state().status, "created");
    end(container);
  });

  it("refuses a container that has stopped or does not exist, in runc's words", () => {
    const container = started();
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(update(container, "--pids-limit", "5"), /container not running/);
    end(container);
    refused(update(container, "--pids-limit", "5"), /container does not exist/);
    refused(box().runtime(["update"]), /"update" requires exactly 1 argument/);
  });

  it("refuses values that are none, in runc's words, and a document that is none", () => {
    const container = started();
    for (const [flag, text, message] of [
      ["--memory", "x", /invalid value for memory: invalid size: 'x'/],
      ["--memory", "1x", /invalid value for memory: invalid suffix: 'x'/],
      ["--memory-swap", "-2", /invalid value for memory-swap: invalid size: '-2'/],
      ["--memory-reservation", "1kbb", /invalid value for memory-reservation: invalid suffix: 'kbb'/],
      ["--cpu-quota", "x", /invalid value for cpu-quota: "x" is no whole number/],
      ["--cpu-period", "-1", /invalid value for cpu-period: "-1" is no whole number/],
      ["--cpu-share", "18446744073709551616", /invalid value for cpu-share: "18446744073709551616" is out of range/],
      ["--pids-limit", "x", /invalid value "x" for option --pids-limit/],
      ["-r", "/no/such", /\/no\/such: no such file or directory/],
    ] as const)
      refused(update(container, flag, text), message);
    refused(box().runtime(["update", "-r", "-", container.id], { input: "{" }), /not JSON: line 1, column 2/);
    refused(
      updateFrom(container, { memory: { limit: "x" } }),
      /\/memory\/limit: must be an integer between .* not "x"/,
    );
    end(container);
  });

  itWith("says which flag, which file and which value when the kernel refuses", ["pids"], () => {
    const container = started();
    refused(
      update(container, "--pids-limit", "999999999999999"),
      !isTsrun
        ? /pids\.max/
        : /change cgroup: set pids\.max to "999999999999999": --pids-limit: write\(2\) .*\/pids\.max: .*(EINVAL|ERANGE)/,
    );
    end(container);
  });

  it("resctrl: a schema is refused where there is none (runc's words)", () => {
    const container = started();
    refused(update(container, "--l3-cache-schema", "L3:0=f"), /Intel RDT\/CAT: l3 cache schema is not enabled/);
    refused(update(container, "--mem-bw-schema", "MB:0=20"), /Intel RDT\/MBA: memory bandwidth schema is not enabled/);
    end(container);
  });

  itWith("keeps what holds for later updates, apart from config.json, which stays as it was", ["pids"], () => {
    if (!isTsrun) return;
    const container = started({ pids: { limit: 20 } });
    const config = readFileSync(join(box().stateRoot, container.id, "config.json"), "utf8");
    ok(update(container, "--pids-limit", "9"));
    const kept = JSON.parse(readFileSync(join(box().stateRoot, container.id, "resources.json"), "utf8")) as {
      pids: { limit: number };
    };
    assert.equal(kept.pids.limit, 9);
    assert.equal(readFileSync(join(box().stateRoot, container.id, "config.json"), "utf8"), config);
    end(container);
  });
});
