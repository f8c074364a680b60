// `tsrun doctor`: what this host and this user can do. Changes nothing.

import { stringify } from "../base/json.ts";
import { getenv } from "../sys/environ.ts";
import { load } from "../sys/host.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options = { json: { type: "boolean" } } as const;
export const takes = [0, 0] as const;

/** @returns 0 when containers can be run here, 1 when they cannot */
export function run(flags: Values<typeof options>, _operands: readonly string[], globalFlags: GlobalFlags): number {
  const { examineHost, doctorText } = load<typeof import("../explain/doctor.ts")>("explain/doctor");
  const examined = examineHost(load<typeof import("../runtime/plan/facts.ts")>("runtime/plan/facts").probeHost(), {
    root: rootOf(globalFlags),
    path: getenv("PATH") ?? "",
    runtimeDirectory: getenv("XDG_RUNTIME_DIR") ?? "",
    sessionBus: getenv("DBUS_SESSION_BUS_ADDRESS") ?? "",
  });
  print(flags.json ? `${stringify(examined, 2)}\n` : doctorText(examined));
  return examined.runs ? 0 : 1;
}

function rootOf(flags: GlobalFlags): string | undefined {
  try {
    return globalsOf(flags).root;
  } catch {
    return undefined; // where there is nowhere to keep state, that is what we tell
  }
}
