// <linux/if_addr.h>
// RTM_*ADDR messages.
// IFA_FLAGS, 32 bits, replaces ifa_flags, of which only 8 are there.

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_LABEL = 3;
export const IFA_BROADCAST = 4;
export const IFA_ANYCAST = 5;
export const IFA_CACHEINFO = 6;
export const IFA_MULTICAST = 7;
export const IFA_FLAGS = 8;
export const IFA_RT_PRIORITY = 9;

// flags
export const IFA_F_SECONDARY = 0x1;
export const IFA_F_NODAD = 0x2;
export const IFA_F_OPTIMISTIC = 0x4;
export const IFA_F_DADFAILED = 0x8;
export const IFA_F_HOMEADDRESS = 0x10;
export const IFA_F_DEPRECATED = 0x20;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_MANAGETEMPADDR = 0x100;
export const IFA_F_NOPREFIXROUTE = 0x200;
export const IFA_F_MCAUTOJOIN = 0x400;
export const IFA_F_STABLE_PRIVACY = 0x800;

/** struct ifaddrmsg */
export const ifaddrmsg = {
  size: 8,
  ifa_family: 0, // u8
  ifa_prefixlen: 1, // u8
  ifa_flags: 2, // u8
  ifa_scope: 3, // u8
  ifa_index: 4, // u32
} as const;

/** struct ifa_cacheinfo */
export const ifa_cacheinfo = {
  size: 16,
  ifa_prefered: 0, // u32
  ifa_valid: 4, // u32
  cstamp: 8, // u32
  tstamp: 12, // u32
} as const;
