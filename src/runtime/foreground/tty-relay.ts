// The container's terminal shown on ours: what is typed goes to its master, what the master says to standard output. Our own terminal
// is raw meanwhile and is given back as it was, however this ends.

import { EAGAIN, EINTR, EIO } from "../../abi/errno.ts";
import { O_NOCTTY, O_NONBLOCK, O_WRONLY } from "../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH } from "../../abi/signal.ts";
import { S_IFCHR, S_IFIFO, S_IFMT } from "../../abi/stat.ts";
import {
  BRKINT,
  CS8,
  CSIZE,
  ECHO,
  ECHONL,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IXON,
  PARENB,
  PARMRK,
  termios,
  VMIN,
  VTIME,
} from "../../abi/termios.ts";
import { SOCK_STREAM } from "../../abi/socket.ts";
import type { Undo } from "../../base/dispose.ts";
import { HostError, isErrno } from "../../base/errors.ts";
import { addStatusFlags, Fd } from "../../sys/fd.ts";
import { openatOrErrno, readOrErrno, writeOrErrno } from "../../sys/file.ts";
import { fstat } from "../../sys/stat.ts";
import type { Struct } from "../../sys/memory.ts";
import { PollSet } from "../../sys/poll.ts";
import type { Child, Ending } from "../../sys/process.ts";
import { askedToEnd, readSignal } from "../../sys/signal.ts";
import { recvmsg, socketpair } from "../../sys/socket.ts";
import { setTerminalModes, setWindowSize, terminalModes, windowSize, type WindowSize } from "../../sys/terminal.ts";
import { LOOK_MS } from "../channel/messages.ts";
import { handle, reap } from "./wait.ts";
import type { Console } from "./console.ts";

const STDIN = new Fd(0);
const STDOUT = new Fd(1);

/** [kernel] A pipe that polls as writable takes this much without blocking. */
const CHUNK_BYTES = 4096;
const LARGE_BYTES = 65536;
/** What a terminal can hold that its last process has written. */
const LAST_WORDS_BYTES = 256 * 1024;
/** A terminal that nobody has open says EIO until somebody opens it again, as /dev/console may be. */
const HUNG_UP_PAUSE_MS = 100;

/** For a terminal that we show ourselves. */
export function ownConsole(undo: Undo): Console {
  const [mine, theirs] = socketpair(SOCK_STREAM);
  undo.use("close console socket", mine);
  undo.use("close console socket", theirs);
  return { to: { socket: theirs, size: ownWindow(), cooked: true }, mine };
}

/** The window of our terminal, by whichever standard stream is one. */
function ownWindow(): WindowSize | undefined {
  for (const stream of [0, 1, 2]) {
    const size = windowSize(new Fd(stream));
    if (size !== undefined && size.rows > 0 && size.columns > 0) return size;
  }
  return undefined;
}

/** @param socket where the master comes out @returns how the process that the terminal is for ended */
export function attach(child: Child, signals: Fd, socket: Fd): Ending {
  using master = receiveMaster(socket);
  addStatusFlags(master, O_NONBLOCK);
  using _restored = new RawTerminal(STDIN);
  return relay(signals, master, {
    over: reap(child),
    hear: (signal) => (signal === SIGWINCH ? resize(master) : handle(signal, child)),
    atHangUp: undefined,
  });
}

/**
 * Shows a terminal that the container of another command has: whatever comes out of `master`, which it closes.
 * @param signals that end it: what is shown then goes on without us
 */
export function show(signals: Fd, master: Fd): void {
  using closed = master;
  addStatusFlags(closed, O_NONBLOCK);
  const size = ownWindow();
  if (size !== undefined) setWindowSize(closed, size);
  using _restored = new RawTerminal(STDIN);
  relay(signals, closed, {
    over: undefined,
    hear: (signal) => (signal === SIGWINCH ? resize(closed) : ENDING.includes(signal) ? "over" : undefined),
    atHangUp: "over",
  });
}

const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/** The master of a terminal, as `create` and `exec` send it. The caller closes it. @throws HostError when none came */
export function receiveMaster(socket: Fd): Fd {
  const [master] = recvmsg(socket, new Uint8Array(4096), 1).fds;
  if (master === undefined) throw new HostError("the container's terminal did not come");
  return master;
}

/** Our own terminal in raw mode. Does nothing where standard input is no terminal. */
class RawTerminal {
  readonly #terminal: Fd;
  readonly #before: Struct | undefined;

  constructor(terminal: Fd) {
    this.#terminal = terminal;
    this.#before = terminalModes(terminal);
    const raw = terminalModes(terminal);
    if (raw !== undefined) setTerminalModes(terminal, makeRaw(raw));
  }

