// The names in directories: to make, to remove, to list them; and the directory that the process is in. Paths are relative to `dir` (null: the
// working directory).

import { ENOENT } from "../abi/errno.ts";
import {
  SYS_chdir,
  SYS_fchdir,
  SYS_getcwd,
  SYS_getdents64,
  SYS_linkat,
  SYS_mkdirat,
  SYS_mknodat,
  SYS_readlinkat,
  SYS_renameat2,
  SYS_symlinkat,
  SYS_umask,
  SYS_unlinkat,
} from "../abi/syscall.ts";
import { at, type Fd, type At } from "./fd.ts";
import { host } from "./host.ts";
import { isErrno } from "../base/errors.ts";
import { syscall } from "./call.ts";

/** @see mkdirat(2) */
export function mkdirat(dir: At, path: string, mode: number): void {
  syscall("mkdirat", SYS_mkdirat, path, at(dir), path, mode);
}

/** @param dev makedev(major, minor) for devices, 0 for others @see mknodat(2) */
export function mknodat(dir: At, path: string, mode: number, dev: number): void {
  syscall("mknodat", SYS_mknodat, path, at(dir), path, mode, dev);
}

/** @see symlinkat(2) */
export function symlinkat(target: string, dir: At, path: string): void {
  syscall("symlinkat", SYS_symlinkat, `${path} to ${target}`, target, at(dir), path);
}

/** @see linkat(2) */
export function linkat(fromDir: At, from: string, toDir: At, to: string, flags: number): void {
  syscall("linkat", SYS_linkat, `${from} to ${to}`, at(fromDir), from, at(toDir), to, flags);
}

/** @param flags AT_REMOVEDIR for a directory @see unlinkat(2) */
export function unlinkat(dir: At, path: string, flags = 0): void {
  syscall("unlinkat", SYS_unlinkat, path, at(dir), path, flags);
}

/** As unlinkat; a name that is gone is no error. */
export function unlinkIfThere(dir: At, path: string, flags: number): void {
  try {
    unlinkat(dir, path, flags);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error; // another delete was quicker
  }
}

/** @see renameat2(2) */
export function renameat(fromDir: At, from: string, toDir: At, to: string, flags = 0): void {
  syscall("renameat2", SYS_renameat2, `${from} to ${to}`, at(fromDir), from, at(toDir), to, flags);
}

/** @see readlinkat(2) */
export function readlinkat(dir: At, path: string): string {
  for (let size = 256; ; size *= 4) {
    const buffer = new Uint8Array(size);
    const n = syscall("readlinkat", SYS_readlinkat, path, at(dir), path, buffer, size);
    if (n < size) return host.decode(buffer.subarray(0, n));
  }
}

/** Names in a directory without "." and "..", all or those of one kind (DT_*; not every file system knows kinds). @see getdents64(2) */
export function readdir(fd: Fd, kind?: number): string[] {
  const names: string[] = [];
  const buffer = new Uint8Array(16384);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const n = syscall("getdents64", SYS_getdents64, fd.raw, fd.raw, buffer, buffer.byteLength);
    if (n === 0) return names;
    for (let at = 0; at < n;) {
      const length = view.getUint16(at + 16, true);
      const end = buffer.indexOf(0, at + 19);
      const name = host.decode(buffer.subarray(at + 19, end));
      if (name !== "." && name !== ".." && (kind === undefined || buffer[at + 18] === kind)) names.push(name);
      at += length;
    }
  }
}

/** @see chdir(2) */
export function chdir(path: string): void {
  syscall("chdir", SYS_chdir, path, path);
}

/** @see fchdir(2) */
export function fchdir(fd: Fd): void {
  syscall("fchdir", SYS_fchdir, fd.raw, fd.raw);
}

/** The working directory. @throws SysError ENOENT when it was removed or lies outside the root @see getcwd(2) */
export function getcwd(): string {
  const buffer = new Uint8Array(4096);
  const n = syscall("getcwd", SYS_getcwd, "working directory", buffer, buffer.byteLength);
  return host.decode(buffer.subarray(0, n - 1));
}

/** @returns the old mask @see umask(2) */
export function umask(mask: number): number {
  return syscall("umask", SYS_umask, `0${mask.toString(8)}`, mask);
}
