import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { isTsrun, itOurs, ok, PROGRAM, PROJECT, refused, RUNC, useBox, type Result, type State } from "./harness.ts";

const commands = [
  "create",
  "delete",
  "events",
  "exec",
  "features",
  "kill",
  "list",
  "pause",
  "plan",
  "ps",
  "resume",
  "run",
  "spec",
  "start",
  "state",
  "update",
];

/** A line of a log in the format that containerd and podman parse. */
type LogLine = { readonly level: string; readonly msg: string; readonly time: string };

describe("the program", () => {
  const box = useBox();

  it("runs from any directory, by a relative path, through a symlink, with an empty environment", () => {
    ok(box().exec("/usr/bin/env", ["-i", PROGRAM, "--version"], { cwd: "/proc" }));
    symlinkSync(PROGRAM, box().path("link"));
    ok(box().exec("./link", ["--version"]));
    const container = box().container((config) => (config.process.args = ["echo", "ran"]));
    assert.equal(
      ok(
        box().exec(
          "/usr/bin/env",
          ["-i", PROGRAM, "--root", box().stateRoot, "run", "-b", container.bundle, container.id],
          { cwd: "/" },
        ),
      ).stdout,
      "ran\n",
    );
  });

  it("runs when its file has been moved, replaced or removed meanwhile", () => {
    copyFileSync(PROGRAM, box().path("copy"));
    const container = box().container();
    ok(box().runtime(["create", "-b", container.bundle, container.id], { program: box().path("copy") }));
    unlinkSync(box().path("copy"));
    ok(container.start());
    container.waitFor("stopped");
    ok(container.delete());
  });

  itOurs("needs no library to start, and is smaller than 6 MB", () => {
    const { stderr } = box().exec("/usr/bin/ldd", [PROGRAM], { env: { PATH: "/usr/bin:/bin" } });
    assert.match(stderr, /not a dynamic executable/);
    assert(readFileSync(PROGRAM).length < 6_000_000);
  });
});

describe("--version", () => {
  const box = useBox();

  itOurs("names the program, its version and the spec's, and nothing on standard error (CLIENTS 0.7)", () => {
    for (const flag of ["--version", "-v", "-version"]) {
      const { stdout, stderr } = ok(box().exec(PROGRAM, [flag]));
      assert.match(stdout, /^tsrun version \d+\.\d+\.\d+\S*\n(commit: \S+\n)?spec: 1\.\d+\.\d+\S*\n$/);
      assert.equal(stderr, "");
    }
  });

  itOurs("called by the name of runc, is what go-runc reads", () => {
    symlinkSync(PROGRAM, box().path("runc"));
    assert.match(ok(box().exec(box().path("runc"), ["--version"])).stdout, /^runc version \S+.*\n/);
  });
});

describe("help", () => {
  const box = useBox();

  itOurs("lists every command, as --help, -h, help, h and without a word", () => {
    for (const args of [["--help"], ["-h"], ["help"], ["h"], []]) {
      const { stdout, stderr } = ok(box().exec(PROGRAM, args));
      for (const command of commands) assert.match(stdout, new RegExp(`^ +${command}\\b`, "m"), args.join(" "));
      assert.equal(stderr, "");
    }
  });

  for (const command of commands) {
    if (command === "plan" && !isTsrun) continue;
    it(`of ${command} exits with 0 and shows its use`, () => {
      for (const args of [
        [command, "--help"],
        [command, "-h"],
        ["help", command],
        ["help", command, "more"],
      ])
        assert.match(ok(box().exec(PROGRAM, args)).stdout, new RegExp(`USAGE:\\s+\\S+ ${command}`), args.join(" "));
    });
  }
});

