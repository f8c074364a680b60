// What a filter would answer to one call, read from the plan of it. Pure; loaded on demand.

import {
  SCMP_CMP_EQ,
  SCMP_CMP_GE,
  SCMP_CMP_GT,
  SCMP_CMP_LE,
  SCMP_CMP_LT,
  SCMP_CMP_MASKED_EQ,
} from "../abi/libseccomp.ts";
import { SECCOMP_RET_ALLOW, SECCOMP_RET_LOG } from "../abi/seccomp.ts";
import type { SeccompCondition, SeccompPlan } from "./plan.ts";

/**
 * Whether the filter surely lets the call happen. No for a program that is not made of rules, and where rules disagree.
 * @param args those that are not named are 0
 */
export function allows(plan: SeccompPlan, name: string, args: readonly number[]): boolean {
  if (plan.program !== undefined) return false;
  const answers = plan.rules.filter(
    (rule) =>
      rule.names.includes(name) &&
      rule.conditions.every((condition) => holds(condition, BigInt(args[condition.arg] ?? 0))),
  );
  return answers.length > 0 ? answers.every(({ action }) => passes(action)) : passes(plan.defaultAction);
}

/** Whether a process under the filter may look at a file; without a filter it may. */
export const letsRead = (plan: SeccompPlan | undefined): boolean =>
  plan === undefined || ["openat", "read", "close", "newfstatat", "statx"].every((name) => allows(plan, name, []));

const passes = (action: number): boolean => action === SECCOMP_RET_ALLOW || action === SECCOMP_RET_LOG;

function holds({ op, a, b }: SeccompCondition, value: bigint): boolean {
  const wanted = BigInt(a);
  switch (op) {
    case SCMP_CMP_LT:
      return value < wanted;
    case SCMP_CMP_LE:
      return value <= wanted;
    case SCMP_CMP_EQ:
      return value === wanted;
    case SCMP_CMP_GE:
      return value >= wanted;
    case SCMP_CMP_GT:
      return value > wanted;
    case SCMP_CMP_MASKED_EQ:
      return (value & wanted) === BigInt(b);
    default:
      return value !== wanted; // SCMP_CMP_NE
  }
}
