// Readiness, as sd_notify(3) tells it: the service in the container says READY=1 to a socket of ours, and we pass it on to whoever gave us
// NOTIFY_SOCKET, with the pid that systemd shall watch from then on. Nothing else is passed on, as with runc. Loaded on demand.
//
//   service ── READY=1 ──▶ /run/notify/notify.sock, on the host <state>/notify/notify.sock ──▶ start, run ── READY=1, MAINPID=…, BARRIER=1 ──▶ $NOTIFY_SOCKET
//
// `create` makes the directory, which is bound into the container. The socket in it is made by who listens, `start` or `run`: it appears in the
// container however late it comes.

import { ENOENT, ENOTDIR } from "./abi/errno.ts";
import { AT_REMOVEDIR, O_DIRECTORY, O_PATH } from "./abi/fcntl.ts";
import { POLLIN } from "./abi/poll.ts";
import { AF_UNIX, SOCK_DGRAM } from "./abi/socket.ts";
import { hostPath, type HostPath, type HostPid } from "./base/brand.ts";
import { isErrno } from "./base/errors.ts";
import type { Spec } from "./spec/types.ts";
import type { Fd } from "./sys/fd.ts";
import { openat, pipe, read } from "./sys/file.ts";
import { mkdirat, unlinkat } from "./sys/directory.ts";
import { fchmodat } from "./sys/stat.ts";
import { host } from "./sys/host.ts";
import { utf8 } from "./sys/memory.ts";
import { poll } from "./sys/poll.ts";
import { bindUnix, connectUnix, sendmsg, socket } from "./sys/socket.ts";

const DIRECTORY = "notify";
const SOCKET = "notify.sock";
const IN_CONTAINER = "/run/notify";
const BARRIER_MS = 30_000;
const DATAGRAM_BYTES = 4096;

/** Where the directory is for the container whose state is in `state`. */
export const notifyDirectory = (state: string): HostPath => hostPath(`${state}/${DIRECTORY}`);

/** What config.json would say if it knew: one mount more, one variable more, each after all others. @param directory of notifyDirectory */
export function withNotify(spec: Spec, directory: HostPath): Spec {
  const mount = {
    destination: IN_CONTAINER,
    type: undefined,
    source: directory,
    options: ["bind", "nosuid", "noexec", "nodev", "ro"],
    uidMappings: [],
    gidMappings: [],
    why: "NOTIFY_SOCKET",
  };
  return {
    ...spec,
    mounts: [...spec.mounts, mount],
    process: spec.process && { ...spec.process, env: [...spec.process.env, `NOTIFY_SOCKET=${IN_CONTAINER}/${SOCKET}`] },
  };
}

/** Makes the directory that is bound into the container. Before the mount sources are opened. @param state the state directory */
export function makeNotifyDirectory(state: Fd): void {
  mkdirat(state, DIRECTORY, 0o755);
  fchmodat(state, DIRECTORY, 0o755); // whatever our umask is: the container's user must get through
}

/** Removes it, if it is there. */
export function removeNotifyDirectory(state: Fd): void {
  for (const [path, flags] of [
    [`${DIRECTORY}/${SOCKET}`, 0],
    [DIRECTORY, AT_REMOVEDIR],
  ] as const) {
    try {
      unlinkat(state, path, flags);
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
    }
  }
}

/** The socket that the service speaks to; the caller closes it. Undefined when the container was created without one. */
export function listenForReady(state: Fd): Fd | undefined {
  let directory: Fd;
  try {
    directory = openat(state, DIRECTORY, O_PATH | O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, ENOENT)) return undefined; // `create` knew of no NOTIFY_SOCKET, so the service knows of none either
    throw error;
  }
  using closed = directory;
  const listener = socket(AF_UNIX, SOCK_DGRAM, 0);
  try {
    unlinkat(closed, SOCKET); // of a `start` that was killed
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error;
  }
  bindUnix(listener, `${closed.procPath}/${SOCKET}`); // a state root may be longer than an address
  fchmodat(closed, SOCKET, 0o777); // [kernel] to send, the container's user must be allowed to write to it
  return listener;
}

/**
 * Reads what the service says, once there is something, and passes readiness on.
 * @param target NOTIFY_SOCKET of our caller @param mainPid the process that systemd shall watch
 * @param wait until systemd has read it all, for who ends afterwards: [kernel] systemd finds out who sent a message as long as the sender is there
 * @returns true when the service has said that it is ready: there is nothing more to do
 */
export function passReady(listener: Fd, target: string, mainPid: HostPid, wait: boolean): boolean {
  const buffer = new Uint8Array(DATAGRAM_BYTES);
  const ready = readyLine(host.decode(buffer.subarray(0, read(listener, buffer))));
  if (ready === undefined) return false;
  using systemd = connectUnix(target, SOCK_DGRAM);
  sendmsg(systemd, utf8(`${ready}\n`), []);
  sendmsg(systemd, utf8(`MAINPID=${mainPid}\n`), []);
  barrier(systemd, wait);
  return true;
}

/** A message is lines "NAME=value". @see sd_notify(3) */
export const readyLine = (message: string): string | undefined =>
  message.split("\n").find((line) => line.startsWith("READY="));

/** systemd closes the descriptor when it has come so far. Who knows no barriers keeps it, and is not waited for any longer. @see sd_notify_barrier(3) */
function barrier(systemd: Fd, wait: boolean): void {
  const { read: ours, write: theirs } = pipe();
  using end = ours;
  sendmsg(systemd, utf8("BARRIER=1"), [theirs]);
  theirs[Symbol.dispose]();
  if (wait) poll([{ fd: end, events: POLLIN }], BARRIER_MS);
}

/**
 * Waits until the service is ready or its container has ended, for `start` and `run --detach`.
 * @param init the container's process; undefined when it has ended already
 */
export function awaitReady(listener: Fd, init: Fd | undefined, target: string, mainPid: HostPid): void {
  for (;;) {
    const [said, ended] = poll(
      [{ fd: listener, events: POLLIN }, ...(init === undefined ? [] : [{ fd: init, events: POLLIN }])],
      init === undefined ? 0 : undefined,
    );
    if (said === 0 && ended !== undefined && ended !== 0) return;
    if (said === 0 && init === undefined) return;
    if (said !== 0 && passReady(listener, target, mainPid, true)) return;
  }
}
