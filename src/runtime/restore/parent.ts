// `tsrun restore`: a container from a bundle and the images of its processes. CRIU makes the namespaces, the mounts and the processes; what is
// around them, the cgroup, the state, the hooks, is made as create makes it, and with its pieces.

import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { hostPid, containerPath, hostPath, type HostPath, type HostPid } from "../../base/brand.ts";
import type { Undo } from "../../base/dispose.ts";
import { HostError, isErrno, StateError, StepError } from "../../base/errors.ts";
import { resolve } from "../../base/path.ts";
import { driverOf } from "../../cgroup/driver.ts";
import { enterCgroup } from "../../cgroup/join.ts";
import { processes } from "../../cgroup/processes.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import {
  architecture,
  architectureOf,
  bytesOfPages,
  checkPages,
  makeImageDirectory,
  openImageDirectory,
  readCheckpoint,
  readDescriptors,
  type Checkpoint,
} from "../../criu/images.ts";
import type { CriuResponse } from "../../criu/messages.ts";
import {
  inheritedNamespaces,
  makesMountNamespace,
  planRestore,
  RESTORE_LOG,
  type RestoreFlags,
} from "../../criu/options-plan.ts";
import { planSources, type RestoreMount } from "../../criu/sources-plan.ts";
import { findCriu, FIRST_PASSED, type Notification } from "../../criu/swrk.ts";
import { joinSessionKeyring } from "../../keyring.ts";
import { openConsole, type Console } from "../foreground/console.ts";
import { raiseLoopback } from "../../namespaces/names.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { CLONE_NEWNET } from "../../abi/sched.ts";
import { resetAffinity } from "../../process/affinity.ts";
import { hasNamespace, hasNewNamespace } from "../../spec/namespaces.ts";
import type { SourceOp } from "../../rootfs/ops.ts";
import { copyTree } from "../../sys/tree.ts";
import { EINVAL, ENOSYS, EPERM } from "../../abi/errno.ts";
import { setWindowSize } from "../../sys/terminal.ts";
import { writeSysctls } from "../../sysctl.ts";
import { killAndReap } from "../process/kill-and-reap.ts";
import { lookUp } from "../../rootfs/resolve.ts";
import type { Spec } from "../../spec/types.ts";
import type { Fd } from "../../sys/fd.ts";
import { openat, readFile, readFileIfThere } from "../../sys/file.ts";
import { getcwd, readlinkat } from "../../sys/directory.ts";
import { utf8 } from "../../sys/memory.ts";
import {
  exit_group,
  exitStatus,
  geteuid,
  getpid,
  numberToTake,
  pidfd_open,
  pidfd_send_signal,
  setns,
  type Child,
} from "../../sys/process.ts";
import { resetChildSignal } from "../../sys/signal.ts";
import { sendmsg } from "../../sys/socket.ts";
import { timestamp } from "../../sys/time.ts";
import { receive, tellChild, type ParentMessage } from "../channel/messages.ts";
import {
  loadSpec,
  planFor,
  recordFirst,
  reserveId,
  startCgroup,
  undoInit,
  type CreateRequest,
} from "../create/parent.ts";
import { enterGroup, lookAtNamespaces, moveDevices } from "../create/optional-steps.ts";
import { attend, takeSignals } from "../foreground/wait.ts";
import type { Globals } from "../globals.ts";
import { hookState, runHooks } from "../lifecycle-hooks.ts";
import type { ContainerPlan } from "../plan/container.ts";
import { destroyOrWarn } from "../state/destroy.ts";
import { procStat, streamsOf } from "../state/status.ts";
import {
  finishCreating,
  writePidFile,
  writeRecord,
  type ContainerRecord,
  type StateDirectory,
} from "../state/store.ts";
import { step } from "../step.ts";
import { undoOf } from "../undo.ts";
import { showProgress } from "../criu/progress.ts";
import { askCriu, askVersion, endCriu, hostOfCriu, refusal, startCriu, type Criu } from "../criu/session.ts";
import defer * as idmap from "../../rootfs/idmap.ts";
import defer * as intelrdt from "../../intelrdt.ts";
import defer * as mountPoints from "./mount-points.ts";

