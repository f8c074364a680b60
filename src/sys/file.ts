// Files and directories: one thin function a call. Paths are relative to `dir` (null: the working directory).
// Everything is opened close-on-exec; passing a descriptor on is an explicit act (fd.ts).

import {
  SYS_chdir,
  SYS_close,
  SYS_close_range,
  SYS_faccessat,
  SYS_faccessat2,
  SYS_fchdir,
  SYS_fchmod,
  SYS_fchmodat,
  SYS_fchown,
  SYS_fchownat,
  SYS_flock,
  SYS_fsetxattr,
  SYS_fstat,
  SYS_fstatfs,
  SYS_fsync,
  SYS_ftruncate,
  SYS_getcwd,
  SYS_getdents64,
  SYS_ioctl,
  SYS_linkat,
  SYS_lseek,
  SYS_memfd_create,
  SYS_mkdirat,
  SYS_mknodat,
  SYS_newfstatat,
  SYS_openat,
  SYS_openat2,
  SYS_pipe2,
  SYS_read,
  SYS_readlinkat,
  SYS_renameat2,
  SYS_sendfile,
  SYS_statfs,
  SYS_symlinkat,
  SYS_umask,
  SYS_unlinkat,
  SYS_write,
} from "../abi/syscall.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
} from "../abi/fcntl.ts";
import { open_how } from "../abi/openat2.ts";
import { S_IFCHR, S_IFMT, stat as statLayout } from "../abi/stat.ts";
import { EACCES, EEXIST, EINTR, ENOENT, ENOSYS, ENOTDIR, EPERM } from "../abi/errno.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import { at, Fd, type At } from "./fd.ts";
import { host, type Memory } from "./host.ts";
import { syscall, type Detail } from "./call.ts";
import { Struct, utf8 } from "./memory.ts";

/** Opens a file; the caller closes it. O_CLOEXEC is added. @see openat(2) */
export function openat(dir: At, path: string, flags: number, mode = 0): Fd {
  return new Fd(syscall("openat", SYS_openat, path, at(dir), path, flags | O_CLOEXEC, mode));
}

/**
 * Opens a file with a rule for how the path is resolved; the caller closes it. O_CLOEXEC is added.
 * @param resolve RESOLVE_* flags
 * @throws SysError ENOSYS before Linux 5.6, EXDEV when resolution would leave the root, EAGAIN when a rename raced it
 * @see openat2(2)
 */
export function openat2(dir: At, path: string, flags: number, mode: number, resolve: number): Fd {
  const result = openat2OrErrno(dir, path, flags, mode, resolve);
  if (typeof result === "number") throw new SysError("openat2", result, path);
  return result;
}

const how = new Struct(open_how.size);

/** As openat2, for callers to whom a refusal is an answer: gives the errno, a positive number, where openat2 throws. */
export function openat2OrErrno(dir: At, path: string, flags: number, mode: number, resolve: number): Fd | number {
  how
    .u64(open_how.flags, flags | O_CLOEXEC)
    .u64(open_how.mode, mode)
    .u64(open_how.resolve, resolve);
  let result = host.syscall(SYS_openat2, at(dir), path, how.buffer, open_how.size);
  while (result === -EINTR) result = host.syscall(SYS_openat2, at(dir), path, how.buffer, open_how.size);
  return result < 0 ? -result : new Fd(result);
}

/** As openat, for callers to whom a refusal is an answer: gives the errno, a positive number, where openat throws. */
export function openatOrErrno(dir: At, path: string, flags: number, mode = 0): Fd | number {
  let result = host.syscall(SYS_openat, at(dir), path, flags | O_CLOEXEC, mode);
  while (result === -EINTR) result = host.syscall(SYS_openat, at(dir), path, flags | O_CLOEXEC, mode);
  return result < 0 ? -result : new Fd(result);
}

/** Reads up to the buffer's length; 0 at the end. @see read(2) */
export function read(fd: Fd, buffer: Uint8Array): number {
  return syscall("read", SYS_read, fd.raw, fd.raw, buffer, buffer.byteLength);
}

/** As read, for callers to whom a refusal is an answer: gives the negative errno where read throws. */
export function readOrErrno(fd: Fd, buffer: Uint8Array): number {
  return host.syscall(SYS_read, fd.raw, buffer, buffer.byteLength);
}

