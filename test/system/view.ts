// The promises of cgroup-v2.test.ts. They run in a private view of /sys/fs/cgroup (scripts/private-view), in a process of their
// own, which prints as JSON what became of each: null for kept, else how it was broken.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Box, eventually, ok, refused, removeGroup, shareNamespace, type Container, type Result } from "./harness.ts";
import { GID, Rootless, UID } from "./rootless.ts";
import type { Config } from "./bundle.ts";

function sleeper(box: Box, change: (config: Config) => void = () => undefined): Container {
  const container = box.container((config) => {
    config.process.args = ["sleep", "60"];
    change(config);
  });
  ok(container.run(["--detach"]));
  return container;
}

function inUserNamespace(config: Config): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
}

function group(box: Box, container: Container): string {
  const found = box.cgroups().find((path) => path.endsWith(container.id));
  assert(found !== undefined, `no group of ${container.id}`);
  return found;
}

/** What fixtures/devices.c says of device programs. */
function programs(box: Box, ...words: string[]): string[] {
  const tool = box.path("devices");
  if (!existsSync(tool))
    execFileSync("gcc", ["-O2", "-o", tool, join(dirname(fileURLToPath(import.meta.url)), "fixtures/devices.c")]);
  return ok(box.exec(tool, words)).stdout.split(" ").filter(Boolean);
}

const processes = (directory: string): string[] =>
  readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").filter(Boolean);

