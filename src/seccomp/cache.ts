// Compiled filters kept below the state root, so that only the first container with a profile pays for libseccomp:
//
//   <root>/@seccomp/<length of the key>.<slot>
//     3 numbers of 32 bits: magic, bytes of the key, of the program
//     key          all that the program depends on: the versions of tsrun and of libseccomp, and the whole profile
//     program      struct sock_filter[]
//
// Nothing is hashed: the key is compared as a whole, so no two profiles can be taken for each other; those of one length share a few slots.
// Laws: the cache is never needed, so that whatever fails here only costs a compilation. Files appear whole (rename) and are read only if
// nobody but us could have put them there. "@" makes it a name that no container can have.

import { EEXIST } from "../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { BPF_MAXINSNS, sock_filter } from "../abi/filter.ts";
import { S_IFMT, S_IFREG } from "../abi/stat.ts";
import { SYS_getrandom } from "../abi/syscall.ts";
import type { HostPath } from "../base/brand.ts";
import { isErrno, SysError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { fsync, openat, readAll, writeAll } from "../sys/file.ts";
import { mkdirat, readdir, renameat, unlinkat } from "../sys/directory.ts";
import { fstat } from "../sys/stat.ts";
import { seccomp_version } from "../sys/libseccomp.ts";
import { utf8 } from "../sys/memory.ts";
import { geteuid } from "../sys/process.ts";
import { syscall } from "../sys/call.ts";
import type { SeccompFilter } from "./install.ts";
import type { SeccompPlan } from "./plan.ts";
import defer * as compiler from "./compile.ts";

declare const TSRUN_VERSION: string;
declare const TSRUN_COMMIT: string;

const DIRECTORY = "@seccomp";
const MAGIC = 0x32435354;
const HEADER = 12;
/** How many profiles with keys of one length there may be. */
const SLOTS = 4;
/** More files than that are profiles made up for each container: the cache starts anew. */
const MOST_FILES = 64;

/**
 * The filter for a plan: from the cache, or compiled and put there.
 *
 * @param root the state root
 * @throws HostError when tsrun was built without libseccomp, or that does not know what the plan asks for
 */
export function seccompFilter(
  plan: SeccompPlan,
  root: HostPath,
  debug: ((message: string) => void) | undefined,
): SeccompFilter {
  debug?.(`seccomp filter flags: ${plan.flags}`);
  return { program: findProgram(plan, root, debug), flags: plan.flags, moment: plan.moment };
}

function findProgram(plan: SeccompPlan, root: HostPath, debug: ((message: string) => void) | undefined): Uint8Array {
  if (plan.program !== undefined) return compiler.decodeProgram(plan.program);
  const key = utf8(keyOf(plan));
  const found = look(root, key);
  if (found instanceof Uint8Array) return found;
  const program = compiler.compile(plan, debug);
  try {
    keep(root, `${key.byteLength}.${found}`, key, program);
  } catch (error) {
    if (!(error instanceof SysError)) throw error; // no room, or not ours to write: the next one compiles again
    debug?.(`seccomp cache: ${error.message}`);
  }
  return program;
}

/**
 * All that the program depends on, as a list of texts, each of which tells how many of them it stands for. [spec] NUL is in no name
 * (spec/validate.ts), so the list cannot be read in two ways.
 */
function keyOf({ defaultAction, architectures, rules, redundant, enosys, failUnknown }: SeccompPlan): string {
  const texts = [
    TSRUN_VERSION,
    TSRUN_COMMIT,
    seccomp_version(),
    `${defaultAction} ${enosys} ${failUnknown} ${architectures.length} ${redundant.length}`,
    ...architectures,
  ];
  if (enosys) texts.push(redundant.join("\0"));
  for (const { names, action, conditions } of rules) {
    texts.push(
      `${action} ${names.length} ${conditions.map(({ arg, op, a, b }) => `${arg} ${op} ${a} ${b}`).join(" ")}`,
      names.join("\0"),
    );
  }
  return texts.join("\0");
}

/** The program, or the slot that it is to be kept in. */
function look(root: HostPath, key: Uint8Array): Uint8Array | number {
  let slot = 0;
  try {
    const euid = geteuid();
    using directory = openDirectory(root, euid);
    if (directory === undefined) return 0;
    for (; slot < SLOTS; slot++) {
      using file = openat(directory, `${key.byteLength}.${slot}`, O_RDONLY | O_NOFOLLOW);
      const { uid, mode, size } = fstat(file);
      if (uid !== euid || (mode & S_IFMT) !== S_IFREG || (mode & 0o022) !== 0) return slot;
      const found = take(readAll(file, size + 1), key);
      if (found === "stale") return slot;
      if (found !== "another") return found;
    }
  } catch (error) {
    if (error instanceof SysError) return slot; // nothing there
    throw error;
  }
  return 0;
}

/** A directory that only we can write to; undefined for any other. */
function openDirectory(root: HostPath, euid: number): Fd | undefined {
  const directory = openat(null, `${root}/${DIRECTORY}`, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const { uid, mode } = fstat(directory);
  if (uid === euid && (mode & 0o022) === 0) return directory;
  directory[Symbol.dispose]();
  return undefined;
}

/** The program in a file of the cache, unless it belongs to another profile, or is damaged. */
function take(bytes: Uint8Array, key: Uint8Array): Uint8Array | "another" | "stale" {
  if (bytes.byteLength < HEADER) return "stale";
  const view = new DataView(bytes.buffer);
  const [magic, keyLength, programLength] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  const programAt = HEADER + keyLength;
  if (magic !== MAGIC || programAt + programLength !== bytes.byteLength) return "stale";
  if (programLength === 0 || programLength % sock_filter.size !== 0 || programLength > BPF_MAXINSNS * sock_filter.size)
    return "stale";
  return equal(bytes.subarray(HEADER, programAt), key) ? bytes.subarray(programAt) : "another";
}

function equal(some: Uint8Array, other: Uint8Array): boolean {
  if (some.byteLength !== other.byteLength) return false;
  for (let i = 0; i < some.byteLength; i++) if (some[i] !== other[i]) return false;
  return true;
}

function keep(root: HostPath, name: string, key: Uint8Array, program: Uint8Array): void {
  makeDirectory(root);
  using directory = openDirectory(root, geteuid());
  if (directory === undefined) return;
  removeTooMany(directory);
  const header = new Uint8Array(new Uint32Array([MAGIC, key.byteLength, program.byteLength]).buffer);
  const temporary = `${name}.${randomName()}`;
  using file = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (const part of [header, key, program]) writeAll(file, part);
    fsync(file); // or a crash of the machine could leave the name with half of the content
    renameat(directory, temporary, directory, name);
  } catch (error) {
    unlinkat(directory, temporary);
    throw error;
  }
}

function makeDirectory(root: HostPath): void {
  try {
    mkdirat(null, `${root}/${DIRECTORY}`, 0o700);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
  }
}

function removeTooMany(directory: Fd): void {
  using readable = openat(directory, ".", O_RDONLY | O_DIRECTORY);
  const names = readdir(readable);
  if (names.length < MOST_FILES) return;
  for (const name of names) {
    try {
      unlinkat(directory, name);
    } catch (error) {
      if (!(error instanceof SysError)) throw error; // somebody else was quicker
    }
  }
}

function randomName(): string {
  const bytes = new Uint8Array(8);
  syscall("getrandom", SYS_getrandom, "", bytes, bytes.byteLength, 0);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
