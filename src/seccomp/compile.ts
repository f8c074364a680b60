// From the plan to the filter's program, by libseccomp. Loaded only when the cache has no program for the plan: nobody pays for it twice.
// What libseccomp would do when it loads a filter itself (no_new_privs, TSYNC, flags) is not asked of it: install.ts loads.

import { AUDIT_ARCH_X86_64 } from "../abi/audit.ts";
import { EEXIST } from "../abi/errno.ts";
import { BPF_MAXINSNS, sock_filter } from "../abi/filter.ts";
import { SCMP_ARCH_X32, SCMP_FLTATR_CTL_OPTIMIZE } from "../abi/libseccomp.ts";
import { HostError, isErrno, StepError, SysError } from "../base/errors.ts";
import {
  ScmpFilter,
  seccomp_arch_native,
  seccomp_arch_resolve_name,
  seccomp_syscall_resolve_name,
  seccomp_syscall_resolve_name_arch,
} from "../sys/libseccomp.ts";
import type { SeccompPlan } from "./plan.ts";
import { enosysStub, newestCall, type Newest } from "./stub.ts";

/** From how many rules on libseccomp shall sort the calls into a tree. Some versions of it fail to when there is no rule at all. */
const TREE_FROM = 33;
const BINARY_TREE = 2;

/**
 * @param debug hears of names that no system call has
 * @returns struct sock_filter[]
 * @throws HostError when tsrun was built without libseccomp, or that does not know what the plan asks for; StepError naming the rule
 */
export function compile(plan: SeccompPlan, debug: ((message: string) => void) | undefined): Uint8Array {
  const architectures = plan.architectures.map(resolveArchitecture);
  using filter = new ScmpFilter(plan.defaultAction);
  for (const arch of architectures) addArchitecture(filter, arch);
  if (plan.rules.reduce((sum, rule) => sum + rule.names.length, 0) >= TREE_FROM) optimize(filter);
  for (const rule of plan.rules) {
    try {
      addRule(filter, plan, rule, debug);
    } catch (error) {
      throw new StepError("add seccomp rule", error, rule.why);
    }
  }
  const program = join(
    plan.enosys ? enosysStub(newestCalls(plan, architectures)) : new Uint8Array(0),
    filter.export_bpf(),
  );
  return checkProgram(program);
}

/** A program that config.json brings along (crun's annotation). @throws HostError when it is not base64 or cannot be a program */
export function decodeProgram(base64: string): Uint8Array {
  const bytes: number[] = [];
  const digits = base64.replace(/=+$/, "");
  let bits = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(digits.charAt(i));
    if (digit < 0) throw new HostError("the seccomp program in the annotation is not base64");
    bits = ((bits << 6) | digit) & 0xffff;
    if (i % 4 !== 0) bytes.push((bits >> (6 - 2 * (i % 4))) & 0xff);
  }
  return checkProgram(new Uint8Array(bytes));
}

/** [kernel] Instructions of 8 bytes, 1 to 4096 of them; what they do, the kernel checks when it loads them. */
function checkProgram(program: Uint8Array): Uint8Array {
  const length = program.byteLength / sock_filter.size;
  if (Number.isInteger(length) && length > 0 && length <= BPF_MAXINSNS) return program;
  throw new HostError(`the seccomp filter has ${length} instructions: the kernel takes ${BPF_MAXINSNS} at most`);
}

function resolveArchitecture(name: string): number {
  const arch = seccomp_arch_resolve_name(name);
  if (arch === undefined) throw new HostError(`libseccomp does not know the architecture ${name} of linux.seccomp`);
  return arch;
}

function addArchitecture(filter: ScmpFilter, arch: number): void {
  try {
    filter.arch_add(arch);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw new StepError("add seccomp architecture", error, "/linux/seccomp/architectures"); // the machine's own is there already
  }
}

function optimize(filter: ScmpFilter): void {
  try {
    filter.attr_set(SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
  } catch (error) {
    if (!(error instanceof SysError)) throw error; // before 2.5: the program is longer on its way, and the same otherwise
  }
}

function addRule(
  filter: ScmpFilter,
  plan: SeccompPlan,
  { names, action, conditions }: SeccompPlan["rules"][0],
  debug: ((message: string) => void) | undefined,
): void {
  for (const name of names) {
    const call = seccomp_syscall_resolve_name(name);
    if (call !== undefined) filter.rule_add_array(action, call, conditions, name);
    else if (plan.failUnknown) throw new HostError(`unknown system call ${JSON.stringify(name)}`);
    else debug?.(`unknown seccomp syscall ${JSON.stringify(name)} ignored`); // of another architecture, or newer than libseccomp
  }
}

/** What the profile knows of each architecture in the filter, of which the machine's own is always one. */
function newestCalls({ rules, redundant }: SeccompPlan, architectures: readonly number[]): readonly Newest[] {
  const names = new Set([...rules.flatMap((rule) => rule.names), ...redundant]);
  const newest = (arch: number): number | undefined =>
    newestCall(
      arch,
      [...names].map((name) => seccomp_syscall_resolve_name_arch(arch, name)),
    );
  const all = new Set([seccomp_arch_native(), ...architectures]);
  const x32 = all.delete(SCMP_ARCH_X32) ? newest(SCMP_ARCH_X32) : undefined;
  return [...all].map((arch) => ({ arch, call: newest(arch), x32: arch === AUDIT_ARCH_X86_64 ? x32 : undefined }));
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.byteLength + second.byteLength);
  both.set(first);
  both.set(second, first.byteLength);
  return both;
}
