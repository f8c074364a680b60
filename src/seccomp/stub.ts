// The -ENOSYS stub: instructions before libseccomp's program that answer ENOSYS to system calls newer than the profile knows. Programs
// try a new call and fall back to an old one on ENOSYS, but take EPERM for the truth. Pure: numbers in, instructions out.

import { AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64 } from "../abi/audit.ts";
import { ENOSYS } from "../abi/errno.ts";
import {
  BPF_ABS,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  sock_filter,
} from "../abi/filter.ts";
import { SECCOMP_RET_ERRNO, seccomp_data } from "../abi/seccomp.ts";

/** The highest call that a profile names on one architecture; undefined when it names none there. */
export type Newest = {
  /** AUDIT_ARCH_* */
  readonly arch: number;
  readonly call: number | undefined;
  /** The highest x32 call, X32_BIT included. [kernel] x32 is the architecture x86_64 and this bit. */
  readonly x32: number | undefined;
};

const X32_BIT = 0x4000_0000;
/** [kernel] __ARM_NR_BASE: private calls of ARM, far above all others and as old as they. */
const ARM_PRIVATE = 0x0f_0000;

/** The highest of `numbers`, as resolved on `arch`, that tells how new a profile is. */
export function newestCall(arch: number, numbers: Iterable<number>): number | undefined {
  let newest = 0;
  for (const number of numbers)
    if (number > newest && !(arch === AUDIT_ARCH_ARM && number >= ARM_PRIVATE)) newest = number;
  return newest === 0 ? undefined : newest; // libseccomp's pseudo numbers for calls of other architectures are negative
}

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

const load = (offset: number): Instruction => [BPF_LD + BPF_W + BPF_ABS, 0, 0, offset];
const jump = (test: number, value: number, ifTrue: number, ifFalse: number): Instruction => [
  BPF_JMP + test + BPF_K,
  ifTrue,
  ifFalse,
  value,
];
const REFUSE: Instruction = [BPF_RET + BPF_K, 0, 0, SECCOMP_RET_ERRNO + ENOSYS];
/** The last of each section; where the end of the stub is, only the whole knows. */
const LEAVE: Instruction = [BPF_JMP + BPF_JA, 0, 0, 0];

/**
 * A section for each architecture: `jeq arch` or else on to the next one, then the tests, of which the last two instructions refuse and leave.
 * Only instructions that the kernel's own interpreter of constant answers knows (seccomp_is_const_allow): allowed calls stay as quick.
 *
 * @returns struct sock_filter[]; whatever it does not refuse, goes on at its end
 */
export function enosysStub(architectures: readonly Newest[]): Uint8Array {
  const sections = architectures.filter(({ call, x32 }) => call !== undefined || x32 !== undefined).map(section);
  if (sections.length === 0) return new Uint8Array(0);
  return assemble([load(seccomp_data.arch), ...sections.flat()]);
}

function section({ arch, call, x32 }: Newest): readonly Instruction[] {
  const tests =
    arch === AUDIT_ARCH_X86_64
      ? x86Tests(call, x32)
      : [...(arch === AUDIT_ARCH_ARM ? [jump(BPF_JGE, ARM_PRIVATE, 2, 0)] : []), newer(call ?? 0, 0)];
  const body = [load(seccomp_data.nr), ...tests, REFUSE, LEAVE];
  return [jump(BPF_JEQ, arch, 0, body.length), ...body];
}

/** Refuses what is above `call`, `further` instructions after this one; leaves after that otherwise. */
const newer = (call: number, further: number): Instruction => jump(BPF_JGT, call, further, further + 1);

function x86Tests(call: number | undefined, x32: number | undefined): readonly Instruction[] {
  if (call === undefined) return [jump(BPF_JSET, X32_BIT, 0, 2), newer(x32 ?? 0, 0)];
  if (x32 === undefined) return [jump(BPF_JSET, X32_BIT, 2, 0), newer(call, 0)];
  return [jump(BPF_JSET, X32_BIT, 1, 0), newer(call, 1), newer(x32, 0)];
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(program.length * sock_filter.size));
  program.forEach((instruction, i) => {
    const [code, jumpTrue, jumpFalse, value] = instruction;
    const at = i * sock_filter.size;
    view.setUint16(at + sock_filter.code, code, true);
    view.setUint8(at + sock_filter.jt, jumpTrue);
    view.setUint8(at + sock_filter.jf, jumpFalse);
    view.setUint32(at + sock_filter.k, instruction === LEAVE ? program.length - i - 1 : value, true);
  });
  return new Uint8Array(view.buffer);
}
