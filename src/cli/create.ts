// `tsrun create [options] <container-id>`

import { createOptions, createRequest } from "./creating.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as createParent from "../runtime/create/parent.ts";

export const options: typeof createOptions = createOptions;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  createParent.createContainer(globalsOf(globalFlags), createRequest(flags, id));
}
