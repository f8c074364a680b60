// --regex of `kill` and `delete`, crun's: one command for all containers whose name has a match.

import { UsageError } from "../base/errors.ts";
import type { Globals } from "../runtime/globals.ts";
import defer * as store from "../runtime/state/store.ts";

/** Does `act` for each container whose name has a match. A failure keeps no other from it: the first is thrown at the end, the others are warnings. */
export function forEachMatch(globals: Globals, text: string, act: (id: string) => void): void {
  const pattern = compiled(text);
  const failures: unknown[] = [];
  for (const name of store.containerIds(globals.root)) {
    if (!pattern.test(name)) continue;
    try {
      act(name);
    } catch (error) {
      if (failures.push(error) > 1) globals.warn(name, error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function compiled(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`invalid regular expression ${text}`);
  }
}
