// What two plans differ in, step by step: `tsrun plan --diff`. Pure.

import { planSteps } from "./steps.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";

export type StepDifference = {
  readonly step: string;
  /** What only the first plan does, and what only the second one does. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
};

/** Both must be of one container id, or all that is called by it differs. */
export function diffPlans(first: ContainerPlan, second: ContainerPlan): readonly StepDifference[] {
  const theirs = new Map(planSteps(second).map(({ step, acts }) => [step, acts.map(({ text }) => text)]));
  return planSteps(first).flatMap(({ step, acts }) => {
    const [before, after] = [acts.map(({ text }) => text), theirs.get(step) ?? []];
    const removed = without(before, after);
    const added = without(after, before);
    return removed.length + added.length === 0 ? [] : [{ step, removed, added }];
  });
}

/** Those of `all` that are not in `others`, as often as they are more. */
function without(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return all.filter((text) => {
    const at = left.indexOf(text);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** As diff(1) has it: lines with - are the first plan's, with + the second one's. */
export const diffText = (differences: readonly StepDifference[]): string =>
  differences.length === 0
    ? "no step differs\n"
    : differences
        .flatMap(({ step, removed, added }) => [
          step,
          ...removed.map((text) => `  - ${text}`),
          ...added.map((text) => `  + ${text}`),
        ])
        .map((line) => `${line}\n`)
        .join("");
