// <sys/socket.h> <linux/netlink.h>
// netlink(7): message header, attributes, acknowledgements.
// Messages and attributes are padded to 4 bytes; their lengths do not count the padding.

export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;
export const NLMSG_ALIGNTO = 4;
export const NLMSG_HDRLEN = 16;
export const NLA_ALIGNTO = 4;
export const NLA_F_NESTED = 0x8000;

// flags
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

// types
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

// socket options
export const SOL_NETLINK = 270;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;
export const NLMSGERR_ATTR_MSG = 1;

/** struct sockaddr_nl */
export const sockaddr_nl = {
  size: 12,
  nl_family: 0, // u16
  nl_pad: 2, // u16
  nl_pid: 4, // u32
  nl_groups: 8, // u32
} as const;

/** struct nlmsghdr */
export const nlmsghdr = {
  size: 16,
  nlmsg_len: 0, // u32
  nlmsg_type: 4, // u16
  nlmsg_flags: 6, // u16
  nlmsg_seq: 8, // u32
  nlmsg_pid: 12, // u32
} as const;

/** struct nlattr */
export const nlattr = {
  size: 4,
  nla_len: 0, // u16
  nla_type: 2, // u16
} as const;

/** struct nlmsgerr */
export const nlmsgerr = {
  size: 20,
  error: 0, // s32
  msg: 4, // bytes[16]
} as const;
