// <linux/magic.h>
// statfs(2) f_type by file system.
// Proof that a path below /proc or /sys is what it says: compare before writing.

export const PROC_SUPER_MAGIC = 0x9fa0;
export const SYSFS_MAGIC = 0x62656572;
export const CGROUP_SUPER_MAGIC = 0x27e0eb;
export const CGROUP2_SUPER_MAGIC = 0x63677270;
export const TMPFS_MAGIC = 0x1021994;
export const RAMFS_MAGIC = 0x858458f6;
export const DEVPTS_SUPER_MAGIC = 0x1cd1;
export const NSFS_MAGIC = 0x6e736673;
export const SOCKFS_MAGIC = 0x534f434b;
export const PIPEFS_MAGIC = 0x50495045;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const EXT4_SUPER_MAGIC = 0xef53;
export const XFS_SUPER_MAGIC = 0x58465342;
export const BTRFS_SUPER_MAGIC = 0x9123683e;
export const F2FS_SUPER_MAGIC = 0xf2f52010;
export const NFS_SUPER_MAGIC = 0x6969;
export const FUSE_SUPER_MAGIC = 0x65735546;
export const MSDOS_SUPER_MAGIC = 0x4d44;
export const BPF_FS_MAGIC = 0xcafe4a11;
export const DEBUGFS_MAGIC = 0x64626720;
export const TRACEFS_MAGIC = 0x74726163;
export const SECURITYFS_MAGIC = 0x73636673;
export const SELINUX_MAGIC = 0xf97cff8c;
export const RDTGROUP_SUPER_MAGIC = 0x7655821;
export const HUGETLBFS_MAGIC = 0x958458f6;
export const BINFMTFS_MAGIC = 0x42494e4d;
export const ANON_INODE_FS_MAGIC = 0x9041934;
export const AUTOFS_SUPER_MAGIC = 0x187;
export const SQUASHFS_MAGIC = 0x73717368;
export const ISOFS_SUPER_MAGIC = 0x9660;
export const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2;
export const CEPH_SUPER_MAGIC = 0xc36400;
export const SMB2_SUPER_MAGIC = 0xfe534d42;
export const PSTOREFS_MAGIC = 0x6165676c;
export const EFIVARFS_MAGIC = 0xde5e81e4;
export const CRAMFS_MAGIC = 0x28cd3d45;
export const V9FS_MAGIC = 0x1021997;
export const ZONEFS_MAGIC = 0x5a4f4653;
export const PID_FS_MAGIC = 0x50494446;
