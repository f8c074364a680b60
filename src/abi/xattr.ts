// <linux/xattr.h> <linux/limits.h>
// setxattr(2) and the limits of names.
// Values end at XATTR_SIZE_MAX; many file systems allow less.

export const XATTR_CREATE = 0x1;
export const XATTR_REPLACE = 0x2;
export const XATTR_NAME_MAX = 255;
export const XATTR_SIZE_MAX = 65536;
export const XATTR_LIST_MAX = 65536;