  [Symbol.dispose](): void {
    if (this.#before === undefined) return;
    try {
      setTerminalModes(this.#terminal, this.#before);
    } catch (error) {
      if (!isErrno(error, EIO)) throw error; // it has hung up: nobody has modes to be given back
    }
  }
}

/** As cfmakeraw(3), but for the output: newlines are cooked here, the container's terminal leaves them. */
function makeRaw(modes: Struct): Struct {
  const clear = (offset: number, flags: number): void => void modes.u32(offset, modes.getU32(offset) & ~flags);
  clear(termios.c_iflag, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  clear(termios.c_lflag, ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  clear(termios.c_cflag, CSIZE | PARENB);
  return modes
    .u32(termios.c_cflag, modes.getU32(termios.c_cflag) | CS8)
    .u8(termios.c_cc + VMIN, 1)
    .u8(termios.c_cc + VTIME, 0);
}

/** Bytes on their way in one direction. */
type Flow = { readonly buffer: Uint8Array; begin: number; end: number };

const flow = (size: number): Flow => ({ buffer: new Uint8Array(size), begin: 0, end: 0 });

/** When a relay ends, and with which result. */
type Until<Result> = {
  /** It is over already. */
  readonly over: Result | undefined;
  readonly hear: (signal: number) => Result | undefined;
  /** The terminal is open nowhere any more; undefined: it may be opened again. */
  readonly atHangUp: Result | undefined;
};

function relay<Result>(signals: Fd, master: Fd, until: Until<Result>): Result {
  using reopened = reopenOutput();
  const output = reopened ?? STDOUT;
  const fds = new PollSet([signals, master, STDIN, output]);
  const typed = flow(CHUNK_BYTES);
  const shown = flow(reopened === null ? CHUNK_BYTES : LARGE_BYTES);
  let stdin = true;
  let hungUp = false;
  let ending = until.over;
  while (ending === undefined) {
    const waiting = shown.begin < shown.end;
    const typing = typed.begin < typed.end;
    fds.watch(0, POLLIN);
    fds.watch(1, (waiting || hungUp ? 0 : POLLIN) + (typing && !hungUp ? POLLOUT : 0));
    fds.watch(2, stdin && !typing ? POLLIN : 0);
    fds.watch(3, waiting ? POLLOUT : 0);
    fds.wait(hungUp ? HUNG_UP_PAUSE_MS : undefined);
    hungUp = false;
    if (fds.ready(0)) ending = until.hear(readSignal(signals));
    if (waiting && fds.ready(3)) push(shown, output);
    if (fds.ready(1)) {
      if (typing) push(typed, master);
      if (!waiting) {
        hungUp = pullAll(shown, master) === -EIO;
        if (hungUp) ending ??= until.atHangUp;
        if (reopened !== null) push(shown, output);
      }
    }
    if (fds.ready(2)) stdin = !isEnd(pull(typed, STDIN)); // the container is told nothing of it, as by runc
  }
  flush(shown, output, fds);
  // EIO, or others have it open and have said nothing: [kernel] a read first brings what is on its way
  for (let said = 0; said < LAST_WORDS_BYTES && pullAll(shown, master) > 0; said += shown.end)
    flush(shown, output, fds);
  return ending;
}

/**
 * Standard output once more, not blocking: whoever reads it slowly must not keep us from signals, and whoever shares it with us must not
 * see it become non-blocking. null where there is no second way to it: then only what surely fits is written.
 */
function reopenOutput(): Fd | null {
  const { mode } = fstat(STDOUT);
  if ((mode & S_IFMT) !== S_IFIFO && ((mode & S_IFMT) !== S_IFCHR || terminalModes(STDOUT) === undefined)) return null;
  const again = openatOrErrno(null, STDOUT.procPath, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  return typeof again === "number" ? null : again;
}

const isEnd = (length: number): boolean => length <= 0 && length !== -EAGAIN && length !== -EINTR;

/** The container's terminal gets the size of ours. */
function resize(master: Fd): undefined {
  const size = windowSize(STDIN) ?? windowSize(STDOUT);
  if (size !== undefined) setWindowSize(master, size); // which tells the container
  return undefined;
}

/** Reads into an empty flow; the number of bytes, 0 at the end, the negative errno. */
function pull(into: Flow, from: Fd): number {
  const length = readOrErrno(from, into.buffer);
  into.begin = 0;
  into.end = Math.max(length, 0);
  return length;
}

/** As pull, from what does not block, until it is empty or the flow is full. [kernel] One read of a terminal gives one page at most. */
function pullAll(into: Flow, from: Fd): number {
  let last = pull(into, from);
  while (last > 0 && into.end < into.buffer.byteLength) {
    last = readOrErrno(from, into.buffer.subarray(into.end));
    into.end += Math.max(last, 0);
  }
  return into.end > 0 ? into.end : last;
}

/** Writes what the other side takes. What nobody can take any more is dropped: the container shall not stand still for it. */
function push(from: Flow, to: Fd): void {
  if (from.begin === from.end) return;
  const length = writeOrErrno(to, from.buffer.subarray(from.begin, from.end));
  if (length >= 0) from.begin += length;
  else if (isEnd(length)) from.begin = from.end;
}

/** Shows all of it, however long that takes, unless we are asked to end. */
function flush(shown: Flow, output: Fd, fds: PollSet): void {
  for (const other of [0, 1, 2]) fds.watch(other, 0);
  fds.watch(3, POLLOUT);
  for (; shown.begin < shown.end && askedToEnd() === undefined; push(shown, output)) fds.wait(LOOK_MS);
}
