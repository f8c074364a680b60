import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { itWith } from "./groups.ts";
import { eventually, ok, PROGRAM, refused, useBox, type Container, type Result } from "./harness.ts";
import { skipBecause } from "../skip.ts";

const running = existsSync("/run/systemd/system");
const v2 = existsSync("/sys/fs/cgroup/cgroup.controllers");
const has = (controller: string): boolean =>
  readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").split(/\s+/).includes(controller);

const PATIENCE_MS = 30_000;

const systemctl = (...args: string[]): string =>
  spawnSync("systemctl", ["--no-pager", ...args], { encoding: "utf8" }).stdout.trim();
const property = (unit: string, name: string): string => systemctl("show", "--value", "--property", name, unit);
const version = (): number => Number(/\d+/.exec(systemctl("--version"))?.[0]);

describe("--systemd-cgroup without systemd", function () {
  if (running) return; // the rest of this file
  const box = useBox();

  it("says that systemd is not running, and leaves nothing behind", () => {
    const container = box().container();
    refused(
      box().runtime(["--systemd-cgroup", "create", "--bundle", container.bundle, container.id]),
      /prepare cgroup: systemd cgroup flag passed, but systemd support for managing cgroups is not available/,
    );
  });
});

describe("tsrun plan --systemd-cgroup", function () {
  const box = useBox();

  it("shows the unit, where it lies, its properties and who asked for each", () => {
    const container = box().container((config) => {
      config.linux.cgroupsPath = "a-b.slice:pre:name";
      config.linux.resources = { pids: { limit: 7 } };
      config.annotations = { "org.systemd.property.TimeoutStopSec": "uint64 7" };
    });
    const { stdout } = ok(box().runtime(["--systemd-cgroup", "plan", container.bundle]));
    assert.match(
      stdout,
      /have the system's systemd start the scope pre-name\.scope in a-b\.slice, with init in it {2}\[\/linux\/cgroupsPath\]\n/,
    );
    assert.match(stdout, /\n +TasksMax=7 {2}\[\/linux\/resources\/pids\/limit\]\n/);
    assert.match(stdout, /\n +TimeoutStopUSec=7000000 {2}\[\/annotations\/org\.systemd\.property\.TimeoutStopSec\]\n/);
    assert.match(stdout, /use the cgroup \S*a\.slice\/a-b\.slice\/pre-name\.scope /);
  });
});