export const promises: { readonly [name: string]: (box: Box) => void } = {
  "the container has one group, with all of its processes": (box) => {
    const container = sleeper(box, (config) => (config.process.args = ["sh", "-c", "sleep 60 & sleep 61"]));
    eventually("both have begun", () => processes(group(box, container)).length >= 2);
    assert(processes(group(box, container)).includes(String(container.state().pid)));
    ok(container.delete("--force"));
  },

  "a container in a user namespace is in its group, which stays the host's": (box) => {
    const container = sleeper(box, inUserNamespace);
    const directory = group(box, container);
    assert.deepEqual(processes(directory), [String(container.state().pid)]);
    assert.equal(statSync(directory).uid, 0);
    assert.equal(
      ok(box.runtime(["exec", container.id, "sh", "-c", "mkdir /sys/fs/cgroup/sub 2>/dev/null || echo refused"]))
        .stdout,
      "refused\n",
    );
    ok(container.delete("--force"));
  },

  "a container that may manage its group is given it, and what the kernel lists for that, nothing more": (box) => {
    for (const [uid, owner] of [
      [0, 100_000],
      [7, 100_007],
    ] as const) {
      const container = sleeper(box, (config) => {
        inUserNamespace(config);
        config.process.user = { uid, gid: 0 };
        config.linux.namespaces.push({ type: "cgroup" });
        config.mounts = config.mounts.map((mount) =>
          mount.type === "cgroup" ? { ...mount, options: ["nosuid", "noexec", "nodev"] } : mount,
        );
      });
      const directory = group(box, container);
      for (const [file, wanted] of [
        ["", owner],
        ["cgroup.procs", owner],
        ["cgroup.subtree_control", owner],
        ["cgroup.freeze", 0],
        ["cgroup.max.depth", 0],
      ] as const)
        assert.equal(statSync(join(directory, file)).uid, wanted, file);
      assert.equal(
        ok(
          box.runtime([
            "exec",
            container.id,
            "sh",
            "-c",
            "mkdir /sys/fs/cgroup/sub && echo 0 >/sys/fs/cgroup/sub/cgroup.procs && cat /proc/self/cgroup | tail -1",
          ]),
        ).stdout,
        "0::/sub\n",
      );
      ok(container.delete("--force"));
    }
  },

  "a container is not given its group where it could do nothing with it: read-only, or seen from the host's cgroup namespace (runc cgroup_delegation.bats)":
    (box) => {
      for (const [namespaced, options] of [
        [true, ["rw", "ro"]],
        [false, ["rw"]],
      ] as const) {
        const container = sleeper(box, (config) => {
          inUserNamespace(config);
          if (namespaced) config.linux.namespaces.push({ type: "cgroup" });
          config.mounts = config.mounts.map((mount) =>
            mount.type === "cgroup" ? { ...mount, options: ["nosuid", "noexec", "nodev", ...options] } : mount,
          );
        });
        const directory = group(box, container);
        for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
          assert.equal(statSync(join(directory, file)).uid, 0, file);
        ok(container.delete("--force"));
      }
    },

  "a user to whom a group is delegated gets groups beside its own, with limits, and exec, pause, kill and delete work there":
    (box) => {
      const user = new Rootless(box);
      const delegated = `/sys/fs/cgroup/${box.prefix}delegated`;
      for (const directory of [delegated, `${delegated}/session`]) {
        mkdirSync(directory);
        for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
          chownSync(join(directory, file), UID, GID);
      }
      const runtime = (...args: string[]): Result => user.runtime(args, { cgroup: `${delegated}/session` });
      const config = user.config("sleep", "60");
      config.linux.resources = { unified: { "cgroup.max.depth": "7" }, devices: [{ allow: false, access: "rwm" }] };
      ok(runtime("run", "-d", "--bundle", user.bundle(config), "inside"));
      const own = `${delegated}/inside`;
      assert.equal(readFileSync(join(own, "cgroup.max.depth"), "utf8"), "7\n");
      assert.equal(processes(own).length, 1);
      ok(runtime("exec", "inside", "true"));
      ok(runtime("pause", "inside"));
      assert.match(runtime("state", "inside").stdout, /"status": "paused"/);
      ok(runtime("resume", "inside"));
      assert.match(ok(runtime("ps", "inside", "-eo", "pid,args")).stdout, /sleep 60/); // not ps's own table: it fails in User-Mode Linux
      ok(runtime("delete", "--force", "inside"));
      assert.equal(existsSync(own), false);
      for (const directory of [`${delegated}/session`, delegated]) {
        eventually("it is empty", () => processes(directory).length === 0);
        removeGroup(directory);
      }
    },

  "cgroups that are delegated to a user are not written by the user's container through /sys/fs/cgroup (CVE-2023-25809)":
    (box) => {
      const user = new Rootless(box);
      const delegated = `/sys/fs/cgroup/${box.prefix}delegated`;
      for (const directory of [delegated, `${delegated}/session`]) {
        mkdirSync(directory);
        for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
          chownSync(join(directory, file), UID, GID);
      }
      // What "spec --rootless" writes binds the host's /sys with all that is mounted below it: "ro" is for the topmost mount alone.
      const cgroup = {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
      };
      const attack =
        "ls /sys/fs/cgroup | grep -c . ; for d in $(find /sys/fs/cgroup -type d); do mkdir $d/escaped 2>/dev/null && echo made in $d; { echo 0 > $d/cgroup.procs; } 2>/dev/null && echo entered $d; { echo 1 > $d/cgroup.max.depth; } 2>/dev/null && echo limited $d; done; true";
      for (const namespace of [[], [{ type: "cgroup" }]]) {
        const config = user.config("sh", "-c", attack);
        config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "cgroup"), ...namespace];
        config.mounts = [...config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup"), cgroup];
        assert(config.mounts.some(({ destination, options }) => destination === "/sys" && options?.includes("rbind")));
        assert.match(
          ok(
            user.runtime(["run", "--bundle", user.bundle(config), `tried${namespace.length}`], {
              cgroup: `${delegated}/session`,
            }),
          ).stdout,
          /^\d+\n$/,
        );
      }
      for (const directory of [`${delegated}/session`, delegated]) {
        eventually("it is empty", () => processes(directory).length === 0);
        removeGroup(directory);
      }
    },

  "a created container is in its group already": (box) => {
    const container = box.container();
    ok(container.create());
    assert.deepEqual(processes(group(box, container)), [String(container.state().pid)]);
    ok(container.delete("--force"));
  },

  "cgroupsPath is where it says, and does not leave the hierarchy by ..": (box) => {
    const container = sleeper(box, (config) => (config.linux.cgroupsPath = `/../../${box.prefix}deep/down`));
    assert.equal(
      readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8").includes(`/${box.prefix}deep/down\n`),
      true,
    );
    ok(container.delete("--force"));
    box.removeCgroups();
  },

  "the cgroup file system of the container is cgroup2, read-only, and shows its own group": (box) => {
    const inside = box.inside(
      "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x 2>&1; grep cgroup2 /proc/self/mountinfo",
      (config) => config.linux.namespaces.push({ type: "cgroup" }),
    );
    assert.match(inside, /^(\d+:[^\n]*\n)*0::\/\n(\d+:[^\n]*\n)*1\n/m);
    assert.match(inside, /Read-only file system/);
    assert.match(inside, / \/sys\/fs\/cgroup ro,/);
  },

  "devices: what config.json allows and the default ones are allowed, by eBPF, and no others": (box) => {
    const inside = box.inside(
      [
        "(exec 3</dev/fuse) 2>/dev/null && echo fuse read",
        "(exec 3>/dev/fuse) 2>/dev/null || echo fuse not written",
        "(exec 3</dev/mem0) 2>/dev/null || echo mem not read",
        "head -c 1 /dev/zero | wc -c; : > /dev/null && echo null",
      ].join("; "),
      (config) => {
        config.linux.devices = [
          { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 },
          { path: "/dev/mem0", type: "c", major: 1, minor: 1, fileMode: 0o666 },
        ];
        config.linux.resources = {
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, type: "c", major: 10, minor: 229, access: "r" },
          ],
        };
      },
    );
    assert.equal(inside, "fuse read\nfuse not written\nmem not read\n1\nnull\n");
  },

  "devices: all are allowed when config.json says so": (box) => {
    assert.equal(
      box.inside("(exec 3<>/dev/fuse) && echo open", (config) => {
        config.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 }];
        config.linux.resources = { devices: [{ allow: true, access: "rwm" }] };
      }),
      "open\n",
    );
  },

  "device programs: those of a group that is there already are replaced, by one": (box) => {
    for (const before of [0, 1, 3]) {
      const directory = `/sys/fs/cgroup/${box.prefix}kept${before}`;
      mkdirSync(directory);
      programs(box, "allow-all", directory, String(before));
      const old = programs(box, "attached", directory);
      assert.equal(old.length, before);
      const container = sleeper(box, (config) => {
        config.linux.cgroupsPath = `/${basename(directory)}`;
        config.linux.devices = [{ path: "/dev/mem0", type: "c", major: 1, minor: 1, fileMode: 0o666 }];
      });
      const now = programs(box, "attached", directory);
      assert.equal(now.length, 1, `programs, where ${before} were`);
      assert.equal(old.includes(now[0] ?? ""), false);
      eventually("the kernel has the old ones no more", () => programs(box, "loaded", ...old).length === 0);
      assert.equal(
        box.runtime(["exec", container.id, "sh", "-c", "head -c 1 /dev/zero | wc -c; (exec 3</dev/mem0) 2>&1 || true"])
          .stdout,
        "1\nsh: can't open /dev/mem0: Operation not permitted\n",
      );
      ok(container.delete("--force"));
      assert.equal(existsSync(directory), false, "the group goes with the container");
      eventually("the kernel has none of them", () => programs(box, "loaded", ...old, ...now).length === 0);
    }
  },

  "device programs: update, exec and pause add none, and the program goes with the container; nothing is pinned": (
    box,
  ) => {
    const pinned = (): string[] => (existsSync("/sys/fs/bpf") ? readdirSync("/sys/fs/bpf") : []);
    const before = pinned();
    const container = sleeper(box);
    const directory = group(box, container);
    const program = programs(box, "attached", directory);
    assert.equal(program.length, 1);
    ok(
      box.runtime([
        "update",
        "--resources",
        box.write(
          "resources.json",
          JSON.stringify({ devices: [{ allow: false, access: "rwm" }], unified: { "cgroup.max.depth": "7" } }),
        ),
        container.id,
      ]),
    );
    ok(box.runtime(["exec", container.id, "true"]));
    ok(box.runtime(["pause", container.id]));
    ok(box.runtime(["resume", container.id]));
    assert.deepEqual(programs(box, "attached", directory), program);
    const failed = box.container((config) => (config.process.args = ["/not/there"]));
    refused(failed.run(), /not\/there/);
    ok(container.delete("--force"));
    eventually("the kernel has it no more", () => programs(box, "loaded", ...program).length === 0);
    assert.deepEqual(pinned(), before);
  },

  "exec joins the container's group, and that of its init where the container's own is gone (runc issue 5089)": (
    box,
  ) => {
    const container = sleeper(box);
    const own = group(box, container);
    const exec = (...words: string[]): string => ok(box.runtime(["exec", container.id, ...words])).stdout;
    assert.match(exec("cat", "/proc/self/cgroup"), new RegExp(`^0::.*/${container.id}$`, "m"));
    const other = `${own}-other`;
    mkdirSync(other);
    writeFileSync(join(other, "cgroup.procs"), String(container.state().pid));
    removeGroup(own);
    assert.match(exec("cat", "/proc/self/cgroup"), new RegExp(`^0::.*/${container.id}-other$`, "m"));
    assert.equal(box.runtime(["exec", "--cgroup", "/", container.id, "true"]).status, 255);
    ok(container.delete("--force"));
    eventually("it is empty", () => processes(other).length === 0);
    removeGroup(other);
  },

  "a frozen container is paused, runs on when thawed, and delete --force ends it even so": (box) => {
    const container = sleeper(box);
    const file = join(group(box, container), "cgroup.freeze");
    writeFileSync(file, "1");
    container.waitFor("paused");
    writeFileSync(file, "0");
    container.waitFor("running");
    writeFileSync(file, "1");
    container.waitFor("paused");
    ok(container.delete("--force"));
  },

  "kill --all and kill KILL end every process of a shared pid namespace": (box) => {
    for (const command of [["kill", "--all"], ["kill"]]) {
      const container = sleeper(box, (config) => {
        shareNamespace(config, "pid");
        config.process.args = ["sh", "-c", "sleep 61 & sleep 62"];
      });
      const directory = group(box, container);
      eventually("both have begun", () => processes(directory).length >= 2);
      ok(box.runtime([...command, container.id, "KILL"]));
      container.waitFor("stopped");
      eventually("all have ended", () => processes(directory).length === 0);
      ok(container.delete());
    }
  },

  "groups that the container made below its own go away with it": (box) => {
    const container = sleeper(box);
    ok(box.exec("/bin/mkdir", ["-p", `${group(box, container)}/deeper/still`]));
    ok(container.delete("--force"));
  },

  "a limit of a controller that is not there is refused, and leaves nothing": (box) => {
    if (readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").includes("memory")) return;
    refused(box.container((config) => (config.linux.resources = { memory: { limit: 64 * 2 ** 20 } })).run(), /memory/);
  },

  "a unified resource with a / is refused": (box) => {
    refused(
      box.container((config) => (config.linux.resources = { unified: { "../cgroup.procs": "1" } })).run(),
      /unified/,
    );
  },

  "a unified file that does not exist is refused with its name": (box) => {
    refused(
      box.container((config) => (config.linux.resources = { unified: { "memory.nonsense": "1" } })).run(),
      /memory\.nonsense|memory/,
    );
  },

  "a unified file is written": (box) => {
    const container = sleeper(box, (config) => (config.linux.resources = { unified: { "cgroup.max.depth": "7" } }));
    assert.equal(readFileSync(join(group(box, container), "cgroup.max.depth"), "utf8"), "7\n");
    ok(container.delete("--force"));
  },
};

/** Keeps every promise in a box of its own. */
function keepAll(): { [name: string]: string | null } {
  const results: { [name: string]: string | null } = {};
  for (const [name, promise] of Object.entries(promises)) {
    const box = new Box();
    try {
      promise(box);
      box.assertNothingLeft();
      results[name] = null;
    } catch (error) {
      results[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
      box.clean();
    }
    box.remove();
  }
  return results;
}

if (process.argv[2] === "keep") {
  assert(existsSync("/sys/fs/cgroup/cgroup.controllers"), "not a v2 view");
  process.stdout.write(JSON.stringify(keepAll()));
}
