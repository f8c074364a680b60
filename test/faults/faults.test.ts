// Every kind of system call that create and run make is made to fail, one at a time, at several of its calls (strace's fault
// injection; the call is not made and returns EIO). Whatever happens, nothing may be left on the host; and whoever asked hears
// which step failed at which call.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "mocha";
import { PROGRAM, useBox, type Box, type Container, type Result } from "../system/harness.ts";
import type { Config } from "../system/bundle.ts";
import { skipBecause } from "../skip.ts";

const STRACE = "/usr/bin/strace";

/** Calls of the loader, the allocator and the engine: their failure is the end of any program. */
const ENGINE = [
  "access",
  "arch_prctl",
  "brk",
  "exit_group",
  "exit",
  "madvise",
  "mmap",
  "mprotect",
  "mremap",
  "munmap",
  "pread64",
  "rseq",
  "rt_sigreturn",
  "set_robust_list",
  "set_tid_address",
  "getrandom",
  "futex",
  "restart_syscall",
];

/** [kernel] Calls that cannot fail, or (close) whose failure still does the work, which injection cannot imitate. */
const INFALLIBLE = ["close", "getegid", "geteuid", "getgid", "getpid", "getppid", "getuid", "umask", "setsid"];

/** Of the hook's own program and the container's. */
const EXECVE = ["execve"];

/** How many calls of one kind are tried in each process. */
const TRIES = 4;

/**
 * True when the call may fall into the way back: of the foreground run after the container's end, or of one process after the other
 * has failed (strace counts for each by itself). Then something may be left, and the state with it, for `delete --force` to find.
 */
const isOnTheWayBack = (result: Result): boolean => /^tsrun: warning: .*/m.test(result.stderr);

/** Calls whose failure is no failure of ours: what they say is asked for another way, or what they do is not needed. */
const FORGIVEN = ["fchown", "keyctl"];

/** A container that makes as many kinds of calls as there can be. */
function rich(box: Box): Container {
  return box.container((config: Config) => {
    config.process.oomScoreAdj = 10;
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] };
    config.domainname = "domain.example";
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "ipc");
    config.linux.namespaces.push({ type: "cgroup" }, { type: "time" }, { type: "ipc", path: "/proc/self/ns/ipc" });
    config.linux.timeOffsets = { boottime: { secs: 60, nanosecs: 0 } };
    config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
    config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * 2 ** 20 }, pids: { limit: 100 } };
    config.linux.devices = [{ path: "/dev/fifo", type: "p", fileMode: 0o644, uid: 7 }];
    config.hooks = { createRuntime: [{ path: "/bin/true" }] };
    config.mounts.push(
      { destination: "/mnt", type: "bind", source: box.directory, options: ["rbind", "ro"] },
      { destination: "/home", type: "tmpfs", source: "tmpfs", options: ["ro", "tmpcopyup"] },
    );
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev/mqueue"); // its file system belongs to the ipc namespace's owner
  });
}

/** Runs the runtime under strace. The tracer is nobody's parent: what is traced ends as if it were not there. */
function traced(
  box: Box,
  expressions: readonly string[],
  container: Container,
  command: "create" | "run",
  output = "/dev/null",
  flags: readonly string[] = [],
): Result {
  return box.exec(STRACE, [
    "-D",
    "-f",
    "-qq",
    "-o",
    output,
    ...flags,
    ...expressions.flatMap((expression) => ["-e", expression]),
    PROGRAM,
    "--root",
    box.stateRoot,
    command,
    "--pid-file",
    box.path("pid"),
    "--bundle",
    container.bundle,
    container.id,
  ]);
}

/** The names of calls in the order in which each process made them: the runtime first, then init, then others. */
type Calls = readonly (readonly string[])[];

function readTrace(file: string): Calls {
  const byPid = new Map<string, string[]>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [, pid, name] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (pid === undefined || name === undefined) continue;
    byPid.set(pid, [...(byPid.get(pid) ?? []), name]);
  }
  return [...byPid.values()];
}

