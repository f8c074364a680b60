// `tsrun kill [options] <container-id> [signal]`

import { SIGTERM } from "../abi/signal.ts";
import { globalsOf } from "./globals.ts";
import { parseSignal } from "./signal.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as regex from "./regex.ts";
import defer * as runtime from "../runtime/kill.ts";

export const options = {
  all: { type: "boolean", short: "a" },
  regex: { type: "boolean", short: "r" },
} as const;
export const takes = [1, 2] as const;

export function run(
  flags: Values<typeof options>,
  [id = "", signal = ""]: readonly string[],
  globalFlags: GlobalFlags,
): void {
  const signalOf = (): number => (signal === "" ? SIGTERM : parseSignal(signal));
  const globals = globalsOf(globalFlags);
  if (flags.regex) regex.forEachMatch(globals, id, (name) => runtime.killContainer(globals, name, signalOf, flags.all));
  else runtime.killContainer(globals, id, signalOf, flags.all);
}