export type RestoreRequest = Pick<CreateRequest, "id" | "bundle" | "pidFile" | "consoleSocket" | "noPivot"> & {
  readonly detach: boolean;
  readonly noSubreaper: boolean;
  /** Absolute. */
  readonly imagePath: string;
  /** Absolute; undefined: the image directory. */
  readonly workPath: string | undefined;
  /** CRIU's program; undefined: criu in $PATH. */
  readonly criu: string | undefined;
  readonly flags: RestoreFlags;
};

/** @returns the exit status of the container's process; 0 at once when detached @throws StepError: then nothing is left of it */
export function restoreContainer(globals: Globals, request: RestoreRequest): number {
  using undo = undoOf(globals);
  resetChildSignal();
  const signals = request.detach ? undefined : takeSignals(!request.noSubreaper);
  const bundle = hostPath(resolve(request.bundle.startsWith("/") ? "/" : getcwd(), request.bundle));
  const { spec, text } = step("load config.json", () => loadSpec(globals, hostPath(`${bundle}/config.json`)));
  const plan = step("plan", () => planFor(globals, asCreate(request), spec, bundle));
  if (geteuid() !== 0) throw new HostError("CRIU needs root privileges to restore a container");
  step("look at the namespaces to join", () => lookAtNamespaces(plan));
  const images = undo.use(
    "close image directory",
    step("open image directory", () => openImageDirectory(request.imagePath)),
  );
  const source = step("read the images", () => readImages(images, spec, plan, bundle));
  const { workPath } = request;
  const work =
    workPath === undefined
      ? images
      : undo.use(
          "close work directory",
          step("open work directory", () => makeImageDirectory(workPath)),
        );
  const program = step("find CRIU", () => findCriu(request.criu));
  const console = step("connect console", () =>
    openConsole(plan.terminal, request.detach, request.consoleSocket, undo),
  );
  const directory = step("reserve container id", () => reserveId(globals, plan, undo));
  const intelRdt = step("find resource control group", () => plan.intelRdt && intelrdt.locateIntelRdt(plan.intelRdt));
  const first = step("record what will be made", () => recordFirst(directory, plan, text, intelRdt));
  const cgroup = step("prepare cgroup", () => startCgroup(plan, undo));
  const namespaces = step("open the namespaces to join", () =>
    inheritedNamespaces(spec).map(({ path }) => undo.use("close namespace", openat(null, path, O_RDONLY))),
  );
  undo.defer("kill what CRIU has made", killChildren);
  const criu = step("start CRIU", () =>
    startCriu(
      {
        program,
        cgroup: cgroup.cloneInto,
        ownStreams: true,
        passed: namespaces,
        prepare: (socket) => prepare(socket, spec, plan, source.rootfs),
      },
      undo,
    ),
  );
  cgroup.cloneInto?.[Symbol.dispose]();
  const paths = step("complete cgroup", () => driverOf(plan.cgroup.unit).complete(cgroup, criu.child.pid));
  // Whoever kills us, `delete` finds CRIU, and what it has made by the cgroup. @see destroy
  const record = step("record CRIU", () =>
    recordProcess(directory, { ...first, cgroup: paths, sharedPid: true }, criu.child.pid),
  );
  tellChild(criu.socket, {
    kind: "ready",
    enter: paths,
    entries: 0,
    inV2: criu.inCgroup || plan.cgroup.unit !== undefined,
  });
  step("ask for CRIU's version", () => askVersion(criu));
  const restoring: Restoring = {
    globals,
    spec,
    plan,
    directory,
    console,
    undo,
    record: { ...record, sharedPid: plan.sharedPid },
    init: undefined,
    masterSent: false,
  };
  const response = step("restore the processes", () =>
    restore(criu, request, restoring, { images, work, ...source }, paths),
  );
  const { init } = restoring;
  if (!response.success || init === undefined)
    throw refusal(
      "restore the container",
      response,
      { directory: work, name: RESTORE_LOG, path: workPath ?? request.imagePath },
      "nothing is left of what it made",
    );
  endCriu(criu);
  finishCreating(directory);
  step("write pid file", () => request.pidFile !== undefined && writePidFile(request.pidFile, init.pid));
  const status = signals === undefined ? 0 : exitStatus(attend(init, signals, console?.mine));
  undo.move();
  if (signals !== undefined) destroyOrWarn(globals, directory, restoring.record);
  return status;
}

