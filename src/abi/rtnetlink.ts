// <linux/rtnetlink.h>
// rtnetlink(7): links, addresses and routes.
// Attributes of links: if_link.ts, of addresses: if_addr.ts.

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;
export const RTA_ALIGNTO = 4;

// struct rtmsg
export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RTPROT_UNSPEC = 0;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_SITE = 200;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;
export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

// route attributes
export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_IIF = 3;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_TABLE = 15;

/** struct rtattr */
export const rtattr = {
  size: 4,
  rta_len: 0, // u16
  rta_type: 2, // u16
} as const;

/** struct ifinfomsg */
export const ifinfomsg = {
  size: 16,
  ifi_family: 0, // u8
  ifi_type: 2, // u16
  ifi_index: 4, // s32
  ifi_flags: 8, // u32
  ifi_change: 12, // u32
} as const;

/** struct rtmsg */
export const rtmsg = {
  size: 12,
  rtm_family: 0, // u8
  rtm_dst_len: 1, // u8
  rtm_src_len: 2, // u8
  rtm_tos: 3, // u8
  rtm_table: 4, // u8
  rtm_protocol: 5, // u8
  rtm_scope: 6, // u8
  rtm_type: 7, // u8
  rtm_flags: 8, // u32
} as const;
