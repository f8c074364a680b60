// `tsrun plan`: the steps as numbered text for people, or with the plan itself as JSON for programs.

import { stringify } from "../base/json.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import { planSteps } from "./steps.ts";

const INDENT = "      ";

export function explain(plan: ContainerPlan): string {
  const lines = [`Container ${plan.id}: bundle ${plan.bundle}, root file system ${plan.rootfsPath}`, ""];
  let number = 0;
  let process = "";
  for (const { process: who, step, acts } of planSteps(plan)) {
    if (acts.length === 0) continue;
    if (who !== process) lines.push(...(process === "" ? [] : [""]), heading[who]);
    process = who;
    lines.push(
      `${String(++number).padStart(4)}. ${step}`,
      ...acts.map(({ text, why }) => `${INDENT}${text}  [${why}]`),
    );
  }
  for (const warning of plan.warnings) lines.push("", `warning: ${warning}`);
  return `${lines.join("\n")}\n`;
}

const heading = {
  runtime: "tsrun itself:",
  init: "init, the container's first process:",
  start: "init, when `tsrun start` is called:",
} as const;

/** Every step, also those with nothing to do, and the plan that they carry out; integers of 64 bits are exact. */
export function explainJson(plan: ContainerPlan): string {
  const steps = planSteps(plan).map((entry, i) => ({ number: i + 1, ...entry }));
  return `${stringify({ id: plan.id, bundle: plan.bundle, steps, plan }, 2)}\n`;
}
