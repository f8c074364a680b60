// The catalogue of error codes, code by code: what leads to each of them on a real kernel; where a machine does not come into the state, strace lets
// the call fail that would tell of it. What is not provoked here says why. And each error is told as docs/errors.md promises.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { ERRNO } from "../../src/abi/errno_table.ts";
import { KINDS, TEXTS } from "../../src/cli/codes.ts";
import { HINTS } from "../../src/cli/hints.ts";
import type { Config, Mount } from "../system/bundle.ts";
import {
  eventually,
  ok,
  PROGRAM,
  PROJECT,
  useBox,
  user,
  type Box,
  type Container,
  type Result,
} from "../system/harness.ts";

const STRACE = "/usr/bin/strace";

type Change = (config: Config) => void;

/** What a case can do. Its last command is the one that must have failed with the code. */
class Attempt {
  readonly box: Box;
  readonly code: string;

  constructor(box: Box, code: string) {
    this.box = box;
    this.code = code;
  }

  get log(): string {
    return this.box.path("log.json");
  }

  /** A log that is asked for is made in any case. */
  get hasFailed(): boolean {
    return existsSync(this.log) && readFileSync(this.log, "utf8") !== "";
  }

  /** The code of the last failure. */
  get found(): string {
    if (!this.hasFailed) return "none: it succeeded";
    return (JSON.parse(readFileSync(this.log, "utf8").trim().split("\n").at(-1) ?? "") as { readonly code: string })
      .code;
  }

  forget(): void {
    if (existsSync(this.log)) unlinkSync(this.log);
  }

