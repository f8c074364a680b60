// Bind mounts from descriptor to descriptor, by what the kernel has: open_tree(2) and move_mount(2) since Linux 5.2; before that mount(2) on
// the links in /proc/self/fd. [cve] CVE-2025-52881: those are of a procfs that was opened while "/" was the host's, and are reached from it
// alone: the container's own /proc plays no part.

import { AT_EMPTY_PATH, AT_RECURSIVE, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../abi/fcntl.ts";
import { ENOSYS } from "../abi/errno.ts";
import { PROC_SUPER_MAGIC } from "../abi/magic.ts";
import {
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
  MS_BIND,
  MS_REC,
  OPEN_TREE_CLONE,
} from "../abi/mount.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import { dup3, duplicate, Fd, type At } from "./fd.ts";
import { openat, readFile } from "./file.ts";
import { fchdir, readlinkat } from "./directory.ts";
import { fstat, fstatfs } from "./stat.ts";
import { mount, move_mount, open_tree } from "./mount.ts";

/** On old kernels: what stands for a copy until it is attached is a descriptor of what shall be copied. */
class Original extends Fd {
  readonly recursive: boolean;

  constructor(fd: Fd, recursive: boolean) {
    super(fd.release());
    this.recursive = recursive;
  }
}

/** /proc/self, while and as soon as it is needed. */
let self: Fd | undefined;

/** For kernels whose mounts are changed by mount(2): to be called while "/proc" is the host's. */
export function holdProc(): void {
  self ??= openProc();
}

function openProc(): Fd {
  const found = openat(null, "/proc/self", O_PATH | O_DIRECTORY);
  if (fstatfs(found).type === PROC_SUPER_MAGIC) return found;
  found[Symbol.dispose]();
  throw new SysError("open_tree", ENOSYS, "and /proc is no procfs");
}

/**
 * A copy of the mount at `path` ("" is `dir` itself) that begins there, attached to nothing yet; the caller closes it.
 * @param recursive with the mounts below it
 */
export function copyTree(dir: At, path: string, recursive: boolean, detail: string = path): Fd {
  try {
    return open_tree(
      dir,
      path,
      OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0) | (path === "" ? AT_EMPTY_PATH : 0),
      detail,
    );
  } catch (error) {
    if (!isErrno(error, ENOSYS)) throw error;
  }
  holdProc();
  return new Original(path === "" && dir !== null ? duplicate(dir) : openat(dir, path, O_PATH), recursive);
}

/**
 * Attaches a copy; the descriptor is of the new mount's root then.
 * @param name "": on what `dir` is open as; otherwise a name in it, links followed
 */
export function attachTree(tree: Fd, dir: At, name: string, detail: string): void {
  if (!(tree instanceof Original)) {
    try {
      return move_mount(
        tree,
        "",
        dir,
        name,
        MOVE_MOUNT_F_EMPTY_PATH | (name === "" ? MOVE_MOUNT_T_EMPTY_PATH : MOVE_MOUNT_T_SYMLINKS),
        detail,
      );
    } catch (error) {
      if (!isErrno(error, ENOSYS)) throw error;
      holdProc();
    }
  }
  const target = name === "" && dir !== null ? duplicate(dir) : openat(dir, name, O_PATH);
  bindOld(tree, target, tree instanceof Original && !tree.recursive ? MS_BIND : MS_BIND | MS_REC, detail);
  target[Symbol.dispose]();
}

function bindOld(tree: Fd, target: Fd, flags: number, detail: string): void {
  fromProc((proc) => {
    mount(`fd/${tree.raw}`, `fd/${target.raw}`, null, flags, null, detail);
    // Where the target is there is the new mount now. Whoever moves it meanwhile makes us find another.
    const found = openat(null, readlinkat(proc, `fd/${target.raw}`), O_PATH | O_NOFOLLOW);
    const [wanted, got] = [fstat(tree), fstat(found)];
    const isNew = ![tree, target].map((fd) => mountId(proc, fd)).includes(mountId(proc, found));
    if (wanted.ino !== got.ino || wanted.dev !== got.dev || !isNew)
      throw new HostError(`${detail} was exchanged while it was mounted on`);
    dup3(found.raw, tree.raw, O_CLOEXEC);
    found[Symbol.dispose]();
  });
}

const mountId = (proc: Fd, fd: Fd): string | undefined =>
  /^mnt_id:\t(\d+)$/m.exec(readFile(proc, `fdinfo/${fd.raw}`, 1024))?.[1];

/** mount(2) with MS_REMOUNT, or a propagation, for the mount whose root is open as `mounted`. */
export function changeMount(mounted: Fd, flags: number, detail: string): void {
  fromProc(() => mount(null, `fd/${mounted.raw}`, null, flags, null, detail));
}

/** [kernel] mount(2) knows no directory to start from but the working directory. */
function fromProc(act: (proc: Fd) => void): void {
  const proc = (self ??= openProc());
  const here = openat(null, ".", O_PATH | O_DIRECTORY);
  fchdir(proc);
  act(proc);
  fchdir(here);
  here[Symbol.dispose]();
}