describe("global flags", () => {
  const box = useBox();

  it("of runc are all taken, before the command", () => {
    const container = box().container((config) => (config.process.args = ["echo", "ran"]));
    const { stdout } = ok(
      box().exec(PROGRAM, [
        "--root",
        box().stateRoot,
        "--debug",
        "--log",
        box().path("log"),
        "--log-format",
        "json",
        "--rootless",
        "false",
        "--systemd-cgroup=false",
        "run",
        "--bundle",
        container.bundle,
        container.id,
      ]),
    );
    assert.equal(stdout, "ran\n");
  });

  it("in the order of go-runc, with --rootless=true", () => {
    mkdirSync(box().stateRoot);
    const args = [
      "--root",
      box().stateRoot,
      "--debug",
      "--log",
      box().path("log"),
      "--log-format",
      "json",
      "--rootless=false",
    ];
    assert.equal(ok(box().exec(PROGRAM, [...args, "list", "--format=json"])).stdout.trim(), "null");
  });

  itOurs("may stand behind the command as well", () => {
    ok(box().exec("/bin/mkdir", ["-p", box().stateRoot]));
    assert.equal(ok(box().exec(PROGRAM, ["list", "--root", box().stateRoot, "-q"])).stdout, "");
  });

  for (const [style, args] of [
    ["--flag value", ["--format", "json"]],
    ["--flag=value", ["--format=json"]],
    ["-flag value", ["-format", "json"]],
    ["-flag=value", ["-format=json"]],
    ["-f value", ["-f", "json"]],
    ["-f=value", ["-f=json"]],
  ] as const) {
    it(`are taken as ${style}`, () => {
      mkdirSync(box().stateRoot);
      assert.equal(ok(box().runtime(["list", ...args])).stdout.trim(), "null");
    });
  }

  itOurs("of a command may stand after its arguments, and -- ends them", () => {
    const container = box().container();
    ok(box().runtime(["create", container.id, "--bundle", container.bundle]));
    ok(box().runtime(["delete", container.id, "-f"]));
    ok(box().runtime(["create", "--bundle", container.bundle, "--", container.id]));
    ok(box().runtime(["delete", "--force=true", container.id]));
  });

  it("that are boolean take =false", () => {
    refused(box().runtime(["delete", "--force=false", "unknown"]), /does not exist/);
    refused(box().runtime(["delete", "--force=maybe", "unknown"]), /maybe/);
  });

  for (const args of [["--bogus"], ["create", "--bogus"], ["create", "-x", "id"]]) {
    it(`that do not exist are an error: ${args.join(" ")}`, () =>
      refused(box().exec(PROGRAM, args), /unknown option --?(bogus|x)/));
  }

  it("too few and too many words are an error", () => {
    for (const args of [["create"], ["state"], ["state", "a", "b"], ["start", "a", "b"], ["kill"], ["delete"]]) {
      const { status, stderr } = box().runtime(args);
      assert.equal(status, 1, args.join(" "));
      if (isTsrun) assert.match(stderr, /requires/, args.join(" "));
    }
  });

  it("--log-format other than text and json is refused", () => {
    refused(box().exec(PROGRAM, ["--log-format", "xml", "list"]), /log-format/);
  });

  it("--root is made, deep and private", () => {
    const container = box().container();
    const root = box().path("deep/er/root");
    ok(box().exec(PROGRAM, ["--root", root, "create", "-b", container.bundle, container.id]));
    ok(box().exec(PROGRAM, ["--root", root, "delete", "-f", container.id]));
  });

  it("two roots may hold the same id, when their cgroups differ", () => {
    const container = box().container((config) => (config.linux.cgroupsPath = `/${box().prefix}first`));
    ok(container.create());
    container.configure({
      ...(JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config),
      linux: { cgroupsPath: `/${box().prefix}second`, namespaces: [{ type: "pid" }, { type: "mount" }] },
      hostname: undefined,
      mounts: [],
    });
    ok(box().exec(PROGRAM, ["--root", box().path("other"), "create", "-b", container.bundle, container.id]));
    ok(box().exec(PROGRAM, ["--root", box().path("other"), "delete", "-f", container.id]));
    assert.equal(container.state().status, "created");
    ok(container.delete("-f"));
  });
});