const asCreate = ({ id, bundle, pidFile, consoleSocket, noPivot }: RestoreRequest): CreateRequest => ({
  id,
  bundle,
  config: "config.json",
  pidFile,
  consoleSocket,
  pidfdSocket: undefined,
  noPivot,
  noNewKeyring: false,
  preserveFds: 0,
});

/** What the images say, and what of the host stands for what they do not hold. */
type Source = {
  readonly checkpoint: Checkpoint | undefined;
  readonly streams: readonly string[];
  readonly mounts: readonly RestoreMount[];
  /** The root file system's directory, with no symlink on the way. */
  readonly rootfs: HostPath;
};

function readImages(images: Fd, spec: Spec, plan: ContainerPlan, bundle: HostPath): Source {
  const checkpoint = readCheckpoint(images);
  const theirs = checkpoint?.architecture ?? architectureOf(images);
  if (theirs !== undefined && theirs !== architecture())
    throw new HostError(`the images are of the architecture ${theirs}, and this machine is ${architecture()}`);
  if (checkpoint !== undefined && checkpoint.terminal !== (plan.terminal !== undefined))
    throw new HostError(
      `the container was checkpointed ${checkpoint.terminal ? "with" : "without"} a terminal, and process.terminal of config.json is ${String(!checkpoint.terminal)}: is it the config.json of that container?`,
    );
  checkPages(images);
  using root = openat(null, plan.rootfsPath, O_RDONLY);
  const rootfs = hostPath(readlinkat(null, root.procPath));
  const realPath = (destination: string): string => {
    using found = lookUp(root, containerPath(destination)) ?? null;
    return found === null ? destination : readlinkat(null, found.procPath).slice(rootfs.length) || "/";
  };
  return {
    checkpoint,
    streams: readDescriptors(images),
    rootfs,
    mounts: planSources(checkpoint?.externalMounts, spec, bundle, cgroupMounts(plan), realPath),
  };
}

/** What create would bind for them. Those of a cgroup namespace are file systems of their own, which CRIU makes. */
const cgroupMounts = ({ rootfs }: ContainerPlan): readonly RestoreMount[] =>
  rootfs.mountsAfter.flatMap((op) => {
    if (op.kind === "cgroup1")
      return op.hierarchies.flatMap((hierarchy) =>
        hierarchy.kind === "bind" ? [{ name: `${op.destination}/${hierarchy.name}`, source: hierarchy.source }] : [],
      );
    if (op.kind !== "cgroup2" || op.fallback.source.kind !== "path") return [];
    return [{ name: op.destination, source: op.fallback.source.path }];
  });

/** In the process that becomes CRIU: what the processes that it makes inherit. */
function prepare(socket: Fd, spec: Spec, plan: ContainerPlan, rootfs: HostPath): void {
  const ready = receive<ParentMessage>(socket);
  if (ready?.kind !== "ready") exit_group(1); // the parent is gone
  step("enter cgroup", () => enterCgroup(ready.enter, ready.inV2));
  step("reset CPU affinity", resetAffinity);
  step("join session keyring", () => joinSessionKeyring(plan.keyring));
  step("prepare mounts", () => {
    if (makesMountNamespace(spec)) mountPoints.prepareMounts(spec, rootfs, plan.bundle);
  });
}

function recordProcess(directory: StateDirectory, record: ContainerRecord, pid: HostPid): ContainerRecord {
  const written = { ...record, pid, startTime: procStat(pid)?.startTime ?? "" };
  writeRecord(directory, written);
  return written;
}

/** What is known while CRIU is at work. */
type Restoring = {
  readonly globals: Globals;
  readonly spec: Spec;
  readonly plan: ContainerPlan;
  readonly directory: StateDirectory;
  readonly console: Console | undefined;
  readonly undo: Undo;
  record: ContainerRecord;
  init: Child | undefined;
  masterSent: boolean;
};

