// The child's story: from the clone to the user's program. The parent's is parent.ts; channel/ is all they share afterwards.
// It starts with the parent's memory and descriptors, on the host's root file system, and never returns.

import type { LsmAttributes, LsmPlan } from "../../lsm.ts";
import { resetAffinity } from "../../process/affinity.ts";
import { ENOENT } from "../../abi/errno.ts";
import { PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../../abi/prctl.ts";
import { SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM } from "../../abi/signal.ts";
import { POLLIN } from "../../abi/poll.ts";
import { enterByEntries, enterCgroup } from "../../cgroup/join.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import { joinSessionKeyring } from "../../keyring.ts";
import { enterCgroupNamespace, joinNamespaces } from "../../namespaces/enter.ts";
import { raiseLoopback, setNames } from "../../namespaces/names.ts";
import {
  becomeUser,
  changeDirectory,
  giveStdio,
  makeWorkingDirectory,
  setNoNewPrivileges,
} from "../../process/become.ts";
import { closeDescriptors, execute, findProgram, type Program } from "../../process/execute.ts";
import { settleRlimits } from "../../process/limits.ts";
import { createDevices } from "../../rootfs/devices.ts";
import { mountFilesystems, openRootfs, prepareRoot, type HeldMounts } from "../../rootfs/mounts.ts";
import type { SourceOp } from "../../rootfs/ops.ts";
import type { SeccompPlan } from "../../seccomp/plan.ts";
import { installSeccomp, type SeccompFilter } from "../../seccomp/install.ts";
import { restrictPaths } from "../../rootfs/paths.ts";
import { pivot } from "../../rootfs/pivot.ts";
import { makeReadonly } from "../../rootfs/readonly.ts";
import { writeSysctls } from "../../sysctl.ts";
import type { MasterTo } from "../../terminal/attach.ts";
import type { TerminalPlan } from "../../terminal/plan.ts";
import { forgetEnvironment } from "../../sys/environ.ts";
import { Fd } from "../../sys/fd.ts";
import { closeAllBut } from "../../sys/file.ts";
import { umask } from "../../sys/directory.ts";
import { poll } from "../../sys/poll.ts";
import { exit_group, getpid, prctl, setsid } from "../../sys/process.ts";
import { ALL_SIGNALS, blockSignals, readSignal, resetSignals, signalfd, unblockSignals } from "../../sys/signal.ts";
import { peerUid, sendmsg } from "../../sys/socket.ts";
import { utf8 } from "../../sys/memory.ts";
import {
  DEBUG_BEGIN,
  receive,
  receiveWithFds,
  send,
  tellFailure,
  tellSteps,
  passNotify,
  type ParentMessage,
} from "../channel/messages.ts";
import { hookState, runHooks } from "../lifecycle-hooks.ts";
import type { InUser } from "./userns-child.ts";
import type { ContainerPlan } from "../plan/container.ts";
import { acceptStart, tryAccept } from "../channel/start-socket.ts";
import { logSteps, step } from "../step.ts";
import { finishCreating, type StateDirectory } from "../state/store.ts";
import defer * as idmappedMount from "./idmapped-mount.ts";
import defer * as lateFork from "../channel/late-fork.ts";
import defer * as lsm from "../../lsm.ts";
import defer * as scheduling from "../../process/scheduling.ts";
import defer * as terminalAttachment from "../../terminal/attach.ts";
import defer * as usernsChild from "./userns-child.ts";
import defer * as ownLimit from "../process/own-limit.ts";
import defer * as evaluate from "../../seccomp/evaluate.ts";

export type InitContext = {
  readonly plan: ContainerPlan;
  /** Made by the parent; undefined when none is asked for. */
  readonly seccomp: SeccompFilter | undefined;
  /** Mount sources, opened by the parent in the host's mount namespace. */
  readonly sources: readonly Fd[];
  /** Locked until we are created. */
  readonly directory: StateDirectory;
  /** Our end of the channel. */
  readonly channel: number;
  /** The listening start.sock; undefined when `start` comes over the channel. */
  readonly start: Fd | undefined;
  /** Where the master of the terminal goes; undefined when there is none. */
  readonly console: MasterTo | undefined;
  /** What our program is mapped from, when it is out of a container's reach already; the parent closes it as well, later. */
  readonly hidden: Fd | undefined;
  readonly debug: boolean;
  /** Somebody wants to hear of our steps. */
  readonly listens: boolean;
};

/** Ends in execve, or reports what failed and exits. */
export function init(context: InitContext): never {
  const channel = new Fd(context.channel);
  let report = channel;
  try {
    const { program, signals } = becomeContainer(context, channel);
    report = waitForStart(context.start, signals, channel);
    step("install seccomp", () => installSeccomp(context.seccomp, "started", (notify) => passNotify(channel, notify)));
    step("run startContainer hooks", () =>
      runHooks(
        "startContainer",
        context.plan.hooks.startContainer,
        hookState(context.plan, "created", getpid()),
        program.env,
      ),
    );
    unblockSignals();
    step("execute", () => execute(program, () => mayLook(context.plan.seccomp)));
  } catch (error) {
    tellFailure(report, ownLimit.withOwnLimit(error, context.plan.process));
  }
  exit_group(1);
}

function becomeContainer(
  { plan, seccomp, sources, directory, start, console, hidden, debug, listens }: InitContext,
  channel: Fd,
): { readonly program: Program; readonly signals: Fd | undefined } {
  hidden?.[Symbol.dispose]();
  logSteps(listens ? tellSteps(channel, "init") : undefined);
  if (debug) for (const text of DEBUG_BEGIN) send(channel, { kind: "log", level: "debug", text });
  step("leave the caller's session", () => leaveCaller(plan));
  const { rootfs, groupsDenied } = step("enter user namespace", () =>
    enterUserNamespace(plan, channel, hidden !== undefined),
  );
  const attributes = step("open security attributes", () => plan.lsm && lsm.openLsmAttributes(plan.lsm));
  step("join namespaces", () => joinNamespaces(plan.namespaces));
  step("join session keyring", () => withKeyLabel(plan.lsm, attributes, () => joinSessionKeyring(plan.keyring)));
  step("raise loopback", () => raiseLoopback(plan.namespaces));
  const root = step("prepare rootfs", () => prepareRoot(plan.rootfs, rootfs ?? openRootfs(plan.rootfs)));
  const available = {
    opened: sources,
    map: (tree: Fd, source: SourceOp) => idmappedMount.haveMapped(channel, tree, source),
  };
  const held: HeldMounts = new Map();
  step("mount filesystems", () => mountFilesystems(root, plan.rootfs.mountsBeforeCgroup, available, held));
  const { enter, entries, inV2 } = step("wait for cgroup", () => hearOfCgroup(channel));
  step("enter cgroup", () => (entries.length > 0 ? enterByEntries(entries) : enterCgroup(enter, inV2)));
  step("reset CPU affinity", resetAffinity);
  step("enter cgroup namespace", () => enterCgroupNamespace(plan.namespaces));
  step("mount cgroup filesystems and the rest", () => mountFilesystems(root, plan.rootfs.mountsAfter, available, held));
  step("create devices", () => createDevices(root, plan.rootfs));
  umask(0o022); // for hooks and the working directory: what has a mode in config.json is made
  step("wait for hooks of the runtime", () => letRuntimeHooksRun(plan, channel));
  step("run createContainer hooks", () =>
    runHooks("createContainer", plan.hooks.createContainer, hookState(plan, "creating", getpid())),
  );
  step("pivot into rootfs", () => pivot(root, plan.rootfs));
  // `/` is the container's own from here on
  step("attach terminal", () => attachTerminal(plan, console));
  step("create working directory", () => isBelowProc(plan) || makeWorkingDirectory(plan.process)); // while the root can still be written
  step("make mounts read-only", () => makeReadonly(plan.rootfs));
  step("set host and domain name", () => setNames(plan.namespaces));
  step("apply AppArmor profile", () => plan.lsm && attributes && lsm.applyProfile(plan.lsm, attributes));
  step("write sysctls", () => writeSysctls(plan.sysctls));
  step("restrict paths", () => restrictPaths(plan.rootfs, held));
  // become the user's process
  step("hand over stdio", () => giveStdio(plan.process));
  step("set no_new_privs", () => setNoNewPrivileges(plan.process));
  step("set scheduling", () => plan.scheduling && scheduling.setScheduling(plan.scheduling));
  step("set SELinux label", () => plan.lsm && attributes && lsm.applyLabel(plan.lsm, attributes));
  step("let go of the host", () => letGo(plan, directory, channel, start));
  step(
    "settle rlimits",
    () => plan.pidEntry === undefined && plan.rootfs.sources.length > 0 && settleRlimits(plan.process),
  ); // the sources were descriptors of ours
  step("close descriptors", () => closeDescriptors(plan.process)); // at execve; before a profile can forbid it
  const signals = start && signalfd([SIGHUP, SIGINT, SIGQUIT, SIGTERM]); // for waitForStart, before a profile can forbid it
  openToOwner(plan, false);
  step(
    "enter pid namespace before seccomp",
    () => plan.pidEntry === "before seccomp" && enterPidNamespace(plan, channel),
  );
  step("install seccomp as root", () => {
    installSeccomp(seccomp, "privileged", (notify) => passNotify(channel, notify));
    if (plan.seccomp !== undefined && start !== undefined) tryToWait(start, channel);
  });
  const there = step("become user", () =>
    becomeUser(plan.process, groupsDenied, plan.pidEntry === "last" ? ENOENT : 0),
  );
  openToOwner(plan, true); // [kernel] the change of ids has closed us again
  step("enter pid namespace", () => plan.pidEntry === "last" && enterPidNamespace(plan, channel));
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // both forget this; a maker that has died before is missed by `created` below
  step("enter working directory", () => there || changeDirectory(plan.process)); // below /proc/self there is nothing for who is in another pid namespace
  const program = step("find program", () => findProgram(plan.process));
  step("install seccomp with a listener", () =>
    installSeccomp(seccomp, "created", (notify) => passNotify(channel, notify)),
  );
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, 0); // from here on we live without the parent
  if (debug) send(channel, { kind: "log", level: "debug", text: "init: closing the pipe to signal completion" }); // runc's words
  send(channel, { kind: "created" });
  return { program, signals };
}

