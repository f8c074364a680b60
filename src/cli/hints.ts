// What to try when a call failed, and the code of that failure. One table from the call, its errno and where it happened to a sentence; the
// first row that fits is it. Loaded only when an error is printed. A code is a promise (codes.ts): rows may come and go, codes stay.
// Law: no hint may hold words that callers look for in errors ("permission denied", "no such file", "does not exist", …): it must never
// change what a caller takes the error for.

import {
  E2BIG,
  EACCES,
  EADDRINUSE,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EDOM,
  EDQUOT,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENOTBLK,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
  ETIMEDOUT,
  ETXTBSY,
  EXDEV,
} from "../abi/errno.ts";
import type { SysError } from "../base/errors.ts";
import type { ConnectionStep } from "../cgroup/systemd.ts";
import type { RootStep } from "../rootfs/refusal.ts";
import type { StepName } from "../runtime/steps.ts";
import type { AgentStep } from "../seccomp/listener.ts";

type Row = {
  /** Stands in the JSON log and in docs/errors.md. Rows that mean the same share one. */
  readonly code: string;
  /** Names of calls, separated by blanks; "*" is any. */
  readonly calls: string;
  readonly errnos: readonly number[];
  /** One of these steps must be under way. */
  readonly steps?: readonly HintStep[];
  /** What the call was made on, or what is known besides, must have one of these in it. A row with `steps` fits where either of them does. */
  readonly on?: readonly string[];
  readonly hint: string;
};

/** Steps, and what some rooms do within them. */
type HintStep = StepName | ConnectionStep | RootStep | AgentStep;

/** A cgroup is made or changed; not the mount of its file system. */
const CGROUP = {
  steps: ["prepare cgroup", "complete cgroup", "enter cgroup"],
  on: ["/sys/fs/cgroup/"],
} as const;

const NAMESPACE_STEPS = [
  "look at the namespaces to join",
  "clone into namespaces",
  "enter user namespace",
  "join namespaces",
] as const;

const MOUNT_STEPS = [
  "open mount sources",
  "mount filesystems",
  "mount cgroup filesystems and the rest",
  "create devices",
  "make mounts read-only",
  "unmount",
] as const;

