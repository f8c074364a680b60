import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { eventually, fields, isTsrun, itOurs, ok, PROGRAM, refused, user, useBox, type Container } from "./harness.ts";

const status = "cat /proc/self/status";

describe("the user", () => {
  const box = useBox();

  it("and groups are those of config.json, and no others", () => {
    const inside = fields(
      box().inside(status, (config) => (config.process.user = user(1000, 1001, { additionalGids: [5, 50, 100000] }))),
    );
    assert.deepEqual(
      [inside["Uid"], inside["Gid"], inside["Groups"]],
      ["1000\t1000\t1000\t1000", "1001\t1001\t1001\t1001", "5 50 100000"],
    );
    assert.equal(fields(box().inside(status))["Groups"], "");
  });

  itOurs("and its groups: run.oci.keep_original_groups keeps those of the caller, for exec as well (crun)", () => {
    const groups = (value: string, change: (config: Config) => void = () => undefined): string[] => {
      const container = box().container((config) => {
        config.process.args = ["sh", "-c", "grep Groups /proc/self/status > /groups; sleep 60"];
        config.root.readonly = false;
        config.annotations = { "run.oci.keep_original_groups": value };
        change(config);
      });
      chmodSync(container.rootfs, 0o777);
      const asMember = (...words: string[]): string =>
        ok(box().exec("/usr/bin/setpriv", ["--groups", "7,4711", PROGRAM, "--root", box().stateRoot, ...words])).stdout;
      asMember("run", "--detach", "--bundle", container.bundle, container.id);
      eventually(
        "it has written",
        () => existsSync(container.at("groups")) && readFileSync(container.at("groups"), "utf8") !== "",
      );
      const seen = [
        readFileSync(container.at("groups"), "utf8"),
        asMember("exec", container.id, "grep", "Groups", "/proc/self/status"),
      ];
      ok(container.delete("--force"));
      return seen.map((line) => line.replace("Groups:\t", "").trim());
    };
    assert.deepEqual(groups("1"), ["7 4711", "7 4711"]);
    assert.deepEqual(groups("0"), ["", ""]);
    const inUserNamespace = (config: Config): void => {
      config.linux.namespaces.push({ type: "user" });
      config.linux["uidMappings"] = config.linux["gidMappings"] = [
        { containerID: 0, hostID: 100_000, size: 100 },
        { containerID: 100, hostID: 4711, size: 1 },
      ];
    };
    assert.deepEqual(groups("true", inUserNamespace), ["65534 100", "65534 100"]);
  });

  it("has the umask of config.json, and 0022 without one", () => {
    assert.equal(box().inside("umask"), "0022\n");
    assert.equal(
      box().inside("umask", (config) => (config.process.user = user(0, 0, { umask: 0o077 }))),
      "0077\n",
    );
  });

  it("owns its standard streams when they are the runtime's own", () => {
    const container = box().container((config) => {
      config.process.user = user(1000);
      config.process.args = ["sh", "-c", "echo reopened > /dev/stdout"];
    });
    const file = openSync(box().path("out"), "w");
    const { status } = spawnSync(
      PROGRAM,
      ["--root", box().stateRoot, "run", "--detach", "-b", container.bundle, container.id],
      { stdio: ["ignore", file, file], env: {} },
    );
    const { uid } = fstatSync(file);
    closeSync(file);
    container.waitFor("stopped");
    ok(container.delete());
    assert.equal(status, 0, readFileSync(box().path("out"), "utf8"));
    assert.equal(uid, 1000);
  });

  it("does not get the host's /dev/null", () => {
    const owner = (): number => statSync("/dev/null").uid;
    const before = owner();
    ok(
      box()
        .container((config) => (config.process.user = user(1000)))
        .run(["--detach"], { input: "" }),
    );
    assert.equal(owner(), before);
    for (const { id } of JSON.parse(box().runtime(["list", "--format", "json"]).stdout) as { id: string }[])
      ok(box().runtime(["delete", "--force", id]));
  });
});

