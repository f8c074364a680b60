import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { SYSCALLS } from "../../src/abi/syscall_table.ts";
import type { Config } from "./bundle.ts";
import {
  ended,
  isTsrun,
  itOurs,
  ok,
  PROGRAM,
  refused,
  RUNC,
  soon,
  useBox,
  user,
  type Box,
  type Container,
} from "./harness.ts";
import { fileURLToPath } from "node:url";
import { skipBecause } from "../skip.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

type Profile = {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: {
    names: string[];
    action: string;
    errnoRet?: number;
    args?: { index: number; value: unknown; valueTwo?: unknown; op: string }[];
  }[];
};

const EPERM = 1;
const ENXIO = 6;
const ENOSYS = 38;
const ENOMEDIUM = 123;
const SIGSYS = 31;
const X32 = 0x40000000;

const nr = (name: string): number => {
  const number = SYSCALLS[name];
  assert(number !== undefined, name);
  return number;
};

/** What a container of the test programs and of init itself needs, without what the tests refuse. */
const everything = Object.keys(SYSCALLS);
const without = (...names: string[]): string[] => everything.filter((name) => !names.includes(name));

/** A profile as large and as mixed as the engines' default ones: hundreds of names, three architectures, conditions of every kind. */
const large: Profile = {
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls: [
    {
      names: [
        ...without(
          "personality",
          "clone",
          "clone3",
          "socket",
          "mount",
          "umount2",
          "bpf",
          "keyctl",
          "add_key",
          "ptrace",
          "process_vm_readv",
          "kexec_load",
          "swapon",
          "chmod",
        ).filter((name) => nr(name) < nr("memfd_secret")),
        "_llseek",
        "socketcall",
        "mmap2",
        "stat64",
        "fcntl64",
        "nobody_knows_this_call",
      ],
      action: "SCMP_ACT_ALLOW",
    },
    ...[0x0, 0x8, 0x20000, 0x20008, 0xffffffff].map((value) => ({
      names: ["personality"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
    })),
    {
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
    },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    {
      names: ["socket"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 22,
      args: [
        { index: 0, value: 16, op: "SCMP_CMP_EQ" },
        { index: 2, value: 9, op: "SCMP_CMP_EQ" },
      ],
    },
    { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 2, value: 9, op: "SCMP_CMP_NE" }] },
    { names: ["mount", "umount2", "bpf"], action: "SCMP_ACT_ERRNO", errnoRet: EPERM },
    {
      names: ["process_vm_readv"],
      action: "SCMP_ACT_ALLOW",
      args: [
        { index: 0, value: 100, op: "SCMP_CMP_EQ" },
        { index: 0, value: 9001, op: "SCMP_CMP_EQ" },
      ],
    },
  ],
};

