// What the kernel needs besides a program to execute it: the interpreter of a script, the dynamic loader of a binary. Loaded when there is none.

import { ELFCLASS64, elf32_phdr, elf64_phdr, elf32_hdr, elf64_hdr, PT_INTERP } from "../abi/elf.ts";
import { SysError } from "../base/errors.ts";
import { O_RDONLY } from "../abi/fcntl.ts";
import { openat, read } from "../sys/file.ts";
import { fileTypeOrErrno } from "../sys/stat.ts";
import { host } from "../sys/host.ts";

/** [kernel] A script's interpreter may be a script. */
const MAX_NESTED = 5;

/** ENOENT of execve(2) for a program that is there, with the name of the interpreter that is not. */
export function withInterpreter(error: SysError, path: string): SysError {
  for (let at: string | undefined = path, nested = 0; at !== undefined && nested < MAX_NESTED; nested++) {
    at = interpreterOf(at);
    if (at !== undefined && fileTypeOrErrno(at) < 0)
      return new SysError(error.syscall, error.errno, error.detail, `its interpreter ${JSON.stringify(at)} is missing`);
  }
  return error;
}

/** undefined: it has none, or we may not read it. */
function interpreterOf(path: string): string | undefined {
  try {
    using file = openat(null, path, O_RDONLY);
    const bytes = new Uint8Array(4096);
    const length = read(file, bytes);
    if (bytes[0] === 0x23 && bytes[1] === 0x21) return scriptInterpreter(host.decode(bytes.subarray(2, length)));
    if (bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46) return elfInterpreter(bytes);
  } catch {
    // whatever it is: the kernel's error says what it says
  }
  return undefined;
}

/** [kernel] The first word of the first line; a carriage return at its end is a part of it. */
const scriptInterpreter = (text: string): string | undefined => /^[ \t]*([^ \t\n\0]+)/.exec(text)?.[1];

/** The text of the segment PT_INTERP, if that lies within what was read, as linkers place it. @see elf(5) */
function elfInterpreter(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer);
  const is64 = bytes[4] === ELFCLASS64;
  const [header, segment] = is64 ? [elf64_hdr, elf64_phdr] : [elf32_hdr, elf32_phdr];
  const word = (at: number): number => (is64 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  const first = word(header.e_phoff);
  for (let i = 0; i < view.getUint16(header.e_phnum, true); i++) {
    const at = first + i * segment.size;
    if (view.getUint32(at + segment.p_type, true) !== PT_INTERP) continue;
    const offset = word(at + segment.p_offset);
    return host.decode(bytes.subarray(offset, offset + word(at + segment.p_filesz))).replace(/\0.*$/s, "");
  }
  return undefined;
}
