// `tsrun events`: what a container uses, now or again and again, and when it runs out of memory.

import { POLLIN } from "../abi/poll.ts";
import { stringify } from "../base/json.ts";
import { HostError, StateError, StepError } from "../base/errors.ts";
import { watchOom } from "../cgroup/oom.ts";
import type { CgroupPaths } from "../cgroup/plan.ts";
import { cgroupStats } from "../cgroup/stats.ts";
import { fileTypeAt } from "../sys/stat.ts";
import { poll } from "../sys/poll.ts";
import { monotonicMs, sleepMs } from "../sys/time.ts";
import type { Globals } from "./globals.ts";
import { statusOf } from "./state/status.ts";
import { openContainer, readRecord } from "./state/store.ts";
import { undoOf } from "./undo.ts";

/** What to do with one line of output. */
type Show = (line: string) => void;

/** @throws StateError "container with id ID is not running" when it has stopped */
function findGroups(globals: Globals, id: string): CgroupPaths {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  if (statusOf(directory, record) === "stopped") throw new StateError(`container with id ${id} is not running`);
  if (record.cgroup === undefined || record.cgroup.length === 0)
    throw new HostError("the container has no cgroup: nothing of it is counted");
  return record.cgroup;
}

/** `events --stats`: once. */
export function showStats(globals: Globals, id: string, show: Show): void {
  show(statsEvent(id, findGroups(globals, id)));
}

/** Until the container is gone. @param intervalMs between statistics */
export function showEvents(globals: Globals, id: string, intervalMs: number, show: Show): void {
  const groups = findGroups(globals, id);
  using undo = undoOf(globals);
  const watch = watchOom(groups, undo);
  for (let next = monotonicMs() + intervalMs; ;) {
    const left = Math.max(0, next - monotonicMs());
    if (watch === undefined) {
      sleepMs(left);
      if (!groups.some(({ path }) => fileTypeAt(null, path) !== undefined)) return;
    } else if (poll([{ fd: watch.fd, events: POLLIN }], left)[0] !== 0) {
      const { oom, ended } = watch.hear();
      if (oom) show(JSON.stringify({ type: "oom", id }));
      if (ended) return;
    }
    if (monotonicMs() < next) continue;
    next = Math.max(next + intervalMs, monotonicMs());
    try {
      show(statsEvent(id, groups));
    } catch (error) {
      globals.warn("unable to get container cgroup stats", error); // the container may be going away: the watch tells
    }
  }
}

function statsEvent(id: string, groups: CgroupPaths): string {
  try {
    // runc's: what it knows of resctrl, and of interfaces that only its library makes
    return stringify({ type: "stats", id, data: { ...cgroupStats(groups), intel_rdt: {}, network_interfaces: null } });
  } catch (error) {
    throw new StepError("unable to get container cgroup stats", error);
  }
}