/** One write of what there is room for; the number of bytes, or the negative errno. @see write(2) */
export function writeOrErrno(fd: Fd, bytes: Uint8Array): number {
  return host.syscall(SYS_write, fd.raw, bytes, bytes.byteLength);
}

/** Writes everything. @throws HostError when nothing is taken, although nothing is said against it @see write(2) */
export function writeAll(fd: Fd | number, bytes: Uint8Array, detail?: Detail): void {
  const raw = typeof fd === "number" ? fd : fd.raw;
  for (let done = 0; done < bytes.byteLength;) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    const taken = syscall("write", SYS_write, detail ?? raw, raw, rest, rest.byteLength);
    if (taken === 0) throw new HostError(`descriptor ${raw} has taken only ${done} of ${bytes.byteLength} bytes`);
    done += taken;
  }
}

/** Reads to the end of the file. */
export function readAll(fd: Fd, sizeHint = 8192): Uint8Array {
  let buffer = new Uint8Array(sizeHint);
  let length = 0;
  for (;;) {
    if (length === buffer.byteLength) {
      const larger = new Uint8Array(buffer.byteLength * 4);
      larger.set(buffer);
      buffer = larger;
    }
    const n = syscall(
      "read",
      SYS_read,
      fd.raw,
      fd.raw,
      length === 0 ? buffer : buffer.subarray(length),
      buffer.byteLength - length,
    );
    if (n === 0) return buffer.subarray(0, length);
    length += n;
  }
}

/** The whole file as text. */
export function readFile(dir: At, path: string, sizeHint = 8192): string {
  const fd = openat(dir, path, O_RDONLY);
  try {
    return host.decode(readAll(fd, sizeHint));
  } finally {
    fd[Symbol.dispose](); // what `using` is compiled to takes ten times as long, and a start reads a dozen files
  }
}

/** The whole file as text, or undefined when there is none. */
export function readFileIfThere(dir: At, path: string): string | undefined {
  try {
    return readFile(dir, path);
  } catch (error) {
    if (isErrno(error, ENOENT)) return undefined; // absence is the answer
    throw error;
  }
}

/**
 * Writes `text` into a file of the kernel's in one write(2): there a second one would be another value.
 * @throws HostError when the kernel has taken a part of it
 */
export function writeFile(dir: At, path: string, flags: number, text: string): void {
  // Without an Fd between: a container start writes dozens of such files.
  const raw = syscall("openat", SYS_openat, path, at(dir), path, flags | O_CLOEXEC);
  const bytes = host.encode(text);
  const length = bytes.byteLength - 1; // without the NUL
  let result = host.syscall(SYS_write, raw, bytes, length);
  while (result === -EINTR) result = host.syscall(SYS_write, raw, bytes, length);
  host.syscall(SYS_close, raw);
  if (result < 0) throw new SysError("write", -result, `${JSON.stringify(text)} to ${path}`);
  if (result < length) throw new HostError(`${path} has taken only ${result} of ${length} bytes`);
}

/**
 * Makes a regular file with `text` in it, whole: when that fails there is none. No error shows `text`, which may hold secrets.
 * @throws SysError EEXIST when there is something of that name, a link too; ENOSPC, EDQUOT, EFBIG when it does not fit
 */
export function createFile(dir: At, path: string, text: string, mode: number): void {
  const raw = syscall("openat", SYS_openat, path, at(dir), path, NEW_FILE, mode);
  try {
    writeAll(raw, utf8(text), path);
  } catch (error) {
    host.syscall(SYS_close, raw);
    host.syscall(SYS_unlinkat, at(dir), path, 0);
    throw error;
  }
  const closed = host.syscall(SYS_close, raw); // [kernel] Some file systems say only now that there is no room.
  if (closed === 0) return;
  host.syscall(SYS_unlinkat, at(dir), path, 0);
  throw new SysError("close", -closed, path);
}

const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

/** As createFile, in the place of whatever has the name: a temporary file that a killed process has left, or a link that somebody has put there. */
export function createFileAnew(dir: At, path: string, text: string, mode: number): void {
  try {
    return createFile(dir, path, text, mode);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
  }
  unlinkat(dir, path);
  createFile(dir, path, text, mode);
}