describe("the log", () => {
  const box = useBox();
  const failing = ["state", "unknown"];
  const log = (): string => readFileSync(box().path("log"), "utf8");

  it("has an error as one JSON object, and standard error as a line (CLIENTS 0.4, 0.5)", () => {
    const { stderr } = box().runtime(["--log", box().path("log"), "--log-format", "json", ...failing]);
    const line = JSON.parse(log()) as LogLine;
    assert.equal(line.level, "error");
    assert.match(line.msg, /container does not exist/);
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    assert(Math.abs(Date.parse(line.time) - Date.now()) < 60_000);
    assert.match(stderr, /container does not exist/);
  });

  it("in text is a line as logrus writes it", () => {
    box().runtime(["--log", box().path("log"), ...failing]);
    assert.match(log(), /^time="[^"]+" level=error msg=".*container does not exist.*"\n$/);
  });

  it("is appended to, one object a line, also with --debug, whatever the message holds", () => {
    const container = box().container((config) =>
      config.mounts.push({ destination: "/mnt", type: "bind", source: '/no/"such"\n\u2028/söurce', options: ["bind"] }),
    );
    for (const args of [failing, ["run", "--bundle", container.bundle, container.id], failing])
      box().runtime(["--debug", "--log", box().path("log"), "--log-format", "json", ...args]);
    const lines = log()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LogLine);
    assert.equal(lines.filter(({ level }) => level === "error").length, 3);
    for (const { level, msg, time } of lines) assert(level !== "" && msg !== "" && !Number.isNaN(Date.parse(time)));
  });

  itOurs(
    "with --debug names every step with its time, of both processes, and the program's output is untouched",
    () => {
      const container = box().container((config) => (config.process.args = ["echo", "ran"]));
      const { stdout, stderr } = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id]));
      assert.equal(stdout, "ran\n");
      for (const step of [
        "reserve container id",
        "clone into namespaces",
        "init: mount filesystems",
        "init: pivot into rootfs",
        "record state",
      ])
        assert.match(stderr, new RegExp(`level=debug msg="?${step}: \\d`), step);
    },
  );

  itOurs("unknown properties of config.json are a debug line, and nothing without --debug", () => {
    const container = box().container((config) => {
      config["futureThing"] = { x: 1 };
      config.process["argz"] = ["typo"];
    });
    const { stderr } = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id]));
    assert.match(stderr, /\/futureThing/);
    assert.match(stderr, /\/process\/argz.*args/);
    assert.equal(ok(container.run()).stderr, "");
  });

  itOurs("has a code, the step, the part of config.json, the call, its errno, its path and what to try", () => {
    const container = box().container((config) =>
      config.mounts.push({ destination: "/mnt", type: "bind", source: "/no/such/source", options: ["bind"] }),
    );
    refused(
      box().runtime([
        "--log",
        box().path("log"),
        "--log-format",
        "json",
        "create",
        "--bundle",
        container.bundle,
        container.id,
      ]),
      /no such file or directory/,
    );
    const { time: _time, msg: _msg, hint, ...rest } = JSON.parse(log()) as LogLine & { readonly hint: string };
    assert.deepEqual(rest, {
      level: "error",
      code: "mount-source-missing",
      step: "mount cgroup filesystems and the rest: mount /mnt",
      pointer: "/mounts/7",
      syscall: "open_tree",
      path: "/no/such/source",
      errno: "ENOENT",
    });
    assert.notEqual(hint, "");
  });

  /** Its capabilities are none that a kernel has: a warning. */
  const warning = (config: Config): unknown => (config.process.capabilities = { bounding: ["CAP_BOGUS"] });

  itOurs(
    "in JSON is one object after a failure, with the warnings in it; after a success it is empty (CLIENTS 0.6)",
    () => {
      const failing = box().container((config) => {
        warning(config);
        config.process.args = ["/nope"];
      });
      const json = ["--log", box().path("log"), "--log-format", "json"];
      refused(box().runtime([...json, "run", "--bundle", failing.bundle, failing.id]), /\/nope/);
      const { level, warnings } = JSON.parse(log()) as LogLine & { readonly warnings: readonly string[] };
      assert.equal(level, "error");
      assert.match(warnings.join(), /CAP_BOGUS/);
      unlinkSync(box().path("log"));
      const container = box().container(warning);
      assert.equal(ok(box().runtime([...json, "run", "--bundle", container.bundle, container.id])).stderr, "");
      assert.equal(log(), "");
    },
  );

  itOurs("has warnings as --log-level says: debug, warning, error", () => {
    for (const [flags, expected] of [
      [["--log-level", "warning", "--log-format", "json"], ["warning"]],
      [["--log-level=error"], []],
      [[], ["warning"]],
    ] as const) {
      const container = box().container(warning);
      ok(box().runtime(["--log", box().path("log"), ...flags, "run", "--bundle", container.bundle, container.id]));
      const lines = existsSync(box().path("log"))
        ? [...log().matchAll(/level"?[=:]"?(\w+)/g)].map(([, level]) => level)
        : [];
      assert.deepEqual(lines, expected, flags.join(" "));
      if (lines.length > 0) unlinkSync(box().path("log"));
    }
    const container = box().container(warning);
    assert.match(ok(container.run()).stderr, /^tsrun: warning: .*CAP_BOGUS/);
    assert.equal(
      ok(box().runtime(["--log-level", "error", "run", "--bundle", container.bundle, container.id])).stderr,
      "",
    );
    refused(box().runtime(["--log-level", "loud", "list"]), /invalid log-level: loud/);
  });

  itOurs("goes where --log file:, syslog: and journald: say, as with crun", () => {
    box().runtime(["--log", `file:${box().path("log")}`, ...failing]);
    assert.match(log(), /^time="[^"]+" level=error msg=/);
    const listen = box().path("listen");
    execFileSync("gcc", ["-O2", "-static", "-o", listen, join(PROJECT, "test/system/fixtures/notify.c")]);
    for (const [target, socket, expected] of [
      ["syslog:web1", "/dev/log", /^<11>web1: state unknown: container does not exist/],
      [
        "journald:web1",
        "/run/systemd/journal/socket",
        /^MESSAGE=state unknown: container does not exist.*\\nPRIORITY=3\\nSYSLOG_IDENTIFIER=web1\\nTSRUN_CODE=container-unknown\\n/,
      ],
    ] as const) {
      // Daemons of our own, where nobody else sees them.
      const script = `mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 && mount -t tmpfs tmpfs /run && mkdir -p ${dirname(socket)} && cd ${box().directory} || exit 9
        ${listen} listen ${socket} > heard & until [ -S ${socket} ]; do sleep 0.05; done
        ${PROGRAM} --root ${box().stateRoot} --log ${target} state unknown; until [ $(wc -l < heard) -ge 2 ]; do sleep 0.05; done; kill $!`;
      const { stderr } = box().exec("/usr/bin/unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      });
      assert.match(stderr, /container does not exist/);
      assert.match(readFileSync(box().path("heard"), "utf8").split("\n")[1] ?? "", expected);
    }
  });

  it("that cannot be written is an error before anything is done", () => {
    const container = box().container();
    const { status, stderr } = box().runtime([
      "--log",
      "/nonexistent/log",
      "run",
      "--bundle",
      container.bundle,
      container.id,
    ]);
    assert.equal(status, 1);
    assert.match(stderr, isTsrun ? /open the log: --log: openat\(2\) \/nonexistent\/log: no such file/ : /./);
    assert.equal(stderr.trim().split("\n").length, 1);
  });

  itOurs("that cannot be written does not hide a mistake of the command line", () => {
    const { stderr } = box().runtime(["--log", "/nonexistent/log", "state"]);
    assert.match(stderr, /warning: cannot write the log \/nonexistent\/log\n.*requires exactly 1 argument/);
  });
});

