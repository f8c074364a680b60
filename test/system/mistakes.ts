// About 150 mistakes that people make with a config.json or a command line. What tsrun says of each, and what runc 1.1 and crun 1.8 said of it when the
// table was made, stands in fixtures/mistakes.json; mistakes.test.ts makes each of them.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config, Mount } from "./bundle.ts";
import { shareNamespace, type Container } from "./harness.ts";

export type Mistake = {
  readonly name: string;
  /** Why it cannot be made on this host. */
  readonly unless?: () => string | undefined;
  readonly make?: (config: Config) => void;
  /** What is done before the command. */
  readonly before?: (container: Container, program: string | undefined) => void;
  /** What is taken away again. */
  readonly after?: () => void;
  /** The command; absent: run. */
  readonly args?: (container: Container) => readonly string[];
  /** config.json, where it is none of ours. */
  readonly text?: string;
  readonly globals?: readonly string[];
};

const m = (destination: string, type: string | undefined, source: string | undefined, ...options: string[]): Mount => ({
  destination,
  ...(type === undefined ? {} : { type }),
  ...(source === undefined ? {} : { source }),
  ...(options.length === 0 ? {} : { options }),
});
const mount = (name: string, ...mounts: Mount[]): Mistake => ({
  name,
  make: (config) => config.mounts.push(...mounts),
});
function withUser(config: Config): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100000, size: 65536 }];
}
function live(container: Container, program?: string): void {
  container.box.runtime(
    ["run", "-d", "--bundle", container.bundle, container.id],
    program === undefined ? {} : { program },
  );
}
/** A namespace that is kept by a mount and has nobody in it any more. */
function deadPidNamespace(container: Container): void {
  const path = "/run/tsrun-test-dead-pid-namespace";
  writeFileSync(path, "");
  const script = `unshare --pid --fork sleep 60 & sleep 0.2; pid=$(cat /proc/$!/task/$!/children); mount --bind /proc/\${pid% }/ns/pid ${path}; kill -9 $pid; wait`;
  container.box.exec("/bin/sh", ["-c", script], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
}
const sleeper = (config: Config): void => void (config.process.args = ["sleep", "60"]);
const run = (c: Container): readonly string[] => ["run", "--bundle", c.bundle, c.id];
const create = (c: Container): readonly string[] => ["create", "--bundle", c.bundle, c.id];

type Tree = { [name: string]: Tree };

/** Sets what the type of a config does not let be set; undefined takes it away. */
function put(config: Config, pointer: string, value?: unknown): void {
  const names = pointer.split("/").slice(1);
  const last = names.pop() ?? "";
  let at = config as unknown as Tree;
  for (const name of names) at = at[name] as Tree;
  if (value === undefined) delete at[last];
  else at[last] = value as Tree;
}
function addCapability(config: Config, name: string, ...sets: string[]): void {
  for (const set of sets) config.process.capabilities?.[set]?.push(name);
}

const status = (name: string): string =>
  new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
const withoutResource = (): string | undefined =>
  (BigInt(`0x${status("CapEff")}`) >> 24n) & 1n ? "we have CAP_SYS_RESOURCE" : undefined;
const onV1 = (): string | undefined =>
  existsSync("/sys/fs/cgroup/cpuset") && existsSync("/sys/fs/cgroup/memory") ? undefined : "this host has cgroup v2";
const withoutAppArmor = (): string | undefined =>
  existsSync("/sys/kernel/security/apparmor") ? "this host has AppArmor" : undefined;
const withoutSelinux = (): string | undefined =>
  existsSync("/sys/fs/selinux/enforce") ? "this host has SELinux" : undefined;
const onX86 = (): string | undefined => (process.arch === "x64" ? undefined : "the loader has another name");

export const MISTAKES: readonly Mistake[] = [
  { name: "no config.json", before: (c) => rmSync(join(c.bundle, "config.json")) },
  { name: "bundle directory missing", args: (c) => ["run", "--bundle", c.bundle + "x", c.id] },
  { name: "empty config", text: "" },
  { name: "not JSON", text: '{"ociVersion":"1.0.0",}' },
  { name: "config.json is a list", text: "[]" },
  { name: "ociVersion missing", make: (c) => put(c, "/ociVersion") },
  { name: "ociVersion 2", make: (c) => (c.ociVersion = "2.0.0") },
  { name: "process missing", make: (c) => put(c, "/process") },
  { name: "args empty", make: (c) => (c.process.args = []) },
  { name: "args[0] empty", make: (c) => (c.process.args = [""]) },
  { name: "args string", make: (c) => put(c, "/process/args", "sh") },
  { name: "cwd relative", make: (c) => (c.process.cwd = "tmp") },
  { name: "cwd absent", make: (c) => put(c, "/process/cwd") },
  { name: "cwd is a file", make: (c) => (c.process.cwd = "/etc/passwd") },
  { name: "env without =", make: (c) => c.process.env.push("FOO") },
  { name: "uid negative", make: (c) => (c.process.user.uid = -1) },
  { name: "root missing key", make: (c) => put(c, "/root") },
  { name: "root dir missing", make: (c) => (c.root.path = "rootfz") },
  { name: "root is a file", make: (c) => (c.root.path = "config.json") },
  {
    name: "root symlink",
    make: (c) => (c.root.path = "link"),
    before: (c) => symlinkSync("rootfs", join(c.bundle, "link")),
  },
  {
    name: "root that the container may not enter in a user namespace",
    make: withUser,
    before: (c) => chmodSync(c.rootfs, 0o700),
  },
  { name: "hostname no uts", make: (c) => shareNamespace(c, "uts") },
  { name: "hostname number", make: (c) => put(c, "/hostname", 5) },
  mount("tmpfs siz", m("/t", "tmpfs", "tmpfs", "siz=5")),
  mount("tmpfs size=abc", m("/t", "tmpfs", "tmpfs", "nosuid", "size=abc")),
  mount("overlay no lowerdir", m("/t", "overlay", "overlay")),
  mount("overlay lowerdir missing", m("/t", "overlay", "overlay", "lowerdir=/nowhere:/tmp")),
  mount("overlay unknown option", m("/t", "overlay", "overlay", "lowerdir=/tmp:/var", "upper=/x")),
  mount("overlay without workdir", m("/t", "overlay", "overlay", "lowerdir=/tmp", "upperdir=/var/tmp")),
  mount("ext4 missing device", m("/t", "ext4", "/dev/sdz9")),
  mount("ext4 regular file", m("/t", "ext4", "/etc/passwd")),
  mount("fs unknown", m("/t", "ext9", "none")),
  mount("bind source missing", m("/t", "bind", "/nowhere/x", "bind")),
  mount("bind dir on file", m("/etc/passwd", "bind", "/tmp", "bind")),
  mount("bind file on dir", m("/etc", "bind", "/etc/passwd", "bind")),
  mount("type none without bind", m("/t", "none", "/tmp")),
  mount("no type without bind", m("/t", undefined, "/tmp")),
  mount("mount on /", m("/", "tmpfs", "tmpfs")),
  mount("tmpfs on /proc", m("/proc", "tmpfs", "tmpfs")),
  mount("inside proc", m("/proc/sys", "tmpfs", "tmpfs")),
  mount("bind inside proc", m("/proc/1", "bind", "/tmp", "bind")),
  mount("destination relative", m("t", "tmpfs", "tmpfs")),
  { name: "destination missing", make: (c) => c.mounts.push({ type: "tmpfs" } as unknown as Mount) },
  {
    name: "mount point that cannot be made in a user namespace",
    make: (c) => {
      withUser(c);
      c.mounts.push(m("/newdir/x", "tmpfs", "tmpfs"));
    },
  },
  mount("destination below a file", m("/etc/passwd/x", "tmpfs", "tmpfs")),
  {
    name: "destination loops",
    make: (c) => c.mounts.push(m("/loop/x", "tmpfs", "tmpfs")),
    before: (c) => symlinkSync("loop", c.at("loop")),
  },
  mount("devpts bad option", m("/t", "devpts", "devpts", "newinstanc")),
  mount("proc bad option", m("/proc", "proc", "proc", "hidepid=9")),
  mount("bind option typo", m("/t", "bind", "/tmp", "rbind", "nosuidd")),
  { name: "ns type unknown", make: (c) => c.linux.namespaces.push({ type: "netwrok" }) },
  { name: "ns twice", make: (c) => c.linux.namespaces.push({ type: "pid" }) },
  {
    name: "ns path missing",
    make: (c) => {
      shareNamespace(c, "network");
      c.linux.namespaces.push({ type: "network", path: "/proc/999999/ns/net" });
    },
  },
  {
    name: "ns wrong type",
    make: (c) => {
      shareNamespace(c, "network");
      c.linux.namespaces.push({ type: "network", path: "/proc/self/ns/uts" });
    },
  },
  {
    name: "ns regular file",
    make: (c) => {
      shareNamespace(c, "network");
      c.linux.namespaces.push({ type: "network", path: "/etc/passwd" });
    },
  },
  {
    name: "joining a pid namespace whose first process has ended",
    make: (c) => {
      shareNamespace(c, "pid");
      c.linux.namespaces.push({ type: "pid", path: "/run/tsrun-test-dead-pid-namespace" });
    },
    before: deadPidNamespace,
    after: () => {
      execFileSync("umount", ["/run/tsrun-test-dead-pid-namespace"]);
      rmSync("/run/tsrun-test-dead-pid-namespace");
    },
  },
  { name: "userns no maps", make: (c) => c.linux.namespaces.push({ type: "user" }) },
  {
    name: "maps without userns",
    make: (c) => {
      withUser(c);
      shareNamespace(c, "user");
    },
  },
  {
    name: "maps overlap",
    make: (c) => {
      withUser(c);
      c.linux["uidMappings"] = [
        { containerID: 0, hostID: 1000, size: 10 },
        { containerID: 5, hostID: 2000, size: 10 },
      ];
    },
  },
  { name: "time offsets without ns", make: (c) => (c.linux.timeOffsets = { monotonic: { secs: 5 } }) },
  {
    name: "sysctl without ipc",
    make: (c) => {
      shareNamespace(c, "ipc");
      c.linux.sysctl = { "kernel.shmmax": "1" };
    },
  },
  { name: "sysctl unknown", make: (c) => (c.linux.sysctl = { "net.ipv4.nope": "1" }) },
  { name: "sysctl value", make: (c) => (c.linux.sysctl = { "net.ipv4.ip_forward": "yes" }) },
  { name: "sysctl host-wide", make: (c) => (c.linux.sysctl = { "vm.swappiness": "1" }) },
  { name: "program not in PATH", make: (c) => (c.process.args = ["nope"]) },
  { name: "program path missing", make: (c) => (c.process.args = ["/bin/nope"]) },
  { name: "program is dir", make: (c) => (c.process.args = ["/etc"]) },
  { name: "program not executable", make: (c) => (c.process.args = ["/etc/passwd"]) },
  {
    name: "script interpreter missing",
    make: (c) => (c.process.args = ["/s"]),
    before: (c) => writeFileSync(c.at("s"), "#!/usr/bin/python9 -u\n", { mode: 0o755 }),
  },
  {
    name: "ELF interpreter missing",
    unless: onX86,
    make: (c) => (c.process.args = ["/gcc"]),
    before: (c) => {
      c.box.exec("cp", ["/usr/bin/env", c.at("gcc")]);
    },
  },
  {
    name: "program of no known format",
    make: (c) => (c.process.args = ["/s"]),
    before: (c) => writeFileSync(c.at("s"), "echo hi\n", { mode: 0o755 }),
  },
  { name: "cap unknown", make: (c) => addCapability(c, "CAP_NET_ADMN", "bounding") },
  {
    name: "cap missing",
    unless: withoutResource,
    make: (c) => {
      addCapability(c, "CAP_SYS_RESOURCE", "bounding", "effective", "permitted");
    },
  },
  {
    name: "ambient not inheritable",
    make: (c) => put(c, "/process/capabilities/ambient", ["CAP_KILL", "CAP_AUDIT_WRITE"]),
  },
  { name: "rlimit unknown", make: (c) => (c.process.rlimits = [{ type: "RLIMIT_NOFILES", soft: 1, hard: 1 }]) },
  { name: "rlimit soft>hard", make: (c) => (c.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 2000, hard: 1000 }]) },
  {
    name: "rlimit above hard",
    unless: withoutResource,
    make: (c) => (c.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 90000000, hard: 90000000 }]),
  },
  { name: "rlimit nofile 3", make: (c) => (c.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 3, hard: 3 }]) },
  {
    name: "rlimit nofile 0",
    make: (c) => {
      c.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 0, hard: 0 }];
    },
  },
  { name: "oomScoreAdj below", unless: withoutResource, make: (c) => (c.process.oomScoreAdj = -1000) },
  { name: "oomScoreAdj 5000", make: (c) => (c.process.oomScoreAdj = 5000) },
  { name: "scheduler unknown", make: (c) => put(c, "/process/scheduler", { policy: "SCHED_FAST" }) },
  { name: "terminal on create, no socket", make: (c) => (c.process.terminal = true), args: create },
  {
    name: "terminal run -d",
    make: (c) => (c.process.terminal = true),
    args: (c) => ["run", "-d", "--bundle", c.bundle, c.id],
  },
  {
    name: "console socket without terminal",
    args: (c) => ["create", "--bundle", c.bundle, "--console-socket", "/tmp/nope.sock", c.id],
  },
  {
    name: "console socket missing",
    make: (c) => (c.process.terminal = true),
    args: (c) => ["create", "--bundle", c.bundle, "--console-socket", "/tmp/nope.sock", c.id],
  },
  {
    name: "terminal without devpts",
    make: (c) => {
      c.process.terminal = true;
      c.mounts = c.mounts.filter((x) => x.destination !== "/dev/pts");
    },
  },
  { name: "apparmor absent", unless: withoutAppArmor, make: (c) => (c.process["apparmorProfile"] = "docker-default") },
  {
    name: "selinux absent",
    unless: withoutSelinux,
    make: (c) => (c.process["selinuxLabel"] = "system_u:system_r:container_t:s0"),
  },
  {
    name: "mount label without selinux",
    unless: withoutSelinux,
    make: (c) => (c.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"),
  },
  {
    name: "uid unmapped",
    make: (c) => {
      withUser(c);
      c.process.user.uid = 70000;
    },
  },
  { name: "seccomp action unknown", make: (c) => (c.linux["seccomp"] = { defaultAction: "SCMP_ACT_DENY" }) },
  {
    name: "seccomp arch unknown",
    make: (c) => (c.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86-64"] }),
  },
  {
    name: "seccomp execve errno",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["execve"], action: "SCMP_ACT_ERRNO" }],
      }),
  },
  {
    name: "seccomp execve kill",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["execve"], action: "SCMP_ACT_KILL_PROCESS" }],
      }),
  },
  {
    name: "seccomp execve kill thread",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["execve"], action: "SCMP_ACT_KILL" }],
      }),
  },
  {
    name: "seccomp execve trap",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["execve"], action: "SCMP_ACT_TRAP" }],
      }),
  },
  {
    name: "seccomp default kill",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_KILL_PROCESS",
        syscalls: [{ names: ["exit_group", "write"], action: "SCMP_ACT_ALLOW" }],
      }),
  },
  {
    name: "seccomp listener nobody",
    make: (c) =>
      (c.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath: "/tmp/nope.sock",
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
      }),
  },
  { name: "cpus 0-99", unless: onV1, make: (c) => (c.linux.resources = { cpu: { cpus: "0-99" } }) },
  { name: "memory limit 1", unless: onV1, make: (c) => (c.linux.resources = { memory: { limit: 1 } }) },
  { name: "memory limit 64m string", make: (c) => (c.linux.resources = { memory: { limit: "64m" } }) },
  { name: "quota 1", unless: onV1, make: (c) => (c.linux.resources = { cpu: { quota: 1, period: 100000 } }) },
  { name: "pids string", make: (c) => (c.linux.resources = { pids: { limit: "5" } }) },
  { name: "swap below memory", make: (c) => (c.linux.resources = { memory: { limit: 67108864, swap: 33554432 } }) },
  {
    name: "device rule type",
    make: (c) => (c.linux.resources = { devices: [{ allow: true, type: "x", access: "rwm" }] }),
  },
  {
    name: "hugepage size",
    unless: onV1,
    make: (c) => (c.linux.resources = { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] }),
  },
  { name: "unified on v1", unless: onV1, make: (c) => (c.linux.resources = { unified: { "memory.high": "1000000" } }) },
  { name: "hook missing", make: (c) => (c.hooks = { createRuntime: [{ path: "/nowhere/hook" }] }) },
  { name: "hook relative", make: (c) => (c.hooks = { createRuntime: [{ path: "hook" }] }) },
  {
    name: "hook fails",
    make: (c) => (c.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "echo bad >&2; exit 3"] }] }),
  },
  {
    name: "hook timeout",
    make: (c) => (c.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "9"], timeout: 1 }] }),
  },
  { name: "hook not executable", make: (c) => (c.hooks = { prestart: [{ path: "/etc/passwd" }] }) },
  { name: "device type wrong", make: (c) => (c.linux.devices = [{ path: "/dev/x", type: "z", major: 1, minor: 3 }]) },
  { name: "device path missing", make: (c) => (c.linux.devices = [{ type: "c", major: 1, minor: 3 }]) },
  { name: "device no major", make: (c) => (c.linux.devices = [{ path: "/dev/x", type: "c" }]) },
  { name: "unknown command", args: () => ["strat", "x"] },
  { name: "unknown command far", args: () => ["frobnicate", "x"] },
  { name: "unknown flag", args: (c) => ["run", "--bundel", c.bundle, c.id] },
  { name: "flag needs value", args: () => ["run", "--bundle"] },
  { name: "run without id", args: (c) => ["run", "--bundle", c.bundle] },
  { name: "id with slash", args: (c) => ["run", "--bundle", c.bundle, "a/b"] },
  { name: "create twice", before: (c, p) => live(c, p), make: sleeper, args: create },
  { name: "start unknown", args: (c) => ["start", c.id] },
  { name: "start running", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["start", c.id] },
  { name: "exec unknown container", args: (c) => ["exec", c.id, "ls"] },
  {
    name: "exec stopped",
    before: (c, p) => {
      live(c, p);
      c.waitFor("stopped");
    },
    make: (c) => {
      c.process.args = ["true"];
    },
    args: (c) => ["exec", c.id, "ls"],
  },
  { name: "exec no command", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["exec", c.id] },
  { name: "exec program missing", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["exec", c.id, "nope"] },
  {
    name: "exec cwd missing",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--cwd", "/nope", c.id, "ls"],
  },
  {
    name: "exec cwd file",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--cwd", "/etc/passwd", c.id, "ls"],
  },
  {
    name: "exec cwd relative",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--cwd", "tmp", c.id, "ls"],
  },
  {
    name: "exec user bad",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--user", "bob", c.id, "ls"],
  },
  {
    name: "exec cap bad",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--cap", "CAP_NET_ADMN", c.id, "ls"],
  },
  {
    name: "exec cap missing",
    unless: withoutResource,
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--cap", "CAP_SYS_RESOURCE", c.id, "ls"],
  },
  {
    name: "exec env bad",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--env", "FOO", c.id, "ls"],
  },
  {
    name: "exec process file missing",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "--process", "/nope.json", c.id],
  },
  {
    name: "exec detached tty no socket",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["exec", "-d", "-t", c.id, "ls"],
  },
  { name: "kill signal bad", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["kill", c.id, "SIGFOO"] },
  { name: "kill unknown", args: (c) => ["kill", c.id, "TERM"] },
  {
    name: "kill stopped",
    before: (c, p) => {
      live(c, p);
      c.waitFor("stopped");
    },
    args: (c) => ["kill", c.id, "TERM"],
  },
  { name: "delete running", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["delete", c.id] },
  { name: "delete unknown", args: (c) => ["delete", c.id] },
  { name: "resume running", before: (c, p) => live(c, p), make: sleeper, args: (c) => ["resume", c.id] },
  {
    name: "pause stopped",
    before: (c, p) => {
      live(c, p);
      c.waitFor("stopped");
    },
    args: (c) => ["pause", c.id],
  },
  { name: "log nowhere", globals: ["--log", "/nowhere/x.log"], args: run },
  {
    name: "log nowhere + error",
    globals: ["--log", "/nowhere/x.log"],
    make: (c) => (c.process.args = ["nope"]),
    args: run,
  },
  { name: "log format", globals: ["--log-format", "xml"], args: run },
  { name: "root unwritable", globals: ["--root", "/proc/x"], args: run },
  { name: "pid file nowhere", args: (c) => ["create", "--pid-file", "/nowhere/x.pid", "--bundle", c.bundle, c.id] },
  { name: "preserve fds", args: (c) => ["run", "--preserve-fds", "5", "--bundle", c.bundle, c.id] },
  { name: "preserve fds text", args: (c) => ["run", "--preserve-fds", "many", "--bundle", c.bundle, c.id] },
  {
    name: "update memory text",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["update", "--memory", "lots", c.id],
  },
  {
    name: "update cpus",
    unless: onV1,
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["update", "--cpuset-cpus", "0-99", c.id],
  },
  { name: "update unknown", args: (c) => ["update", "--memory", "64m", c.id] },
  {
    name: "update resources missing",
    before: (c, p) => live(c, p),
    make: sleeper,
    args: (c) => ["update", "--resources", "/nope.json", c.id],
  },
  { name: "events unknown", args: (c) => ["events", c.id] },
  { name: "ps unknown", args: (c) => ["ps", c.id] },
  { name: "spec exists", args: (c) => ["spec", "--bundle", c.bundle] },
  { name: "list format", args: () => ["list", "--format", "xml"] },
];
