// What can be known of a container afterwards, and while it runs: its end, what it has, its terminal; and the configurations that `spec` writes.

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import { ALLOWED, BY_CAPABILITY, DENIED } from "../../src/spec/seccomp-profile.ts";
import type { Config } from "./bundle.ts";
import { group, itWith } from "./groups.ts";
import {
  itOurs,
  ok,
  PROGRAM,
  refused,
  removeGroup,
  shareNamespace,
  soon,
  useBox,
  type Box,
  type Container,
  type State,
} from "./harness.ts";
import { OnTerminal, useTerminals } from "./terminal.ts";

const MB = 1024 * 1024;

type Ended = {
  readonly at?: string;
  readonly exitStatus?: number;
  readonly signal?: string;
  readonly waitedBy: string;
};
type Stopped = State & { readonly ended?: Ended; readonly oomKilled?: object };

const ended = (container: Container): Ended => (container.state() as Stopped).ended ?? assert.fail("nothing is said");

const says =
  (script: string) =>
  (config: Config): void =>
    void (config.process.args = ["sh", "-c", script]);

describe("the end of a container", () => {
  const box = useBox();

  itOurs("is known with its time where run waited for it: the exit status", () => {
    const container = box().container(says("exit 3"));
    assert.equal(container.run(["--keep"]).status, 3);
    const { at = "", ...rest } = ended(container);
    assert.deepEqual(rest, { exitStatus: 3, waitedBy: "tsrun" });
    assert(Math.abs(Date.parse(at) - Date.now()) < 60_000, at);
    assert.deepEqual(ended(container), { at, ...rest }, "it is the same when asked again");
    assert.match(ok(box().runtime(["list"])).stdout, /ENDED\n.* exit status 3, 20/);
    ok(container.delete());
  });

  itOurs("is known where run waited for it: the signal", () => {
    const container = box().container(says("kill -USR1 $$; sleep 1"));
    assert.equal(container.run(["--keep"], {}).status, 0, "a signal that init has no handler for does not reach it");
    ok(container.delete());
    const shared = box().container((config) => {
      says("kill -USR1 $$; sleep 1")(config);
      shareNamespace(config, "pid");
    });
    assert.equal(shared.run(["--keep"]).status, 128 + 10);
    const { signal, waitedBy } = ended(shared);
    assert.deepEqual({ signal, waitedBy }, { signal: "SIGUSR1", waitedBy: "tsrun" });
    ok(shared.delete());
  });

  itOurs("is the caller's to know where the caller waited, and that is said", () => {
    const container = box().container(says("exit 4"));
    ok(container.run(["--detach"]));
    container.waitFor("stopped");
    assert.equal(ended(container).waitedBy, "caller");
    assert.equal(ended(container).at, undefined);
    ok(container.delete());
  });

  itOurs(
    "changes nothing in what runc's clients read: the same keys first, and list's columns while nothing is known",
    () => {
      const container = box().container(says("sleep 60"));
      ok(container.run(["--detach"]));
      assert.deepEqual(Object.keys(container.state()), [
        "ociVersion",
        "id",
        "pid",
        "status",
        "bundle",
        "rootfs",
        "created",
        "owner",
      ]);
      assert.match(ok(box().runtime(["list"])).stdout, /OWNER\n/);
      ok(container.delete("--force"));
    },
  );

  itWith(
    "by the OOM killer is told by run with the limit and its pointer, and kept when its cgroup is gone",
    ["memory"],
    () => {
      const container = box().container((config) => {
        config.linux.resources = { memory: { limit: 16 * MB, swap: 16 * MB } };
        config.process.args = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
      });
      const { status, stderr } = container.run(["--keep"]);
      assert.equal(status, 137);
      assert.match(
        stderr,
        /^tsrun: warning: \S+ has run out of memory: the kernel killed 1 process at the limit of \S+, 16777216 bytes: \/linux\/resources\/memory\/limit\n$/,
      );
      const directory = group(box(), container, "memory");
      removeGroup(directory);
      const { oomKilled, ended: end } = container.state() as Stopped;
      assert.deepEqual(oomKilled, { processes: 1, cgroup: directory, limitBytes: 16 * MB });
      assert.equal(end?.signal, "SIGKILL");
      ok(container.delete());
    },
  );

  itOurs("by its seccomp profile or by a limit of its processor time is told by run with the pointer", () => {
    const seccomp = box().container((config) => {
      config.process.args = ["mkdir", "/dev/shm/a"];
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS" }],
      };
    });
    const first = seccomp.run();
    assert.equal(first.status, 159);
    assert.match(
      first.stderr,
      /the kernel killed \S+ for a system call that its seccomp profile forbids: \/linux\/seccomp\n$/,
    );
    const limited = box().container((config) => {
      says("while :; do :; done")(config);
      config.process.rlimits = [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }];
    });
    const second = limited.run();
    assert.equal(second.status, 137);
    assert.match(second.stderr, /the kernel killed \S+ at its RLIMIT_CPU of 1: \/process\/rlimits\/0\n$/);
  });

  itOurs("by anything else is nothing that run speaks of", () => {
    assert.deepEqual(box().container(says("exit 9")).run(), { status: 9, signal: null, stdout: "", stderr: "" });
  });
});

