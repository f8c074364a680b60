// tmpcopyup: a fresh tmpfs starts with what the directory under it holds. Rare, so loaded on demand.
// Both trees are walked by descriptor, name by name, without following a symlink.

import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from "../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../abi/stat.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, sendfile } from "../sys/file.ts";
import { mkdirat, mknodat, readdir, readlinkat, symlinkat } from "../sys/directory.ts";
import { fchmod, fchown, fchownat, fstat, fstatat, type Stat } from "../sys/stat.ts";

const CHUNK = 1 << 30;
/** chown(2): leaves the id as it is. */
const UNCHANGED = -1;

/** @param from opened for reading @param to the root of the new file system @param inherit what of the owner it takes over */
export function copyUp(from: Fd, to: Fd, inherit: { readonly uid: boolean; readonly gid: boolean }): void {
  const into = openat(to, ".", O_RDONLY | O_DIRECTORY);
  const { uid, gid } = fstat(from);
  fchown(into, inherit.uid ? uid : UNCHANGED, inherit.gid ? gid : UNCHANGED);
  copyEntries(from, into);
  into[Symbol.dispose]();
}

function copyEntries(from: Fd, to: Fd): void {
  for (const name of readdir(from)) copyEntry(from, to, name, fstatat(from, name, AT_SYMLINK_NOFOLLOW));
}

function copyEntry(from: Fd, to: Fd, name: string, stat: Stat): void {
  const type = stat.mode & S_IFMT;
  const permissions = stat.mode & 0o7777;
  switch (type) {
    case S_IFDIR: {
      mkdirat(to, name, 0o700);
      const source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      const target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      copyEntries(source, target);
      own(target, stat, permissions);
      source[Symbol.dispose]();
      target[Symbol.dispose]();
      return;
    }
    case S_IFREG: {
      const source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      while (sendfile(target, source, CHUNK) > 0);
      own(target, stat, permissions);
      source[Symbol.dispose]();
      target[Symbol.dispose]();
      return;
    }
    case S_IFLNK:
      symlinkat(readlinkat(from, name), to, name);
      return fchownat(to, name, stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW);
    case S_IFSOCK:
      return; // nobody listens there any more
    default:
      mknodat(to, name, stat.mode, stat.rdev);
      return fchownat(to, name, stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW);
  }
}

/** [kernel] A change of owner drops setuid bits: permissions come last. */
function own(fd: Fd, stat: Stat, permissions: number): void {
  fchown(fd, stat.uid, stat.gid);
  fchmod(fd, permissions);
}