describe(
  running && v2
    ? "the systemd cgroup driver (v2)"
    : "the systemd cgroup driver (v2): skipped, systemd is not pid 1 here or the cgroups are not v2",
  function () {
    this.timeout(240_000);
    if (!running || !v2) {
      it.skip("needs a host that runs systemd with cgroup v2 alone: make test-guest is one", () => undefined);
      return;
    }
    const box = useBox();

    const runtime = (args: readonly string[]): Result => box().runtime(["--systemd-cgroup", ...args]);
    const create = (container: Container): Result => runtime(["create", "--bundle", container.bundle, container.id]);
    const unitOf = (container: Container): string => `runc-${container.id}.scope`;
    const groupOf = (pid: number): string => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
    const value = (container: Container, file: string): string =>
      readFileSync(join("/sys/fs/cgroup", groupOf(container.state().pid), file), "utf8").trim();
    /** Every unit that a test of ours has made and systemd still knows. */
    const units = (): string[] =>
      systemctl("list-units", "--all", "--plain", "--no-legend")
        .split("\n")
        .flatMap((line) => (line.includes(box().prefix) ? [line.trim().split(/\s+/)[0] ?? ""] : []));
    const nothingLeft = (): void =>
      eventually(
        `no unit is left: ${units().join(" ")}`,
        () => units().length === 0 && box().cgroups().length === 0,
        PATIENCE_MS,
      );

    const sleeper = (change: (config: Config) => void = () => undefined): Container => {
      const container = box().container((config) => {
        config.process.args = ["sleep", "600"];
        change(config);
      });
      ok(runtime(["run", "--detach", "--bundle", container.bundle, container.id]));
      return container;
    };

    /** tsrun where some of the ways to systemd are not there. */
    const without = (paths: readonly string[], args: readonly string[]): Result => {
      const hide = paths.map((path) => `mount --bind /dev/null ${path}`).join(" && ");
      return box().exec(
        "/usr/bin/unshare",
        ["--mount", "sh", "-c", `${hide} && exec "$@"`, "sh", PROGRAM, "--root", box().stateRoot, ...args],
        { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
      );
    };
    const PRIVATE = "/run/systemd/private";
    const BUS = "/run/dbus/system_bus_socket";

    it("starts a container in a scope of system.slice that is delegated and accounted, and delete takes it away", () => {
      const container = box().container((config) => (config.process.args = ["sleep", "600"]));
      ok(create(container));
      const unit = unitOf(container);
      const { pid } = container.state();
      assert.equal(groupOf(pid), `/system.slice/${unit}`);
      const wanted = {
        ActiveState: "active",
        Slice: "system.slice",
        Delegate: "yes",
        MemoryAccounting: "yes",
        TasksAccounting: "yes",
        IOAccounting: "yes",
        DefaultDependencies: "no",
        Transient: "yes",
      };
      for (const [name, expected] of Object.entries(wanted)) assert.equal(property(unit, name), expected, name);
      assert.match(property(unit, "Description"), new RegExp(`^tsrun container ${container.id}$`));
      assert.deepEqual(
        (
          JSON.parse(readFileSync(join(box().stateRoot, container.id, "state.json"), "utf8")) as {
            systemdUnit: unknown;
          }
        ).systemdUnit,
        { name: unit, user: false },
      );
      ok(container.start());
      ok(container.kill("KILL"));
      container.waitFor("stopped", PATIENCE_MS);
      ok(container.delete());
      nothingLeft();
    });

    it("a container that runs to its end leaves no unit", () => {
      const container = box().container((config) => (config.process.args = ["sh", "-c", "exit 3"]));
      assert.equal(runtime(["run", "--bundle", container.bundle, container.id]).status, 3);
      nothingLeft();
    });

    it("the unit is named and placed by cgroupsPath, its slices made as they are needed", () => {
      const container = sleeper((config) => (config.linux.cgroupsPath = `tsruntest-inner.slice:pre:${box().prefix}x`));
      assert.equal(groupOf(container.state().pid), `/tsruntest.slice/tsruntest-inner.slice/pre-${box().prefix}x.scope`);
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("a name that ends in .slice makes a slice, with the container's process in it", () => {
      const container = sleeper(
        (config) =>
          (config.linux.cgroupsPath = `tsruntest.slice::tsruntest-${box().prefix.replaceAll("-", "_")}.slice`),
      );
      const unit = `tsruntest-${box().prefix.replaceAll("-", "_")}.slice`;
      assert.equal(groupOf(container.state().pid), `/tsruntest.slice/${unit}`);
      assert.equal(property(unit, "ActiveState"), "active");
      ok(container.delete("--force"));
      eventually(
        "the slice is gone",
        () => property(unit, "ActiveState") === "inactive" && !existsSync(`/sys/fs/cgroup/tsruntest.slice/${unit}`),
        PATIENCE_MS,
      );
    });

    it("a path of the cgroupfs kind, and a name that no unit can have, are refused with the reason", () => {
      for (const [path, words] of [
        [
          "/a/b",
          /\/linux\/cgroupsPath: expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "\/a\/b" instead/,
        ],
        ["a..slice:x y:z", /is not a name of a systemd unit/],
      ] as const) {
        refused(create(box().container((config) => (config.linux.cgroupsPath = path))), words);
      }
      nothingLeft();
    });

    it("limits are properties of the unit and values in its cgroup: memory, processor, processes", () => {
      const container = sleeper((config) => {
        config.linux.resources = {
          ...config.linux.resources,
          memory: { limit: 67108864, reservation: 33554432, swap: 100663296 },
          cpu: { shares: 512, quota: 12345, period: 50000 },
          pids: { limit: 42 },
        };
      });
      const unit = unitOf(container);
      const wanted = {
        MemoryMax: "67108864",
        MemoryLow: "33554432",
        MemorySwapMax: "33554432",
        CPUWeight: "59",
        CPUQuotaPerSecUSec: "250ms",
        CPUQuotaPeriodUSec: "50ms",
        TasksMax: "42",
      };
      for (const [name, expected] of Object.entries(wanted)) assert.equal(property(unit, name), expected, name);
      const files = {
        "memory.max": "67108864",
        "memory.low": "33554432",
        "memory.swap.max": "33554432",
        "cpu.weight": "59",
        "cpu.max": "12500 50000",
        "pids.max": "42",
      };
      for (const [file, expected] of Object.entries(files)) assert.equal(value(container, file), expected, file);
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("no limits are no limits: -1 of memory and of processes is infinity, 0 processes are 1", () => {
      const container = sleeper(
        (config) =>
          (config.linux.resources = { ...config.linux.resources, memory: { limit: -1 }, pids: { limit: -1 } }),
      );
      assert.deepEqual(
        ["MemoryMax", "TasksMax"].map((name) => property(unitOf(container), name)),
        ["infinity", "infinity"],
      );
      assert.equal(value(container, "pids.max"), "max");
      ok(container.delete("--force"));
      const one = sleeper((config) => (config.linux.resources = { ...config.linux.resources, pids: { limit: 0 } }));
      assert.equal(property(unitOf(one), "TasksMax"), "1");
      ok(one.delete("--force"));
      nothingLeft();
    });

    it("unified is properties where systemd has words, and files where it has not", () => {
      const container = sleeper((config) => {
        const unified = {
          "memory.max": "41943040",
          "memory.low": "524288",
          "memory.high": "20971520",
          "memory.min": "131072",
          "pids.max": "99",
          "cpu.max": "10000 100000",
          "cpu.weight": "42",
          "memory.oom.group": "1",
        };
        config.linux.resources = { ...config.linux.resources, memory: { limit: 5_000_000 }, unified };
      });
      const wanted = {
        MemoryMin: "131072",
        MemoryLow: "524288",
        MemoryHigh: "20971520",
        MemoryMax: "41943040",
        TasksMax: "99",
        CPUWeight: "42",
        CPUQuotaPerSecUSec: "100ms",
      };
      for (const [name, expected] of Object.entries(wanted))
        assert.equal(property(unitOf(container), name), expected, name);
      if (version() >= 253) assert.equal(property(unitOf(container), "OOMPolicy"), "kill");
      assert.deepEqual(
        ["memory.oom.group", "memory.max", "cpu.max"].map((file) => value(container, file)),
        ["1", "41943040", "10000 100000"],
      );
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("cpu.idle is the weight 0 of systemd", () => {
      const container = sleeper((config) => (config.linux.resources = { ...config.linux.resources, cpu: { idle: 1 } }));
      if (version() >= 252) assert.equal(property(unitOf(container), "CPUWeight"), "idle");
      assert.equal(value(container, "cpu.idle"), "1");
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("cpus and memory nodes are AllowedCPUs and AllowedMemoryNodes", function () {
      if (!has("cpuset")) skipBecause(this, "the kernel has no cpuset controller");
      const container = sleeper(
        (config) => (config.linux.resources = { ...config.linux.resources, cpu: { cpus: "0", mems: "0" } }),
      );
      assert.deepEqual(
        ["AllowedCPUs", "AllowedMemoryNodes"].map((name) => property(unitOf(container), name)),
        ["0", "0"],
      );
      assert.deepEqual(
        ["cpuset.cpus", "cpuset.mems"].map((file) => value(container, file)),
        ["0", "0"],
      );
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("blockIO.weight is IOWeight", function () {
      const container = box().container((config) => {
        config.process.args = ["sleep", "600"];
        config.linux.resources = { ...config.linux.resources, blockIO: { weight: 300 } };
      });
      const result = create(container);
      if (/io\.weight/.test(result.stderr)) return skipBecause(this, "the kernel has no weights of I/O");
      ok(result);
      assert.equal(property(unitOf(container), "IOWeight"), "2930");
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("devices are denied by the unit and by our own program, but for those that are allowed", () => {
      const container = sleeper((config) => {
        config.process.capabilities = { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] };
        config.mounts = config.mounts.map((mount) =>
          mount.destination === "/dev/shm" ? { ...mount, options: ["nosuid"] } : mount,
        );
        config.linux.resources = {
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, type: "c", major: 1, minor: 11, access: "r" },
          ],
        };
      });
      const unit = unitOf(container);
      assert.equal(property(unit, "DevicePolicy"), "strict");
      for (const entry of ["/dev/char/1:11 r", "/dev/char/1:3 rwm", "char-136 rwm", "char-* m"])
        assert.ok(property(unit, "DeviceAllow").split("\n").includes(entry), entry);
      const script =
        "for node in '1 5' '1 11' '1 1' '10 1'; do mknod /dev/shm/n c $node; if (true < /dev/shm/n) 2> /dev/null; then echo yes; else echo no; fi; rm /dev/shm/n; done";
      assert.equal(box().runtime(["exec", container.id, "sh", "-c", script]).stdout, "yes\nyes\nno\nno\n");
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("annotations are properties of any type, those in seconds turned into microseconds", () => {
      const container = sleeper((config) => {
        config.annotations = {
          "org.systemd.property.TimeoutStopSec": "uint64 7",
          "org.systemd.property.CollectMode": "'inactive-or-failed'",
          "org.systemd.property.DefaultDependencies": "true",
          "org.systemd.property.After": "['local-fs.target']",
        };
      });
      const unit = unitOf(container);
      assert.deepEqual(
        ["TimeoutStopUSec", "CollectMode", "DefaultDependencies"].map((name) => property(unit, name)),
        ["7s", "inactive-or-failed", "yes"],
      );
      assert.match(property(unit, "After"), /\blocal-fs\.target\b/);
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("a property that systemd does not know, or does not take, is named with the annotation that asked; nothing is left", () => {
      const asked = (name: string, source: string): Container =>
        box().container((config) => (config.annotations = { [`org.systemd.property.${name}`]: source }));
      refused(
        create(asked("Nonsense", "1")),
        /complete cgroup: start unit \S+: set property Nonsense: \/annotations\/org\.systemd\.property\.Nonsense: StartTransientUnit \S+: .*Nonsense.*\(org\.freedesktop\.DBus\.Error\.\w+\)/,
      );
      refused(
        create(asked("MemoryMax", "'lots'")),
        /set property MemoryMax \(given as "s"\), of which one has a type that systemd does not take: \/annotations\/org\.systemd\.property\.MemoryMax: /,
      );
      refused(
        create(asked("CPUWeight", "uint64 20000")),
        /set property CPUWeight: \/annotations\/org\.systemd\.property\.CPUWeight: .*out of range/,
      );
      nothingLeft();
    });

    it("a unit that runs already is refused and goes on", () => {
      const path = `system.slice:pre:${box().prefix}twice`;
      const first = sleeper((config) => (config.linux.cgroupsPath = path));
      refused(
        create(box().container((config) => (config.linux.cgroupsPath = path))),
        new RegExp(
          `start unit pre-${box().prefix}twice\\.scope: /linux/cgroupsPath: StartTransientUnit .*org\\.freedesktop\\.systemd1\\.UnitExists`,
        ),
      );
      assert.equal(first.state().status, "running");
      ok(first.delete("--force"));
      nothingLeft();
    });

    it("a unit of the same name that has failed is reset and replaced", () => {
      const name = `pre-${box().prefix}failed.scope`;
      spawnSync("systemd-run", [
        "--scope",
        "--unit",
        name,
        "--property",
        "RuntimeMaxSec=1",
        "--property",
        "TimeoutStopSec=1",
        "sleep",
        "60",
      ]);
      eventually("the scope has failed", () => property(name, "ActiveState") === "failed", PATIENCE_MS);
      const container = sleeper((config) => (config.linux.cgroupsPath = `system.slice:pre:${box().prefix}failed`));
      assert.equal(property(name, "ActiveState"), "active");
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("a container that fails to start leaves no unit, and says why it failed and not what that did to systemd", () => {
      refused(
        create(box().container((config) => (config.process.args = ["nowhere"]))),
        /executable file not found in \$PATH/,
      );
      refused(
        create(box().container((config) => config.mounts.push({ destination: "/x", type: "nonsense", source: "x" }))),
        /nonsense/,
      );
      refused(
        create(
          box().container(
            (config) => (config.linux.resources = { unified: { "memory.max": "1", "pids.nonsense": "1" } }),
          ),
        ),
        /pids\.nonsense|OOM-killed/,
      );
      nothingLeft();
    });

    it("delete --force ends what runs, with processes and groups that the container has made below its own", () => {
      const container = sleeper((config) => {
        config.process.args = [
          "sh",
          "-c",
          "mkdir /sys/fs/cgroup/deep && mkdir /sys/fs/cgroup/deep/er && sleep 600 & sleep 600",
        ];
        config.mounts = config.mounts.map((mount) => (mount.type === "cgroup" ? { ...mount, options: ["rw"] } : mount));
        config.linux.namespaces.push({ type: "cgroup" });
      });
      eventually(
        "the container has made its groups",
        () => existsSync(join("/sys/fs/cgroup", groupOf(container.state().pid), "deep/er")),
        PATIENCE_MS,
      );
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("update changes the unit's properties and its files, a quota as systemd rounds it", () => {
      const container = sleeper(
        (config) =>
          (config.linux.resources = {
            ...config.linux.resources,
            memory: { limit: 67108864 },
            cpu: { quota: 20000, period: 100000 },
          }),
      );
      const unit = unitOf(container);
      ok(
        box().runtime(["update", "--memory", "134217728", "--pids-limit", "77", "--cpu-quota", "12345", container.id]),
      );
      assert.deepEqual(
        ["MemoryMax", "TasksMax", "CPUQuotaPerSecUSec"].map((name) => property(unit, name)),
        ["134217728", "77", "130ms"],
      );
      assert.deepEqual(
        ["memory.max", "pids.max", "cpu.max"].map((file) => value(container, file)),
        ["134217728", "77", "13000 100000"],
      );
      assert.equal(property(unit, "DevicePolicy"), "strict");
      ok(box().runtime(["exec", container.id, "sh", "-c", ": > /dev/null"]));
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("an update that a file refuses leaves the unit's properties as they were", () => {
      const container = sleeper(
        (config) => (config.linux.resources = { ...config.linux.resources, pids: { limit: 30 } }),
      );
      refused(
        box().runtime(["update", "--pids-limit", "50", "--cpu-quota", "10000", "--cpu-burst", "900000", container.id]),
        /cpu\.max\.burst/,
      );
      assert.deepEqual(
        ["TasksMax", "CPUQuotaPerSecUSec"].map((name) => property(unitOf(container), name)),
        ["30", "infinity"],
      );
      assert.equal(value(container, "pids.max"), "30");
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("pause and resume freeze the scope", () => {
      const container = sleeper();
      ok(box().runtime(["pause", container.id]));
      assert.equal(container.state().status, "paused");
      assert.equal(value(container, "cgroup.freeze"), "1");
      ok(box().runtime(["resume", container.id]));
      assert.equal(container.state().status, "running");
      ok(box().runtime(["pause", container.id]));
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("a cgroup namespace shows the scope as its root", () => {
      const container = box().container((config) => {
        config.process.args = ["sh", "-c", "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max"];
        config.linux.namespaces.push({ type: "cgroup" });
        config.linux.resources = { ...config.linux.resources, pids: { limit: 33 } };
      });
      const { stdout } = ok(runtime(["run", "--bundle", container.bundle, container.id]));
      assert.equal(stdout, "0::/\n33\n");
      nothingLeft();
    });

    it("the scope is handed over to a container that manages it, and to no other (runc cgroup_delegation.bats)", () => {
      for (const [option, owner] of [
        ["rw", 100_000],
        ["ro", 0],
      ] as const) {
        const container = sleeper((config) => {
          config.linux.namespaces.push({ type: "cgroup" }, { type: "user" });
          config.linux["uidMappings"] = config.linux["gidMappings"] = [
            { containerID: 0, hostID: 100_000, size: 65_536 },
          ];
          config.mounts = config.mounts.map((mount) =>
            mount.type === "cgroup" ? { ...mount, options: ["nosuid", "noexec", "nodev", option] } : mount,
          );
        });
        const scope = join("/sys/fs/cgroup", groupOf(container.state().pid));
        for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
          assert.equal(statSync(join(scope, file)).uid, owner, file);
        for (const file of ["cgroup.freeze", "memory.max", "pids.max"])
          assert.equal(statSync(join(scope, file)).uid, 0, file);
        const tried = container.box.runtime([
          "exec",
          container.id,
          "sh",
          "-c",
          "mkdir /sys/fs/cgroup/sub && echo 0 >/sys/fs/cgroup/sub/cgroup.procs && cat /proc/self/cgroup",
        ]);
        if (owner !== 0) assert.equal(ok(tried).stdout, "0::/sub\n");
        else assert.notEqual(tried.status, 0);
        ok(container.delete("--force"));
        nothingLeft();
      }
    });

    it("without a cgroup namespace the container sees its scope where the host has it", () => {
      const container = box().container((config) => (config.process.args = ["sh", "-c", "cat /proc/self/cgroup"]));
      assert.match(
        ok(runtime(["run", "--bundle", container.bundle, container.id])).stdout,
        new RegExp(`^0::.*/${unitOf(container)}\n$`),
      );
      nothingLeft();
    });

    it("exec joins the scope, without being told that there is one", () => {
      const container = sleeper();
      assert.equal(
        ok(container.box.runtime(["exec", container.id, "cat", "/proc/self/cgroup"])).stdout,
        `0::/system.slice/${unitOf(container)}\n`,
      );
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("exec has systemd move it where it cannot do so itself", () => {
      const container = sleeper();
      const args = [
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none /sys/fs/cgroup && exec "$@"',
        "sh",
        PROGRAM,
        "--root",
        box().stateRoot,
        "exec",
        container.id,
        "cat",
        "/proc/self/cgroup",
      ];
      assert.equal(
        ok(box().exec("/usr/bin/unshare", args, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } })).stdout,
        `0::/system.slice/${unitOf(container)}\n`,
      );
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("crun's annotation puts the processes into a group below the scope's", () => {
      const container = sleeper((config) => {
        config.annotations = { "run.oci.systemd.subgroup": "inner" };
        config.linux.resources = { ...config.linux.resources, pids: { limit: 20 } };
      });
      assert.equal(groupOf(container.state().pid), `/system.slice/${unitOf(container)}/inner`);
      assert.equal(property(unitOf(container), "TasksMax"), "20");
      ok(container.box.runtime(["exec", container.id, "true"]));
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("goes over the system bus where systemd's own socket is not to be reached", () => {
      const container = box().container((config) => (config.process.args = ["sleep", "600"]));
      ok(without([PRIVATE], ["--systemd-cgroup", "create", "--bundle", container.bundle, container.id]));
      assert.equal(groupOf(container.state().pid), `/system.slice/${unitOf(container)}`);
      ok(without([PRIVATE], ["delete", "--force", container.id]));
      nothingLeft();
    });

    it("says that systemd cannot be reached, and what was tried; nothing is left", () => {
      const container = box().container((config) => (config.process.args = ["sleep", "600"]));
      refused(
        without([PRIVATE, BUS], ["--systemd-cgroup", "create", "--bundle", container.bundle, container.id]),
        /complete cgroup: connect to systemd: connect\(2\) \/run\/dbus\/system_bus_socket: connection refused \(ECONNREFUSED\) — neither \/run\/systemd\/private nor the system bus/,
      );
      nothingLeft();
    });

    it("delete removes the container also when systemd cannot be reached: the unit goes with its cgroup", () => {
      const container = sleeper();
      ok(without([PRIVATE, BUS], ["delete", "--force", container.id]));
      nothingLeft();
    });

    it("a systemd that has forgotten the unit is not asked at delete", () => {
      const container = sleeper();
      ok(container.kill("KILL"));
      eventually("systemd has let the unit go", () => units().length === 0, PATIENCE_MS);
      ok(without([PRIVATE, BUS], ["delete", container.id]));
    });

    it("whoever kills tsrun at any moment, delete --force finds the unit", () => {
      const container = box().container((config) => {
        config.process.args = ["sleep", "600"];
        config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "kill -KILL $PPID"] }] };
      });
      assert.notEqual(create(container).status, 0);
      eventually("the runtime is gone", () => readdirSync(box().stateRoot).length > 0, PATIENCE_MS);
      ok(container.delete("--force"));
      nothingLeft();
    });

    it("podman runs containers in scopes with --cgroup-manager=systemd", function () {
      if (!existsSync("/usr/bin/podman")) skipBecause(this, "podman is not installed");
      const store = box().path("podman");
      execFileSync("mkdir", ["-p", store]);
      writeFileSync(join(store, "containers.conf"), "[engine]\n");
      const podman = (...args: string[]): Result => {
        const { status, signal, stdout, stderr } = spawnSync(
          "/usr/bin/podman",
          [
            "--runtime",
            PROGRAM,
            "--root",
            join(store, "root"),
            "--runroot",
            join(store, "run"),
            "--tmpdir",
            join(store, "tmp"),
            "--storage-driver",
            "vfs",
            "--events-backend",
            "none",
            "--cgroup-manager",
            "systemd",
            ...args,
          ],
          {
            env: {
              PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
              HOME: store,
              CONTAINERS_CONF: join(store, "containers.conf"),
              TSRUN_TEST: box().prefix,
            },
            encoding: "utf8",
            stdio: ["ignore", "pipe", "pipe"],
            timeout: PATIENCE_MS * 3,
          },
        );
        return { status, signal, stdout, stderr };
      };
      execFileSync("tar", ["-C", box().container().rootfs, "--numeric-owner", "-cf", box().path("rootfs.tar"), "."]);
      ok(podman("import", box().path("rootfs.tar"), "localhost/systemd-test"));
      const { stdout } = ok(
        podman(
          "run",
          "--rm",
          "--network=none",
          "--memory=64m",
          "--pids-limit=50",
          "--cgroupns=host",
          "localhost/systemd-test",
          "sh",
          "-c",
          "cat /proc/self/cgroup",
        ),
      );
      assert.match(stdout, /^0::\/machine\.slice\/libpod-[0-9a-f]{64}\.scope(\/container)?\n$/);
      const id = ok(
        podman("run", "--detach", "--network=none", "--memory=64m", "localhost/systemd-test", "sleep", "600"),
      ).stdout.trim();
      assert.equal(property(`libpod-${id}.scope`, "MemoryMax"), "67108864");
      ok(podman("exec", id, "true"));
      ok(podman("rm", "--force", "--time", "0", id));
      eventually(
        "the scope is gone",
        () =>
          property(`libpod-${id}.scope`, "ActiveState") === "inactive" &&
          !existsSync(`/sys/fs/cgroup/machine.slice/libpod-${id}.scope`),
        PATIENCE_MS,
      );
    });
  },
);

describe(
  running && !v2
    ? "the systemd cgroup driver (v1)"
    : "the systemd cgroup driver (v1): skipped, systemd is not pid 1 here or the cgroups are v2",
  function () {
    this.timeout(120_000);
    if (!running || v2) {
      it.skip("needs a host that runs systemd (before 258) with cgroup v1", () => undefined);
      return;
    }
    const box = useBox();

    const sleeper = (
      resources: object,
      capability = "CAP_KILL",
    ): {
      readonly container: Container;
      readonly unit: string;
      readonly read: (controller: string, file: string) => string;
    } => {
      const container = box().container((config) => {
        config.process.args = ["sleep", "600"];
        config.process.capabilities = { bounding: [capability], effective: [capability], permitted: [capability] };
        config.linux.resources = { ...config.linux.resources, ...resources };
      });
      ok(box().runtime(["--systemd-cgroup", "run", "--detach", "--bundle", container.bundle, container.id]));
      const unit = `runc-${container.id}.scope`;
      return {
        container,
        unit,
        read: (controller, file) =>
          readFileSync(`/sys/fs/cgroup/${controller}/system.slice/${unit}/${file}`, "utf8").trim(),
      };
    };
    const deleted = (container: Container): void => {
      ok(container.delete("--force"));
      eventually(
        "nothing of it is left",
        () => box().cgroups().length === 0 && !systemctl("list-units", "--all").includes(container.id),
        PATIENCE_MS,
      );
    };

    it("puts a container into its scope's group of every hierarchy, those that systemd does not care for included", () => {
      const { container, unit } = sleeper({});
      const lines = readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8").trim().split("\n");
      assert.deepEqual(
        lines.filter((line) => !line.endsWith(`:/system.slice/${unit}`)),
        [],
      );
      assert.equal(property(unit, "BlockIOAccounting"), "yes");
      deleted(container);
    });

    it("limits are properties with the names that they had then, and values in the files", () => {
      const { container, unit, read } = sleeper({
        cpu: { shares: 512, quota: 12345, period: 50000 },
        pids: { limit: 42 },
      });
      const wanted = { CPUShares: "512", CPUQuotaPerSecUSec: "250ms", TasksMax: "42", DevicePolicy: "strict" };
      for (const [name, expected] of Object.entries(wanted)) assert.equal(property(unit, name), expected, name);
      const files = [
        ["cpu", "cpu.shares"],
        ["cpu", "cpu.cfs_quota_us"],
        ["pids", "pids.max"],
      ] as const;
      assert.deepEqual(
        files.map(([controller, file]) => read(controller, file)),
        ["512", "12500", "42"],
      );
      deleted(container);
    });

    itWith("a limit of memory is MemoryLimit, and values in the files", ["memory"], () => {
      const { container, unit, read } = sleeper({ memory: { limit: 67108864, swap: 100663296 } });
      assert.equal(property(unit, "MemoryLimit"), "67108864");
      assert.deepEqual(
        ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"].map((file) => read("memory", file)),
        ["67108864", "100663296"],
      );
      ok(box().runtime(["update", "--memory", "134217728", container.id]));
      assert.equal(property(unit, "MemoryLimit"), "134217728");
      assert.equal(read("memory", "memory.limit_in_bytes"), "134217728");
      deleted(container);
    });

    itWith("cpus are AllowedCPUs, and values in the files", ["cpuset"], () => {
      const { container, unit, read } = sleeper({ cpu: { cpus: "0", mems: "0" } });
      assert.equal(property(unit, "AllowedCPUs"), "0");
      assert.equal(read("cpuset", "cpuset.cpus"), "0");
      deleted(container);
    });

    it("update changes properties and files while the container stands still, and the devices are what they were", () => {
      const { container, unit, read } = sleeper({ pids: { limit: 42 } });
      const devices = read("devices", "devices.list");
      ok(box().runtime(["update", "--cpu-share", "256", "--pids-limit", "9", container.id]));
      assert.deepEqual(
        ["CPUShares", "TasksMax"].map((name) => property(unit, name)),
        ["256", "9"],
      );
      assert.deepEqual(
        [
          read("cpu", "cpu.shares"),
          read("pids", "pids.max"),
          read("devices", "devices.list"),
          read("freezer", "freezer.state"),
        ],
        ["256", "9", devices, "THAWED"],
      );
      deleted(container);
    });

    it("update keeps a list of denied devices", () => {
      const { container, unit } = sleeper(
        {
          devices: [
            { allow: true, access: "rwm" },
            { allow: false, type: "c", major: 1, minor: 11, access: "rwm" },
          ],
        },
        "CAP_MKNOD",
      );
      assert.equal(property(unit, "DevicePolicy"), "auto");
      const made = (): string =>
        box().runtime([
          "exec",
          container.id,
          "sh",
          "-c",
          "for node in '1 1' '1 11'; do mknod /dev/shm/n c $node 2> /dev/null && echo made || echo denied; rm -f /dev/shm/n; done",
        ]).stdout;
      assert.equal(made(), "made\ndenied\n");
      ok(box().runtime(["update", "--pids-limit", "9", container.id]));
      assert.equal(made(), "made\ndenied\n");
      deleted(container);
    });

    it("exec joins every group of the scope; pause and delete work by them", () => {
      const { container, unit } = sleeper({});
      assert.match(
        ok(box().runtime(["exec", container.id, "cat", "/proc/self/cgroup"])).stdout,
        new RegExp(`freezer:/system\\.slice/${unit}\n`),
      );
      ok(box().runtime(["pause", container.id]));
      assert.equal(container.state().status, "paused");
      deleted(container);
    });

    it("a user's systemd is refused", () => {
      const container = box().container();
      refused(
        box().runtime(["--systemd-cgroup", "--rootless", "true", "create", "--bundle", container.bundle, container.id]),
        /cannot use rootless systemd cgroups manager on cgroup v1/,
      );
    });
  },
);
