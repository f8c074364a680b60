// `tsrun state <container-id>`: one JSON object, without a newline at its end, as runc prints it.

import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import { printed } from "./printed.ts";
import type { GlobalFlags } from "./table.ts";
import defer * as runtime from "../runtime/state.ts";

export const options = {} as const;
export const takes = [1, 1] as const;

export function run(_flags: object, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const state = runtime.containerState(globalsOf(globalFlags), id);
  print(JSON.stringify(printed(state), null, 2));
}
