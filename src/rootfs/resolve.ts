// The only place that turns a path in the container into a descriptor. The image's author and everybody who can write to a shared volume
// choose what lies on the way, also while we look: a path is resolved once, within the root, and used through what it gave.
// [cve] CVE-2021-30465, CVE-2024-45310: no part of it is ever joined to a path of the host.

import { EAGAIN, EEXIST, EINVAL, ELOOP, ENOENT, ENOSYS, ENOTDIR } from "../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY } from "../abi/fcntl.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS } from "../abi/openat2.ts";
import { S_IFDIR } from "../abi/stat.ts";
import { containerPath, type ContainerPath } from "../base/brand.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, openat2OrErrno, openatOrErrno } from "../sys/file.ts";
import { mkdirat, readlinkat } from "../sys/directory.ts";
import { fileType } from "../sys/stat.ts";

const MAX_LINKS = 40;
/** [kernel] EAGAIN: something was renamed on the way, so that ".." could not be proved to stay inside. */
const MAX_TRIES = 64;

/** What is at `path`, symlinks followed within `root` (null: within our own root); undefined when there is nothing. The caller closes it. */
export function lookUp(root: Fd | null, path: ContainerPath): Fd | undefined {
  const found = open(root, path, O_PATH, 0);
  if (typeof found !== "number") return found;
  if (found === ENOENT) return undefined;
  if (found !== ENOSYS) throw new SysError("openat2", found, path);
  if (root !== null) return walk(root, path, undefined)?.fd;
  const own = openat(null, "/", O_PATH | O_DIRECTORY);
  const walked = walk(own, path, undefined)?.fd;
  own[Symbol.dispose]();
  return walked;
}

/**
 * What is mounted topmost on the directory that is open as `target`, or that directory; whatever name it has by now. The caller closes it.
 * [kernel] The root's ".." is the root again, and what is mounted there. Undefined where openat2 is missing, before Linux 5.6.
 */
export function topmost(target: Fd): Fd | undefined {
  const found = open(target, containerPath(".."), O_PATH | O_DIRECTORY, 0);
  if (typeof found !== "number") return found;
  if (found !== ENOSYS) throw new SysError("openat2", found, "..");
  return undefined;
}

export type Target = {
  readonly fd: Fd;
  /** False when it was made for the mount. */
  readonly existed: boolean;
  /** Where it really is: `path` with no symlink in it. */
  readonly path: string;
};

/**
 * What to mount on; made, with every directory above it, where it is missing. The caller closes it.
 * @param like the target is made of this one's kind, a directory or a file; null: a directory
 * @param missing it is not there, as far as anybody knows: saves looking
 */
export function openTarget(root: Fd, path: ContainerPath, like: Fd | null, missing: boolean): Target {
  const found = missing ? ENOENT : open(root, path, O_PATH, RESOLVE_NO_SYMLINKS);
  if (typeof found !== "number") return { fd: found, existed: true, path };
  if (found !== ENOENT && found !== ELOOP && found !== ENOSYS) throw new SysError("openat2", found, path);
  return walk(root, path, like === null || fileType(like) === S_IFDIR ? "directory" : "file");
}

/** As openTarget, for file systems that must not be led elsewhere: a symlink at the end of the path, or a file, is refused. */
export function openPlainDirectory(root: Fd, path: ContainerPath, type: string): Target {
  const found = open(root, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (typeof found !== "number") return { fd: found, existed: true, path };
  if (found !== ENOENT && found !== ELOOP && found !== ENOSYS && found !== ENOTDIR)
    throw new SysError("openat2", found, path);
  return walk(root, path, "directory", `filesystem "${type}" must be mounted on ordinary directory`);
}

/** The directory at `path`, made where it is missing. The caller closes it. */
export function openDirectory(root: Fd, path: ContainerPath): Fd {
  const found = open(root, path, O_PATH | O_DIRECTORY, 0);
  if (typeof found !== "number") return found;
  if (found !== ENOENT && found !== ENOSYS) throw new SysError("openat2", found, path);
  return walk(root, path, "directory").fd;
}

function open(root: Fd | null, path: ContainerPath, flags: number, resolve: number): Fd | number {
  const how = resolve | RESOLVE_NO_MAGICLINKS | (root === null ? 0 : RESOLVE_IN_ROOT);
  let found = openat2OrErrno(root, path, flags, 0, how);
  for (let tries = 1; found === EAGAIN && tries < MAX_TRIES; tries++) found = openat2OrErrno(root, path, flags, 0, how);
  return found;
}

/**
 * Follows `path` name by name, with a descriptor for each directory on the way: ".." goes back to the one before, a symlink's text is
 * walked in its place, and what is missing (behind a dangling symlink too) is made.
 * @param make what the path's end is made as; undefined: nothing is made, and undefined returned when something is missing
 * @param plain the refusal of an end that is not itself a directory
 */
function walk(root: Fd, path: ContainerPath, make: "directory" | "file", plain?: string): Target;
function walk(root: Fd, path: ContainerPath, make: undefined): Target | undefined;
function walk(
  root: Fd,
  path: ContainerPath,
  make: "directory" | "file" | undefined,
  plain?: string,
): Target | undefined {
  const names: string[] = [];
  const fds: Fd[] = [];
  const ahead = path.split("/").filter(isStep).reverse();
  let links = 0;
  let existed = true;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === "..") {
      fds.pop()?.[Symbol.dispose]();
      names.pop();
      continue;
    }
    const directory = fds.at(-1) ?? root;
    const last = ahead.length === 0;
    if (last && make !== undefined && makeEntry(directory, name, make)) existed = false; // what is made is most often missing: no look before
    let next = openatOrErrno(directory, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
    if (next === ENOENT) {
      if (make === undefined) {
        for (const fd of fds) fd[Symbol.dispose]();
        return undefined;
      }
      makeEntry(directory, name, "directory");
      next = openatOrErrno(directory, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
    }
    if (next === ENOTDIR) {
      if (plain !== undefined && last) throw new HostError(plain);
      const text = linkText(directory, name);
      if (text !== undefined) {
        if (++links > MAX_LINKS) throw new SysError("openat", ELOOP, path);
        if (text.startsWith("/")) {
          for (const fd of fds.splice(0)) fd[Symbol.dispose]();
          names.length = 0;
        }
        ahead.push(...text.split("/").filter(isStep).reverse());
        continue;
      }
      if (last) next = openatOrErrno(directory, name, O_PATH | O_NOFOLLOW);
    }
    if (typeof next === "number") throw new SysError("openat", next, path);
    fds.push(next);
    names.push(name);
  }
  const fd = fds.pop() ?? openat(root, ".", O_PATH);
  for (const above of fds) above[Symbol.dispose]();
  return { fd, existed, path: `/${names.join("/")}` };
}

const isStep = (name: string): boolean => name !== "" && name !== ".";

/** False when something has that name already: whatever it is gets looked at like any other. */
function makeEntry(directory: Fd, name: string, kind: "directory" | "file"): boolean {
  try {
    if (kind === "directory") mkdirat(directory, name, 0o755);
    else openat(directory, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644)[Symbol.dispose]();
    return true;
  } catch (error) {
    if (isErrno(error, EEXIST)) return false;
    throw error;
  }
}

/** What the symlink says, or undefined when it is none. Magic links of /proc give their text here, and that is looked for within the root. */
function linkText(directory: Fd, name: string): string | undefined {
  try {
    return readlinkat(directory, name);
  } catch (error) {
    if (isErrno(error, EINVAL)) return undefined; // readlink(2): no symlink
    throw error;
  }
}
