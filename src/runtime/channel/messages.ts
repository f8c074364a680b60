// What the parent (create, run) and the child (init) say to each other, over one pair of sockets. One message, one packet.
//
//   parent                                    child
//      │            (clone)                     │
//      │ ◀──────────────────────────────── born │ only from the process on the way to a joined user namespace, which ends then
//      │ ── mapped ───────────────────────────▶ │ only in a user namespace: becomes its root
//      │                                        │ mounts, up to the first cgroup file system
//      │ completes the cgroup, sets limits,     │
//      │ records the state                      │
//      │ ── ready ────────────────────────────▶ │ enters the cgroup; mounts the rest
//      │ ◀───────────────────────────── mounted │ only if there are
//      │ prestart, createRuntime hooks          │ hooks of the
//      │ ── hooked ───────────────────────────▶ │ runtime
//      │                                        │ createContainer hooks, pivot, becomes the user
//      │ ◀───────────────────────────── entered │ from init, if it is forked into a pid namespace of others: plan/pid-namespace.ts
//      │ ── taken ────────────────────────────▶ │
//      │ ◀──────────────────────────── listener │ if seccomp has an agent: the number of the notify descriptor
//      │ ── taken ────────────────────────────▶ │
//      │ ◀───────────────────────────── created │ waits on start.sock; in `run` it goes on at once:
//      │ ◀───────────────── (end of the channel)│ startContainer hooks, execve
//
// At any moment the child may send `log` (a debug line or a warning) and `step` (one that it has ended, when somebody listens), while it mounts `map` (create/idmapped-mount.ts), or `failed`, which is its last word. Either side reads the end of
// the channel when the other is gone. A container that was created by `create` is started through start.sock (start.ts), whose stream
// carries `failed` and the end likewise.

import { EAGAIN, ECONNRESET, EPIPE } from "../../abi/errno.ts";
import { HostError, isErrno, SpecError, StateError, StepError, SysError } from "../../base/errors.ts";
import type { CgroupPaths } from "../../cgroup/plan.ts";
import type { StepProcess } from "../globals.ts";
import type { Span, StepLog } from "../step.ts";
import type { SourceOp } from "../../rootfs/ops.ts";
import type { Fd } from "../../sys/fd.ts";
import { read, writeAll } from "../../sys/file.ts";
import { host } from "../../sys/host.ts";
import { utf8 } from "../../sys/memory.ts";
import { refuseIfAskedToEnd } from "../../sys/signal.ts";
import { packetLength, recvmsg, sendmsg } from "../../sys/socket.ts";

export type ParentMessage =
  | { readonly kind: "mapped" }
  /** `entries`: in place of `enter`, files of the cgroups come with the message. */
  | { readonly kind: "ready"; readonly enter: CgroupPaths; readonly entries: number; readonly inV2: boolean }
  | { readonly kind: "hooked" }
  | { readonly kind: "taken" };

export type ChildMessage =
  | { readonly kind: "born"; readonly pid: number; readonly uidMap: string; readonly gidMap: string }
  | { readonly kind: "mounted" }
  | { readonly kind: "entered" }
  | { readonly kind: "listener"; readonly fd: number }
  /** A bind source lies in the tree that is being made. `tree` and `mapped` are the child's numbers of a detached copy and of an eventfd to be told by. */
  | { readonly kind: "map"; readonly tree: number; readonly mapped: number; readonly source: SourceOp }
  | { readonly kind: "created" }
  | { readonly kind: "log"; readonly level: "debug" | "warning"; readonly text: string }
  | { readonly kind: "step"; readonly process: StepProcess; readonly span: Span }
  | { readonly kind: "failed"; readonly error: EncodedError };

/** An error as it crosses from one process to the other: the steps around it, outermost first, and what it was. */
export type EncodedError = {
  readonly steps: readonly { readonly step: string; readonly why?: string }[];
  readonly name: string;
  readonly message: string;
  readonly syscall?: string;
  readonly errno?: number;
  readonly detail?: string;
  readonly note?: string;
};

/** What runc logs of its child's first moments, which its callers' tests look for. */
export const DEBUG_BEGIN = ["nsexec container setup", "child process in init()"] as const;

/** What a child tells its parent of its steps, when somebody listens. */
export const tellSteps =
  (channel: Fd, process: StepProcess): StepLog =>
  (span) =>
    send(channel, { kind: "step", process, span });

