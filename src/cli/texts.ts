// What help, manual pages and completions say of each command and option. The type demands a text for every option in the table.

import type { CommandName, Commands, globalOptions } from "./table.ts";

export type OptionText = {
  readonly help: string;
  /** What the value is, for options that take one. */
  readonly value?: string;
  /** All values that there are; completions offer them. */
  readonly choices?: readonly string[];
  /** Accepted for old callers, not shown. */
  readonly hidden?: true;
};

export type CommandText = {
  readonly summary: string;
  /** What follows the options, such as "<container-id>"; "" for nothing. */
  readonly usage: string;
  readonly description: string;
  readonly options: { readonly [name: string]: OptionText };
};

/** Text for each of the options, so that none is forgotten. */
type Described<O> = CommandText & { readonly options: { readonly [Name in keyof O]: OptionText } };

export const summary = "Open Container Initiative runtime";

export const description = `PROGRAM starts, stops and inspects containers as the Open Container Initiative's
runtime specification describes them. Container engines call it; it does by
itself what runc and crun do, with the same commands and options.

A container is made from a bundle: a directory with a file named "config.json",
which says what the container shall be, and usually the root file system
besides. To make and run one:

    # PROGRAM spec --bundle bundle
    # PROGRAM run --bundle bundle <container-id>

"<container-id>" is the name that you give the container. No two containers
below one --root have the same.`;

export const globalTexts: { readonly [Name in keyof typeof globalOptions]: OptionText } = {
  root: {
    value: "DIR",
    help: "keep the state of containers below DIR (default: /run/tsrun; without root privileges $XDG_RUNTIME_DIR/tsrun)",
  },
  log: {
    value: "FILE",
    help: "append errors and warnings to FILE as well; file:PATH, syslog:NAME and journald:NAME are taken too",
  },
  "log-format": { value: "FORMAT", choices: ["text", "json"], help: "format of the log file: text or json" },
  "log-level": {
    value: "LEVEL",
    choices: ["debug", "warning", "error"],
    help: "debug, warning or error; debug is the same as --debug",
  },
  debug: { help: "log each step, how long it took and what it was about" },
  trace: {
    value: "FILE",
    help: "write each step of both processes, with its system calls and their times, to FILE in Chrome's trace format",
  },
  "systemd-cgroup": { help: 'let systemd make the cgroups; cgroupsPath is then "slice:prefix:name"' },
  "cgroup-manager": {
    value: "MANAGER",
    choices: ["cgroupfs", "systemd", "disabled"],
    help: "who makes the cgroups: cgroupfs, systemd, or disabled for nobody",
  },
  rootless: {
    value: "BOOL",
    choices: ["true", "false", "auto"],
    help: "go on where there is no right to make cgroups: true, false or auto",
  },
  criu: { value: "PATH", help: "the program of CRIU, by path or by its name in $PATH (default: criu)" },
  help: { help: "show this text, or a command's" },
  version: { help: "show the version" },
};

const idUsage = "<container-id>";

const create = {
  bundle: { value: "DIR", help: "directory of the bundle (default: the working directory)" },
  config: { value: "FILE", help: "take this file of the bundle instead of config.json" },
  "console-socket": { value: "SOCKET", help: "unix socket that is sent the master of the container's pseudoterminal" },
  "pidfd-socket": { value: "SOCKET", help: "unix socket that is sent a pidfd of the container's init" },
  "pid-file": { value: "FILE", help: "write the process id of the container's init to FILE" },
  "no-pivot": {
    help: "enter the root file system by moving the mount instead of pivot_root(2), as is needed on an initramfs",
  },
  "no-new-keyring": { help: "keep the caller's session keyring" },
  "preserve-fds": {
    value: "N",
    help: "let the container have N descriptors more, after 0 to 2 and those of $LISTEN_FDS",
  },
} as const;