describe("the environment", () => {
  const box = useBox();

  const environment = (env: string[], change: (config: Config) => void = () => undefined): string[] => {
    const container = box().container((config) => {
      config.process.env = env;
      config.process.args = ["/bin/busybox", "cat", "/proc/self/environ"];
      change(config);
    });
    return ok(container.run()).stdout.split("\0").slice(0, -1);
  };

  it("is that of config.json and nothing of the caller's", () => {
    assert.deepEqual(environment(["PATH=/bin", "A=b=c", "EMPTY=", "ü=ö 1", "HOME=/x"]), [
      "PATH=/bin",
      "A=b=c",
      "EMPTY=",
      "ü=ö 1",
      "HOME=/x",
    ]);
  });

  it("gives a variable its last value", () => {
    assert.deepEqual(
      environment(["A=1", "PATH=/bin", "A=2", "HOME=/"]).filter((entry) => entry.startsWith("A=")),
      ["A=2"],
    );
  });

  it("has a HOME from the container's /etc/passwd, and / for a user who is not in it", () => {
    const home = (uid: number): string | undefined =>
      environment(["PATH=/bin"], (config) => (config.process.user = user(uid))).find((entry) =>
        entry.startsWith("HOME="),
      );
    assert.deepEqual([0, 1000, 4711].map(home), ["HOME=/root", "HOME=/home/user", "HOME=/"]);
    assert.deepEqual(environment(["PATH=/bin", "HOME="]), ["PATH=/bin", "HOME=/root"], "an empty one is none");
  });
});

describe("the working directory", () => {
  const box = useBox();

  it("is that of config.json", () =>
    assert.equal(
      box().inside("pwd; readlink /proc/self/cwd", (config) => (config.process.cwd = "/usr/bin")),
      "/usr/bin\n/usr/bin\n",
    ));

  it("is made when it is missing", () => {
    assert.equal(
      box().inside("pwd", (config) => {
        config.root.readonly = false;
        config.process.cwd = "/made/for/me";
      }),
      "/made/for/me\n",
    );
  });

  it("is made also where the root is read-only afterwards", () => {
    assert.equal(
      box().inside("pwd; touch x 2>&1 || true", (config) => (config.process.cwd = "/made/for/me")),
      "/made/for/me\ntouch: x: Read-only file system\n",
    );
  });

  it("that only the user may enter is entered as the user", () => {
    const container = box().container((config) => {
      config.process.user = user(1000);
      config.process.cwd = "/home/user"; // 0700, of uid 1000, and the container's root has no CAP_DAC_OVERRIDE
      config.process.args = ["pwd"];
    });
    assert.equal(ok(container.run()).stdout, "/home/user\n");
  });

  it("that only root may enter is entered as root, before the user is set", () => {
    const container = box().container((config) => {
      config.process.user = user(1000);
      config.process.cwd = "/private";
      config.process.args = ["sh", "-c", "id -u; pwd; ls"];
    });
    mkdirSync(container.at("private"), { mode: 0o700 });
    const { stdout, stderr } = container.run();
    assert.equal(stdout, "1000\n/private\n");
    assert.match(stderr, /Permission denied/);
  });

  it("that is a file is refused at create", () => {
    refused(
      box()
        .container((config) => (config.process.cwd = "/etc/passwd"))
        .create(),
      /not a directory/,
    );
  });

  it("is inside of the container, whatever descriptors the caller left open (CVE-2024-21626)", () => {
    for (const number of [3, 5, 7, 8, 9]) {
      const container = box().container((config) => {
        config.process.cwd = `/proc/self/fd/${number}`;
        config.process.args = ["cat", "../../../../../../../../etc/hostname"];
      });
      writeFileSync(box().path("run"), `exec 3</ 5</ 7</ 8</ 9</\nexec "$@"\n`);
      const { status, stdout } = box().exec("/bin/sh", [
        box().path("run"),
        PROGRAM,
        "--root",
        box().stateRoot,
        "run",
        "-b",
        container.bundle,
        container.id,
      ]);
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
    }
  });
});

