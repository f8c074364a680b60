// `tsrun doctor`: what this host and this user can do; with --leftovers what killed runtimes have left. Changes nothing but by --clean.

import { UsageError } from "../base/errors.ts";
import { stringify } from "../base/json.ts";
import type { Leftover } from "../runtime/leftovers.ts";
import { getenv } from "../sys/environ.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as doctor from "../explain/doctor.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";
import defer * as leftovers from "../runtime/leftovers.ts";

export const options = {
  json: { type: "boolean" },
  leftovers: { type: "boolean" },
  clean: { type: "boolean" },
} as const;
export const takes = [0, 0] as const;

/** @returns 0 when containers can be run here, 1 when they cannot; of --leftovers 0 when there are none that are certain */
export function run(flags: Values<typeof options>, _operands: readonly string[], globalFlags: GlobalFlags): number {
  if (flags.clean && !flags.leftovers) throw new UsageError("--clean goes with --leftovers");
  if (flags.leftovers) return showLeftovers(leftovers.findLeftovers(globalsOf(globalFlags), flags.clean), flags.json);
  const examined = doctor.examineHost(hostFacts.probeHost(), {
    root: rootOf(globalFlags),
    path: getenv("PATH") ?? "",
    runtimeDirectory: getenv("XDG_RUNTIME_DIR") ?? "",
    sessionBus: getenv("DBUS_SESSION_BUS_ADDRESS") ?? "",
  });
  print(flags.json ? `${stringify(examined, 2)}\n` : doctor.doctorText(examined));
  return examined.runs ? 0 : 1;
}

function showLeftovers(found: readonly Leftover[], json: boolean): number {
  const lines = found.map(
    ({ kind, what, container, why, certain }) =>
      `${kind} ${what}${container === undefined || kind === "state" ? "" : ` of ${container}`}: ${why}${certain ? "" : " (left alone)"}\n`,
  );
  print(
    json ? `${stringify(found, 2)}\n` : lines.length === 0 ? "nothing is left of a killed runtime\n" : lines.join(""),
  );
  return found.some(({ certain }) => certain) ? 1 : 0;
}

function rootOf(flags: GlobalFlags): string | undefined {
  try {
    return globalsOf(flags).root;
  } catch {
    return undefined; // where there is nowhere to keep state, that is what we tell
  }
}
