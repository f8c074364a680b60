// `tsrun kill [options] <container-id> [signal]`

import { SIGTERM } from "../abi/signal.ts";
import { load } from "../sys/host.ts";
import { globalsOf } from "./globals.ts";
import { parseSignal } from "./signal.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options = {
  all: { type: "boolean", short: "a" },
} as const;
export const takes = [1, 2] as const;

export function run(flags: Values<typeof options>, [id = "", signal = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const signalOf = (): number => (signal === "" ? SIGTERM : parseSignal(signal));
  load<typeof import("../runtime/kill.ts")>("runtime/kill").killContainer(globalsOf(globalFlags), id, signalOf, flags.all);
}
