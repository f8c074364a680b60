// Our own program, out of reach of containers.
// [cve] CVE-2019-5736: /proc/PID/exe of a process of ours leads a container to the file of tsrun, and /proc/self/exe as its program runs it there;
// what is opened so can be written once nothing executes it. So the kernel is told that what we execute is an empty file in memory.

import { EINVAL, EPERM } from "../abi/errno.ts";
import { AT_EMPTY_PATH, O_RDONLY } from "../abi/fcntl.ts";
import { MFD_CLOEXEC } from "../abi/memfd.ts";
import { MAP_FIXED, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE } from "../abi/mman.ts";
import { MOUNT_ATTR_RDONLY, OPEN_TREE_CLONE } from "../abi/mount.ts";
import { PR_SET_MM, PR_SET_MM_EXE_FILE, PR_SET_MM_MAP } from "../abi/prctl.ts";
import { SYS_brk, SYS_mmap, SYS_mprotect, SYS_prctl } from "../abi/syscall.ts";
import { isErrno, SysError } from "../base/errors.ts";
import { syscall } from "./call.ts";
import type { Fd } from "./fd.ts";
import { getauxvals } from "./environ.ts";
import { memfd_create, openat, readFile, reopen } from "./file.ts";
import { readlinkat } from "./directory.ts";
import { fstat, fstatat } from "./stat.ts";
import { host } from "./host.ts";
import { Struct } from "./memory.ts";
import { mount_setattr, open_tree } from "./mount.ts";

// elf(5): Elf64_Phdr, the same on both machines
const PT_LOAD = 1;
const PT_PHDR = 6;
const PT_GNU_RELRO = 0x6474e552;
const PHDR_BYTES = 56;
// getauxval(3)
const AT_PHDR = 3;
const AT_PHNUM = 5;
const AT_PAGESZ = 6;

/** struct prctl_mm_map: eleven addresses, then these. */
const MM_MAP_BYTES = 104;
const MM_MAP_EXE_FD = 100;

/** A part of the program as it is mapped, page by page. */
type Segment = { readonly start: number; readonly end: number; readonly offset: number; readonly protection: number };

/**
 * Makes /proc/self/exe of this process, and of all that it forks, an empty file that nobody can execute.
 *
 * [kernel] The exe link can be changed once nothing is mapped from the path that we were started from. Text and constants are mapped again through a
 * read-only clone of that path's mount, from the page cache as before; the data becomes anonymous memory. It costs a fifth of executing
 * ourselves again from a sealed copy.
 *
 * @returns the clone; [kernel] closing a detached mount waits for RCU, as its last owner's end does: whoever has time closes it, after the others
 * @throws SysError ENOSYS before 5.2, EPERM without CAP_SYS_ADMIN, EACCES where memfds cannot be executed (vm.memfd_noexec)
 * @see prctl(2) PR_SET_MM, open_tree(2)
 */
export function hideProgram(): Fd {
  const { segments, relro } = ownSegments();
  const tree = cloneOwnMount();
  mount_setattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns: null });
  using file = openat(null, tree.procPath, O_RDONLY);
  for (const segment of segments) {
    if (segment.protection & PROT_WRITE) remapData(segment, file, relro);
    else mapAgain(segment, file);
  }
  file[Symbol.dispose]();
  using empty = memfd_create("tsrun", MFD_CLOEXEC);
  using executable = reopen(empty, O_RDONLY);
  empty[Symbol.dispose](); // [kernel] what is open for writing cannot be what is executed
  executeAs(executable);
  return tree;
}

/** [kernel] In a new mount namespace the link leads to a mount of the old one, which cannot be cloned: the same file is found by its path. */
function cloneOwnMount(): Fd {
  try {
    return open_tree(null, "/proc/self/exe", OPEN_TREE_CLONE);
  } catch (error) {
    if (!isErrno(error, EINVAL)) throw error;
    const tree = open_tree(null, readlinkat(null, "/proc/self/exe"), OPEN_TREE_CLONE);
    const [found, own] = [fstat(tree), fstatat(null, "/proc/self/exe")];
    if (found.dev === own.dev && found.ino === own.ino) return tree;
    throw error; // another file has taken its place
  }
}

