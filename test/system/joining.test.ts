// Processes that come into namespaces of others: what `exec` keeps although its process is forked last, and namespaces that config.json gives a path for.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { listen, useTerminals } from "./terminal.ts";
import {
  eventually,
  fields,
  isTsrun,
  itOurs,
  ok,
  PROGRAM,
  refused,
  useBox,
  user,
  type Box,
  type Container,
  type Result,
} from "./harness.ts";

function sleeper(box: Box, change: (config: Config) => void = () => undefined): Container {
  const container = box.container((config) => {
    config.process.args = ["sleep", "600"];
    change(config);
  });
  ok(container.run(["--detach"]));
  return container;
}

const exec = (container: Container, flags: readonly string[], ...args: string[]): Result =>
  container.box.runtime(["exec", ...flags, container.id, ...args]);

describe("the process of exec, which is forked last", () => {
  const box = useBox();

  it("finds what is below /proc/self: as its working directory and as its program", () => {
    const container = sleeper(box());
    assert.equal(
      ok(exec(container, ["--cwd", "/proc/self/net"], "sh", "-c", "test -e dev && echo there")).stdout,
      "there\n",
    );
    const script = box().write("script", "#!/bin/sh\necho a script\n", 0o755);
    const { status, stdout, stderr } = box().exec("bash", [
      "-c",
      'exec 3<"$0"; exec "$@"',
      script,
      PROGRAM,
      "--root",
      box().stateRoot,
      "exec",
      "--preserve-fds",
      "1",
      container.id,
      "/proc/self/fd/3",
    ]);
    assert.deepEqual([status, stdout, stderr], [0, "a script\n", ""]);
    ok(container.delete("--force"));
  });

  itOurs("runs under a filter that is loaded by root and lets nobody fork", () => {
    const container = sleeper(box(), (config) => {
      config.process.noNewPrivileges = false;
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["clone", "clone3", "fork", "vfork"], action: "SCMP_ACT_ERRNO" }],
      };
    });
    assert.equal(ok(exec(container, ["--user", "1000"], "id", "-u")).stdout, "1000\n");
    assert.match(exec(container, [], "sh", "-c", "ls | cat").stderr, /fork/);
    ok(container.delete("--force"));
  });

  itOurs("runs under a filter that is loaded by root and lets nobody change limits", () => {
    const container = sleeper(box(), (config) => {
      config.process.noNewPrivileges = false;
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 99, hard: 99 }];
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["prlimit64", "setrlimit"], action: "SCMP_ACT_ERRNO" }],
      };
    });
    assert.match(ok(exec(container, [], "grep", "open files", "/proc/self/limits")).stdout, /^Max open files +99 +99 /);
    ok(container.delete("--force"));
  });

  it("runs when its user may have as many processes as there are then, and not when fewer", () => {
    const uid = 1_000_000_000 + process.pid; // nobody else has processes of
    const container = sleeper(box(), (config) => {
      config.process.user = user(uid);
      delete config.process.capabilities;
    });
    const limited = (processes: number): Result => {
      const file = box().write(
        "process.json",
        JSON.stringify({
          args: ["grep", "processes", "/proc/self/limits"],
          cwd: "/",
          env: ["PATH=/bin"],
          user: { uid, gid: uid },
          rlimits: [{ type: "RLIMIT_NPROC", soft: processes, hard: processes }],
        }),
      );
      return box().runtime(["exec", "--process", file, container.id]);
    };
    assert.match(ok(limited(2)).stdout, /^Max processes +2 +2 /); // the sleeping one and this one
    const { status, stderr } = limited(1);
    assert.notEqual(status, 0);
    assert.match(stderr, /EAGAIN|temporarily unavailable/);
    ok(container.delete("--force"));
  });

  for (const scheduler of [
    { policy: "SCHED_BATCH", flags: ["SCHED_FLAG_RESET_ON_FORK"] },
    { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 10_000_000, period: 10_000_000 },
  ]) {
    itOurs(`has the scheduler ${scheduler.policy}, which no fork passes on`, () => {
      const container = sleeper(box());
      const file = box().write(
        "process.json",
        JSON.stringify({ args: ["cat", "/proc/self/sched"], cwd: "/", env: ["PATH=/bin"], scheduler }),
      );
      const { stdout } = ok(box().runtime(["exec", "--process", file, container.id]));
      assert.match(stdout, scheduler.policy === "SCHED_BATCH" ? /^policy +: +3$/m : /^policy +: +6$/m);
      ok(container.delete("--force"));
    });
  }

  itOurs("joins the resctrl groups of the container's record", () => {
    const container = sleeper(box());
    const group = box().path("resctrl");
    mkdirSync(join(group, "mon"), { recursive: true });
    for (const name of ["tasks", "mon/tasks"]) writeFileSync(join(group, name), "");
    const file = join(box().stateRoot, container.id, "state.json");
    const record = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...record, intelRdt: { group, monitoring: join(group, "mon"), remove: [] } }));
    ok(exec(container, [], "true"));
    const [task, monitored] = ["tasks", "mon/tasks"].map((name) => readFileSync(join(group, name), "utf8"));
    assert.match(task ?? "", /^\d+$/); // the joiner, from whom the process inherits
    assert.equal(monitored, task);
    ok(container.delete("--force"));
  });
});

