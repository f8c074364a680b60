// Unix sockets: pairs between our own processes, and streams that carry descriptors (SCM_RIGHTS).

import {
  SYS_accept4,
  SYS_bind,
  SYS_connect,
  SYS_fcntl,
  SYS_getsockopt,
  SYS_listen,
  SYS_recvfrom,
  SYS_recvmsg,
  SYS_sendmsg,
  SYS_setsockopt,
  SYS_socket,
  SYS_socketpair,
} from "../abi/syscall.ts";
import {
  AF_UNIX,
  cmsghdr,
  iovec,
  MSG_CMSG_CLOEXEC,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  msghdr,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_SNDTIMEO,
  sockaddr_un,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  ucred,
} from "../abi/socket.ts";
import { EAGAIN, ENAMETOOLONG } from "../abi/errno.ts";
import { F_SETFL } from "../abi/fcntl.ts";
import { timeval } from "../abi/time.ts";
import { SysError } from "../base/errors.ts";
import { Fd } from "./fd.ts";
import { syscall } from "./call.ts";
import { fchmod } from "./stat.ts";
import { host } from "./host.ts";
import { Struct, utf8 } from "./memory.ts";
import { refuseIfAskedToEnd } from "./signal.ts";
import { sleepMs } from "./time.ts";

/** Two connected sockets; the caller closes both. @param type SOCK_STREAM, SOCK_SEQPACKET … @see socketpair(2) */
export function socketpair(type: number): readonly [Fd, Fd] {
  const ends = new Int32Array(2);
  syscall("socketpair", SYS_socketpair, "AF_UNIX", AF_UNIX, type + SOCK_CLOEXEC, 0, ends);
  return [new Fd(ends[0] as number), new Fd(ends[1] as number)];
}

/** A socket; the caller closes it. @see socket(2) */
export function socket(family: number, type: number, protocol: number): Fd {
  return new Fd(syscall("socket", SYS_socket, `family ${family}`, family, type + SOCK_CLOEXEC, protocol));
}

/** The address of a unix socket, and its length; "@name" is an abstract one. @throws SysError ENAMETOOLONG past 107 bytes @see unix(7) */
function unixAddress(call: string, path: string): { readonly address: ArrayBuffer; readonly length: number } {
  const bytes = utf8(path);
  if (bytes.byteLength > 107) throw new SysError(call, ENAMETOOLONG, path);
  const address = new Struct(sockaddr_un.size).u16(sockaddr_un.sun_family, AF_UNIX);
  const name = new Uint8Array(address.buffer, sockaddr_un.sun_path);
  name.set(bytes);
  if (!path.startsWith("@")) return { address: address.buffer, length: sockaddr_un.sun_path + bytes.byteLength + 1 };
  name[0] = 0;
  return { address: address.buffer, length: sockaddr_un.sun_path + bytes.byteLength };
}

/** A listening stream socket at `path`, for its owner alone; the caller closes it and unlinks the path. @throws SysError EADDRINUSE @see bind(2), listen(2) */
export function listenUnix(path: string): Fd {
  const { address, length } = unixAddress("bind", path);
  const listener = socket(AF_UNIX, SOCK_STREAM, 0);
  try {
    fchmod(listener, 0o600); // [kernel] the mode that the name gets, as far as the caller's umask lets it: there is no moment at which it has another
    syscall("bind", SYS_bind, path, listener.raw, address, length);
    syscall("listen", SYS_listen, path, listener.raw, 1);
    return listener;
  } catch (error) {
    listener[Symbol.dispose]();
    throw error;
  }
}

/** Waits for a connection; the caller closes it. @see accept4(2) */
export function accept(listener: Fd): Fd {
  return new Fd(syscall("accept4", SYS_accept4, listener.raw, listener.raw, null, null, SOCK_CLOEXEC));
}

/** Gives a unix socket its name. @throws SysError EADDRINUSE, ENAMETOOLONG past 107 bytes @see bind(2) */
export function bindUnix(to: Fd, path: string): void {
  const { address, length } = unixAddress("bind", path);
  syscall("bind", SYS_bind, path, to.raw, address, length);
}

/** How long one who listens may leave us waiting: with a queue that is full, or by not reading. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/**
 * A stream, or a socket of another type, connected to the unix socket at `path`; the caller closes it. It is blocking, but no send waits longer than
 * PATIENCE_MS.
 * @throws SysError EAGAIN when the queue of the one who listens stays full as long, ENAMETOOLONG past 107 bytes, ECONNREFUSED, ENOENT; HostError when a
 * signal asks us to end meanwhile
 * @see unix(7)
 */
export function connectUnix(path: string, type: number = SOCK_STREAM): Fd {
  const { address, length } = unixAddress("connect", path);
  const stream = socket(AF_UNIX, type + SOCK_NONBLOCK, 0);
  try {
    for (let waited = 0; ; waited += PAUSE_MS) {
      const result = host.syscall(SYS_connect, stream.raw, address, length);
      if (result >= 0) break;
      if (result !== -EAGAIN || waited >= PATIENCE_MS) throw new SysError("connect", -result, path); // [kernel] a full queue cannot be polled for
      refuseIfAskedToEnd();
      sleepMs(PAUSE_MS);
    }
    limitWaits(stream, SO_SNDTIMEO, PATIENCE_MS);
    syscall("fcntl", SYS_fcntl, "F_SETFL 0", stream.raw, F_SETFL, 0); // blocking again
    return stream;
  } catch (error) {
    stream[Symbol.dispose]();
    throw error;
  }
}

