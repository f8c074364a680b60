// `tsrun mounts`: adds mounts to a container that runs, and removes them. Sources are opened in the host's view; then we join the container's mount
// namespace and root ourselves, and do what init does. Nothing of ours runs in the container, and it has no way to us.

import { CLONE_NEWNS } from "../abi/sched.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../abi/fcntl.ts";
import { MNT_DETACH, UMOUNT_NOFOLLOW } from "../abi/mount.ts";
import { containerPath, hostPath } from "../base/brand.ts";
import { HostError, SpecError, StateError, StepError } from "../base/errors.ts";
import { clean, resolve } from "../base/path.ts";
import { mountFilesystems, openSources } from "../rootfs/mounts.ts";
import { planRootfs, type RootfsPlan } from "../rootfs/plan.ts";
import { makeReadonly } from "../rootfs/readonly.ts";
import { lookUp } from "../rootfs/resolve.ts";
import type { Fd } from "../sys/fd.ts";
import { readDocument } from "../sys/document.ts";
import { openat } from "../sys/file.ts";
import { fchdir, getcwd } from "../sys/directory.ts";
import { chroot, umount2 } from "../sys/mount.ts";
import { setns } from "../sys/process.ts";
import { probeHost } from "./plan/facts.ts";
import type { Globals } from "./globals.ts";
import { hideOwnProgram } from "./process/own-program.ts";
import { initAlive, openInit } from "./state/status.ts";
import { step } from "./step.ts";
import { openContainer, readRecord, type ContainerRecord } from "./state/store.ts";
import defer * as configLoader from "../spec/load.ts";
import defer * as explain from "../spec/explain.ts";

/** @param file JSON: an array of mounts, or an object with one of that name @throws StateError "container not running", StepError */
export function changeMounts(globals: Globals, what: "add" | "remove", id: string, file: string): void {
  const record = step("open container", () => openRunning(globals, id));
  const mounts = step("read mounts", () => readMounts(file));
  if (what === "remove") return remove(globals, record, mounts);
  const plan = step("plan", () => planFor(record, mounts));
  for (const warning of plan.warnings) globals.warn(warning);
  const sources = step("open mount sources", () => openSources(plan));
  const root = step("enter container", () => enter(globals, record));
  step("mount filesystems", () => add(globals, root, plan, sources));
}

function openRunning(globals: Globals, id: string): ContainerRecord {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  using init = openInit(record) ?? null;
  if (init === null) throw new StateError("container not running");
  return record;
}

function readMounts(file: string): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(readDocument(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw new SpecError([{ pointer: "", problem: `not JSON: ${error.message}` }]);
    throw error;
  }
  const mounts: unknown = typeof json === "object" && json !== null && "mounts" in json ? json.mounts : json;
  if (!Array.isArray(mounts)) throw new SpecError([{ pointer: "/mounts", problem: "must be an array" }]);
  return mounts;
}

/** As if config.json held these mounts and nothing else. Every source is opened by us: the container's process never sees the host's tree. */
function planFor(record: ContainerRecord, mounts: readonly unknown[]): RootfsPlan {
  const config = {
    ociVersion: record.ociVersion,
    root: { path: record.rootfs },
    linux: { namespaces: [{ type: "mount" }] },
    mounts,
  };
  const { spec } = configLoader.parseConfig(JSON.stringify(config), () => explain);
  return planRootfs(spec, probeHost(), {
    bundle: hostPath(resolve(getcwd(), record.bundle)),
    noPivot: false,
    cgroupPaths: { mode: "none" },
    openSources: true,
  });
}

/** From here on "/" is the container's root, and our mount namespace its own. @returns the root, to resolve in */
function enter(globals: Globals, record: ContainerRecord): Fd {
  hideOwnProgram((message) => globals.debug?.(message));
  using root = openat(null, `/proc/${record.pid}/root`, O_PATH | O_DIRECTORY);
  using namespace = openat(null, `/proc/${record.pid}/ns/mnt`, O_RDONLY);
  if (!initAlive(record)) throw new StateError("container not running"); // looked at after they were opened: they are its own
  setns(namespace, CLONE_NEWNS, `mount namespace of process ${record.pid}`);
  fchdir(root);
  chroot(".");
  return openat(null, "/", O_PATH | O_DIRECTORY);
}

/** One after the other; when one fails those before it go again. */
function add(globals: Globals, root: Fd, plan: RootfsPlan, sources: readonly Fd[]): void {
  const done: string[] = [];
  try {
    for (const op of [...plan.mountsBeforeCgroup, ...plan.mountsAfter]) {
      mountFilesystems(root, [op], { opened: sources, map: () => undefined }, new Map()); // no source lies in a tree that is being made
      if (op.kind !== "remount") done.unshift(op.destination);
    }
    makeReadonly(plan);
  } catch (error) {
    for (const destination of done) {
      try {
        detach(root, destination);
      } catch (failure) {
        globals.warn(`unmount ${destination}`, failure);
      }
    }
    throw error;
  }
}

function remove(globals: Globals, record: ContainerRecord, mounts: readonly unknown[]): void {
  const destinations = mounts.map((mount, i) => {
    const destination: unknown =
      typeof mount === "object" && mount !== null && "destination" in mount ? mount.destination : undefined;
    if (typeof destination === "string" && destination !== "") return clean(`/${destination}`);
    throw new SpecError([{ pointer: `/mounts/${i}/destination`, problem: "is required" }]);
  });
  const root = step("enter container", () => enter(globals, record));
  step("unmount", () => {
    for (const [i, destination] of destinations.entries()) {
      try {
        detach(root, destination);
      } catch (error) {
        throw new StepError(`unmount ${destination}`, error, `/mounts/${i}`);
      }
    }
  });
}

/** What is mounted at `path`, with all below it. @throws SysError EINVAL: nothing is */
function detach(root: Fd, path: string): void {
  const mounted = lookUp(root, containerPath(path));
  if (mounted === undefined) throw new HostError(`${path} is not there`);
  using closed = mounted;
  fchdir(closed);
  umount2(".", MNT_DETACH | UMOUNT_NOFOLLOW);
}