describe("init in a pid namespace of others, which is forked last", function () {
  this.timeout(60_000);
  const box = useBox();
  useTerminals();
  let first: Container;
  let path = "";

  /** A container whose pid namespace `change`d ones join. */
  function joins(change: (config: Config) => void = () => undefined): Container {
    first = sleeper(box());
    path = `/proc/${first.state().pid}/ns/pid`;
    return another(change);
  }

  const another = (change: (config: Config) => void): Container =>
    box().container((config) => {
      config.linux.namespaces = config.linux.namespaces.map((namespace) =>
        namespace.type === "pid" ? { type: "pid", path } : namespace,
      );
      change(config);
    });

  const end = (...containers: readonly Container[]): void =>
    [...containers, first].forEach((container) => ok(container.delete("--force")));

  it("is the process that state and the pid file name, in that namespace and in a session of its own, and a procfs of it is on /proc", () => {
    const container = joins(
      (config) => (config.process.args = ["sh", "-c", "test /proc/self -ef /proc/$$ && cat /proc/1/comm && sleep 60"]),
    );
    const output = box().path("output");
    ok(
      box().exec("sh", [
        "-c",
        `exec "$0" "$@" >${output}`,
        PROGRAM,
        "--root",
        box().stateRoot,
        "create",
        "--pid-file",
        box().path("pid"),
        "--bundle",
        container.bundle,
        container.id,
      ]),
    );
    const { pid, status } = container.state();
    assert.equal(status, "created");
    assert.equal(readFileSync(box().path("pid"), "utf8"), String(pid));
    assert.equal(readlinkSync(`/proc/${pid}/ns/pid`), readlinkSync(path));
    assert.equal(readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[5], String(pid)); // its session
    assert.equal(ok(exec(container, [], "cat", "/proc/1/comm")).stdout, "sleep\n");
    ok(container.start());
    eventually("it has looked around", () => readFileSync(output, "utf8") === "sleep\n");
    assert.equal(container.state().pid, pid);
    end(container);
  });

  it("ends as its program does, and tells why it cannot begin", () => {
    const container = joins((config) => (config.process.args = ["sh", "-c", "exit 7"]));
    assert.equal(container.run().status, 7);
    refused(
      another((config) => (config.process.args = ["/no/such"])).create(),
      isTsrun ? /find program: exec: "\/no\/such": stat \/no\/such: no such file or directory/ : /no such file/,
    );
    refused(
      another((config) => (config.process.cwd = "/etc/passwd")).create(),
      isTsrun ? /become user: change to the working directory: \/process\/cwd: chdir\(2\)/ : /./,
    );
    end();
  });

  it("has a terminal, a working directory below /proc/self, and as many processes as its user may have", async () => {
    const container = joins((config) => {
      config.process.terminal = true;
      config.process.cwd = "/proc/self/net";
      config.process.user = user(1_000_000_000 + process.pid);
      config.process.rlimits = [
        { type: "RLIMIT_NPROC", soft: 1, hard: 1 },
        { type: "RLIMIT_NOFILE", soft: 64, hard: 64 },
      ];
      config.mounts.push({ destination: "/mnt", type: "bind", source: box().directory, options: ["bind"] });
      config.process.args = [
        "sh",
        "-c",
        "test -t 0 && test -e dev && echo there; while read line; do case $line in 'Max processes'*|'Max open'*) echo $line;; esac; done </proc/self/limits; read line",
      ];
      delete config.process.capabilities;
    });
    const console = await listen(box(), "console");
    ok(container.run(["--detach", "--console-socket", box().path("console")]));
    await console.saw("there\r\nMax processes 1 1 processes\r\nMax open files 64 64 files\r\n");
    assert.notEqual(readFileSync(`/proc/${container.state().pid}/stat`, "utf8").split(" ")[6], "0"); // it has the terminal
    end(container);
    await console.end();
  });

  for (const [what, ...names] of [
    ["fork", "clone", "clone3", "fork", "vfork"],
    ["change limits", "prlimit64", "setrlimit"],
    ["receive", "recvfrom", "recvmsg"],
  ] as const) {
    itOurs(`runs under a filter that is loaded by root and lets nobody ${what}`, () => {
      const container = joins((config) => {
        config.process.noNewPrivileges = false;
        config.process.user = user(1000);
        config.process.args = ["id", "-u"];
        config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names, action: "SCMP_ACT_ERRNO" }] };
      });
      assert.equal(ok(container.run()).stdout, "1000\n");
      end();
    });
  }

  it("runs where there may be one process only", () => {
    for (const limit of isTsrun ? [0, 1] : [1]) {
      const container = joins((config) => {
        config.linux.resources = { ...config.linux.resources, pids: { limit } };
        config.process.args = ["/bin/true"];
      });
      ok(container.run());
      end();
    }
  });

  itOurs("is told of with the pid that it keeps where hooks hear of it before", () => {
    const told = box().write("told", "");
    const container = joins((config) => {
      config.process.args = ["sleep", "60"];
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `cat >${told}`] }] };
    });
    ok(container.create());
    assert.equal((JSON.parse(readFileSync(told, "utf8")) as { pid: number }).pid, container.state().pid);
    end(container);
  });

  itOurs("comes by the steps that plan tells", () => {
    const container = joins();
    const { steps } = JSON.parse(ok(box().exec(PROGRAM, ["plan", "--json", "--bundle", container.bundle])).stdout) as {
      readonly steps: readonly { readonly process: string; readonly step: string; readonly acts: readonly object[] }[];
    };
    const debug = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id])).stderr;
    const taken = [...debug.matchAll(/msg="?init: ([^":]+): [\d.]+ ms/g)].map(([, step]) => step);
    const told = steps.filter(({ process, acts }) => process === "init" && acts.length > 0).map(({ step }) => step);
    assert.deepEqual(
      taken.filter((step) => told.includes(step ?? "")),
      told,
    );
    assert.equal(
      told.includes("enter pid namespace"),
      ok(box().exec("uname", ["-r"])).stdout.localeCompare("6.17", "en", { numeric: true }) > 0,
    );
    end();
  });
});