describe("spec", () => {
  const box = useBox();

  it("writes a config.json that runs, and refuses to write over one", () => {
    const container = box().container();
    unlinkSync(join(container.bundle, "config.json"));
    ok(box().exec(PROGRAM, ["spec", "--bundle", container.bundle]));
    refused(box().exec(PROGRAM, ["spec"], { cwd: container.bundle }), /config\.json.*exists/i);
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
    assert.equal(config.process.terminal, true);
    config.process.terminal = false;
    config.process.args = ["echo", "from spec"];
    container.configure(config);
    assert.deepEqual(container.run(), { status: 0, signal: null, stdout: "from spec\n", stderr: "" });
    const { status, stdout } = box().exec(RUNC, [
      "--root",
      box().path("runc"),
      "run",
      "-b",
      container.bundle,
      container.id,
    ]);
    assert.deepEqual([status, stdout], [0, "from spec\n"]);
  });

  it("--rootless adds a user namespace with mappings", () => {
    ok(box().exec(PROGRAM, ["spec", "--rootless"]));
    const config = JSON.parse(readFileSync(box().path("config.json"), "utf8")) as Config;
    assert(config.linux.namespaces.some(({ type }) => type === "user"));
    assert(Array.isArray(config.linux["uidMappings"]));
  });

  it("in a directory that does not exist is an error", () =>
    refused(box().exec(PROGRAM, ["spec", "--bundle", "/nonexistent"]), /no such file or directory/));
});

