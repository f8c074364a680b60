import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { listen, useTerminals } from "./terminal.ts";
import {
  eventually,
  isTsrun,
  itOurs,
  ok,
  refused,
  shareNamespace,
  useBox,
  user,
  PROGRAM,
  type Box,
  type Container,
  type Result,
} from "./harness.ts";
import { skipBecause } from "../skip.ts";

const FIRST = 100_000;
const COUNT = 65_536;

type Range = { readonly containerID: number; readonly hostID: number; readonly size: number };

const ALL: readonly Range[] = [{ containerID: 0, hostID: FIRST, size: COUNT }];

function withUser(config: Config, uids: readonly Range[] = ALL, gids: readonly Range[] = uids): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = uids;
  config.linux["gidMappings"] = gids;
}

/** A container that runs for a minute. */
function sleeper(box: Box, change: (config: Config) => void = withUser): Container {
  const container = box.container((config) => {
    config.process.args = ["sleep", "60"];
    change(config);
  });
  ok(container.run(["--detach"]));
  return container;
}

/** Every namespace of `target`'s in place of a new one. */
function joinAll(config: Config, target: Container, types: readonly string[]): void {
  const { pid } = target.state();
  const files: { readonly [type: string]: string } = { network: "net", mount: "mnt" };
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => !types.includes(type));
  for (const type of types) config.linux.namespaces.push({ type, path: `/proc/${pid}/ns/${files[type] ?? type}` });
  if (types.includes("user")) {
    delete config.linux["uidMappings"];
    delete config.linux["gidMappings"];
  }
}

const statusOf = (pid: number, name: string): string =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";