  run(
    args: readonly string[],
    options: {
      readonly before?: readonly string[];
      readonly root?: string;
      readonly cwd?: string;
      readonly env?: { readonly [name: string]: string };
    } = {},
  ): Result {
    this.forget();
    const [program = PROGRAM, ...words] = [
      ...(options.before ?? []),
      PROGRAM,
      "--log",
      this.log,
      "--log-format",
      "json",
      "--root",
      options.root ?? this.box.stateRoot,
      ...args,
    ];
    return this.box.exec(program, words, {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
  }

  create(change: Change | Container, flags: readonly string[] = [], before: readonly string[] = []): Result {
    const container = typeof change === "function" ? this.box.container(change) : change;
    return this.run(["create", ...flags, "--bundle", container.bundle, container.id], { before });
  }

  /** The first of the calls, or one of the next, fails with this error: not each is the one that is looked for. With a "+" all from there on fail. */
  inject(
    calls: string,
    change: Change = () => undefined,
    most = 1,
    before: readonly string[] = [],
    flags: readonly string[] = [],
  ): void {
    const container = this.box.container(change);
    const [names = "", rest = "", more = ""] = calls.split(/:|(?=\+)/);
    for (let n = 1; n <= most; n++) {
      this.create(container, flags, [
        ...before,
        STRACE,
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        `trace=${names}`,
        "-e",
        `inject=${names}:${rest.startsWith("signal") ? rest : `error=${rest}`}:when=${n}${more}`,
      ]);
      if (this.found === this.code) return;
      if (!this.hasFailed) ok(this.box.runtime(["delete", "--force", container.id]));
    }
  }

  /** From a directory that looks like one of images. @param description what container.json holds */
  restore(globals: readonly string[], isThere = true, description?: string): void {
    const container = this.box.container();
    const images = join(container.bundle, "images");
    mkdirSync(images);
    if (isThere) writeFileSync(join(images, "inventory.img"), "");
    if (description !== undefined) writeFileSync(join(images, "container.json"), description);
    this.run([...globals, "restore", "--detach", "--bundle", container.bundle, "--image-path", images, container.id]);
  }

  /** A write to a file of the cgroup fails. */
  cgroupWrite(errno: string): void {
    const container = this.box.container((config) => (config.linux.resources = { pids: { limit: 100 } }));
    const { stdout } = ok(this.box.exec(PROGRAM, ["plan", "--id", container.id, "--bundle", container.bundle]));
    const file = / to (\S*pids\.max)/.exec(stdout)?.[1] ?? assert.fail(stdout);
    this.create(
      container,
      [],
      [
        STRACE,
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        file,
        "-e",
        "trace=write",
        "-e",
        `inject=write:error=${errno}`,
      ],
    );
  }

  running(change: Change = () => undefined): Container {
    const container = this.box.container((config) => {
      config.process.args = ["sleep", "100"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  }
}

const mount =
  (...mounts: Mount[]): Change =>
  (config) =>
    void config.mounts.push(...mounts);
const bind = (source: string, destination: string): Mount => ({ destination, type: "bind", source, options: ["bind"] });
const args =
  (...words: string[]): Change =>
  (config) =>
    void (config.process.args = words);
const namespace =
  (type: string, path: string): Change =>
  (config) =>
    void (config.linux.namespaces = [...config.linux.namespaces.filter((one) => one.type !== type), { type, path }]);
const seccomp: Change = (config) => {
  config.process.noNewPrivileges = false; // so that it is installed before `start`
  config.linux["seccomp"] = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
  };
};
const v2 = [join(PROJECT, "scripts/private-view"), "v2", "--"];

/** A program in the container's /bin. */
function withProgram(attempt: Attempt, text: string, mode = 0o755): Container {
  const container = attempt.box.container(args("/bin/mine"));
  writeFileSync(container.at("bin/mine"), text, { mode });
  return container;
}

/** How each is provoked, or why it is not. */
const CASES: { readonly [code: string]: ((attempt: Attempt) => void) | string } = {
  "state-root-unwritable": (t) => t.inject("mkdirat:EROFS"),
  "state-root-full": (t) => t.inject("mkdirat:ENOSPC"),

  "namespaces-forbidden": (t) => t.inject("clone3:EPERM"),
  "namespaces-exhausted": (t) => t.inject("clone3:ENOSPC"),
  "namespaces-unsupported": (t) => t.inject("clone3:EINVAL+"),
  "too-many-processes": (t) => t.inject("clone3:EAGAIN"),
  "cgroup-cannot-hold-processes": (t) => t.inject("clone3:EBUSY+"),
  "namespace-wrong-type": (t) => void t.create(namespace("ipc", "/proc/self/ns/uts")),
  "namespace-join-forbidden": (t) => t.inject("setns:EPERM", namespace("ipc", "/proc/self/ns/ipc"), 3),
  "namespace-gone": (t) => void t.create(namespace("ipc", "/no/such/namespace")),
  "time-offsets-refused": (t) =>
    void t.create((config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs: -1_000_000_000, nanosecs: 0 } };
    }),
  "sysctl-refused": (t) => void t.create((config) => (config.linux.sysctl = { "net.ipv4.ip_forward": "maybe" })),
  "sysctl-unknown": (t) => void t.create((config) => (config.linux.sysctl = { "net.ipv4.bogus": "1" })),
  "hostname-forbidden": (t) => t.inject("sethostname:EPERM"),

  "mount-proc-forbidden": (t) => t.inject("mount:EPERM", undefined, 8),
  "mount-sysfs-forbidden": (t) => t.inject("mount:EPERM", undefined, 12),
  "mount-mqueue-forbidden": (t) => t.inject("mount:EPERM", undefined, 12),
  "mount-forbidden": (t) => t.inject("mount:EPERM"),
  "mount-busy": (t) => t.inject("mount:EBUSY"),
  "mount-option-refused": (t) =>
    void t.create(mount({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["bogus=1"] })),
  "filesystem-unknown": (t) => void t.create(mount({ destination: "/mnt", type: "bogusfs", source: "none" })),
  "mount-kind-mismatch": (t) => void t.create(mount(bind("/tmp", "/etc/passwd"))),
  "mount-source-not-a-device": (t) => void t.create(mount({ destination: "/mnt", type: "ext4", source: "/tmp" })),
  "mount-source-missing": (t) => void t.create(mount(bind("/no/such/source", "/mnt"))),
  "mount-source-read-only": (t) => t.inject("mount:EACCES"),
  "mount-table-full": (t) => t.inject("mount:ENOSPC"),
  "path-loops": (t) => {
    const container = t.box.container(mount({ destination: "/loop/x", type: "tmpfs", source: "tmpfs" }));
    symlinkSync("loop", container.at("loop"));
    t.create(container);
  },
  "mount-source-locked": (t) => t.inject("open_tree:EINVAL", mount(bind("/tmp", "/mnt")), 4),
  "mount-attributes-unsupported": (t) =>
    t.inject("mount_setattr:EINVAL", mount({ ...bind("/tmp", "/mnt"), options: ["rbind", "rro"] }), 6),
  "pivot-refused": (t) => t.inject("pivot_root:EINVAL"),
  "root-is-the-hosts": (t) => t.inject("pivot_root:EBUSY"),
  "root-missing": (t) => void t.create((config) => (config.root.path = "nowhere")),
  "mount-point-read-only": (t) =>
    t.inject("mkdirat:EROFS", mount({ destination: "/new/mount/point", type: "tmpfs", source: "tmpfs" }), 12),
  "mount-point-below-a-file": (t) =>
    void t.create(mount({ destination: "/etc/passwd/x", type: "tmpfs", source: "tmpfs" })),
  "path-leaves-the-root": (t) => t.inject("openat2:EXDEV", undefined, 3),

  "cpuset-empty": (t) => t.cgroupWrite("ENOSPC"),
  "cgroup-value-refused": (t) => t.cgroupWrite("EINVAL"),
  "cgroup-value-out-of-range": (t) => t.cgroupWrite("ERANGE"),
  "cgroup-device-unknown": (t) => t.cgroupWrite("ENODEV"),
  "cgroup-limit-unsupported": (t) => t.cgroupWrite("EOPNOTSUPP"),
  "cgroup-controller-missing": (t) => t.cgroupWrite("ENOENT"),
  "cgroup-not-delegated": (t) => t.cgroupWrite("EACCES"),
  "cgroup-read-only": (t) => t.inject("mkdirat:EROFS", undefined, 8),
  "cgroup-too-many": (t) => t.inject("mkdirat:EAGAIN", undefined, 8),
  "cgroup-gone": (t) => {
    const container = t.running();
    t.run(["exec", "--cgroup", "nonexistent", container.id, "true"]);
    ok(container.delete("--force"));
  },
  "cgroup-missing": (t) =>
    void t.create(
      () => undefined,
      [],
      [
        "/usr/bin/unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        'umount -R /sys/fs/cgroup; exec "$@"',
        "sh",
      ],
    ),
  "memory-in-use": (t) => {
    const container = t.running((config) => (config.linux.resources = { memory: { limit: 64 * 2 ** 20 } }));
    t.run(["update", "--memory", "1k", container.id]);
    ok(container.delete("--force"));
  },
  "container-not-paused": (t) => {
    const container = t.running();
    t.run(["resume", container.id]);
    ok(container.delete("--force"));
  },
  "ps-failed": (t) => {
    const container = t.running();
    t.run(["ps", container.id, "-o", "user"], { env: { PATH: "/usr/bin:/bin" } });
    ok(container.delete("--force"));
  },
  "cgroup-in-use": (t) => {
    const other = t.running((config) => (config.linux.cgroupsPath = `/${t.box.prefix}shared`));
    t.create((config) => (config.linux.cgroupsPath = `/${t.box.prefix}shared`));
    ok(other.delete("--force"));
  },
  "device-rules-forbidden": (t) => t.inject("bpf:EPERM", undefined, 3, v2),
  "device-rules-unsupported": (t) => t.inject("bpf:ENOSYS", undefined, 3, v2),

  "rlimit-forbidden": (t) => t.inject("prlimit64:EPERM", undefined, 4),
  "oom-score-forbidden": (t) =>
    void t.create(
      (config) => (config.process.oomScoreAdj = -1000),
      [],
      ["/usr/bin/setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"],
    ),
  "id-unmapped": (t) => t.inject("setresuid:EINVAL"),
  "groups-forbidden": (t) => t.inject("setgroups:EPERM"),
  "capability-missing": (t) => t.inject("capset:EPERM"),
  "mount-over-root": (t) => void t.create((config) => config.mounts.push({ destination: "/", type: "tmpfs" })),
  "seccomp-without-execve": (t) =>
    void t.create((config) => (config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ERRNO" })),
  "working-directory-missing": (t) => t.inject("chdir:ENOENT", undefined, 3),
  "working-directory-inaccessible": (t) => {
    const container = t.box.container((config) => {
      config.process.user = user(1000);
      config.process.cwd = "/etc/passwd";
    });
    t.create(container);
  },
  "keyring-refused": (t) => t.inject("keyctl:EDQUOT"),
  "program-interpreter-missing": (t) =>
    void t.run(["run", "--bundle", withProgram(t, "#!/no/such/interpreter\n").bundle, `${t.box.prefix}x`]),
  "program-format-unknown": (t) =>
    void t.run([
      "run",
      "--bundle",
      withProgram(t, "\u0001\u0002 nothing that a kernel knows").bundle,
      `${t.box.prefix}x`,
    ]),
  "program-arguments-too-long": (t) =>
    void t.run(["run", "--bundle", t.box.container(args("echo", "x".repeat(200_000))).bundle, `${t.box.prefix}x`]),
  "program-not-executable": (t) => void t.create(withProgram(t, "#!/bin/sh\n", 0o644)),
  "program-busy":
    "a program that is open for writing cannot be found as such before execve, and strace counts its own execve of tsrun among those",
  "program-missing": (t) => void t.create(args("nope")),
  "program-is-a-directory": (t) => void t.create(args("/bin")),

  "hook-missing": (t) => void t.create((config) => (config.hooks = { createRuntime: [{ path: "/no/such/hook" }] })),
  "hook-not-executable": (t) =>
    void t.create((config) => (config.hooks = { createRuntime: [{ path: "/etc/hostname" }] })),
  "hook-failed": (t) => void t.create((config) => (config.hooks = { createRuntime: [{ path: "/bin/false" }] })),
  "hook-timeout": (t) =>
    void t.create(
      (config) => (config.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "20"], timeout: 1 }] }),
    ),