describe("features", () => {
  const box = useBox();

  it("is JSON on standard output and nothing on standard error, without root and state directory", () => {
    const { stdout, stderr } = ok(
      box().exec("/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "features"], {
        cwd: "/",
      }),
    );
    const features = JSON.parse(stdout) as { readonly [key: string]: unknown };
    assert.equal(stderr, "");
    assert.match(String(features["ociVersionMin"]), /^1\./);
    assert.match(String(features["ociVersionMax"]), /^1\./);
    assert.deepEqual(features["hooks"], [
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
      "poststop",
    ]);
    for (const option of ["rro", "rbind", "tmpcopyup", "rprivate"])
      assert((features["mountOptions"] as string[]).includes(option), option);
    const linux = features["linux"] as {
      readonly namespaces: string[];
      readonly capabilities: string[];
      readonly cgroup: { readonly v1: boolean; readonly v2: boolean };
    };
    for (const name of ["pid", "network", "mount", "ipc", "uts", "cgroup", ...(isTsrun ? ["time"] : [])])
      assert(linux.namespaces.includes(name), name);
    assert(linux.capabilities.includes("CAP_CHECKPOINT_RESTORE"));
    assert.deepEqual([linux.cgroup.v1, linux.cgroup.v2], [true, true]);
  });
});

