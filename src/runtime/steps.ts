// The names of all steps, each process's in the order in which it takes them. An error says the step that failed, --debug says when each has
// ended, and `tsrun plan` says what each will do. Types only: explain/ gives every step of a container its sentence and its shell commands,
// cli/hints.ts its advice, and none of them compiles without a name or with one that is not here.

/** What makes a container: the steps of two processes, in the order in which these wait for each other. */
export type ContainerSteps = readonly [
  // create/parent.ts: `tsrun create`, and the first part of `tsrun run`
  ["runtime", "hide our program"],
  ["runtime", "load config.json"],
  ["runtime", "plan"],
  ["runtime", "look at the namespaces to join"],
  ["runtime", "connect console"],
  ["runtime", "connect pidfd socket"],
  ["runtime", "reserve container id"],
  ["runtime", "make notify directory"],
  ["runtime", "compile seccomp filter"],
  ["runtime", "open mount sources"],
  ["runtime", "find resource control group"],
  ["runtime", "record what will be made"],
  ["runtime", "listen for start"],
  ["runtime", "prepare cgroup"],
  ["runtime", "clone into namespaces"],
  // from here on two processes run; the parent goes on with
  ["runtime", "map ids"],
  ["runtime", "complete cgroup"],
  ["runtime", "hand over cgroup"],
  ["runtime", "enter resource control group"],
  ["runtime", "move network devices"],
  ["runtime", "set rlimits"],
  ["runtime", "set oom score"],
  ["runtime", "record state"],
  // create/init.ts: the child, meanwhile
  ["init", "leave the caller's session"],
  ["init", "enter user namespace"],
  ["init", "open security attributes"],
  ["init", "join namespaces"],
  ["init", "join session keyring"],
  ["init", "raise loopback"],
  ["init", "prepare rootfs"],
  ["init", "mount filesystems"],
  ["init", "wait for cgroup"],
  ["init", "enter cgroup"],
  ["init", "reset CPU affinity"],
  ["init", "enter cgroup namespace"],
  ["init", "mount cgroup filesystems and the rest"],
  ["init", "create devices"],
  ["runtime", "run hooks of the runtime"],
  ["init", "wait for hooks of the runtime"],
  ["init", "run createContainer hooks"],
  ["init", "pivot into rootfs"],
  ["init", "attach terminal"],
  ["init", "create working directory"],
  ["init", "make mounts read-only"],
  ["init", "set host and domain name"],
  ["init", "apply AppArmor profile"],
  ["init", "write sysctls"],
  ["init", "restrict paths"],
  ["init", "hand over stdio"],
  ["init", "set no_new_privs"],
  ["init", "set scheduling"],
  ["init", "set SELinux label"],
  ["init", "let go of the host"],
  ["init", "settle rlimits"],
  ["init", "close descriptors"],
  ["init", "enter pid namespace before seccomp"],
  ["init", "install seccomp as root"],
  ["init", "become user"],
  ["init", "enter pid namespace"],
  ["runtime", "wait for init to enter the pid namespace"],
  ["init", "enter working directory"],
  ["init", "find program"],
  ["init", "install seccomp with a listener"],
  ["runtime", "send pidfd"],
  ["runtime", "write pid file"],
  // init once `tsrun start` is called, which then runs hooks itself
  ["start", "install seccomp"],
  ["start", "run startContainer hooks"],
  ["start", "execute"],
  ["runtime", "run poststart hooks"],
];

/** exec/parent.ts: `tsrun exec`. */
export type ExecSteps = readonly [
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
];

/** exec/child.ts: the process of `tsrun exec`. */
export type ExecChildSteps = readonly [
  "leave the caller's session",
  "open security attributes",
  "look at the user namespace",
  "set oom score",
  "enter cgroup",
  "enter resource control group",
  "set rlimits",
  "set CPU affinity",
  "join namespaces",
  "become root of the user namespace",
  "join session keyring",
  "apply AppArmor profile",
  "set SELinux label",
  "attach terminal",
  "let go of the host",
  "hand over stdio",
  "set no_new_privs",
  "set scheduling",
  "enter pid namespace before seccomp",
  "install seccomp as root",
  "become user",
  "close descriptors",
  "enter pid namespace",
  "take terminal",
  "enter working directory",
  "find program",
  "install seccomp with a listener",
  "install seccomp",
  "execute",
];

type CheckpointSteps = readonly [
  "look at --status-fd",
  "find CRIU",
  "read config.json",
  "open image directory",
  "look at the container",
  "look for processes of others",
  "open work directory",
  "start CRIU",
  "ask for CRIU's version",
  "ask what CRIU can do",
  "describe the container",
  "save the container",
  "remove container",
];

/** restore/parent.ts: what restore adds to the steps of create. */
type RestoreSteps = readonly [
  "open image directory",
  "read the images",
  "open work directory",
  "find CRIU",
  "open the namespaces to join",
  "start CRIU",
  "record CRIU",
  "ask for CRIU's version",
  "restore the processes",
  "prepare mounts",
  "record init",
  "set up the network namespace",
];

type StartSteps = readonly ["listen for readiness", "start", "run poststart hooks", "wait for readiness"];
type UpdateSteps = readonly ["plan", "change resource control group", "change cgroup", "record limits"];
type MountsSteps = readonly [
  "open container",
  "read mounts",
  "plan",
  "open mount sources",
  "enter container",
  "mount filesystems",
  "unmount",
];
/** cli/: before the runtime is called. */
type CommandLineSteps = readonly [
  "make the state root below $XDG_RUNTIME_DIR",
  "open the log",
  "read resources",
  "open the trace",
];
type ConsoleSteps = readonly ["listen on the console socket", "receive the terminal"];
type PauseSteps = readonly ["freeze cgroup", "thaw cgroup"];

export type ContainerStep = ContainerSteps[number][1];

export type StepName =
  | ContainerStep
  | (
      | ExecSteps
      | ExecChildSteps
      | CheckpointSteps
      | RestoreSteps
      | StartSteps
      | UpdateSteps
      | MountsSteps
      | ConsoleSteps
      | PauseSteps
      | CommandLineSteps
    )[number];

/** Steps in which a process waits for another one. */
export type WaitStep = Extract<StepName, `wait for ${string}`>;
