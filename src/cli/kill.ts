// `tsrun kill [options] <container-id> [signal]`

import { SIGTERM } from "../abi/signal.ts";
import { load } from "../sys/host.ts";
import { globalsOf } from "./globals.ts";
import { parseSignal } from "./signal.ts";
import type { GlobalFlags, Values } from "./table.ts";

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
  const { killContainer } = load<typeof import("../runtime/kill.ts")>("runtime/kill");
  if (flags.regex)
    load<typeof import("./regex.ts")>("cli/regex").forEachMatch(globals, id, (name) =>
      killContainer(globals, name, signalOf, flags.all),
    );
  else killContainer(globals, id, signalOf, flags.all);
}