/** From here on no receive (SO_RCVTIMEO) or send (SO_SNDTIMEO) waits longer: it fails with EAGAIN. @see socket(7) */
export function limitWaits(stream: Fd, option: number, timeoutMs: number): void {
  const limit = new Struct(timeval.size)
    .u64(timeval.tv_sec, Math.floor(timeoutMs / 1000))
    .u64(timeval.tv_usec, (timeoutMs % 1000) * 1000);
  syscall("setsockopt", SYS_setsockopt, "timeout", stream.raw, SOL_SOCKET, option, limit.buffer, timeval.size);
}

/** Who has connected to us, or made the pair, as our own user namespace numbers its uid. @see unix(7), SO_PEERCRED */
export function peerUid(stream: Fd): number {
  const credentials = new Struct(ucred.size);
  syscall(
    "getsockopt",
    SYS_getsockopt,
    "SO_PEERCRED",
    stream.raw,
    SOL_SOCKET,
    SO_PEERCRED,
    credentials.buffer,
    new Int32Array([ucred.size]),
  );
  return credentials.getU32(ucred.uid);
}

/** Sends bytes and descriptors in one message; ours stay open. @see sendmsg(2), unix(7) */
export function sendmsg(to: Fd, bytes: Uint8Array, fds: readonly Fd[]): number {
  const vector = new Struct(iovec.size).pointer(iovec.iov_base, bytes).u64(iovec.iov_len, bytes.byteLength);
  const header = new Struct(msghdr.size).pointer(msghdr.msg_iov, vector.buffer).u64(msghdr.msg_iovlen, 1);
  if (fds.length > 0) {
    const length = cmsghdr.size + 4 * fds.length;
    const control = new Struct((length + 7) & ~7)
      .u64(cmsghdr.cmsg_len, length)
      .u32(cmsghdr.cmsg_level, SOL_SOCKET)
      .u32(cmsghdr.cmsg_type, SCM_RIGHTS);
    fds.forEach((fd, i) => control.u32(cmsghdr.size + 4 * i, fd.raw));
    header.pointer(msghdr.msg_control, control.buffer).u64(msghdr.msg_controllen, control.buffer.byteLength);
  }
  return syscall("sendmsg", SYS_sendmsg, to.raw, to.raw, header.buffer, MSG_NOSIGNAL);
}

/** Waits for the next message of a SOCK_SEQPACKET socket and leaves it there; its length in bytes, 0 at the end. @see recv(2), MSG_TRUNC */
export function packetLength(from: Fd): number {
  return syscall("recvfrom", SYS_recvfrom, from.raw, from.raw, new Uint8Array(1), 1, MSG_PEEK | MSG_TRUNC, null, null);
}

/** Receives one message; 0 bytes at the end of the stream. The caller closes the descriptors. @see recvmsg(2) */
export function recvmsg(
  from: Fd,
  buffer: Uint8Array,
  maxFds = 0,
): { readonly length: number; readonly fds: readonly Fd[] } {
  const vector = new Struct(iovec.size).pointer(iovec.iov_base, buffer).u64(iovec.iov_len, buffer.byteLength);
  const header = new Struct(msghdr.size).pointer(msghdr.msg_iov, vector.buffer).u64(msghdr.msg_iovlen, 1);
  const control = new Struct((cmsghdr.size + 4 * maxFds + 7) & ~7);
  if (maxFds > 0)
    header.pointer(msghdr.msg_control, control.buffer).u64(msghdr.msg_controllen, control.buffer.byteLength);
  const length = syscall("recvmsg", SYS_recvmsg, from.raw, from.raw, header.buffer, MSG_CMSG_CLOEXEC);
  const fds: Fd[] = [];
  if (
    maxFds > 0 &&
    header.getNumber(msghdr.msg_controllen) >= cmsghdr.size &&
    control.getI32(cmsghdr.cmsg_type) === SCM_RIGHTS
  )
    for (let at = cmsghdr.size; at < control.getNumber(cmsghdr.cmsg_len); at += 4) fds.push(new Fd(control.getI32(at)));
  return { length, fds };
}

/** From here on the kernel notes with each message who sends it, for recvSender. @see unix(7), SO_PASSCRED */
export function noteSenders(to: Fd): void {
  syscall("setsockopt", SYS_setsockopt, "SO_PASSCRED", to.raw, SOL_SOCKET, SO_PASSCRED, new Int32Array([1]), 4);
}

/** Receives one message and who sent it, as our pid namespace numbers processes; 0 when it shows none. 0 bytes at the end. @see recvmsg(2), unix(7) */
export function recvSender(from: Fd, buffer: Uint8Array): { readonly length: number; readonly pid: number } {
  const vector = new Struct(iovec.size).pointer(iovec.iov_base, buffer).u64(iovec.iov_len, buffer.byteLength);
  const control = new Struct((cmsghdr.size + ucred.size + 7) & ~7);
  const header = new Struct(msghdr.size)
    .pointer(msghdr.msg_iov, vector.buffer)
    .u64(msghdr.msg_iovlen, 1)
    .pointer(msghdr.msg_control, control.buffer)
    .u64(msghdr.msg_controllen, control.buffer.byteLength);
  const length = syscall("recvmsg", SYS_recvmsg, from.raw, from.raw, header.buffer, MSG_CMSG_CLOEXEC);
  const noted =
    header.getNumber(msghdr.msg_controllen) >= cmsghdr.size && control.getI32(cmsghdr.cmsg_type) === SCM_CREDENTIALS;
  return { length, pid: noted ? control.getI32(cmsghdr.cmsg_data + ucred.pid) : 0 };
}
