// `tsrun mounts add|remove <container-id> <file>`: crun's; mounts of a container that runs.

import { UsageError } from "../base/errors.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags } from "./table.ts";
import defer * as runtime from "../runtime/mounts.ts";

export const options = {} as const;
export const takes = [3, 3] as const;

export function run(
  _flags: object,
  [what = "", id = "", file = ""]: readonly string[],
  globalFlags: GlobalFlags,
): void {
  if (what !== "add" && what !== "remove")
    throw new UsageError(`mounts is asked to ${JSON.stringify(what)}: add and remove are known`);
  runtime.changeMounts(globalsOf(globalFlags), what, id, file);
}
