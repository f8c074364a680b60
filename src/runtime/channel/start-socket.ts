// Where a created container waits for `start`: a unix socket in its state directory. init accepts one connection, answers "+", and closes it by
// execve; before that it may send `failed`. So `start` knows when the user's program runs, and why it does not.
//
// The socket is reached through the state directory's descriptor: a path of more than 107 bytes does not fit an address, a state root may.

import { EBADF, ECONNREFUSED, ENOENT, EPROTOTYPE } from "../../abi/errno.ts";
import { SOCK_DGRAM } from "../../abi/socket.ts";
import { isErrno } from "../../base/errors.ts";
import { Fd } from "../../sys/fd.ts";
import { lstatIfThere } from "../../sys/stat.ts";
import { accept, connectUnix, listenUnix, peerUid } from "../../sys/socket.ts";
import type { StateDirectory } from "../state/store.ts";

const pathOf = (directory: StateDirectory): string => `${directory.fd.procPath}/start.sock`;

/** Makes the socket; its name in the state directory says "created". The caller closes it. */
export const listenForStart = (directory: StateDirectory): Fd => listenUnix(pathOf(directory));

/** [kernel] How a uid looks in a user namespace that has no number for it. */
const OVERFLOW_UID = 65534;

/**
 * Waits for `start`; the stream to answer on, which the caller closes. The kernel lets nobody connect but the owner and root; a connection of anybody
 * else's, as far as our user namespace tells them apart, is closed.
 * @param owner who created the container, as we count
 */
export function acceptStart(listener: Fd, owner: number): Fd {
  for (;;) {
    const stream = accept(listener);
    if ([owner, 0, OVERFLOW_UID].includes(peerUid(stream))) return stream;
    stream[Symbol.dispose]();
  }
}

/**
 * Whether init waits for `start`. The name alone does not tell: whoever has started it may have died before it could remove that.
 * [kernel] Asked for a stream's socket as for one of datagrams, the kernel says EPROTOTYPE as long as somebody listens there, and ECONNREFUSED afterwards.
 */
export function isAwaited(directory: StateDirectory): boolean {
  if (lstatIfThere(directory.fd, "start.sock") === undefined) return false;
  try {
    connectUnix(pathOf(directory), SOCK_DGRAM)[Symbol.dispose]();
    return false;
  } catch (error) {
    if (isErrno(error, EPROTOTYPE)) return true;
    if (isErrno(error, ECONNREFUSED, ENOENT)) return false;
    throw error;
  }
}

/** Whether acceptStart may be called: a descriptor that is none is refused as such. @throws SysError what a seccomp profile answers */
export function tryAccept(): void {
  try {
    using _none = accept(new Fd(0x7fff_ffff));
  } catch (error) {
    if (!isErrno(error, EBADF)) throw error;
  }
}

/** @throws SysError ECONNREFUSED when init is gone or has been started, ENOENT when it was started */
export const connectStart = (directory: StateDirectory): Fd => connectUnix(pathOf(directory));
