// The catalogue of error codes: `code` in the JSON log and docs/errors.md. A code is a promise: its meaning never changes, and what fails the same
// way in a later version has the same. Failed calls have theirs in hints.ts, beside what to try; here are those of texts, and the six
// that stand for whatever has none of its own.
// Errors of ours are told by their text: it crosses processes as it is, and is a contract with callers anyway.
// Law: as in hints.ts, no hint may hold words that callers look for.

import { HostError, SpecError, StateError, SysError, UsageError } from "../base/errors.ts";
import type { Hinted } from "./hints.ts";

export type Kind = "usage" | "spec" | "state" | "host" | "system" | "internal";

type Row = {
  readonly code: string;
  readonly kind: Kind;
  /** The message; "…" stands for any text. */
  readonly says: string;
  readonly hint?: string;
};

/** What is said of an error that no other code fits. */
export const KINDS: { readonly [Name in Kind]: string } = {
  usage: "the command line is wrong",
  spec: "config.json, or another document that was given, breaks its schema or a law between its fields; `pointer` says where, when it is one place",
  state: "the container is not in a state that allows the command",
  host: "the host, or what the caller gave, does not allow it; found without asking the kernel",
  system: "a system call or library call failed; `syscall`, `errno` and `path` say which",
  internal: "a mistake in tsrun: please report it",
};

const NOT_YET = "docs/conformance.md lists what this version does";
/** Whatever is asked of a container that is not there yet: every other command would refuse as well. */
const WAIT =
  "another command is making it: wait until `tsrun state` says that it is created, or take it away with `tsrun delete --force`";
const LIST = "`tsrun list` shows the containers below the state root; each --root has its own";
const AGAIN = "a container runs once: delete it and create it anew";

/** Codes of findings of `validate` that are no errors. */
export const WARNINGS: { readonly [code: string]: string } = {
  "config-doubtful": "`validate` only: something that is allowed and probably not meant",
};

