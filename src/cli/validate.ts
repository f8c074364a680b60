// `tsrun validate [options] [bundle]`: all that is wrong with a config.json, and with --host what this host cannot do of it. Changes nothing.

import { stringify } from "../base/json.ts";
import type { Examination, Finding } from "../spec/examine.ts";
import { load } from "../sys/host.ts";
import { print } from "../sys/print.ts";
import { rootless } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  host: { type: "boolean" },
  json: { type: "boolean" },
} as const;
export const takes = [0, 1] as const;

export function run(flags: Values<typeof options>, [operand]: readonly string[], globalFlags: GlobalFlags): number {
  const { bundleOf, readConfig } = load<typeof import("./plan.ts")>("cli/plan");
  const bundle = bundleOf(flags.bundle, operand);
  const { findings, read } = load<typeof import("../spec/examine.ts")>("spec/examine").examine(
    readConfig(bundle),
    load<typeof import("../spec/load.ts")>("spec/load"),
  );
  const all = flags.host ? [...findings, ...onHost(bundle, read, findings, globalFlags)] : findings;
  const valid = all.every(({ level }) => level !== "error");
  print(flags.json ? `${stringify({ bundle, valid, findings: all }, 2)}\n` : text(all));
  return valid ? 0 : 1;
}

function onHost(
  bundle: string,
  read: Examination["read"],
  found: readonly Finding[],
  globalFlags: GlobalFlags,
): readonly Finding[] {
  if (read === undefined)
    return [
      { level: "warning", pointer: "", problem: "the host was not looked at", hint: "the errors above come first" },
    ];
  const facts = load<typeof import("../runtime/plan/facts.ts")>("runtime/plan/facts").probeHost(
    rootless(globalFlags.rootless),
  );
  const request = load<typeof import("./plan.ts")>("cli/plan").requestOf(
    { id: "", "no-pivot": false, "no-new-keyring": false, "preserve-fds": 0 },
    bundle,
    globalFlags,
  );
  const { planWithRareRooms } = load<typeof import("../runtime/plan/optional.ts")>("runtime/plan/optional");
  const { decodeSpec, isConfig } = load<typeof import("../spec/load.ts")>("spec/load");
  return load<typeof import("../explain/host.ts")>("explain/host").hostFindings({
    ...read,
    bundle,
    facts,
    found,
    plan: (json) => (isConfig(json) ? planWithRareRooms(decodeSpec(json), facts, request) : undefined),
  });
}

/** Errors first, a line each, and how many. */
export function text(findings: readonly Finding[]): string {
  const of = (wanted: Finding["level"]): readonly Finding[] => findings.filter(({ level }) => level === wanted);
  const [errors, warnings] = [of("error"), of("warning")];
  const lines = [...errors, ...warnings].map(
    ({ level, pointer, problem, hint }) =>
      `${level}${pointer === "" ? "" : ` ${pointer}`}: ${problem}${hint === undefined ? "" : `; ${hint}`}`,
  );
  return [...lines, `config.json: ${count(errors.length, "error")}, ${count(warnings.length, "warning")}`, ""].join(
    "\n",
  );
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
