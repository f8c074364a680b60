// The directory of images that CRIU writes and reads, and what tsrun keeps in it besides:
//   descriptors.json  what the standard streams of init were, as runc and crun keep it
//   container.json    what a restore has to know of the container: Checkpoint

import { ENOENT, ENOTDIR, EEXIST } from "../abi/errno.ts";
import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, readAll, readFile, readFileIfThere, createFileAnew } from "../sys/file.ts";
import { mkdirat, readdir } from "../sys/directory.ts";
import { fstatat, lstatIfThere } from "../sys/stat.ts";
import type { ExternalMount } from "./external-mounts.ts";
import { Message } from "./protobuf.ts";

/** What container.json holds. */
export type Checkpoint = {
  readonly version: 1;
  readonly id: string;
  readonly created: string;
  /** uname(2)'s word for it. */
  readonly architecture: string;
  readonly criu: number;
  readonly terminal: boolean;
  readonly externalMounts: readonly ExternalMount[];
};

const CHECKPOINT = "container.json";
const DESCRIPTORS = "descriptors.json";

/** The directory, made with those above it where it is missing. The caller closes it. */
export function makeImageDirectory(path: string): Fd {
  makeAll(path);
  return openat(null, path, O_RDONLY | O_DIRECTORY);
}

function makeAll(path: string): void {
  try {
    mkdirat(null, path, 0o700);
  } catch (error) {
    if (isErrno(error, EEXIST)) return;
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!isErrno(error, ENOENT) || parent === "") throw error;
    makeAll(parent);
    makeAll(path);
  }
}

/** The caller closes it. @throws HostError when there is no checkpoint in it */
export function openImageDirectory(path: string): Fd {
  let directory: Fd;
  try {
    directory = openat(null, path, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) throw new HostError(`there is no directory of images at ${path}`);
    throw error;
  }
  if (readFileIfThere(directory, "inventory.img") !== undefined) return directory;
  directory[Symbol.dispose]();
  throw new HostError(`${path} holds no checkpoint: it has no inventory.img`);
}

export function writeDescriptors(directory: Fd, streams: readonly string[]): void {
  write(directory, DESCRIPTORS, JSON.stringify(streams));
}

/** None where there is no such file. @throws HostError when it is damaged */
export function readDescriptors(directory: Fd): readonly string[] {
  const streams: unknown = parse(directory, DESCRIPTORS);
  if (streams === undefined) return [];
  if (Array.isArray(streams) && streams.every((stream): stream is string => typeof stream === "string")) return streams;
  throw damaged(DESCRIPTORS);
}

export function writeCheckpoint(directory: Fd, checkpoint: Checkpoint): void {
  write(directory, CHECKPOINT, `${JSON.stringify(checkpoint, null, 2)}\n`);
}

/** undefined: another runtime has made it. @throws HostError when it is damaged */
export function readCheckpoint(directory: Fd): Checkpoint | undefined {
  const text = readFileIfThere(directory, CHECKPOINT);
  if (text === undefined) return undefined;
  try {
    const checkpoint = JSON.parse(text) as Partial<Checkpoint> | null;
    if (isCheckpoint(checkpoint)) return checkpoint;
  } catch {
    // told below
  }
  throw damaged(CHECKPOINT);
}

const isCheckpoint = (checkpoint: Partial<Checkpoint> | null): checkpoint is Checkpoint =>
  checkpoint?.version === 1 && typeof checkpoint.architecture === "string" && Array.isArray(checkpoint.externalMounts);

function write(directory: Fd, name: string, text: string): void {
  try {
    createFileAnew(directory, name, text, 0o600);
  } catch (error) {
    throw new StepError(`write ${name} to the image directory`, error);
  }
}

function parse(directory: Fd, name: string): unknown {
  const text = readFileIfThere(directory, name);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw damaged(name);
  }
}

const damaged = (name: string): HostError => new HostError(`${name} in the directory of images is damaged`);

/** The log's text; empty where there is none. */
export function readLog(directory: Fd, name: string): string {
  try {
    return readFile(directory, name, 65536);
  } catch (error) {
    if (isErrno(error, ENOENT)) return "";
    throw error;
  }
}

