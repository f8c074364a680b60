// The parent's story: from a bundle to a container that waits for `start`. The child's is init.ts.

import type { IntelRdtPaths } from "../../intelrdt.ts";
import { enterGroup, handOver, lookAtNamespaces, makeNotify, moveDevices, prepareSeccomp } from "./optional-steps.ts";
import type { Readiness } from "../foreground/readiness.ts";
import { PR_SET_DUMPABLE } from "../../abi/prctl.ts";
import { SO_RCVTIMEO, SOCK_SEQPACKET } from "../../abi/socket.ts";
import { ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { SIGKILL } from "../../abi/signal.ts";
import type { Undo } from "../../base/dispose.ts";
import { HostError, isErrno, StepError } from "../../base/errors.ts";
import { hostPath, type HostPath } from "../../base/brand.ts";
import { basename, dirname, resolve } from "../../base/path.ts";
import { killCgroup, type PreparedCgroup } from "../../cgroup/cgroup.ts";
import { driverOf } from "../../cgroup/driver.ts";
import { joinCgroup, openEntries } from "../../cgroup/join.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import { cloneIntoNamespaces } from "../../namespaces/enter.ts";
import { startElsewhere } from "../../process/affinity.ts";
import { givePipes } from "../../process/become.ts";
import { setOomScoreAdj, setRlimits } from "../../process/limits.ts";
import { openSources } from "../../rootfs/mounts.ts";
import { parseConfig } from "../../spec/load.ts";
import type { Spec } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { readDocument } from "../../sys/document.ts";
import { getcwd } from "../../sys/directory.ts";
import { fileTypeOrErrno } from "../../sys/stat.ts";
import { copyHotPages, geteuid, prctl, waitPidfd, type Child } from "../../sys/process.ts";
import { resetChildSignal } from "../../sys/signal.ts";
import { limitWaits, noteSenders, socketpair } from "../../sys/socket.ts";
import { timestamp } from "../../sys/time.ts";
import { isOldKernel, kernelRelease, OLDEST_KERNEL } from "../../sys/uname.ts";
import { LOOK_MS, tellChild } from "../channel/messages.ts";
import { connectPidfdSocket, openConsole, sendPidfd } from "../foreground/console.ts";
import { expect, orLastWord } from "../channel/child-messages.ts";
import { probeHost } from "../plan/facts.ts";
import type { Globals } from "../globals.ts";
import { hookState, runHooks, runLateHooks } from "../lifecycle-hooks.ts";
import type { InitContext } from "./init.ts";
import { killAndReap } from "../process/kill-and-reap.ts";
import { checkInheritedFds } from "../process/inherited-fds.ts";
import { planContainer, type ContainerPlan } from "../plan/container.ts";
import { planRequest } from "../plan/request.ts";
import { hideOwnProgram } from "../process/own-program.ts";
import { listenForStart } from "../channel/start-socket.ts";
import { procStat, streamsOf } from "../state/status.ts";
import { step } from "../step.ts";
import {
  checkedId,
  finishCreating,
  removeState,
  reserve,
  writeFirstRecord,
  writePidFile,
  writeRecord,
  type ContainerRecord,
  type StateDirectory,
} from "../state/store.ts";
import { undoOf } from "../undo.ts";
import defer * as cgroupDelegation from "../../cgroup/delegate.ts";
import defer * as explain from "../../spec/explain.ts";
import defer * as initProcess from "./init.ts";
import defer * as lateFork from "../channel/late-fork.ts";
import defer * as rdt from "../../intelrdt.ts";
import defer * as unknownFields from "../../spec/unknown.ts";
import defer * as usernsParent from "./userns-parent.ts";

export type CreateRequest = {
  readonly id: string;
  /** As the user wrote it; relative to the working directory. */
  readonly bundle: string;
  /** The bundle's config.json, or a path relative to the bundle. */
  readonly config: string;
  readonly pidFile: string | undefined;
  /** Unix sockets of the caller's: for the master of the terminal, for a pidfd of init. */
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
};

/** A container whose init waits for `start`. Until the Undo it was made with is moved, leaving its scope takes everything back. */
export type Created = {
  readonly plan: ContainerPlan;
  readonly directory: StateDirectory;
  readonly record: ContainerRecord;
  readonly child: Child;
  /** To init, which starts by it when there is no start.sock. */
  readonly channel: Fd;
  /** Where the master of its terminal has come, in the foreground. */
  readonly terminal: Fd | undefined;
  /** Whom to tell that the service is ready, when `run` is to. */
  readonly readiness: Readiness | undefined;
};

/** How init hears of `start`, and whether we stay to show its terminal. */
export type Mode = "create" | "run detached" | "run";

/** `tsrun create`: init stays behind, a child of whoever reaps orphans above us. @throws StepError */
export function createContainer(globals: Globals, request: CreateRequest): void {
  using undo = undoOf(globals);
  create(globals, request, "create", undo);
  undo.move();
}

/** Everything up to "created", for `create` and for `run`. */
export function create(globals: Globals, request: CreateRequest, mode: Mode, undo: Undo): Created {
  resetChildSignal();
  const hidden = step("hide our program", () => hideOwnProgram((message) => globals.debug?.(message)));
  const bundle = hostPath(resolve(request.bundle.startsWith("/") ? "/" : getcwd(), request.bundle));
  const { spec, text } = step("load config.json", () => loadSpec(globals, hostPath(resolve(bundle, request.config))));
  const plan = step("plan", () => planFor(globals, request, spec, bundle));
  globals.steps?.planned(plan);
  step("look at the namespaces to join", () => lookAtNamespaces(plan));
  const console = step("connect console", () =>
    openConsole(plan.terminal, mode !== "run", request.consoleSocket, undo),
  );
  const pidfdSocket = step("connect pidfd socket", () => connectPidfdSocket(request.pidfdSocket, undo));
  const directory = step("reserve container id", () => reserveId(globals, plan, undo));
  const readiness = step("make notify directory", () => makeNotify(directory, mode === "create", undo));
  const seccomp = step("compile seccomp filter", () => prepareSeccomp(globals, plan));
  const sources = step("open mount sources", () => openSources(plan.rootfs));
  const intelRdt = step("find resource control group", () => plan.intelRdt && rdt.locateIntelRdt(plan.intelRdt));
  const unborn = step("record what will be made", () => recordFirst(directory, plan, text, intelRdt));
  const start = step("listen for start", () =>
    mode === "create" ? undo.use("close start.sock", listenForStart(directory)) : undefined,
  );
  const cgroup = step("prepare cgroup", () => startCgroup(plan, undo));
  const born = step("clone into namespaces", () =>
    spawn(
      globals,
      { plan, seccomp, sources, directory, start, console: console?.to, hidden },
      cgroup,
      mode === "run",
      undo,
    ),
  );
  const { channel } = born;
  const made = orLastWord(globals, channel, () =>
    provide(globals, plan, born, { directory, unborn, cgroup, intelRdt }, undo),
  );
  hidden?.[Symbol.dispose](); // while init is at work
  if (plan.runtimeHooks) expect(globals, plan.cgroup.groups, made.child, channel, "mounted");
  step("run hooks of the runtime", () => runRuntimeHooks(plan, made.child, channel));
  const { child, record } =
    plan.pidEntry === undefined
      ? made
      : step("wait for init to enter the pid namespace", () => meetInit(globals, plan, directory, made, channel, undo));
  expect(globals, plan.cgroup.groups, child, channel, "created", (notify) => handOver(plan, child, notify));
  step("send pidfd", () => sendPidfd(pidfdSocket, "standard", child));
  step("write pid file", () => request.pidFile !== undefined && writePidFile(request.pidFile, child.pid));
  return { plan, directory, record, child, channel, terminal: console?.mine, readiness };
}

type Made = { readonly child: Child; readonly record: ContainerRecord };

/** What init is given from outside while it mounts. @returns init, which is another process than `born` where a user namespace is joined */
function provide(
  globals: Globals,
  plan: ContainerPlan,
  born: Born,
  {
    directory,
    unborn,
    cgroup,
    intelRdt,
  }: {
    readonly directory: StateDirectory;
    readonly unborn: ContainerRecord;
    readonly cgroup: PreparedCgroup;
    readonly intelRdt: IntelRdtPaths | undefined;
  },
  undo: Undo,
): Made {
  const { init: child, uid } = step("map ids", () => mapIds(globals, plan, born, undo));
  const paths = step("complete cgroup", () => driverOf(plan.cgroup.unit).complete(cgroup, child.pid));
  if (paths.length === 0 && plan.sharedPid)
    globals.warn(
      "Creating a container with no cgroup and no private pid namespace. Such configuration is strongly discouraged (as it is impossible to properly kill all container's processes)",
    ); // runc's words
  step("hand over cgroup", () => plan.cgroup.delegate && handOverCgroup(paths, uid));
  step("enter resource control group", () => enterGroup(plan.intelRdt, intelRdt, child, undo));
  step("move network devices", () => moveDevices(plan.netDevices, child, undo));
  step("set rlimits", () =>
    setRlimits(plan.process, child.pid, {
      processes: plan.pidEntry === undefined ? 0 : 1,
      descriptors: plan.rootfs.sources.length,
    }),
  );
  step("set oom score", () => plan.namespaces.user?.privileged !== false && setOomScoreAdj(plan.process, child.pid));
  const record = step("record state", () =>
    recordInit(
      directory,
      { ...unborn, cgroup: paths, streams: plan.terminal === undefined ? streamsOf("self") : undefined },
      child,
    ),
  );
  letEnter(plan, paths, child, born.channel, born.inV2 || plan.cgroup.unit !== undefined);
  return { child, record };
}

/** Init itself, which what has prepared the container has forked. It waits until we have written who it is: whoever kills us, `delete --force` finds it. */
function meetInit(
  globals: Globals,
  plan: ContainerPlan,
  directory: StateDirectory,
  made: Made,
  channel: Fd,
  undo: Undo,
): Made {
  const child = lateFork.receiveForkedChild(globals, plan.cgroup.groups, made.child, channel);
  undoInit(child, undo);
  waitPidfd(made.child.pidfd);
  const record = recordInit(directory, made.record, child);
  finishCreating(directory);
  tellChild(channel, { kind: "taken" });
  return { child, record };
}

/** prestart and createRuntime: in our namespaces, once the mounts are there. Without any, init does not wait for us. */
function runRuntimeHooks(plan: ContainerPlan, child: Child, channel: Fd): void {
  if (!plan.runtimeHooks) return;
  runHooks("prestart", plan.hooks.prestart, hookState(plan, "creating", child.pid));
  runHooks("createRuntime", plan.hooks.createRuntime, hookState(plan, "creating", child.pid));
  tellChild(channel, { kind: "hooked" });
}

export function loadSpec(globals: Globals, path: HostPath): { readonly spec: Spec; readonly text: string } {
  let text: string;
  try {
    text = readDocument(path);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR))
      throw new HostError(
        fileTypeOrErrno(dirname(path)) < 0
          ? `JSON specification file ${basename(path)} not found: there is no directory ${dirname(path)}`
          : `JSON specification file ${basename(path)} not found in ${dirname(path)}`,
      );
    throw new StepError(`read ${path}`, error);
  }
  const { spec, json, text: inSpecNames } = parseConfig(text, () => explain);
  if (globals.debug !== undefined)
    for (const { pointer, suggestion } of unknownFields.findUnknown(json))
      globals.debug(
        `unknown property ${pointer} is ignored${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
      );
  return { spec, text: inSpecNames };
}

export function planFor(globals: Globals, request: CreateRequest, spec: Spec, bundle: HostPath): ContainerPlan {
  if (isOldKernel()) throw new HostError(`Linux ${kernelRelease()} is too old: ${OLDEST_KERNEL} or newer is needed`);
  const host = probeHost(globals.rootless);
  const { noPivot, noNewKeyring, preserveFds } = request;
  const id = checkedId(request.id);
  const asked = planRequest(globals, { id, bundle, noPivot, noNewKeyring, preserveFds }, () => globals.root);
  checkInheritedFds("LISTEN_FDS", 0, asked.listenFds);
  checkInheritedFds("--preserve-fds", asked.listenFds, preserveFds);
  const plan = planContainer(spec, host, asked);
  for (const warning of plan.warnings) globals.warn(warning);
  return plan;
}

export function reserveId(globals: Globals, plan: ContainerPlan, undo: Undo): StateDirectory {
  const directory = reserve(globals.root, plan.id);
  undo.use("close state directory", directory.fd);
  // When something could not be taken back the state stays, for `delete --force` to find and try again.
  undo.defer(
    "run poststop hooks",
    () => undo.failed || runLateHooks("poststop", plan.hooks.poststop, hookState(plan, "stopped", 0), globals),
  );
  undo.defer("remove state directory", () => undo.failed || removeState(globals.root, directory));
  return directory;
}

/** Written before the first cgroup is made: whoever kills us at any later moment, `delete --force` finds what there is to remove. */
export function recordFirst(
  directory: StateDirectory,
  plan: ContainerPlan,
  text: string,
  intelRdt: IntelRdtPaths | undefined,
): ContainerRecord {
  const record: ContainerRecord = {
    ociVersion: plan.ociVersion,
    id: plan.id,
    bundle: plan.bundle,
    rootfs: plan.rootfsPath,
    annotations: plan.annotations,
    created: timestamp(),
    owner: geteuid(),
    pid: 0,
    startTime: "",
    cgroup: plan.cgroup.groups.map(({ controllers, path }) => ({ controllers, path })),
    systemdUnit: plan.cgroup.unit && { name: plan.cgroup.unit.name, user: plan.cgroup.unit.user },
    intelRdt,
    keyring: plan.keyring !== undefined,
    sharedPid: plan.sharedPid,
    streams: undefined,
    timeNamespace: undefined,
    poststart: plan.hooks.poststart,
    poststop: plan.hooks.poststop,
  };
  writeFirstRecord(directory, record, text);
  return record;
}

export function startCgroup(plan: ContainerPlan, undo: Undo): PreparedCgroup {
  const driver = driverOf(plan.cgroup.unit);
  const cgroup = driver.prepare(plan.cgroup);
  undo.defer("remove cgroup", () => driver.abandon(cgroup));
  undo.defer("kill what is in the cgroup", () => killCgroup(cgroup.groups, SIGKILL));
  return cgroup;
}

/**
 * The child enters its cgroups by itself, which costs it microseconds where moving it from here would cost milliseconds;
 * but in somebody else's mount namespace it does not see them, and as root of a user namespace it could not open their files.
 */
function letEnter(plan: ContainerPlan, paths: CgroupPaths, child: Child, channel: Fd, inV2: boolean): void {
  if (plan.namespaces.user !== undefined) {
    const entries = openEntries(paths, inV2);
    tellChild(channel, { kind: "ready", enter: [], entries: entries.length, inV2 }, entries);
    for (const entry of entries) entry[Symbol.dispose]();
    return;
  }
  if (plan.namespaces.foreignMounts) joinCgroup(paths, child.pid);
  tellChild(channel, { kind: "ready", enter: plan.namespaces.foreignMounts ? [] : paths, entries: 0, inV2 });
}

/**
 * Lets init become root of its user namespace.
 * @returns init, which a process on the way to a joined one has made, and who the container's user is to us
 */
function mapIds(
  globals: Globals,
  plan: ContainerPlan,
  { child, channel }: Born,
  undo: Undo,
): { readonly init: Child; readonly uid: number | undefined } {
  const { user } = plan.namespaces;
  if (user === undefined) return { init: child, uid: plan.process.uid };
  const { init, uids } = usernsParent.mapIds(globals, user, child, channel, (born) => undoInit(born, undo));
  const uid = usernsParent.uidOutside(uids, plan.process.uid);
  if (user.privileged && uid !== undefined) givePipes(uid);
  tellChild(channel, { kind: "mapped" });
  return { init, uid };
}

const handOverCgroup = (paths: CgroupPaths, uid: number | undefined): void =>
  uid === undefined || uid === geteuid() ? undefined : cgroupDelegation.delegateCgroup(paths, uid);

export function undoInit(child: Child, undo: Undo): void {
  undo.use("close pidfd", child.pidfd);
  undo.defer("kill init", () => killAndReap(child));
}

/** The clone, and our end of the channel to it. */
type Born = { readonly child: Child; readonly channel: Fd; readonly inV2: boolean };

/** The child goes on in init and does not come back. It reads init's code itself, while we complete the cgroup. */
function spawn(
  globals: Globals,
  start: Pick<InitContext, "plan" | "seccomp" | "sources" | "directory" | "start" | "console" | "hidden">,
  cgroup: PreparedCgroup,
  inForeground: boolean,
  undo: Undo,
): Born {
  const [mine, theirs] = socketpair(SOCK_SEQPACKET);
  undo.use("close channel", mine);
  using childsEnd = theirs; // ours to close, or its end would never be seen
  if (inForeground) limitWaits(mine, SO_RCVTIMEO, LOOK_MS);
  if (start.plan.pidEntry !== undefined) noteSenders(mine);
  // [cve] CVE-2016-9962: what is made in a user namespace is closed to others from its first moment, if that does not close it to us.
  if (start.plan.namespaces.user?.privileged) prctl("PR_SET_DUMPABLE", PR_SET_DUMPABLE, 0);
  const { child, inCgroup } = cloneIntoNamespaces(start.plan.namespaces, cgroup.cloneInto);
  if (child === undefined) mine[Symbol.dispose](); // or the child would hold the channel open that is to tell it of our end
  if (child === undefined)
    return initProcess.init({
      ...start,
      channel: childsEnd.release(),
      debug: globals.debug !== undefined,
      listens: globals.steps !== undefined,
    });
  startElsewhere(child.pid);
  copyHotPages(); // side by side with the child, who waits for us
  if (start.plan.namespaces.user?.path === undefined) undoInit(child, undo);
  for (const source of start.sources) source[Symbol.dispose]();
  cgroup.cloneInto?.[Symbol.dispose]();
  return { child, channel: mine, inV2: inCgroup };
}

/** Before init goes on without us: whoever kills us at any later moment, `delete --force` finds it. */
function recordInit(directory: StateDirectory, unborn: ContainerRecord, child: Child): ContainerRecord {
  const record = { ...unborn, pid: child.pid, startTime: procStat(child.pid)?.startTime ?? "" };
  writeRecord(directory, record);
  return record;
}