describe("the program", () => {
  const box = useBox();

  it("is given its arguments as they are", () => {
    const container = box().container(
      (config) => (config.process.args = ["printf", "[%s]", "", "a b", "ü\n", "$HOME", "-x"]),
    );
    assert.equal(ok(container.run()).stdout, "[][a b][ü\n][$HOME][-x]");
  });

  it("is looked for in the PATH of config.json, in the container", () => {
    const container = box().container((config) => {
      config.process.env = ["PATH=/nonexistent:/tmp/tools:/bin"];
      config.process.args = ["tool"];
      config.root.readonly = false;
    });
    mkdirSync(container.at("tmp/tools"));
    writeFileSync(container.at("tmp/tools/tool"), "#!/bin/sh\necho found $0\n", { mode: 0o755 });
    assert.equal(ok(container.run()).stdout, "found /tmp/tools/tool\n");
  });

  it("with a relative path is found from the working directory", () => {
    assert.equal(
      ok(
        box()
          .container((config) => {
            config.process.cwd = "/bin";
            config.process.args = ["./busybox", "echo", "here"];
          })
          .run(),
      ).stdout,
      "here\n",
    );
  });

  it("that is skipped in PATH for being a directory or not executable is found further on", () => {
    const container = box().container((config) => {
      config.process.env = ["PATH=/etc:/bin"];
      config.process.args = ["echo", "right"];
    });
    writeFileSync(container.at("etc/echo"), "");
    assert.equal(ok(container.run()).stdout, "right\n");
  });

  for (const [what, args, message] of [
    ["is not in PATH", ["nosuchprogram"], /executable file not found in \$PATH/],
    ["is missing", ["/no/such/program"], /\/no\/such\/program.*no such file or directory/],
    ["is a directory", ["/etc"], /is a directory|permission denied/i],
    ["is not executable", ["/etc/passwd"], /permission denied/],
    ["is the empty string", [""], /executable file not found in \$PATH|no such file or directory/],
    ["lies below a file", ["/etc/passwd/x"], /not a directory/],
  ] as const) {
    it(`that ${what} is refused at create already`, () => {
      refused(
        box()
          .container((config) => (config.process.args = [...args]))
          .create(),
        message,
      );
    });
  }

  it("that is a script without its interpreter is an error of start that says so", () => {
    const container = box().container((config) => (config.process.args = ["/script"]));
    writeFileSync(container.at("script"), "#!/no/interpreter\n", { mode: 0o755 });
    ok(container.create());
    const { status, stderr } = container.start();
    if (isTsrun) {
      assert.equal(status, 1);
      assert.match(stderr, /no such file or directory/);
    }
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("behind a symlink to nowhere is refused", () => {
    const container = box().container((config) => (config.process.args = ["/link"]));
    symlinkSync("/nowhere", container.at("link"));
    refused(container.create(), /no such file or directory/);
  });
});

describe("rights", () => {
  const box = useBox();
  const capabilities = (
    config: Config,
    ...[bounding, effective, permitted, inheritable, ambient]: string[][]
  ): void => {
    config.process.capabilities = Object.fromEntries(
      Object.entries({ bounding, effective, permitted, inheritable, ambient }).filter(([, list]) => list !== undefined),
    ) as Record<string, string[]>;
  };
  const sets = (text: string): string[] =>
    ["CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb"].map((name) =>
      String(fields(text)[name]).replace(/^0+(?=.)/, ""),
    );

  it("of root are the five capability sets of config.json", () => {
    const inside = box().inside(status, (config) => {
      capabilities(
        config,
        ["CAP_CHOWN", "CAP_KILL", "CAP_BPF"],
        ["CAP_CHOWN"],
        ["CAP_CHOWN", "CAP_KILL"],
        ["CAP_KILL"],
        ["CAP_KILL"],
      );
      config.process.noNewPrivileges = false;
    });
    // [kernel] execve gives root what is bounding or inheritable, whatever was effective before.
    assert.deepEqual(
      sets(inside),
      ["8000000021", "8000000021", "8000000021", "20", "0"].map((value, i) => (i === 4 ? sets(inside)[4] : value)),
    );
  });

  it("of a user are the ambient set only", () => {
    const inside = box().inside(status, (config) => {
      capabilities(
        config,
        ["CAP_CHOWN", "CAP_KILL"],
        ["CAP_KILL"],
        ["CAP_CHOWN", "CAP_KILL"],
        ["CAP_KILL"],
        ["CAP_KILL"],
      );
      config.process.user = user(1000);
    });
    assert.deepEqual(sets(inside), ["21", "20", "20", "20", "20"]);
  });

  it("are none without capabilities in config.json", () => {
    assert.deepEqual(sets(box().inside(status, (config) => void delete config.process.capabilities)), [
      "0",
      "0",
      "0",
      "0",
      "0",
    ]);
  });

  it("of unknown names are ignored with a warning", () => {
    const container = box().container((config) => {
      capabilities(config, ["CAP_NOT_YET_INVENTED", "CAP_CHOWN"], ["CAP_AGAIN_UNKNOWN"]);
      config.process.args = ["sh", "-c", status];
    });
    const { status: exit, stdout, stderr } = container.run();
    assert.equal(exit, 0, stderr);
    assert.equal(sets(stdout)[0], "1");
    assert.match(
      stderr,
      isTsrun
        ? /ignoring unknown or unavailable capabilities: \[CAP_AGAIN_UNKNOWN CAP_NOT_YET_INVENTED\]/
        : /CAP_NOT_YET_INVENTED/,
    );
    assert.equal(stderr.trim().split("\n").length, 1);
  });

  it("of the ambient set that are not permitted and inheritable are left out with a warning, as with runc", () => {
    const container = box().container((config) => {
      capabilities(config, ["CAP_CHOWN"], ["CAP_CHOWN"], ["CAP_CHOWN"], [], ["CAP_CHOWN"]);
      config.process.user = user(1000);
      config.process.args = ["sh", "-c", status];
    });
    const { status: exit, stdout, stderr } = container.run();
    assert.equal(exit, 0, stderr);
    assert.equal(sets(stdout)[4], "0");
    if (isTsrun) assert.match(stderr, /warning.*can't raise ambient capability CAP_CHOWN: operation not permitted/);
  });

  it("cannot grow with noNewPrivileges, can without", () => {
    const nnp = (value: boolean): string | undefined =>
      fields(box().inside(status, (config) => (config.process.noNewPrivileges = value)))["NoNewPrivs"];
    assert.deepEqual([nnp(true), nnp(false)], ["1", "0"]);
  });
});

describe("limits", () => {
  const box = useBox();

  it("of config.json are set, soft and hard", () => {
    const inside = box().inside("cat /proc/self/limits", (config) => {
      config.process.rlimits = [
        { type: "RLIMIT_NOFILE", soft: 512, hard: 700 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
        { type: "RLIMIT_CPU", soft: 3600, hard: 7200 },
        { type: "RLIMIT_MSGQUEUE", soft: 1000, hard: 819200 },
        { type: "RLIMIT_NICE", soft: 0, hard: 0 },
      ];
    });
    const limit = (name: string): string =>
      (inside.split("\n").find((line) => line.startsWith(name)) ?? "")
        .slice(name.length)
        .trim()
        .split(/\s+/)
        .slice(0, 2)
        .join(" ");
    assert.deepEqual(
      [limit("Max open files"), limit("Max core file size"), limit("Max cpu time"), limit("Max msgqueue size")],
      ["512 700", "0 0", "3600 7200", "1000 819200"],
    );
  });

  it("may be 2^64 - 1, which is unlimited", () => {
    const container = box().container((config) => {
      config.process.rlimits = [{ type: "RLIMIT_FSIZE", soft: "huge", hard: "huge" }];
      config.process.args = ["sh", "-c", "grep 'Max file size' /proc/self/limits"];
    });
    container.configureText(
      readFileSync(join(container.bundle, "config.json"), "utf8").replaceAll('"huge"', "18446744073709551615"),
    );
    assert.match(ok(container.run()).stdout, /unlimited +unlimited/);
  });

  it("above 2^53 are set exactly", () => {
    const container = box().container((config) => {
      config.process.rlimits = [{ type: "RLIMIT_FSIZE", soft: "big", hard: "bigger" }];
      config.process.args = ["sh", "-c", "grep 'Max file size' /proc/self/limits"];
    });
    container.configureText(
      readFileSync(join(container.bundle, "config.json"), "utf8")
        .replace('"big"', "9223372036854771713")
        .replace('"bigger"', "9223372036854771715"),
    );
    assert.match(ok(container.run()).stdout, /9223372036854771713 +9223372036854771715/);
  });

  it("oomScoreAdj is the process's, and without one that of the caller", () => {
    assert.equal(
      box().inside("cat /proc/self/oom_score_adj", (config) => (config.process.oomScoreAdj = 321)),
      "321\n",
    );
    assert.equal(box().inside("cat /proc/self/oom_score_adj"), readFileSync("/proc/self/oom_score_adj", "utf8"));
  });

  it("no signal is blocked or ignored in the container, whatever the caller does with it", () => {
    const container = box().container((config) => (config.process.args = ["grep", "^Sig[BI]", "/proc/self/status"]));
    const script = box().write("run", 'trap "" HUP INT USR1 PIPE\nexec "$@"\n');
    const { stdout } = ok(
      box().exec("/bin/sh", [script, PROGRAM, "--root", box().stateRoot, "run", "-b", container.bundle, container.id]),
    );
    const mask = fields(stdout);
    assert.equal(mask["SigBlk"], "0000000000000000");
    if (isTsrun) assert.equal(mask["SigIgn"], "0000000000000000");
  });

  it("the process is the leader of a session of its own", () => {
    const [pid, , , , , session] = box()
      .inside("cat /proc/self/stat; true", (config) => (config.process.args = ["cat", "/proc/self/stat"]))
      .split(" ");
    assert.deepEqual([pid, session], ["1", "1"]);
  });
});

describe("descriptors", () => {
  const box = useBox();

  /** What the container has open when the caller had `open` open (shell redirections). */
  function descriptors(open: string, flags: readonly string[] = [], env = ""): string[] {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "ls /proc/self/fd; env"]));
    const script = box().write("run", `exec ${open}\n${env}exec "$@"\n`);
    const { stdout } = ok(
      box().exec("/bin/sh", [
        script,
        PROGRAM,
        "--root",
        box().stateRoot,
        "run",
        ...flags,
        "-b",
        container.bundle,
        container.id,
      ]),
    );
    return stdout
      .trim()
      .split("\n")
      .filter((line) => /^\d+$|^LISTEN/.test(line));
  }

  it("of the caller do not reach the container", () => {
    assert.deepEqual(descriptors("5</etc/passwd 9</"), ["0", "1", "2", "3"]); // 3: ls reads the directory
  });

  it("of the runtime are not in the container while it is created", () => {
    const container = box().container();
    ok(container.create());
    const { pid } = container.state();
    const open = box()
      .exec("/bin/ls", ["-l", `/proc/${pid}/fd`])
      .stdout.split("\n")
      .filter((line) => line.includes("->"));
    assert.deepEqual(
      open.filter((line) => / -> \/(?!dev\/null|tmp)/.test(line) && !line.includes(box().directory)),
      [],
    );
    ok(container.delete("--force"));
  });

  it("that --preserve-fds asks for do", () => {
    assert.deepEqual(descriptors("3</etc/passwd 4</etc/group 5</etc/hosts 6</", ["--preserve-fds", "3"]), [
      "0",
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
    ]);
  });

  it("that --preserve-fds asks for and that are not open are refused", () => {
    const container = box().container();
    const { status } = container.run(["--preserve-fds", "2"]);
    assert.equal(status, isTsrun ? 1 : status);
  });

  it("of socket activation do, with LISTEN_FDS and the container's own LISTEN_PID", () => {
    assert.deepEqual(descriptors("3</etc/passwd 4</etc/group 5</", [], "LISTEN_FDS=2 LISTEN_PID=$$ "), [
      "0",
      "1",
      "2",
      "3",
      "4",
      "5",
      "LISTEN_FDS=2",
      "LISTEN_PID=1",
    ]);
  });

  it("of socket activation that is somebody else's, or without LISTEN_PID, do not", () => {
    assert.deepEqual(descriptors("3</etc/passwd", [], "LISTEN_FDS=1 LISTEN_PID=1 "), ["0", "1", "2", "3"]);
    assert.deepEqual(descriptors("3</etc/passwd", [], "LISTEN_FDS=1 "), ["0", "1", "2", "3"]);
  });

  itOurs("0 to 2 that the caller closed are /dev/null", () => {
    const container = box().container(
      (config) => (config.process.args = ["sh", "-c", "for n in 0 1 2; do readlink /proc/self/fd/$n; done > /out"]),
    );
    container.configure({
      ...(JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as object),
      root: { path: "rootfs" },
    });
    const script = box().write("run", 'exec "$@" <&- >&- 2>&-\n');
    ok(
      box().exec("/bin/sh", [script, PROGRAM, "--root", box().stateRoot, "run", "-b", container.bundle, container.id]),
    );
    assert.equal(readFileSync(container.at("out"), "utf8"), "/dev/null\n/out\n/dev/null\n");
    rmSync(container.at("out"));
  });
});

describe("kernel parameters", () => {
  const box = useBox();

  it("of the container's namespaces are set, with dots and with slashes", () => {
    const inside = box().inside(
      "cd /proc/sys; cat net/ipv4/ip_forward kernel/msgmax net/ipv4/conf/lo/forwarding fs/mqueue/msg_max",
      (config) => {
        config.linux.sysctl = {
          "net.ipv4.ip_forward": "1",
          "kernel.msgmax": "9000",
          "net/ipv4/conf/lo/forwarding": "1",
          "fs.mqueue.msg_max": "77",
        };
      },
    );
    assert.equal(inside, "1\n9000\n1\n77\n");
  });

  it("of the host are refused", () => {
    for (const name of ["kernel.panic", "vm.swappiness", "kernel.hostname"]) {
      refused(
        box()
          .container((config) => (config.linux.sysctl = { [name]: "1" }))
          .run(),
        new RegExp(name.replace(".", "\\.")),
      );
    }
  });

  it("of a namespace that the container shares are refused", () => {
    refused(
      box()
        .container((config) => {
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
          config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        })
        .run(),
      /net\.ipv4\.ip_forward/,
    );
  });

  it("of a network namespace that is the host's by its path are refused, of another one set", () => {
    const before = readFileSync("/proc/sys/net/ipv4/conf/lo/forwarding", "utf8");
    const joining = (path: string): Container =>
      box().container((config) => {
        config.linux.namespaces = config.linux.namespaces.map((namespace) =>
          namespace.type === "network" ? { type: "network", path } : namespace,
        );
        config.linux.sysctl = { "net.ipv4.conf.lo.forwarding": before === "1\n" ? "0" : "1" };
        config.process.args = ["cat", "/proc/sys/net/ipv4/conf/lo/forwarding"];
      });
    for (const path of ["/proc/self/ns/net", `/proc/${process.pid}/ns/net`])
      refused(joining(path).run(), /sysctl "net\.ipv4\.conf\.lo\.forwarding" not allowed in host network namespace/);
    assert.equal(readFileSync("/proc/sys/net/ipv4/conf/lo/forwarding", "utf8"), before);
    const other = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(other.run(["--detach"]));
    assert.notEqual(ok(joining(`/proc/${other.state().pid}/ns/net`).run()).stdout, before);
    ok(other.delete("--force"));
  });

  it("kernel.domainname goes with a uts namespace, kernel.hostname never: it has a field of its own", () => {
    assert.equal(
      box().inside(
        "cat /proc/sys/kernel/domainname",
        (config) => (config.linux.sysctl = { "kernel.domainname": "here.example" }),
      ),
      "here.example\n",
    );
    refused(
      box()
        .container((config) => (config.linux.sysctl = { "kernel.hostname": "here" }))
        .run(),
      /kernel\.hostname.*conflicts with the OCI "hostname" field/,
    );
    refused(
      box()
        .container((config) => {
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts");
          delete config.hostname;
          config.linux.sysctl = { "kernel.domainname": "here.example" };
        })
        .run(),
      /kernel\.domainname/,
    );
  });

  it("that do not exist are an error that names them", () => {
    refused(
      box()
        .container((config) => (config.linux.sysctl = { "net.no.such": "1" }))
        .run(),
      /net[./]no[./]such.*no such file or directory/,
    );
  });
});