export function send(to: Fd, message: ParentMessage | ChildMessage, fds: readonly Fd[] = []): void {
  sendmsg(to, utf8(JSON.stringify(message)), fds);
}

/**
 * From the parent. A child that has gone away has said why: that is what the parent reads next. @throws never for that reason
 * [kernel] When it has left a message of ours unread, the next one that we send fails with ECONNRESET, not EPIPE.
 */
export function tellChild(channel: Fd, message: ParentMessage, fds: readonly Fd[] = []): void {
  try {
    send(channel, message, fds);
  } catch (error) {
    if (!isErrno(error, EPIPE, ECONNRESET)) throw error;
  }
}

/** The child: has the parent take the notify descriptor of its filter. By write(2), the one call that no profile hands to the agent. */
export function passNotify(channel: Fd, notify: number): void {
  writeAll(channel, utf8(JSON.stringify({ kind: "listener", fd: notify } satisfies ChildMessage)));
  const answer = receive<ParentMessage>(channel);
  if (answer?.kind !== "taken") throw new HostError("the seccomp agent has not got the notify descriptor");
}

/** The next message; undefined when the other side is gone. */
export function receive<Message extends ParentMessage | ChildMessage>(from: Fd): Message | undefined {
  const length = nextLength(from);
  if (length === 0) return undefined;
  const buffer = new Uint8Array(length); // not the largest that may come: memory costs time where it is first touched
  pastReset(() => read(from, buffer));
  return JSON.parse(host.decode(buffer)) as Message;
}

const MOST_FDS = 64;

/** As receive; the caller closes the descriptors that came along. */
export function receiveWithFds<Message extends ParentMessage | ChildMessage>(
  from: Fd,
): { readonly message: Message; readonly fds: readonly Fd[] } | undefined {
  const length = pastReset(() => packetLength(from));
  if (length === 0) return undefined;
  const buffer = new Uint8Array(length);
  const { fds } = pastReset(() => recvmsg(from, buffer, MOST_FDS));
  return { message: JSON.parse(host.decode(buffer)) as Message, fds };
}

/** How often who waits in the foreground looks whether it has been asked to end: its signals are blocked, to be passed on to the program. */
export const LOOK_MS = 200;

/** Waits for the next message and leaves it there; its length, 0 at the end. @throws HostError when we have been asked to end meanwhile */
export function nextLength(from: Fd): number {
  for (;;) {
    try {
      return pastReset(() => packetLength(from));
    } catch (error) {
      if (!isErrno(error, EAGAIN)) throw error; // the channel waits no longer than LOOK_MS
    }
    refuseIfAskedToEnd();
  }
}

/** [kernel] When the other side ends with a message of ours unread, its end is reported once as an error, before what it had said. */
export function pastReset<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, ECONNRESET)) return act();
    throw error;
  }
}

/** From the child: why it fails, if anybody listens. */
export function tellFailure(to: Fd, error: unknown): void {
  try {
    send(to, { kind: "failed", error: encodeError(error) });
  } catch {
    // nobody listens: the exit status is all that is left to say
  }
}

function encodeError(error: unknown): EncodedError {
  const steps: { step: string; why?: string }[] = [];
  let leaf = error;
  for (; leaf instanceof StepError; leaf = leaf.cause)
    steps.push(leaf.why === undefined ? { step: leaf.step } : { step: leaf.step, why: leaf.why });
  if (leaf instanceof SysError)
    return {
      steps,
      name: leaf.name,
      message: leaf.message,
      syscall: leaf.syscall,
      errno: leaf.errno,
      detail: leaf.detail,
      ...(leaf.note !== undefined && { note: leaf.note }),
    };
  if (leaf instanceof Error)
    return { steps, name: leaf.name, message: isOurs(leaf) ? leaf.message : `${leaf.message}\n${leaf.stack ?? ""}` };
  return { steps, name: "Error", message: String(leaf) };
}

const isOurs = (error: Error): boolean =>
  error instanceof HostError || error instanceof StateError || error instanceof SpecError;

export function decodeError(encoded: EncodedError): unknown {
  const { steps, name, message, syscall, errno, detail, note } = encoded;
  const leaf =
    syscall !== undefined && errno !== undefined
      ? new SysError(syscall, errno, detail ?? "", note)
      : name === "HostError"
        ? new HostError(message)
        : new Error(message);
  return steps.reduceRight<unknown>((cause, { step, why }) => new StepError(step, cause, why), leaf);
}
