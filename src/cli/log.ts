// The log that callers ask for with --log: one record a line, text as logrus writes it or a JSON object (callers parse both).
// Loaded when there is something to write.

import { O_APPEND, O_CREAT, O_WRONLY } from "../abi/fcntl.ts";
import { openat, writeAll } from "../sys/file.ts";
import type { Fd } from "../sys/fd.ts";
import { utf8 } from "../sys/memory.ts";
import { complain } from "../sys/print.ts";
import { timestamp } from "../sys/time.ts";

export type Level = "debug" | "warning" | "error";

/** The options that say where the log goes; partly absent when the command line itself was wrong. */
export type LogFlags = { readonly [name: string]: unknown };

/** One line of the log, with its newline. @param extra further keys of a JSON record; clients ignore what they do not know */
export function record(format: unknown, level: Level, message: string, time: string, extra: object = {}): string {
  if (format === "json") return `${JSON.stringify({ level, msg: message, time, ...extra })}\n`;
  return `time="${time}" level=${level} msg=${/^[\w./@^+-]+$/.test(message) ? message : JSON.stringify(message)}\n`;
}

/** Appends to the log file, when there is one. @returns false when it could not be written @throws never: what is to be logged matters more */
export function append(flags: LogFlags, level: Level, message: string, extra?: object): boolean {
  const path = flags["log"];
  if (typeof path !== "string" || path === "") return true;
  try {
    using file = openLog(path);
    writeAll(file, utf8(record(flags["log-format"], level, message, timestamp(), extra)), path);
    return true;
  } catch {
    return false;
  }
}

function openLog(path: string): Fd {
  return openat(null, path, O_WRONLY | O_CREAT | O_APPEND, 0o644);
}

/** Debug lines to the log file, else to standard error. The descriptor stays open: init writes through its parent, but may change directory. */
export function debugWriter(flags: LogFlags): (message: string) => void {
  const path = flags["log"];
  if (typeof path !== "string" || path === "") return (message) => complain(record("text", "debug", message, timestamp()));
  const file = openLog(path);
  return (message) => writeAll(file, utf8(record(flags["log-format"], "debug", message, timestamp())), path);
}

/** To the log file when there is one, else to standard error: whoever reads our output must not stumble over warnings. */
export function warn(flags: LogFlags, message: string): void {
  if (!flags["log"] || !append(flags, "warning", message)) complain(`tsrun: warning: ${message}\n`);
}
