// A conversation with `criu swrk`: requests go to it and its notifications are answered, over a socket that it was started with.

import { ECONNRESET, EPIPE } from "../abi/errno.ts";
import { POLLIN } from "../abi/poll.ts";
import { X_OK } from "../abi/unistd.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { environment, getenv } from "../sys/environ.ts";
import { duplicate, inherit, type Fd } from "../sys/fd.ts";
import { closeAllBut } from "../sys/file.ts";
import { accessErrno, fileTypeOrErrno } from "../sys/stat.ts";
import { host } from "../sys/host.ts";
import { utf8 } from "../sys/memory.ts";
import { poll } from "../sys/poll.ts";
import { execve } from "../sys/process.ts";
import { packetLength, recvmsg, sendmsg } from "../sys/socket.ts";
import { S_IFREG } from "../abi/stat.ts";
import { decodeResponse, encodeRequest, REQUESTS, type CriuRequest, type CriuResponse } from "./messages.ts";

/** Callers may leave no PATH, or a user's without sbin. CRIU needs one as well: for tar, iptables-restore and others. */
const ALWAYS_SEARCHED = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] as const;

function searched(): readonly string[] {
  const own = (getenv("PATH") ?? "").split(":").filter((part) => part !== "");
  return [...own, ...ALWAYS_SEARCHED.filter((part) => !own.includes(part))];
}

/** Where a program of this name is in $PATH; undefined where it is not. */
export function inPath(name: string): string | undefined {
  return searched()
    .map((directory) => `${directory}/${name}`)
    .find((path) => accessErrno(path, X_OK) === 0 && fileTypeOrErrno(path) === S_IFREG);
}

/** @param named what --criu says @throws HostError when there is no such program */
export function findCriu(named: string | undefined): string {
  const path = named === undefined || !named.includes("/") ? inPath(named ?? "criu") : named;
  if (path !== undefined && accessErrno(path, X_OK) === 0) return path;
  throw new HostError(`CRIU is not installed: there is no program ${named ?? "criu"} in ${searched().join(":")}`);
}

/** Where CRIU finds the descriptors that it is given: the socket, then the others. */
const SOCKET = 3;
export const FIRST_PASSED = 4;

/** In the child: becomes CRIU. Its standard streams are ours. @param passed what it has from FIRST_PASSED on @throws SysError of execve */
export function becomeCriu(program: string, socket: Fd, passed: readonly Fd[]): never {
  const moved = [socket, ...passed].map((fd) => duplicate(fd, 64)); // out of the way of the numbers that they get
  moved.forEach((fd, i) => inherit(fd, SOCKET + i));
  closeAllBut(SOCKET + moved.length, []);
  const others = environment().filter((entry) => !entry.startsWith("PATH="));
  execve(program, [program, "swrk", String(SOCKET)], [...others, `PATH=${searched().join(":")}`]);
}

export type Notification = {
  readonly script: string;
  readonly pid: number | undefined;
  /** Closed after the answer. */ readonly fd: Fd | undefined;
};

/** What the conversation needs of its caller. */
export type Listener = {
  /** When it throws CRIU is told that it failed, which makes it undo what it has done. */
  readonly notified?: (notification: Notification) => void;
  /** Called every `everyMs` while CRIU works. */
  readonly waiting?: { readonly everyMs: number; readonly act: () => void };
};

/** Said in place of CRIU by the process that was to become it, as JSON. */
export class NotStarted extends HostError {}

/**
 * Sends a request and waits for its answer; notifications that come meanwhile are passed on.
 * @param process the pidfd of CRIU [kernel] its children may hold the other end of the socket open when it has died
 * @returns also an answer that says that the request failed
 * @throws HostError "CRIU has ended without an answer", what a listener threw, NotStarted
 */
export function ask(socket: Fd, process: Fd, request: CriuRequest, listener: Listener = {}): CriuResponse {
  let failure: { readonly error: unknown } | undefined;
  tell(socket, request);
  for (;;) {
    const received = next(socket, process, listener);
    const { response, fd } = received;
    using _closed = fd ?? null;
    const { notification } = response;
    if (response.type !== REQUESTS.notify || notification === undefined) {
      if (failure !== undefined) throw failure.error;
      return response;
    }
    try {
      listener.notified?.({ ...notification, fd });
    } catch (error) {
      failure ??= { error }; // CRIU undoes its work before we undo ours
    }
    tell(socket, { kind: "notify", notifySuccess: failure === undefined });
  }
}

/** When CRIU has gone its last word is still to be read. */
function tell(socket: Fd, request: CriuRequest): void {
  try {
    sendmsg(socket, encodeRequest(request, utf8), []);
  } catch (error) {
    if (!isErrno(error, EPIPE, ECONNRESET)) throw error;
  }
}

function next(
  socket: Fd,
  process: Fd,
  { waiting }: Listener,
): { readonly response: CriuResponse; readonly fd: Fd | undefined } {
  for (;;) {
    const [said = 0, ended = 0] = poll(
      [
        { fd: socket, events: POLLIN },
        { fd: process, events: POLLIN },
      ],
      waiting?.everyMs,
    );
    if (said !== 0) break;
    if (ended !== 0) throw gone();
    waiting?.act();
  }
  const length = lengthOrReset(socket);
  if (length === 0) throw gone();
  const buffer = new Uint8Array(length);
  const { fds } = recvmsg(socket, buffer, 1);
  if (buffer[0] === 0x7b) throw new NotStarted(host.decode(buffer)); // "{" begins no answer of CRIU's
  return { response: decodeResponse(buffer, (bytes) => host.decode(bytes)), fd: fds[0] };
}

/** [kernel] The end of one who leaves a message of ours unread is told as an error. */
function lengthOrReset(socket: Fd): number {
  try {
    return packetLength(socket);
  } catch (error) {
    if (isErrno(error, ECONNRESET)) return 0;
    throw error;
  }
}

const gone = (): HostError => new HostError("CRIU has ended without an answer");