export const HINTS: readonly Row[] = [
  // the state of containers
  {
    code: "state-root-unwritable",
    calls: "mkdirat fchmodat",
    errnos: [EACCES, EPERM, ENOENT, EROFS],
    steps: ["make the state root below $XDG_RUNTIME_DIR"],
    hint: "the path in $XDG_RUNTIME_DIR must be writable by the user; or pass --root",
  },
  {
    code: "state-root-unwritable",
    calls: "mkdirat openat",
    errnos: [EACCES, EPERM, EROFS, ENOENT, ENOTDIR],
    steps: ["reserve container id"],
    hint: "the state root must be writable: pass another one with --root, or run as root",
  },
  {
    code: "state-root-full",
    calls: "mkdirat openat write",
    errnos: [ENOSPC, EDQUOT],
    steps: ["reserve container id", "record what will be made", "record state", "record limits"],
    hint: "there is no room left where the state of containers is kept (--root)",
  },

  // namespaces
  {
    code: "namespaces-forbidden",
    calls: "clone3 clone unshare",
    errnos: [EPERM],
    hint: "new namespaces need CAP_SYS_ADMIN or a new user namespace; an engine around us may forbid them (seccomp), or the host forbid user namespaces (/proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)",
  },
  {
    code: "namespaces-exhausted",
    calls: "clone3 clone unshare",
    errnos: [ENOSPC],
    hint: "a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces, or they are nested more than 32 deep",
  },
  {
    code: "namespaces-unsupported",
    calls: "clone3 clone unshare",
    errnos: [EINVAL],
    hint: "this kernel has not every namespace that /linux/namespaces asks for: compare with /proc/self/ns",
  },
  {
    code: "namespace-gone",
    calls: "clone3 clone fork",
    errnos: [ENOMEM],
    steps: ["enter pid namespace", "enter pid namespace before seccomp"],
    on: ["pid namespace", "joined"],
    hint: "the first process of the pid namespace that was to be joined has ended, and with it the namespace: nobody can be made in it any more",
  },
  {
    code: "too-many-processes",
    calls: "clone3 clone",
    errnos: [EAGAIN],
    hint: "too many processes: see pids.max of our cgroup and `ulimit -u`",
  },
  {
    code: "cgroup-cannot-hold-processes",
    calls: "clone3",
    errnos: [EBUSY, EOPNOTSUPP],
    hint: "the container's cgroup cannot hold processes: it hands controllers to its children, or is of a threaded kind",
  },
  {
    code: "namespace-wrong-type",
    calls: "setns",
    errnos: [EINVAL],
    hint: "the file is a namespace of another type than /linux/namespaces says, or one that we are in already",
  },
  {
    code: "namespace-join-forbidden",
    calls: "setns",
    errnos: [EPERM],
    hint: "joining needs CAP_SYS_ADMIN in the user namespace that owns the namespace",
  },
  {
    code: "time-offsets-refused",
    calls: "write",
    errnos: [EINVAL, ERANGE, EACCES, EPERM],
    on: ["timens_offsets"],
    hint: "neither clock of the container may be negative, or run past some hundred years: see /linux/timeOffsets",
  },
  {
    code: "namespaces-unsupported",
    calls: "openat",
    errnos: [ENOENT],
    on: ["/proc/self/ns/"],
    hint: "this kernel has not every namespace that /linux/namespaces asks for: compare with /proc/self/ns",
  },
  {
    code: "namespace-gone",
    calls: "openat",
    errnos: [ENOENT],
    steps: NAMESPACE_STEPS,
    hint: "the process whose namespace was to be joined has ended, or nothing is mounted at the path",
  },
  {
    code: "id-map-refused",
    calls: "write",
    errnos: [EPERM, EINVAL],
    on: ["uid_map", "gid_map"],
    hint: "the ids must be ours, or be given to us in /etc/subuid and /etc/subgid; ranges must not overlap",
  },
  {
    code: "sysctl-refused",
    calls: "write",
    errnos: [ENOENT, EINVAL, EACCES],
    steps: ["write sysctls"],
    hint: "this kernel does not take the value, or has no such sysctl in the container's namespaces",
  },
  {
    code: "sysctl-unknown",
    calls: "openat openat2",
    errnos: [ENOENT],
    steps: ["write sysctls"],
    hint: "this kernel has no such sysctl; see /proc/sys",
  },
  {
    code: "hostname-forbidden",
    calls: "sethostname setdomainname",
    errnos: [EPERM],
    hint: "names can be set in a uts namespace of the container's own: add one to /linux/namespaces",
  },

  // mounts
  {
    code: "mount-proc-forbidden",
    calls: "mount fsopen fsmount fsconfig",
    errnos: [EPERM],
    on: ["proc on ", "/proc"],
    hint: "mounting proc in a user namespace needs a new pid namespace, and a /proc of ours of which nothing is hidden",
  },
  {
    code: "mount-sysfs-forbidden",
    calls: "mount fsopen fsmount fsconfig",
    errnos: [EPERM],
    on: ["sysfs on "],
    hint: "mounting sysfs in a user namespace needs a new network namespace; bind the host's /sys instead",
  },
  {
    code: "mount-mqueue-forbidden",
    calls: "mount fsopen fsmount fsconfig",
    errnos: [EPERM],
    on: ["mqueue"],
    hint: "mounting mqueue in a user namespace needs a new ipc namespace",
  },
  {
    code: "mount-forbidden",
    calls: "mount mount_setattr",
    errnos: [EPERM],
    hint: "mounting needs CAP_SYS_ADMIN; in a user namespace a bind mount keeps the ro, nosuid, nodev and noexec of its source, so list them in the mount's options",
  },
  {
    code: "mount-busy",
    calls: "mount fsmount move_mount",
    errnos: [EBUSY],
    hint: "the source is in use, or mounted elsewhere with other options (a cgroup v1 hierarchy has one set of controllers)",
  },
  {
    code: "mount-option-refused",
    calls: "mount fsconfig",
    errnos: [EINVAL],
    on: ["overlay "],
    hint: "overlay needs lowerdir, and what can be written to needs upperdir and workdir, both and on one file system; the kernel's log says more (dmesg)",
  },
  {
    code: "mount-option-refused",
    calls: "mount fsconfig",
    errnos: [EINVAL],
    on: [") from ", ") on "],
    hint: "the file system refuses one of the options, or one is missing; in a user namespace uid= and gid= must be mapped",
  },
  {
    code: "mount-option-refused",
    calls: "mount fsconfig",
    errnos: [EINVAL],
    hint: "the file system cannot be mounted without an option that it needs, or the source is no mount point; the kernel's log may say more (dmesg)",
  },
  {
    code: "filesystem-unknown",
    calls: "mount fsopen",
    errnos: [ENODEV],
    hint: "this kernel has no file system of that type: see /proc/filesystems; a module may be missing",
  },
  {
    code: "mount-kind-mismatch",
    calls: "mount move_mount",
    errnos: [ENOTDIR],
    hint: "source and destination must both be directories, or both be files",
  },
  {
    code: "mount-source-not-a-device",
    calls: "mount",
    errnos: [ENOTBLK],
    hint: 'the source is no block device; to show a directory or a file of the host, add the option "bind"',
  },
  {
    code: "mount-source-missing",
    calls: "mount",
    errnos: [ENOENT, ENOTDIR],
    on: ["overlay "],
    hint: "lowerdir, upperdir and workdir must name directories of the host, each by its whole path",
  },
  {
    code: "mount-source-missing",
    calls: "mount",
    errnos: [ENOENT],
    hint: "the source must be a device, or whatever else the file system is mounted from, that the host has: see lsblk",
  },
  {
    code: "mount-source-missing",
    calls: "open_tree",
    errnos: [ENOENT],
    hint: "the mount's source must be a file or a directory of the host; a relative one starts at the bundle",
  },
  {
    code: "mount-source-read-only",
    calls: "mount",
    errnos: [EACCES],
    hint: 'the device is read-only (add the option "ro"), or its node is on a mount with nodev',
  },
  {
    code: "mount-table-full",
    calls: "mount move_mount",
    errnos: [ENOSPC],
    hint: "the namespace is full of mounts: see /proc/sys/fs/mount-max",
  },
  {
    code: "path-loops",
    calls: "mount move_mount openat openat2",
    errnos: [ELOOP],
    hint: "a symbolic link in the root file system leads in circles, or into /proc",
  },
  {
    code: "mount-source-locked",
    calls: "open_tree",
    errnos: [EINVAL],
    hint: "the source lies on an unbindable mount, or on one that is locked by a user namespace",
  },
  {
    code: "mount-attributes-unsupported",
    calls: "mount_setattr",
    errnos: [EINVAL, ENOSYS],
    hint: "recursive options and id-mapped mounts need Linux 5.12 and a file system that supports them",
  },
  {
    code: "pivot-refused",
    calls: "pivot_root",
    errnos: [EINVAL],
    hint: "the host's root is an initramfs, or the mount above the root file system is shared: try --no-pivot",
  },
  {
    code: "root-is-the-hosts",
    calls: "pivot_root",
    errnos: [EBUSY],
    hint: "the root file system is the host's own root: give the container one of its own",
  },
  {
    code: "root-missing",
    calls: "openat open_tree mount chdir",
    errnos: [ENOENT, ENOTDIR],
    steps: ["prepare rootfs"],
    hint: "root.path of config.json must be a directory of the host; a relative one starts at the bundle",
  },
  {
    code: "mount-point-read-only",
    calls: "mkdirat openat mknodat symlinkat openat2",
    errnos: [EROFS],
    steps: MOUNT_STEPS,
    hint: "the mount point is missing and cannot be made, because the root file system is read-only: make it there beforehand",
  },
  {
    code: "root-unreachable",
    calls: "openat openat2 open_tree",
    errnos: [EACCES],
    steps: ["enter the root file system", "enter user namespace", "prepare rootfs"],
    hint: "root of the container, who is another user on the host (/linux/uidMappings), must have the right to enter the root file system: see chmod and chown",
  },
  {
    code: "mount-point-forbidden",
    calls: "mkdirat openat openat2",
    errnos: [EACCES],
    steps: ["mount filesystems", "mount cgroup filesystems and the rest"],
    hint: "the mount point cannot be reached or made by root of the container, who is another user on the host (/linux/uidMappings): make it beforehand, or give the directory above it to that user",
  },
  {
    code: "mount-point-below-a-file",
    calls: "mkdirat openat openat2",
    errnos: [ENOTDIR],
    steps: MOUNT_STEPS,
    hint: "a part of the destination is a file in the root file system",
  },
  {
    code: "path-leaves-the-root",
    calls: "openat2",
    errnos: [EXDEV],
    hint: "a symbolic link leads out of the root file system",
  },
  {
    code: "device-forbidden",
    calls: "mknodat",
    errnos: [EPERM],
    hint: "making a device needs CAP_MKNOD, and cannot be done in a user namespace",
  },

  // cgroups
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    on: ["devices.allow", "devices.deny"],
    hint: "a rule is a type (a, b, c), numbers or *, and r, w, m; [kernel] a group takes no rule for all devices once it has groups below it",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EPERM],
    on: ["devices.allow"],
    hint: "the cgroup above denies the device: /linux/resources/devices can allow no more than that does",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    on: ["memsw"],
    hint: "the limit of memory and swap together cannot be below that of memory, nor below what is in use",
  },
  {
    code: "cgroup-value-out-of-range",
    calls: "write",
    errnos: [EINVAL, ERANGE],
    on: ["io.weight", "io.bfq.weight"],
    hint: "weights are from 10 to 1000 in config.json (blockIO), from 1 to 1000 for a device of BFQ",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    on: ["rt_runtime_us", "rt_period_us"],
    hint: "the runtime must fit into the period, and into what the cgroup above has: its cpu.rt_runtime_us must not be 0",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    on: ["cpu.cfs_", "cpu.max"],
    hint: "periods are from 1000 to 1000000 microseconds, a quota is 1000 at least, a burst not above the quota, and all must fit into what the cgroup above has",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    on: ["cpu.idle", "cpu.weight", "cpu.shares"],
    hint: "cpu.idle is 0 or 1, and an idle cgroup has no weight",
  },
  {
    code: "cgroup-controller-missing",
    calls: "openat write",
    errnos: [ENOENT],
    on: ["memory.memsw", "memory.swap"],
    hint: "this kernel does not account swap (CONFIG_MEMCG_SWAP, swapaccount=1): leave /linux/resources/memory/swap out, or set it to -1",
  },
  {
    code: "cgroup-cannot-hold-processes",
    calls: "write",
    errnos: [EBUSY],
    ...CGROUP,
    hint: "a cgroup v2 that hands controllers to its children cannot hold processes: choose another cgroupsPath, or move those processes away",
  },
  {
    code: "cpuset-empty",
    calls: "write",
    errnos: [ENOSPC],
    ...CGROUP,
    hint: "the cpuset of the cgroup, or of one above it, has no cpus or no memory nodes",
  },
  {
    code: "cgroup-value-refused",
    calls: "write",
    errnos: [EINVAL],
    ...CGROUP,
    hint: "the kernel does not take the value: a cpuset must lie within the one above, a memory limit above what is in use",
  },
  {
    code: "cgroup-value-out-of-range",
    calls: "write",
    errnos: [ERANGE],
    ...CGROUP,
    hint: "the value is out of bounds: for a cpuset compare with /sys/devices/system/cpu/online and /sys/devices/system/node/online",
  },
  {
    code: "cgroup-device-unknown",
    calls: "write",
    errnos: [ENODEV],
    ...CGROUP,
    hint: "there is no device of that number, or its scheduler has no such limit",
  },
  {
    code: "cgroup-limit-unsupported",
    calls: "write",
    errnos: [EOPNOTSUPP],
    ...CGROUP,
    hint: "the cgroup is of a threaded kind, or the kernel was built without this limit",
  },
  {
    code: "cgroup-gone",
    calls: "openat",
    errnos: [ENOENT],
    on: ["/tasks", "/cgroup.procs"],
    hint: "there is no such cgroup: --cgroup names one below the container's, which somebody must have made; the container's own may have been removed",
  },
  {
    code: "cgroup-controller-missing",
    calls: "openat write",
    errnos: [ENOENT],
    ...CGROUP,
    hint: "the controller is missing: the kernel has it not, or cgroup.subtree_control of the cgroup above does not hand it on",
  },
  {
    code: "cgroup-read-only",
    calls: "mkdirat openat",
    errnos: [EROFS],
    ...CGROUP,
    hint: "/sys/fs/cgroup is mounted read-only: an engine around us must allow writing to it, or give us a cgroup namespace",
  },
  {
    code: "cgroup-not-delegated",
    calls: "mkdirat openat write",
    errnos: [EACCES, EPERM],
    ...CGROUP,
    hint: "the cgroup is not delegated to this user: use --systemd-cgroup with a user session, or have it delegated (systemd: Delegate=yes)",
  },
  {
    code: "cgroup-too-many",
    calls: "mkdirat",
    errnos: [EAGAIN],
    ...CGROUP,
    hint: "too many cgroups: see cgroup.max.descendants and cgroup.max.depth of those above",
  },
  {
    code: "device-rules-forbidden",
    calls: "bpf",
    errnos: [EPERM],
    hint: "device rules on cgroup v2 need CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN), before Linux 5.11 also a higher `ulimit -l`",
  },
  {
    code: "device-rules-unsupported",
    calls: "bpf",
    errnos: [EINVAL, ENOSYS],
    hint: "this kernel cannot attach programs to cgroups (CONFIG_CGROUP_BPF)",
  },

  {
    code: "systemd-user-unreachable",
    calls: "connect",
    errnos: [ENOENT, ECONNREFUSED, EACCES, EPERM],
    steps: ["connect to the user's systemd"],
    hint: "there must be a session of the user's: XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS must lead to it (Debian's package is dbus-user-session), and `loginctl enable-linger` keeps it",
  },
  {
    code: "systemd-unreachable",
    calls: "connect",
    errnos: [ENOENT, ECONNREFUSED, EACCES, EPERM],
    steps: ["connect to systemd"],
    hint: "neither /run/systemd/private nor the system bus at /run/dbus/system_bus_socket answers: is systemd pid 1 here, and is D-Bus running?",
  },
  {
    code: "systemd-slow",
    calls: "poll",
    errnos: [ETIMEDOUT],
    on: ["D-Bus: "],
    hint: "systemd does not answer: it may be busy with reloading, or stand still",
  },

  {
    code: "cgroup-in-use",
    calls: "unlinkat rmdir",
    errnos: [EBUSY],
    ...CGROUP,
    hint: "a process, or a cgroup below, is still in it: see its cgroup.procs",
  },

  // the process
  {
    code: "rlimit-forbidden",
    calls: "prlimit",
    errnos: [EPERM],
    hint: "raising a hard limit needs CAP_SYS_RESOURCE, and RLIMIT_NOFILE may not exceed /proc/sys/fs/nr_open: lower /process/rlimits",
  },
  {
    code: "oom-score-forbidden",
    calls: "write",
    errnos: [EACCES, EPERM],
    steps: ["set oom score"],
    hint: "lowering oom_score_adj needs CAP_SYS_RESOURCE: raise /process/oomScoreAdj or leave it out",
  },
  {
    code: "id-unmapped",
    calls: "setresuid setresgid setuid setgid setgroups fchown fchownat",
    errnos: [EINVAL],
    hint: "the id is not mapped in the container's user namespace: see /linux/uidMappings and /linux/gidMappings",
  },
  {
    code: "groups-forbidden",
    calls: "setgroups",
    errnos: [EPERM],
    hint: "in a user namespace made without newgidmap groups cannot be set: leave /process/user/additionalGids out",
  },
  {
    code: "capability-missing",
    calls: "capset",
    errnos: [EPERM],
    on: ["effective, not permitted"],
    hint: "a capability that is effective must be permitted, too: add it to permitted of /process/capabilities, or take it away from effective",
  },
  {
    code: "capability-missing",
    calls: "capset",
    errnos: [EPERM],
    hint: "tsrun can give no capability that it does not have itself (CapPrm in /proc/self/status): take it away from /process/capabilities, or run tsrun with it",
  },
  {
    code: "working-directory-missing",
    calls: "chdir",
    errnos: [ENOENT],
    steps: ["create working directory", "become user", "enter working directory"],
    hint: "the working directory must be one that the container has",
  },
  {
    code: "working-directory-inaccessible",
    calls: "chdir mkdirat",
    errnos: [ENOTDIR],
    steps: ["create working directory", "become user", "enter working directory"],
    hint: "the path leads to a file of the container, or through one: a process works in a folder",
  },
  {
    code: "working-directory-inaccessible",
    calls: "chdir mkdirat",
    errnos: [EACCES],
    steps: ["create working directory", "become user", "enter working directory"],
    hint: "the container's user must have the right to enter the working directory",
  },
  {
    code: "keyring-refused",
    calls: "keyctl",
    errnos: [EDQUOT, ENOSYS, EPERM],
    hint: "no session keyring can be made (see /proc/sys/kernel/keys/maxkeys): try --no-new-keyring",
  },
  {
    code: "program-interpreter-missing",
    calls: "execve execveat",
    errnos: [ENOENT],
    hint: "the program is there, but not what the kernel needs to execute it: install the interpreter that the #! line of a script names, or the dynamic loader that a binary was linked for, in the root file system",
  },
  {
    code: "program-forbidden",
    calls: "execve execveat",
    errnos: [EPERM],
    hint: "a profile of seccomp, AppArmor or SELinux forbids the program, or it is set-user-ID where the kernel does not honour that",
  },
  {
    code: "program-format-unknown",
    calls: "execve execveat",
    errnos: [ENOEXEC],
    hint: "the kernel does not know the format: a script needs a #! line, and a program must be of this machine's architecture",
  },
  {
    code: "program-not-executable",
    calls: "execve execveat",
    errnos: [EACCES],
    hint: "the program or its interpreter is not executable for the container's user, or is on a mount with noexec",
  },
  {
    code: "program-busy",
    calls: "execve execveat",
    errnos: [ETXTBSY],
    hint: "somebody has the program open for writing",
  },
  {
    code: "program-arguments-too-long",
    calls: "execve execveat",
    errnos: [E2BIG],
    hint: "/process/args and /process/env are too long together",
  },

  {
    code: "program-format-unknown",
    calls: "execve execveat",
    errnos: [EINVAL],
    hint: "the program asks for an interpreter that is none, or has parts that this kernel cannot load",
  },

  // hooks
  {
    code: "hook-missing",
    calls: "fork/exec",
    errnos: [ENOENT, ENOTDIR],
    hint: "the hook's path is one of the host (of the container for startContainer), and so is the interpreter that it names",
  },
  {
    code: "hook-not-executable",
    calls: "fork/exec",
    errnos: [EACCES, EISDIR, ENOEXEC, EPERM],
    hint: "the hook must be an executable file, a script with a #! line, on a mount without noexec",
  },

  // seccomp
  {
    code: "seccomp-forbidden",
    calls: "seccomp",
    errnos: [EACCES],
    hint: "a filter needs CAP_SYS_ADMIN or no_new_privs: set /process/noNewPrivileges",
  },
  {
    code: "seccomp-refused",
    calls: "seccomp",
    errnos: [EINVAL],
    hint: "this kernel was built without seccomp filters, or has not every flag of /linux/seccomp/flags",
  },
  {
    code: "seccomp-listener-taken",
    calls: "seccomp",
    errnos: [EBUSY],
    hint: "there can be one SCMP_ACT_NOTIFY filter in a process, and an engine around us has one: remove /linux/seccomp/listenerPath",
  },
  {
    code: "seccomp-agent-failed",
    calls: "connect",
    errnos: [ECONNREFUSED, ENOENT, EACCES],
    steps: ["failed to connect with seccomp agent specified in the seccomp profile"],
    hint: "nobody listens at /linux/seccomp/listenerPath",
  },
  {
    code: "seccomp-invalid",
    calls: "seccomp_init seccomp_arch_add seccomp_attr_set seccomp_rule_add_array seccomp_export_bpf",
    errnos: [EINVAL, EDOM, EEXIST, EFAULT, EOPNOTSUPP, EACCES],
    hint: "libseccomp does not take this part of /linux/seccomp; a newer one may",
  },

  // scheduling, security modules, network devices
  {
    code: "scheduling-forbidden",
    calls: "sched_setattr",
    errnos: [EPERM],
    hint: "needs CAP_SYS_NICE; SCHED_DEADLINE does not go with a cpuset, and in a cgroup v1 real-time policies need cpu.rt_runtime_us",
  },
  {
    code: "memory-policy-refused",
    calls: "set_mempolicy",
    errnos: [EINVAL],
    hint: "the nodes must be there (see /sys/devices/system/node) and in the container's cpuset; newer modes need a newer kernel",
  },
  {
    code: "apparmor-profile-unknown",
    calls: "write",
    errnos: [ENOENT],
    on: ["attr/exec", "attr/apparmor/exec"],
    hint: "no profile of that name is loaded: see /sys/kernel/security/apparmor/profiles",
  },
  {
    code: "security-label-refused",
    calls: "write",
    errnos: [EACCES, EPERM, EINVAL],
    on: ["/attr/"],
    hint: "the profile or label that tsrun itself has forbids the change, or the policy does not know the label",
  },
  {
    code: "network-device-missing",
    calls: "RTM_GETLINK",
    errnos: [ENODEV],
    hint: "our network namespace has no device of that name: see `ip link`",
  },
  {
    code: "network-device-name-taken",
    calls: "RTM_NEWLINK",
    errnos: [EEXIST],
    hint: "the container's network namespace has a device of that name already: choose another, or one that ends in %d",
  },

  // files that callers ask for
  {
    code: "log-unwritable",
    calls: "openat connect",
    errnos: [ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ENOSPC, EISDIR, ECONNREFUSED],
    steps: ["open the log", "open the trace"],
    hint: "the directory of --log or --trace must be there and be writable; for syslog: and journald: their daemon must listen",
  },
  {
    code: "pid-file-unwritable",
    calls: "openat write renameat2",
    errnos: [ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ENOSPC, EISDIR],
    steps: ["write pid file"],
    hint: "the directory of --pid-file must exist and be writable",
  },
  {
    code: "input-missing",
    calls: "openat",
    errnos: [ENOENT, ENOTDIR, EISDIR, EACCES],
    steps: ["plan", "read resources"],
    hint: "the file that the command line names must be a readable file of the host",
  },
  {
    code: "terminal-failed",
    calls: "openat ioctl",
    errnos: [ENOENT, ENOSPC, EACCES, EPERM, EIO, ENODEV],
    steps: ["attach terminal", "take terminal"],
    hint: "mount a devpts on /dev/pts of the container; /proc/sys/kernel/pty/max limits how many there are",
  },

  // sockets
  {
    code: "socket-exists",
    calls: "bind",
    errnos: [EADDRINUSE],
    hint: "there is something of that name already: remove it, or choose another one",
  },
  { code: "socket-refused", calls: "connect", errnos: [ECONNREFUSED, ENOENT], hint: "nobody listens on the socket" },
  {
    code: "socket-path-too-long",
    calls: "connect bind",
    errnos: [ENAMETOOLONG],
    hint: "the path of a unix socket has at most 107 bytes",
  },

  // whatever it was
  {
    code: "descriptors-exhausted",
    calls: "*",
    errnos: [EMFILE],
    on: ["RLIMIT_NOFILE of the container"],
    hint: "too few descriptors for what has to be opened on the way to the program: raise the limit in /process/rlimits",
  },
  { code: "descriptors-exhausted", calls: "*", errnos: [EMFILE], hint: "too many descriptors: raise `ulimit -n`" },
  {
    code: "descriptors-exhausted",
    calls: "*",
    errnos: [ENFILE],
    hint: "the whole machine has too many files open: see /proc/sys/fs/file-max",
  },
  {
    code: "memory-exhausted",
    calls: "*",
    errnos: [ENOMEM],
    hint: "memory has run out: look at the limits of our cgroup and of the container's",
  },
  {
    code: "call-unsupported",
    calls: "*",
    errnos: [ENOSYS],
    hint: "this kernel is too old, or an engine around us hides the call (seccomp)",
  },
];

/** A code, and what to try when we know. */
export type Hinted = { readonly code: string; readonly hint: string | undefined };

/** The code "system" for what no row fits. @param steps the steps that were under way, outermost first */
export function hintFor({ syscall, errno, detail, note = "" }: SysError, steps: readonly string[]): Hinted {
  const row = HINTS.find(
    ({ calls, errnos, ...place }) =>
      (calls === "*" || calls.split(" ").includes(syscall)) &&
      errnos.includes(errno) &&
      isPlace(place, steps, `${detail} ${note}`),
  );
  return { code: row?.code ?? "system", hint: row?.hint };
}

const isPlace = (row: Pick<Row, "steps" | "on">, steps: readonly string[], object: string): boolean =>
  (row.steps === undefined && row.on === undefined) ||
  row.steps?.some((step) => steps.includes(step)) === true ||
  row.on?.some((part) => object.includes(part)) === true;
