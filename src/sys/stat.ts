// What a file is, and whose: stat(2) and statfs(2), modes, owners, extended attributes, device numbers. Paths are relative to `dir` (null: the
// working directory).

import {
  SYS_faccessat,
  SYS_faccessat2,
  SYS_fchmod,
  SYS_fchmodat,
  SYS_fchown,
  SYS_fchownat,
  SYS_fsetxattr,
  SYS_fstat,
  SYS_fstatfs,
  SYS_newfstatat,
  SYS_statfs,
} from "../abi/syscall.ts";
import { AT_EACCESS, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../abi/fcntl.ts";
import { S_IFCHR, S_IFMT, stat as statLayout } from "../abi/stat.ts";
import { EACCES, ENOENT, ENOSYS, ENOTDIR } from "../abi/errno.ts";
import { SysError } from "../base/errors.ts";
import { at, type Fd, type At } from "./fd.ts";
import { host } from "./host.ts";
import { syscall } from "./call.ts";
import { Struct, utf8 } from "./memory.ts";

/** The kernel's dev_t encoding of a device number. @see makedev(3) */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** @see fchmodat(2) */
export function fchmodat(dir: At, path: string, mode: number): void {
  syscall("fchmodat", SYS_fchmodat, path, at(dir), path, mode);
}

/** @see fchmod(2) */
export function fchmod(fd: Fd, mode: number): void {
  syscall("fchmod", SYS_fchmod, fd.raw, fd.raw, mode);
}

/** @see fchownat(2) */
export function fchownat(dir: At, path: string, uid: number, gid: number, flags = 0): void {
  syscall("fchownat", SYS_fchownat, path, at(dir), path, uid, gid, flags);
}

/** @see fchown(2) */
export function fchown(fd: Fd | number, uid: number, gid: number): void {
  const raw = typeof fd === "number" ? fd : fd.raw;
  syscall("fchown", SYS_fchown, raw, raw, uid, gid);
}

/** Sets an extended attribute of a file that is open for reading or writing. @throws SysError EOPNOTSUPP the file system has none of that kind @see fsetxattr(2) */
export function fsetxattr(fd: Fd, name: string, value: string, detail: string): void {
  const bytes = utf8(value);
  syscall("fsetxattr", SYS_fsetxattr, `${name} of ${detail}`, fd.raw, name, bytes, bytes.byteLength, 0);
}

/** 0 when the effective user (before Linux 5.8 the real one) may do `mode` (R_OK, W_OK, X_OK) with the file, else the errno. @see faccessat2(2) */
export function accessErrno(path: string, mode: number): number {
  const result = host.syscall(SYS_faccessat2, AT_FDCWD, path, mode, AT_EACCESS);
  return -(result === -ENOSYS ? host.syscall(SYS_faccessat, AT_FDCWD, path, mode) : result);
}

export type Stat = {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** dev_t of a device node; see major and minor. */
  readonly rdev: number;
  readonly size: number;
};

function decodeStat(struct: Struct): Stat {
  return {
    dev: struct.getU64(statLayout.st_dev),
    ino: struct.getU64(statLayout.st_ino),
    mode: struct.getU32(statLayout.st_mode),
    nlink: struct.getU32(statLayout.st_nlink),
    uid: struct.getU32(statLayout.st_uid),
    gid: struct.getU32(statLayout.st_gid),
    rdev: struct.getNumber(statLayout.st_rdev),
    size: struct.getNumber(statLayout.st_size),
  };
}

export const major = (rdev: number): number => (rdev >>> 8) & 0xfff;

export const minor = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);

/** Holds what the last call gave until it is decoded, which each caller does at once. */
const statBuffer = new Struct(statLayout.size);

/** @see fstat(2) */
export function fstat(fd: Fd | number): Stat {
  const raw = typeof fd === "number" ? fd : fd.raw;
  syscall("fstat", SYS_fstat, raw, raw, statBuffer.buffer);
  return decodeStat(statBuffer);
}

