// <sys/socket.h> <sys/uio.h> <sys/un.h>
// Sockets, and descriptors passed over them.
// Control messages are padded to 8 bytes; CMSG_SPACE(n) is 16 + n rounded up to 8, CMSG_LEN(n) is 16 + n.

// families and types
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_VSOCK = 40;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0x80000;
export const SOCK_NONBLOCK = 0x800;

// levels and options
export const SOL_SOCKET = 1;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_PEERSEC = 31;
export const SO_DOMAIN = 39;
export const SO_PROTOCOL = 38;

// sendmsg(2), recvmsg(2)
export const MSG_PEEK = 0x2;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 0x1;
export const SCM_CREDENTIALS = 0x2;

// shutdown(2), listen(2)
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const SOMAXCONN = 4096;

/** struct sockaddr_un */
export const sockaddr_un = {
  size: 110,
  sun_family: 0, // u16
  sun_path: 2, // char[108]
} as const;

/** struct msghdr */
export const msghdr = {
  size: 56,
  msg_name: 0, // ptr
  msg_namelen: 8, // u32
  msg_iov: 16, // ptr
  msg_iovlen: 24, // u64
  msg_control: 32, // ptr
  msg_controllen: 40, // u64
  msg_flags: 48, // s32
} as const;

/** struct cmsghdr */
export const cmsghdr = {
  size: 16,
  cmsg_len: 0, // u64
  cmsg_level: 8, // s32
  cmsg_type: 12, // s32
  cmsg_data: 16, // u8[] __cmsg_data
} as const;

/** struct iovec */
export const iovec = {
  size: 16,
  iov_base: 0, // ptr
  iov_len: 8, // u64
} as const;

/** struct ucred: SO_PEERCRED, SCM_CREDENTIALS */
export const ucred = {
  size: 12,
  pid: 0, // s32
  uid: 4, // u32
  gid: 8, // u32
} as const;
