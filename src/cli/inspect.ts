// `tsrun inspect [--json] <container-id>`: what a container that runs has, beside the host's. Changes nothing.

import { stringify } from "../base/json.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as explain from "../explain/inspect.ts";
import defer * as runtime from "../runtime/inspect.ts";

export const options = { json: { type: "boolean" } } as const;
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const target = runtime.inspectContainer(globalsOf(globalFlags), id);
  const inspection = explain.inspect(target);
  const { status, bundle, rootfs } = target;
  print(flags.json ? `${stringify({ ...inspection, status, bundle, rootfs }, 2)}\n` : explain.inspectText(inspection));
}
