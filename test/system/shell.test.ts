// `tsrun plan --shell`: its script is run, and the process in the container that the script makes sees what it sees under `tsrun run`.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { onV2 } from "./groups.ts";
import { isTsrun, ok, PROGRAM, shareNamespace, useBox, user, type Result } from "./harness.ts";

/** All that a process can see of how it was made. */
const LOOK = [
  'id; pwd; umask; hostname; cat /proc/sys/kernel/domainname; echo args "$0" "$@"; env | sort',
  "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Cpus_allowed:)' /proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj /proc/self/cgroup /proc/self/timens_offsets 2>&1",
  "ls -l /dev /dev/pts; stat -c '%n %a %u:%g %F' /dev/* /dev/shm /tmp /work 2>&1; cat /proc/net/dev | cut -d: -f1; cat /proc/sys/net/ipv4/ip_forward; ls -l /home /mnt 2>&1",
  "for file in pids.max memory.limit_in_bytes memory.max cpu.shares cpuset.cpus; do cat /sys/fs/cgroup/*/$file /sys/fs/cgroup/$file 2>/dev/null; done",
  "sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+ //g' /proc/self/mountinfo",
  "for path in / /proc/sys /mnt /dev /tmp /sys/fs/cgroup; do mkdir $path/d 2>&1 && rmdir $path/d; done; cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware",
].join("\n");

describe("plan --shell", function () {
  if (!isTsrun) return;
  this.timeout(60_000);
  const box = useBox();
  const PATH = { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } };

  function script(bundle: string, id: string, ...flags: string[]): string {
    const { stdout } = ok(box().exec(PROGRAM, ["plan", "--shell", "--id", id, "--bundle", bundle, ...flags]));
    return box().write("container.sh", stdout);
  }

  /** On v2 devices are limited by a BPF program, which a script leaves out. */
  const ANYWAY = onV2() ? ["--anyway"] : [];

  /** What is seen under tsrun, and by way of the script. */
  function compare(change: (config: Config) => void): Result {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", LOOK, "zero", "one two", "'$x`\\"];
      change(config);
    });
    for (const name of ["work", "mnt/src"]) mkdirSync(container.at(name), { recursive: true });
    writeFileSync(container.at("home/kept"), "kept");
    chmodSync(container.at("tmp"), 0o1755);
    const run = ok(container.run());
    const shell = ok(box().exec("/bin/sh", [script(container.bundle, container.id), ...ANYWAY], PATH));
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

  it("makes one with cgroups, cgroup and time namespaces, and what they limit", () =>
    void compare((config) => {
      config.linux.namespaces.push({ type: "cgroup" }, { type: "time" });
      config.linux.timeOffsets = { boottime: { secs: 5000, nanosecs: 0 }, monotonic: { secs: 77, nanosecs: 0 } };
      config.linux.resources = {
        ...config.linux.resources,
        pids: { limit: 99 },
        memory: { limit: 64 * 2 ** 20 },
        cpu: { shares: 512 },
      };
    }));

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
      ok(box().exec("/bin/sh", [script(container.bundle, container.id), ...ANYWAY], PATH)).stderr,
      /\/bin\/false, a poststop hook, has failed/,
    );
    assert.equal(heard(), byTsrun);
  });

  it("ends with the status of the program", () => {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "exit 42"]));
    assert.equal(box().exec("/bin/sh", [script(container.bundle, container.id), ...ANYWAY], PATH).status, 42);
  });

  it("says what a shell cannot do, and does not run without it unless told to", () => {
    const container = box().container((config) => {
      config.process.args = ["echo", "ran"];
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
      };
      config.hooks = { createRuntime: [{ path: "/bin/false" }] };
    });
    const file = script(container.bundle, container.id);
    const { status, stdout, stderr } = box().exec("/bin/sh", [file], PATH);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(
      stderr,
      onV2()
        ? /leaves out: .*device rules of cgroup v2.*seccomp filters.*hooks/
        : /leaves out: .*seccomp filters.*hooks/,
    );
    assert.equal(ok(box().exec("/bin/sh", [file, "--anyway"], PATH)).stdout, "ran\n");
  });

  it("makes id-mapped mounts and those of a user namespace without mapping anything, when told to", () => {
    mkdirSync(box().path("source"));
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "ls -ld /mapped /plain | wc -l; cat /proc/self/uid_map"];
      config.linux.namespaces.push({ type: "user" });
      const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
      config.mounts.push(
        { destination: "/mapped", source: box().path("source"), type: "bind", options: ["bind", "idmap"] },
        { destination: "/plain", source: box().path("source"), type: "bind", options: ["bind"] },
      );
    });
    const file = script(container.bundle, container.id);
    assert.match(
      box().exec("/bin/sh", [file], PATH).stderr,
      /leaves out: .*the user namespace; the ids of id-mapped mounts/,
    );
    assert.match(ok(box().exec("/bin/sh", [file, "--anyway"], PATH)).stdout, /^2\n +0 +0 +4294967295\n$/);
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
    assert.equal(ok(box().exec("/bin/sh", [file, ...ANYWAY], PATH)).stdout, "'; touch pwned; ' \n touch pwned\n\n");
    assert.equal(box().exec("/bin/ls", ["pwned"]).status, 2);
  });

  it("with --json is refused", () =>
    assert.equal(box().exec(PROGRAM, ["plan", "--shell", "--json", "--bundle", box().container().bundle]).status, 1));
});
