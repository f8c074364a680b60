// `tsrun validate [options] [bundle]`: all that is wrong with a config.json, and with --host what this host cannot do of it. Changes nothing.

import { stringify } from "../base/json.ts";
import { UsageError } from "../base/errors.ts";
import { join } from "../base/path.ts";
import type { Finding, Understood } from "../spec/examine.ts";
import type { Planner } from "../explain/host/refused.ts";
import type { HostFacts } from "../spec/facts.ts";
import { print } from "../sys/print.ts";
import { rootless } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as configLoader from "../spec/load.ts";
import defer * as examination from "../spec/examine.ts";
import defer * as alwaysRefused from "../explain/always.ts";
import defer * as hostCheck from "../explain/host.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";
import defer * as containerPlan from "../runtime/plan/container.ts";
import defer * as codes from "./codes.ts";
import defer * as findingFormats from "../explain/finding-formats.ts";
import defer * as planCommand from "./plan.ts";
import defer * as versions from "./version.ts";
import defer * as valueCheck from "../explain/values.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  host: { type: "boolean" },
  json: { type: "boolean" },
  format: { type: "string", short: "f", default: "" },
} as const;
export const takes = [0, 1] as const;

export function run(flags: Values<typeof options>, [operand]: readonly string[], globalFlags: GlobalFlags): number {
  const format = formatOf(flags);
  const bundle = planCommand.bundleOf(flags.bundle, operand);
  const { findings, read } = examination.examine(planCommand.readConfig(bundle), configLoader);
  const all = [...findings];
  if (read !== undefined) {
    all.push(
      ...(flags.host ? onHost(bundle, read, findings, globalFlags) : onAnyHost(bundle, read, findings, globalFlags)),
    );
    all.push(...valueCheck.valuesIn(read, all));
  } else if (flags.host)
    all.push({
      level: "warning",
      pointer: "",
      problem: "the host was not looked at",
      hint: "the errors above come first",
    });
  const placed = read === undefined ? all : examination.located(all, read.positions);
  const valid = all.every(({ level }) => level !== "error");
  const file = join(operand ?? flags.bundle, "config.json").replace(/^\.?\/(?=config)/, "");
  print(printed(format, placed, { bundle, file, valid }));
  return valid ? 0 : 1;
}

const FORMATS = ["text", "json", "github", "sarif"] as const;
type Format = (typeof FORMATS)[number];

/** @throws UsageError */
function formatOf({ format, json }: Values<typeof options>): Format {
  if (json && format !== "" && format !== "json")
    throw new UsageError(`--json and --format=${format} exclude each other`);
  const name = json ? "json" : format || "text";
  const known = FORMATS.find((one) => one === name);
  if (known === undefined) throw new UsageError(`invalid format option ${format}: there are ${FORMATS.join(", ")}`);
  return known;
}

function printed(
  format: Format,
  findings: readonly Finding[],
  { bundle, file, valid }: { readonly bundle: string; readonly file: string; readonly valid: boolean },
): string {
  if (format === "text") return text(findings, file);
  if (format === "json") return `${stringify({ bundle, valid, findings }, 2)}\n`;
  const coded = findings.map((finding) => ({ ...finding, code: codes.codeOfFinding(finding) }));
  return format === "github"
    ? findingFormats.githubAnnotations(coded, file)
    : `${stringify(findingFormats.sarif(coded, file, versions.version()), 2)}\n`;
}

function onAnyHost(
  bundle: string,
  read: Understood,
  found: readonly Finding[],
  globalFlags: GlobalFlags,
): readonly Finding[] {
  return alwaysRefused.alwaysRefused(read.rest, found, plannerOf(bundle, globalFlags));
}

/** Makes plans of documents for a host. */
function plannerOf(bundle: string, globalFlags: GlobalFlags): (facts: HostFacts) => Planner {
  const request = planCommand.requestOf(
    { id: "", "no-pivot": false, "no-new-keyring": false, "preserve-fds": 0 },
    bundle,
    globalFlags,
  );
  return (facts) => (json) => {
    if (!configLoader.isConfig(json)) return undefined;
    const spec = configLoader.decodeSpec(json);
    return { spec, plan: containerPlan.planContainer(spec, facts, request) };
  };
}

function onHost(
  bundle: string,
  read: Understood,
  found: readonly Finding[],
  globalFlags: GlobalFlags,
): readonly Finding[] {
  const facts = hostFacts.probeHost(rootless(globalFlags.rootless));
  return hostCheck
    .hostFindings({
      ...read,
      bundle,
      facts,
      found,
      plan: plannerOf(bundle, globalFlags)(facts),
    })
    .map(({ step: _step, ...finding }) => finding);
}

/** Errors first, each in the order of the text, a line each; and how many. As compilers write it, so that editors find the place. */
export function text(findings: readonly Finding[], file = "config.json"): string {
  const of = (wanted: Finding["level"]): readonly Finding[] =>
    findings
      .filter(({ level }) => level === wanted)
      .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const [errors, warnings] = [of("error"), of("warning")];
  const lines = [...errors, ...warnings].map(
    ({ level, pointer, line, column, problem, hint }) =>
      `${file}${line === undefined ? "" : `:${line}:${column ?? 1}`}: ${level}${pointer === "" ? "" : ` ${pointer}`}: ${problem}${hint === undefined ? "" : `; ${hint}`}`,
  );
  return [...lines, `${file}: ${count(errors.length, "error")}, ${count(warnings.length, "warning")}`, ""].join("\n");
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
