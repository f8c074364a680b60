// bpf(2), as far as programs attached to cgroups need it.

import {
  BPF_PROG_ATTACH,
  BPF_PROG_DETACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
  bpf_attr_get_id,
  bpf_attr_prog_attach,
  bpf_attr_prog_load,
  bpf_attr_prog_query,
  bpf_insn,
} from "../abi/bpf.ts";
import { SYS_bpf } from "../abi/syscall.ts";
import { Fd } from "./fd.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

/**
 * Loads a program; the caller closes it, and an attached one stays loaded.
 * @param type BPF_PROG_TYPE_* @param instructions a multiple of bpf_insn.size bytes
 * @throws SysError EPERM without CAP_BPF or CAP_SYS_ADMIN, and before 5.11 also when RLIMIT_MEMLOCK is too small; EINVAL, EACCES the verifier refuses it
 * @see bpf(2)
 */
export function bpf_prog_load(type: number, instructions: Uint8Array, license: string): Fd {
  const attr = new Struct(bpf_attr_prog_load.size)
    .u32(bpf_attr_prog_load.prog_type, type)
    .u32(bpf_attr_prog_load.insn_cnt, instructions.byteLength / bpf_insn.size)
    .pointer(bpf_attr_prog_load.insns, instructions)
    .pointer(bpf_attr_prog_load.license, license);
  return new Fd(syscall("bpf", SYS_bpf, "BPF_PROG_LOAD", BPF_PROG_LOAD, attr.buffer, bpf_attr_prog_load.size)); // always close-on-exec
}

/**
 * Attaches a program to a cgroup.
 * @param flags BPF_F_ALLOW_MULTI …; BPF_F_REPLACE goes with `replaced`, the program that it takes the place of
 * @throws SysError EINVAL before 5.6 for BPF_F_REPLACE, ENOENT `replaced` is not attached any more, E2BIG 64 programs are
 * @see bpf(2)
 */
export function bpf_prog_attach(cgroup: Fd, program: Fd, attachType: number, flags: number, replaced: Fd | null): void {
  const attr = new Struct(bpf_attr_prog_attach.size)
    .u32(bpf_attr_prog_attach.target_fd, cgroup.raw)
    .u32(bpf_attr_prog_attach.attach_bpf_fd, program.raw)
    .u32(bpf_attr_prog_attach.attach_type, attachType)
    .u32(bpf_attr_prog_attach.attach_flags, flags)
    .u32(bpf_attr_prog_attach.replace_bpf_fd, replaced === null ? 0 : replaced.raw);
  syscall("bpf", SYS_bpf, "BPF_PROG_ATTACH", BPF_PROG_ATTACH, attr.buffer, bpf_attr_prog_attach.size);
}

/** @throws SysError ENOENT it is not attached @see bpf(2) */
export function bpf_prog_detach(cgroup: Fd, program: Fd, attachType: number): void {
  const attr = new Struct(bpf_attr_prog_attach.size)
    .u32(bpf_attr_prog_attach.target_fd, cgroup.raw)
    .u32(bpf_attr_prog_attach.attach_bpf_fd, program.raw)
    .u32(bpf_attr_prog_attach.attach_type, attachType);
  syscall("bpf", SYS_bpf, "BPF_PROG_DETACH", BPF_PROG_DETACH, attr.buffer, bpf_attr_prog_attach.size);
}

/** [kernel] At most 64 programs are attached to one cgroup. */
const MAX_PROGRAMS = 64;

/** The ids of the programs attached to a cgroup itself, oldest first. @see bpf(2) */
export function bpf_prog_query(cgroup: Fd, attachType: number): readonly number[] {
  const ids = new Uint32Array(MAX_PROGRAMS);
  const attr = new Struct(bpf_attr_prog_query.size)
    .u32(bpf_attr_prog_query.target_fd, cgroup.raw)
    .u32(bpf_attr_prog_query.attach_type, attachType)
    .pointer(bpf_attr_prog_query.prog_ids, ids)
    .u32(bpf_attr_prog_query.prog_cnt, MAX_PROGRAMS);
  syscall("bpf", SYS_bpf, "BPF_PROG_QUERY", BPF_PROG_QUERY, attr.buffer, bpf_attr_prog_query.size);
  return Array.from(ids.subarray(0, attr.getU32(bpf_attr_prog_query.prog_cnt)));
}

/** A loaded program by its id; the caller closes it. @throws SysError ENOENT it is gone, EPERM @see bpf(2) */
export function bpf_prog_get_fd_by_id(id: number): Fd {
  const attr = new Struct(bpf_attr_get_id.size).u32(bpf_attr_get_id.prog_id, id);
  return new Fd(
    syscall("bpf", SYS_bpf, `BPF_PROG_GET_FD_BY_ID ${id}`, BPF_PROG_GET_FD_BY_ID, attr.buffer, bpf_attr_get_id.size),
  );
}
