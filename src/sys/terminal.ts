// Terminals: pseudoterminal pairs, window sizes, modes. A request to a master acts on its pair's other end.

import { O_CLOEXEC } from "../abi/fcntl.ts";
import { TCGETS, TCSETS, TIOCGPTPEER, TIOCGWINSZ, TIOCSCTTY, TIOCSPTLCK, TIOCSWINSZ } from "../abi/ioctl.ts";
import { termios, winsize } from "../abi/termios.ts";
import { SYS_ioctl } from "../abi/syscall.ts";
import { EIO, ENOTTY } from "../abi/errno.ts";
import { SysError } from "../base/errors.ts";
import { ioctl } from "./file.ts";
import { Fd } from "./fd.ts";
import { host } from "./host.ts";
import { Struct } from "./memory.ts";

export type WindowSize = { readonly rows: number; readonly columns: number };

/** The other end of `master`, which the caller closes. No path is followed. @param flags O_* @throws SysError ENOTTY before 4.13 @see TIOCGPTPEER(2const) */
export function openPeer(master: Fd, flags: number): Fd {
  ioctl(master, "TIOCSPTLCK", TIOCSPTLCK, new Int32Array(1));
  return new Fd(ioctl(master, "TIOCGPTPEER", TIOCGPTPEER, flags | O_CLOEXEC));
}

/** Makes the terminal the controlling one of our session, which has none yet. @see TIOCSCTTY(2const) */
export function takeTerminal(terminal: Fd): void {
  ioctl(terminal, "TIOCSCTTY", TIOCSCTTY, 0);
}

/** @see TIOCSWINSZ(2const) */
export function setWindowSize(terminal: Fd, { rows, columns }: WindowSize): void {
  ioctl(
    terminal,
    "TIOCSWINSZ",
    TIOCSWINSZ,
    new Struct(winsize.size).u16(winsize.ws_row, rows).u16(winsize.ws_col, columns).buffer,
  );
}

/** undefined for what is no terminal. @see TIOCGWINSZ(2const) */
export function windowSize(terminal: Fd): WindowSize | undefined {
  const size = new Struct(winsize.size);
  if (host.syscall(SYS_ioctl, terminal.raw, TIOCGWINSZ, size.buffer) < 0) return undefined;
  return { rows: size.getU16(winsize.ws_row), columns: size.getU16(winsize.ws_col) };
}

/** The modes, a struct termios; undefined for what is no terminal, or one that has hung up. @see TCGETS(2const) */
export function terminalModes(terminal: Fd): Struct | undefined {
  const modes = new Struct(termios.size);
  const result = host.syscall(SYS_ioctl, terminal.raw, TCGETS, modes.buffer);
  if (result === -ENOTTY || result === -EIO) return undefined;
  if (result < 0) throw new SysError("ioctl", -result, `TCGETS descriptor ${terminal.raw}`);
  return modes;
}

/** @see TCSETS(2const) */
export function setTerminalModes(terminal: Fd, modes: Struct): void {
  ioctl(terminal, "TCSETS", TCSETS, modes.buffer);
}
