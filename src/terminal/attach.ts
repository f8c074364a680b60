// Makes the terminal: a pseudoterminal of the container's own devpts, made by its first process once "/" is the container's root.
//
// [cve] CVE-2025-52565: what lies below /dev is the image's word, or that of processes which run already. The pair is opened inside a
// file system that was seen to be a devpts, its slave through the master, and the bind over /dev/console goes from descriptor to descriptor.

import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_PATH, O_RDWR } from "../abi/fcntl.ts";
import { ENOENT } from "../abi/errno.ts";
import { DEVPTS_SUPER_MAGIC } from "../abi/magic.ts";
import { S_IFLNK } from "../abi/stat.ts";
import { ONLCR, termios } from "../abi/termios.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { openBeneath } from "../sys/beneath.ts";
import { Fd, inherit } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { fileType, fstatfs, isCharacterDevice } from "../sys/stat.ts";
import { utf8 } from "../sys/memory.ts";
import { sendmsg } from "../sys/socket.ts";
import { attachTree, copyTree } from "../sys/tree.ts";
import {
  openPeer,
  setTerminalModes,
  setWindowSize,
  takeTerminal,
  terminalModes,
  type WindowSize,
} from "../sys/terminal.ts";
import type { TerminalPlan } from "./plan.ts";

/** Where the master goes, and what is known there. */
export type MasterTo = {
  readonly socket: Fd;
  /** The window of the terminal that it is shown on. */
  readonly size: WindowSize | undefined;
  /** That terminal makes CR NL of each newline itself. */
  readonly cooked: boolean;
};

/** Makes the terminal, sends its master to who will show it, and makes it our standard streams. */
export function attachTerminal(plan: NonNullable<TerminalPlan>, to: MasterTo): void {
  using master = openMaster();
  using slave = openPeer(master, O_RDWR | O_NOCTTY);
  if (fstatfs(slave).type !== DEVPTS_SUPER_MAGIC) throw new HostError("the new terminal is not one of a devpts");
  const size = to.size ?? plan.size;
  if (size !== undefined) setWindowSize(master, size);
  if (to.cooked) leaveNewlines(slave);
  if (plan.bindConsole) bindConsole(slave);
  sendmsg(to.socket, utf8("/dev/pts/ptmx"), [master]); // the name is what runc sends beside it
  for (const stream of [0, 1, 2]) inherit(slave, stream);
}

/** Makes the terminal, which is our standard input by now, the controlling one of our session: of the very process that will be the program. */
export function controlTerminal(): void {
  takeTerminal(new Fd(0));
}

/** A new pair, by the container's own devpts. Not /dev/ptmx: that may be a link to anything, or the host's. */
function openMaster(): Fd {
  using devpts = openat(null, "/dev/pts", O_PATH | O_DIRECTORY);
  if (fstatfs(devpts).type !== DEVPTS_SUPER_MAGIC) throw new HostError("/dev/pts of the container is not a devpts");
  // [kernel] A devpts holds nothing but ptmx and terminals, so what is opened before it was looked at does no harm.
  const master = openBeneath(devpts, "ptmx", O_RDWR | O_NOCTTY);
  if (isCharacterDevice(master, 5, 2)) return master;
  master[Symbol.dispose]();
  throw new HostError("/dev/pts/ptmx of the container is not the device that makes terminals");
}

/** NL stays NL in what the container prints: who shows it cooks it. */
function leaveNewlines(terminal: Fd): void {
  const modes = terminalModes(terminal);
  if (modes === undefined) return;
  setTerminalModes(terminal, modes.u32(termios.c_oflag, modes.getU32(termios.c_oflag) & ~ONLCR));
}

function bindConsole(slave: Fd): void {
  using target = openConsole();
  if (fileType(target) === S_IFLNK) throw new HostError("/dev/console of the container is a symbolic link");
  using tree = copyTree(slave, "", false, "the terminal");
  attachTree(tree, target, "", "the terminal to /dev/console");
}

/** [kernel] Opened as a path only: /dev/console of an image may be the host's device. */
function openConsole(): Fd {
  try {
    return openat(null, "/dev/console", O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error;
    return openat(null, "/dev/console", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0o600);
  }
}