function restore(
  criu: Criu,
  { flags }: RestoreRequest,
  restoring: Restoring,
  { images, work, streams, mounts, rootfs }: Source & { readonly images: Fd; readonly work: Fd },
  paths: CgroupPaths,
): CriuResponse {
  const total = bytesOfPages(images);
  using theirImages = readableInside(restoring.spec, images) ?? inMountsOf(criu.child.pid, images);
  using theirWork = inMountsOf(criu.child.pid, work);
  const watch = watchChildren(criu);
  const progress = showProgress("read", () => ({ done: residentBytes(paths, criu.child.pid), of: total }));
  try {
    return askCriu(
      criu,
      {
        kind: "restore",
        options: {
          ...planRestore(
            flags,
            {
              spec: restoring.spec,
              root: rootfs,
              mounts,
              firstFd: FIRST_PASSED,
              streams,
              cgroups: paths.length === 0 ? [] : cgroupsOf(criu.child.pid),
            },
            hostOfCriu(),
          ),
          imagesDirFd: numberToTake(theirImages),
          workDirFd: numberToTake(theirWork),
        },
      },
      {
        notified: (notification) => hear(notification, restoring),
        waiting: {
          everyMs: WATCH_EVERY_MS,
          act: () => {
            progress.waiting?.act();
            watch.act();
          },
        },
      },
    );
  } catch (error) {
    if (watch.hasKilled()) return FAILED;
    throw error;
  } finally {
    progress.end();
  }
}

const WATCH_EVERY_MS = 200;

/** An answer in the place of CRIU's. */
const FAILED: CriuResponse = {
  type: 0,
  success: false,
  restoredPid: undefined,
  notification: undefined,
  features: undefined,
  version: undefined,
  errno: undefined,
  errorMessage: undefined,
};

/** [kernel] The processes are our children and not CRIU's: it does not hear of it when one dies before its time, and waits for ever. We do, and end it. */
function watchChildren({ child: criu }: Criu): { readonly act: () => void; readonly hasKilled: () => boolean } {
  let seen = 0;
  let hasKilled = false;
  return {
    hasKilled: () => hasKilled,
    act: () => {
      seen = children().some((pid) => pid !== criu.pid && procStat(pid)?.state === "Z") ? seen + 1 : 0;
      if (seen < WATCH_PATIENCE || hasKilled) return;
      hasKilled = true;
      pidfd_send_signal(criu.pidfd, SIGKILL);
    },
  };
}

/** How many times in a row one is seen dead: CRIU may be about to say so. */
const WATCH_PATIENCE = 5;

/** [kernel] The file is there with CONFIG_PROC_CHILDREN. */
const children = (): readonly HostPid[] =>
  (readFileIfThere(null, `/proc/self/task/${getpid()}/children`) ?? "")
    .split(" ")
    .flatMap((pid) => (pid === "" ? [] : [hostPid(Number(pid))]));

/** A directory as it is in another mount namespace: [kernel] nothing can be mounted, as CRIU does, on what belongs to one that it is not in. */
const inMountsOf = (pid: HostPid, directory: Fd): Fd =>
  openat(null, `/proc/${pid}/root${readlinkat(null, directory.procPath)}`, O_RDONLY | O_DIRECTORY);

/**
 * The images as they are to root of a user namespace: the processes read them when they are in it already, and nobody but us may otherwise.
 * [kernel] Where the file system has no id-mapped mounts, the directory must be open to them.
 */
function readableInside(spec: Spec, images: Fd): Fd | undefined {
  const [uid, gid] = [spec.linux.uidMappings, spec.linux.gidMappings].map(
    (mappings) => mappings.find(({ containerID }) => containerID === 0)?.hostID ?? 0,
  );
  if (!hasNewNamespace(spec, "user") || uid === 0) return undefined;
  const tree = copyTree(images, "", false, "the image directory");
  const { IdmapNamespaces } = idmap;
  using namespaces = new IdmapNamespaces();
  try {
    idmap.mapTree(tree, imageSource(readlinkat(null, images.procPath), `0 ${uid} 1\n`, `0 ${gid} 1\n`), namespaces);
    return tree;
  } catch (error) {
    tree[Symbol.dispose]();
    if (error instanceof StepError && isErrno(error.cause, EINVAL, ENOSYS, EPERM)) return undefined;
    throw error;
  }
}