describe("seccomp", () => {
  const box = useBox();
  let tools = "";

  before(() => {
    tools = mkdtempSync(join(tmpdir(), "tsrun-seccomp-"));
    execFileSync("gcc", ["-O2", "-static", "-o", join(tools, "calls"), join(HERE, "fixtures/calls.c")]);
    execFileSync("gcc", ["-O2", "-o", join(tools, "agent"), join(HERE, "fixtures/seccomp-agent.c")]);
  });
  after(() => rmSync(tools, { recursive: true, force: true }));

  /** A container with this profile that runs the program of system calls. */
  function container(
    profile: Profile,
    calls: readonly string[],
    change: (config: Config) => void = () => undefined,
  ): Container {
    const made = box().container((config) => {
      config.process.args = ["/calls", ...calls];
      config.linux["seccomp"] = profile;
      change(config);
    });
    copyFileSync(join(tools, "calls"), made.at("calls"));
    return made;
  }

  /** What the kernel answers to each call in a container with this profile: "errno", or "signal N". */
  function answers(
    profile: Profile,
    calls: readonly (string | number)[],
    change?: (config: Config) => void,
  ): readonly string[] {
    const { stdout } = ok(container(profile, calls.map(String), change).run());
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.slice(line.indexOf(" ") + 1));
  }

  const deny = (names: string[], more: object = {}): Profile => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names, action: "SCMP_ACT_ERRNO", ...more }],
  });

  it("SCMP_ACT_ERRNO fails a call with EPERM, and with errnoRet where there is one", () => {
    assert.deepEqual(answers(deny(["setpgid"]), [nr("setpgid"), nr("getpgid")]), ["1", "3"]);
    assert.deepEqual(answers(deny(["setpgid"], { errnoRet: ENXIO }), [nr("setpgid")]), [`${ENXIO}`]);
  });

  it("defaultErrnoRet is the answer to what no rule names", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: ENXIO,
      syscalls: [{ names: without("setpgid"), action: "SCMP_ACT_ALLOW" }],
    };
    assert.deepEqual(answers(profile, [nr("setpgid")]), [`${ENXIO}`]);
  });

  for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
    it(`${action} ends the caller with SIGSYS`, () => {
      assert.deepEqual(
        answers(
          { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["setpgid"], action }] },
          [nr("setpgid")],
          (config) => void config.process.rlimits?.push({ type: "RLIMIT_CORE", soft: 0, hard: 0 }),
        ),
        [`signal ${SIGSYS}`],
      );
    });

  it("SCMP_ACT_LOG lets a call happen, SCMP_ACT_TRACE without a tracer fails it with ENOSYS", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: ["setpgid"], action: "SCMP_ACT_LOG" },
        { names: ["getpgid"], action: "SCMP_ACT_TRACE", errnoRet: 5 },
      ],
    };
    assert.deepEqual(answers(profile, [nr("setpgid"), nr("getpgid")]), ["22", `${ENOSYS}`]);
  });

  it("names that no call has and rules that ask for the default are passed over", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: ["getpgid"], action: "SCMP_ACT_ALLOW" },
        { names: ["nobody_knows_this_call", "setpgid"], action: "SCMP_ACT_ERRNO" },
      ],
    };
    assert.deepEqual(answers(profile, [nr("setpgid"), nr("getpgid")]), ["1", "3"]);
  });

  for (const [op, value, valueTwo, hits, misses] of [
    [
      "SCMP_CMP_EQ",
      "0xffffffff00000001",
      undefined,
      ["0xffffffff00000001"],
      ["1", "0xffffffff00000002", "0xfffffffe00000001"],
    ],
    ["SCMP_CMP_NE", "0x100000000", undefined, ["0", "0x100000001"], ["0x100000000"]],
    [
      "SCMP_CMP_LT",
      "0x8000000000000000",
      undefined,
      ["0x7fffffffffffffff", "0"],
      ["0x8000000000000000", "0xffffffffffffffff"],
    ],
    ["SCMP_CMP_LE", "0x100000000", undefined, ["0x100000000", "0xffffffff"], ["0x100000001"]],
    ["SCMP_CMP_GE", "0x100000000", undefined, ["0x100000000", "0x100000001"], ["0xffffffff"]],
    ["SCMP_CMP_GT", "0xfffffffffffffffe", undefined, ["0xffffffffffffffff"], ["0xfffffffffffffffe", "5"]],
    [
      "SCMP_CMP_MASKED_EQ",
      "0xf00000000000000f",
      "0x3000000000000001",
      ["0x3000000000000001", "0x3abcdef012345671"],
      ["1", "0x3000000000000000", "0x7000000000000001"],
    ],
  ] as const)
    it(`${op} compares all 64 bits, without a sign`, () => {
      const made = container(
        deny(["mlock"], {
          errnoRet: ENXIO,
          args: [{ index: 0, value: "V1", valueTwo: valueTwo === undefined ? 0 : "V2", op }],
        }),
        [...hits, ...misses].map((a) => `${nr("mlock")}:${a}:0`),
      );
      made.configureText(
        readFileSync(join(made.bundle, "config.json"), "utf8")
          .replace('"V1"', String(BigInt(value)))
          .replace('"V2"', String(BigInt(valueTwo ?? 0))),
      );
      const errnos = ok(made.run())
        .stdout.trim()
        .split("\n")
        .map((line) => line.split(" ")[1] === `${ENXIO}`);
      assert.deepEqual(errnos, [...hits.map(() => true), ...misses.map(() => false)]);
    });

  it("comparisons of one argument are alternatives, of different arguments they hold together", () => {
    const args = (...pairs: (readonly [number, number])[]): object => ({
      errnoRet: ENXIO,
      args: pairs.map(([index, value]) => ({ index, value, op: "SCMP_CMP_EQ" })),
    });
    const calls = ["7:8", "9:8", "7:9"].map((a) => `${nr("mlock")}:${a}`);
    const hit = (profile: Profile): readonly boolean[] =>
      answers(profile, calls).map((answer) => answer === `${ENXIO}`);
    assert.deepEqual(hit(deny(["mlock"], args([0, 7], [0, 9]))), [true, true, true]);
    assert.deepEqual(hit(deny(["mlock"], args([0, 7], [1, 8]))), [true, false, false]);
  });

  itOurs("calls newer than the profile fail with ENOSYS, older ones as the profile says", () => {
    const names = everything.filter((name) => nr(name) <= nr("openat2") && name !== "setpgid");
    const calls = [nr("setpgid"), nr("openat2") + 1, nr("faccessat2"), 1000];
    assert.deepEqual(
      answers({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] }, calls),
      [EPERM, ENOSYS, ENOSYS, ENOSYS].map(String),
    );
  });

  it("a large profile answers every call of each architecture as under runc", function () {
    if (!isTsrun || !existsSync(RUNC)) skipBecause(this, "compares tsrun with runc, one of which is not there");
    this.timeout(120_000); // thousands of processes
    const calls = ["0-480", "1000", ...(process.arch === "x64" ? [`${X32}-${X32 + 560}`, "32:0-460"] : [])];
    const conditional = [0, 8, 9, 0x20000, 0xffffffff]
      .map((a) => `${nr("personality")}:${a}`)
      .concat(
        ["16:0:9", "16:0:0", "1:1:9", "1:1:0"].map((a) => `${nr("socket")}:${a}`),
        ["100", "9001", "7"].map((a) => `${nr("process_vm_readv")}:${a}:0:0:0:0:0`),
      );
    for (const noNewPrivileges of [true, false]) {
      const made = container(
        large,
        [...calls, ...conditional],
        (config) => (config.process.noNewPrivileges = noNewPrivileges),
      );
      const ours = ok(made.run());
      const theirs = ok(made.run([], { program: RUNC }));
      assert.deepEqual(ours.stdout.split("\n"), theirs.stdout.split("\n"));
      assert(ours.stdout.split("\n").length > 470);
    }
  });

  for (const noNewPrivileges of [true, false])
    it(`the process is subject to one filter ${noNewPrivileges ? "with" : "without"} no_new_privs, whoever its user is`, () => {
      for (const who of [user(0), user(1000)]) {
        const status = box().inside(
          "grep -E '^(Seccomp|Seccomp_filters|NoNewPrivs|Uid):' /proc/self/status",
          (config) => {
            config.process.user = who;
            config.process.noNewPrivileges = noNewPrivileges;
            config.linux["seccomp"] = deny(["setpgid"]);
          },
        );
        const expected = [
          `Uid:\t${who.uid}\t${who.uid}\t${who.uid}\t${who.uid}`,
          `NoNewPrivs:\t${noNewPrivileges ? 1 : 0}`,
          "Seccomp:\t2",
          "Seccomp_filters:\t1",
        ];
        assert.deepEqual(status.trim().split("\n"), expected);
      }
    });

  it("with no_new_privs nothing that init does before the hooks is subject to the filter", function () {
    if (!isTsrun) skipBecause(this, "another runtime is tried");
    const needed = [
      "execve",
      "exit_group",
      "write",
      "close",
      "close_range",
      "fcntl",
      "rt_sigaction",
      "rt_sigprocmask",
      "sendmsg",
      "brk",
      "mmap",
      "munmap",
      "arch_prctl",
      "set_tid_address",
      "set_robust_list",
      "rseq",
      "prlimit64",
      "readlinkat",
      "readlink",
      "getrandom",
      "mprotect",
      "fork",
      "clone",
      "wait4",
      "alarm",
      "fstat",
      "newfstatat",
      "ioctl",
      "getpid",
      "setpgid",
      "madvise",
      "exit",
    ];
    const made = container(
      { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names: needed, action: "SCMP_ACT_ALLOW" }] },
      [`${nr("setpgid")}`],
    );
    ok(made.create());
    ok(made.start());
    made.waitFor("stopped");
    ok(made.delete());
  });

  it("without no_new_privs init lives with a profile that knows no call of the last years", () => {
    const young = [
      "close_range",
      "fsopen",
      "fsconfig",
      "fspick",
      "openat2",
      "open_tree",
      "move_mount",
      "mount_setattr",
      "faccessat2",
      "clone3",
    ];
    for (const errnoRet of [ENOSYS, EPERM])
      assert.deepEqual(
        answers(deny(young, { errnoRet }), [nr("getpgid")], (config) => (config.process.noNewPrivileges = false)),
        ["3"],
      );
  });

  itOurs(
    "without no_new_privs a container starts with a profile that denies getcwd, in a directory below its root (crun)",
    () => {
      const made = container(deny(["getcwd"], { errnoRet: EPERM }), ["110"], (config) => {
        config.process.noNewPrivileges = false;
        config.process.cwd = "/usr/bin";
      });
      ok(made.run());
    },
  );

  it("without no_new_privs a created container waits for start with a profile that lacks signalfd4", () => {
    const made = container(deny(["signalfd", "signalfd4"], { errnoRet: EPERM }), ["110"], (config) => {
      config.process.noNewPrivileges = false;
    });
    ok(made.create());
    assert.equal(made.state().status, "created");
    ok(made.start());
    made.waitFor("stopped");
    ok(made.delete());
  });

  itOurs("without no_new_privs a profile under which nobody can wait for start fails create, which says so", () => {
    for (const name of ["accept4", "ppoll", "getsockopt"]) {
      const made = container(deny([name], { errnoRet: EPERM }), ["110"], (config) => {
        config.process.noNewPrivileges = false;
      });
      refused(made.create(), new RegExp(`install seccomp as root: ${name}`));
    }
  });

  it("startContainer hooks are subject to the filter", () => {
    for (const noNewPrivileges of [true, false]) {
      const made = container(
        { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL" }] },
        ["39"],
        (config) => {
          config.process.noNewPrivileges = noNewPrivileges;
          config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "mkdir /dev/shm/foo"] }] };
        },
      );
      refused(made.run(), /hook.*signal: (31|bad system call)/is);
    }
  });

  it("processes of exec are subject to the same profile", () => {
    for (const noNewPrivileges of [true, false]) {
      const made = container(deny(["setpgid"], { errnoRet: ENXIO }), [], (config) => {
        config.process.noNewPrivileges = noNewPrivileges;
        config.process.args = ["sleep", "100"];
      });
      ok(made.create());
      ok(made.start());
      assert.equal(
        ok(box().runtime(["exec", made.id, "/calls", `${nr("setpgid")}`])).stdout,
        `${nr("setpgid")} ${ENXIO}\n`,
      );
      assert.match(
        ok(box().runtime(["exec", "--user", "1000", made.id, "grep", "Seccomp:", "/proc/self/status"])).stdout,
        /2$/m,
      );
      ok(made.delete("--force"));
    }
  });

  for (const [flags, value] of [
    [undefined, 4],
    [[], 0],
    [["SECCOMP_FILTER_FLAG_TSYNC"], 0],
    [["SECCOMP_FILTER_FLAG_LOG"], 2],
    [["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"], 6],
  ] as const)
    itOurs(
      `flags ${flags === undefined ? "absent" : `[${flags.map((flag) => flag.slice(20)).join(", ")}]`} load the filter with ${value}`,
      () => {
        const made = container({ ...deny(["setpgid"]), ...(flags === undefined ? {} : { flags: [...flags] }) }, [
          `${nr("setpgid")}`,
        ]);
        const { stderr, stdout } = ok(box().runtime(["--debug", "run", "--bundle", made.bundle, made.id]));
        assert.match(stderr, new RegExp(`seccomp filter flags: ${value}\\b`));
        assert.match(stdout, / 1\n$/);
      },
    );

  it("an architecture of another byte order is refused, and nothing is left", () => {
    const made = container({ ...deny(["setpgid"]), architectures: ["SCMP_ARCH_S390X"] }, ["39"]);
    assert.notEqual(made.run().status, 0);
  });

  itOurs(
    "a program that was built without libseccomp refuses a profile, cached or not, and says that it has none",
    () => {
      const without = join(dirname(PROGRAM), "without-libseccomp");
      const made = container(deny(["setpgid"]), ["39"]);
      const isRefused = (): void =>
        refused(
          box().exec(without, ["--root", box().stateRoot, "run", "--bundle", made.bundle, made.id]),
          /^tsrun: run \S+: compile seccomp filter: linux\.seccomp needs libseccomp, and this tsrun was built without it\n$/,
        );
      isRefused();
      ok(made.run());
      isRefused();
      const features = ok(box().exec(without, ["features"])).stdout;
      assert.deepEqual(JSON.parse(features).linux.seccomp, { enabled: false });
      assert.doesNotMatch(features, /libseccomp/);
      assert.match(
        box().exec(without, ["doctor"]).stdout,
        /no +libseccomp, which compiles profiles — a tsrun that was built/,
      );
    },
  );

  itOurs("no library is opened to compile a profile", () => {
    const made = container(deny(["setpgid"]), ["39"]);
    const log = box().path("opened");
    const run = [PROGRAM, "--root", box().stateRoot, "run", "--bundle", made.bundle, made.id];
    ok(box().exec("strace", ["-f", "-qq", "-e", "trace=open,openat,openat2", "-o", log, ...run]));
    const opened = readFileSync(log, "utf8");
    assert.match(opened, /@seccomp/);
    assert.doesNotMatch(opened, /\.so\b/);
  });

  describe("with an agent", () => {
    let agent: ChildProcess | undefined;
    let said = "";

    async function listen(...refuse: string[]): Promise<string> {
      const socket = box().path("agent.sock");
      said = "";
      agent = spawn(join(tools, "agent"), [socket, ...refuse.map((name) => String(nr(name)))], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      agent.stdout?.on("data", (data: Buffer) => (said += data.toString()));
      await soon("the agent listens", () => said.startsWith("ready\n"));
      return socket;
    }

    async function stop(): Promise<void> {
      if (agent === undefined) return;
      const gone = ended(agent);
      agent.kill("SIGKILL");
      await gone;
      agent = undefined;
    }

    /** Runs an asynchronous test with an agent, which is gone at its end. */
    const withAgent =
      (refuse: readonly string[], test: (socket: string) => Promise<void>) => async (): Promise<void> => {
        const socket = await listen(...refuse);
        try {
          await test(socket);
        } finally {
          await stop();
        }
      };

    const notify = (listenerPath: string, names: string[], more: object = {}): Profile => ({
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath,
      syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }],
      ...more,
    });

    for (const noNewPrivileges of [true, false]) {
      const title = `${noNewPrivileges ? "with" : "without"} no_new_privs`;

      it(
        `SCMP_ACT_NOTIFY ${title} asks the agent, who is told of the container`,
        withAgent(["setpgid"], async (socket) => {
          const made = container(
            notify(socket, ["setpgid", "getpgid"], { listenerMetadata: "für dich" }),
            [`${nr("setpgid")}`, `${nr("getpgid")}`, "39"],
            (config) => {
              config.process.noNewPrivileges = noNewPrivileges;
              config.annotations = { "org.example.key": "value" };
              config.process.args = [
                "sh",
                "-c",
                "/calls $0 $1 > /dev/shm/answers; cat /dev/shm/answers; sleep 0.2",
                `${nr("setpgid")}`,
                `${nr("getpgid")}`,
              ];
            },
          );
          const child = made.spawnRun();
          const result = ended(child);
          await soon("the agent was told", () => said.split("\n").length > 2);
          const told = JSON.parse(said.split("\n")[1] ?? "") as {
            ociVersion: string;
            pid: number;
            state: { pid: number; ociVersion: string };
          };
          assert.deepEqual(
            { ...told, pid: 0, ociVersion: "", state: { ...told.state, pid: 0, ociVersion: "" } },
            {
              ociVersion: "",
              fds: ["seccompFd"],
              pid: 0,
              metadata: "für dich",
              state: {
                ociVersion: "",
                id: made.id,
                status: "creating",
                pid: 0,
                bundle: made.bundle,
                annotations: { "org.example.key": "value" },
              },
            },
          );
          assert(told.pid > 1 && told.state.pid === told.pid);
          const { stdout, stderr } = await result;
          assert.equal(stdout, `${nr("setpgid")} ${ENOMEDIUM}\n${nr("getpgid")} 3\n`, stderr);
        }),
      );

      it(
        `SCMP_ACT_NOTIFY ${title} works for the calls that init itself makes, with create and start`,
        withAgent([], async (socket) => {
          const names = [
            "execve",
            "openat",
            "open",
            "read",
            "close",
            "fcntl",
            "sendmsg",
            "recvmsg",
            "brk",
            "prctl",
            "close_range",
            "poll",
            "ppoll",
            "accept4",
            "rt_sigprocmask",
            "rt_sigaction",
            "setuid",
            "capset",
          ];
          const made = container(
            notify(socket, names),
            ["39"],
            (config) => (config.process.noNewPrivileges = noNewPrivileges),
          );
          const created = box().spawn(["create", "--bundle", made.bundle, made.id]);
          created.stdout?.destroy(); // the container inherits it
          const result = new Promise<number | null>((resolve) => created.on("exit", resolve));
          assert.equal(await result, 0);
          const started = await ended(box().spawn(["start", made.id]));
          assert.equal(started.status, 0, started.stderr);
          await soon("the container has ended", () => made.state().status === "stopped");
          ok(made.delete());
        }),
      );
    }

    it(
      "the agent is told of processes of exec, too",
      withAgent(["setpgid"], async (socket) => {
        for (const noNewPrivileges of [true, false]) {
          const made = container(notify(socket, ["setpgid"]), [], (config) => {
            config.process.noNewPrivileges = noNewPrivileges;
            config.process.args = ["sleep", "100"];
          });
          ok(made.create());
          ok(made.start());
          const { pid } = made.state();
          const { status, stdout, stderr } = await ended(box().spawn(["exec", made.id, "/calls", `${nr("setpgid")}`]));
          assert.deepEqual([status, stdout], [0, `${nr("setpgid")} ${ENOMEDIUM}\n`], stderr);
          await soon("the agent has said so", () => said.endsWith("\n") && said.includes('"running"'));
          const told = JSON.parse(said.trim().split("\n").at(-1) ?? "") as {
            pid: number;
            state: { status: string; pid: number };
          };
          assert.deepEqual([told.state.status, told.state.pid, told.pid === pid], ["running", pid, false]);
          ok(made.delete("--force"));
        }
      }),
    );

    itOurs(
      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is set for a listener",
      withAgent([], async (socket) => {
        const made = container(notify(socket, ["setpgid"], { flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }), [
          `${nr("setpgid")}`,
        ]);
        const { status, stderr } = await ended(box().spawn(["--debug", "run", "--bundle", made.bundle, made.id]));
        assert.equal(status, 0, stderr);
        assert.match(stderr, /seccomp filter flags: 40\b/);
      }),
    );

    it(
      "the process and the startContainer hook inherit no notify descriptor",
      withAgent([], async (socket) => {
        const listing = "ls /proc/self/fd | wc -l";
        const made = container(notify(socket, ["setpgid"]), [], (config) => {
          config.process.args = ["sh", "-c", listing];
          config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", `test $(${listing}) -eq 4`] }] };
        });
        const { status, stdout, stderr } = await ended(made.spawnRun());
        assert.deepEqual({ status, stdout: stdout.trim() }, { status: 0, stdout: "4" }, stderr);
      }),
    );

    it(
      "calls fail with ENOSYS when the agent is gone",
      withAgent([], async (socket) => {
        const made = container(
          notify(socket, ["mkdir", "mkdirat"]),
          [],
          (config) =>
            (config.process.args = ["sh", "-c", "while ! test -e /dev/shm/go; do sleep 0.1; done; mkdir /dev/shm/foo"]),
        );
        const child = made.spawnRun();
        const result = ended(child);
        await soon("the agent was told", () => said.split("\n").length > 2);
        const { pid } = JSON.parse(said.split("\n")[1] ?? "") as { pid: number };
        await stop();
        writeFileSync(`/proc/${pid}/root/dev/shm/go`, "");
        const { status, stderr } = await result;
        assert.equal(status, 1, stderr);
        assert.match(stderr, /Function not implemented/);
      }),
    );

    it("listenerPath is ignored without a SCMP_ACT_NOTIFY rule", () => {
      assert.deepEqual(answers({ ...deny(["setpgid"]), listenerPath: "/nobody/listens.sock" }, [nr("setpgid")]), ["1"]);
    });

    it("create fails when nobody listens, and leaves nothing behind", () => {
      const made = container(notify(box().path("nobody.sock"), ["setpgid"]), ["39"]);
      refused(made.create(), /failed to connect with seccomp agent specified in the seccomp profile/);
    });

    it("SCMP_ACT_NOTIFY is refused for write, as the default, and without listenerPath", () => {
      refused(
        container(notify("/agent.sock", ["write"]), []).run(),
        /SCMP_ACT_NOTIFY cannot be used for the write syscall/,
      );
      refused(
        container({ defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/agent.sock" }, []).run(),
        /SCMP_ACT_NOTIFY cannot be used as default action/,
      );
      refused(container(notify("", ["setpgid"]), []).run(), /listenerPath is not set/);
    });
  });

  describe("annotations of crun", () => {
    /** `ld nr; jeq setpgid; ret ERRNO ENOMEDIUM; ret ALLOW` */
    const program = (): string => {
      const bytes = new DataView(new ArrayBuffer(32));
      [
        [0x20, 0, 0, 0],
        [0x15, 0, 1, nr("setpgid")],
        [0x06, 0, 0, 0x50000 + ENOMEDIUM],
        [0x06, 0, 0, 0x7fff0000],
      ].forEach(([code, jt, jf, k], i) => {
        bytes.setUint16(8 * i, code ?? 0, true);
        bytes.setUint8(8 * i + 2, jt ?? 0);
        bytes.setUint8(8 * i + 3, jf ?? 0);
        bytes.setUint32(8 * i + 4, k ?? 0, true);
      });
      return Buffer.from(bytes.buffer).toString("base64");
    };

    itOurs("run.oci.seccomp_bpf_data is the filter, whatever the profile says", () => {
      const bpf = (config: Config): void => void (config.annotations = { "run.oci.seccomp_bpf_data": program() });
      assert.deepEqual(answers(deny(["getpgid"]), [nr("setpgid"), nr("getpgid")], bpf), [`${ENOMEDIUM}`, "3"]);
    });

    itOurs("run.oci.seccomp_bpf_data that is no base64 or no program is refused", () => {
      for (const [data, problem] of [
        ["!", /base64/],
        ["AAAA", /instructions/],
        ["AAAAAAAAAAA=", /seccomp/],
      ] as const)
        refused(
          container(deny([]), [], (config) => {
            config.annotations = { "run.oci.seccomp_bpf_data": data };
            delete config.linux["seccomp"];
          }).run(),
          problem,
        );
    });

    itOurs("run.oci.seccomp_fail_unknown_syscall makes an unknown name an error", () => {
      const strict = (config: Config): void =>
        void (config.annotations = { "run.oci.seccomp_fail_unknown_syscall": "1" });
      refused(
        container(deny(["nobody_knows_this_call"]), [], strict).run(),
        /unknown system call "nobody_knows_this_call"/,
      );
    });
  });

  (isTsrun ? describe : describe.skip)("the cache of compiled filters", () => {
    const directory = (of: Box): string => join(of.stateRoot, "@seccomp");
    const files = (of: Box): string[] => readdirSync(directory(of)).map((name) => join(directory(of), name));
    const profile = deny(["setpgid"], { errnoRet: ENXIO });

    /** The second container still gets its filter, though what is in the cache may have been tampered with. */
    function holds(of: Box): void {
      assert.deepEqual(answers(profile, [nr("setpgid"), nr("getpgid")]), [`${ENXIO}`, "3"]);
      assert.equal(files(of).length >= 1, true);
    }

    /** The only file, made by a first container, and a time long past set on it: a write would change that. */
    function first(of: Box): string {
      holds(of);
      const [file, ...others] = files(of);
      assert(file !== undefined && others.length === 0);
      utimesSync(file, 1, 1);
      return file;
    }

    const isUntouched = (file: string): boolean => statSync(file).mtimeMs === 1000;

    it("the second container with a profile takes the first one's, others do not", () => {
      const file = first(box());
      assert.deepEqual([statSync(file).mode & 0o777, statSync(directory(box())).mode & 0o777], [0o600, 0o700]);
      holds(box());
      assert(isUntouched(file));
      assert.deepEqual(answers(deny(["setpgid"], { errnoRet: ENXIO + 1 }), [nr("setpgid")]), [`${ENXIO + 1}`]); // its key has the same length
      assert.deepEqual(answers(deny(["getpgid"], { errnoRet: ENXIO }), [nr("getpgid")]), [`${ENXIO}`]);
      assert.equal(files(box()).length, 3);
      assert(isUntouched(file));
      holds(box());
      assert(isUntouched(file));
    });

    it("the list of containers does not show it", () => {
      first(box());
      assert.equal(ok(box().runtime(["list", "--quiet"])).stdout, "");
    });

    for (const [what, damage] of [
      ["cut off", (file: string, bytes: Buffer) => writeFileSync(file, bytes.subarray(0, -8))],
      ["empty", (file: string) => writeFileSync(file, "")],
      ["garbage", (file: string) => writeFileSync(file, Buffer.alloc(500, 7))],
    ] as const)
      it(`a file that is ${what} is made anew`, () => {
        const file = first(box());
        damage(file, readFileSync(file));
        utimesSync(file, 1, 1);
        holds(box());
        assert(!isUntouched(file));
        assert.equal(files(box()).length, 1);
      });

    it("a program of another libseccomp is not taken", () => {
      const file = first(box());
      const text = readFileSync(file, "latin1");
      const version = /\0(\d+\.\d+\.\d+)\0/.exec(text)?.[1] ?? "";
      plant(file); // it would allow everything
      writeFileSync(
        file,
        readFileSync(file, "latin1").replace(`\0${version}\0`, `\0${version.replaceAll(/\d/g, "9")}\0`),
        "latin1",
      );
      utimesSync(file, 1, 1);
      holds(box());
      assert(isUntouched(file));
      assert.equal(files(box()).length, 2);
    });

    /** The file's program replaced by one that allows everything, as somebody would who is not root. */
    function plant(file: string): void {
      const bytes = readFileSync(file);
      const length = bytes.readUInt32LE(8);
      for (let at = bytes.byteLength - length; at < bytes.byteLength; at += 8)
        Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]).copy(bytes, at);
      writeFileSync(file, bytes);
    }

    it("a planted file is not taken: of another owner, writable by others, behind a symlink, in such a directory", () => {
      const file = first(box());
      plant(file);
      chownSync(file, 1000, 1000);
      holds(box());
      plant(file);
      chmodSync(file, 0o666);
      holds(box());
      plant(file);
      renameSync(file, box().path("elsewhere"));
      symlinkSync(box().path("elsewhere"), file);
      holds(box());
      plant(file);
      chmodSync(directory(box()), 0o777);
      holds(box());
      chmodSync(directory(box()), 0o700);
      chownSync(directory(box()), 1000, 1000);
      holds(box());
      renameSync(directory(box()), box().path("cache"));
      symlinkSync(box().path("cache"), directory(box()));
      holds(box());
    });

    it("the cache is never needed: what stands in its way is passed over", () => {
      mkdirSync(box().stateRoot, { mode: 0o700 });
      writeFileSync(directory(box()), "");
      assert.deepEqual(answers(profile, [nr("setpgid")]), [`${ENXIO}`]);
    });

    it("containers that are made at the same time share it", async () => {
      const many = Array.from({ length: 6 }, () => container(profile, [`${nr("setpgid")}`]));
      const results = await Promise.all(many.map((one) => ended(one.spawnRun())));
      for (const { status, stdout, stderr } of results)
        assert.deepEqual([status, stdout], [0, `${nr("setpgid")} ${ENXIO}\n`], stderr);
      assert.equal(files(box()).length, 1);
    });

    it("it does not grow without bound", () => {
      mkdirSync(directory(box()), { recursive: true, mode: 0o700 });
      for (let i = 0; i < 100; i++) writeFileSync(join(directory(box()), `old.${i}`), "");
      holds(box());
      assert.equal(files(box()).length, 1);
    });
  });
});
