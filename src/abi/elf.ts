// <linux/elf.h>
// What the kernel reads of a program before it executes it, elf(5).
// Little-endian, as every machine is that tsrun runs on.

export const ELFCLASS64 = 2;

export const PT_INTERP = 3;

/** struct elf32_hdr */
export const elf32_hdr = {
  size: 52,
  e_phoff: 28, // u32
  e_phnum: 44, // u16
} as const;

/** struct elf64_hdr */
export const elf64_hdr = {
  size: 64,
  e_phoff: 32, // u64
  e_phnum: 56, // u16
} as const;

/** struct elf32_phdr */
export const elf32_phdr = {
  size: 32,
  p_type: 0, // u32
  p_offset: 4, // u32
  p_filesz: 16, // u32
} as const;

/** struct elf64_phdr */
export const elf64_phdr = {
  size: 56,
  p_type: 0, // u32
  p_offset: 8, // u64
  p_filesz: 32, // u64
} as const;
