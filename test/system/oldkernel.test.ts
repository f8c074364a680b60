// Kernels that have not the newer system calls, imitated by a seccomp filter that answers ENOSYS (fixtures/nosys.c) for the whole life of
// every command and of what it starts: a container is made the same way there (FEATURES P4).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { SYSCALLS } from "../../src/abi/syscall_table.ts";
import type { Config } from "./bundle.ts";
import { isTsrun, ok, PROGRAM, refused, TIMEOUT_MS, useBox, type Box, type Container, type Result } from "./harness.ts";
import { useTerminals, Watched } from "./terminal.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

/** With the version that brought them. */
const CALLS: readonly (readonly [call: string, since: string])[] = [
  ["pidfd_send_signal", "5.1"],
  ["open_tree", "5.2"],
  ["move_mount", "5.2"],
  ["fsopen", "5.2"],
  ["fsconfig", "5.2"],
  ["fsmount", "5.2"],
  ["clone3", "5.3"],
  ["pidfd_open", "5.3"],
  ["openat2", "5.6"],
  ["pidfd_getfd", "5.6"],
  ["faccessat2", "5.8"],
  ["close_range", "5.9"],
  ["mount_setattr", "5.12"],
  ["memfd_create", "3.17"],
  ["seccomp", "3.17"],
  ["execveat", "3.19"],
  ["keyctl", "2.6"],
];

const newerThan = (version: string): readonly string[] => {
  const number = (text: string): number => Number(text.split(".")[0]) * 1000 + Number(text.split(".")[1]);
  return CALLS.filter(([, since]) => number(since) > number(version)).map(([call]) => call);
};

const KERNELS: readonly (readonly [name: string, missing: readonly string[]])[] = [
  ...CALLS.map(([call]) => [`without ${call}`, [call]] as const),
  ["of Linux 4.18", newerThan("4.18")],
  ["of Linux 5.4", newerThan("5.4")],
  ["of Linux 5.10", newerThan("5.10")],
];

/** A container with a mount, a device, a mask, a value or a hook of each kind. */
function rich(box: Box, change: (config: Config) => void = () => undefined): Container {
  mkdirSync(box.path("data"), { recursive: true });
  box.write("data/file", "bound\n");
  return box.container((config) => {
    config.process.args = ["sh", "-c", SHOW];
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] };
    config.linux.namespaces.push({ type: "cgroup" });
    config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
    config.linux.devices = [{ path: "/dev/fifo", type: "p", fileMode: 0o644, uid: 7 }];
    config.linux.maskedPaths = ["/etc/hosts", "/var", "/home", "/proc/kcore", "/proc/keys", "/sys/firmware"];
    config.linux.readonlyPaths = ["/proc/sys", "/proc/bus", "/tmp"];
    config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "cat > /dev/null"] }] };
    config.mounts.push(
      { destination: "/mnt", type: "bind", source: box.path("data"), options: ["rbind", "ro", "nosuid", "rprivate"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro", "size=64k"] },
      { destination: "/etc/passwd", type: "bind", source: box.path("data/file"), options: ["bind", "noexec"] },
    );
    change(config);
  });
}

/** What a container is made of, seen from inside, without what differs each time. */
const SHOW = [
  "id; cat /etc/passwd /mnt/file; touch /mnt/x /tmp/x /x 2>&1; wc -c < /etc/hosts; ls -A /var /home /sys/firmware | grep -c .",
  "stat -c '%n %F %a %u' /dev/null /dev/fifo; readlink /dev/ptmx; cat /proc/sys/net/ipv4/ip_forward; pwd; ls /proc/self/fd | wc -l; cat /proc/1/cmdline | tr '\\\\0' ' ' | head -c 5",
  "sed 's/^[^ ]* [^ ]* [^ ]* //' /proc/self/mountinfo | grep -v ' / / ' | sed 's/tsrun-test-[0-9-]*//g; s/bundle[0-9]*//g' | sort",
].join("; ");