  "seccomp-forbidden": (t) => t.inject("seccomp:EACCES", seccomp, 3),
  "seccomp-refused": (t) => t.inject("seccomp:EINVAL", seccomp, 3),
  "seccomp-listener-taken": (t) => t.inject("seccomp:EBUSY", seccomp, 3),
  "seccomp-agent-failed": (t) =>
    void t.create(
      (config) =>
        (config.linux["seccomp"] = {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: "/no/such/agent",
          syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
        }),
    ),
  "seccomp-invalid": (t) => void t.create((config) => (config.annotations = { "run.oci.seccomp_bpf_data": "!" })),
  "seccomp-too-long": (t) => void t.create((config) => (config.annotations = { "run.oci.seccomp_bpf_data": "AAAA" })),

  "scheduling-forbidden": (t) =>
    t.inject("sched_setattr:EPERM", (config) => (config.process["scheduler"] = { policy: "SCHED_BATCH" })),
  "memory-policy-refused": (t) =>
    t.inject("set_mempolicy:EINVAL", (config) => (config.linux["memoryPolicy"] = { mode: "MPOL_BIND", nodes: "0" })),
  "network-device-missing": (t) => void t.create((config) => (config.linux["netDevices"] = { nosuchdevice0: {} })),
  "rdt-missing": (t) =>
    void t.create((config) => (config.linux["intelRdt"] = { closID: "x", l3CacheSchema: "L3:0=f" })),