type Item = {
  readonly topic: string;
  readonly what: string;
  readonly container?: string;
  readonly host?: string;
  readonly sharing?: string;
  readonly asked?: string;
  readonly pointer?: string;
  readonly command: string;
};

describe("inspect", () => {
  const box = useBox();

  const inspected = (container: Container): readonly Item[] =>
    (JSON.parse(ok(box().runtime(["inspect", "--json", container.id])).stdout) as { readonly items: Item[] }).items;
  const find = (items: readonly Item[], topic: string, what: string | RegExp): Item =>
    items.find(
      (item) => item.topic === topic && (typeof what === "string" ? item.what === what : what.test(item.what)),
    ) ?? assert.fail(`nothing on ${topic}, ${String(what)}`);

  function sleeper(change: (config: Config) => void = () => undefined): Container {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  }

  itOurs("says of each namespace whether it is the container's own or SHARED, as the kernel says", () => {
    const container = sleeper((config) => shareNamespace(config, "network"));
    const items = inspected(container);
    assert.equal(find(items, "namespaces", "network").sharing, "SHARED");
    assert.equal(find(items, "namespaces", "pid").sharing, "own");
    assert.equal(find(items, "namespaces", "pid").asked, undefined);
    assert.match(
      ok(box().runtime(["inspect", container.id])).stdout,
      /Shared with the host: network, user, .*\nAll is as config.json asked\./,
    );
    ok(container.delete("--force"));
  });

  itOurs("has for everything a command that runs and shows it", () => {
    const container = sleeper();
    const commands = new Set(inspected(container).map(({ command }) => command));
    assert(commands.size > 25, [...commands].join("\n"));
    for (const command of commands)
      ok(box().exec("/bin/sh", ["-c", command], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } }));
    ok(container.delete("--force"));
  });

  itOurs("names capabilities, filters, ids and limits, beside the host's", () => {
    const container = sleeper((config) => {
      config.linux.namespaces.push({ type: "user" });
      config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }],
      };
    });
    const items = inspected(container);
    assert.equal(find(items, "ids", /uid map/).container, "0 100000 65536");
    assert.equal(find(items, "ids", /uid map/).sharing, "own");
    assert.equal(find(items, "ids", /user of the first process/).container, "100000");
    assert.equal(find(items, "capabilities", "bounding").container, "KILL NET_BIND_SERVICE AUDIT_WRITE");
    assert.equal(find(items, "restrictions", "seccomp").container, "1 filter");
    assert.equal(find(items, "restrictions", "no_new_privs").container, "set");
    assert.equal(find(items, "limits", "RLIMIT_NOFILE").container, "1024:1024");
    assert.match(find(items, "mounts", "/proc").container ?? "", /^proc from proc/);
    ok(container.delete("--force"));
  });

  itWith(
    "shows a limit with what is used of it, and marks what is otherwise now than was asked",
    ["memory", "pids"],
    () => {
      const container = sleeper(
        (config) => (config.linux.resources = { memory: { limit: 64 * MB }, pids: { limit: 50 } }),
      );
      const limit = find(inspected(container), "cgroup", /memory limit/);
      assert.match(limit.container ?? "", new RegExp(`^${64 * MB}, \\d+ in use$`));
      assert.equal(limit.asked, undefined);
      writeFileSync(join(group(box(), container, "pids"), "pids.max"), "20");
      ok(box().exec("/usr/bin/prlimit", ["--pid", String(container.state().pid), "--nofile=512:1024"]));
      const items = inspected(container);
      assert.deepEqual(
        items.filter(({ asked }) => asked !== undefined).map(({ what, asked, pointer }) => [what, asked, pointer]),
        [
          ["processes", "50", "/linux/resources/pids/limit"],
          ["RLIMIT_NOFILE", "1024:1024", "/process/rlimits/0"],
        ],
      );
      const { stdout } = ok(box().runtime(["inspect", container.id]));
      assert.match(stdout, /OTHERWISE NOW: \/linux\/resources\/pids\/limit asked for 50/);
      assert.match(stdout, /2 things are not as config.json asked\.\n$/);
      ok(box().runtime(["update", "--pids-limit", "20", container.id]));
      assert.equal(find(inspected(container), "cgroup", "processes").asked, undefined, "update has asked for it now");
      ok(container.delete("--force"));
    },
  );

  itOurs("of a container that has ended says what state is for", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    refused(box().runtime(["inspect", container.id]), /container not running/);
    ok(container.delete());
    refused(box().runtime(["inspect", container.id]), /container does not exist/);
  });
});