/** The first row that fits is it. */
export const TEXTS: readonly Row[] = [
  { code: "flag-needs-value", kind: "usage", says: "flag needs an argument: …" },
  { code: "flag-unknown", kind: "usage", says: "unknown option …" },
  { code: "flag-unknown", kind: "usage", says: "flag provided but not defined: -…" },
  { code: "flag-value-invalid", kind: "usage", says: "invalid value … for option --…" },
  { code: "arguments-wrong-number", kind: "usage", says: "… requires … argument(s)" },
  { code: "command-unknown", kind: "usage", says: "unknown command …" },
  { code: "command-unknown", kind: "usage", says: "No help topic for '…'" },
  { code: "signal-unknown", kind: "usage", says: "unknown signal …" },
  { code: "id-invalid", kind: "usage", says: "invalid container ID format: …" },

  { code: "config-not-json", kind: "spec", says: "not JSON: …" },
  {
    code: "mount-over-root",
    kind: "spec",
    says: "mountpoint is on the top of rootfs",
    hint: "what / is, /root/path says: mount it there beforehand, in a mount namespace that ends with the container: unshare -m sh -c 'mount … ROOTFS && exec tsrun run …'",
  },
  {
    code: "apparmor-missing",
    kind: "spec",
    says: "apparmor: config provided but apparmor not supported",
    hint: "leave /process/apparmorProfile out, or boot the host with AppArmor (lsm=…,apparmor): /sys/module/apparmor/parameters/enabled must say Y",
  },
  {
    code: "selinux-missing",
    kind: "spec",
    says: "selinux label is specified in config, but selinux is disabled or not supported",
    hint: "leave /process/selinuxLabel and /linux/mountLabel out, or boot the host with SELinux (lsm=…,selinux) and load a policy: /sys/fs/selinux must be mounted",
  },
  {
    code: "seccomp-without-execve",
    kind: "spec",
    says: "the profile answers execve with …",
    hint: "allow execve, and what the program needs besides: `tsrun spec --seccomp` writes a profile to start from",
  },

  { code: "container-unknown", kind: "state", says: "container does not exist", hint: LIST },
  {
    code: "container-exists",
    kind: "state",
    says: "container with given ID already exists",
    hint: "choose another name, or delete the container that has it",
  },
  { code: "container-creating", kind: "state", says: "container not running: it is being created", hint: WAIT },
  { code: "container-creating", kind: "state", says: "container not paused: it is being created", hint: WAIT },
  {
    code: "container-creating",
    kind: "state",
    says: "cannot delete container … that is not stopped: creating",
    hint: WAIT,
  },
  { code: "container-creating", kind: "state", says: "cannot start a container in the creating state", hint: WAIT },
  { code: "container-creating", kind: "state", says: "cannot exec in a container in the creating state", hint: WAIT },
  { code: "container-not-running", kind: "state", says: "container not running" },
  { code: "container-not-running", kind: "state", says: "container with id … is not running" },
  { code: "container-not-paused", kind: "state", says: "container not paused" },
  {
    code: "container-not-stopped",
    kind: "state",
    says: "cannot delete container … that is not stopped: …",
    hint: "`tsrun kill` it first, or delete it with --force",
  },
  { code: "container-stopped", kind: "state", says: "cannot start a container that has stopped", hint: AGAIN },
  {
    code: "init-oom-killed",
    kind: "state",
    says: "cannot start a container that has stopped: …",
    hint: "raise /linux/resources/memory/limit",
  },
  {
    code: "container-not-running",
    kind: "state",
    says: "a container cannot be checkpointed in the … state",
    hint: "only one that runs can: `tsrun start` or `tsrun resume` it first",
  },
  { code: "container-running", kind: "state", says: "cannot start an already running container", hint: AGAIN },
  {
    code: "container-stopped",
    kind: "state",
    says: "cannot exec in a stopped container",
    hint: "its first process has ended (`tsrun state` shows how): delete it and create it anew",
  },
  { code: "container-paused", kind: "state", says: "cannot exec in a paused container …" },
  {
    code: "container-paused",
    kind: "state",
    says: "cannot start a container in the … state",
    hint: "`tsrun resume` it first",
  },

  { code: "id-invalid", kind: "host", says: "container id cannot be empty" },
  { code: "id-invalid", kind: "host", says: "invalid container ID format: …" },
  { code: "flag-value-invalid", kind: "host", says: "invalid value for …: …" },
  { code: "flag-value-invalid", kind: "host", says: "duration interval must be greater than 0" },
  {
    code: "config-missing",
    kind: "host",
    says: "JSON specification file … not found in …",
    hint: "a bundle has a config.json; name it with --bundle, or make one with `tsrun spec`",
  },
  {
    code: "config-missing",
    kind: "host",
    says: "JSON specification file … not found: there is no directory …",
    hint: "--bundle names the directory that config.json is in; a relative one starts at the working directory",
  },
  { code: "config-exists", kind: "host", says: "File config.json exists. Remove it first" },
  { code: "kernel-too-old", kind: "host", says: "Linux … is too old: …" },
  {
    code: "state-damaged",
    kind: "host",
    says: "somebody died while creating it",
    hint: "`tsrun delete --force` takes away what is left of it",
  },
  {
    code: "state-damaged",
    kind: "host",
    says: "… of container … is damaged: …",
    hint: "`tsrun delete --force` takes away what is left of it",
  },
  { code: "file-not-regular", kind: "host", says: "… is not a regular file" },
  { code: "file-too-large", kind: "host", says: "… is larger than … bytes" },
  {
    code: "file-silent",
    kind: "host",
    says: "… is a fifo, and nothing has come out of it for …",
    hint: "whoever writes into it must have opened it",
  },
  { code: "write-incomplete", kind: "host", says: "… has taken only … of … bytes" },
  { code: "state-root-unknown", kind: "host", says: "XDG_RUNTIME_DIR is not set, …" },
  {
    code: "namespace-wrong-type",
    kind: "host",
    says: "… is not a … namespace but a … one",
    hint: "compare the path with the type in /linux/namespaces",
  },
  {
    code: "namespace-wrong-type",
    kind: "host",
    says: "… is not a namespace",
    hint: "namespaces are files of /proc/PID/ns, and where those were bound",
  },
  {
    code: "rdt-missing",
    kind: "host",
    says: "updating a non-existent Intel RDT configuration is not supported",
    hint: "the container was made without /linux/intelRdt",
  },
  {
    code: "id-map-helper-missing",
    kind: "host",
    says: "… is not installed: without root it maps all ids but our own",
    hint: "install newuidmap and newgidmap (package uidmap or shadow-utils), or map our own id alone, as `tsrun spec --rootless` does",
  },
  {
    code: "id-map-helper-refused",
    kind: "host",
    says: "… has refused: …",
    hint: "/etc/subuid (/etc/subgid) must grant us every id that is not our own, and the helper needs its setuid bit or its file capability, which no_new_privs takes away",
  },
  {
    code: "id-map-none",
    kind: "host",
    says: "… grants no ids to …",
    hint: "`usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER` grants some, as root",
  },
  {
    code: "user-namespace-rootless",
    kind: "host",
    says: "the user namespace does not map its root …",
    hint: "/linux/uidMappings and /linux/gidMappings must map the id 0 of the container",
  },
  {
    code: "device-other",
    kind: "host",
    says: "a device can only be bound from the host here, …",
    hint: "in a user namespace no device is made: /linux/devices can show those that the host has at the same path",
  },
  {
    code: "criu-missing",
    kind: "host",
    says: "CRIU is not installed: …",
    hint: "install the package criu, or name its program with --criu",
  },
  {
    code: "criu-too-old",
    kind: "host",
    says: "CRIU … is too old: …",
    hint: "install a newer criu, or name it with --criu",
  },
  {
    code: "criu-ended",
    kind: "host",
    says: "CRIU has ended without an answer…",
    hint: "`criu check` says what it lacks",
  },
  { code: "criu-refused", kind: "host", says: "CRIU cannot …" },
  {
    code: "images-missing",
    kind: "host",
    says: "there is no directory of images at …",
    hint: "--image-path is the directory that `tsrun checkpoint` has written",
  },
  {
    code: "images-missing",
    kind: "host",
    says: "… holds no checkpoint: …",
    hint: "--image-path is the directory that `tsrun checkpoint` has written",
  },
  { code: "images-damaged", kind: "host", says: "… in the directory of images is damaged" },
  { code: "images-of-another", kind: "host", says: "the images need something mounted at …" },
  { code: "images-of-another", kind: "host", says: "the images are of the architecture …" },
  { code: "images-of-another", kind: "host", says: "the container was checkpointed … a terminal, …" },
  { code: "not-supported", kind: "host", says: "… not supported …", hint: NOT_YET },
  {
    code: "console-socket-missing",
    kind: "host",
    says: "cannot allocate tty if … will detach without setting console socket",
    hint: "pass --console-socket, or set /process/terminal to false",
  },
  {
    code: "console-socket-unused",
    kind: "host",
    says: "cannot use console socket if … will not detach or allocate tty",
    hint: "leave --console-socket out, or set /process/terminal to true",
  },
  { code: "terminal-failed", kind: "host", says: "the container's terminal did not come" },
  {
    code: "terminal-unsafe",
    kind: "host",
    says: "… is not one of a devpts",
    hint: "mount a devpts on /dev/pts of the container",
  },
  {
    code: "terminal-unsafe",
    kind: "host",
    says: "/dev/pts… of the container is not …",
    hint: "mount a devpts on /dev/pts of the container",
  },
  { code: "terminal-unsafe", kind: "host", says: "/dev/console of the container is a symbolic link" },
  {
    code: "descriptor-not-open",
    kind: "host",
    says: "… descriptor … is not open: bad file descriptor",
    hint: "--preserve-fds N wants descriptors 3 to 2+N to be open, after those of $LISTEN_FDS",
  },
  {
    code: "root-missing",
    kind: "host",
    says: "invalid rootfs …",
    hint: "/root/path must be a directory of the host, and no symbolic link; a relative one starts at the bundle",
  },
  {
    code: "mount-raced",
    kind: "host",
    says: "… was removed while we mounted on it",
    hint: "somebody changes the root file system while the container is made",
  },
  {
    code: "mount-raced",
    kind: "host",
    says: "… is gone",
    hint: "somebody changes the root file system while the container is made",
  },
  {
    code: "null-device-fake",
    kind: "host",
    says: "the container's /dev/null is not the null device",
    hint: "masks are made of /dev/null: let tsrun make it, or have a true one in the image",
  },
  { code: "procfs-fake", kind: "host", says: "/proc… is not …procfs", hint: "mount proc on /proc of the container" },
  {
    code: "working-directory-outside",
    kind: "host",
    says: "current working directory is outside of container mount namespace root …",
    hint: "/process/cwd leads to a directory of the host",
  },
  {
    code: "program-missing",
    kind: "host",
    says: "exec: … executable file not found in $PATH",
    hint: "the first of /process/args is searched in the container, in the directories of PATH in /process/env",
  },
  {
    code: "program-missing",
    kind: "host",
    says: "exec: … no such file or directory",
    hint: "the first of /process/args is a path in the container",
  },
  { code: "program-is-a-directory", kind: "host", says: "exec: … is a directory" },
  {
    code: "program-not-executable",
    kind: "host",
    says: "exec: … permission denied",
    hint: "the program needs the x bit, and its directories too, for the container's user",
  },
  {
    code: "init-oom-killed",
    kind: "host",
    says: "container init was OOM-killed …",
    hint: "raise /linux/resources/memory/limit",
  },
  { code: "init-died", kind: "host", says: "the process that was to join the user namespace died without a word" },
  {
    code: "init-died",
    kind: "host",
    says: "container init died without a word: …",
    hint: "somebody killed it, or a seccomp profile did; the kernel's log says more (dmesg)",
  },
  { code: "asked-to-end", kind: "host", says: "asked to end by …" },
  {
    code: "init-not-killed",
    kind: "host",
    says: "a process does not end, although it is killed: its cgroup may be frozen",
    hint: "`tsrun resume` lets it",
  },
  { code: "init-not-killed", kind: "host", says: "container init still running" },
  {
    code: "hook-timeout",
    kind: "host",
    says: "hook ran past specified timeout of …s",
    hint: "its timeout in /hooks is in seconds",
  },
  { code: "hook-failed", kind: "host", says: "exit status …, stdout: …, stderr: …" },
  { code: "hook-failed", kind: "host", says: "signal: …, stdout: …, stderr: …" },
  { code: "libseccomp-missing", kind: "host", says: "linux.seccomp needs libseccomp, …" },
  {
    code: "seccomp-too-long",
    kind: "host",
    says: "the seccomp filter has … instructions: …",
    hint: "name fewer system calls, or compare fewer of their arguments",
  },
  { code: "seccomp-invalid", kind: "host", says: "libseccomp does not know the architecture …" },
  { code: "seccomp-invalid", kind: "host", says: "unknown system call …" },
  { code: "seccomp-invalid", kind: "host", says: "the seccomp program in the annotation is not base64" },
  {
    code: "seccomp-agent-failed",
    kind: "host",
    says: "the seccomp agent has not got the notify descriptor",
    hint: "the program that listens at /linux/seccomp/listenerPath must take the descriptor",
  },
  {
    code: "scheduling-forbidden",
    kind: "host",
    says: "process scheduler can't be used together with AllowedCPUs",
    hint: "leave /process/scheduler or /linux/resources/cpu/cpus out",
  },
  {
    code: "network-device-missing",
    kind: "host",
    says: "link not found for interface …",
    hint: "our network namespace has no device of that name: see `ip link`",
  },
  { code: "network-device-missing", kind: "host", says: "network device … did not arrive" },
  {
    code: "rdt-missing",
    kind: "host",
    says: "intelRdt is specified in config, but Intel RDT is not enabled: …",
    hint: "mount -t resctrl resctrl /sys/fs/resctrl, where the processor has it",
  },
  {
    code: "rdt-missing",
    kind: "host",
    says: "Intel RDT/… schema is not enabled",
    hint: "mount -t resctrl resctrl /sys/fs/resctrl, where the processor has it",
  },
  {
    code: "rdt-conflict",
    kind: "host",
    says: "the resctrl group … ",
    hint: "see /linux/intelRdt/closID, and the schemata of that group",
  },
  {
    code: "cgroup-missing",
    kind: "host",
    says: "no cgroup file system is mounted on /sys/fs/cgroup: …",
    hint: "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
  },
  {
    code: "cgroup-controller-missing",
    kind: "host",
    says: "… controller … is not available …",
    hint: "the kernel has it not, or cgroup.subtree_control of a cgroup above does not hand it on",
  },
  {
    code: "cgroup-controller-missing",
    kind: "host",
    says: "… unified resource … can't be set: controller … not available",
    hint: "the kernel has it not, or cgroup.subtree_control of a cgroup above does not hand it on",
  },
  {
    code: "cgroup-controller-missing",
    kind: "host",
    says: "… the cgroup controller … is not mounted on this host",
    hint: "mount its hierarchy, or leave the limit out",
  },
  {
    code: "cgroup-cannot-hold-processes",
    kind: "host",
    says: "… cannot enter cgroupv2 … with domain controllers …",
    hint: "choose another cgroupsPath: a threaded cgroup takes no container with its own limits",
  },
  {
    code: "cgroup-in-use",
    kind: "host",
    says: "cannot remove the cgroup …: it is still in use",
    hint: "see its cgroup.procs; a process that cannot be killed waits for a device",
  },
  {
    code: "cgroup-in-use",
    kind: "host",
    says: "container's cgroup is not empty: …",
    hint: "give each container a cgroupsPath of its own",
  },
  {
    code: "cgroup-frozen",
    kind: "host",
    says: "container's cgroup unexpectedly frozen …",
    hint: "somebody has frozen it: thaw it, or choose another cgroupsPath",
  },
  {
    code: "cgroup-does-not-freeze",
    kind: "host",
    says: "the cgroup … does not freeze",
    hint: "one of its processes waits for a device",
  },
  {
    code: "cgroup-missing",
    kind: "host",
    says: "… there is no cgroup to mount",
    hint: "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or leave the mount out",
  },
  { code: "cgroup-missing", kind: "host", says: "the container has no cgroup that can be frozen" },
  { code: "cgroup-missing", kind: "host", says: "the container has no cgroup: …" },
  {
    code: "memory-in-use",
    kind: "host",
    says: "rejecting memory… limit … <= usage …",
    hint: "the limit must be above what the container uses (`tsrun events --stats`); without checkBeforeUpdate the kernel would kill",
  },
  {
    code: "memory-in-use",
    kind: "host",
    says: "unable to set memory limit to … (current usage: …, peak usage: …)",
    hint: "the limit must be above what the container uses (`tsrun events --stats`)",
  },
  {
    code: "ps-failed",
    kind: "host",
    says: "couldn't find PID field in ps output",
    hint: "what follows the container's name must make ps(1) print a table with a column PID",
  },
  { code: "ps-failed", kind: "host", says: "exit status …: …" },
  {
    code: "systemd-missing",
    kind: "host",
    says: "systemd cgroup flag passed, but systemd support for managing cgroups is not available: …",
    hint: "leave --systemd-cgroup out: tsrun can make cgroups by itself",
  },
  {
    code: "systemd-user-unreachable",
    kind: "host",
    says: "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set: …",
    hint: "there must be a session of the user's: log in, or `loginctl enable-linger`, and set XDG_RUNTIME_DIR",
  },
  {
    code: "systemd-unreachable",
    kind: "host",
    says: "no unix socket is in the D-Bus address …",
    hint: "see DBUS_SESSION_BUS_ADDRESS",
  },
  {
    code: "systemd-unreachable",
    kind: "host",
    says: "D-Bus …",
    hint: "systemd was there, and went away or does not want us",
  },
  {
    code: "systemd-missing",
    kind: "host",
    says: "cannot use rootless systemd cgroups manager on cgroup v1",
    hint: "boot the host with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or leave --systemd-cgroup out",
  },
  {
    code: "systemd-unit-exists",
    kind: "host",
    says: "…org.freedesktop.systemd1.UnitExists…",
    hint: "something of this name runs already, see `systemctl status`: give each container a cgroupsPath of its own",
  },
  {
    code: "systemd-property-refused",
    kind: "host",
    says: "…org.freedesktop.DBus.Error.PropertyReadOnly…",
    hint: "this systemd has no such property for a unit of this kind, see `systemctl show`",
  },
  { code: "systemd-property-refused", kind: "host", says: "…org.freedesktop.DBus.Error.InvalidArgs…" },
  {
    code: "systemd-property-refused",
    kind: "host",
    says: "…System.Error.ENXIO…",
    hint: "`busctl introspect org.freedesktop.systemd1 UNIT` shows the types of properties",
  },
  {
    code: "systemd-forbidden",
    kind: "host",
    says: "…org.freedesktop.DBus.Error.InteractiveAuthorizationRequired…",
    hint: "only root may use the system's systemd; a user has one of his own (--rootless true)",
  },
  {
    code: "systemd-forbidden",
    kind: "host",
    says: "…org.freedesktop.DBus.Error.AccessDenied…",
    hint: "only root may use the system's systemd; a user has one of his own (--rootless true)",
  },
  { code: "systemd-refused", kind: "host", says: "… (org.freedesktop.…" },
  { code: "systemd-refused", kind: "host", says: "… (System.Error.…" },
  {
    code: "systemd-job-failed",
    kind: "host",
    says: "error creating systemd unit …: got …",
    hint: "`journalctl -u UNIT` and `systemctl status UNIT` say why",
  },
  {
    code: "systemd-timeout",
    kind: "host",
    says: "Timeout waiting for systemd to …",
    hint: "systemd is busy, or a unit that this one waits for does not end: see `systemctl list-jobs`",
  },
  {
    code: "systemd-unit-lost",
    kind: "host",
    says: "the unit … lies outside of our cgroup namespace, …",
    hint: "in a container that uses the host's systemd, the host's cgroup namespace is needed, too",
  },
  {
    code: "process-invalid",
    kind: "host",
    says: "exec args cannot be empty",
    hint: "name a command after the container, or a file with --process",
  },
  { code: "process-invalid", kind: "host", says: "Cwd must be an absolute path" },
  { code: "process-invalid", kind: "host", says: "invalid environment variable …" },
  {
    code: "process-invalid",
    kind: "host",
    says: "bad … is not a number from …",
    hint: "names are not looked up: /etc/passwd and /etc/group of the container say which number a name has",
  },
  { code: "sub-cgroup-invalid", kind: "host", says: "invalid --cgroup argument…" },
  { code: "sub-cgroup-invalid", kind: "host", says: "unknown controller … in SubCgroupPaths" },
  { code: "sub-cgroup-invalid", kind: "host", says: "bad sub cgroup path: …" },
];