const criu = {
  "image-path": { value: "DIR", help: "directory of the images (default: checkpoint in the working directory)" },
  "work-path": { value: "DIR", help: "directory of CRIU's logs and statistics (default: that of the images)" },
  "tcp-established": { help: "keep open TCP connections" },
  "ext-unix-sk": { help: "allow unix sockets that lead out of the container" },
  "shell-job": { help: "allow a terminal and a session of a shell outside" },
  "file-locks": { help: "keep file locks" },
  "manage-cgroups-mode": {
    value: "MODE",
    choices: ["soft", "full", "strict", "ignore"],
    help: "how cgroups are restored: soft (the default) leaves those alone that are there, full and strict do not, ignore knows of none",
  },
  "network-lock": {
    value: "METHOD",
    choices: ["iptables", "nftables", "skip"],
    help: "by what the network stands still meanwhile (default: CRIU's choice, nftables where iptables-restore is missing)",
  },
  "empty-ns": { value: "TYPE", help: "leave out what is in a namespace; of network it always is" },
  "auto-dedup": { help: "drop pages of memory from the images that later images or the processes have" },
  "lazy-pages": { help: "move memory only when it is used" },
} as const;

export const texts: { readonly [Name in CommandName]: Described<Commands[Name]["options"]> } = {
  checkpoint: {
    summary: "save the processes of a container as images",
    usage: idUsage,
    description: `Has CRIU write all that the container's processes are into a directory, from
which "PROGRAM restore" makes them again, here or on another host. The files of
the container are not in it. The container ends and is removed, unless it shall
go on. When it cannot be saved it goes on as before. For example:

    # PROGRAM checkpoint --image-path /var/tmp/web1 web1
    # PROGRAM restore --detach --bundle bundle --image-path /var/tmp/web1 web1`,
    options: {
      ...criu,
      "parent-path": { value: "DIR", help: "images of an earlier --pre-dump, relative to the image directory" },
      "leave-running": { help: "let the container go on" },
      "tcp-skip-in-flight": { help: "leave out TCP connections that are being made" },
      "link-remap": { help: "give a name to open files that have been removed" },
      "status-fd": { value: "N", help: "write a zero byte to descriptor N when lazy pages can be asked for" },
      "page-server": { value: "ADDRESS:PORT", help: "send memory there, or with --lazy-pages offer it there" },
      "pre-dump": { help: "save memory only, and let the container go on: a later checkpoint saves what has changed" },
    },
  },
  console: {
    summary: "show the terminal of a container that another command makes",
    usage: "<socket>",
    description: `Listens on a unix socket that is made for it, takes the terminal that "create",
"run --detach" or "exec --detach" sends to --console-socket, and shows it here
until it is closed. For trying out what an engine does. For example:

    # PROGRAM console /tmp/console.sock            (in one terminal)
    # PROGRAM create --console-socket /tmp/console.sock web1   (in another)
    # PROGRAM start web1

It ends with the container's terminal, or when it is told to by SIGTERM; the
container goes on then.`,
    options: {},
  },
  create: {
    summary: "create a container",
    usage: idUsage,
    description: `Makes a container from a bundle, up to the point where only its program is
missing: namespaces, mounts, cgroups and limits are there, and its init waits
for "PROGRAM start". Later changes of config.json do not reach it.`,
    options: create,
  },
  delete: {
    summary: "remove a container that has stopped",
    usage: idUsage,
    description: `Removes what is left of a container: its cgroups and its state. Its name is
free again afterwards.`,
    options: {
      force: { help: "kill the container first if it has not stopped; no error if there is no such container" },
      regex: { help: "delete every container whose name has a match of this regular expression" },
    },
  },
  doctor: {
    summary: "say what this host and this user can do",
    usage: "",
    description: `Prints what containers can have on this host when this user runs them:
namespaces, ids, cgroups, file systems, security modules, and what the kernel
and the engine around us allow. Each "no" is followed by the command or the file
that would change it. Nothing is changed. The exit status is 0 when containers
can be run here, 1 when something is missing that every container needs.

With --leftovers it prints instead what runtimes have left below the state root
that were killed while they made or changed a container: state directories, and
the cgroups, units and mounts that they name. The exit status is 1 when there is
something. --clean removes what nobody can have a use for; the rest is told why
it stays.`,
    options: {
      json: { help: "print an object with user, kernel, runs and checks; with --leftovers a list" },
      leftovers: { help: "print what killed runtimes have left" },
      clean: { help: "with --leftovers: remove what is certainly left" },
    },
  },
  events: {
    summary: "show what a container uses, and when it runs out of memory",
    usage: idUsage,
    description: `Prints one JSON object a line until the container is gone: statistics of its
processor time, memory, input and output, and each time that the kernel killed
in it because memory had run out.`,
    options: {
      interval: { value: "DURATION", help: "time between statistics, such as 1m30s or 100ms" },
      stats: { help: "print the statistics once and end" },
    },
  },
  exec: {
    summary: "run one more process in a container",
    usage: `${idUsage} <command> [arguments...] || --process FILE ${idUsage}`,
    description: `Runs a command in a container that runs, with the user, environment, limits
and capabilities of its first process, unless options say otherwise. For
example:

    # PROGRAM exec -t web1 sh

PROGRAM ends with the status of the command, 128 + N when signal N ended it,
and 255 when there was none to run.`,
    options: {
      "console-socket": {
        value: "SOCKET",
        help: "unix socket that is sent the master of the process's pseudoterminal",
      },
      "pidfd-socket": { value: "SOCKET", help: "unix socket that is sent a pidfd of the process" },
      cwd: { value: "DIR", help: "working directory, in the container" },
      env: { value: "NAME=VALUE", help: "set an environment variable; may be given several times" },
      tty: { help: "give the process a pseudoterminal" },
      user: { value: "UID[:GID]", help: "user and group to run as" },
      "additional-gids": { value: "GID", help: "one more group; may be given several times" },
      process: { value: "FILE", help: "take everything from FILE, a JSON document like process of config.json" },
      detach: { help: "end as soon as the process runs" },
      "pid-file": { value: "FILE", help: "write the process id to FILE" },
      "process-label": { value: "LABEL", help: "SELinux label of the process" },
      apparmor: { value: "PROFILE", help: "AppArmor profile of the process" },
      "no-new-privs": { help: "let execve give the process no privileges that it has not" },
      cap: { value: "CAP", help: "one more capability; may be given several times" },
      "preserve-fds": { value: "N", help: "let the process have N descriptors more, after 0 to 2" },
      cgroup: {
        value: "[CONTROLLER:]PATH",
        help: "run in a cgroup that exists below the container's; with a controller it may be given several times",
      },
      "ignore-paused": { help: "also in a paused container: the process runs once that is resumed" },
    },
  },
  features: {
    summary: "show what this runtime supports",
    usage: "",
    description: `Prints as JSON what config.json may ask of this runtime, in the form of the
specification's features.md.`,
    options: {},
  },
  help: {
    summary: "list the commands, or show the help of one",
    usage: "[command]",
    description: "",
    options: {},
  },
  inspect: {
    summary: "show what a container that runs has, beside what the host has",
    usage: idUsage,
    description: `Prints the namespaces of a container, its ids, capabilities, seccomp filters,
root and mounts, its cgroup's limits with what is used of them, and the limits of
its first process: what the container has, what the host has (as seen by who
asks), whether it is its own or SHARED, and the command that shows the same. What
config.json asked for and is otherwise now is marked. Only /proc and /sys are
read, and nothing is changed. Of a container that has ended "PROGRAM state" tells.`,
    options: { json: { help: "print an object with id, pid, status and items" } },
  },
  kill: {
    summary: "send a signal to a container's init",
    usage: `${idUsage} [signal]`,
    description: `The signal is a number or a name, with or without "SIG"; SIGTERM if there is
none. For example:

    # PROGRAM kill web1 KILL`,
    options: {
      all: { help: "send the signal to all processes of the container", hidden: true },
      regex: { help: "every container whose name has a match of this regular expression" },
    },
  },
  list: {
    summary: "list the containers below the state root",
    usage: "",
    description: `Containers that were created with another --root are listed with that --root.`,
    options: {
      format: { value: "FORMAT", choices: ["table", "json"], help: "table or json" },
      quiet: { help: "print only the names" },
    },
  },
  mounts: {
    summary: "add mounts to a container that runs, or remove them",
    usage: `add|remove ${idUsage} <file>`,
    description: `The file is JSON, an array like mounts of config.json or an object with one; to
remove, destination is enough. For example:

    # echo '[{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"}]' > more
    # PROGRAM mounts add web1 more`,
    options: {},
  },
  pause: {
    summary: "let all processes of a container stand still",
    usage: idUsage,
    description: `The processes notice nothing: they go on with "PROGRAM resume".`,
    options: {},
  },
  plan: {
    summary: "show what create and start would do",
    usage: "[bundle]",
    description: `Prints the steps that "create" and "start" would take for a bundle on this
host, each with the part of config.json that asks for it, and at the end what
the container shares with the host. Nothing is changed. A step that this host
will refuse says so, and the exit status is 1.

The script that --shell prints makes the same container with unshare, mount and
pivot_root. It takes --step, or STEP=COMMAND in its environment, to stop between
its steps and show what each has changed.`,
    options: {
      bundle: { value: "DIR", help: "directory of the bundle (default: the working directory)" },
      brief: { help: "only what config.json asks for, without what every container has" },
      diff: { value: "DIR", help: "print what the steps for the bundle DIR differ in" },
      id: { value: "ID", help: "name of the container (default: that of the bundle's directory)" },
      json: { help: "print the plan as JSON" },
      shell: { help: "print the plan as a shell script that makes the container" },
      "no-pivot": create["no-pivot"],
      "no-new-keyring": create["no-new-keyring"],
      "preserve-fds": create["preserve-fds"],
    },
  },
  ps: {
    summary: "show the processes of a container",
    usage: `${idUsage} [ps options]`,
    description: `Prints those lines of ps(1) that are about the container's processes. What
follows the name of the container is for ps, -ef if there is nothing. Its table
must have a column PID.`,
    options: {
      format: { value: "FORMAT", choices: ["table", "json"], help: "table or json, which is a list of process ids" },
    },
  },
  resume: {
    summary: "let a paused container go on",
    usage: idUsage,
    description: `Undoes "PROGRAM pause".`,
    options: {},
  },
  restore: {
    summary: "make a container from the images of its processes",
    usage: idUsage,
    description: `Makes a container again that "PROGRAM checkpoint" has saved: from the same
bundle, or one like it with another name. Its processes go on where they were.
Of the hooks, prestart and createRuntime are run. Then it waits for the
container as "PROGRAM run" does, unless it shall detach.`,
    options: {
      ...criu,
      bundle: create.bundle,
      "console-socket": create["console-socket"],
      detach: { help: "end as soon as the container runs" },
      "pid-file": create["pid-file"],
      "no-subreaper": { help: "do not adopt processes that the container leaves behind" },
      "no-pivot": create["no-pivot"],
      "tcp-close": { help: "restore TCP connections as closed" },
      "lsm-profile": { value: "TYPE:NAME", help: "security profile, such as apparmor:web or selinux:LABEL" },
      "lsm-mount-context": { value: "LABEL", help: "SELinux context of the mounts" },
    },
  },
  run: {
    summary: "create and start a container, and wait for it",
    usage: idUsage,
    description: `Does what "create" and "start" do. Then it passes signals on to the container,
waits until it stops, removes it and ends with its exit status, unless it shall
detach.`,
    options: {
      ...create,
      detach: { help: "end as soon as the container runs" },
      keep: { help: "do not remove the container when it has stopped" },
      "no-subreaper": { help: "do not adopt processes that the container leaves behind" },
    },
  },
  spec: {
    summary: "write a config.json to start from",
    usage: "",
    description: `Writes a file "config.json" for a container that runs "sh" in the directory
rootfs. Edit it: at least process.args is rarely what you want.`,
    options: {
      bundle: { value: "DIR", help: "directory to write to (default: the working directory)" },
      rootless: { help: "for a container that is run without root privileges" },
      "user-namespace": {
        help: "with a user namespace: root of the container is nobody on the host; the ids are those that /etc/subuid and /etc/subgid grant",
      },
      "read-only": { help: "with /run, /tmp and /var/tmp in memory, for the root file system cannot be written to" },
      seccomp: {
        help: "with a seccomp profile that allows and denies what docker's default profile does, as far as the container's capabilities need it",
      },
    },
  },
  start: {
    summary: "start the program of a created container",
    usage: idUsage,
    description: "The container must have been made by create and not been started yet.",
    options: {},
  },
  state: {
    summary: "show the state of a container",
    usage: idUsage,
    description: "Prints the state as JSON: the specification's keys, and those that runc adds.",
    options: {},
  },
  update: {
    summary: "change the limits of a container",
    usage: idUsage,
    description: `Limits that no option names stay as they are. When one is refused, none is
changed. Sizes may have a unit: k, m, g, t or p. For example:

    # PROGRAM update --memory 512m --pids-limit 100 web1

FILE of --resources is like linux.resources of config.json; what it does not
name stays as it is, and devices are not changed:

    {"memory": {"limit": 536870912}, "cpu": {"quota": 50000, "period": 100000}}`,
    options: {
      resources: {
        value: "FILE",
        help: 'take the limits from FILE, or from standard input if it is "-", and none from other options',
      },
      "blkio-weight": { value: "N", help: "share of input and output, 10 to 1000" },
      "cpu-period": { value: "MICROSECONDS", help: "period that --cpu-quota is counted in" },
      "cpu-quota": { value: "MICROSECONDS", help: "processor time in a period; -1 for no limit" },
      "cpu-burst": { value: "MICROSECONDS", help: "processor time that may be saved up for later periods" },
      "cpu-share": { value: "N", help: "share of the processors among containers, 2 to 262144" },
      "cpu-rt-period": { value: "MICROSECONDS", help: "period of --cpu-rt-runtime" },
      "cpu-rt-runtime": { value: "MICROSECONDS", help: "processor time of real-time processes in a period" },
      "cpuset-cpus": { value: "LIST", help: "processors to run on, such as 0-2,7" },
      "cpuset-mems": { value: "LIST", help: "memory nodes to use" },
      "kernel-memory": { value: "SIZE", help: "has no effect any more", hidden: true },
      "kernel-memory-tcp": { value: "SIZE", help: "has no effect any more", hidden: true },
      memory: { value: "SIZE", help: "most memory; -1 for no limit" },
      "cpu-idle": { value: "N", help: "1: run only when nobody else wants to; 0: as usual" },
      "memory-reservation": { value: "SIZE", help: "memory that is not taken away as long as there is other" },
      "memory-swap": { value: "SIZE", help: "most memory and swap together; -1 for no limit" },
      "pids-limit": { value: "N", help: "most processes and threads; -1 for no limit" },
      "l3-cache-schema": { value: "LINES", help: "share of the L3 cache, as resctrl's schemata has it" },
      "mem-bw-schema": { value: "LINES", help: "share of the memory bandwidth, as resctrl's schemata has it" },
    },
  },
  validate: {
    summary: "find the mistakes in a config.json",
    usage: "[bundle]",
    description: `Prints every mistake in the config.json of a bundle, one a line: an error is
what no container is made for, a warning what is probably not meant, such as a
name that nobody knows. Nothing is changed, and no privileges are needed. The
exit status is 0 when there are no errors. Each line begins with file, line and
column, as those of compilers do, and ends with what to write instead, where
that can be told.

With --host it is a dry run: what the kernel can be asked without changing
anything is asked, such as options of file systems, limits and sysctls.`,
    options: {
      bundle: { value: "DIR", help: "directory of the bundle (default: the working directory)" },
      host: { help: "look also for what this host refuses, or does not have" },
      json: { help: "print an object with bundle, valid and findings; the same as --format=json" },
      format: {
        value: "FORMAT",
        choices: ["text", "json", "github", "sarif"],
        help: "text, json, github (annotations of GitHub Actions) or sarif (SARIF 2.1.0)",
      },
    },
  },
};
