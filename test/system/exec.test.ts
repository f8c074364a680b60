import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import {
  ended,
  eventually,
  fields,
  itOurs,
  itWithTimeNamespaces,
  ok,
  PROGRAM,
  removeGroup,
  shareNamespace,
  soon,
  useBox,
  user,
  type Box,
  type Container,
  type Result,
} from "./harness.ts";
import type { Config } from "./bundle.ts";
import { listen, OnTerminal, useTerminals } from "./terminal.ts";

/** A container that sleeps. */
function sleeper(box: Box, change: (config: Config) => void = () => undefined): Container {
  const container = box.container((config) => {
    config.process.args = ["sleep", "60"];
    change(config);
  });
  ok(container.run(["--detach"]));
  return container;
}

function exec(container: Container, ...words: string[]): Result {
  const [flags, args] =
    words[0] === "--"
      ? [[], words.slice(1)]
      : [words.slice(0, words.indexOf("--")), words.slice(words.indexOf("--") + 1)];
  return container.box.runtime(["exec", ...flags, container.id, ...args]);
}

/** exec fails before there is a process: status 255, one line on standard error. */
function refusedExec(result: Result, message: RegExp): void {
  assert.match(result.stderr, message);
  assert.equal(result.status, 255, result.stderr);
  assert.equal(result.stdout, "");
}