/** The code of an error that is no failed call, and what to try. */
export function codeOf(error: unknown): Hinted {
  const kind = kindOf(error);
  const message = error instanceof Error ? error.message : "";
  return hintOf(
    kind,
    error instanceof SpecError && error.violations.length === 1 ? (error.violations[0]?.problem ?? "") : message,
  );
}

/** The same for one of the violations of a SpecError. */
export const violationHint = (problem: string): string | undefined => hintOf("spec", problem).hint;

/** The code of something that `validate` finds. */
export const codeOfFinding = ({
  level,
  problem,
}: {
  readonly level: "error" | "warning";
  readonly problem: string;
}): string => (level === "error" ? hintOf("spec", problem).code : "config-doubtful");

function hintOf(kind: Kind, message: string): Hinted {
  const row = TEXTS.find((one) => one.kind === kind && fits(one.says, message));
  return { code: row?.code ?? kind, hint: row?.hint };
}

function kindOf(error: unknown): Kind {
  if (error instanceof UsageError) return "usage";
  if (error instanceof SpecError) return "spec";
  if (error instanceof StateError) return "state";
  if (error instanceof HostError) return "host";
  return error instanceof SysError ? "system" : "internal";
}

/** True when the parts of `says` stand in `message`, in their order, the first and the last at its ends. */
export function fits(says: string, message: string): boolean {
  const parts = says.split("…");
  const [first = "", last = ""] = [parts[0], parts[parts.length - 1]];
  if (parts.length === 1) return message === says;
  if (!message.startsWith(first) || !message.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = message.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return from + last.length <= message.length;
}
