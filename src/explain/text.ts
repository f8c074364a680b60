// `tsrun plan`: the steps as numbered text for people, or with the plan itself as JSON for programs. Pure.

import { stringify } from "../base/json.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import { isolationOf, isolationText } from "./isolation.ts";
import { planSteps, type PlanStep } from "./steps.ts";

/** Something that this host will refuse. */
export type Failure = {
  /** JSON pointer into config.json; "" when it is about none of its parts. */
  readonly pointer: string;
  readonly problem: string;
  readonly hint?: string;
  /** The step that will fail, where the pointer alone does not tell. */
  readonly step?: string;
};

export type NumberedStep = PlanStep & {
  /** From 1; absent for a step with nothing to do, which is not counted. */
  readonly number?: number;
  readonly failures: readonly Failure[];
};

/** Every step, with what will fail in it. What belongs to none of them is with the first one. */
export function numberedSteps(plan: ContainerPlan, failures: readonly Failure[]): readonly NumberedStep[] {
  const steps = planSteps(plan);
  const of = failures.map((failure) => [stepOf(failure, steps), failure] as const);
  let number = 0;
  return steps.map((step, i) => ({
    ...(step.acts.length > 0 && { number: ++number }),
    ...step,
    failures: of.flatMap(([at, failure]) => (at === i ? [failure] : [])),
  }));
}

/** The step that is named, or the one that does what was asked for at that place, or nearest above it. */
function stepOf({ pointer, step }: Failure, steps: readonly PlanStep[]): number {
  const named = steps.findIndex((one) => one.step === step && one.acts.length > 0);
  if (named >= 0) return named;
  for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const found = steps.findIndex(({ acts }) => acts.some(({ why }) => why === at || why.startsWith(`${at}/`)));
    if (found >= 0) return found;
  }
  return 0;
}

const INDENT = "      ";

/** @param brief only what config.json asked for */
export function explain(plan: ContainerPlan, failures: readonly Failure[] = [], brief = false): string {
  const lines = [`Container ${plan.id}: bundle ${plan.bundle}, root file system ${plan.rootfsPath}`, ""];
  let process = "";
  for (const { number, process: who, step, acts, failures: here } of numberedSteps(plan, failures)) {
    const shown = brief ? acts.filter(({ why }) => why.startsWith("/")) : acts;
    if (number === undefined || shown.length + here.length === 0) continue;
    if (who !== process) lines.push(...(process === "" ? [] : [""]), heading[who]);
    process = who;
    lines.push(
      `${String(number).padStart(4)}. ${step}`,
      ...shown.map(({ text, why }) => `${INDENT}${text}  [${why}]`),
      ...here.map(
        ({ pointer, problem, hint }) =>
          `${INDENT}will fail here: ${problem}${hint === undefined ? "" : `; ${hint}`}${pointer === "" ? "" : `  [${pointer}]`}`,
      ),
    );
  }
  lines.push("", ...isolationText(isolationOf(plan)));
  for (const warning of plan.warnings) lines.push("", `warning: ${warning}`);
  return `${lines.join("\n")}\n`;
}

const heading = {
  runtime: "tsrun itself:",
  init: "init, the container's first process:",
  start: "init, when `tsrun start` is called:",
} as const;

/** The same steps with the same numbers, those with nothing to do besides, and the plan that they carry out; integers of 64 bits are exact. schemas/plan-schema.json describes it. */
export function explainJson(plan: ContainerPlan, failures: readonly Failure[] = []): string {
  const { id, bundle } = plan;
  const steps = numberedSteps(plan, failures);
  return `${stringify({ id, bundle, steps, isolation: isolationOf(plan), warnings: plan.warnings, plan }, 2)}\n`;
}