describe("exec", () => {
  const box = useBox();

  it("runs in the container's namespaces and cgroups", () => {
    const container = sleeper(box(), (config) => config.linux.namespaces.push({ type: "cgroup" }));
    const { pid } = container.state();
    const types = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    const { stdout } = ok(
      exec(
        container,
        "--",
        "sh",
        "-c",
        `for ns in ${types.join(" ")}; do readlink /proc/self/ns/$ns; done; cat /proc/self/cgroup`,
      ),
    );
    const expected = types.map((type) => readlinkSync(`/proc/${pid}/ns/${type}`)).join("\n");
    assert.equal(stdout.startsWith(`${expected}\n`), true, `${stdout}\n${expected}`);
    assert.deepEqual(
      stdout
        .split("\n")
        .slice(types.length)
        .filter((line) => line !== "" && !line.endsWith(":/")),
      [],
    ); // the cgroup namespace's root is its cgroup
    ok(container.delete("--force"));
  });

  it("runs in the container's cgroups where it has no cgroup namespace", () => {
    const container = sleeper(box());
    assert.equal(
      ok(exec(container, "--", "cat", "/proc/self/cgroup")).stdout,
      readFileSync(`/proc/${container.state().pid}/cgroup`, "utf8"),
    );
    ok(container.delete("--force"));
  });

  it("shares what the container shares with the host", () => {
    const container = sleeper(box(), (config) => {
      for (const type of ["network", "pid", "ipc"]) shareNamespace(config, type);
    });
    const { stdout } = ok(
      exec(container, "--", "sh", "-c", "for ns in ipc net pid; do readlink /proc/self/ns/$ns; done; hostname"),
    );
    assert.equal(
      stdout,
      `${["ipc", "net", "pid"].map((type) => readlinkSync(`/proc/self/ns/${type}`)).join("\n")}\ncontainer\n`,
    );
    ok(container.delete("--force"));
  });

  itOurs("runs in the container's root where it has no mount namespace", () => {
    const container = sleeper(box(), (config) => {
      shareNamespace(config, "mount");
      config.mounts = [];
      config.root.readonly = false;
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    writeFileSync(container.at("here"), "");
    assert.equal(
      ok(exec(container, "--", "sh", "-c", "ls /here; readlink /proc/self/ns/mnt; cd /; pwd")).stdout.split("\n")[0],
      "/here",
    );
    refusedExec(exec(container, "--cwd", "/nonexistent", "--", "true"), /no such file or directory/);
    ok(container.delete("--force"));
  });

  for (const low of [4, 6]) {
    itOurs(`runs with a limit of ${low} descriptors`, () => {
      const container = sleeper(box());
      const file = box().write(
        "process.json",
        JSON.stringify({
          args: ["sh", "-c", "ulimit -n"],
          cwd: "/",
          env: ["PATH=/bin"],
          rlimits: [{ type: "RLIMIT_NOFILE", soft: low, hard: low }],
        }),
      );
      assert.equal(ok(box().runtime(["exec", "--process", file, container.id])).stdout, `${low}\n`);
      ok(container.delete("--force"));
    });
  }

  itWithTimeNamespaces("runs in the container's time namespace", () => {
    const container = sleeper(box(), (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs: 1_000_000 } };
    });
    const uptime = Number(ok(exec(container, "--", "cat", "/proc/uptime")).stdout.split(" ")[0]);
    assert.equal(uptime > 1_000_000, true, String(uptime));
    ok(container.delete("--force"));
  });

  for (const status of [0, 1, 42, 254]) {
    it(`ends with the process's status ${status}`, () => {
      const container = sleeper(box());
      assert.equal(exec(container, "--", "sh", "-c", `exit ${status}`).status, status);
      ok(container.delete("--force"));
    });
  }

  it("ends with 128 + the signal that ended the process", () => {
    const container = sleeper(box());
    assert.equal(exec(container, "--", "sh", "-c", "kill -TERM $$; sleep 5").status, 143);
    ok(container.delete("--force"));
  });

  itOurs("ends with 255 and says why when there is no process", () => {
    const container = sleeper(box());
    refusedExec(
      exec(container, "--", "no-such-program"),
      /exec: "no-such-program": executable file not found in \$PATH/,
    );
    refusedExec(
      exec(container, "--", "/nonexistent"),
      /exec: "\/nonexistent": stat \/nonexistent: no such file or directory/,
    );
    refusedExec(exec(container, "--", "/etc/passwd"), /exec: "\/etc\/passwd": permission denied/);
    refusedExec(exec(container, "--", "/etc"), /exec: "\/etc": is a directory/);
    refusedExec(
      exec(container, "--pid-file", "/non-existent/directory/pid", "--", "sleep", "60"),
      /no such file or directory/,
    );
    refusedExec(exec(container, "--cwd", "/nonexistent", "--", "true"), /no such file or directory/);
    refusedExec(box().runtime(["exec", container.id]), /exec args cannot be empty/);
    refusedExec(box().runtime(["exec", "no-such-container", "true"]), /container does not exist/);
    ok(container.delete("--force"));
  });

  itOurs("says what execve says of a file that is no program", () => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
    });
    writeFileSync(container.at("run.sh"), "#!/mmnnttbb foo bar\nsh\n", { mode: 0o755 });
    ok(container.run(["--detach"]));
    refusedExec(exec(container, "--", "/run.sh"), /^[^\n]*\/run\.sh[^\n]*no such file or directory[^\n]*\n$/);
    ok(container.delete("--force"));
  });

  it("refuses a container that has stopped, and takes one that was only created", () => {
    const container = box().container();
    ok(container.create());
    assert.equal(ok(exec(container, "--", "echo", "hello")).stdout, "hello\n");
    ok(container.start());
    container.waitFor("stopped");
    refusedExec(exec(container, "--", "true"), /cannot exec in a stopped container/);
    ok(container.delete());
  });

  it("refuses a paused container; with --ignore-paused the process runs when that is resumed", async () => {
    const container = sleeper(box());
    const group =
      box()
        .cgroups()
        .find((path) => path.includes("/freezer/")) ??
      box().cgroups()[0] ??
      "";
    const [file, frozen, thawed] = existsSync(join(group, "freezer.state"))
      ? ["freezer.state", "FROZEN", "THAWED"]
      : ["cgroup.freeze", "1", "0"];
    writeFileSync(join(group, file), frozen);
    try {
      container.waitFor("paused");
      refusedExec(
        exec(container, "--", "true"),
        /cannot exec in a paused container \(use --ignore-paused to override\)/,
      );
      const end = box().beside(["exec", "--ignore-paused", container.id, "echo", "resumed"]);
      await new Promise((next) => setTimeout(next, 200));
      writeFileSync(join(group, file), thawed);
      assert.equal(ok(await end).stdout, "resumed\n");
    } finally {
      writeFileSync(join(group, file), thawed);
    }
    ok(container.delete("--force"));
  });

  itOurs("keeps what the container's process has", () => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.process.user = user(1000, 100, { additionalGids: [7, 8], umask: 0o027 });
      config.process.cwd = "/tmp";
      config.process.env.push("FROM=config");
      config.process.oomScoreAdj = 123;
      config.process.rlimits = [
        { type: "RLIMIT_NOFILE", soft: 77, hard: 99 },
        { type: "RLIMIT_CORE", soft: 0, hard: "RLIM_INFINITY" },
      ];
      config.process.capabilities = {
        bounding: ["CAP_KILL", "CAP_CHOWN"],
        effective: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      };
    });
    // A number that JavaScript cannot write.
    container.configureText(
      readFileSync(join(container.bundle, "config.json"), "utf8").replace('"RLIM_INFINITY"', "18446744073709551615"),
    );
    ok(container.run(["--detach"]));
    const script =
      "id -u; id -g; id -G; umask; pwd; echo $FROM $HOME; cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; ulimit -Hc; grep -E 'Cap|NoNew' /proc/self/status";
    const { stdout } = ok(exec(container, "--", "sh", "-c", script));
    assert.equal(
      stdout.replace(/\t/g, " "),
      [
        "1000",
        "100",
        "100 7 8",
        "0027",
        "/tmp",
        "config /home/user",
        "123",
        "77",
        "99",
        "unlimited",
        "CapInh: 0000000000000020",
        "CapPrm: 0000000000000020",
        "CapEff: 0000000000000020",
        "CapBnd: 0000000000000021",
        "CapAmb: 0000000000000020",
        "NoNewPrivs: 1",
        "",
      ].join("\n"),
    );
    ok(container.delete("--force"));
  });

  itOurs("takes the container as it was created: later edits of config.json do not matter", () => {
    const container = sleeper(box(), (config) => config.process.env.push("WHICH=first"));
    container.configureText("{}");
    assert.equal(ok(exec(container, "--", "sh", "-c", "echo $WHICH")).stdout, "first\n");
    ok(container.delete("--force"));
  });

  itOurs("--user, --additional-gids, --cwd, --env, --cap and --no-new-privs change it", () => {
    const container = sleeper(box(), (config) => (config.process.noNewPrivileges = false));
    const script = "id -u; id -g; id -G; pwd; echo $A $B $HOME; grep -E 'CapInh|CapBnd|CapAmb|NoNew' /proc/self/status";
    const flags = [
      "--user",
      "1000:100",
      "--additional-gids",
      "50",
      "-g",
      "65534",
      "--cwd",
      "/tmp",
      "--env",
      "A=first",
      "-e",
      "A=b,c",
      "--env=B=d=e",
      "--cap",
      "CAP_SYS_TIME",
      "--no-new-privs",
    ];
    const { stdout } = ok(exec(container, ...flags, "--", "sh", "-c", script));
    assert.equal(
      stdout.replace(/\t/g, " "),
      [
        "1000",
        "100",
        "100 50 65534",
        "/tmp",
        "b,c d=e /home/user",
        "CapInh: 0000000000000000",
        "CapBnd: 0000000022000420",
        "CapAmb: 0000000000000000",
        "NoNewPrivs: 1",
        "",
      ].join("\n"),
    );
    ok(container.delete("--force"));
  });

  itOurs("--user with a uid alone keeps the group; HOME is / for who is not in /etc/passwd", () => {
    const container = sleeper(box(), (config) => (config.process.user = user(0, 100)));
    assert.equal(
      ok(exec(container, "--user", "2345", "--", "sh", "-u", "-c", "echo $(id -u):$(id -g) $HOME")).stdout,
      "2345:100 /\n",
    );
    refusedExec(exec(container, "--user", "root", "--", "true"), /bad uid/);
    refusedExec(exec(container, "--user", "0:wheel", "--", "true"), /bad gid/);
    ok(container.delete("--force"));
  });

  itOurs("--cap does not make anything inheritable (CVE-2022-29162), and raises what is inheritable already", () => {
    const container = sleeper(box(), (config) => {
      config.process.capabilities = {
        bounding: ["CAP_KILL", "CAP_SYS_TIME"],
        effective: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        inheritable: ["CAP_SYS_TIME"],
        ambient: [],
      };
    });
    const { stdout, stderr } = ok(
      exec(
        container,
        "--user",
        "1000",
        "--cap",
        "CAP_SYS_TIME",
        "--cap",
        "CAP_CHOWN",
        "--cap",
        "CAP_NONSENSE",
        "--",
        "grep",
        "Cap",
        "/proc/self/status",
      ),
    );
    assert.deepEqual(
      { ...fields(stdout) },
      {
        CapInh: "0000000002000000",
        CapPrm: "0000000002000000",
        CapEff: "0000000002000000",
        CapBnd: "0000000002000021",
        CapAmb: "0000000002000000",
      },
    );
    assert.match(stderr, /CAP_NONSENSE/);
    ok(container.delete("--force"));
  });

  it("the options of the command are its own", () => {
    const container = sleeper(box());
    assert.equal(ok(box().runtime(["exec", container.id, "echo", "-n", "--user", "--", "-x"])).stdout, "--user -- -x");
    ok(container.delete("--force"));
  });

  itOurs("--process reads everything from a file, and keeps from the container what it does not say", () => {
    const container = sleeper(box(), (config) => {
      config.process.oomScoreAdj = 55;
      config.process.user = user(0, 0, { umask: 0o077 });
    });
    const file = box().write(
      "process.json",
      JSON.stringify({
        args: [
          "sh",
          "-c",
          "id -u; pwd; env | sort; umask; cat /proc/self/oom_score_adj; ulimit -n; grep -E 'CapBnd|NoNew' /proc/self/status",
        ],
        cwd: "/tmp",
        user: { uid: 7, gid: 8 },
        env: ["PATH=/bin:/usr/bin", "ONLY=this"],
        capabilities: null,
      }),
    );
    const { stdout } = ok(box().runtime(["exec", "--process", file, container.id]));
    assert.equal(
      stdout.replace(/\t/g, " "),
      [
        "7",
        "/tmp",
        "HOME=/",
        "ONLY=this",
        "PATH=/bin:/usr/bin",
        "PWD=/tmp",
        "SHLVL=1",
        "0077",
        "55",
        "1024",
        "CapBnd: 0000000020000420",
        "NoNewPrivs: 0",
        "",
      ].join("\n"),
    );
    ok(container.delete("--force"));
  });

  itOurs("--process refuses what is no process", () => {
    const container = sleeper(box());
    for (const [text, message] of [
      ["{", /JSON/],
      ['{"args":[],"cwd":"/"}', /args/],
      ['{"args":["true"],"cwd":"tmp"}', /cwd/i],
      ['{"args":["true"]}', /cwd/i],
    ] as const) {
      refusedExec(box().runtime(["exec", "--process", box().write("process.json", text), container.id]), message);
    }
    refusedExec(box().runtime(["exec", "--process", box().path("none"), container.id]), /no such file or directory/);
    ok(container.delete("--force"));
  });

  itOurs("lets no descriptor through but those of --preserve-fds", () => {
    const container = sleeper(box());
    const script = box().write("run", 'exec 3<"$1" 4<"$1" 5<"$1"; shift; "$@"\n');
    const run = (...flags: string[]): Result =>
      box().exec(
        "/bin/sh",
        [
          script,
          script,
          PROGRAM,
          "--root",
          box().stateRoot,
          "exec",
          ...flags,
          container.id,
          "sh",
          "-c",
          "for fd in /proc/self/fd/*; do [ -e $fd ] && basename $fd; done; :",
        ],
        { env: { PATH: "/bin" } },
      );
    assert.equal(ok(run()).stdout, "0\n1\n2\n");
    assert.equal(ok(run("--preserve-fds", "2")).stdout, "0\n1\n2\n3\n4\n");
    refusedExec(run("--preserve-fds=4"), /descriptor|preserved-fd/);
    ok(container.delete("--force"));
  });

  itOurs("does not work in a directory outside the container, by whatever number it is open (CVE-2024-21626)", () => {
    const container = sleeper(box());
    for (let fd = 3; fd < 16; fd++)
      refusedExec(
        exec(container, "--cwd", `/proc/self/fd/${fd}`, "--", "pwd"),
        /possible container breakout detected|no such file or directory|not a directory/,
      );
    ok(container.delete("--force"));
  });

  it("passes standard input, output and error through", () => {
    const container = sleeper(box());
    const input = "line\n".repeat(50_000);
    const { stdout, stderr } = ok(box().runtime(["exec", container.id, "sh", "-c", "cat; echo err >&2"], { input }));
    assert.equal(stdout, input);
    assert.equal(stderr, "err\n");
    ok(container.delete("--force"));
  });

  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
    ["SIGUSR1", 10],
  ] as const) {
    it(`passes ${signal} on to the process`, async () => {
      const container = sleeper(box());
      const child = box().spawn([
        "exec",
        container.id,
        "sh",
        "-c",
        `trap 'echo got it; exit ${number}' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`,
      ]);
      let said = "";
      child.stdout?.on("data", (data: Buffer) => (said += data.toString()));
      const end = ended(child);
      await soon("it is ready", () => said.includes("ready"));
      child.kill(signal);
      assert.equal((await end).status, number);
      assert.equal(said, "ready\ngot it\n");
      ok(container.delete("--force"));
    });
  }

  it("many at once do not disturb each other", async () => {
    const container = sleeper(box());
    const results = await Promise.all(
      Array.from({ length: 12 }, (_value, i) =>
        box().beside(["exec", container.id, "sh", "-c", `echo ${i}; exit ${i}`]),
      ),
    );
    assert.deepEqual(
      results.map(({ status, stdout }) => [status, stdout]),
      results.map((_result, i) => [i, `${i}\n`]),
    );
    ok(container.delete("--force"));
  });

  it("ends when the container does", async () => {
    const container = sleeper(box());
    const file = `/proc/${container.state().pid}/root/dev/shm/runs`;
    const end = box().beside(["exec", container.id, "sh", "-c", "touch /dev/shm/runs; sleep 60"]);
    eventually("it runs", () => existsSync(file));
    ok(container.delete("--force"));
    assert.equal((await end).status, 137);
  });

  itOurs("--debug tells the steps", () => {
    const container = sleeper(box());
    const { stderr } = ok(box().runtime(["--debug", "exec", container.id, "true"]));
    const steps = [...stderr.matchAll(/msg="((?:join: )?[^:"]+): [\d.]+ ms"/g)].map(([, step]) => step ?? "");
    const own = steps.filter((step) => !step.startsWith("join: "));
    assert.deepEqual(own, [
      "open container",
      "plan",
      "compile seccomp filter",
      "connect console",
      "connect pidfd socket",
      "hide our program",
      "clone",
      "wait for the process to enter the container",
      "wait for the program",
      "send pidfd",
      "write pid file",
    ]);
    const order = [
      "leave the caller's session",
      "enter cgroup",
      "set rlimits",
      "join namespaces",
      "attach terminal",
      "let go of the host",
      "set no_new_privs",
      "become user",
      "close descriptors",
      "enter pid namespace",
      "find program",
    ];
    assert.deepEqual(
      steps.flatMap((step) => (order.includes(step.slice(6)) ? [step.slice(6)] : [])),
      order,
    );
    ok(container.delete("--force"));
  });
});