const FILES = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
} as const;
type Type = keyof typeof FILES;

describe("namespaces of others, by path", function () {
  this.timeout(120_000);
  const box = useBox();
  if (!isTsrun) return; // Debian's runc joins no time and no cgroup namespaces

  /** What another container has: its first process, and how `type` is called there. */
  const path = (pid: number, type: Type): string => `/proc/${pid}/ns/${FILES[type]}`;

  const all = Object.keys(FILES).filter((type) => existsSync(`/proc/self/ns/${FILES[type as Type]}`)) as Type[];

  function joinOf(config: Config, pid: number, types: readonly Type[]): void {
    config.linux.namespaces = all.map((type) => (types.includes(type) ? { type, path: path(pid, type) } : { type }));
    delete config.hostname;
  }

  /** One that has a namespace of each kind. */
  const host = (): Container => sleeper(box(), (config) => joinOf(config, 0, []));

  it("can be joined in any mix with new ones; init is a child of who reaps orphans", () => {
    const held = host();
    const { pid } = held.state();
    const parent = reaper();
    const optional = all.filter((type) => type !== "ipc" && type !== "uts" && type !== "mount");
    for (let mix = 0; mix < 1 << optional.length; mix++) {
      const joined: Type[] = ["ipc", ...optional.filter((_type, bit) => (mix & (1 << bit)) !== 0)];
      const container = box().container((config) => {
        config.process.args = ["sleep", "60"];
        joinOf(config, pid, joined);
      });
      ok(container.create());
      const init = container.state().pid;
      for (const type of all)
        assert.equal(
          readlinkSync(path(init, type)) === readlinkSync(path(pid, type)),
          joined.includes(type),
          `${type} of ${joined.join(", ")}`,
        );
      assert.equal(fields(readFileSync(`/proc/${init}/status`, "utf8"))["PPid"], parent, joined.join(", "));
      ok(container.start());
      assert.equal(
        ok(exec(container, [], "sh", "-c", "readlink /proc/self/ns/pid")).stdout.trim(),
        readlinkSync(path(init, "pid")),
      );
      ok(container.delete("--force"));
    }
    ok(held.delete("--force"));
  });

  /** Who has an orphan of ours, as the kernel decides. */
  function reaper(): string | undefined {
    const [file, go] = [box().path("orphan"), box().path("go")];
    ok(
      box().exec("sh", [
        "-c",
        `sh -c 'until [ -e ${go} ]; do sleep 0.05; done; cat /proc/$$/status > ${file}' & exit 0`,
      ]),
    );
    writeFileSync(go, "");
    eventually("the orphan has a parent", () => existsSync(file) && readFileSync(file, "utf8").includes("PPid:"));
    return fields(readFileSync(file, "utf8"))["PPid"];
  }

  it("are files anywhere: a bound one is joined as well", () => {
    const held = host();
    const file = box().write("netns", "");
    const container = box().container((config) => {
      config.process.args = ["readlink", "/proc/self/ns/net"];
      config.linux.namespaces = config.linux.namespaces.map((namespace) =>
        namespace.type === "network" ? { type: "network", path: file } : namespace,
      );
    });
    const script = `mount --bind ${path(held.state().pid, "network")} ${file} && exec "$0" "$@"`;
    const { stdout } = ok(
      box().exec("unshare", [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        PROGRAM,
        "--root",
        box().stateRoot,
        "run",
        "--bundle",
        container.bundle,
        container.id,
      ]),
    );
    assert.equal(stdout.trim(), readlinkSync(path(held.state().pid, "network")));
    ok(held.delete("--force"));
  });

  it("may be our own", () => {
    const inside = box().inside("readlink /proc/self/ns/net; readlink /proc/self/ns/uts", (config) => {
      delete config.hostname;
      config.mounts = config.mounts.filter(({ type }) => type !== "sysfs" && type !== "cgroup");
      config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
        type === "network" || type === "uts" ? { type, path: `/proc/self/ns/${FILES[type]}` } : { type },
      );
    });
    assert.deepEqual(
      inside.trim().split("\n"),
      ["net", "uts"].map((file) => readlinkSync(`/proc/self/ns/${file}`)),
    );
  });

  it("are refused before anything is made when the path is none, or of another kind, which is named", () => {
    const file = box().write("file", "");
    execFileSync("mkfifo", [box().path("fifo")]);
    for (const [type, given, message] of [
      [
        "network",
        "/proc/self/ns/uts",
        /join network namespace: \/linux\/namespaces\/0: \/proc\/self\/ns\/uts is not a network namespace but a uts one/,
      ],
      ["mount", "/proc/self/ns/pid", /is not a mount namespace but a pid one/],
      ["pid", file, /join pid namespace: \/linux\/namespaces\/0: .*\/file is not a namespace/],
      ["ipc", box().path("fifo"), /fifo is not a namespace/],
      ["ipc", "/dev/null", /\/dev\/null is not a namespace/],
      [
        "uts",
        "/proc/4194304/ns/uts",
        /join uts namespace: \/linux\/namespaces\/0: openat\(2\) \/proc\/4194304\/ns\/uts: no such file or directory/,
      ],
    ] as const) {
      const container = box().container((config) => {
        delete config.hostname;
        config.linux.namespaces = [
          { type, path: given },
          ...config.linux.namespaces.filter((other) => other.type !== type),
        ];
      });
      refused(container.create(), message);
    }
  });

  it("may not be given twice, and one path cannot be of two kinds", () => {
    const twice = (...namespaces: { type: string; path?: string }[]): Result =>
      box()
        .container((config) => {
          delete config.hostname;
          config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type === "mount"), ...namespaces];
        })
        .create();
    refused(
      twice({ type: "network", path: "/proc/self/ns/net" }, { type: "network", path: "/proc/self/ns/net" }),
      /\/linux\/namespaces\/2: duplicated ns "network"/,
    );
    refused(
      twice({ type: "network", path: "/proc/self/ns/net" }, { type: "uts", path: "/proc/self/ns/net" }),
      /is not a uts namespace but a network one/,
    );
  });

  it("take no time offsets when the time namespace is one of them", () => {
    const container = box().container((config) => {
      config.linux.namespaces.push({ type: "time", path: "/proc/self/ns/time" });
      config.linux.timeOffsets = { boottime: { secs: 1 } };
    });
    refused(
      container.create(),
      /\/linux\/timeOffsets: time namespace enabled, but both namespace path and time offsets specified/,
    );
  });
});
