// `tsrun checkpoint`: CRIU saves a container's processes as a directory of images, from which `restore` makes them again.

import { O_ACCMODE, O_DIRECTORY, O_PATH, O_RDONLY } from "../abi/fcntl.ts";
import { containerPath, hostPid } from "../base/brand.ts";
import type { Undo } from "../base/dispose.ts";
import { HostError, StateError, StepError } from "../base/errors.ts";
import { clean } from "../base/path.ts";
import { freezerDirectory, frozen, thawCgroup } from "../cgroup/freezer.ts";
import { processes } from "../cgroup/processes.ts";
import { externalMounts, parseMountinfo, type ConfiguredMount } from "../criu/external-mounts.ts";
import { architecture, bytesOfPages, makeImageDirectory, writeCheckpoint, writeDescriptors } from "../criu/images.ts";
import type { CriuResponse } from "../criu/messages.ts";
import { DUMP_LOG, planDump, type Checkpointed, type CheckpointFlags } from "../criu/options-plan.ts";
import { isBind } from "../criu/sources-plan.ts";
import { findCriu, type Notification } from "../criu/swrk.ts";
import { lookUp } from "../rootfs/resolve.ts";
import { hasNewNamespace } from "../spec/namespaces.ts";
import { parseConfig } from "../spec/load.ts";
import type { Spec } from "../spec/types.ts";
import { Fd, openFlags } from "../sys/fd.ts";
import { openat, readFile, readFileIfThere, writeAll } from "../sys/file.ts";
import { fileType, fstatat } from "../sys/stat.ts";
import { geteuid, numberToTake, setpgid } from "../sys/process.ts";
import { S_IFDIR } from "../abi/stat.ts";
import { resetChildSignal } from "../sys/signal.ts";
import { timestamp } from "../sys/time.ts";
import { endGroup, forgetCriu, noteCriu } from "./criu/leftover.ts";
import { showProgress } from "./criu/progress.ts";
import { askCriu, askVersion, endCriu, hostOfCriu, refusal, startCriu, type Criu } from "./criu/session.ts";
import type { Globals } from "./globals.ts";
import { destroy } from "./state/destroy.ts";
import { initAlive, procStat, statusOf, streamsOf } from "./state/status.ts";
import { openContainer, readRecord, type ContainerRecord, type StateDirectory } from "./state/store.ts";
import { step } from "./step.ts";
import { undoOf } from "./undo.ts";
import defer * as explain from "../spec/explain.ts";

export type CheckpointRequest = {
  readonly id: string;
  /** Absolute. */
  readonly imagePath: string;
  /** Absolute; undefined: the image directory. */
  readonly workPath: string | undefined;
  /** CRIU's program; undefined: criu in $PATH. */
  readonly criu: string | undefined;
  /** Is told with a zero byte when lazy pages can be asked for. */
  readonly statusFd: number | undefined;
  readonly flags: CheckpointFlags;
};