describe("exec --detach", () => {
  const box = useBox();

  it("returns while the process runs, with its pid written, and leaves it to whoever reaps orphans", () => {
    const container = sleeper(box());
    const output = openSync(box().path("out"), "w");
    const args = [
      "--root",
      box().stateRoot,
      "exec",
      "-d",
      "--pid-file",
      box().path("pid"),
      container.id,
      "sh",
      "-c",
      "echo started; sleep 60",
    ];
    const { status } = spawnSync(PROGRAM, args, { stdio: ["ignore", output, output], env: {} });
    closeSync(output);
    assert.equal(status, 0, readFileSync(box().path("out"), "utf8"));
    const pid = readFileSync(box().path("pid"), "utf8");
    assert.match(pid, /^\d+$/);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1], "1");
    eventually("it says so", () => readFileSync(box().path("out"), "utf8") === "started\n");
    ok(container.delete("--force"));
  });

  it("fails when the program does, and leaves no process", () => {
    const container = sleeper(box());
    refusedExec(exec(container, "-d", "--", "/nonexistent"), /no such file or directory/);
    refusedExec(
      exec(container, "-d", "--pid-file", "/nonexistent/pid", "--", "sleep", "60"),
      /no such file or directory/,
    );
    const processes = readFileSync(`${box().cgroups()[0]}/cgroup.procs`, "utf8").trim().split("\n");
    assert.deepEqual(processes, [String(container.state().pid)]);
    ok(container.delete("--force"));
  });

  it("does not give the host's /dev/null to the container's user", () => {
    const container = sleeper(box());
    ok(exec(container, "-d", "--user", "1000:1000", "--", "true"));
    assert.equal(box().exec("/bin/stat", ["-c", "%u:%g", "/dev/null"]).stdout, "0:0\n");
    ok(container.delete("--force"));
  });
});

