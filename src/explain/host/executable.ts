// What else the kernel needs to execute a file: the interpreter of a script, the loader of an ELF program. Pure.

export type Interpreter =
  | { readonly kind: "script" | "loader"; readonly path: string }
  /** A program for another kind of machine. */
  | { readonly kind: "foreign"; readonly machine: string };

declare const ARCH_X86_64: boolean;

const PT_INTERP = 3;
const EM_386 = 3;
const EM_X86_64 = 62;
/** e_machine by name. @see elf(5) */
const MACHINES: { readonly [machine: number]: string } = {
  3: "i386",
  8: "MIPS",
  20: "PowerPC",
  21: "ppc64le",
  22: "s390x",
  40: "ARM",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  258: "LoongArch",
};

/**
 * @param head the first bytes of the file
 * @returns undefined when it needs nothing, or is nothing that we know
 * @see execve(2), elf(5)
 */
export function interpreterOf(head: Uint8Array): Interpreter | undefined {
  if (head[0] === 0x23 && head[1] === 0x21) {
    const [path = ""] = ascii(head, 2, 256)
      .trim()
      .split(/[\s\0]/);
    return path.startsWith("/") ? { kind: "script", path } : undefined;
  }
  if (head.byteLength < 64 || ascii(head, 0, 4) !== "\x7fELF" || head[5] !== 1) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const wide = head[4] === 2;
  const machine = view.getUint16(18, true);
  const ours = ARCH_X86_64 ? [EM_X86_64, EM_386] : [183, 40];
  if (!ours.includes(machine)) return { kind: "foreign", machine: MACHINES[machine] ?? `machine ${machine}` };
  const start = wide ? Number(view.getBigUint64(32, true)) : view.getUint32(28, true);
  const size = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  for (let i = 0, at = start; i < count; i++, at += size) {
    if (at + size > head.byteLength || size < 32) return undefined;
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const offset = wide ? Number(view.getBigUint64(at + 8, true)) : view.getUint32(at + 4, true);
    const length = wide ? Number(view.getBigUint64(at + 32, true)) : view.getUint32(at + 16, true);
    const path = ascii(head, offset, length);
    return path.startsWith("/") ? { kind: "loader", path } : undefined;
  }
  return undefined;
}

/** Up to a NUL or a line's end. */
function ascii(bytes: Uint8Array, from: number, length: number): string {
  let text = "";
  for (let at = from; at < Math.min(from + length, bytes.byteLength); at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0 || byte === 10) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