(isTsrun ? describe : describe.skip)("a kernel", function () {
  this.timeout(3 * TIMEOUT_MS);
  const box = useBox();
  useTerminals();
  let directory = "";
  let nosys = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "tsrun-nosys-"));
    nosys = join(directory, "nosys");
    execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", nosys, join(HERE, "fixtures/nosys.c")]);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The words that run the runtime on such a kernel. */
  const words = (missing: readonly string[], args: readonly string[]): string[] => [
    ...missing.map((call) => {
      const number = SYSCALLS[call];
      assert(number !== undefined, call);
      return String(number);
    }),
    "--",
    PROGRAM,
    "--root",
    box().stateRoot,
    ...args,
  ];
  const on = (missing: readonly string[], ...args: string[]): Result => box().exec(nosys, words(missing, args));

  it("that is imitated has not the call", () => {
    const number = SYSCALLS["getcwd"];
    const { status, stderr } = box().exec(nosys, [
      String(number),
      "--",
      "/usr/bin/strace",
      "-f",
      "-e",
      "trace=getcwd",
      "/bin/pwd",
      "-P",
    ]);
    assert.match(stderr, /getcwd\(.*ENOSYS/, `status ${status}`);
  });

  it("without close_range lets no descriptor of the caller's into the container, however high its number", () => {
    const limit = Number(/^Max open files +\S+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
    const high = Math.min(limit, 70_001) - 1; // above 65535 where this machine lets us
    const opened = `use Fcntl; open(my $f, "<", "/etc/hostname"); fcntl($f, F_DUPFD, ${high}) or die; exec @ARGV`;
    const raise = [`--nofile=${high + 1}:`, "/usr/bin/perl", "-e", opened];
    const list = ["sh", "-c", "ls /proc/self/fd"];
    const container = box().container((config) => (config.process.args = list));
    const run = words(["close_range"], ["run", "--bundle", container.bundle, container.id]);
    const { stdout } = ok(box().exec("/usr/bin/prlimit", [...raise, nosys, ...run]));
    assert.deepEqual(stdout.trim().split("\n"), ["0", "1", "2", "3"]); // 3 is the directory that ls reads
  });

  for (const [name, missing] of KERNELS) {
    it(`${name} runs a container that is the same`, () => {
      const expected = ok(rich(box()).run());
      const container = rich(box());
      const { status, stdout, stderr } = on(missing, "run", "--bundle", container.bundle, container.id);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, expected.stdout);
      assert.equal(stderr, expected.stderr);
    });

    it(`${name} creates, starts, enters, kills and deletes one`, () => {
      const container = rich(box(), (config) => (config.process.args = ["sleep", "60"]));
      ok(on(missing, "create", "--pid-file", box().path("pid"), "--bundle", container.bundle, container.id));
      assert.equal(container.state().status, "created");
      ok(on(missing, "start", container.id));
      assert.equal((JSON.parse(ok(on(missing, "state", container.id)).stdout) as { status: string }).status, "running");
      assert.equal(ok(on(missing, "exec", container.id, "cat", "/mnt/file")).stdout, "bound\n");
      assert.equal(on(missing, "exec", container.id, "sh", "-c", "exit 7").status, 7);
      refused(on(missing, "delete", container.id), /not stopped: running/);
      ok(on(missing, "kill", container.id, "KILL"));
      container.waitFor("stopped");
      refused(on(missing, "kill", container.id, "TERM"), /container not running/);
      ok(on(missing, "delete", container.id));
    });

    it(`${name} leaves nothing when the program is missing, nor of delete --force`, () => {
      const container = rich(box(), (config) => (config.process.args = ["/no/such/program"]));
      refused(on(missing, "run", "--bundle", container.bundle, container.id), /no such file or directory/);
      const other = rich(box(), (config) => (config.process.args = ["sleep", "60"]));
      ok(on(missing, "run", "--detach", "--bundle", other.bundle, other.id));
      ok(on(missing, "delete", "--force", other.id));
    });
  }

  it("older than 5.4, as its name says, is refused in one sentence, and doctor says so", () => {
    const container = box().container();
    // [kernel] setarch(8): uname(2) says 2.6 then
    const old = (...args: string[]): Result =>
      box().exec("setarch", ["--uname-2.6", PROGRAM, "--root", box().stateRoot, ...args]);
    for (const command of ["run", "create"]) {
      const { status, stdout, stderr } = old(command, "--bundle", container.bundle, container.id);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^tsrun: \w+ \S+: plan: Linux 2\.6\.\S+ is too old: 5\.4 or newer is needed\n$/);
    }
    const { status, stdout } = old("doctor");
    assert.equal(status, 1);
    assert.match(stdout, /no +Linux 5\.4 or newer — a newer kernel\n/);
  });

  it("of Linux 4.18 gives a container its terminal and its console", async () => {
    const container = rich(box(), (config) => {
      config.process.terminal = true;
      config.process.user = { uid: 0, gid: 0 };
      config.process.args = ["sh", "-c", "tty; test -c /dev/console && echo console; stat -c %t:%T /dev/console"];
    });
    const terminal = new Watched(box(), [
      "pty",
      "33",
      "101",
      nosys,
      ...words(newerThan("4.18"), ["run", "--bundle", container.bundle, container.id]),
    ]);
    await terminal.saw(/\/dev\/pts\/0\s+console\s+88:0/);
    await terminal.end();
  });

  it("of Linux 4.18 ends a hook that takes too long", () => {
    const container = rich(
      box(),
      (config) => (config.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }] }),
    );
    refused(
      on(newerThan("4.18"), "run", "--bundle", container.bundle, container.id),
      /hook ran past specified timeout of 1s/,
    );
  });

  it("without mount_setattr says so of recursive attributes", () => {
    const container = rich(box(), (config) =>
      config.mounts.push({ destination: "/root", type: "bind", source: box().path("data"), options: ["rbind", "rro"] }),
    );
    refused(
      on(["mount_setattr"], "run", "--bundle", container.bundle, container.id),
      /\/mounts\/10: mount_setattr\(2\) \/root: function not implemented/,
    );
  });
});