describe("plan", () => {
  if (!isTsrun) return;
  const box = useBox();
  const unprivileged = (...args: string[]) =>
    box().exec("/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, ...args], {
      cwd: "/",
    });
  type Plan = {
    readonly steps: readonly {
      readonly number?: number;
      readonly process: string;
      readonly step: string;
      readonly acts: readonly { readonly text: string; readonly why: string }[];
    }[];
  };

  it("is numbered steps in words, each with its reason: a JSON pointer or default", () => {
    const container = box().container((config) => {
      config.process.oomScoreAdj = 100;
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.hooks = { createRuntime: [{ path: "/bin/true" }] };
      config.linux.resources = { memory: { limit: 64 * 2 ** 20 } };
    });
    const { stdout, stderr } = ok(box().exec(PROGRAM, ["plan", "-b", container.bundle]));
    assert.equal(stderr, "");
    const numbers = [...stdout.matchAll(/^ *(\d+)\. /gm)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    );
    assert(numbers.length > 10);
    const reasons = new Set([...stdout.matchAll(/\[([^\]]*)\]$/gm)].map(([, why]) => why));
    for (const why of [
      "default",
      "/mounts/0",
      "/linux/namespaces/0",
      "/process/rlimits/0",
      "/process/oomScoreAdj",
      "/linux/sysctl/net.ipv4.ip_forward",
      "/hooks/createRuntime/0",
      "/linux/resources/memory/limit",
      "/hostname",
      "/process/capabilities",
      "/root/readonly",
      "/linux/maskedPaths/0",
      "/process/args",
    ])
      assert(reasons.has(why), `${why} is no reason in\n${stdout}`);
    for (const why of reasons) assert.match(String(why), /^(default|\/|--)/);
  });

  it("gives reasons that are in config.json", () => {
    const container = box().container();
    const { steps } = JSON.parse(ok(box().exec(PROGRAM, ["plan", "--json", "-b", container.bundle])).stdout) as Plan;
    const config: unknown = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8"));
    const there = (pointer: string): boolean =>
      pointer
        .split("/")
        .slice(1)
        .reduce<unknown>(
          (json, key) =>
            (json as { [key: string]: unknown } | undefined)?.[key.replaceAll("~1", "/").replaceAll("~0", "~")],
          config,
        ) !== undefined;
    const wrong = steps.flatMap(({ acts }) => acts).filter(({ why }) => why.startsWith("/") && !there(why));
    assert.deepEqual(wrong, []);
  });

  it("--json is the same for programs", () => {
    const container = box().container();
    const { steps } = JSON.parse(
      ok(box().exec(PROGRAM, ["plan", "--json", "--bundle", container.bundle])).stdout,
    ) as Plan;
    const text = box().exec(PROGRAM, ["plan", "--bundle", container.bundle]).stdout;
    for (const { acts } of steps) for (const act of acts) assert(text.includes(act.text), act.text);
    assert.deepEqual(
      steps.flatMap(({ number, step }) => (number === undefined ? [] : [`${number}. ${step}`])),
      [...text.matchAll(/^ *(\d+\. .*)$/gm)].map(([, line]) => line),
    );
  });

  it("--json is what schemas/plan-schema.json describes", () => {
    const schema: object = JSON.parse(readFileSync(join(PROJECT, "schemas/plan-schema.json"), "utf8"));
    const accepts = new Ajv({ strict: false }).compile(schema);
    for (const options of [["size=1m"], ["siz=5"]]) {
      const container = box().container((config) => {
        config.mounts.push({ destination: "/x", type: "tmpfs", source: "tmpfs", options });
        config.linux.namespaces.push({ type: "time", path: "/proc/self/ns/time" });
      });
      const { stdout } = box().exec(PROGRAM, ["plan", "--json", "--bundle", container.bundle]);
      assert(accepts(JSON.parse(stdout)), JSON.stringify(accepts.errors, null, 1));
    }
  });

  const planned = (change: (config: Config) => void, ...flags: string[]): Result =>
    box().exec(PROGRAM, ["plan", ...flags, "--bundle", box().container(change).bundle]);

  it("shows the options of binds, device rules, arguments of hooks, and what a seccomp profile denies by groups", () => {
    const { stdout } = ok(
      planned((config) => {
        config.mounts.push({ destination: "/mnt", type: "bind", source: "/tmp", options: ["rbind", "ro", "nosuid"] });
        config.hooks = { prestart: [{ path: "/bin/true", args: ["/bin/true", "two words"] }] };
        config.linux.resources = {
          devices: [
            { allow: false, access: "rwm" },
            { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
          ],
        };
        config.linux["seccomp"] = {
          defaultAction: "SCMP_ACT_ERRNO",
          syscalls: [{ names: ["read", "write", "execve"], action: "SCMP_ACT_ALLOW" }],
        };
      }),
    );
    assert.match(stdout, /bind \/tmp on \/mnt with the mounts below it \(ro,nosuid\) {2}\[\/mounts\/7\]/);
    assert.match(stdout, /run \/bin\/true "two words" {2}\[\/hooks\/prestart\/0\]/);
    assert.match(stdout, /refuse every device but these {2}\[\/linux\/resources\/devices\/0\]/);
    assert.match(stdout, /allow read and write fuse \(c 10:229\) {2}\[\/linux\/resources\/devices\/1\]/);
    assert.match(stdout, /deny 1\d calls \(mounts and roots\): mount umount2 .*: EPERM {2}\[\/linux\/seccomp\]/);
    assert.match(stdout, /deny \d{3} calls \(others\): /);
    const groups = stdout.match(/(make|use) the cgroup /g) ?? [];
    assert.equal(groups.length, 1, stdout);
  });

  it("ends with what is shared with the host, and which capabilities are kept", () => {
    const { stdout } = ok(
      planned((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
        config.mounts.push({ destination: "/mnt", type: "bind", source: "/tmp", options: ["bind"] });
      }),
    );
    assert.match(stdout, /\nShared with the host: network, the view of cgroups, users, time\n/);
    assert.match(stdout, /\nFiles of the host that can be written: \/tmp \(on \/mnt\)\n/);
    assert.match(stdout, /\nCapabilities kept: CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE\n/);
  });

  it("says at a step that it will fail here, with status 1, where create fails", () => {
    const cases: [name: string, step: string, change: (config: Config) => void][] = [
      [
        "an option",
        "mount cgroup filesystems and the rest",
        ({ mounts }) => mounts.push({ destination: "/x", type: "tmpfs", options: ["siz=5"] }),
      ],
      ["no root", "prepare rootfs", (config) => (config.root.path = "nowhere")],
      ["no program", "find program", (config) => (config.process.args = ["/nothing"])],
      [
        "no devpts",
        "attach terminal",
        (config) => {
          config.process.terminal = true;
          config.mounts = config.mounts.filter(({ type }) => type !== "devpts");
        },
      ],
    ];
    for (const [name, step, change] of cases) {
      const container = box().container(change);
      const { status, stdout } = box().exec(PROGRAM, ["plan", "--bundle", container.bundle]);
      assert.equal(status, 1, name);
      assert.match(stdout, new RegExp(`^ *\\d+\\. ${step}\\n( {6}.*\\n)* {6}will fail here: `, "m"), name);
      assert.notEqual(box().runtime(["create", "-b", container.bundle, container.id]).status, 0, name);
    }
    assert.equal(planned(() => undefined).status, 0);
  });

  it("--brief has only what config.json asks for, with the numbers of the whole", () => {
    const container = box().container();
    const whole = ok(box().exec(PROGRAM, ["plan", "--bundle", container.bundle])).stdout.split("\n");
    const brief = ok(box().exec(PROGRAM, ["plan", "--brief", "--bundle", container.bundle])).stdout.split("\n");
    assert(brief.length < whole.length);
    for (const line of brief) assert(whole.includes(line), line);
    assert(!brief.some((line) => line.endsWith("[default]")));
  });

  it("--diff shows the steps that differ", () => {
    const [one, other] = [box().container(), box().container((config) => (config.hostname = "other"))];
    const { stdout } = ok(box().exec(PROGRAM, ["plan", "--bundle", one.bundle, "--diff", other.bundle]));
    assert.match(stdout, /^set host and domain name\n {2}- host name container\n {2}\+ host name other$/m);
    assert.doesNotMatch(stdout, /^mount filesystems$/m);
    assert.equal(
      ok(box().exec(PROGRAM, ["plan", "--bundle", one.bundle, "--diff", one.bundle])).stdout,
      "no step differs\n",
    );
  });

  it("counts on descriptors of socket activation as create does: only on its own", () => {
    const container = box().container();
    const planned = (pid: string): string =>
      ok(
        box().exec("/bin/sh", [
          "-c",
          `LISTEN_FDS=1 LISTEN_PID=${pid} exec "$@" 3</etc/passwd`,
          "sh",
          PROGRAM,
          "plan",
          "--bundle",
          container.bundle,
        ]),
      ).stdout;
    assert.match(planned("$$"), /close every descriptor above 3\b/);
    assert.match(planned("1"), /close every descriptor above 2\b/);
  });

  it("has all the steps that run then takes, in that order, and no others", () => {
    const container = box().container((config) => {
      config.hooks = { prestart: [{ path: "/bin/true" }] };
    });
    const { steps } = JSON.parse(
      ok(box().exec(PROGRAM, ["plan", "--json", "--bundle", container.bundle])).stdout,
    ) as Plan;
    const { stderr } = ok(box().runtime(["--debug", "run", "--bundle", container.bundle, container.id]));
    const taken = [...stderr.matchAll(/msg="?(init: )?([^":]+): [\d.]+ ms/g)].map(([, init, step]) => ({
      process: init === undefined ? "runtime" : "init",
      step,
    }));
    // This container joins no pid namespace, and execve does not come back to say how long it took.
    const untold = ["wait for init to enter the pid namespace", "execute"];
    const expected = steps
      .filter(({ step }) => !untold.includes(step))
      .map(({ process, step }) => ({ process: process === "start" ? "init" : process, step }));
    for (const process of ["runtime", "init"])
      assert.deepEqual(
        taken.filter((step) => step.process === process),
        expected.filter((step) => step.process === process),
      );
    // Each step that had something to do says what.
    const silent = steps.filter(({ acts }) => acts.length === 0).map(({ step }) => step);
    for (const step of ["load config.json", "wait for hooks of the runtime", "record state", "execute"])
      assert.ok(!silent.includes(step), step);
  });

  it("changes nothing: no state, no cgroup, no mount, not even a mount point", () => {
    const container = box().container((config) => {
      config.mounts.push({ destination: "/new/mount/point", type: "tmpfs", source: "tmpfs" });
      config.process.cwd = "/new/cwd";
    });
    ok(box().runtime(["plan", "-b", container.bundle]));
    assert.deepEqual([existsSync(container.at("new")), existsSync(box().stateRoot)], [false, false]);
  });

  it("needs no root for a rootless container, and refuses what create would refuse without root", () => {
    const container = box().container();
    for (const path of [box().directory, container.bundle]) ok(box().exec("/bin/chmod", ["755", path]));
    const create = box().exec("/usr/bin/setpriv", [
      ...["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM],
      ...["--root", "/tmp/nowhere", "create", "-b", container.bundle, container.id],
    ]);
    const problems = (stderr: string): readonly string[] =>
      [...stderr.matchAll(/\/linux\/.*$/gm)].map(([line]) => line);
    const plan = unprivileged("plan", "-b", container.bundle);
    refused(plan, /\/linux\/namespaces/);
    assert.deepEqual(problems(plan.stderr), problems(create.stderr));
    mkdirSync(box().path("rootless"));
    ok(box().exec(PROGRAM, ["spec", "--rootless", "--bundle", box().path("rootless")]));
    // There is no root file system: that is said at its step, and the plan is shown all the same.
    assert.match(unprivileged("plan", "-b", box().path("rootless")).stdout, /1\. (.|\n)*will fail here: \S*rootfs: /);
  });

  it("takes the bundle from the working directory", () => {
    const container = box().container();
    assert.match(ok(box().exec(PROGRAM, ["plan"], { cwd: container.bundle })).stdout, /1\. /);
  });

  it("of a config.json that is wrong is the same refusal as create's", () => {
    const container = box().container((config) => {
      config.linux.namespaces.push({ type: "bogus" });
      config.process.cwd = "relative";
    });
    const plan = box().exec(PROGRAM, ["plan", "-b", container.bundle]);
    const create = container.create();
    const problems = (text: string): string[] =>
      text
        .split("\n")
        .map((line) => line.replace(/^tsrun: \w+( \S+)?: (load config\.json: )?/, ""))
        .map((line) => line.slice(line.indexOf("/")));
    refused(plan, /\/linux\/namespaces\/5\/type[^]*\/process\/cwd|\/process\/cwd[^]*\/linux\/namespaces\/5\/type/);
    assert.deepEqual(problems(plan.stderr), problems(create.stderr));
  });
});