const mayLook = (filter: SeccompPlan | undefined): boolean => evaluate.letsRead(filter);

const withKeyLabel = (plan: LsmPlan | undefined, attributes: LsmAttributes | undefined, join: () => void): void =>
  plan === undefined || attributes === undefined ? join() : lsm.withKeyLabel(plan, attributes, join);

/** [cve] CVE-2016-9962: not dumpable, so nobody in a joined namespace can look into us through ptrace or /proc while we still hold the host's files. */
function leaveCaller({ namespaces }: ContainerPlan): void {
  prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL); // until we are created: a container half made must not outlive its maker
  // [kernel] Closed we would be to our own user as well, who has to map our ids; in a new user namespace there is nobody else.
  if (namespaces.user?.privileged !== false || namespaces.user.path !== undefined)
    prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 0);
  setsid();
  blockSignals(ALL_SIGNALS);
  resetSignals();
  umask(0);
}

/** The root file system's directory is opened on the way: root of the user namespace may have no way to it. */
function enterUserNamespace(
  plan: ContainerPlan,
  channel: Fd,
  hidden: boolean,
): InUser | { readonly rootfs: undefined; readonly groupsDenied: boolean } {
  const { namespaces, groupsDenied } = plan;
  if (namespaces.user === undefined) return { rootfs: undefined, groupsDenied };
  return usernsChild.enterUserNamespace(plan, namespaces.user, channel, hidden, () => hear(channel, "mapped"));
}

