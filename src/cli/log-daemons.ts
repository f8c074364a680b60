// --log syslog:NAME and --log journald:NAME, as crun has them: records go to a daemon's socket, one datagram each. Loaded when asked for.

import { LOG_DEBUG, LOG_ERR, LOG_USER, LOG_WARNING } from "../abi/syslog.ts";
import { SOCK_DGRAM } from "../abi/socket.ts";
import type { Fd } from "../sys/fd.ts";
import { writeAll } from "../sys/file.ts";
import { utf8 } from "../sys/memory.ts";
import { connectUnix } from "../sys/socket.ts";
import type { Level } from "./log.ts";

export type Daemon = "syslog" | "journald";

const SOCKETS: { readonly [Name in Daemon]: string } = { syslog: "/dev/log", journald: "/run/systemd/journal/socket" };
const PRIORITIES: { readonly [Name in Level]: number } = { error: LOG_ERR, warning: LOG_WARNING, debug: LOG_DEBUG };

/** The caller closes it. @throws SysError when no daemon listens */
export function connectDaemon(daemon: Daemon): Fd {
  return connectUnix(SOCKETS[daemon], SOCK_DGRAM);
}

/** @param extra further keys of the record: fields TSRUN_… of the journal's; syslog has no place for them */
export function tellDaemon(to: Fd, daemon: Daemon, name: string, level: Level, message: string, extra: object): void {
  writeAll(
    to,
    daemon === "syslog" ? utf8(syslogRecord(name, level, message)) : journalRecord(name, level, message, extra),
    SOCKETS[daemon],
  );
}

/** @see syslog(3); the daemon puts the time before it */
export const syslogRecord = (name: string, level: Level, message: string): string =>
  `<${LOG_USER + PRIORITIES[level]}>${name}: ${message}`;

/** NAME=value lines; a value with a newline has its length before it, 64 bits little endian. @see systemd's Native Journal Protocol */
export function journalRecord(name: string, level: Level, message: string, extra: object): Uint8Array {
  const fields = [
    ["MESSAGE", message],
    ["PRIORITY", PRIORITIES[level]],
    ["SYSLOG_IDENTIFIER", name],
    ...Object.entries(extra).map(([key, value]) => [`TSRUN_${key.toUpperCase()}`, value]),
  ];
  return joined(fields.flatMap(([key, value]) => field(String(key), String(value))));
}

function field(key: string, text: string): readonly Uint8Array[] {
  if (!text.includes("\n")) return [utf8(`${key}=${text}\n`)];
  const bytes = utf8(text);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(bytes.byteLength), true);
  return [utf8(`${key}\n`), new Uint8Array(length.buffer), bytes, utf8("\n")];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