/** The file type (S_IF*) behind a descriptor, which may be an O_PATH one: all that many callers need of a stat. @see fstat(2) */
export function fileType(fd: Fd): number {
  syscall("fstat", SYS_fstat, fd.raw, fd.raw, statBuffer.buffer);
  return statBuffer.getU32(statLayout.st_mode) & S_IFMT;
}

/** The file type (S_IF*) of what `path` leads to, or undefined when there is nothing. @see fstatat(2) */
export function fileTypeAt(dir: At, path: string): number | undefined {
  const result = host.syscall(SYS_newfstatat, at(dir), path, statBuffer.buffer, 0);
  if (result === -ENOENT) return undefined;
  if (result < 0) throw new SysError("newfstatat", -result, path);
  return statBuffer.getU32(statLayout.st_mode) & S_IFMT;
}

/** Whether a descriptor is the character device major:minor. @see fstat(2) */
export function isCharacterDevice(fd: Fd | number, major: number, minor: number): boolean {
  const raw = typeof fd === "number" ? fd : fd.raw;
  syscall("fstat", SYS_fstat, raw, raw, statBuffer.buffer);
  return (
    (statBuffer.getU32(statLayout.st_mode) & S_IFMT) === S_IFCHR &&
    statBuffer.getNumber(statLayout.st_rdev) === makedev(major, minor)
  );
}

/** The file type (S_IF*) of what `path` leads to, or the negative errno. */
export function fileTypeOrErrno(path: string): number {
  const result = host.syscall(SYS_newfstatat, AT_FDCWD, path, statBuffer.buffer, 0);
  return result < 0 ? result : statBuffer.getU32(statLayout.st_mode) & S_IFMT;
}

/** Follows a symlink at the end unless `flags` has AT_SYMLINK_NOFOLLOW. @see fstatat(2) */
export function fstatat(dir: At, path: string, flags = 0): Stat {
  syscall("newfstatat", SYS_newfstatat, path, at(dir), path, statBuffer.buffer, flags);
  return decodeStat(statBuffer);
}

/** As fstatat without following, or undefined when there is nothing. */
export function lstatIfThere(dir: At, path: string): Stat | undefined {
  const result = host.syscall(SYS_newfstatat, at(dir), path, statBuffer.buffer, AT_SYMLINK_NOFOLLOW);
  if (result === -ENOENT) return undefined;
  if (result < 0) syscall("newfstatat", SYS_newfstatat, path, at(dir), path, statBuffer.buffer, AT_SYMLINK_NOFOLLOW);
  return decodeStat(statBuffer);
}

export type Statfs = { readonly type: number; readonly flags: number };

const statfsBuffer = new Uint32Array(30);

const decodeStatfs = (): Statfs => ({
  type: statfsBuffer[0] as number,
  flags: (statfsBuffer[20] as number) + (statfsBuffer[21] as number) * 0x1_0000_0000,
});

/** The file system's magic and mount flags (ST_*). @see statfs(2) */
export function statfs(path: string): Statfs {
  syscall("statfs", SYS_statfs, path, path, statfsBuffer);
  return decodeStatfs();
}

/** The file system's magic, or undefined when there is no such path. Cheaper than statfs: nothing is allocated. @see statfs(2) */
export function fileSystemType(path: string): number | undefined {
  const result = host.syscall(SYS_statfs, path, statfsBuffer);
  if (result === -ENOENT || result === -ENOTDIR || result === -EACCES) return undefined;
  if (result < 0) throw new SysError("statfs", -result, path);
  return statfsBuffer[0];
}

/** @see fstatfs(2) */
export function fstatfs(fd: Fd): Statfs {
  syscall("fstatfs", SYS_fstatfs, fd.raw, fd.raw, statfsBuffer);
  return decodeStatfs();
}
