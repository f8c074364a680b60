import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import {
  eventually,
  itOurs,
  ok,
  PROGRAM,
  refused,
  shareNamespace,
  useBox,
  type Box,
  type Container,
} from "./harness.ts";
import { hierarchies } from "./leftovers.ts";

const CGROUP2 = 0x63677270;
const isV2 = (directory: string): boolean => statfsSync(directory).type === CGROUP2;

/** The container's directory in the v1 hierarchy of a controller. */
function group(box: Box, controller: string): string {
  const found = box
    .cgroups()
    .find((path) => !isV2(path) && path.split("/").some((part) => part.split(",").includes(controller)));
  assert(found !== undefined, `no ${controller} group among ${box.cgroups().join(" ")}`);
  return found;
}

const value = (box: Box, controller: string, file: string): string =>
  readFileSync(join(group(box, controller), file), "utf8").trim();

describe("cgroups (v1 and hybrid)", function () {
  if (isV2("/sys/fs/cgroup")) return; // cgroup-v2.test.ts has its promises
  const box = useBox();

  const sleeper = (
    resources: { [controller: string]: unknown } = {},
    change: (config: Config) => void = () => undefined,
  ): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.linux.resources = { ...config.linux.resources, ...resources };
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  it("has a group in every hierarchy, the v2 one included, with all processes in it", () => {
    const container = sleeper({}, (config) => (config.process.args = ["sh", "-c", "sleep 60 & sleep 60"]));
    const { pid } = container.state();
    const wanted = hierarchies().filter((mountPoint) => mountPoint.startsWith("/sys/fs/cgroup"));
    for (const mountPoint of wanted) {
      const found = box()
        .cgroups()
        .filter((path) => path.startsWith(`${mountPoint}/`));
      assert.equal(found.length, 1, `${mountPoint}: ${found.join(" ")}`);
      assert(
        readFileSync(join(found[0] ?? "", "cgroup.procs"), "utf8")
          .split("\n")
          .includes(String(pid)),
        mountPoint,
      );
    }
    ok(container.delete("--force"));
  });

  it("is at cgroupsPath when there is one, as deep as it says, and only our directories go away", () => {
    const parent = `/${box().prefix}parent`;
    const container = sleeper({}, (config) => (config.linux.cgroupsPath = `${parent}/a/b`));
    assert.equal(group(box(), "pids"), `/sys/fs/cgroup/pids${parent}`);
    assert.match(readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"), new RegExp(`pids:${parent}/a/b\n`));
    ok(container.delete("--force"));
    box().removeCgroups();
  });

  it("that was there before the container goes with it, and the next one there has none of its limits (as runc and crun)", () => {
    const name = `${box().prefix}there`;
    const directory = `/sys/fs/cgroup/pids/${name}`;
    mkdirSync(directory);
    const first = sleeper({ pids: { limit: 77 } }, (config) => (config.linux.cgroupsPath = `/${name}`));
    assert.equal(readFileSync(`${directory}/pids.max`, "utf8"), "77\n");
    ok(first.delete("--force"));
    assert.equal(existsSync(directory), false);
    const second = sleeper({}, (config) => (config.linux.cgroupsPath = `/${name}`));
    assert.equal(readFileSync(`${directory}/pids.max`, "utf8"), "max\n");
    ok(second.delete("--force"));
  });

  it("that was there before a container that cannot be created has none of its limits afterwards", () => {
    const name = `${box().prefix}there`;
    const directory = `/sys/fs/cgroup/pids/${name}`;
    mkdirSync(directory);
    const container = box().container((config) => {
      config.linux.cgroupsPath = `/${name}`;
      config.linux.resources = { pids: { limit: 77 } };
      config.process.args = ["/nonexistent"];
    });
    assert.notEqual(container.create().status, 0);
    assert.equal(existsSync(directory), false);
  });

  itOurs("that is gone is gone at every call, of v1 and of v2: systemd may have taken it away", () => {
    const program = resolve(dirname(PROGRAM), "room-test");
    if (!existsSync(program)) throw new Error(`make ${program} comes first`);
    const { status, stdout, stderr } = box().exec(program, ["gone"]);
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });

  it("a cgroupsPath does not leave the hierarchy by ..", () => {
    const container = sleeper({}, (config) => (config.linux.cgroupsPath = `/../../../../${box().prefix}up`));
    assert.match(
      readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"),
      new RegExp(`pids:/${box().prefix}up\n`),
    );
    ok(container.delete("--force"));
    box().removeCgroups();
  });

  it("limits memory: limit, reservation, swappiness, disabled OOM killer", () => {
    const container = sleeper({
      memory: { limit: 64 * 2 ** 20, reservation: 32 * 2 ** 20, swappiness: 10, disableOOMKiller: true },
    });
    assert.deepEqual(
      ["memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness"].map((file) =>
        value(box(), "memory", file),
      ),
      ["67108864", "33554432", "10"],
    );
    assert.match(value(box(), "memory", "memory.oom_control"), /oom_kill_disable 1/);
    ok(container.delete("--force"));
  });

  it("kills a container that takes more memory than its limit", () => {
    const container = box().container((config) => {
      config.linux.resources = { memory: { limit: 16 * 2 ** 20, swap: 16 * 2 ** 20 } };
      config.process.args = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
    });
    assert.equal(container.run().status, 137);
  });

  itOurs("says so when the limit is too small for the container's own start", () => {
    const container = box().container(
      (config) => (config.linux.resources = { memory: { limit: 64 * 1024, swap: 64 * 1024 } }),
    );
    const { status, stderr } = container.run();
    if (status === 0) return; // it starts even so
    assert.match(stderr, /memory limit too low\?|cannot allocate memory/i);
  });

  it("starts in 6 MiB, which is docker's least", () => {
    assert.equal(
      box().inside("echo fits", (config) => (config.linux.resources = { memory: { limit: 6 * 2 ** 20 } })),
      "fits\n",
    );
  });

  it("limits cpu: shares, quota, period; cpuset: cpus, mems", () => {
    const container = sleeper({ cpu: { shares: 512, quota: 40_000, period: 80_000, cpus: "0", mems: "0" } });
    assert.deepEqual(
      ["cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => value(box(), "cpu", file)),
      ["512", "40000", "80000"],
    );
    assert.deepEqual(
      ["cpuset.cpus", "cpuset.mems"].map((file) => value(box(), "cpuset", file)),
      ["0", "0"],
    );
    ok(container.delete("--force"));
  });

  it("has the cpus and memory nodes of the group above when config.json names none", () => {
    const container = sleeper();
    const own = group(box(), "cpuset");
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      assert.equal(readFileSync(join(own, file), "utf8"), readFileSync(join(dirname(own), file), "utf8"));
    ok(container.delete("--force"));
  });

  it("limits pids, and the limit holds", () => {
    const container = box().container((config) => {
      config.linux.resources = { pids: { limit: 5 } };
      config.process.args = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 20 & done 2>&1; wait"];
    });
    assert.match(container.run().stdout, /can't fork/);
    const unlimited = sleeper({ pids: { limit: -1 } });
    assert.equal(value(box(), "pids", "pids.max"), "max");
    ok(unlimited.delete("--force"));
  });

  it("allows the devices that config.json allows, and the default ones, and no others", () => {
    const nodes = (config: Config): void => {
      config.process.capabilities = {
        bounding: ["CAP_MKNOD"],
        effective: ["CAP_MKNOD"],
        permitted: ["CAP_MKNOD"],
        inheritable: [],
        ambient: [],
      };
      config.linux.devices = [
        { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 },
        { path: "/dev/mem0", type: "c", major: 1, minor: 1, fileMode: 0o666 },
      ];
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "ra" },
        ],
      };
    };
    const inside = box().inside(
      [
        "(exec 3</dev/fuse) 2>/dev/null && echo fuse read",
        "(exec 3>/dev/fuse) 2>/dev/null || echo fuse not written",
        "(exec 3</dev/mem0) 2>/dev/null || echo mem not read",
        "mknod /dev/new c 1 1 && echo made",
        "head -c 1 /dev/zero | wc -c; : > /dev/null && echo null",
      ].join("; "),
      nodes,
    );
    assert.equal(inside, "fuse read\nfuse not written\nmem not read\nmade\n1\nnull\n");
  });

  it("writes the largest numbers exactly", () => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.linux.resources = { memory: { limit: "LARGE" } };
    });
    const file = join(container.bundle, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"LARGE"', "9223372036854771712"));
    ok(container.run(["-d"]));
    assert.equal(value(box(), "memory", "memory.limit_in_bytes"), "9223372036854771712");
    ok(container.delete("-f"));
  });

  it("is frozen: state says paused, kill and delete --force still work", () => {
    const container = sleeper();
    writeFileSync(join(group(box(), "freezer"), "freezer.state"), "FROZEN");
    container.waitFor("paused");
    ok(container.delete("--force"));
  });

  it("of a created container is the final one already (CLIENTS 5)", () => {
    const container = box().container();
    ok(container.create());
    assert.match(readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"), new RegExp(`memory:.*${container.id}`));
    ok(container.delete("--force"));
  });

  it("kill --all reaches every process of a shared pid namespace", () => {
    const container = sleeper({}, (config) => {
      shareNamespace(config, "pid");
      config.process.args = ["sh", "-c", "sleep 61 & sleep 62"];
    });
    ok(container.box.runtime(["kill", "--all", container.id, "KILL"]));
    container.waitFor("stopped");
    eventually(
      "the others have ended as well",
      () => readFileSync(join(group(box(), "pids"), "cgroup.procs"), "utf8") === "",
    );
    ok(container.delete());
  });

  it("kill KILL of a shared pid namespace ends all of its processes", () => {
    const container = sleeper({}, (config) => {
      shareNamespace(config, "pid");
      config.process.args = ["sh", "-c", "sleep 61 & sleep 62"];
    });
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("groups that the container made below its own go away with it", () => {
    const container = sleeper();
    const own = group(box(), "pids");
    box().exec("/bin/mkdir", ["-p", `${own}/deeper/still`]);
    ok(container.delete("--force"));
    assert.deepEqual(
      box()
        .cgroups()
        .filter((path) => basename(path) === container.id),
      [],
    );
  });

  it("unified resources are refused on v1", () => {
    refused(
      box()
        .container((config) => (config.linux.resources = { unified: { "memory.max": "1" } }))
        .run(),
      /unified|v2/,
    );
  });

  it("a value that the kernel refuses is an error that names the file, and leaves nothing", () => {
    refused(
      box()
        .container((config) => (config.linux.resources = { cpu: { cpus: "4711" } }))
        .run(),
      /cpuset\.cpus/,
    );
  });

  itOurs("a device rule that the kernel refuses is not explained by memory or cpuset", () => {
    const name = `${box().prefix}group`;
    const directory = join("/sys/fs/cgroup/devices", name);
    mkdirSync(join(directory, "below"), { recursive: true });
    refused(
      box()
        .container((config) => (config.linux.cgroupsPath = `/${name}`))
        .run(),
      /devices\.deny.*EINVAL.* — a rule is a type \(a, b, c\)/,
    );
    assert.equal(existsSync(directory), false); // it goes, though it was there before
  });
});
