import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { before, beforeEach, describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import {
  eventually,
  isTsrun,
  itWithTimeNamespaces,
  ok,
  PROGRAM,
  refused,
  shareNamespace,
  useBox,
  type Result,
} from "./harness.ts";
import { GID, Rootless, SUB_COUNT, SUB_FIRST, UID, USER } from "./rootless.ts";
import { skipBecause } from "../skip.ts";

/** The user's own id as root, those of /etc/subuid for the others. */
function withMany(config: Config): Config {
  const rest = { containerID: 1, hostID: SUB_FIRST, size: SUB_COUNT };
  config.linux["uidMappings"] = [{ containerID: 0, hostID: UID, size: 1 }, rest];
  config.linux["gidMappings"] = [{ containerID: 0, hostID: GID, size: 1 }, rest];
  return config;
}

const tidy = (text: string): string => text.replace(/^ +/gm, "").replace(/ +/g, " ");

describe("rootless", () => {
  const box = useBox();
  let user: Rootless;

  before(function () {
    if (!isTsrun) skipBecause(this, "another runtime has another place for its state");
  });

  beforeEach(() => {
    user = new Rootless(box());
  });

  /** Runs one container to its end and tells what it printed. */
  function inside(script: string, change: (config: Config) => void = () => undefined): string {
    const config = user.config("sh", "-c", script);
    change(config);
    const { status, stdout, stderr } = user.runtime(["run", "--bundle", user.bundle(config), "inside"]);
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.equal(stderr, "");
    return stdout;
  }

  it("what spec --rootless writes runs as it is, with a single id and without a helper", () => {
    const config = user.config(
      "sh",
      "-c",
      "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; ls /sys/class/net >/dev/null && echo sys",
    );
    const result = user.runtime(["run", "--bundle", user.bundle(config), "single"], {
      helpers: false,
      env: { PATH: "/nowhere" },
    });
    assert.equal(tidy(ok(result).stdout), `0\n0\n0 ${UID} 1\n0 ${GID} 1\ndeny\nsys\n`);
    assert.equal(result.stderr, "");
  });

  it("state lies below XDG_RUNTIME_DIR, in a directory with the sticky bit", () => {
    ok(user.runtime(["create", "--bundle", user.bundle(user.config("true")), "created"]));
    assert.equal(statSync(user.stateRoot).mode & 0o7777, 0o1700);
    assert.equal(statSync(join(user.stateRoot, "created")).uid, UID);
    ok(user.runtime(["delete", "created"]));
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  it("without XDG_RUNTIME_DIR the user is told what to do", () => {
    refused(user.runtime(["list"], { env: { XDG_RUNTIME_DIR: "" } }), /XDG_RUNTIME_DIR is not set.*--root/);
  });

  it("a container goes through its whole life: create, start, state, list, kill, delete", () => {
    ok(user.runtime(["create", "--bundle", user.bundle(user.config("sleep", "60")), "life"]));
    assert.equal((JSON.parse(ok(user.runtime(["state", "life"])).stdout) as { status: string }).status, "created");
    ok(user.runtime(["start", "life"]));
    const state = JSON.parse(ok(user.runtime(["state", "life"])).stdout) as {
      status: string;
      owner: string;
      pid: number;
    };
    assert.deepEqual([state.status, state.owner], ["running", USER]);
    assert.match(ok(user.runtime(["list"])).stdout, new RegExp(`^life .* ${USER}$`, "m"));
    refused(user.runtime(["delete", "life"]), /cannot delete container life that is not stopped: running/);
    ok(user.runtime(["kill", "life", "KILL"]));
    eventually(
      "it has stopped",
      () => (JSON.parse(user.runtime(["state", "life"]).stdout) as { status: string }).status === "stopped",
    );
    refused(user.runtime(["kill", "life", "KILL"]), /container not running/);
    ok(user.runtime(["kill", "--all", "life", "KILL"])); // runc kill.bats
    ok(user.runtime(["delete", "life"]));
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  it("newuidmap and newgidmap map what /etc/subuid and /etc/subgid grant, also when PATH is empty", () => {
    const config = withMany(
      user.config("sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -G"),
    );
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 100] };
    for (const PATH of ["/usr/bin", ""]) {
      const { stdout } = ok(user.runtime(["run", "--bundle", user.bundle(config), "many"], { env: { PATH } }));
      assert.equal(
        tidy(stdout),
        `0 ${UID} 1\n1 ${SUB_FIRST} ${SUB_COUNT}\n0 ${GID} 1\n1 ${SUB_FIRST} ${SUB_COUNT}\nallow\n1000\n1000 5 100\n`,
      );
    }
  });

  describe("exec", () => {
    it("joins a container of a single id, running or created, as its root", () => {
      ok(user.runtime(["create", "--bundle", user.bundle(user.config("sleep", "60")), "one"]));
      assert.equal(ok(user.runtime(["exec", "one", "id", "-u"])).stdout, "0\n");
      ok(user.runtime(["start", "one"]));
      const { pid } = JSON.parse(ok(user.runtime(["state", "one"])).stdout) as { pid: number };
      assert.equal(tidy(ok(user.runtime(["exec", "one", "cat", "/proc/self/uid_map"])).stdout), `0 ${UID} 1\n`);
      for (const name of ["user", "pid", "mnt", "ipc", "uts"])
        assert.equal(
          ok(user.runtime(["exec", "one", "readlink", `/proc/self/ns/${name}`])).stdout.trim(),
          readlinkSync(`/proc/${pid}/ns/${name}`),
        );
      ok(user.runtime(["delete", "--force", "one"]));
    });

    it("becomes any of the ids that a container of many has", () => {
      ok(user.runtime(["run", "-d", "--bundle", user.bundle(withMany(user.config("sleep", "60"))), "many"]));
      assert.equal(
        ok(user.runtime(["exec", "--user", "33:34", "--additional-gids", "35", "many", "sh", "-c", "id -u; id -G"]))
          .stdout,
        "33\n34 35\n",
      );
      ok(user.runtime(["delete", "--force", "many"]));
    });

    it("joins a created container in a user namespace of another's, but not where the other could look into its init (CVE-2016-9962)", () => {
      ok(user.runtime(["run", "-d", "--bundle", user.bundle(user.config("sleep", "60")), "other"]));
      const { pid } = JSON.parse(ok(user.runtime(["state", "other"])).stdout) as { pid: number };
      for (const shared of [["user"], ["user", "pid"]]) {
        const config = user.config("sleep", "60");
        config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
          shared.includes(type) ? { type, path: `/proc/${pid}/ns/${type}` } : { type },
        );
        delete config.linux["uidMappings"];
        delete config.linux["gidMappings"];
        ok(user.runtime(["create", "--bundle", user.bundle(config), "joined"]));
        const { pid: init } = JSON.parse(ok(user.runtime(["state", "joined"])).stdout) as { pid: number };
        const closed = shared.includes("pid");
        assert.equal(statSync(`/proc/${init}/environ`).uid, closed ? 0 : UID); // whose its files are tells whether it is dumpable
        const result = user.runtime(["exec", "joined", "id", "-u"]);
        if (closed) assert.match(result.stderr, /join namespaces: .*operation not permitted \(EPERM\)/);
        else assert.equal(ok(result).stdout, "0\n");
        ok(user.runtime(["start", "joined"]));
        eventually("its program runs", () => readFileSync(`/proc/${init}/comm`, "utf8") === "sleep\n");
        assert.equal(ok(user.runtime(["exec", "joined", "id", "-u"])).stdout, "0\n");
        ok(user.runtime(["delete", "--force", "joined"]));
      }
      ok(user.runtime(["delete", "--force", "other"]));
    });
  });

  it("ids that are not granted are refused: helper, file and part of config.json are named", () => {
    user.grant("somebody-else:3000000:65536\n");
    refused(
      user.runtime(["run", "--bundle", user.bundle(withMany(user.config("true"))), "refused"]),
      /run newuidmap: \/linux\/uidMappings: \/usr\/bin\/newuidmap has refused: newuidmap: .*\/etc\/subuid .*must grant us/,
    );
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  it("without the helpers many ids are refused, and what to install is said", () => {
    refused(
      user.runtime(["run", "--bundle", user.bundle(withMany(user.config("true"))), "refused"], {
        env: { PATH: "/nowhere" },
      }),
      /\/linux\/uidMappings: newuidmap is not installed: .*package uidmap/,
    );
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  it("helpers that fail are refused with what they said, or how they ended; the user's PATH decides which they are", () => {
    mkdirSync(join(user.directory, "bin"));
    const run = (newuidmap: string, newgidmap: string): Result => {
      user.write("bin/newuidmap", `#!/bin/sh\n${newuidmap}\n`, 0o755);
      user.write("bin/newgidmap", `#!/bin/sh\n${newgidmap}\n`, 0o755);
      return user.runtime(["run", "--bundle", user.bundle(withMany(user.config("true"))), "refused"], {
        env: { PATH: `${user.directory}/bin:/usr/bin:/bin` },
      });
    };
    const works = (name: string): string => `exec /usr/bin/${name} "$@"`;
    const [uids, gids] = [works("newuidmap"), works("newgidmap")];
    for (const [newuidmap, newgidmap, message] of [
      [
        "exit 3",
        gids,
        /run newuidmap: \/linux\/uidMappings: \S*\/bin\/newuidmap has refused: it ended with exit status 3 — /,
      ],
      ["kill -9 $$", gids, /newuidmap has refused: signal 9 has ended it — /],
      [
        uids,
        "echo not today >&2; exit 1",
        /run newgidmap: \/linux\/gidMappings: \S*\/bin\/newgidmap has refused: not today/,
      ],
      ["exit 0", gids, /enter user namespace: the user namespace does not map its root/], // has done nothing
    ] as const) {
      refused(run(newuidmap, newgidmap), message);
      assert.deepEqual(readdirSync(user.stateRoot), []);
    }
    chmodSync(join(user.directory, "bin/newuidmap"), 0o644);
    ok(run("exit 3", gids)); // one that is no program is passed over
    ok(run(uids, gids));
  });

  it("without a user namespace, or without mappings, it is refused in runc's words", () => {
    const config = user.config("true");
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
    delete config.linux["uidMappings"];
    delete config.linux["gidMappings"];
    refused(
      user.runtime(["run", "--bundle", user.bundle(config), "refused"]),
      /rootless container requires user namespaces/,
    );
  });

  it("a user that is not mapped, additional groups without setgroups, and mount options for others are refused", () => {
    const config = user.config("true");
    config.process.user = { uid: 1, gid: 1, additionalGids: [5] };
    const { stderr } = user.runtime(["run", "--bundle", user.bundle(config), "refused"]);
    assert.match(stderr, /cannot setuid to unmapped uid 1 in user namespace/);
    assert.match(stderr, /cannot setgid to unmapped gid 1 in user namespace/);
    assert.match(stderr, /cannot set any additional groups in a rootless container/);
    const mounting = user.config("true");
    mounting.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["uid=5"] });
    refused(
      user.runtime(["run", "--bundle", user.bundle(mounting), "refused"]),
      /cannot specify uid=5 mount option for rootless container/,
    );
  });

  it("devices are the host's, bound; every namespace is the container's root's", () => {
    assert.equal(
      inside(
        "stat -c '%F %t:%T' /dev/null /dev/urandom; echo x >/dev/null; stat -c %u /dev /dev/mqueue /dev/pts; hostname",
      ),
      "character special file 1:3\ncharacter special file 1:9\n0\n0\n0\ntsrun\n",
    );
  });

  it("what is the user's own and closed to all others can be bound", () => {
    mkdirSync(join(user.directory, "closed"), { mode: 0o700 });
    user.write("closed/file", "mine\n", 0o600);
    chownSync(join(user.directory, "closed"), UID, GID);
    assert.equal(
      inside("cat /mnt/file", (config) =>
        config.mounts.push({
          destination: "/mnt",
          type: "bind",
          source: join(user.directory, "closed"),
          options: ["bind", "ro"],
        }),
      ),
      "mine\n",
    );
  });

  itWithTimeNamespaces("a time namespace has the offsets of config.json", () => {
    const times = inside("cat /proc/self/timens_offsets", (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { monotonic: { secs: 5, nanosecs: 0 } };
    });
    assert.match(tidy(times), /^monotonic 5 0$/m);
  });

  it("hooks run as the user, and in the host's namespaces", () => {
    const hooked = user.write("hooked", "");
    inside("true", (config) => {
      const hook = { path: "/bin/sh", args: ["sh", "-c", `(id -u; readlink /proc/self/ns/user) >>${hooked}`] };
      config.hooks = { createRuntime: [hook], poststart: [hook], poststop: [hook] };
    });
    assert.equal(readFileSync(hooked, "utf8"), `${UID}\n${readlinkSync("/proc/self/ns/user")}\n`.repeat(3));
  });

  it("an oom score can be raised; one that would be lowered stays, with a warning", () => {
    const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    assert.equal(
      inside("cat /proc/self/oom_score_adj", (config) => (config.process.oomScoreAdj = own + 7)),
      `${own + 7}\n`,
    );
    const config = user.config("cat", "/proc/self/oom_score_adj");
    config.process.oomScoreAdj = -1000;
    const { stdout, stderr } = ok(user.runtime(["run", "--bundle", user.bundle(config), "low"]));
    assert.equal(stdout, `${own}\n`);
    assert.match(stderr, /warning.*oom score -1000 is lower than our own/);
  });

  it("a limit that may not be raised is refused with its place in config.json", () => {
    const config = user.config("true");
    config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 2 ** 20 * 4, hard: 2 ** 20 * 4 }];
    refused(
      user.runtime(["run", "--bundle", user.bundle(config), "refused"]),
      /\/process\/rlimits\/0: prlimit\(2\) RLIMIT_NOFILE .*operation not permitted/,
    );
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  describe("and cgroups that are not the user's", () => {
    it("a container without limits and without a path runs without one", () => {
      assert.equal(
        inside("cat /proc/self/cgroup", (config) => shareNamespace(config, "cgroup")),
        readFileSync("/proc/self/cgroup", "utf8"),
      );
    });

    it("a container that names one is refused", () => {
      const config = user.config("true");
      config.linux.cgroupsPath = "/tsrun-rootless-test";
      refused(
        user.runtime(["run", "--bundle", user.bundle(config), "refused"]),
        /unable to apply cgroup configuration: .*\/linux\/cgroupsPath: mkdirat\(2\) .*permission denied/,
      );
      assert.deepEqual(readdirSync(user.stateRoot), []);
    });

    it("a container with limits is refused in runc's words", () => {
      const config = user.config("true");
      config.linux.resources = { pids: { limit: 20 } };
      refused(
        user.runtime(["run", "--bundle", user.bundle(config), "refused"]),
        /rootless needs no limits \+ no cgrouppath when no permission is granted for cgroups/,
      );
    });

    it("device rules alone are no limits", () => {
      const config = user.config("true");
      config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
      ok(user.runtime(["run", "--bundle", user.bundle(config), "devices"]));
    });
  });

  it("root of a user namespace runs containers as root does, without making devices or groups", () => {
    const config = user.config("sh", "-c", "id -u; stat -c %t:%T /dev/null");
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
    delete config.linux["uidMappings"];
    delete config.linux["gidMappings"];
    const bundle = user.bundle(config);
    const { stdout } = ok(
      user.exec("/usr/bin/unshare", [
        "--user",
        "--map-root-user",
        "--mount",
        PROGRAM,
        "run",
        "--bundle",
        bundle,
        "nested",
      ]),
    );
    assert.equal(stdout, "0\n1:3\n");
  });

  it("root of a user namespace makes another below it", () => {
    const config = user.config("sh", "-c", "cat /proc/self/uid_map");
    config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 1 }];
    const { stdout } = ok(
      user.exec("/usr/bin/unshare", [
        "--user",
        "--map-root-user",
        "--mount",
        PROGRAM,
        "run",
        "--bundle",
        user.bundle(config),
        "nested",
      ]),
    );
    assert.equal(tidy(stdout), "0 0 1\n");
  });

  it("the host's pid namespace can be shared, and kill and delete still end the container", () => {
    const config = user.config("sleep", "60");
    shareNamespace(config, "pid");
    config.mounts = config.mounts.map((mount) =>
      mount.destination === "/proc"
        ? { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] }
        : mount,
    );
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    assert.match(
      ok(user.runtime(["run", "-d", "--bundle", user.bundle(config), "shared"])).stderr,
      /warning: .*no cgroup and no private pid namespace. Such configuration is strongly discouraged/,
    );
    ok(user.runtime(["kill", "shared", "KILL"]));
    ok(user.runtime(["delete", "--force", "shared"]));
    assert.deepEqual(readdirSync(user.stateRoot), []);
  });

  it("the program of the runtime, though the user's own, cannot be reached from the container (CVE-2019-5736)", function () {
    // PR_SET_MM_MAP, which needs no privilege outside, is there with CONFIG_CHECKPOINT_RESTORE only, as this file is: docs/SECURITY.md.
    if (!existsSync("/proc/self/timers")) skipBecause(this, "this kernel has no CONFIG_CHECKPOINT_RESTORE");
    const copy = join(user.directory, "tsrun");
    ok(box().exec("/bin/cp", [PROGRAM, copy]));
    chownSync(copy, UID, GID);
    chmodSync(copy, 0o755);
    const config = user.config("/proc/self/exe");
    config.root.readonly = false;
    const result = user.runtime(["run", "--bundle", user.bundle(config), "self"], { program: copy });
    assert.notEqual(result.status, 0);
    assert.match(result.stderr, /\/proc\/self\/exe: exec format error/); // an empty file in memory
  });
});
