// Running the hooks of config.json: the state on stdin, a time limit, and an error that shows what the hook said.

import { POLLIN, POLLOUT } from "./abi/poll.ts";
import { SIGKILL, SIGPIPE } from "./abi/signal.ts";
import { EPIPE } from "./abi/errno.ts";
import { HostError, isErrno, StepError, SysError } from "./base/errors.ts";
import type { Hook, HookKind, State } from "./spec/types.ts";
import { environment } from "./sys/environ.ts";
import { inherit, type Fd } from "./sys/fd.ts";
import { chdir } from "./sys/directory.ts";
import { pipe, read, writeAll } from "./sys/file.ts";
import { host } from "./sys/host.ts";
import { utf8 } from "./sys/memory.ts";
import { poll } from "./sys/poll.ts";
import { clone3, execve, exit_group, pidfd_send_signal, waitPidfd, type Ending } from "./sys/process.ts";
import { ALL_SIGNALS, askedToEnd, blockSignals, resetChildSignal, resetSignals, unblockSignals } from "./sys/signal.ts";
import { monotonicMs } from "./sys/time.ts";
import defer * as signalTexts from "./sys/signal-texts.ts";

const SHOWN_OUTPUT_BYTES = 64 * 1024;
const PIPE_BUF = 4096;
/** How often we look whether we have been asked to end, by a signal that is blocked. */
const LOOK_MS = 200;

/**
 * Where a hook is run: those of the runtime in the bundle's directory, with our own environment unless they give one; those in the
 * container where init is, and nothing of our caller's environment gets there.
 */
export type HookPlace = { readonly directory: string | undefined; readonly env: readonly string[] | undefined };

/** @param env of the container's process, which startContainer hooks have (as with runc) */
const placeOf = (kind: HookKind, state: State, env: readonly string[]): HookPlace =>
  kind === "createContainer" || kind === "startContainer"
    ? { directory: undefined, env }
    : { directory: state.bundle, env: undefined };

/**
 * Runs the hooks in order; the first that fails ends it.
 * @param env what startContainer hooks have that give none
 * @throws StepError naming the hook, with runc's text
 */
export function runHooks(kind: HookKind, hooks: readonly Hook[], state: State, env: readonly string[] = []): void {
  hooks.forEach((hook, i) => {
    try {
      runHook(kind, hook, state, env);
    } catch (error) {
      throw new StepError(`error running ${kind} hook #${i}`, error, `/hooks/${kind}/${i}`);
    }
  });
}

/** @throws HostError when the hook fails, is killed or takes longer than its timeout */
export function runHook(kind: HookKind, hook: Hook, state: State, env: readonly string[] = []): void {
  resetChildSignal();
  blockSignals([SIGPIPE]); // a hook that ends without reading its input must not end us
  const input = pipe();
  const output = pipe();
  const errors = pipe();
  const failure = pipe(); // closed by execve, or it carries why execve failed
  const mine = [input.write, output.read, errors.read, failure.read];
  const theirs = [input.read, output.write, errors.write, failure.write];
  try {
    const child = clone3(0);
    if (child === undefined)
      become(hook, [input.read, output.write, errors.write], failure.write, placeOf(kind, state, env));
    using pidfd = child.pidfd;
    for (const fd of theirs) fd[Symbol.dispose]();
    const [said, complained, unable] = [stream(output.read), stream(errors.read), stream(failure.read)];
    const end = converse(pidfd, input.write, [said, complained, unable], JSON.stringify(state), hook.timeout);
    const ending = waitPidfd(pidfd);
    if (end === "SIGINT" || end === "SIGTERM") throw new HostError(`asked to end by ${end}`);
    if (end === "killed") throw new HostError(`hook ran past specified timeout of ${hook.timeout}s`);
    if (unable.text !== "") throw whyUnable(unable.text, hook.path);
    if (ending.kind !== "exited" || ending.status !== 0)
      throw new HostError(`${words(ending)}, stdout: ${said.text}, stderr: ${complained.text}`);
  } finally {
    for (const fd of [...mine, ...theirs]) fd[Symbol.dispose]();
  }
}

const stream = (fd: Fd): Stream => ({ fd, text: "" });
/** As Go's os/exec words it. */
function words(ending: Ending): string {
  if (ending.kind === "exited") return `exit status ${ending.status}`;
  return `signal: ${signalTexts.SIGNAL_TEXTS[ending.signal] ?? `signal ${ending.signal}`}`;
}