describe("user namespaces", () => {
  const box = useBox();
  useTerminals();

  it("root of the container is the user of the host that the mappings name", () => {
    const container = sleeper(box());
    const { pid } = container.state();
    assert.equal(statusOf(pid, "Uid"), [FIRST, FIRST, FIRST, FIRST].join("\t"));
    assert.equal(statusOf(pid, "Gid"), [FIRST, FIRST, FIRST, FIRST].join("\t"));
    assert.equal(statusOf(pid, "Groups").trim(), "");
    assert.notEqual(readlinkSync(`/proc/${pid}/ns/user`), readlinkSync("/proc/self/ns/user"));
    ok(container.delete("--force"));
  });

  it("all ranges are mapped, in the order of config.json", () => {
    const uids = [
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: FIRST, size: 10 },
    ];
    const gids = [{ containerID: 0, hostID: 2000, size: 5 }];
    const inside = box().inside("cat /proc/self/uid_map /proc/self/gid_map; id", (config) => {
      withUser(config, uids, gids);
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev/pts"); // gid=5
    });
    assert.deepEqual(
      inside
        .split("\n")
        .slice(0, 3)
        .map((line) => line.trim().replace(/\s+/g, " ")),
      ["0 1000 1", "1 100000 10", "0 2000 5"],
    );
    assert.match(inside, /^uid=0\(root\) gid=0\(root\)/m);
  });

  it("what the host's mount forbids stays forbidden in a bind of it, and a word that would allow it is refused", () => {
    const source = box().path("forbids");
    mkdirSync(source);
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro,nosuid,nodev", "tmpfs", source]);
    try {
      const bound = (options: string[]) => (config: Config) => {
        withUser(config);
        config.process.args = ["sh", "-c", "grep ' /mnt ' /proc/self/mountinfo"];
        config.mounts.push({ destination: "/mnt", type: "bind", source, options });
      };
      for (const options of [["bind"], ["bind", "nosuid"], ["bind", "noexec"], ["rbind", "nodev", "noexec"]]) {
        const { stdout } = ok(box().container(bound(options)).run());
        assert.match(stdout, / \/mnt ro,nosuid,nodev/, options.join());
        assert.equal(stdout.split(" - ")[0]?.includes("noexec"), options.includes("noexec"));
      }
      if (isTsrun)
        for (const word of ["rw", "suid", "dev", "rrw"])
          refused(
            box()
              .container(bound(["bind", word]))
              .run(),
            /\/mnt.*operation not permitted/is,
          );
    } finally {
      execFileSync("umount", [source]);
    }
  });

  it("as many ranges as the kernel takes, 340, are mapped, and one more is refused", () => {
    const ranges = (count: number): Range[] =>
      Array.from({ length: count }, (_, i) => ({ containerID: i, hostID: i, size: 1 }));
    assert.equal(
      box().inside("wc -l </proc/self/uid_map", (config) => withUser(config, ranges(340), ALL)),
      "340\n",
    );
    if (isTsrun)
      refused(
        box()
          .container((config) => withUser(config, ranges(341), ALL))
          .run(),
        /\/linux\/uidMappings: has 341 ranges, but the kernel takes at most 340/,
      );
  });

  itOurs("ranges of as much text as the kernel takes, a page less one, are mapped, and more is refused", () => {
    const run = (last: number): Result => {
      const ranges = Array.from({ length: 247 }, (_, i) => ({
        containerID: i < 246 ? i : last,
        hostID: 1_000_000_000 + i,
        size: 1,
      }));
      return box()
        .container((config) => {
          withUser(config, ranges, ALL);
          config.process.args = ["sh", "-c", "wc -l </proc/self/uid_map"];
        })
        .run();
    };
    assert.equal(ok(run(100_000_000)).stdout, "247\n"); // 4095 bytes
    refused(
      run(1_000_000_000),
      /\/linux\/uidMappings: is too long: the kernel takes 4095 bytes, and these ranges are 4096/,
    );
  });

  it("the user of config.json and its groups are those of the namespace", () => {
    const container = sleeper(box(), (config) => {
      withUser(config);
      config.process.user = user(1000, 1001, { additionalGids: [5, 6] });
    });
    const { pid } = container.state();
    assert.equal(statusOf(pid, "Uid").split("\t")[0], String(FIRST + 1000));
    assert.equal(statusOf(pid, "Gid").split("\t")[0], String(FIRST + 1001));
    assert.equal(statusOf(pid, "Groups").trim(), `${FIRST + 5} ${FIRST + 6}`);
    ok(container.delete("--force"));
  });

  itOurs(
    "a user, a group or an additional group that is not mapped is refused, each with its place in config.json",
    () => {
      const { stderr } = box()
        .container((config) => {
          withUser(config, [{ containerID: 0, hostID: FIRST, size: 10 }]);
          config.process.user = user(10, 11, { additionalGids: [9, 12] });
        })
        .run();
      assert.match(stderr, /\/process\/user\/uid: cannot setuid to unmapped uid 10 in user namespace/);
      assert.match(stderr, /\/process\/user\/gid: cannot setgid to unmapped gid 11 in user namespace/);
      assert.match(stderr, /\/process\/user\/additionalGids\/1: gid 12 is not mapped/);
    },
  );

  itOurs("ranges that overlap are refused, in the container as on the host", () => {
    const { stderr } = box()
      .container((config) =>
        withUser(
          config,
          [
            { containerID: 0, hostID: FIRST, size: 10 },
            { containerID: 9, hostID: 200_000, size: 5 },
          ],
          [
            { containerID: 0, hostID: FIRST, size: 10 },
            { containerID: 10, hostID: FIRST + 3, size: 1 },
          ],
        ),
      )
      .run();
    assert.match(stderr, /\/linux\/uidMappings\/1\/containerID: overlaps with \/linux\/uidMappings\/0/);
    assert.match(stderr, /\/linux\/gidMappings\/1\/hostID: overlaps with \/linux\/gidMappings\/0/);
  });

  it("the gid of devpts must be mapped, and is that of the namespace's terminals", async () => {
    if (isTsrun)
      refused(
        box()
          .container((config) => withUser(config, [{ containerID: 0, hostID: FIRST, size: 5 }]))
          .run(),
        /\/mounts\/2\/options\/5: cannot specify gid=5 mount option: gid 5 is not mapped in the container's user namespace/,
      );
    const container = box().container((config) => {
      withUser(config, [{ containerID: 0, hostID: FIRST, size: 6 }]);
      config.process.terminal = true;
      config.process.args = ["sh", "-c", "stat -c 'owned by %u:%g' $(tty); read line"];
    });
    const console = await listen(box(), "console");
    ok(container.run(["--detach", "--console-socket", box().path("console")]));
    await console.saw("owned by 0:5\r\n");
    assert.equal(statSync(`/proc/${container.state().pid}/root/dev/pts/0`).gid, FIRST + 5);
    ok(container.delete("--force"));
    await console.end();
  });

  it("mappings without a user namespace are refused", () => {
    refused(
      box()
        .container((config) => (config.linux["uidMappings"] = ALL))
        .run(),
      /user namespace mappings specified, but user namespace isn't enabled in the config/,
    );
  });

  it("a user namespace with neither mappings nor a path is refused", () => {
    refused(
      box()
        .container((config) => config.linux.namespaces.push({ type: "user" }))
        .run(),
      /user namespaces enabled, but no namespace path to join nor mappings to apply specified/,
    );
  });

  it("the container's root owns its namespaces and what it mounts, and nothing of the host's", () => {
    const inside = box().inside(
      "stat -c %u /proc/1/status /dev /dev/pts /dev/shm /dev/mqueue /proc/sys/net/core; hostname changed && hostname; (echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo refused; stat -c %U /etc",
      (config) => {
        withUser(config);
        for (const set of ["bounding", "effective", "permitted"])
          config.process.capabilities?.[set]?.push("CAP_SYS_ADMIN");
        config.linux.readonlyPaths = [];
      },
    );
    assert.equal(inside, "0\n0\n0\n0\n0\n0\nchanged\nrefused\nnobody\n");
  });

  it("what only the host's root can reach can be the root file system and a bind source", () => {
    const secret = box().path("secret");
    mkdirSync(join(secret, "inside"), { recursive: true });
    writeFileSync(join(secret, "inside/file"), "reached\n", { mode: 0o644 });
    chmodSync(secret, 0o700);
    assert.equal(statSync(box().directory).mode & 0o777, 0o700);
    const mounts = ["/mnt", "/home"].map((destination) => ({
      destination,
      type: "bind",
      source: join(secret, "inside"),
      options: ["rbind", "ro"],
    }));
    assert.equal(
      box().inside("cat /mnt/file /home/file", (config) => (withUser(config), config.mounts.push(...mounts))),
      "reached\nreached\n",
    );
  });

  it("devices are the host's, bound, and work", () => {
    const inside = box().inside(
      "for d in null zero full random urandom tty; do stat -c '%F %t:%T' /dev/$d; done; head -c 3 /dev/zero | wc -c; echo x >/dev/null && echo written; grep -c ' /dev/null ' /proc/self/mountinfo",
      (config) => withUser(config),
    );
    assert.equal(
      inside,
      "character special file 1:3\ncharacter special file 1:5\ncharacter special file 1:7\ncharacter special file 1:8\ncharacter special file 1:9\ncharacter special file 5:0\n3\nwritten\n1\n",
    );
  });

  itOurs("fileMode, uid and gid of a device cannot be had, and a warning says so", () => {
    const container = box().container((config) => {
      withUser(config);
      config.linux.devices = [{ path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o600, uid: 5, gid: 5 }];
      config.process.args = ["stat", "-c", "%a", "/dev/zero"];
    });
    const { stdout, stderr } = ok(container.run());
    assert.equal(stdout, "666\n");
    assert.match(stderr, /\/linux\/devices\/0: fileMode, uid and gid are ignored in a user namespace/);
  });

  itOurs("a device that the host has under another number is refused, and not another one given", () => {
    refused(
      box()
        .container((config) => {
          withUser(config);
          config.linux.devices = [{ path: "/dev/zero", type: "c", major: 1, minor: 7 }];
        })
        .run(),
      /\/linux\/devices\/0: .*the host's \/dev\/zero is not c 1:7/,
    );
  });

  itOurs("a time namespace belongs to the user namespace and has the offsets of config.json", () => {
    const inside = box().inside(
      "cat /proc/self/timens_offsets; readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children",
      (config) => {
        withUser(config);
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 1000, nanosecs: 5 } };
      },
    );
    const [monotonic, boottime, own, children] = inside.split("\n").map((line) => line.replace(/\s+/g, " "));
    assert.deepEqual([monotonic, boottime], ["monotonic 0 0", "boottime 1000 5"]);
    assert.equal(own?.slice(4), children?.replace("time_for_children", "time").slice(4));
    assert.notEqual(own, readlinkSync("/proc/self/ns/time"));
  });

  it("hooks of the runtime run in the host's user namespace, those of the container in its own", () => {
    const hook = (name: string, command = "readlink /proc/self/ns/user"): { path: string; args: string[] } => ({
      path: "/bin/sh",
      args: ["sh", "-c", `${command} >>${box().path(name)}`],
    });
    writeFileSync(box().path("inside"), "", { mode: 0o666 });
    chmodSync(box().path("inside"), 0o666);
    chmodSync(box().directory, 0o755);
    const container = box().container((config) => {
      withUser(config);
      config.hooks = {
        prestart: [hook("outside")],
        createRuntime: [hook("outside")],
        createContainer: [hook("inside")],
        poststart: [hook("outside")],
        poststop: [hook("outside")],
      };
    });
    ok(container.run());
    assert.equal(readFileSync(box().path("outside"), "utf8"), `${readlinkSync("/proc/self/ns/user")}\n`.repeat(4));
    assert.match(readFileSync(box().path("inside"), "utf8"), /^user:\[\d+\]\n$/);
    assert.notEqual(readFileSync(box().path("inside"), "utf8").trim(), readlinkSync("/proc/self/ns/user"));
  });

  it("limits and an oom score below the caller's are set, which the container's root could not", () => {
    const container = sleeper(box(), (config) => {
      withUser(config);
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
      config.process.oomScoreAdj = Number(readFileSync("/proc/self/oom_score_adj", "utf8")) + 100;
    });
    const { pid } = container.state();
    assert.match(readFileSync(`/proc/${pid}/limits`, "utf8"), /^Max open files +100 +200 /m);
    assert.equal(
      readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"),
      `${Number(readFileSync("/proc/self/oom_score_adj", "utf8")) + 100}\n`,
    );
    ok(container.delete("--force"));
  });

  it("the container is in its cgroups, and sees them", () => {
    const container = box().container((config) => {
      withUser(config);
      config.process.args = ["sh", "-c", "cat /proc/self/cgroup; ls /sys/fs/cgroup | wc -l"];
    });
    const { stdout } = ok(container.run());
    assert.match(stdout, new RegExp(`/${container.id}$`, "m"));
    assert.match(stdout, /^[1-9]\d*$/m);
  });

  it("sysfs of a network namespace that is not the container's is the host's, bound", function () {
    if (!isTsrun) return skipBecause(this, "another runtime is tried");
    const inside = box().inside("ls /sys/class/net; grep ' /sys' /proc/self/mountinfo", (config) => {
      withUser(config);
      shareNamespace(config, "network");
      config.mounts = config.mounts.filter(({ type }) => type !== "cgroup");
      config.linux.maskedPaths = [];
    });
    assert.match(inside, /^lo$/m);
    const mounted = [...inside.matchAll(/ (\/sys\S*) (\S+) (?:\S+:\d+ )?- /g)];
    assert.equal(mounted.filter(([, path]) => path === "/sys").length, 1);
    assert(mounted.length > 1, inside); // those of cgroups, at least
    for (const [, path, flags] of mounted) assert.match(flags ?? "", /^ro,nosuid,nodev,noexec/, path);
  });

  it("standard streams that are pipes become the container's user's", () => {
    const container = box().container((config) => {
      withUser(config);
      config.process.args = ["sh", "-c", "stat -L -c %u /proc/self/fd/1; echo reopened >/dev/stdout"];
      config.process.user = user(7);
    });
    const { status, stdout, stderr } = box().exec("/bin/sh", [
      "-c",
      `${PROGRAM} --root ${box().stateRoot} run --bundle ${container.bundle} ${container.id} | cat`,
    ]);
    assert.deepEqual([status, stdout, stderr], [0, "7\nreopened\n", ""]);
  });

  it("a created container's init is closed to its own user until it is the program", function () {
    if (!isTsrun) return skipBecause(this, "another runtime is tried");
    const container = box().container((config) => withUser(config));
    ok(container.create());
    const { pid } = container.state();
    assert.equal(statSync(`/proc/${pid}/environ`).uid, 0, "dumpable: its files in /proc would be the container's");
    ok(container.start());
    container.waitFor("stopped");
    ok(container.delete());
  });

  itOurs("plan tells the steps that create takes", () => {
    const container = box().container((config) => {
      withUser(config);
      config.linux.namespaces.push({ type: "time" });
    });
    const { steps } = JSON.parse(ok(box().exec(PROGRAM, ["plan", "--json", "--bundle", container.bundle])).stdout) as {
      readonly steps: readonly {
        readonly process: string;
        readonly step: string;
        readonly acts: readonly { readonly text: string }[];
      }[];
    };
    const { stderr } = ok(container.run(["--debug"].slice(1), { env: {} }));
    assert.equal(stderr, "");
    const debug = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id])).stderr;
    const taken = [...debug.matchAll(/msg="?(?:init: )?([^":]+): [\d.]+ ms/g)].map(([, step]) => step);
    for (const { step, acts, process } of steps)
      if (acts.length > 0 && process !== "start") assert(taken.includes(step), step);
    const texts = steps.flatMap(({ acts }) => acts.map(({ text }) => text));
    for (const text of [
      "write uid_map: 0 100000 65536",
      "write gid_map: 0 100000 65536",
      "become root of the user namespace",
      "new time namespace",
      "bind the host's /dev/null",
    ])
      assert(texts.includes(text), text);
  });

  describe("of others", () => {
    it("are joined, and the new namespaces belong to it", () => {
      const target = sleeper(box());
      const joined = sleeper(box(), (config) => {
        withUser(config);
        joinAll(config, target, ["user"]);
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 77, nanosecs: 0 } };
      });
      const [one, two] = [target.state().pid, joined.state().pid];
      assert.equal(readlinkSync(`/proc/${one}/ns/user`), readlinkSync(`/proc/${two}/ns/user`));
      for (const type of ["pid", "net", "mnt", "ipc", "uts"])
        assert.notEqual(readlinkSync(`/proc/${one}/ns/${type}`), readlinkSync(`/proc/${two}/ns/${type}`), type);
      assert.equal(statusOf(two, "Uid").split("\t")[0], String(FIRST));
      assert.match(readFileSync(`/proc/${two}/timens_offsets`, "utf8"), /boottime +77 +0/);
      assert.equal(statSync(`/proc/${two}/root/dev/mqueue`).uid, FIRST);
      for (const container of [joined, target]) ok(container.delete("--force"));
    });

    it("are joined together with all that they own, as in a pod", () => {
      const target = sleeper(box());
      const container = box().container((config) => {
        withUser(config);
        joinAll(config, target, ["user", "network", "ipc", "uts", "pid"]);
        delete config.hostname;
        config.process.args = [
          "sh",
          "-c",
          "id -u; for n in user net ipc uts pid; do readlink /proc/self/ns/$n; done; ls -d /proc/1",
        ];
      });
      const { stdout } = ok(container.run());
      const pid = target.state().pid;
      assert.equal(
        stdout,
        [
          "0",
          ...["user", "net", "ipc", "uts", "pid"].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)),
          "/proc/1",
          "",
        ].join("\n"),
      );
      ok(target.delete("--force"));
    });

    it("are joined by a container with a terminal, too: its init leads the terminal's session", async () => {
      const target = sleeper(box());
      const container = box().container((config) => {
        joinAll(config, target, ["user"]);
        config.process.terminal = true;
        config.process.args = ["sh", "-c", "tty; read line; echo got $line"];
      });
      const console = await listen(box(), "console");
      ok(container.run(["--detach", "--console-socket", box().path("console")]));
      await console.saw("/dev/pts/0\r\n");
      console.type("typed\n");
      await console.saw("got typed\r\n");
      ok(container.delete("--force"));
      ok(target.delete("--force"));
      await console.end();
    });

    it("are joined also with mappings, when those are the namespace's own; with others it is refused", () => {
      const target = sleeper(box());
      const run = (mappings: readonly Range[]) =>
        box()
          .container((config) => {
            joinAll(config, target, ["user"]);
            config.linux["uidMappings"] = mappings;
            config.linux["gidMappings"] = mappings;
          })
          .run();
      if (isTsrun) {
        ok(run(ALL)); // runc 1.1 refuses even these
        refused(
          run([{ containerID: 0, hostID: 1, size: 1 }]),
          /user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one/,
        );
      }
      ok(target.delete("--force"));
    });

    it("can be joined with a new user namespace: those that the host's root may join", () => {
      const target = sleeper(box(), () => undefined);
      const container = box().container((config) => {
        withUser(config);
        joinAll(config, target, ["network", "uts"]);
        delete config.hostname;
        config.process.args = [
          "sh",
          "-c",
          "readlink /proc/self/ns/net; readlink /proc/self/ns/uts; cat /proc/self/uid_map",
        ];
        config.mounts = config.mounts
          .map((mount) =>
            mount.type === "sysfs"
              ? { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro"] }
              : mount,
          )
          .filter(({ type }) => type !== "cgroup");
      });
      const { stdout } = ok(container.run());
      const pid = target.state().pid;
      assert.equal(
        stdout.replace(/ +/g, " "),
        `${readlinkSync(`/proc/${pid}/ns/net`)}\n${readlinkSync(`/proc/${pid}/ns/uts`)}\n 0 100000 65536\n`,
      );
      ok(target.delete("--force"));
    });

    it("that are none are refused", () => {
      refused(
        box()
          .container((config) => config.linux.namespaces.push({ type: "user", path: "/proc/self/ns/net" }))
          .run(),
        isTsrun
          ? /join user namespace: \/linux\/namespaces\/\d: \/proc\/self\/ns\/net is not a user namespace but a network one/
          : /./,
      );
    });

    it("that have gone are refused", () => {
      refused(
        box()
          .container((config) => config.linux.namespaces.push({ type: "user", path: "/proc/1/ns/no-such" }))
          .run(),
        /no such file or directory/,
      );
    });
  });

  describe("and exec", () => {
    it("the process is root of the container's user namespace, or the user that is asked for", () => {
      const container = sleeper(box());
      const exec = (...words: string[]): string => ok(box().runtime(["exec", ...words])).stdout;
      assert.equal(
        exec(container.id, "sh", "-c", "id -u; id -g; cat /proc/self/uid_map").replace(/ +/g, " "),
        "0\n0\n 0 100000 65536\n",
      );
      assert.equal(
        exec(
          "--user",
          "5:6",
          "--additional-gids",
          "7",
          container.id,
          "sh",
          "-c",
          "id -u; id -G; readlink /proc/self/ns/user",
        ),
        `5\n6 7\n${readlinkSync(`/proc/${container.state().pid}/ns/user`)}\n`,
      );
      ok(container.delete("--force"));
    });

    it("a user that is not mapped is refused", () => {
      const container = sleeper(box());
      const result = box().runtime(["exec", "--user", String(COUNT), container.id, "true"]);
      assert.equal(result.status, 255);
      assert.match(result.stderr, isTsrun ? /setresgid\(2\)|setresuid\(2\)/ : /./);
      ok(container.delete("--force"));
    });

    it("works while the container is created", () => {
      const container = box().container((config) => withUser(config));
      ok(container.create());
      assert.equal(ok(box().runtime(["exec", container.id, "id", "-u"])).stdout, "0\n");
      ok(container.delete("--force"));
    });
  });

  it("what fails inside leaves nothing, and says why", () => {
    refused(
      box()
        .container((config) => (withUser(config), (config.process.args = ["/no/such/program"])))
        .run(),
      /no such file or directory/,
    );
    refused(
      box()
        .container(
          (config) => (
            withUser(config),
            config.mounts.push({ destination: "/mnt", type: "bind", source: "/no/such/source", options: ["bind"] })
          ),
        )
        .run(),
      /no such file or directory/,
    );
    eventually("all have ended", () => box().leftovers().length === 0);
  });
});
