// Being told when a container runs out of memory, and when it is gone.

import { EINVAL, ENODEV, ENOENT } from "../abi/errno.ts";
import { IN_MODIFY } from "../abi/inotify.ts";
import type { Undo } from "../base/dispose.ts";
import { isErrno } from "../base/errors.ts";
import { eventfd, registerCgroupEvent } from "../sys/eventfd.ts";
import type { Fd } from "../sys/fd.ts";
import { read } from "../sys/file.ts";
import { fileTypeAt } from "../sys/stat.ts";
import { inotify_add_watch, inotify_init, readEvents } from "../sys/inotify.ts";
import { isV2, readText } from "./files.ts";
import type { CgroupPaths } from "./plan.ts";

export type OomWatch = {
  /** Readable when there is something to tell. The owner of `undo` closes it. */
  readonly fd: Fd;
  /** What has happened. `ended`: the container is gone, and nothing more will. */
  readonly hear: () => { readonly oom: boolean; readonly ended: boolean };
};

/** @returns undefined where memory is not accounted and nobody tells of the end either (v1 without its memory controller) */
export function watchOom(paths: CgroupPaths, undo: Undo): OomWatch | undefined {
  const v1 = paths.find(({ controllers }) => controllers.includes("memory"));
  if (v1 !== undefined) return watchV1(v1.path, undo);
  const v2 = paths.find(isV2);
  return v2 === undefined ? undefined : watchV2(v2.path, undo);
}

function watchV1(directory: string, undo: Undo): OomWatch {
  const fd = undo.use("close eventfd", eventfd());
  registerCgroupEvent(directory, "memory.oom_control", fd);
  return {
    fd,
    hear: () => {
      read(fd, new Uint8Array(8));
      const ended = fileTypeAt(null, directory) === undefined;
      return { oom: !ended, ended };
    },
  };
}

/** [kernel] There is no event for the removal of a cgroup: the container has ended when nobody is left in it. */
function watchV2(directory: string, undo: Undo): OomWatch {
  const fd = undo.use("close inotify", inotify_init());
  const [memory, life] = [`${directory}/memory.events`, `${directory}/cgroup.events`];
  inotify_add_watch(fd, life, IN_MODIFY);
  let killed = watchIfThere(fd, memory) ? valueOf(memory, "oom_kill") : undefined;
  return {
    fd,
    hear: () => {
      readEvents(fd);
      const before = killed;
      if (killed !== undefined) killed = valueOf(memory, "oom_kill") ?? killed;
      return {
        oom: before !== undefined && killed !== undefined && killed > before,
        ended: (valueOf(life, "populated") ?? 0) === 0,
      };
    },
  };
}

function watchIfThere(fd: Fd, file: string): boolean {
  try {
    inotify_add_watch(fd, file, IN_MODIFY);
    return true;
  } catch (error) {
    if (isErrno(error, ENOENT, EINVAL)) return false; // the memory controller does not reach here
    throw error;
  }
}

function valueOf(file: string, name: string): number | undefined {
  try {
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(readText(file))?.[1] ?? 0);
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return undefined; // the group is gone
    throw error;
  }
}
