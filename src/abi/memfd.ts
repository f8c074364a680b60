// <linux/memfd.h>
// memfd_create(2).
// Kernels before 6.3 answer EINVAL to MFD_EXEC and MFD_NOEXEC_SEAL; with vm.memfd_noexec=2 a memfd without MFD_EXEC cannot be run.

export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
export const MFD_HUGETLB = 0x4;
export const MFD_NOEXEC_SEAL = 0x8;
export const MFD_EXEC = 0x10;
