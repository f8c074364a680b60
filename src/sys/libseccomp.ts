// libseccomp by FFI: one function for each of the library's, named as it is there. The library is linked into the program; host/libseccomp.c
// has the functions that can be called. They return 0 or more, or a negative errno.

import { MFD_CLOEXEC } from "../abi/memfd.ts";
import { RLIMIT_FSIZE } from "../abi/resource.ts";
import { __NR_SCMP_ERROR, scmp_arg_cmp, scmp_version } from "../abi/libseccomp.ts";
import { SEEK_CUR, SEEK_SET } from "../abi/unistd.ts";
import { EFBIG, ENOMEM } from "../abi/errno.ts";
import { HostError, SysError } from "../base/errors.ts";
import type { Int64 } from "../base/int64.ts";
import { lseek, memfd_create, readAll } from "./file.ts";
import { host } from "./host.ts";
import { Struct } from "./memory.ts";
import { getrlimit } from "./process.ts";

export type Comparison = { readonly arg: number; readonly op: number; readonly a: Int64; readonly b: Int64 };

const functions = new Map<string, number>();

/** @throws HostError in a program that was built without the library */
function resolve(name: string): number {
  const known = functions.get(name);
  if (known !== undefined) return known;
  try {
    const found = host.symbol(name);
    functions.set(name, found);
    return found;
  } catch {
    throw new HostError("linux.seccomp needs libseccomp, and this tsrun was built without it");
  }
}

function check(name: string, result: number, detail: string): number {
  if (result < 0) throw new SysError(name, -result, detail);
  return result;
}

/** "2.5.4". @throws HostError in a program that was built without the library @see seccomp_version(3) */
export function seccomp_version(): string {
  const version = new DataView(host.view(Number(host.callLong(resolve("seccomp_version"))), scmp_version.size));
  return [scmp_version.major, scmp_version.minor, scmp_version.micro]
    .map((offset) => version.getUint32(offset, true))
    .join(".");
}

/** SCMP_ARCH_* of this machine. @see seccomp_arch_native(3) */
export function seccomp_arch_native(): number {
  return host.call(resolve("seccomp_arch_native")) >>> 0;
}

/** SCMP_ARCH_*, or undefined for a name that the library does not know. @see seccomp_arch_resolve_name(3) */
export function seccomp_arch_resolve_name(name: string): number | undefined {
  return host.call(resolve("seccomp_arch_resolve_name"), name) >>> 0 || undefined;
}

/** This machine's number, a negative pseudo number for a call of other architectures, or undefined for no call. @see seccomp_syscall_resolve_name(3) */
export function seccomp_syscall_resolve_name(name: string): number | undefined {
  const number = host.call(resolve("seccomp_syscall_resolve_name"), name);
  return number === __NR_SCMP_ERROR ? undefined : number;
}

/** The same for another architecture; negative, too, for no call. @see seccomp_syscall_resolve_name_arch(3) */
export function seccomp_syscall_resolve_name_arch(arch: number, name: string): number {
  return host.call(resolve("seccomp_syscall_resolve_name_arch"), arch, name);
}

/** A filter in the making. */
export class ScmpFilter {
  readonly #context: number | bigint;

  /** @see seccomp_init(3) */
  constructor(defaultAction: number) {
    this.#context = host.callLong(resolve("seccomp_init"), defaultAction);
    if (this.#context === 0) throw new SysError("seccomp_init", ENOMEM, `action 0x${defaultAction.toString(16)}`);
  }

  /** @see seccomp_release(3) */
  [Symbol.dispose](): void {
    host.call(resolve("seccomp_release"), this.#context);
  }

  /** @throws SysError EEXIST when the filter has it, EDOM for another byte order than the others' @see seccomp_arch_add(3) */
  arch_add(arch: number): void {
    check("seccomp_arch_add", host.call(resolve("seccomp_arch_add"), this.#context, arch), `0x${arch.toString(16)}`);
  }

  /** @throws SysError EINVAL for an attribute newer than the library @see seccomp_attr_set(3) */
  attr_set(attribute: number, value: number): void {
    check(
      "seccomp_attr_set",
      host.call(resolve("seccomp_attr_set"), this.#context, attribute, value),
      `attribute ${attribute} to ${value}`,
    );
  }

  /** @param name for the error @see seccomp_rule_add_array(3) */
  rule_add_array(action: number, call: number, comparisons: readonly Comparison[], name: string): void {
    const array = new Struct(Math.max(1, comparisons.length) * scmp_arg_cmp.size);
    comparisons.forEach(({ arg, op, a, b }, i) => {
      const at = i * scmp_arg_cmp.size;
      array
        .u32(at + scmp_arg_cmp.arg, arg)
        .u32(at + scmp_arg_cmp.op, op)
        .u64(at + scmp_arg_cmp.datum_a, a)
        .u64(at + scmp_arg_cmp.datum_b, b);
    });
    check(
      "seccomp_rule_add_array",
      host.call(resolve("seccomp_rule_add_array"), this.#context, action, call, comparisons.length, array.buffer),
      name,
    );
  }

  /** The program, struct sock_filter[]. @throws SysError EFBIG when RLIMIT_FSIZE cuts it off: the library does not see that @see seccomp_export_bpf(3) */
  export_bpf(): Uint8Array {
    using file = memfd_create("seccomp filter", MFD_CLOEXEC);
    check("seccomp_export_bpf", host.call(resolve("seccomp_export_bpf"), this.#context, file.raw), "");
    const { soft } = getrlimit("RLIMIT_FSIZE", RLIMIT_FSIZE);
    if (BigInt(lseek(file, 0, SEEK_CUR)) >= BigInt(soft)) throw new SysError("write", EFBIG, "the seccomp filter");
    lseek(file, 0, SEEK_SET);
    return readAll(file, 16384);
  }
}
