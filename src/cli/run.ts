// `tsrun run [options] <container-id>`

import { createOptions, createRequest } from "./creating.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as runtime from "../runtime/run.ts";

const runOptions = {
  detach: { type: "boolean", short: "d" },
  keep: { type: "boolean" },
  "no-subreaper": { type: "boolean" },
} as const;

export const options: typeof createOptions & typeof runOptions = { ...createOptions, ...runOptions };
export const takes = [1, 1] as const;

/** @returns the exit status of the container's process; 0 when detached */
export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): number {
  return runtime.runContainer(globalsOf(globalFlags), {
    ...createRequest(flags, id),
    detach: flags.detach,
    keep: flags.keep,
    noSubreaper: flags["no-subreaper"],
  });
}
