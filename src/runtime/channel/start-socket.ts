// Where a created container waits for `start`: a unix socket in its state directory. init accepts one connection, answers "+", and closes it by
// execve; before that it may send `failed`. So `start` knows when the user's program runs, and why it does not.
//
// The socket is reached through the state directory's descriptor: a path of more than 107 bytes does not fit an address, a state root may.

import type { Fd } from "../../sys/fd.ts";
import { accept, connectUnix, listenUnix } from "../../sys/socket.ts";
import type { StateDirectory } from "../state/store.ts";

const pathOf = (directory: StateDirectory): string => `${directory.fd.procPath}/start.sock`;

/** Makes the socket; its name in the state directory says "created". The caller closes it. */
export const listenForStart = (directory: StateDirectory): Fd => listenUnix(pathOf(directory));

/** Waits for `start`; the stream to answer on, which the caller closes. */
export const acceptStart = (listener: Fd): Fd => accept(listener);

/** @throws SysError ECONNREFUSED when init is gone or has been started, ENOENT when it was started */
export const connectStart = (directory: StateDirectory): Fd => connectUnix(pathOf(directory));
