// `tsrun doctor`: what this host and this user can do. Changes nothing.

import { stringify } from "../base/json.ts";
import { getenv } from "../sys/environ.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as doctor from "../explain/doctor.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";

export const options = { json: { type: "boolean" } } as const;
export const takes = [0, 0] as const;

/** @returns 0 when containers can be run here, 1 when they cannot */
export function run(flags: Values<typeof options>, _operands: readonly string[], globalFlags: GlobalFlags): number {
  const examined = doctor.examineHost(hostFacts.probeHost(), {
    root: rootOf(globalFlags),
    path: getenv("PATH") ?? "",
    runtimeDirectory: getenv("XDG_RUNTIME_DIR") ?? "",
    sessionBus: getenv("DBUS_SESSION_BUS_ADDRESS") ?? "",
  });
  print(flags.json ? `${stringify(examined, 2)}\n` : doctor.doctorText(examined));
  return examined.runs ? 0 : 1;
}

function rootOf(flags: GlobalFlags): string | undefined {
  try {
    return globalsOf(flags).root;
  } catch {
    return undefined; // where there is nowhere to keep state, that is what we tell
  }
}