describe("exec with a terminal", () => {
  const box = useBox();
  useTerminals();

  it("has one of the container's, of the size of ours, and follows it", async () => {
    const container = sleeper(box());
    const screen = new OnTerminal(box(), [
      "exec",
      "-t",
      container.id,
      "sh",
      "-c",
      "trap 'stty size; exit 9' WINCH; tty; stty size; stat -c %u:%g $(tty); while :; do sleep 0.05; done",
    ]);
    await screen.saw("0:5");
    screen.resize();
    assert.equal(await screen.ends(9), "/dev/pts/0\n33 101\n0:5\n50 120\n");
    ok(container.delete("--force"));
  });

  it("belongs to the user it is for, and can be opened by its names", async () => {
    const container = sleeper(box());
    const screen = new OnTerminal(box(), [
      "exec",
      "-t",
      "--user",
      "1000:100",
      container.id,
      "sh",
      "-c",
      "stat -c %u:%g $(tty); echo err >/dev/stderr; echo out >/dev/tty",
    ]);
    assert.equal(await screen.ends(0), "1000:5\nerr\nout\n");
    ok(container.delete("--force"));
  });

  it("is given back when there is no such program", async () => {
    const container = sleeper(box());
    assert.match(
      await new OnTerminal(box(), ["exec", "-t", container.id, "no-such-program"]).ends(255),
      /executable file not found in \$PATH/,
    );
    ok(container.delete("--force"));
  });

  it("loses nothing of a long output", async () => {
    const container = sleeper(box());
    const said = await new OnTerminal(box(), ["exec", "-t", container.id, "sh", "-c", "seq 1 50000; exit 3"]).ends(3);
    assert.equal(said === `${Array.from({ length: 50_000 }, (_value, i) => String(i + 1)).join("\n")}\n`, true);
    ok(container.delete("--force"));
  });

  it("detached, sends its master to --console-socket, with the size of consoleSize", async () => {
    const container = sleeper(box());
    const console = await listen(box(), "console");
    const file = box().write(
      "process.json",
      JSON.stringify({
        terminal: true,
        consoleSize: { height: 10, width: 110 },
        args: ["sh", "-c", "stty size; read line; echo got $line"],
        cwd: "/",
        env: ["PATH=/bin"],
      }),
    );
    ok(
      box().runtime([
        "exec",
        "--detach",
        "--console-socket",
        box().path("console"),
        "--process",
        file,
        "--pid-file",
        box().path("pid"),
        container.id,
      ]),
    );
    await console.saw("10 110\r\n");
    console.type("typed\n");
    await console.saw("got typed\r\n");
    await console.end();
    assert.match(console.said, /^name \/dev\/p/);
    ok(container.delete("--force"));
  });

  it("refuses a terminal that nobody takes, and a socket without a terminal", () => {
    const container = sleeper(box());
    refusedExec(
      exec(container, "-t", "-d", "--", "true"),
      /cannot allocate tty if (runc|tsrun) will detach without setting console socket/,
    );
    refusedExec(
      exec(container, "-d", "--console-socket", box().path("none"), "--", "true"),
      /cannot use console socket if (runc|tsrun) will not detach or allocate tty/,
    );
    refusedExec(
      exec(container, "-t", "--console-socket", box().path("none"), "--", "true"),
      /cannot use console socket if (runc|tsrun) will not detach or allocate tty/,
    );
    refusedExec(
      exec(container, "-t", "-d", "--console-socket", box().path("none"), "--", "true"),
      /no such file or directory/,
    );
    ok(container.delete("--force"));
  });

  itOurs("--pidfd-socket is sent a pidfd of the process", async () => {
    const container = sleeper(box());
    const socket = await listen(box(), "pidfd");
    ok(
      exec(
        container,
        "-d",
        "--pidfd-socket",
        box().path("pidfd"),
        "--pid-file",
        box().path("pid"),
        "--",
        "sleep",
        "60",
      ),
    );
    await socket.end();
    assert.equal(socket.said, `name setns\npid ${readFileSync(box().path("pid"), "utf8")}\n`);
    ok(container.delete("--force"));
  });
});