  "pid-file-unwritable": (t) => void t.create(() => undefined, ["--pid-file", "/no/such/directory/pid"]),
  "socket-refused": (t) =>
    void t.create((config) => (config.process.terminal = true), ["--console-socket", "/no/such/socket"]),
  "socket-path-too-long": (t) =>
    void t.create((config) => (config.process.terminal = true), ["--console-socket", `/${"x".repeat(200)}`]),
  "console-socket-missing": (t) => void t.create((config) => (config.process.terminal = true)),
  "console-socket-unused": (t) => void t.create(() => undefined, ["--console-socket", "/no/such/socket"]),
  "descriptor-not-open": (t) => void t.create(() => undefined, ["--preserve-fds", "100"]),

  "descriptors-exhausted": (t) => t.inject("socketpair:EMFILE"),
  "memory-exhausted": (t) => t.inject("socketpair:ENOMEM"),
  "call-unsupported": (t) => t.inject("pivot_root:ENOSYS"),

  "flag-needs-value": (t) => void t.run(["create", "--bundle"]),
  "flag-unknown": (t) => void t.run(["create", "--bogus"]),
  "flag-value-invalid": (t) => void t.run(["create", "--preserve-fds", "many", "x"]),
  "arguments-wrong-number": (t) => void t.run(["state"]),
  "command-unknown": (t) => void t.run(["bogus"]),
  "signal-unknown": (t) => {
    const container = t.running();
    t.run(["kill", container.id, "SIGBOGUS"]);
    ok(container.delete("--force"));
  },
  "id-invalid": (t) => void t.run(["state", "a/b"]),
  "config-not-json": (t) => {
    const container = t.box.container();
    container.configureText("{ ]");
    t.create(container);
  },
  "config-missing": (t) => {
    const container = t.box.container();
    unlinkSync(join(container.bundle, "config.json"));
    t.create(container);
  },
  "config-exists": (t) => void t.run(["spec", "--bundle", t.box.container().bundle]),