type Event = {
  readonly name: string;
  readonly ph: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly tid?: number;
  readonly args: {
    readonly pointer?: string;
    readonly calls?: readonly { readonly call: string; readonly count: number; readonly ms: number }[];
  };
};

describe("--trace", () => {
  const box = useBox();

  const trace = (...words: string[]): { readonly events: readonly Event[]; readonly status: number | null } => {
    const file = box().path("trace.json");
    const { status } = box().runtime(["--trace", file, ...words]);
    const { traceEvents } = JSON.parse(readFileSync(file, "utf8")) as { readonly traceEvents: readonly Event[] };
    return { status, events: traceEvents.filter(({ ph }) => ph === "X") };
  };
  const span = (events: readonly Event[], process: string, name: string): Event =>
    events.find((event) => event.cat === process && event.name === name) ?? assert.fail(`no span ${process} ${name}`);

  itOurs(
    "has a span for each step of both processes, with pointer, system calls and times within those of the command",
    () => {
      const container = box().container();
      const { events, status } = trace("run", "--bundle", container.bundle, container.id);
      assert.equal(status, 0);
      const whole = span(events, "command", "run");
      const [begin = 0, dur = 0] = [whole.ts, whole.dur];
      for (const event of events) {
        assert((event.ts ?? 0) >= begin - 1000 && (event.ts ?? 0) + (event.dur ?? 0) <= begin + dur + 1000, event.name);
        assert(event.args.calls !== undefined, event.name);
      }
      const pivot = span(events, "init", "pivot into rootfs");
      assert(pivot.args.calls?.some(({ call, count, ms }) => call === "pivot_root" && count === 1 && ms > 0));
      assert.match(span(events, "init", "mount filesystems").args.pointer ?? "", /\/mounts\/0, \/mounts\/1/);
      assert(span(events, "runtime", "clone into namespaces").args.calls?.some(({ call }) => call === "clone3"));
      assert(events.length > 45, `${events.length} spans`);
    },
  );

  itOurs("is written for every command, also for one that fails", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    assert(trace("create", "--bundle", container.bundle, container.id).events.length > 45);
    span(trace("start", container.id).events, "runtime", "start");
    span(trace("exec", container.id, "true").events, "join", "join namespaces");
    for (const words of [["state"], ["ps"], ["update", "--pids-limit", "9"], ["kill", "--all"], ["inspect"]])
      span(trace(...words, container.id).events, "command", words[0] ?? "");
    span(trace("list").events, "command", "list");
    ok(container.delete("--force"));
    const { events, status } = trace("state", container.id);
    assert.equal(status, 1);
    span(events, "command", "state");
    refused(box().runtime(["--trace", "/nonexistent/trace", "list"]), /open the trace: --trace: openat\(2\)/);
  });

  itOurs("--debug names what each step was about", () => {
    const container = box().container();
    const { stderr } = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id]));
    assert.match(stderr, /init: mount filesystems: [\d.]+ ms \(mount proc on \/proc; /);
    assert.match(stderr, /msg="set rlimits: [\d.]+ ms \(set RLIMIT_NOFILE to 1024/);
  });
});

