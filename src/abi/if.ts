// <linux/if.h>
// Network interfaces: flags, names, and the ifreq of the SIOC* ioctls (ioctl.ts).
// A name is at most IFNAMSIZ - 1 bytes.

export const IFNAMSIZ = 16;
export const IFALIASZ = 256;
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_DEBUG = 0x4;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_NOTRAILERS = 0x20;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_MULTICAST = 0x1000;
export const IFF_LOWER_UP = 0x10000;

/** struct ifreq */
export const ifreq = {
  size: 40,
  ifr_name: 0, // char[16]
  ifr_flags: 16, // s16
  ifr_ifindex: 16, // s32
  ifr_mtu: 16, // s32
  ifr_newname: 16, // char[16]
} as const;
