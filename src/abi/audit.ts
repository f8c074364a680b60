// <linux/audit.h>
// The architectures of seccomp_data.arch.
// The x32 calls of x86_64 carry AUDIT_ARCH_X86_64 and bit 30 in their number.

export const AUDIT_ARCH_AARCH64 = 0xc00000b7;
export const AUDIT_ARCH_ARM = 0x40000028;
export const AUDIT_ARCH_I386 = 0x40000003;
export const AUDIT_ARCH_LOONGARCH64 = 0xc0000102;
export const AUDIT_ARCH_M68K = 0x4;
export const AUDIT_ARCH_MIPS = 0x8;
export const AUDIT_ARCH_MIPSEL = 0x40000008;
export const AUDIT_ARCH_MIPS64 = 0x80000008;
export const AUDIT_ARCH_MIPS64N32 = 0xa0000008;
export const AUDIT_ARCH_MIPSEL64 = 0xc0000008;
export const AUDIT_ARCH_MIPSEL64N32 = 0xe0000008;
export const AUDIT_ARCH_PARISC = 0xf;
export const AUDIT_ARCH_PARISC64 = 0x8000000f;
export const AUDIT_ARCH_PPC = 0x14;
export const AUDIT_ARCH_PPC64 = 0x80000015;
export const AUDIT_ARCH_PPC64LE = 0xc0000015;
export const AUDIT_ARCH_RISCV64 = 0xc00000f3;
export const AUDIT_ARCH_S390 = 0x16;
export const AUDIT_ARCH_S390X = 0x80000016;
export const AUDIT_ARCH_SH = 0x2a;
export const AUDIT_ARCH_X86_64 = 0xc000003e;