  "container-unknown": (t) => void t.run(["state", "unknown"]),
  "container-exists": (t) => {
    const container = t.box.container();
    ok(container.create());
    t.create(container);
    ok(container.delete("--force"));
  },
  "container-not-running": (t) => {
    const container = t.running((config) => (config.process.args = ["true"]));
    container.waitFor("stopped");
    t.run(["kill", container.id]);
    ok(container.delete());
  },
  "container-not-stopped": (t) => {
    const container = t.running();
    t.run(["delete", container.id]);
    ok(container.delete("--force"));
  },
  "container-running": (t) => {
    const container = t.running();
    t.run(["start", container.id]);
    ok(container.delete("--force"));
  },
  "container-stopped": (t) => {
    const container = t.running((config) => (config.process.args = ["true"]));
    container.waitFor("stopped");
    t.run(["start", container.id]);
    ok(container.delete());
  },
  "state-damaged": (t) => {
    const container = t.box.container();
    ok(container.create());
    const file = join(t.box.stateRoot, container.id, "state.json");
    const whole = readFileSync(file);
    writeFileSync(file, "{");
    t.run(["state", container.id]);
    writeFileSync(file, whole);
    ok(container.delete("--force"));
  },
  "process-invalid": (t) => {
    const container = t.running();
    t.run(["exec", container.id]);
    ok(container.delete("--force"));
  },
  "sub-cgroup-invalid": (t) => {
    const container = t.running();
    t.run(["exec", "--cgroup", "bogus:x", container.id, "true"]);
    ok(container.delete("--force"));
  },
  "input-missing": (t) => {
    const container = t.running();
    t.run(["exec", "--process", "/no/such/file", container.id]);
    ok(container.delete("--force"));
  },

  "terminal-unsafe": (t) => {
    const container = t.box.container((config) => {
      config.process.terminal = true;
      config.mounts = config.mounts.map((one) =>
        one.destination === "/dev/pts" ? { destination: "/dev/pts", type: "tmpfs", source: "tmpfs" } : one,
      );
    });
    t.run(["run", "--bundle", container.bundle, container.id]);
  },
  "user-namespace-rootless": (t) => {
    // [kernel] A namespace that nobody has mapped has no root.
    const holder = Number(t.box.exec("/bin/sh", ["-c", "unshare --user sleep 60 >/dev/null & echo $!"]).stdout);
    eventually(
      "it is in its namespace",
      () => readlinkSync(`/proc/${holder}/ns/user`) !== readlinkSync("/proc/self/ns/user"),
    );
    t.create((config) => config.linux.namespaces.push({ type: "user", path: `/proc/${holder}/ns/user` }));
    process.kill(holder, "SIGKILL");
  },
  "procfs-fake": (t) =>
    void t.create((config) => {
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    }),
  "criu-missing": (t) => t.restore(["--criu", "/nowhere/criu"]),
  "criu-ended": (t) => t.restore(["--criu", "/bin/true"]),
  "images-missing": (t) => t.restore([], false),
  "images-damaged": (t) => t.restore([], true, "{"),
  "images-of-another": (t) =>
    t.restore([], true, JSON.stringify({ version: 1, architecture: "m68k", externalMounts: [] })),
  "init-died": (t) => t.inject("sethostname:signal=SIGKILL"),
  "init-oom-killed": (t) =>
    void t.create((config) => (config.linux.resources = { ...config.linux.resources, memory: { limit: 4096 * 16 } })),
};