function ownSegments(): { readonly segments: readonly Segment[]; readonly relro: Segment | undefined } {
  const [at = 0, count = 0, pageSize = 0] = getauxvals([AT_PHDR, AT_PHNUM, AT_PAGESZ]);
  const page = pageSize || 4096;
  const headers = new DataView(host.view(at, count * PHDR_BYTES));
  const field = (header: number, offset: number): number =>
    headers.getUint32(header + offset, true) + headers.getUint32(header + offset + 4, true) * 0x1_0000_0000;
  const segments: Segment[] = [];
  let relro: Segment | undefined;
  let bias = 0;
  for (let header = 0; header < headers.byteLength; header += PHDR_BYTES) {
    const type = headers.getUint32(header, true);
    if (type === PT_PHDR) bias = at - field(header, 16);
    if (type !== PT_LOAD && type !== PT_GNU_RELRO) continue;
    const address = bias + field(header, 16);
    if (type === PT_GNU_RELRO)
      relro = {
        start: down(address, page),
        end: down(address + field(header, 40), page),
        offset: 0,
        protection: PROT_READ,
      };
    if (type !== PT_LOAD) continue;
    const flags = headers.getUint32(header + 4, true);
    const protection = (flags & 4 ? PROT_READ : 0) | (flags & 2 ? PROT_WRITE : 0) | (flags & 1 ? PROT_EXEC : 0);
    segments.push({
      start: down(address, page),
      end: down(address + field(header, 32) + page - 1, page),
      offset: down(field(header, 8), page),
      protection,
    });
  }
  return { segments, relro };
}

const down = (address: number, page: number): number => address - (address % page);

function mapAgain({ start, end, offset, protection }: Segment, file: Fd): void {
  syscall(
    "mmap",
    SYS_mmap,
    "our own program",
    start,
    end - start,
    protection,
    MAP_PRIVATE | MAP_FIXED,
    file.raw,
    offset,
  );
}

/** The heap from the file, up to what is anonymous already, our other data as anonymous memory; each with what it holds now. */
function remapData({ start, end, offset }: Segment, file: Fd, relro: Segment | undefined): void {
  const hot = host.hot.byteLength === 0 ? end : host.address(host.hot);
  const result =
    start === host.heap ? host.remap(start, hot - start, file.raw, offset) : host.remap(start, end - start, -1, 0);
  if (result < 0) throw new SysError("mremap", -result, "our own data");
  if (start !== host.heap && relro !== undefined && relro.end > relro.start)
    syscall("mprotect", SYS_mprotect, "relocated data", relro.start, relro.end - relro.start, PROT_READ);
}

/** [kernel] PR_SET_MM_EXE_FILE asks for CAP_SYS_RESOURCE; PR_SET_MM_MAP for CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN, and for all addresses, which stay as they are. */
function executeAs(file: Fd): void {
  const result = host.syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_EXE_FILE, file.raw, 0, 0); // no exception: within a container it is refused to each start
  if (result === -EPERM)
    syscall("prctl", SYS_prctl, "PR_SET_MM_MAP", PR_SET_MM, PR_SET_MM_MAP, memoryMap(file).buffer, MM_MAP_BYTES, 0);
  else if (result < 0) throw new SysError("prctl", -result, "PR_SET_MM_EXE_FILE");
}

/** struct prctl_mm_map, from proc_pid_stat(5), whose fields count from 1. */
function memoryMap(file: Fd): Struct {
  const text = readFile(null, "/proc/self/stat", 1024);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // from field 3 on
  const map = new Struct(MM_MAP_BYTES);
  const brk = syscall("brk", SYS_brk, "", 0); // [kernel] what cannot be set is not, and the end stays as it is
  [26, 27, 45, 46, 47, "brk", 28, 48, 49, 50, 51].forEach((field, i) =>
    map.u64(8 * i, typeof field === "number" ? Number(fields[field - 3] ?? 0) : brk),
  );
  return map.u32(MM_MAP_EXE_FD, file.raw);
}
