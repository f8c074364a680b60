// All that the plan refuses. A plan says no once, so what it refused is taken out of the document and the rest is planned again.

import { HostError, SpecError, StepError, SysError } from "../../base/errors.ts";
import type { ContainerPlan } from "../../runtime/plan/container.ts";
import { compile, decodeProgram } from "../../seccomp/compile.ts";
import type { SeccompPlan } from "../../seccomp/plan.ts";
import type { Finding, Remainder } from "../../spec/examine.ts";
import type { Spec } from "../../spec/types.ts";
import { errnoText } from "../look.ts";

/** Plans a document; undefined when that breaks the schema. */
export type Planner = (json: unknown) => Planned | undefined;
export type Planned = { readonly spec: Spec; readonly plan: ContainerPlan };

export type PlanFindings = {
  readonly findings: readonly Finding[];
  /** What could be planned after all, and the pointer into the document as it stands of one into this Spec. */
  readonly made: (Planned & { readonly original: (pointer: string) => string }) | undefined;
};

/** @param found what the document itself was found to have; what breaks a law is taken out as well */
export function planFindings(document: Remainder, found: readonly Finding[], plan: Planner): PlanFindings {
  const findings: Finding[] = [];
  const rest = document.copy();
  const original = (pointer: string): string => rest.original(pointer);
  const refuse = (pointers: readonly string[]): boolean =>
    // Without its namespaces it would be another container, of which nothing is worth saying.
    !pointers.some((pointer) => pointer.startsWith("/linux/namespaces")) &&
    rest.remove(pointers).length < pointers.length;
  const broken = found.filter(({ level }) => level === "error").map(({ pointer }) => pointer);
  if (broken.some((pointer) => pointer.startsWith("/linux/namespaces"))) return { findings, made: undefined };
  refuse(broken);
  for (let refusals = 0; refusals < MOST_REFUSALS; refusals++) {
    try {
      const made = plan(rest.json);
      if (made === undefined) return { findings, made };
      findings.push(...planWarnings(made.plan).map((finding) => ({ ...finding, pointer: original(finding.pointer) })));
      return { findings, made: { ...made, original } };
    } catch (error) {
      const refused = errorFindings(error).map((finding) => ({ ...finding, pointer: original(finding.pointer) }));
      findings.push(...refused);
      if (!refuse(refused.map(({ pointer }) => pointer))) break;
    }
  }
  return { findings, made: undefined };
}

/** Each takes another plan of all that is left. */
const MOST_REFUSALS = 20;

function planWarnings({ cgroup, seccomp, warnings }: ContainerPlan): Finding[] {
  const findings = cgroup.ignored.map(({ why, problem }): Finding => ({ level: "warning", pointer: why, problem }));
  for (const warning of warnings)
    if (!/^(ignoring .*capabilities|can't raise ambient)/.test(warning)) findings.push(pointed("warning", warning)); // those are named one by one
  if (cgroup.mode === "none" && !cgroup.mayDoWithout)
    findings.push({
      level: "error",
      pointer: "",
      problem: "no cgroup file system is mounted on /sys/fs/cgroup: the container could reach every device",
    });
  return seccomp === undefined ? findings : [...findings, ...filterFindings(seccomp)];
}

/** Whether libseccomp can make a filter of it. */
function filterFindings(plan: SeccompPlan): readonly Finding[] {
  try {
    if (plan.program === undefined) compile(plan, undefined);
    else decodeProgram(plan.program);
    return [];
  } catch (error) {
    return errorFindings(error, plan.why);
  }
}

/** @throws what is no refusal but a mistake of ours */
function errorFindings(error: unknown, why: string = ""): readonly Finding[] {
  if (error instanceof SpecError) return error.violations.map((violation) => ({ level: "error", ...violation }));
  if (error instanceof StepError) return errorFindings(error.cause, error.why ?? why);
  if (error instanceof HostError) return [pointed("error", error.message, why)];
  if (error instanceof SysError)
    return [
      {
        level: "error",
        pointer: pointerOf(why),
        problem: `${error.syscall} ${error.detail}: ${errnoText(error.errno)}`,
      },
    ];
  throw error;
}

/** A message of a plan says at its start what it is about. */
function pointed(level: Finding["level"], message: string, why: string = ""): Finding {
  const [, pointer, problem] = /^(\/\S*): (.*)$/s.exec(message) ?? [];
  return { level, pointer: pointer ?? pointerOf(why), problem: problem ?? message };
}

/** A part of a plan may be there by default, or for a flag: neither is in config.json. */
const pointerOf = (why: string): string => (why.startsWith("/") ? why : "");
