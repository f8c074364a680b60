// A DevicePlan as an eBPF program for BPF_CGROUP_DEVICE: cgroup v2 has no device files. Pure: plan in, instructions out.

import {
  BPF_ALU,
  BPF_AND,
  BPF_DEVCG_ACC_MKNOD,
  BPF_DEVCG_ACC_READ,
  BPF_DEVCG_ACC_WRITE,
  BPF_DEVCG_DEV_BLOCK,
  BPF_DEVCG_DEV_CHAR,
  BPF_EXIT,
  BPF_JMP,
  BPF_JEQ,
  BPF_JMP32,
  BPF_JNE,
  BPF_K,
  BPF_LDX,
  BPF_MEM,
  BPF_MOV,
  BPF_REG_0,
  BPF_REG_1,
  BPF_REG_2,
  BPF_REG_3,
  BPF_REG_4,
  BPF_REG_5,
  BPF_RSH,
  BPF_W,
  BPF_X,
  bpf_cgroup_dev_ctx,
  bpf_insn,
} from "../abi/bpf.ts";
import { accessBits, type DevicePlan } from "./device-rules.ts";

type Instruction = readonly [code: number, to: number, from: number, offset: number, immediate: number];

const TYPE = BPF_REG_2;
const ACCESS = BPF_REG_3;
const MAJOR = BPF_REG_4;
const MINOR = BPF_REG_5;
const ALL = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

const load = (to: number, offset: number): Instruction => [BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_1, offset, 0];
const answer = (allow: boolean): readonly Instruction[] => [
  [BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow ? 1 : 0],
  [BPF_JMP | BPF_EXIT, 0, 0, 0, 0],
];

/** The instructions, each bpf_insn.size bytes. The kernel calls the program with a bpf_cgroup_dev_ctx; 1 allows, 0 denies. */
export function deviceProgram(plan: DevicePlan): Uint8Array {
  const program: Instruction[] = [
    load(TYPE, bpf_cgroup_dev_ctx.access_type),
    [BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff],
    load(ACCESS, bpf_cgroup_dev_ctx.access_type),
    [BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16],
    load(MAJOR, bpf_cgroup_dev_ctx.major),
    load(MINOR, bpf_cgroup_dev_ctx.minor),
  ];
  for (const { type, major, minor, access } of plan.exceptions) {
    const bits = accessBits(access);
    const tests: Instruction[] = [differs(TYPE, type === "b" ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR)];
    if (bits !== ALL) {
      tests.push(
        [BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, ACCESS, 0, 0],
        [BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, bits],
      );
      // As v1's kernel has it: what is allowed must be everything that is wanted, what is denied may be any of it.
      tests.push(
        plan.allow
          ? [BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0]
          : [BPF_JMP32 | BPF_JNE | BPF_X, BPF_REG_1, ACCESS, 0, 0],
      );
    }
    if (major !== undefined) tests.push(differs(MAJOR, major));
    if (minor !== undefined) tests.push(differs(MINOR, minor));
    const verdict = answer(!plan.allow);
    // A failed test jumps behind the verdict; offsets count from the next instruction.
    tests.forEach(([code, to, from, , immediate], i) => {
      const jumps = (code & 0x7) === BPF_JMP32;
      program.push([code, to, from, jumps ? tests.length - 1 - i + verdict.length : 0, immediate]);
    });
    program.push(...verdict);
  }
  program.push(...answer(plan.allow));
  return encode(program);
}

/** Jumps, by an offset set later, when the register is not `value`. 32 bits wide: a 64-bit compare would extend the sign. */
const differs = (register: number, value: number): Instruction => [BPF_JMP32 | BPF_JNE | BPF_K, register, 0, 0, value];

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * bpf_insn.size);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, to, from, offset, immediate], i) => {
    const at = i * bpf_insn.size;
    view.setUint8(at + bpf_insn.code, code);
    view.setUint8(at + bpf_insn.regs, from * 16 + to);
    view.setInt16(at + bpf_insn.off, offset, true);
    view.setInt32(at + bpf_insn.imm, immediate | 0, true);
  });
  return bytes;
}