/** The forked child: the hook's streams, default signals, the hook's program. */
function become(hook: Hook, streams: readonly Fd[], failure: Fd, { directory, env }: HookPlace): never {
  try {
    if (directory !== undefined) enterBundle(directory);
    blockSignals(ALL_SIGNALS);
    resetSignals();
    streams.forEach((fd, i) => inherit(fd, i));
    unblockSignals();
    execve(hook.path, hook.args, hook.env ?? env ?? environment());
  } catch (error) {
    writeAll(
      failure,
      utf8(JSON.stringify(error instanceof SysError ? [error.syscall, error.errno, error.detail] : [String(error)])),
    );
  }
  exit_group(127);
}

/** A bundle may be gone when its container is deleted. */
function enterBundle(directory: string): void {
  try {
    chdir(directory);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    chdir("/");
  }
}

/** What `become` failed at. Go calls an execve that fails fork/exec, and callers know it by that. */
function whyUnable(said: string, path: string): Error {
  const [call = "", errno, detail = ""] = JSON.parse(said) as readonly [string, number?, string?];
  if (errno === undefined) return new HostError(call);
  return call === "execve" ? new SysError("fork/exec", errno, path) : new SysError(call, errno, detail);
}

/** What comes out of one of the hook's streams. */
type Stream = { readonly fd: Fd; text: string };

/** Feeds the state and collects what the hook says, until it has ended, its time is over or we are asked to end; then it is killed. */
function converse(
  pidfd: Fd,
  input: Fd,
  streams: readonly Stream[],
  state: string,
  timeoutSeconds: number | undefined,
): "ended" | "killed" | "SIGINT" | "SIGTERM" {
  const end = timeoutSeconds === undefined ? undefined : monotonicMs() + timeoutSeconds * 1000;
  let rest = utf8(state);
  for (;;) {
    const open = streams.filter(({ fd }) => !fd.closed);
    const feeding = input.closed ? [] : [{ fd: input, events: POLLOUT }];
    const asked = [{ fd: pidfd, events: POLLIN }, ...feeding, ...open.map(({ fd }) => ({ fd, events: POLLIN }))];
    const ready = poll(asked, Math.max(0, Math.min(LOOK_MS, (end ?? Infinity) - monotonicMs())));
    if (ready.every((events) => events === 0)) {
      const signal = askedToEnd();
      if (signal === undefined && (end === undefined || monotonicMs() < end)) continue;
      pidfd_send_signal(pidfd, SIGKILL);
      return signal === undefined ? "killed" : signal;
    }
    if (feeding.length > 0 && ready[1] !== 0) rest = feed(input, rest);
    open.forEach((stream, i) => ready[1 + feeding.length + i] !== 0 && take(stream));
    if (ready[0] !== 0) break;
  }
  // What it wrote just before it ended. A grandchild may hold the pipe open for ever, so nothing is waited for.
  for (const stream of streams)
    while (
      !stream.fd.closed &&
      stream.text.length < SHOWN_OUTPUT_BYTES &&
      poll([{ fd: stream.fd, events: POLLIN }], 0)[0] !== 0
    )
      take(stream);
  return "ended";
}

/** Reads what there is; beyond what an error can show it is thrown away. */
function take(stream: Stream): void {
  const buffer = new Uint8Array(4096);
  const length = read(stream.fd, buffer);
  if (length === 0) stream.fd[Symbol.dispose]();
  else if (stream.text.length < SHOWN_OUTPUT_BYTES) stream.text += host.decode(buffer.subarray(0, length));
}

/** Writes what the pipe takes. A hook that does not read its input is no error. @returns what is left */
function feed(input: Fd, bytes: Uint8Array): Uint8Array {
  const some = bytes.subarray(0, PIPE_BUF); // [kernel] POLLOUT promises this much without blocking
  try {
    writeAll(input, some, "the hook's standard input");
  } catch (error) {
    if (!isErrno(error, EPIPE)) throw error;
    input[Symbol.dispose]();
  }
  if (some.byteLength === bytes.byteLength) input[Symbol.dispose]();
  return bytes.subarray(some.byteLength);
}