function hearOfCgroup(channel: Fd): {
  readonly enter: CgroupPaths;
  readonly entries: readonly Fd[];
  readonly inV2: boolean;
} {
  const heard = receiveWithFds<ParentMessage>(channel);
  if (heard === undefined) exit_group(1); // the parent is gone
  if (heard.message.kind !== "ready") throw new Error(`the parent said ${heard.message.kind} instead of ready`);
  return { ...heard.message, entries: heard.fds };
}

function letRuntimeHooksRun(plan: ContainerPlan, channel: Fd): void {
  if (!plan.runtimeHooks) return;
  send(channel, { kind: "mounted" });
  hear(channel, "hooked");
}

/**
 * From here on we hold nothing but stdio, what is passed on, the channel and start.sock, and know nothing that our caller has in its environment.
 * [cve] CVE-2024-21626: before the working directory is entered, which may be one of /proc/self/fd.
 */
function letGo(
  { process, pidEntry }: ContainerPlan,
  directory: StateDirectory,
  channel: Fd,
  start: Fd | undefined,
): void {
  if (pidEntry === undefined) finishCreating(directory); // or the parent does, once it knows who init is
  closeAllBut(3 + process.inheritedFds, start === undefined ? [channel] : [channel, start]);
  forgetEnvironment();
}

