// `tsrun pause <container-id>`

import { globalsOf } from "./globals.ts";
import type { GlobalFlags } from "./table.ts";
import defer * as runtime from "../runtime/pause.ts";

export const options = {} as const;
export const takes = [1, 1] as const;

export function run(_flags: object, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  runtime.pauseContainer(globalsOf(globalFlags), id);
}