/** Those that need a state of the machine that a test must not or cannot bring about. */
const NOT_HERE: { readonly [code: string]: string } = {
  "id-map-refused": "needs ids that are not ours, as only users without root privileges have",
  "device-forbidden": "a host that lets us make no nodes gets binds of its own; their failure has codes of mounts",
  "apparmor-profile-unknown": "needs AppArmor",
  "security-label-refused": "needs AppArmor or SELinux",
  "network-device-name-taken": "netdevices.test.ts",
  "terminal-failed": "init would have to lose its terminal while it is made",
  "state-root-unknown": "src/cli/codes.test.ts: told by its text",
  "id-map-helper-missing": "rootless.test.ts",
  "id-map-helper-refused": "rootless.test.ts",
  "device-other": "userns.test.ts",
  "not-supported": "told by its text",
  "criu-too-old": "src/criu/options-plan.test.ts",
  "criu-refused": "needs CRIU; test/criu",
  "root-unreachable": "mistakes.test.ts: root that the container may not enter in a user namespace",
  "mount-point-forbidden": "mistakes.test.ts: mount point that cannot be made in a user namespace",
  "log-unwritable": "mistakes.test.ts: log nowhere; there is no log to look into",
  "socket-exists": "afterwards.test.ts: refuses a name that is taken, and says so",
  "program-forbidden": "start alone executes the program; a profile that forbids it is refused before",
  "apparmor-missing": "mistakes.test.ts, where there is no AppArmor",
  "selinux-missing": "mistakes.test.ts, where there is no SELinux",
  "id-map-none": "needs a user without root privileges, and without subordinate ids",
  "mount-raced": "race.test.ts",
  "null-device-fake": "escape.test.ts",
  "working-directory-outside": "escape.test.ts",
  "kernel-too-old": "oldkernel.test.ts",
  "init-not-killed": "a process that no signal ends waits for a device",
  "libseccomp-missing": "seccomp.test.ts, with a program that was built without it",
  "rdt-conflict": "needs Intel RDT; intelrdt.test.ts",
  "container-paused": "pause.test.ts",
  "systemd-missing": "systemd.test.ts",
  "systemd-unreachable": "systemd.test.ts, where systemd runs",
  "systemd-user-unreachable": "systemd-user.test.ts, as a user",
  "systemd-unit-exists": "systemd.test.ts, where systemd runs",
  "systemd-property-refused": "systemd.test.ts, where systemd runs",
  "systemd-forbidden": "needs a user without root privileges, and systemd",
  "systemd-refused": "whatever else systemd says",
  "systemd-job-failed": "a scope is started as soon as it is there",
  "systemd-timeout": "a systemd that stands still for 30 seconds",
  "systemd-slow": "a systemd that stands still",
  "systemd-unit-lost": "a container that has the host's systemd, but not its cgroups",
  "cgroup-frozen": "cgroup.test.ts",
  "cgroup-does-not-freeze": "a process that cannot be frozen waits for a device",
};

describe("the code", function () {
  this.timeout(60_000);
  const box = useBox();
  const codes = [...new Set([...HINTS, ...TEXTS].map(({ code }) => code))];

  for (const code of codes) {
    const provoke = CASES[code];
    if (typeof provoke !== "function" || code in NOT_HERE) {
      it.skip(`${code} (${NOT_HERE[code] ?? provoke ?? "nothing is known that leads to it"})`, () => undefined);
      continue;
    }
    it(`${code} is that of an error which is told in full`, () => {
      const attempt = new Attempt(box(), code);
      provoke(attempt);
      assert.equal(attempt.found, code, existsSync(attempt.log) ? readFileSync(attempt.log, "utf8") : "");
      const record = JSON.parse(readFileSync(attempt.log, "utf8")) as { readonly [key: string]: string };
      assert.equal(record["level"], "error");
      const message = record["msg"] ?? "";
      if (record["hint"] !== undefined) assert(message.endsWith(` — ${record["hint"]}`), message);
      if (record["syscall"] !== undefined) {
        const [, text] = Object.values(ERRNO).find(([name]) => name === record["errno"]) ?? assert.fail(message);
        for (const part of [
          record["step"],
          record["pointer"],
          record["syscall"] === "execve" ? "exec " : record["syscall"],
          record["path"],
          text,
          record["errno"],
        ])
          assert(message.includes(part ?? ""), `${part} is not in: ${message}`);
        assert.notEqual(record["step"], undefined, message);
      }
      assert.doesNotMatch(message, /undefined|\[object/);
    });
  }

  it("of each kind is not the code of a case", () => {
    assert.deepEqual(
      Object.keys(CASES).filter((code) => !codes.includes(code) || code in KINDS),
      [],
    );
  });
});
