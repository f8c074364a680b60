// Files whose owner we do not trust, or who may have named the wrong one: an image's /etc/passwd, a document on the command line. Opened without
// waiting, looked at before they are read, and read up to a limit.

import { EAGAIN, EISDIR } from "../abi/errno.ts";
import { O_NOCTTY, O_NONBLOCK, O_RDONLY } from "../abi/fcntl.ts";
import { POLLIN } from "../abi/poll.ts";
import { S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, stat as statLayout } from "../abi/stat.ts";
import { SYS_fstat } from "../abi/syscall.ts";
import { HostError, SysError } from "../base/errors.ts";
import { syscall } from "./call.ts";
import { Fd } from "./fd.ts";
import { openat, read, readOrErrno } from "./file.ts";
import { host } from "./host.ts";
import { Struct } from "./memory.ts";
import { poll } from "./poll.ts";

/** More than any config.json that engines write. */
const MOST_DOCUMENT_BYTES = 16 << 20;
/** More than any passwd that people keep. */
const MOST_IMAGE_BYTES = 4 << 20;
/** How long the writer of a fifo may say nothing. */
const PATIENCE_MS = 10_000;

const FIRST_BUFFER_BYTES = 16384;

const statBuffer = new Struct(statLayout.size);

/**
 * The text of a JSON document: of a regular file, or of a pipe, as shells make them for `<(command)`.
 * @throws HostError for a device or a socket, for more than MOST_DOCUMENT_BYTES, for a fifo that stays silent; SysError as open(2), read(2)
 */
export function readDocument(path: string): string {
  const fd = openat(null, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const { type, size } = look(fd);
    if (type === S_IFDIR) throw new SysError("read", EISDIR, path);
    if (type !== S_IFREG && type !== S_IFIFO) throw new HostError(`${path} is not a regular file`);
    return jsonText(
      type === S_IFREG
        ? readRegular(fd, size, path, MOST_DOCUMENT_BYTES)
        : collect(path, MOST_DOCUMENT_BYTES, (buffer) => pull(fd, buffer, path)),
    );
  } finally {
    fd[Symbol.dispose]();
  }
}

/** As readDocument, from our standard input, whatever that is. */
export function readStandardInput(): string {
  const input = new Fd(0);
  return jsonText(collect("standard input", MOST_DOCUMENT_BYTES, (buffer) => read(input, buffer)));
}

/**
 * The text of a file below the container's root, which is "/" to us; undefined where it is no regular file.
 * @throws HostError when it is larger than MOST_IMAGE_BYTES; SysError as open(2), read(2)
 */
export function readIfRegular(path: string): string | undefined {
  const fd = openat(null, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const { type, size } = look(fd);
    return type === S_IFREG ? host.decode(readRegular(fd, size, path, MOST_IMAGE_BYTES)) : undefined;
  } finally {
    fd[Symbol.dispose]();
  }
}

function look(fd: Fd): { readonly type: number; readonly size: number } {
  syscall("fstat", SYS_fstat, fd.raw, fd.raw, statBuffer.buffer);
  return { type: statBuffer.getU32(statLayout.st_mode) & S_IFMT, size: statBuffer.getNumber(statLayout.st_size) };
}

/** What is appended while we read does not count. [kernel] Files of procfs say that they are empty. */
function readRegular(fd: Fd, size: number, path: string, most: number): Uint8Array {
  if (size === 0) return collect(path, most, (buffer) => read(fd, buffer));
  if (size > most) throw tooLarge(path, most);
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let n = 1; n > 0 && length < size; length += n) n = read(fd, length === 0 ? bytes : bytes.subarray(length));
  return length === size ? bytes : bytes.subarray(0, length);
}

/** @param take fills a buffer; 0 is the end */
function collect(path: string, most: number, take: (buffer: Uint8Array) => number): Uint8Array {
  let bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  for (let length = 0; ;) {
    const n = take(bytes.subarray(length));
    if (n === 0) return bytes.subarray(0, length);
    length += n;
    if (length > most) throw tooLarge(path, most);
    if (length < bytes.byteLength) continue;
    const larger = new Uint8Array(bytes.byteLength * 4);
    larger.set(bytes);
    bytes = larger;
  }
}

/** [kernel] Looked for before it is read: a fifo that nobody has opened for writing yet would seem to be at its end. */
function pull(fifo: Fd, buffer: Uint8Array, path: string): number {
  for (;;) {
    if (poll([{ fd: fifo, events: POLLIN }], PATIENCE_MS)[0] === 0)
      throw new HostError(`${path} is a fifo, and nothing has come out of it for ${PATIENCE_MS / 1000} seconds`);
    const n = readOrErrno(fifo, buffer);
    if (n >= 0) return n;
    if (n !== -EAGAIN) throw new SysError("read", -n, path);
  }
}

const tooLarge = (path: string, most: number): HostError => new HostError(`${path} is larger than ${most} bytes`);

/** [spec] JSON is UTF-8. As Go reads it: each byte that is none is U+FFFD. */
const jsonText = (bytes: Uint8Array): string => host.decode(bytes).toWellFormed();
