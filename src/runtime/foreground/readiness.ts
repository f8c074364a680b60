// NOTIFY_SOCKET of our own environment: who gave it to us waits to hear that the container's service is ready. notify.ts knows how that is said.
// Loaded on demand by `start` and `run`. The container runs by then: what fails here is a warning.

import { POLLIN } from "../../abi/poll.ts";
import type { HostPid } from "../../base/brand.ts";
import { awaitReady, listenForReady, passReady } from "../../notify.ts";
import { sendSignalOnInput, type Fd } from "../../sys/fd.ts";
import { poll } from "../../sys/poll.ts";
import { getpid } from "../../sys/process.ts";
import { openInit } from "../state/status.ts";
import type { Globals } from "../globals.ts";
import type { ContainerRecord, StateDirectory } from "../state/store.ts";

export type Readiness = { readonly listener: Fd; readonly target: string };

/** Before the service starts. Undefined when the container was created by who had no NOTIFY_SOCKET. */
export function listen(directory: StateDirectory, target: string): Readiness | undefined {
  const listener = listenForReady(directory.fd);
  return listener && { listener, target };
}

/** For who ends now: waits until the service is ready, or its container has ended. */
export function waitUntilReady(
  { listener, target }: Readiness,
  record: ContainerRecord,
  pid: HostPid,
  globals: Globals,
): void {
  using init = openInit(record) ?? null;
  warned(globals, () => awaitReady(listener, init ?? undefined, target, pid));
}

/**
 * In the foreground: we are who systemd watches, and there is more to attend to. The kernel shall send us SIGIO when the service has spoken.
 * @returns what is to be done then
 */
export function passReadyOnSignal({ listener, target }: Readiness, globals: Globals): () => void {
  const own = getpid();
  let done = false;
  const pass = (): void => {
    while (!done && poll([{ fd: listener, events: POLLIN }], 0)[0] !== 0) {
      done = true; // also when it fails: nobody is there to hear more
      warned(globals, () => (done = passReady(listener, target, own, false)));
      if (done) listener[Symbol.dispose](); // [kernel] what the service says to a full socket that nobody reads would block it
    }
  };
  sendSignalOnInput(listener, own);
  pass(); // what came before we asked
  return pass;
}

function warned(globals: Globals, act: () => void): void {
  try {
    act();
  } catch (error) {
    globals.warn(
      `the container's readiness could not be passed on: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
