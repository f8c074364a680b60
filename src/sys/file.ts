// Open files: opening, reading, writing, closing. One function a call. directory.ts has the names in directories, stat.ts what a file is and
// whose. Paths are relative to `dir` (null: the working directory). Everything is opened close-on-exec; passing a descriptor on is an explicit
// act (fd.ts).

import {
  SYS_close,
  SYS_close_range,
  SYS_flock,
  SYS_fsync,
  SYS_ftruncate,
  SYS_ioctl,
  SYS_lseek,
  SYS_memfd_create,
  SYS_openat,
  SYS_openat2,
  SYS_pipe2,
  SYS_read,
  SYS_sendfile,
  SYS_unlinkat,
  SYS_write,
} from "../abi/syscall.ts";
import { O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { open_how } from "../abi/openat2.ts";
import { EEXIST, EINTR, ENOENT, ENOSYS, EPERM } from "../abi/errno.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import { at, descriptorsEnd, Fd, type At } from "./fd.ts";
import { host, type Memory } from "./host.ts";
import { syscall, type Detail } from "./call.ts";
import { Struct, utf8 } from "./memory.ts";
import { unlinkat } from "./directory.ts";

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
    const end = descriptorsEnd();
    for (let fd = first; fd <= last && fd < end; fd++) host.syscall(SYS_close, fd);
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
