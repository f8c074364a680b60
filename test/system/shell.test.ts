// `tsrun plan --shell`: its script is run, and the process in the container that the script makes sees what it sees under `tsrun run`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { itWith, onV2 } from "./groups.ts";
import { ended, isTsrun, ok, PROGRAM, PROJECT, shareNamespace, useBox, user, type Result } from "./harness.ts";

/** All that a process can see of how it was made. */
const LOOK = [
  'id; pwd; umask; hostname; cat /proc/sys/kernel/domainname; echo args "$0" "$@"; env | sort',
  "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Cpus_allowed:)' /proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/timens_offsets 2>&1",
  "ls -l /dev /dev/pts; stat -c '%n %a %u:%g %F' /dev/* /dev/shm /tmp /work 2>&1; cat /proc/net/dev | cut -d: -f1; cat /proc/sys/net/ipv4/ip_forward; ls -l /home /mnt 2>&1",
  "for file in pids.max memory.limit_in_bytes memory.max cpu.shares cpuset.cpus; do cat /sys/fs/cgroup/*/$file /sys/fs/cgroup/$file 2>/dev/null; done",
  "sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+ //g' /proc/self/mountinfo",
  "for path in / /proc/sys /mnt /dev /tmp /sys/fs/cgroup; do mkdir $path/d 2>&1 && rmdir $path/d; done; cat /proc/keys /proc/timer_list | head -c 5 | wc -c; ls /sys/firmware; true",
].join("\n");

const BUNDLES = join(PROJECT, "bundles");

