// The log that callers ask for with --log: one record a line, text as logrus writes it or a JSON object (callers parse both).
// Loaded when there is something to write.

import { EAGAIN } from "../abi/errno.ts";
import { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } from "../abi/fcntl.ts";
import { POLLOUT } from "../abi/poll.ts";
import { StepError, SysError } from "../base/errors.ts";
import { openat, writeOrErrno } from "../sys/file.ts";
import { poll } from "../sys/poll.ts";
import type { Fd } from "../sys/fd.ts";
import { utf8 } from "../sys/memory.ts";
import { complain } from "../sys/print.ts";
import { timestamp } from "../sys/time.ts";
import type { Daemon } from "./log-daemons.ts";
import type { StepName } from "../runtime/steps.ts";
import defer * as daemons from "./log-daemons.ts";

export type Level = "debug" | "warning" | "error";

/** The options that say where the log goes; partly absent when the command line itself was wrong. */
export type LogFlags = { readonly [name: string]: unknown };

/** One line of the log, with its newline. @param extra further keys of a JSON record; clients ignore what they do not know */
export function record(format: unknown, level: Level, message: string, time: string, extra: object = {}): string {
  if (format === "json") return `${JSON.stringify({ level, msg: message, time, ...extra })}\n`;
  return `time="${time}" level=${level} msg=${/^[\w./@^+-]+$/.test(message) ? message : JSON.stringify(message)}\n`;
}

/** Where a record can go. */
type Log = { readonly fd: Fd; readonly write: (level: Level, message: string, extra: object) => void };

/** The caller closes its descriptor. @returns undefined when there is no --log @throws SysError when it cannot be opened */
function openLog(flags: LogFlags): Log | undefined {
  const target = flags["log"];
  if (typeof target !== "string" || target === "") return undefined;
  const [, prefix, name = ""] = /^(file|syslog|journald):(.*)$/s.exec(target) ?? [];
  if (prefix === "syslog" || prefix === "journald") return openDaemon(prefix, name || "tsrun");
  const path = prefix === "file" ? name : target;
  const fd = openat(null, path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0o644);
  return {
    fd,
    write: (level, message, extra) =>
      writePatiently(fd, utf8(record(flags["log-format"], level, message, timestamp(), extra)), path),
  };
}

/** How long whoever reads a log that is a fifo or a terminal may keep us from going on. */
const PATIENCE_MS = 2000;

function writePatiently(fd: Fd, bytes: Uint8Array, path: string): void {
  for (let rest = bytes; rest.byteLength > 0;) {
    const n = writeOrErrno(fd, rest);
    if (n >= 0) rest = rest.subarray(n);
    else if (n !== -EAGAIN) throw new SysError("write", -n, path);
    else if (poll([{ fd, events: POLLOUT }], PATIENCE_MS)[0] === 0) throw new SysError("write", EAGAIN, path);
  }
}

function openDaemon(daemon: Daemon, name: string): Log {
  const fd = daemons.connectDaemon(daemon);
  return { fd, write: (level, message, extra) => daemons.tellDaemon(fd, daemon, name, level, message, extra) };
}

/** A log that cannot be written is an error while there is nothing to write yet: later nobody would hear of it. */
export function checkLog(flags: LogFlags): void {
  try {
    openLog(flags)?.fd[Symbol.dispose]();
  } catch (error) {
    throw new StepError("open the log" satisfies StepName, error, "--log");
  }
}

/** Warnings that the log did not want: they are part of the error, if there is one. */
const kept: string[] = [];

/** Appends to the log, when there is one. @returns false when it could not be written @throws never: what is to be logged matters more */
export function append(flags: LogFlags, level: Level, message: string, extra: object = {}): boolean {
  try {
    const log = openLog(flags);
    if (log === undefined) return true;
    using _closed = log.fd;
    log.write(level, message, level === "error" && kept.length > 0 ? { ...extra, warnings: kept } : extra);
    return true;
  } catch {
    return false;
  }
}

/** Debug lines to the log, else to standard error. The descriptor stays open: init writes through its parent, but may change directory. */
export function debugWriter(flags: LogFlags): (message: string) => void {
  const log = openLog(flags);
  return log === undefined
    ? (message) => complain(record("text", "debug", message, timestamp()))
    : (message) => log.write("debug", message, {});
}

/** To the log when there is one, else to standard error: whoever reads our output must not stumble over warnings. */
export function warn(flags: LogFlags, message: string): void {
  if (!wantsWarnings(flags)) kept.push(message);
  else if (!flags["log"] || !append(flags, "warning", message)) complain(`tsrun: warning: ${message}\n`);
}

/**
 * podman takes a JSON log for one object, so unless a level says otherwise there is none but that of the failure.
 * Without --log-level a log of text has warnings, and so has standard error.
 */
function wantsWarnings(flags: LogFlags): boolean {
  const level = flags["log-level"];
  if (level !== undefined || flags["debug"] === true) return level !== "error" || flags["debug"] === true;
  return flags["log-format"] !== "json" || !flags["log"];
}
