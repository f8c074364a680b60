// What of linux.seccomp works on this host, for `tsrun features` (features-linux.md, Seccomp).

import { EFAULT } from "../abi/errno.ts";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../abi/seccomp.ts";
import { HostError, isErrno } from "../base/errors.ts";
import type { LinuxFeatures, SeccompAction, SeccompArch, SeccompFlag, SeccompOperator } from "../spec/types.ts";
import { seccomp_arch_resolve_name, seccomp_version } from "../sys/libseccomp.ts";
import { seccomp_set_mode_filter } from "../sys/seccomp.ts";
import { architectureName, FLAGS } from "./plan.ts";

const actions: readonly SeccompAction[] = [
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_TRAP",
];
const operators: readonly SeccompOperator[] = [
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_LE",
  "SCMP_CMP_LT",
  "SCMP_CMP_MASKED_EQ",
  "SCMP_CMP_NE",
];
const knownFlags: readonly SeccompFlag[] = [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];
const knownArchitectures: readonly SeccompArch[] = [
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
];

export type SeccompFeatures = {
  readonly seccomp: LinuxFeatures["seccomp"];
  /** libseccomp's; undefined in a program that was built without it. */
  readonly version: string | undefined;
};

export function seccompFeatures(): SeccompFeatures {
  try {
    const version = seccomp_version();
    const archs = knownArchitectures.filter((name) => seccomp_arch_resolve_name(architectureName(name)) !== undefined);
    const supportedFlags = knownFlags.filter((name) => isSupported(FLAGS[name]));
    return { seccomp: { enabled: true, actions, operators, archs, knownFlags, supportedFlags }, version };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { seccomp: { enabled: false }, version: undefined }; // built without libseccomp: a config.json that asks for a filter is refused
  }
}

/** [kernel] A filter at no address is EFAULT for flags that it knows, EINVAL for others. WAIT_KILLABLE_RECV goes only with NEW_LISTENER. */
function isSupported(flag: number): boolean {
  try {
    seccomp_set_mode_filter(null, flag + SECCOMP_FILTER_FLAG_NEW_LISTENER);
    return false;
  } catch (error) {
    return isErrno(error, EFAULT);
  }
}
