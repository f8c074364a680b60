// `tsrun events [options] <container-id>`: one JSON object a line.

import { HostError } from "../base/errors.ts";
import { print } from "../sys/print.ts";
import { parseDuration } from "./duration.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as runtime from "../runtime/events.ts";

export const options = {
  interval: { type: "string", default: "5s" },
  stats: { type: "boolean" },
} as const;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const interval = parseDuration("interval", flags.interval);
  const globals = globalsOf(globalFlags);
  if (interval <= 0) throw new HostError("duration interval must be greater than 0");
  const show = (line: string): void => print(`${line}\n`);
  if (flags.stats) runtime.showStats(globals, id, show);
  else runtime.showEvents(globals, id, interval, show);
}
