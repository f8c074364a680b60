// `tsrun create [options] <container-id>`

import { load } from "../sys/host.ts";
import { createOptions, createRequest } from "./creating.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options: typeof createOptions = createOptions;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  load<typeof import("../runtime/create/parent.ts")>("runtime/create/parent").createContainer(
    globalsOf(globalFlags),
    createRequest(flags, id),
  );
}