describe("64-bit integers", () => {
  if (!isTsrun) return;
  const box = useBox();
  const large = "9223372036854771712";
  const largest = "18446744073709551615";

  it("go exactly from config.json to the plan, in words and in JSON", () => {
    const container = box().container((config) => {
      config.process.rlimits = [{ type: "RLIMIT_CORE", soft: "A", hard: "B" }];
      config.linux.resources = { memory: { limit: "A", reservation: "A" }, pids: { limit: "A" } };
      config.linux["seccomp"] = undefined;
    });
    const file = join(container.bundle, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"A"', large).replaceAll('"B"', largest));
    for (const flags of [[], ["--json"]]) {
      // No kernel has so many processes: the plan is shown all the same.
      const { stdout } = box().exec(PROGRAM, ["plan", ...flags, "-b", container.bundle]);
      assert.equal(stdout.split(large).length - 1 >= 4, true, stdout);
      assert.equal(stdout.includes(largest), true, stdout);
      assert.equal(/922337203685477[23]\d{3}|18446744073709552000|9\.22/.test(stdout.replaceAll(large, "")), false);
    }
  });

  it("in annotations and ids are text and stay so", () => {
    const container = box().container((config) => (config.annotations = { limit: large, max: largest }));
    ok(container.create());
    assert.deepEqual((container.state() satisfies State).annotations, { limit: large, max: largest });
    ok(container.delete("-f"));
  });

  it("too large for their field are refused with the field's name", () => {
    const container = box().container(
      (config) => (config.process.rlimits = [{ type: "RLIMIT_CORE", soft: "A", hard: "A" }]),
    );
    const file = join(container.bundle, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll('"A"', "18446744073709551616"));
    refused(container.create(), /\/process\/rlimits\/0\/(soft|hard)/);
  });
});
