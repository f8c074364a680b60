// The container's file system tree as it will be, seen before it is made: the root file system, covered by the mounts in their order.
// Paths are resolved inside the root by the kernel; nothing is opened for reading but what may be a program.

import { EACCES, ELOOP, ENOENT, ENOSYS, ENOTDIR, EPERM } from "../../abi/errno.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY } from "../../abi/fcntl.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../abi/openat2.ts";
import { S_IFDIR, S_IFMT, S_IFREG } from "../../abi/stat.ts";
import { clean } from "../../base/path.ts";
import type { MountOp, SourceOp } from "../../rootfs/plan.ts";
import type { Fd } from "../../sys/fd.ts";
import { openat2OrErrno, openatOrErrno, readOrErrno } from "../../sys/file.ts";
import { readlinkat } from "../../sys/directory.ts";
import { fstat } from "../../sys/stat.ts";
import { host } from "../../sys/host.ts";

/** What a path of the container leads to. `unknown`: we may not look, or it lies where only the container will know. */
export type Inside =
  | { readonly kind: "there"; readonly mode: number; readonly head: Uint8Array }
  | { readonly kind: "missing"; readonly errno: number }
  | { readonly kind: "unknown" };

export type View = {
  /** @param before only mounts up to this one; all unless told */
  readonly look: (path: string, before?: number) => Inside;
  /** The text of a small file; undefined when it is not there, or not for us. */
  readonly text: (path: string) => string | undefined;
  /** Everything below a mount's destination can be looked at beforehand. */
  readonly knows: (destination: string) => boolean;
};

/** What covers a part of the tree. */
type Cover = {
  readonly destination: string;
  readonly shows:
    /** Nothing yet: a fresh tmpfs, or one of the kernel's own file systems that hold no programs. */
    { readonly kind: "empty" } | { readonly kind: "host"; readonly path: string } | { readonly kind: "unknown" };
};

/** File systems that hold no programs. */
const EMPTY: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "tmpfs",
  "devpts",
  "mqueue",
  "cgroup",
  "cgroup2",
  "bpf",
  "ramfs",
]);
const CANNOT_TELL: ReadonlySet<number> = new Set([EACCES, EPERM, ENOSYS]);
const HEAD_BYTES = 4096;
const MOST_TEXT = 0x100000;

/** @param root the root file system, open; the caller closes it @param ops every mount, in order */
export function viewOf(root: Fd, ops: readonly MountOp[], sources: readonly SourceOp[]): View {
  const covers = ops.map((op) => coverOf(op, sources));
  const coverAbove = (path: string, before: number): Cover | undefined =>
    covers.slice(0, before).findLast((cover) => cover !== undefined && isWithin(path, cover.destination));
  const open = (path: string, before: number, links = 0): Fd | number | undefined => {
    if (links > 8) return ELOOP;
    const cover = coverAbove(path, before);
    if (cover === undefined) {
      const file = openat2OrErrno(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
      if (typeof file === "number") return file;
      const real = insideOf(root, file);
      if (real === undefined || real === path || coverAbove(real, before) === undefined) return file;
      file[Symbol.dispose]();
      return open(real, before, links + 1); // a link of the image leads to where something is mounted
    }
    const rest = path.slice(cover.destination === "/" ? 0 : cover.destination.length);
    switch (cover.shows.kind) {
      case "unknown":
        return undefined;
      case "empty":
        return rest === "" ? undefined : ENOENT;
      case "host": {
        const base = openatOrErrno(null, cover.shows.path, O_PATH);
        if (typeof base === "number" || rest === "") return base;
        using directory = base;
        if ((fstat(directory).mode & S_IFMT) !== S_IFDIR) return ENOTDIR;
        return openat2OrErrno(directory, rest, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
      }
    }
  };
  const look = (path: string, before: number = covers.length): Inside => {
    const at = clean(path);
    const file = open(at, before);
    if (file === undefined) {
      // Every mount of a file system is a directory.
      const cover = coverAbove(at, before);
      return cover?.destination === at && cover.shows.kind === "empty"
        ? { kind: "there", mode: S_IFDIR | 0o755, head: new Uint8Array(0) }
        : { kind: "unknown" };
    }
    if (typeof file === "number") return CANNOT_TELL.has(file) ? { kind: "unknown" } : { kind: "missing", errno: file };
    using closed = file;
    const { mode } = fstat(closed);
    return { kind: "there", mode, head: (mode & S_IFMT) === S_IFREG ? headOf(closed, HEAD_BYTES) : new Uint8Array(0) };
  };
  return {
    look,
    text: (path) => {
      const file = open(clean(path), covers.length);
      if (file === undefined || typeof file === "number") return undefined;
      using closed = file;
      const { mode, size } = fstat(closed);
      return (mode & S_IFMT) === S_IFREG && size <= MOST_TEXT ? host.decode(headOf(closed, size + 1)) : undefined;
    },
    knows: (destination) => covers.find((cover) => cover?.destination === clean(destination))?.shows.kind !== "unknown",
  };
}

function coverOf(op: MountOp, sources: readonly SourceOp[]): Cover | undefined {
  const { destination } = op;
  switch (op.kind) {
    case "remount":
      return undefined;
    case "bind": {
      const path = op.source.kind === "opened" ? sources[op.source.index]?.path : op.source.path;
      return { destination, shows: path === undefined ? { kind: "unknown" } : { kind: "host", path } };
    }
    case "filesystem":
      return { destination, shows: { kind: EMPTY.has(op.type) && !op.copyUp ? "empty" : "unknown" } };
    case "cgroup1":
    case "cgroup2":
    case "sysfs":
      return { destination, shows: { kind: "empty" } };
  }
}

const isWithin = (path: string, above: string): boolean =>
  path === above || above === "/" || path.startsWith(`${above}/`);

/** The path in the container of what was opened below its root; undefined when /proc does not tell. */
function insideOf(root: Fd, file: Fd): string | undefined {
  try {
    const [above, path] = [readlinkat(null, root.procPath), readlinkat(null, file.procPath)];
    return path === above ? "/" : path.startsWith(`${above}/`) ? path.slice(above.length) : undefined;
  } catch {
    return undefined;
  }
}

function headOf(path: Fd, bytes: number): Uint8Array {
  const file = openatOrErrno(null, path.procPath, O_RDONLY | O_NONBLOCK);
  if (typeof file === "number") return new Uint8Array(0);
  using closed = file;
  const buffer = new Uint8Array(bytes);
  const n = readOrErrno(closed, buffer);
  return n > 0 ? buffer.subarray(0, n) : new Uint8Array(0);
}

/** The root file system, open as a path; or why not. */
export function openRoot(rootfs: string): Fd | number {
  return openatOrErrno(null, rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}