describe("console", () => {
  const box = useBox();
  useTerminals();

  itOurs("shows the terminal of a container that create makes, with its size, until it ends", async () => {
    const container = box().container((config) => {
      says("stty size; read word; echo got $word")(config);
      config.process.terminal = true;
    });
    const socket = box().path("console.sock");
    const shown = new OnTerminal(box(), ["console", socket]);
    await soon("it listens", () => existsSync(socket));
    ok(container.create(["--console-socket", socket]));
    await soon("the socket's name is gone", () => !existsSync(socket));
    ok(container.start());
    await shown.saw("33 101");
    shown.type("hello\n");
    await shown.saw("got hello");
    await shown.ends(0);
    ok(container.delete("--force"));
  });

  itOurs("refuses a name that is taken, and says so", () => {
    const taken = box().write("taken", "");
    refused(
      box().runtime(["console", taken]),
      /bind\(2\) \S+taken: address already in use .*there is something of that name/,
    );
  });
});

describe("spec", () => {
  const box = useBox();

  function made(box: Box, flags: readonly string[], args: readonly string[]): Container {
    const container = box.container();
    rmSync(join(container.bundle, "config.json"));
    ok(box.exec(PROGRAM, ["spec", ...flags, "--bundle", container.bundle]));
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
    config.process.terminal = false;
    config.process.args = [...args];
    container.configure(config);
    return container;
  }

  itOurs("--read-only writes one in which nothing but memory can be written to", () => {
    const container = made(
      box(),
      ["--read-only"],
      ["sh", "-c", "touch /tmp/a /run/a /var/tmp/a && echo scratch; touch /etc/a 2>/dev/null || echo no"],
    );
    assert.equal(ok(container.run()).stdout, "scratch\nno\n");
  });

  itOurs("--user-namespace writes one whose root is nobody on the host", () => {
    const container = made(box(), ["--user-namespace"], ["sh", "-c", "cat /proc/self/uid_map; id -u"]);
    const [map = "", uid] = ok(container.run()).stdout.trim().split("\n");
    assert.match(map, /^0\s+[1-9]\d+\s+\d+$/);
    assert.equal(uid, "0");
  });

  itOurs("--seccomp writes a profile that an ordinary program runs under, and that denies what docker's does", () => {
    const container = made(
      box(),
      ["--seccomp"],
      [
        "sh",
        "-c",
        "ls / >/dev/null && (sleep 0 | cat) && unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1; grep Seccomp: /proc/self/status",
      ],
    );
    const { stdout } = container.run();
    assert.match(stdout, /Operation not permitted[^]*Seccomp:\s+2/);
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as {
      readonly linux: { readonly seccomp: { readonly syscalls: readonly { readonly names: readonly string[] }[] } };
    };
    const names = new Set(config.linux.seccomp.syscalls.flatMap((rule) => rule.names));
    for (const name of ["keyctl", "mount", "bpf", "ptrace_x", "io_uring_setup", "userfaultfd", "unshare"])
      assert(!names.has(name), name);
    for (const name of ["read", "execve", "futex", "clone", "socket"]) assert(names.has(name), name);
  });

  itOurs("--seccomp has each call in one row with a reason, and none that is denied to everybody", () => {
    const allowed = ALLOWED.flatMap(({ calls }) => calls.split(" "));
    assert.equal(new Set(allowed).size, allowed.length);
    const denied = DENIED.flatMap(({ calls }) => calls.split(" "));
    for (const { calls, why } of [...ALLOWED, ...BY_CAPABILITY, ...DENIED]) assert(calls !== "" && why.length > 10);
    for (const name of denied)
      assert(!allowed.includes(name) && !BY_CAPABILITY.some(({ calls }) => calls.split(" ").includes(name)), name);
  });
});