/** @see mkdirat(2) */
export function mkdirat(dir: At, path: string, mode: number): void {
  syscall("mkdirat", SYS_mkdirat, path, at(dir), path, mode);
}

/** @param dev makedev(major, minor) for devices, 0 for others @see mknodat(2) */
export function mknodat(dir: At, path: string, mode: number, dev: number): void {
  syscall("mknodat", SYS_mknodat, path, at(dir), path, mode, dev);
}

/** The kernel's dev_t encoding of a device number. @see makedev(3) */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
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

/** @see ftruncate(2) */
export function ftruncate(fd: Fd, length: number): void {
  syscall("ftruncate", SYS_ftruncate, fd.raw, fd.raw, length);
}

/** @see lseek(2) */
export function lseek(fd: Fd, offset: number, whence: number): number {
  return syscall("lseek", SYS_lseek, fd.raw, fd.raw, offset, whence);
}

/** Waits until the file's content is on the disk. @see fsync(2) */
export function fsync(fd: Fd): void {
  syscall("fsync", SYS_fsync, fd.raw, fd.raw);
}

/** Copies up to `count` bytes from `from`'s offset to `to`; the number copied. @see sendfile(2) */
export function sendfile(to: Fd, from: Fd, count: number): number {
  return syscall("sendfile", SYS_sendfile, `descriptor ${from.raw} to ${to.raw}`, to.raw, from.raw, null, count);
}

/** An anonymous file; the caller closes it. @see memfd_create(2) */
export function memfd_create(name: string, flags: number): Fd {
  return new Fd(syscall("memfd_create", SYS_memfd_create, name, name, flags));
}

/** Both ends close-on-exec; the caller closes them. @see pipe2(2) */
export function pipe(flags = 0): { readonly read: Fd; readonly write: Fd } {
  const ends = new Int32Array(2);
  syscall("pipe2", SYS_pipe2, "", ends, O_CLOEXEC | flags);
  return { read: new Fd(ends[0] as number), write: new Fd(ends[1] as number) };
}

/** Closes, or marks close-on-exec, every descriptor from `first` on. @throws SysError ENOSYS before 5.9, EINVAL for the flag before 5.11 @see close_range(2) */
export function close_range(first: number, last: number, flags: number): void {
  syscall("close_range", SYS_close_range, `${first} to ${last}`, first, last, flags);
}

/** Closes every descriptor from `first` on but those in `kept`. */
export function closeAllBut(first: number, kept: readonly Fd[]): void {
  let from = first;
  for (const raw of kept.map((fd) => fd.raw).sort((a, b) => a - b)) {
    if (raw > from) closeBetween(from, raw - 1);
    from = Math.max(from, raw + 1);
  }
  closeBetween(from, 0xffff_ffff);
}

/** [kernel] close_range(2) is younger than some seccomp profiles, which refuse it to an init that is subject to them already. */
function closeBetween(first: number, last: number): void {
  try {
    close_range(first, last, 0);
  } catch (error) {
    if (!isErrno(error, ENOSYS, EPERM)) throw error;
    for (let fd = first; fd <= Math.min(last, 65535); fd++) host.syscall(SYS_close, fd);
  }
}

/** As flock(2): of a lock that lasts until the last process that has inherited the descriptor closes it. Gives the errno, 0 when it is held. */
export function flockOrErrno(fd: Fd, operation: number): number {
  let result = host.syscall(SYS_flock, fd.raw, operation);
  while (result === -EINTR) result = host.syscall(SYS_flock, fd.raw, operation);
  return -result;
}

/** @see ioctl(2) */
export function ioctl(fd: Fd | number, name: string, request: number, argument: number | Memory | null): number {
  const raw = typeof fd === "number" ? fd : fd.raw;
  return syscall("ioctl", SYS_ioctl, `${name} descriptor ${raw}`, raw, request, argument);
}

/** The descriptor's file again, with other access rights; through /proc, which must be the real one. */
export function reopen(fd: Fd, flags: number): Fd {
  return openat(null, fd.procPath, flags);
}

export { AT_EMPTY_PATH };
