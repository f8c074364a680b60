// `tsrun pause <container-id>`

import { load } from "../sys/host.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags } from "./table.ts";

export const options = {} as const;
export const takes = [1, 1] as const;

export function run(_flags: object, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  load<typeof import("../runtime/pause.ts")>("runtime/pause").pauseContainer(globalsOf(globalFlags), id);
}
