// Walking a tree of directories of the kernel's, such as cgroups, whoever makes them: names are bytes, paths may be longer than PATH_MAX, and a level
// more costs no descriptor more. From directory to directory by name, and back by "..", which the kernel keeps true in its own file systems.

import { DT_DIR } from "../abi/dirent.ts";
import { ENODEV, ENOENT } from "../abi/errno.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../abi/fcntl.ts";
import { isErrno, SysError } from "../base/errors.ts";
import type { Fd } from "./fd.ts";
import { openat, openatOrErrno } from "./file.ts";
import { readdir } from "./directory.ts";

export type Visit = {
  /** Each directory before those in it. @param names the way to it from the top, which has none */
  readonly before?: (directory: Fd, names: readonly string[]) => void;
  /** Each directory but the top, after those in it. */
  readonly after?: (above: Fd, name: string) => void;
};

/** What is removed meanwhile is passed over. @param top is closed */
export function walkDirectories(top: Fd, { before, after }: Visit): void {
  let here = top;
  try {
    const names: string[] = [];
    before?.(here, names);
    for (const pending = [directoriesIn(here)]; ;) {
      const name = pending.at(-1)?.pop();
      const next = name === undefined ? undefined : openatOrErrno(here, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (typeof next === "number") {
        if (next !== ENOENT && next !== ENODEV) throw new SysError("openat", next, name ?? "");
      } else if (next !== undefined && name !== undefined) {
        here[Symbol.dispose]();
        here = next;
        names.push(name);
        before?.(here, names);
        pending.push(directoriesIn(here));
      } else {
        pending.pop();
        const left = names.pop();
        if (left === undefined) return;
        const above = openat(here, "..", O_RDONLY | O_DIRECTORY);
        here[Symbol.dispose]();
        here = above;
        after?.(here, left);
      }
    }
  } finally {
    here[Symbol.dispose]();
  }
}

function directoriesIn(directory: Fd): string[] {
  try {
    return readdir(directory, DT_DIR);
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV)) return [];
    throw error;
  }
}