/** How much memory the images hold, so far. */
export function bytesOfPages(directory: Fd): number {
  using readable = openat(directory, ".", O_RDONLY | O_DIRECTORY);
  return readdir(readable)
    .filter((name) => /^pages-.*\.img$/.test(name))
    .reduce((sum, name) => sum + sizeOf(directory, name), 0);
}

function sizeOf(directory: Fd, name: string): number {
  try {
    return fstatat(directory, name).size;
  } catch (error) {
    if (isErrno(error, ENOENT)) return 0;
    throw error;
  }
}

/** enum of CoreEntry.mtype in CRIU's images/core.proto */
const ARCHITECTURES: Readonly<Record<number, string>> = {
  1: "x86_64",
  2: "arm",
  3: "aarch64",
  4: "ppc64le",
  5: "s390x",
  6: "mips",
  7: "loongarch64",
  8: "riscv64",
};

declare const ARCH_X86_64: boolean;

/** This machine's, as uname(2) has it. */
export const architecture = (): string => (ARCH_X86_64 ? "x86_64" : "aarch64");

/** The messages of an image: two magic words, then a length and a message each. @throws RangeError when it is cut off */
function messagesOf(directory: Fd, name: string): readonly Message[] {
  using file = openat(directory, name, O_RDONLY);
  const bytes = readAll(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Message[] = [];
  for (let at = 8; at < bytes.byteLength;) {
    const length = view.getUint32(at, true);
    if (at + 4 + length > bytes.byteLength) throw new RangeError("the image is cut off");
    messages.push(new Message(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return messages;
}

/** Flags of a PagemapEntry: its pages are in an earlier checkpoint, are to be asked for, are here. */
const PE_PARENT = 0x1;
const PE_LAZY = 0x2;
const PE_PRESENT = 0x4;
const PAGE_BYTES = 4096;

/**
 * Sees that memory is there in full: CRIU reads what is missing again and again, for ever.
 * @throws HostError when an image of it is cut off
 */
export function checkPages(directory: Fd): void {
  const needed = new Map<number, number>();
  for (const pid of processesIn(directory)) {
    const name = `pagemap-${pid}.img`;
    if (lstatIfThere(directory, name) === undefined) continue; // a process that has ended and nobody has waited for
    try {
      const [head, ...entries] = messagesOf(directory, name);
      const file = head?.number(1) ?? 0;
      needed.set(file, (needed.get(file) ?? 0) + PAGE_BYTES * entries.reduce((sum, entry) => sum + pagesIn(entry), 0));
    } catch (error) {
      if (error instanceof RangeError) throw damaged(name);
      throw error;
    }
  }
  for (const [file, bytes] of needed)
    if (sizeOf(directory, `pages-${file}.img`) < bytes) throw damaged(`pages-${file}.img`);
}

/** As the container numbers them. An image directory may still hold files of an earlier checkpoint. */
function processesIn(directory: Fd): readonly number[] {
  try {
    return messagesOf(directory, "pstree.img").map((entry) => entry.number(1) ?? 0);
  } catch (error) {
    if (error instanceof RangeError) throw damaged("pstree.img");
    if (isErrno(error, ENOENT)) return []; // CRIU says that it is missing
    throw error;
  }
}

function pagesIn(entry: Message): number {
  const flags = entry.number(4) ?? (entry.boolean(3) === true ? PE_PARENT : PE_PRESENT);
  const isHere = (flags & PE_PRESENT) !== 0 && (flags & (PE_PARENT | PE_LAZY)) === 0;
  return isHere ? (entry.number(5) ?? entry.number(2) ?? 0) : 0;
}

/** Which architecture the images are of; undefined where they do not say. */
export function architectureOf(directory: Fd): string | undefined {
  try {
    const core = `core-${processesIn(directory)[0] ?? 0}.img`;
    return ARCHITECTURES[messagesOf(directory, core)[0]?.number(1) ?? 0];
  } catch (error) {
    if (error instanceof RangeError || isErrno(error, ENOENT)) return undefined; // CRIU says what is wrong with it
    throw error;
  }
}
