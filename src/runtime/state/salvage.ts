// What is known of a container whose state.json cannot be read: fields that it still has, config.json, cgroups that bear its name. `delete --force` takes
// away what follows from that, and forgets nothing: what it cannot take away, or must not, it says. Loaded on demand.

import { SIGKILL } from "../../abi/signal.ts";
import { SysError, HostError } from "../../base/errors.ts";
import { resolve } from "../../base/path.ts";
import { findGroups } from "../../cgroup/find.ts";
import type { CgroupPaths, SystemdUnit } from "../../cgroup/plan.ts";
import { killCgroup, processes } from "../../cgroup/processes.ts";
import type { Spec } from "../../spec/types.ts";
import { readFile } from "../../sys/file.ts";
import { fstatat, type Stat } from "../../sys/stat.ts";
import { salvageFields } from "./record.ts";
import type { ContainerRecord, StateDirectory } from "./store.ts";
import defer * as configLoader from "../../spec/load.ts";
import defer * as explain from "../../spec/explain.ts";

/**
 * A record to destroy the container by; its processes have been told to end.
 * @throws HostError when there are processes of which nothing says that they are the container's
 */
export function salvage(directory: StateDirectory): ContainerRecord {
  const { id } = directory;
  const known = salvageFields(readable(directory, "state.json") ?? "", id);
  const spec = specOf(readable(directory, "config.json"));
  const bundle = known.bundle ?? "/";
  const rootfs = known.rootfs ?? rootOf(known.bundle, spec);
  const cgroup = known.cgroup ?? groupsOf(id, spec, rootfs);
  killCgroup(cgroup, SIGKILL);
  return {
    ociVersion: known.ociVersion ?? spec?.ociVersion ?? "1.0.0",
    id,
    bundle,
    rootfs: rootfs ?? "",
    annotations: known.annotations ?? spec?.annotations ?? {},
    created: known.created ?? "",
    owner: known.owner ?? 0,
    pid: known.startTime === undefined ? 0 : (known.pid ?? 0), // without the start time the number may be another process's
    startTime: known.startTime ?? "",
    cgroup,
    systemdUnit: known.systemdUnit ?? unitOf(cgroup),
    intelRdt: known.intelRdt,
    keyring: false,
    sharedPid: true, // nobody knows: then the death of init is not taken for that of all
    streams: known.streams,
    timeNamespace: known.timeNamespace,
    poststart: [],
    poststop: known.poststop ?? spec?.hooks.poststop ?? [],
  };
}

function readable(directory: StateDirectory, name: string): string | undefined {
  try {
    return readFile(directory.fd, name, 32768);
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}

function specOf(text: string | undefined): Spec | undefined {
  if (text === undefined) return undefined;
  try {
    return configLoader.parseConfig(text, () => explain).spec;
  } catch {
    return undefined; // damaged as well
  }
}

/** The root file system's directory, where that is known. */
function rootOf(bundle: string | undefined, spec: Spec | undefined): string | undefined {
  const path = spec?.root.path;
  if (path === undefined) return undefined;
  return path.startsWith("/") ? path : bundle && resolve(bundle, path);
}

/** @throws HostError for processes that may be somebody else's */
function groupsOf(id: string, spec: Spec | undefined, rootfs: string | undefined): CgroupPaths {
  const { groups, certain } = findGroups(id, spec?.linux.cgroupsPath);
  const foreign = groups.filter((group) => {
    const pids = processes([group]);
    return !certain && pids.length > 0 && !pids.some((pid) => hasRoot(pid, rootfs));
  });
  if (foreign.length === 0) return groups;
  throw new HostError(
    `state.json of container ${id} is damaged, and nothing says that the processes in ${foreign.map(({ path }) => path).join(", ")} are the container's: end them first`,
  );
}

function hasRoot(pid: number, rootfs: string | undefined): boolean {
  const [own, theirs] = [statOf(rootfs), statOf(`/proc/${pid}/root`)];
  return own !== undefined && own.ino === theirs?.ino && own.dev === theirs.dev;
}

function statOf(path: string | undefined): Stat | undefined {
  try {
    return path === undefined ? undefined : fstatat(null, path);
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}

/** By the last part of the path: scopes are systemd's alone. */
function unitOf(cgroup: CgroupPaths): SystemdUnit | undefined {
  const path = cgroup.find((group) => /\.scope(\/|$)/.test(group.path))?.path;
  const name = path?.split("/").findLast((part) => part.endsWith(".scope"));
  return path === undefined || name === undefined ? undefined : { name, user: /\/user@\d+\.service\//.test(path) };
}
