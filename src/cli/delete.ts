// `tsrun delete [options] <container-id>`

import { load } from "../sys/host.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options = {
  force: { type: "boolean", short: "f" },
  regex: { type: "boolean", short: "r" },
} as const;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const globals = globalsOf(globalFlags);
  const { deleteContainer } = load<typeof import("../runtime/delete.ts")>("runtime/delete");
  if (flags.regex)
    load<typeof import("./regex.ts")>("cli/regex").forEachMatch(globals, id, (name) =>
      deleteContainer(globals, name, flags.force),
    );
  else deleteContainer(globals, id, flags.force);
}
