// Descriptors that have run out on the way to the program: of a limit that config.json itself has set. Loaded where they have.

import { EMFILE } from "../../abi/errno.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import { isErrno, StepError, SysError } from "../../base/errors.ts";
import type { ProcessPlan } from "../../process/plan.ts";

/** The error with the limit that is its reason, and with the pointer to it in place of that of the step. */
export function withOwnLimit(error: unknown, { rlimits }: ProcessPlan): unknown {
  const limit = rlimits.find(({ resource }) => resource === RLIMIT_NOFILE);
  const steps: string[] = [];
  let cause = error;
  for (; cause instanceof StepError; cause = cause.cause) steps.push(cause.step);
  if (limit === undefined || !isErrno(cause, EMFILE)) return error;
  const { syscall, detail } = cause;
  const blamed = new SysError(syscall, EMFILE, detail, `RLIMIT_NOFILE of the container is ${limit.soft}`);
  return steps.reduceRight<unknown>((inner, step) => new StepError(step, inner, limit.why), blamed);
}