const imageSource = (path: string, uids: string, gids: string): SourceOp => ({
  why: "default",
  destination: containerPath("/"),
  path: hostPath(path),
  recursive: false,
  idmap: { kind: "maps", recursive: false, uids, gids },
});

/** Where it is, as /proc says: so CRIU names cgroups. */
const cgroupsOf = (pid: HostPid): readonly { readonly controllers: string; readonly path: string }[] =>
  readFile(null, `/proc/${pid}/cgroup`)
    .split("\n")
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
    });

function residentBytes(paths: CgroupPaths, criu: HostPid): number {
  return processes(paths)
    .filter((pid) => pid !== criu)
    .reduce(
      (sum, pid) => sum + Number((readFileIfThere(null, `/proc/${pid}/statm`) ?? "").split(" ")[1] ?? 0) * 4096,
      0,
    );
}

function hear({ script, pid, fd }: Notification, restoring: Restoring): void {
  switch (script) {
    case "setup-namespaces":
      if (pid !== undefined) setUpNamespaces(hostPid(pid), restoring);
      break;
    case "orphan-pts-master":
      if (fd !== undefined) sendMaster(fd, restoring);
      break;
    case "post-restore":
      step("record state", () => recordInit(restoring));
      break;
  }
}

/** The namespaces are there and init in them, and nothing else yet. */
function setUpNamespaces(pid: HostPid, restoring: Restoring): void {
  const { plan, directory, undo } = restoring;
  const init = { pid, pidfd: pidfd_open(pid) };
  restoring.init = init;
  undoInit(init, undo);
  restoring.record = step("record init", () => recordProcess(directory, restoring.record, pid));
  step("enter resource control group", () => enterGroup(plan.intelRdt, restoring.record.intelRdt, init, undo));
  if (plan.namespaces.loopback !== undefined) {
    step("move network devices", () => moveDevices(plan.netDevices, init, undo));
    step("set up the network namespace", () => setUpNetwork(plan, pid));
  }
  step("run hooks of the runtime", () => {
    runHooks("prestart", plan.hooks.prestart, hookState(plan, "creating", pid));
    runHooks("createRuntime", plan.hooks.createRuntime, hookState(plan, "creating", pid));
  });
}

/** CRIU makes it empty: what init does in it, we do. */
function setUpNetwork(plan: ContainerPlan, pid: HostPid): void {
  using own = openat(null, "/proc/self/ns/net", O_RDONLY);
  using theirs = openat(null, `/proc/${pid}/ns/net`, O_RDONLY);
  setns(theirs, CLONE_NEWNET, `network namespace of process ${pid}`);
  try {
    raiseLoopback(plan.namespaces);
    writeSysctls(plan.sysctls.filter(({ file }) => file.startsWith("net/")));
  } finally {
    setns(own, CLONE_NEWNET, "our own network namespace again");
  }
}

/** The master of init's terminal comes first; those of other processes are nobody's any more. */
function sendMaster(master: Fd, restoring: Restoring): void {
  const { console } = restoring;
  if (console === undefined || restoring.masterSent) return;
  restoring.masterSent = true;
  if (console.to.size !== undefined) setWindowSize(master, console.to.size);
  sendmsg(console.to.socket, utf8("/dev/pts/ptmx"), [master]);
}

/** All is restored and stands still. */
function recordInit(restoring: Restoring): void {
  const { init, record, spec, directory } = restoring;
  if (init === undefined) throw new StateError("CRIU has restored processes and named none of them");
  const isElsewhere = readlinkat(null, `/proc/${init.pid}/ns/time`) !== readlinkat(null, "/proc/self/ns/time");
  restoring.record = {
    ...record,
    created: timestamp(),
    streams: spec.process?.terminal === true ? undefined : streamsOf(init.pid),
    timeNamespace: isElsewhere && !hasNamespace(spec, "time") ? true : undefined,
  };
  writeRecord(directory, restoring.record);
}

/** Where there are no cgroups, what was restored halfway is found as our children. */
function killChildren(): void {
  for (const pid of children()) killAndReap({ pidfd: pidfd_open(pid) });
}
