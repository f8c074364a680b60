// The signal that `kill` is asked to send: a number, or a name with or without "SIG", in any case, and RTMIN+n, RTMAX-n.

import { UsageError } from "../base/errors.ts";
import defer * as signalTable from "../abi/signal_table.ts";

const LAST_SIGNAL = 64;

/** @throws UsageError, worded as runc does */
export function parseSignal(text: string): number {
  const number = /^\+?\d{1,3}$/.test(text) ? Number(text) : named(text);
  if (number === undefined || number > LAST_SIGNAL) throw new UsageError(`unknown signal ${JSON.stringify(text)}`);
  return number;
}

function named(text: string): number | undefined {
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  const realTime = /^SIGRT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  if (realTime === null) return Object.hasOwn(signalTable.SIGNALS, name) ? signalTable.SIGNALS[name] : undefined;
  const offset = Number(realTime[2]);
  const first = signalTable.SIGNALS["SIGRTMIN"] ?? 0;
  if (first + offset > LAST_SIGNAL) return undefined;
  return realTime[1] === "MIN+" ? first + offset : LAST_SIGNAL - offset;
}
