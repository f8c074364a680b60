// <linux/nsfs.h>
// ioctl(2) on /proc/PID/ns/* (ioctl_ns(2)).
// NS_GET_NSTYPE answers with the CLONE_NEW* bit of sched.ts.

export const NS_GET_USERNS = 0xb701;
export const NS_GET_PARENT = 0xb702;
export const NS_GET_NSTYPE = 0xb703;
export const NS_GET_OWNER_UID = 0xb704;
export const NS_GET_PID_FROM_PIDNS = 0x8004b706;