describe("exec --cgroup", () => {
  const box = useBox();

  it("joins groups below the container's", () => {
    const container = sleeper(box());
    const groups = box()
      .cgroups()
      .filter((path) => path.endsWith(container.id));
    for (const group of groups) mkdirSync(join(group, "below"));
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      for (const group of groups)
        if (existsSync(join(group, file)) && !existsSync(join(group, "cgroup.controllers")))
          writeFileSync(join(group, "below", file), readFileSync(join(group, file)));
    const { stdout } = ok(exec(container, "--cgroup", "below", "--", "cat", "/proc/self/cgroup"));
    const lines = stdout
      .trim()
      .split("\n")
      .filter((line) => line.includes(container.id));
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(`/${container.id}/below`)),
      [],
    );
    assert.equal(lines.length, groups.length);
    for (const group of groups) removeGroup(join(group, "below"));
    ok(container.delete("--force"));
  });

  itOurs("joins those of some controllers, on v1", () => {
    if (!existsSync("/sys/fs/cgroup/memory/tasks")) return; // no v1
    const container = sleeper(box());
    const groups = box()
      .cgroups()
      .filter((path) => path.endsWith(`/${container.id}`));
    const below = ["memory", "pids"].map((controller) =>
      join(groups.find((path) => path.startsWith(`/sys/fs/cgroup/${controller}/`)) ?? assert.fail(controller), "below"),
    );
    below.forEach((path) => mkdirSync(path));
    const { stdout } = ok(
      exec(container, "--cgroup", "memory,pids:below", "--cgroup", "cpu:/", "--", "cat", "/proc/self/cgroup"),
    );
    const of = (controller: string): string =>
      stdout.split("\n").find((line) => line.split(":")[1] === controller) ?? "";
    assert.match(of("memory"), /\/below$/);
    assert.match(of("pids"), /\/below$/);
    assert.doesNotMatch(of("cpu"), /below/);
    assert.doesNotMatch(of("devices"), /below/);
    below.forEach(removeGroup);
    ok(container.delete("--force"));
  });

  itOurs("refuses what is not below, what is not there, and what is not a group", () => {
    const container = sleeper(box());
    refusedExec(exec(container, "--cgroup", "..", "--", "true"), /bad sub cgroup path/);
    refusedExec(
      exec(container, "--cgroup", "nonexistent", "--", "true"),
      /adding pid \d+ to cgroups: join cgroup \S+\/nonexistent: --cgroup: .*no such file or directory .* there is no such cgroup/,
    ); // runc exec.bats
    refusedExec(exec(container, "--cgroup", "whaaat:/", "--", "true"), /unknown controller whaaat/);
    refusedExec(
      exec(container, "--cgroup", "a", "--cgroup", "b", "--", "true"),
      /invalid --cgroup argument: a \(missing <controller>: prefix\)/,
    );
    refusedExec(
      exec(container, "--cgroup", ":x", "--", "true"),
      /invalid --cgroup argument: :x \(empty <controller> prefix\)/,
    );
    ok(container.delete("--force"));
  });
});
