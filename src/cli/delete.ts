// `tsrun delete [options] <container-id>`

import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as regex from "./regex.ts";
import defer * as runtime from "../runtime/delete.ts";

export const options = {
  force: { type: "boolean", short: "f" },
  regex: { type: "boolean", short: "r" },
} as const;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const globals = globalsOf(globalFlags);
  if (flags.regex) regex.forEachMatch(globals, id, (name) => runtime.deleteContainer(globals, name, flags.force));
  else runtime.deleteContainer(globals, id, flags.force);
}