/**
 * Without privilege the runtime can neither take a seccomp notify descriptor from a process that is closed to others, nor exec into it. What would
 * be protected has been let go of by now, and in a new user namespace there is nobody else. [cve] CVE-2016-9962: in one of others there is, so there
 * we open once nothing is left to us but what the program will have, and only out of sight of theirs: in a pid namespace of our own.
 */
function openToOwner({ namespaces: { user, created } }: ContainerPlan, isUser: boolean): void {
  if (user?.privileged === false && (user.path === undefined || (isUser && created.some(({ type }) => type === "pid"))))
    prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 1);
}

function hear<Kind extends ParentMessage["kind"]>(
  channel: Fd,
  kind: Kind,
): Extract<ParentMessage, { readonly kind: Kind }> {
  const message = receive<ParentMessage>(channel);
  if (message === undefined) exit_group(1); // the parent is gone, and with it everybody who could be told
  if (isKind(message, kind)) return message;
  throw new Error(`the parent said ${message.kind} instead of ${kind}`);
}

const isKind = <Kind extends ParentMessage["kind"]>(
  message: ParentMessage,
  kind: Kind,
): message is Extract<ParentMessage, { readonly kind: Kind }> => message.kind === kind;

/**
 * Blocks until `start`; the descriptor whose end will tell that we have become the program, and on which a failure is reported.
 * [kernel] pid 1 of a namespace does not die of a signal that it has no handler for, so those that ask for the end are read here.
 */
function waitForStart(start: Fd | undefined, signals: Fd | undefined, channel: Fd): Fd {
  if (start === undefined || signals === undefined) return channel; // `run` waits for nobody
  const owner = peerUid(channel);
  channel[Symbol.dispose]();
  logSteps(undefined);
  const [asked] = poll([
    { fd: signals, events: POLLIN },
    { fd: start, events: POLLIN },
  ]);
  if (asked !== 0) exit_group(128 + readSignal(signals));
  const stream = acceptStart(start, owner);
  sendmsg(stream, utf8("+"), []);
  start[Symbol.dispose]();
  signals[Symbol.dispose]();
  return stream;
}

/**
 * What waitForStart calls, while somebody still hears that the profile forbids it: a container that is created must not end by it silently.
 * @throws SysError
 */
function tryToWait(start: Fd, channel: Fd): void {
  peerUid(channel);
  poll([{ fd: start, events: POLLIN }], 0);
  tryAccept();
}

function attachTerminal({ terminal, pidEntry }: ContainerPlan, to: MasterTo | undefined): void {
  if (terminal === undefined || to === undefined) return;
  terminalAttachment.attachTerminal(terminal, to);
  if (pidEntry === undefined) takeTerminal(terminal);
}

const takeTerminal = (plan: TerminalPlan): void =>
  plan === undefined ? undefined : terminalAttachment.controlTerminal();

/** Returns in another process, once our maker knows that it is init. What a fork takes away it has again. */
function enterPidNamespace(plan: ContainerPlan, channel: Fd): void {
  lateFork.forkIntoPidNamespace(channel, true);
  settleRlimits(plan.process);
  takeTerminal(plan.terminal);
}

/** Where nothing can be made, and where who is not in the container's pid namespace does not see what there is. */
const isBelowProc = ({ process: { cwd }, pidEntry }: ContainerPlan): boolean =>
  pidEntry !== undefined && cwd.startsWith("/proc/");
