// <seccomp.h>
// libseccomp's numbers, for calls by FFI; actions are SECCOMP_RET_* (seccomp.ts), the errno or trace number added.
// Architectures are asked by name (seccomp_arch_resolve_name), so that a newer library knows more of them.

export const SCMP_ARCH_NATIVE = 0;
export const SCMP_ARCH_X32 = 0x4000003e;
export const __NR_SCMP_ERROR = -1;

// filter attributes
export const SCMP_FLTATR_ACT_DEFAULT = 1;
export const SCMP_FLTATR_ACT_BADARCH = 2;
export const SCMP_FLTATR_CTL_NNP = 3;
export const SCMP_FLTATR_CTL_TSYNC = 4;
export const SCMP_FLTATR_API_TSKIP = 5;
export const SCMP_FLTATR_CTL_LOG = 6;
export const SCMP_FLTATR_CTL_SSB = 7;
export const SCMP_FLTATR_CTL_OPTIMIZE = 8;
export const SCMP_FLTATR_API_SYSRAWRC = 9;
export const SCMP_FLTATR_CTL_WAITKILL = 10;

// comparisons
export const SCMP_CMP_NE = 1;
export const SCMP_CMP_LT = 2;
export const SCMP_CMP_LE = 3;
export const SCMP_CMP_EQ = 4;
export const SCMP_CMP_GE = 5;
export const SCMP_CMP_GT = 6;
export const SCMP_CMP_MASKED_EQ = 7;

/** struct scmp_arg_cmp */
export const scmp_arg_cmp = {
  size: 24,
  arg: 0, // u32
  op: 4, // u32
  datum_a: 8, // u64
  datum_b: 16, // u64
} as const;

/** struct scmp_version */
export const scmp_version = {
  size: 12,
  major: 0, // u32
  minor: 4, // u32
  micro: 8, // u32
} as const;