/** The runtime's calls before its own first one are the loader's: openStdio looks at the standard descriptors first. */
const ownStart = (runtime: readonly string[]): number => runtime.indexOf("fcntl");

/**
 * Which calls of one kind to let fail, as strace counts them (for each process by itself): the first ones, one in the middle and
 * the last, of the runtime and of init.
 */
function moments(calls: Calls, name: string): number[] {
  const [runtime = [], init = []] = calls;
  const count = (list: readonly string[]): number => list.filter((call) => call === name).length;
  const loader = count(runtime.slice(0, ownStart(runtime)));
  const spread = (from: number, to: number): number[] =>
    to < from ? [] : [from, from + 1, Math.floor((from + to) / 2), to].filter((n) => n <= to).slice(0, TRIES);
  return [
    ...new Set([...spread(loader + 1, count(runtime)), ...spread(1, count(init)).filter((n) => n > loader)]),
  ].sort((a, b) => a - b);
}

function assertHonest(result: Result, call: string, where: string): void {
  assert.notEqual(result.status, null, where);
  if (result.status === 0) return;
  assert.match(result.stderr, /^(?:tsrun: warning: .*\n)*tsrun: (create|run) \S+: [^:]+: /, where);
  assert.doesNotMatch(result.stderr, /internal error|died without a word/, where);
  if (/error running \w+ hook #\d+: .*exit stat/.test(result.stderr)) return; // strace counts for each process by itself: a hook's own call failed
  assert.match(result.stderr, /input\/output error \(EIO\)|I\/O error/i, where);
  const known =
    call === "dup3"
      ? "dup3|fork/exec"
      : call === "prlimit64"
        ? "prlimit(64)?"
        : call === "newfstatat"
          ? "fstatat|newfstatat|stat"
          : call === "clone3"
            ? "clone3|fork/exec"
            : call === "faccessat2"
              ? "faccessat2?|stat"
              : call === "ppoll"
                ? "poll|ppoll"
                : call;
  assert.match(result.stderr, new RegExp(`\\b(?:${known})\\(2\\)`), where);
}

const CALLS = [
  "accept4",
  "bind",
  "bpf",
  "capset",
  "chdir",
  "chroot",
  "clock_gettime",
  "clone3",
  "close_range",
  "connect",
  "dup3",
  "faccessat2",
  "fchdir",
  "fchmod",
  "fchmodat",
  "fchown",
  "fchownat",
  "fcntl",
  "flock",
  "fstat",
  "fstatfs",
  "fsconfig",
  "fsmount",
  "fsopen",
  "getcpu",
  "getcwd",
  "getdents64",
  "getsockopt",
  "ioctl",
  "keyctl",
  "listen",
  "lseek",
  "memfd_create",
  "mkdirat",
  "mknodat",
  "mount",
  "mount_setattr",
  "move_mount",
  "newfstatat",
  "open_tree",
  "openat",
  "openat2",
  "pidfd_open",
  "pidfd_send_signal",
  "pipe2",
  "pivot_root",
  "ppoll",
  "prctl",
  "prlimit64",
  "read",
  "readlinkat",
  "recvfrom",
  "recvmsg",
  "renameat2",
  "rt_sigaction",
  "rt_sigprocmask",
  "sched_setaffinity",
  "seccomp",
  "sendfile",
  "sendmsg",
  "setsockopt",
  "sendto",
  "setdomainname",
  "setgroups",
  "sethostname",
  "setns",
  "setresgid",
  "setresuid",
  "signalfd4",
  "socket",
  "socketpair",
  "statfs",
  "symlinkat",
  "umount2",
  "uname",
  "unlinkat",
  "unshare",
  "wait4",
  "waitid",
  "write",
];

describe("a system call that fails", function () {
  this.timeout(60_000);
  const box = useBox();
  const recorded: { [command in "create" | "run"]?: Calls } = {};

  /** What the command does when nothing fails. */
  function record(command: "create" | "run"): Calls {
    const known = recorded[command];
    if (known !== undefined) return known;
    const container = rich(box());
    const { status, stderr } = traced(box(), [], container, command, box().path("trace"));
    assert.equal(status, 0, stderr);
    box().runtime(["delete", "--force", container.id]);
    return (recorded[command] = readTrace(box().path("trace")));
  }

  before(function () {
    if (process.getuid?.() !== 0) skipBecause(this, "needs root");
  });

  it("is of a kind that is tried below", () => {
    for (const command of ["create", "run"] as const) {
      const [runtime = [], init = []] = record(command);
      // The user's program comes after init's execve.
      const made = new Set([
        ...runtime.slice(ownStart(runtime)),
        ...(init.includes("execve") ? init.slice(0, init.indexOf("execve")) : init),
      ]);
      assert.deepEqual(
        [...made].filter((name) => ![...CALLS, ...ENGINE, ...INFALLIBLE, ...EXECVE].includes(name)),
        [],
      );
    }
  });

  for (const command of ["create", "run"] as const) {
    describe(`during ${command}`, () => {
      for (const call of CALLS) {
        it(`${call}: nothing is left, and the error names the step and the call`, function () {
          const when = moments(record(command), call);
          if (when.length === 0) skipBecause(this, `${command} makes no such call`);
          const container = rich(box());
          for (const n of when) {
            const where = `${call}, call ${n}`;
            const result = traced(box(), [`trace=${call}`, `inject=${call}:error=EIO:when=${n}`], container, command);
            if ((result.status === 0 && command === "create") || isOnTheWayBack(result)) {
              const { status, stderr } = box().runtime(["delete", "--force", container.id]);
              assert.equal(status, 0, `${where}: ${stderr}`);
            }
            try {
              box().assertNothingLeft();
            } catch (error) {
              const left = box().leftovers().join("\n");
              box().clean();
              throw new Error(`${where}: status ${result.status}, ${result.stderr}\n${left}`, { cause: error });
            }
            if (!FORGIVEN.includes(call))
              assertHonest(result, call, `${where}: status ${result.status}: ${result.stderr}`);
          }
        });
      }
    });
  }

  it("to kill what is in the cgroup, for systemd is removing that (ENODEV): create leaves nothing", function () {
    const container = box().container((config) =>
      config.mounts.push({ destination: "/x", type: "nonsense", source: "x" }),
    );
    const { stdout } = box().exec(PROGRAM, ["plan", "--id", container.id, "--bundle", container.bundle]);
    const group = [...stdout.matchAll(/make the cgroup (\S+)/g)]
      .map(([, path]) => path ?? "")
      .find((path) => existsSync(join(dirname(path), "cgroup.controllers")));
    if (group === undefined) return skipBecause(this, "this host has no cgroup v2");
    const result = traced(
      box(),
      ["trace=openat", "inject=openat:error=ENODEV"],
      container,
      "create",
      box().path("trace"),
      ["-P", `${group}/cgroup.kill`],
    );
    assert.match(result.stderr, /^tsrun: create \S+: mount [^\n]*nonsense[^\n]*\n$/);
    assert.match(readFileSync(box().path("trace"), "utf8"), /cgroup\.kill.*ENODEV.*INJECTED/);
  });

  for (const call of [
    "write",
    "mkdirat",
    "openat",
    "unlinkat",
    "sendmsg",
    "recvfrom",
    "recvmsg",
    "renameat2",
    "mount",
    "pidfd_send_signal",
  ]) {
    it(`for good (${call}) is an error; what is left then, delete --force takes away`, function () {
      const calls = record("create");
      const loader = (calls[0] ?? []).slice(0, ownStart(calls[0] ?? [])).filter((name) => name === call).length;
      const container = rich(box());
      const most = (calls[0] ?? []).filter((name) => name === call).length;
      for (const n of new Set([loader + 1, loader + 3, Math.floor((loader + most) / 2) + 1])) {
        traced(box(), [`trace=${call}`, `inject=${call}:error=EIO:when=${n}+`], container, "create");
        const { status, stderr } = box().runtime(["delete", "--force", container.id]);
        assert.equal(status, 0, `from call ${n} on: ${stderr}`);
        box().assertNothingLeft();
      }
    });
  }
});
