// Which capabilities the kernel would not give. Loaded when it has refused.

import { EPERM } from "../abi/errno.ts";
import { isErrno, StepError, SysError } from "../base/errors.ts";
import { permittedCapabilities } from "../sys/credentials.ts";
import { capabilityNames } from "./capabilities.ts";
import type { CapabilityPlan } from "./plan.ts";

/** The error of capset(2) with the names of the capabilities that it is about. @see capset(2) */
export function refusedCapabilities(
  error: unknown,
  { effective, permitted, inheritable, why }: CapabilityPlan,
): unknown {
  if (!isErrno(error, EPERM)) return error;
  const own = permittedCapabilities();
  const refused = [
    { mask: permitted & ~own, set: "permitted" },
    { mask: effective & ~permitted, set: "effective, not permitted" },
    { mask: inheritable & ~own, set: "inheritable" },
  ].find(({ mask }) => mask !== 0n);
  if (refused === undefined) return error;
  return new StepError(
    "set capabilities",
    new SysError("capset", EPERM, `${refused.set}: ${namesOf(refused.mask)}`),
    why,
  );
}

const namesOf = (mask: bigint): string =>
  capabilityNames
    .filter((_name, number) => (mask >> BigInt(number)) & 1n)
    .map((name) => `CAP_${name}`)
    .join(", ");