describe("plan --shell", function () {
  if (!isTsrun) return;
  this.timeout(60_000);
  const box = useBox();
  const PATH = { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } };

  function script(bundle: string, id: string, ...flags: string[]): string {
    const { stdout } = ok(box().exec(PROGRAM, ["plan", "--shell", "--id", id, "--bundle", bundle, ...flags]));
    return box().write("container.sh", stdout);
  }

  /** On v2 devices are limited by a BPF program, which a script leaves out: it says so where the container could make nodes. */
  const anyway = ({ process }: Config): string[] =>
    onV2() && process.capabilities?.["bounding"]?.includes("CAP_MKNOD") === true ? ["--anyway"] : [];

  /** What is seen under tsrun, and by way of the script. */
  function compare(change: (config: Config) => void): Result {
    let flags: string[] = [];
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", LOOK, "zero", "one two", "'$x`\\"];
      change(config);
      flags = anyway(config);
    });
    for (const name of ["work", "mnt/src"]) mkdirSync(container.at(name), { recursive: true });
    writeFileSync(container.at("home/kept"), "kept");
    chmodSync(container.at("tmp"), 0o1755);
    chmodSync(box().directory, 0o755); // root of a user namespace has to reach the bundle
    const run = ok(container.run());
    const shell = ok(box().exec("/bin/sh", [script(container.bundle, container.id), ...flags], PATH));
    const normal = (text: string): string[] =>
      text.split("\n").map((line) => line.replaceAll(/\b[A-Z][a-z]{2} {1,2}\d+ \d\d:\d\d\b/g, "TIME"));
    assert.deepEqual(normal(shell.stdout), normal(run.stdout));
    assert(run.stdout.split("\n").length > 60, run.stdout);
    return shell;
  }

  it("makes the container of an ordinary config.json", () => void compare(() => undefined));

  it("makes one in a pid namespace of others", () => {
    const other = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(other.run(["--detach"]));
    const path = `/proc/${other.state().pid}/ns/pid`;
    compare(
      (config) =>
        (config.linux.namespaces = config.linux.namespaces.map((one) =>
          one.type === "pid" ? { type: "pid", path } : one,
        )),
    );
    ok(other.delete("--force"));
  });

  it("makes one with a user, groups, capabilities, limits, sysctls and names", () =>
    void compare((config) => {
      config.process.user = user(1000, 1001, { additionalGids: [5, 7], umask: 0o027 });
      config.process.env = ["PATH=/bin:/usr/bin", "WORD=two words", "QUOTE='\"$x"];
      config.process.cwd = "/work";
      const names = ["CAP_NET_RAW", "CAP_KILL"];
      config.process.capabilities = {
        bounding: [...names, "CAP_CHOWN"],
        effective: names,
        permitted: names,
        inheritable: names,
        ambient: names,
      };
      config.process.rlimits = [
        { type: "RLIMIT_NOFILE", soft: 512, hard: 1000 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      ];
      config.process.oomScoreAdj = 300;
      config.process.noNewPrivileges = false;
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.domainname = "example";
    }));

  itWith(
    "makes one with cgroups, cgroup and time namespaces, and what they limit",
    ["pids", "memory", "cpu"],
    () =>
      void compare((config) => {
        config.linux.namespaces.push({ type: "cgroup" }, { type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 5000, nanosecs: 0 }, monotonic: { secs: 77, nanosecs: 0 } };
        config.linux.resources = {
          ...config.linux.resources,
          pids: { limit: 99 },
          memory: { limit: 64 * 2 ** 20 },
          cpu: { shares: 512 },
        };
      }),
  );

  it("makes one with binds, copies, devices and a writable root, in fewer namespaces", () => {
    mkdirSync(box().path("shared/below"), { recursive: true });
    compare((config) => {
      config.root.readonly = false;
      config.process.cwd = "/made/for/it";
      config.linux.devices = [
        { path: "/dev/fifo", type: "p", fileMode: 0o640, uid: 7, gid: 8 },
        { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o600 },
      ];
      config.mounts.push(
        { destination: "/home", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro", "size=1m"] },
        {
          destination: "/mnt",
          type: "bind",
          source: box().path("shared"),
          options: ["rbind", "ro", "nosuid", "nodev"],
        },
        { destination: "/etc/passwd", type: "bind", source: "/etc/passwd", options: ["bind", "noexec"] },
        { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
      );
      shareNamespace(config, "ipc");
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev/mqueue");
      config.linux.namespaces.push({ type: "ipc", path: "/proc/self/ns/ipc" });
    });
  });

  it("runs hooks of createContainer and poststop as tsrun does, with state, environment and arguments", () => {
    const log = box().path("log");
    const hook = box().write(
      "hook",
      `#!/bin/sh\nexec >> ${log}\ncat; echo; pwd; umask; echo "$0" "$@"; env | sort; readlink /proc/self/ns/mnt | grep -cF "$HOST"\necho said\n`,
      0o755,
    );
    const host = readlinkSync("/proc/self/ns/mnt");
    const container = box().container((config) => {
      config.process.args = ["true"];
      config.annotations = { quote: '\'"pid":-1' };
      config.hooks = {
        createContainer: [
          { path: hook, args: [hook, "two words"], env: [`HOST=${host}`, "PATH=/bin:/usr/bin", "A='b c"], timeout: 10 },
        ],
        poststop: [
          { path: hook, env: [`HOST=${host}`, "PATH=/bin:/usr/bin"] },
          { path: "/bin/false" },
          { path: hook, env: [`HOST=${host}`, "PATH=/bin:/usr/bin"] },
        ],
      };
    });
    const heard = (): string => {
      const text = readFileSync(log, "utf8");
      rmSync(log);
      return text;
    };
    ok(container.run());
    const byTsrun = heard();
    assert.match(byTsrun, /"creating"(.|\n)*two words\n(.|\n)*\n0\n(.|\n)*"stopped"(.|\n)*\n1\n(.|\n)*"stopped"/);
    assert.match(
      ok(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH)).stderr,
      /\/bin\/false, a poststop hook, has failed/,
    );
    assert.equal(heard(), byTsrun);
  });

  it("ends with the status of the program", () => {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "exit 42"]));
    assert.equal(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH).status, 42);
  });

  it("says what a shell cannot do, and does not run without it unless told to", () => {
    const container = box().container((config) => {
      config.process.args = ["uname", "-m"];
      config.linux["personality"] = { domain: "LINUX32" };
    });
    const file = script(container.bundle, container.id);
    const { status, stdout, stderr } = box().exec("/bin/sh", [file], PATH);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /leaves out: .*personality/);
    assert.equal(
      ok(box().exec("/bin/sh", [file, "--anyway"], PATH)).stdout,
      `${ok(box().exec("/bin/uname", ["-m"])).stdout}`,
    );
  });

  it("makes id-mapped mounts without mapping anything, when told to", () => {
    mkdirSync(box().path("source"));
    const container = box().container((config) => {
      config.process.args = ["stat", "-c", "%u", "/mapped"];
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.mounts.push({
        destination: "/mapped",
        source: box().path("source"),
        type: "bind",
        options: ["bind"],
        uidMappings: map,
        gidMappings: map,
      });
    });
    const file = script(container.bundle, container.id);
    assert.match(box().exec("/bin/sh", [file], PATH).stderr, /leaves out: .*the ids of id-mapped mounts/);
    assert.equal(ok(box().exec("/bin/sh", [file, "--anyway"], PATH)).stdout, "0\n");
  });

  it("makes one in a user namespace, with its maps", () =>
    void compare((config) => {
      config.linux.namespaces.push({ type: "user" }, { type: "cgroup" });
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 512, hard: 1000 }];
      config.process.oomScoreAdj = 300;
    }));

  it("loads the seccomp filter that the profile makes", () => {
    for (const noNewPrivileges of [true, false])
      compare((config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        config.process.args = ["sh", "-c", `mkdir /tmp/x; echo $?; ${LOOK}`];
        config.linux["seccomp"] = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }],
        };
      });
  });

  it("makes one without a mount namespace: the program is in the root by chroot, and no mount lands on the host", () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "id; pwd; ls /; cat /etc/passwd; hostname"];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = false;
      config.mounts = [];
    });
    const run = ok(container.run());
    const shell = ok(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH));
    assert.equal(shell.stdout, run.stdout);
    const withMounts = box().container((config) => {
      config.process.args = ["sh", "-c", "test -e /proc/self/stat && echo there; ls /"];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    assert.match(ok(box().exec("/bin/sh", [script(withMounts.bundle, withMounts.id)], PATH)).stdout, /^there\n.*bin/);
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), before);
    assert(existsSync("/etc/hostname") || existsSync("/etc/os-release"));
  });

  it("makes one without any namespace", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "id; pwd; ls /; exit 7"];
      delete config.hostname;
      config.linux.namespaces = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = false;
      config.mounts = [];
    });
    const run = container.run();
    const shell = box().exec("/bin/sh", [script(container.bundle, container.id)], PATH);
    assert.deepEqual([shell.status, shell.stdout], [7, run.stdout]);
    assert.equal(run.status, 7);
  });

  it("makes one without /proc", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "ls / /proc; id"];
      config.mounts = config.mounts.filter(({ type }) => type !== "proc");
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    const run = ok(container.run());
    const shell = ok(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH));
    assert.equal(shell.stdout, run.stdout);
  });

  it("runs hooks of all six kinds, in their order and with the same state", () => {
    const log = box().path("log");
    const hook = box().write("hook", `#!/bin/sh\necho "$1 $(sed -E 's/"pid":[0-9]+/PID/')" >> ${log}\n`, 0o755);
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "sleep 0.3"];
      const one = (kind: string): object => ({ path: hook, args: [hook, kind], env: ["PATH=/bin:/usr/bin"] });
      config.hooks = Object.fromEntries(
        ["prestart", "createRuntime", "createContainer", "poststart", "poststop"].map((kind) => [kind, [one(kind)]]),
      ) as never;
      Object.assign(config.hooks ?? {}, {
        startContainer: [
          { path: "/bin/sh", args: ["/bin/sh", "-c", "cat > /shared/started; id -u >> /shared/started"] },
        ],
      });
      mkdirSync(box().path("shared"), { recursive: true });
      config.mounts.push({ destination: "/shared", type: "bind", source: box().path("shared"), options: ["bind"] });
    });
    const heard = (): string => {
      const text = readFileSync(log, "utf8") + readFileSync(box().path("shared/started"), "utf8");
      rmSync(log);
      rmSync(box().path("shared/started"));
      return text;
    };
    ok(container.run());
    const byTsrun = heard();
    assert.match(
      byTsrun,
      /^prestart .*\ncreateRuntime .*\ncreateContainer .*\npoststart .*running.*\npoststop .*stopped.*\n.*created.*0\n$/s,
    );
    ok(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH));
    assert.equal(heard(), byTsrun);
  });

  it("moves network devices with their addresses", () => {
    const [ours, other] = [`ts${process.pid % 10000}a`, `ts${process.pid % 10000}b`];
    const ip = (...args: string[]): Result => ok(box().exec("/usr/bin/env", ["ip", ...args], PATH));
    const seen: string[] = [];
    for (const by of ["tsrun", "script"]) {
      ip("link", "add", ours, "type", "veth", "peer", "name", other);
      ip("address", "add", "192.0.2.7/24", "dev", ours);
      try {
        const container = box().container((config) => {
          config.process.args = [
            "sh",
            "-c",
            "ip -o address show dev net0 | grep -o 'inet [^ ]*'; ip -o link show dev net0 | grep -o UP",
          ];
          config.linux["netDevices"] = { [ours]: { name: "net0" } };
        });
        const { stdout } =
          by === "tsrun"
            ? ok(container.run())
            : ok(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH));
        seen.push(stdout);
      } finally {
        box().exec("/usr/bin/env", ["ip", "link", "del", other], PATH);
      }
    }
    assert.match(seen[0] ?? "", /192\.0\.2\.7\/24/);
    assert.equal(seen[1], seen[0]);
  });

  it("gives a terminal with job control", () => {
    const container = box().container((config) => {
      config.process.terminal = true;
      config.process["consoleSize"] = { height: 20, width: 70 };
      config.process.args = [
        "sh",
        "-c",
        "stty size; [ -c /dev/console ] && echo console; sh -ic 'sleep 0.1 & jobs; wait'",
      ];
    });
    const { stdout } = ok(box().exec("/bin/sh", [script(container.bundle, container.id)], { ...PATH, input: "" }));
    assert.match(stdout, /20 70\r?\nconsole/);
    assert.match(stdout, /Running/);
    assert.doesNotMatch(stdout, /job control turned off/);
  });

  itWith("takes everything back when a limit is refused", ["pids"], () => {
    const container = box().container(
      (config) => (config.linux.resources = { ...config.linux.resources, pids: { limit: 5_000_000 } }),
    );
    assert.notEqual(box().exec("/bin/sh", [script(container.bundle, container.id)], PATH).status, 0);
    assert.deepEqual(box().cgroups(), []);
  });

  it("takes everything back when it is told to end", async () => {
    for (const namespaces of [undefined, [{ type: "mount" }]]) {
      const container = box().container((config) => {
        config.process.args = ["sh", "-c", "echo up; sleep 1000 & sleep 1000"];
        if (namespaces !== undefined) {
          config.linux.namespaces = namespaces;
          delete config.hostname;
          config.mounts = [];
        }
      });
      const child = spawn("/bin/sh", [script(container.bundle, container.id)], {
        env: { ...PATH.env, TSRUN_TEST: box().prefix },
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise<void>((up) => child.stdout.once("data", () => up()));
      child.kill("SIGTERM");
      const { status } = await ended(child);
      assert.equal(status, 143);
      assert.deepEqual(box().cgroups(), []);
    }
  });

  it("stops between steps with STEP, and shows what each has changed", () => {
    const container = box().container((config) => (config.hostname = "changed"));
    const file = script(container.bundle, container.id);
    const { stderr } = ok(box().exec("/bin/sh", [file], { env: { ...PATH.env, STEP: "echo stopped >&2" } }));
    const numbers = [...stderr.matchAll(/^== (\d+)\. /gm)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers,
      numbers.map((_number, i) => i + 1),
    );
    assert.equal(stderr.split("stopped\n").length, numbers.length);
    assert.match(stderr, /== \d+\. set host and domain name\n(< .*\n)?> names changed/);
    assert.match(stderr, /== \d+\. mount filesystems\n(> mount .*\n)+/);
  });

  describe("of the sample bundles", () => {
    for (const name of readdirSync(BUNDLES).filter((one) => existsSync(join(BUNDLES, one, "config.json")))) {
      itWith(
        `${name}: makes the container that tsrun makes`,
        name === "limits" ? ["pids", "memory", "cpu"] : [],
        () => {
          const text = readFileSync(join(BUNDLES, name, "config.json"), "utf8");
          const sample = JSON.parse(text.replaceAll("../hooks", join(BUNDLES, "hooks"))) as Config;
          delete sample.hooks; // their log is beside the bundle; a test above compares hooks
          compare((config) => {
            const { args } = config.process;
            for (const key of Object.keys(config)) delete config[key];
            Object.assign(config, sample);
            config.process = { ...sample.process, args, terminal: false };
            config.root = { ...sample.root, path: "rootfs" };
          });
        },
      );
    }
  });

  it("has every step of the plan, numbered, and no text of config.json ends a comment or a word", () => {
    const container = box().container((config) => {
      config.process.args = ["echo", "'; touch pwned; '", "\n touch pwned\n"];
      config.hostname = "a";
      config.annotations = { "\ntouch pwned": "" };
      config.mounts.push({ destination: "/mnt/$(touch pwned)", type: "tmpfs", source: "\ntouch pwned" });
    });
    const file = script(container.bundle, container.id);
    const { stdout } = ok(box().exec(PROGRAM, ["plan", "--bundle", container.bundle, "--id", container.id]));
    const steps = [...stdout.matchAll(/^ *\d+\. (.*)$/gm)].map(([, step]) => step ?? "");
    const text = ok(box().exec("/bin/cat", [file])).stdout;
    for (const step of steps) assert.match(text, new RegExp(`^# \\d+\\. ${step}$`, "m"));
    assert.equal(ok(box().exec("/bin/sh", [file], PATH)).stdout, "'; touch pwned; ' \n touch pwned\n\n");
    assert.equal(box().exec("/bin/ls", ["pwned"]).status, 2);
  });

  it("with --json is refused", () =>
    assert.equal(box().exec(PROGRAM, ["plan", "--shell", "--json", "--bundle", box().container().bundle]).status, 1));
});