/** The container ends with it, unless it shall go on. @throws StateError, HostError, StepError: then it goes on as before */
export function checkpointContainer(globals: Globals, request: CheckpointRequest): void {
  using undo = undoOf(globals);
  const { flags } = request;
  resetChildSignal();
  const directory = openContainer(globals.root, request.id);
  undo.use("close state directory", directory.fd);
  const record = readRecord(directory);
  refuseUnlessRunning(directory, record);
  if (geteuid() !== 0) throw new HostError("CRIU needs root privileges to save a container");
  const status = step("look at --status-fd", () => openStatusFd(request.statusFd, flags.lazyPages));
  const program = step("find CRIU", () => findCriu(request.criu));
  const spec = step("read config.json", () => storedSpec(directory));
  const images = undo.use(
    "close image directory",
    step("open image directory", () => makeImageDirectory(request.imagePath)),
  );
  const work = openWork(request.workPath, images, undo);
  checkParent(images, flags.parentPath);
  const container = step("look at the container", () => examine(record, spec));
  step("look for processes of others", () => warnOfStrangers(globals, record));
  const criu = step("start CRIU", () =>
    startCriu({ program, cgroup: null, ownStreams: false, passed: [], prepare: () => setpgid(0, 0) }, undo),
  );
  noteCriu(directory.fd, criu.child.pid);
  undo.defer("forget CRIU", () => forgetCriu(directory.fd));
  undo.defer("end what CRIU has started", () => endGroup(criu.child.pid));
  const version = step("ask for CRIU's version", () => askVersion(criu));
  step("ask what CRIU can do", () => checkFeatures(criu, flags));
  if (!flags.preDump) {
    step("describe the container", () => {
      writeDescriptors(images, record.streams ?? streamsOf(hostPid(record.pid)));
      writeCheckpoint(images, {
        version: 1,
        id: record.id,
        created: timestamp(),
        architecture: architecture(),
        criu: version,
        terminal: spec.process?.terminal === true,
        externalMounts: container.mounts,
      });
    });
  }
  const log = { directory: work, name: DUMP_LOG, path: request.workPath ?? request.imagePath };
  const response = step("save the container", () =>
    orGoOn(record, () => dump(criu, flags, container, { images, work, status, record })),
  );
  if (!response.success) throw refusal("save the container", response, log, goOn(record));
  endCriu(criu);
  forgetCriu(directory.fd);
  undo.move();
  if (!flags.leaveRunning && !flags.preDump) step("remove container", () => destroy(globals, directory, record));
}

function refuseUnlessRunning(directory: StateDirectory, record: ContainerRecord): void {
  const status = statusOf(directory, record);
  if (status !== "running") throw new StateError(`a container cannot be checkpointed in the ${status} state`);
}

/** As it was at create, which has checked it. */
const storedSpec = (directory: StateDirectory): Spec =>
  parseConfig(readFile(directory.fd, "config.json"), () => explain).spec;

/** @throws HostError in runc's words */
function openStatusFd(number: number | undefined, wanted: boolean): Fd | undefined {
  if (number === undefined || !wanted) return undefined;
  const flags = openFlags(number);
  if (flags === undefined) throw new HostError(`invalid --status-fd argument ${number}: bad file descriptor`);
  if ((flags & O_ACCMODE) === O_RDONLY) throw new HostError(`invalid --status-fd argument ${number}: not writable`);
  return new Fd(number);
}

function openWork(path: string | undefined, images: Fd, undo: Undo): Fd {
  return path === undefined
    ? images
    : undo.use(
        "close work directory",
        step("open work directory", () => makeImageDirectory(path)),
      );
}

/** CRIU's own words for a parent that is not there are hard to understand. */
function checkParent(images: Fd, path: string | undefined): void {
  if (path === undefined) return;
  if (path.startsWith("/")) throw new HostError("--parent-path must be relative");
  try {
    using parent = openat(images, path, O_PATH);
    if (fileType(parent) === S_IFDIR) return;
  } catch (error) {
    throw new StepError("invalid --parent-path", error);
  }
  throw new HostError(`invalid --parent-path: ${path} is not a directory`);
}

function examine(record: ContainerRecord, spec: Spec): Checkpointed {
  const mounts = parseMountinfo(readFile(null, `/proc/${record.pid}/mountinfo`, 32768));
  return {
    spec,
    pid: record.pid,
    rootfs: record.rootfs,
    mounts: externalMounts(mounts, configuredMounts(record, spec), hasNewNamespace(spec, "cgroup")),
    joined: spec.linux.namespaces.flatMap(({ type, path }) =>
      path === undefined ? [] : [{ type, inode: Number(fstatat(null, path).ino) }],
    ),
    freezer: freezerDirectory(record.cgroup ?? []),
  };
}

