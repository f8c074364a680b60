// `tsrun delete [options] <container-id>`

import { load } from "../sys/host.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options = {
  force: { type: "boolean", short: "f" },
} as const;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  load<typeof import("../runtime/delete.ts")>("runtime/delete").deleteContainer(globalsOf(globalFlags), id, flags.force);
}
