// `tsrun start`: lets a created container's init become the user's program.

import { hostPid } from "../base/brand.ts";
import { notifySocket } from "./foreground/notify-socket.ts";
import type { Readiness } from "./foreground/readiness.ts";
import { ECONNREFUSED, ECONNRESET, ENOENT } from "../abi/errno.ts";
import { isErrno, StateError, StepError } from "../base/errors.ts";
import type { Status } from "../spec/types.ts";
import { read } from "../sys/file.ts";
import { unlinkat } from "../sys/directory.ts";
import type { Fd } from "../sys/fd.ts";
import { host } from "../sys/host.ts";
import { decodeError, type ChildMessage } from "./channel/messages.ts";
import type { Globals } from "./globals.ts";
import { destroy, killInit } from "./state/destroy.ts";
import { hookState, runHooks } from "./lifecycle-hooks.ts";
import { connectStart } from "./channel/start-socket.ts";
import { initAlive, statusOf } from "./state/status.ts";
import { step } from "./step.ts";
import { openContainer, readRecord, type ContainerRecord, type StateDirectory } from "./state/store.ts";
import defer * as cgroupProcesses from "../cgroup/processes.ts";
import defer * as readinessRelay from "./foreground/readiness.ts";

/** @throws StateError unless the container is created; StepError with what init failed at after that */
export function startContainer(globals: Globals, id: string): void {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  refuseUnlessCreated(statusOf(directory, record), record);
  const readiness = step("listen for readiness", () => listenFor(notifySocket(), directory));
  orDestroy(globals, directory, record, () => {
    step("start", () => begin(directory, record));
    step("run poststart hooks", () =>
      runHooks("poststart", record.poststart, hookState(record, "running", record.pid)),
    );
  });
  step(
    "wait for readiness",
    () => readiness && readinessRelay.waitUntilReady(readiness, record, hostPid(record.pid), globals),
  );
}

/**
 * [spec] runtime.md, Lifecycle, 7 and 9: where a startContainer or poststart hook fails the container is stopped, and the lifecycle goes on
 * with its destruction and the poststop hooks (12 and 13), as without `delete`. So does crun; runc leaves a stopped container.
 */
function orDestroy(globals: Globals, directory: StateDirectory, record: ContainerRecord, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (isOfHook(error)) {
      try {
        killInit(record);
        destroy(globals, directory, record);
      } catch (second) {
        globals.warn("the container could not be destroyed", second);
      }
    }
    throw error;
  }
}

const isOfHook = (error: unknown): boolean =>
  error instanceof StepError && (error.why?.startsWith("/hooks/") === true || isOfHook(error.cause));

const listenFor = (target: string | undefined, directory: StateDirectory): Readiness | undefined =>
  target === undefined ? undefined : readinessRelay.listen(directory, target);

function refuseUnlessCreated(status: Status, record: ContainerRecord): void {
  if (status === "created") return;
  if (status === "stopped") throw stopped(record);
  if (status === "running") throw new StateError("cannot start an already running container");
  if (status === "creating") throw new StateError("cannot start a container in the creating state");
  throw new StateError(`cannot start a container in the ${status} state`);
}

/** Why it has, when the kernel knows: init may have died of its memory limit while it waited. */
function stopped(record: ContainerRecord): StateError {
  const oom = cgroupProcesses.oomKilled(record.cgroup ?? []);
  return new StateError(
    oom === undefined
      ? "cannot start a container that has stopped"
      : `cannot start a container that has stopped: ${cgroupProcesses.oomWords(oom)}`,
  );
}

function begin(directory: StateDirectory, record: ContainerRecord): void {
  let stream: Fd;
  try {
    stream = connectStart(directory);
  } catch (error) {
    if (isErrno(error, ECONNREFUSED, ENOENT)) throw new StateError("cannot start an already running container"); // another `start` was quicker
    throw error;
  }
  using _closed = stream;
  const answer = readToEnd(stream, () => unlinkat(directory.fd, "start.sock"));
  if (answer === "")
    throw initAlive(record) ? new StateError("cannot start an already running container") : stopped(record);
  if (answer === "+") return; // the stream ended in execve
  const message = JSON.parse(answer.slice(1)) as ChildMessage;
  if (message.kind === "failed") throw decodeError(message.error);
}

/** @param begun called once init has answered @returns "" when it never did: another `start` was quicker, or init has died */
function readToEnd(stream: Fd, begun: () => void): string {
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    const length = readOrReset(stream, buffer);
    if (length === 0) return text;
    if (text === "") begun();
    text += host.decode(buffer.subarray(0, length));
  }
}

/** [kernel] A connection that nobody has accepted is reset when its listener is closed. */
function readOrReset(stream: Fd, buffer: Uint8Array): number {
  try {
    return read(stream, buffer);
  } catch (error) {
    if (isErrno(error, ECONNRESET)) return 0;
    throw error;
  }
}