/** What is mounted where config.json says. A path of the container is looked up in its root. */
function configuredMounts(record: ContainerRecord, spec: Spec): readonly ConfiguredMount[] {
  using root = openat(null, `/proc/${record.pid}/root`, O_PATH | O_DIRECTORY);
  return spec.mounts.flatMap((mount) => {
    const destination = clean(`/${mount.destination}`);
    using found = lookUp(root, containerPath(destination)) ?? null;
    if (found === null) return [];
    const id = /^mnt_id:\s*(\d+)$/m.exec(readFile(null, `/proc/self/fdinfo/${numberToTake(found)}`))?.[1];
    return id === undefined ? [] : [{ id: Number(id), destination, bind: isBind(mount) }];
  });
}

/** [kernel] Who was executed in the container from outside is no child of its init, even when its own parent has ended: CRIU does not find it. */
function warnOfStrangers(globals: Globals, record: ContainerRecord): void {
  const pids = processes(record.cgroup ?? []);
  for (const pid of pids) {
    if (pid === record.pid) continue;
    const parent = procStat(pid)?.parent;
    if (parent !== undefined && !pids.includes(hostPid(parent)))
      globals.warn(
        `process ${pid} was executed in the container from outside and is not saved: only init and its children are`,
      );
  }
}

function checkFeatures(criu: Criu, { preDump, lazyPages }: CheckpointFlags): void {
  if (!preDump && !lazyPages) return;
  const { features } = askCriu(criu, {
    kind: "featureCheck",
    features: { memTrack: preDump, lazyPages },
    keepOpen: true,
  });
  if (preDump && features?.memTrack !== true)
    throw new HostError(
      "--pre-dump needs a kernel that tracks changes of memory (CONFIG_MEM_SOFT_DIRTY), and this one does not",
    );
  if (lazyPages && features?.lazyPages !== true)
    throw new HostError("--lazy-pages needs userfaultfd with its events, and this kernel or CRIU does not have it");
}

type Places = {
  readonly images: Fd;
  readonly work: Fd;
  readonly status: Fd | undefined;
  readonly record: ContainerRecord;
};

function dump(
  criu: Criu,
  flags: CheckpointFlags,
  container: Checkpointed,
  { images, work, status, record }: Places,
): CriuResponse {
  const before = bytesOfPages(images);
  const total = memoryOf(record);
  const progress = showProgress("written", () => ({ done: bytesOfPages(images) - before, of: total() }));
  try {
    return askCriu(
      criu,
      {
        kind: flags.preDump ? "preDump" : "dump",
        options: {
          ...planDump(flags, container, hostOfCriu()),
          imagesDirFd: numberToTake(images),
          workDirFd: numberToTake(work),
        },
      },
      {
        notified: (notification) => tellStatus(notification, status),
        ...(progress.waiting && { waiting: progress.waiting }),
      },
    );
  } finally {
    progress.end();
  }
}

/** Who waits for the lazy pages reads one zero byte. */
function tellStatus({ script }: Notification, status: Fd | undefined): void {
  if (script !== "status-ready" || status === undefined || status.closed) return;
  writeAll(status, new Uint8Array(1), "--status-fd");
  status[Symbol.dispose]();
}

/** How much memory the container's processes have in all: looked at once, when it is needed. */
function memoryOf(record: ContainerRecord): () => number {
  let bytes: number | undefined;
  return () => (bytes ??= processes(record.cgroup ?? []).reduce((sum, pid) => sum + residentBytes(pid), 0));
}

function residentBytes(pid: number): number {
  const text = readFileIfThere(null, `/proc/${pid}/statm`) ?? "";
  return Number(text.split(" ")[1] ?? 0) * 4096;
}

function orGoOn<T>(record: ContainerRecord, act: () => T): T {
  try {
    return act();
  } catch (error) {
    goOn(record);
    throw error;
  }
}

/** CRIU lets the processes go when it fails. Where it was killed they may still be frozen. @returns what has become of them */
function goOn(record: ContainerRecord): string {
  if (!initAlive(record)) return "the container has ended";
  if (record.cgroup !== undefined && frozen(record.cgroup)) thawCgroup(record.cgroup);
  return "the container goes on running";
}
