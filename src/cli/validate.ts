// `tsrun validate [options] [bundle]`: all that is wrong with a config.json, and with --host what this host cannot do of it. Changes nothing.

import { stringify } from "../base/json.ts";
import type { Examination, Finding } from "../spec/examine.ts";
import { print } from "../sys/print.ts";
import { rootless } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as configLoader from "../spec/load.ts";
import defer * as examination from "../spec/examine.ts";
import defer * as hostCheck from "../explain/host.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";
import defer * as optionalPlans from "../runtime/plan/optional.ts";
import defer * as planCommand from "./plan.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  host: { type: "boolean" },
  json: { type: "boolean" },
} as const;
export const takes = [0, 1] as const;

export function run(flags: Values<typeof options>, [operand]: readonly string[], globalFlags: GlobalFlags): number {
  const bundle = planCommand.bundleOf(flags.bundle, operand);
  const { findings, read } = examination.examine(planCommand.readConfig(bundle), configLoader);
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
  const facts = hostFacts.probeHost(rootless(globalFlags.rootless));
  const request = planCommand.requestOf(
    { id: "", "no-pivot": false, "no-new-keyring": false, "preserve-fds": 0 },
    bundle,
    globalFlags,
  );
  return hostCheck.hostFindings({
    ...read,
    bundle,
    facts,
    found,
    plan: (json) =>
      configLoader.isConfig(json)
        ? optionalPlans.planWithRareRooms(configLoader.decodeSpec(json), facts, request)
        : undefined,
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
