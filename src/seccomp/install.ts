// The child loading its filter, at the moment that the plan says (plan.ts, SeccompMoment).

import { SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../abi/seccomp.ts";
import { Fd } from "../sys/fd.ts";
import { seccomp_set_mode_filter } from "../sys/seccomp.ts";
import type { SeccompMoment } from "./plan.ts";

/** A filter ready to be loaded: made by the parent, before there is a child. */
export type SeccompFilter = {
  /** struct sock_filter[] */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* */
  readonly flags: number;
  readonly moment: SeccompMoment;
};

/**
 * Loads the filter if this is its moment. `init` calls it at each of the three.
 *
 * Every system call after it is subject to the filter, those of the engine's memory allocator too. Nothing may be assumed to work but
 * what the profile must allow in any case: execve; and write(2), which no profile may hand to a supervisor (spec/validate.ts).
 *
 * @param handOver makes the parent take the notify descriptor and returns when it has; the descriptor is closed then. The first thing it
 *   does must be a write(2) that tells its number: until the supervisor has the descriptor, any other call may block forever
 * @throws SysError as seccomp_set_mode_filter
 */
export function installSeccomp(
  filter: SeccompFilter | undefined,
  moment: SeccompMoment,
  handOver: (notify: number) => void,
): void {
  if (filter === undefined || filter.moment !== moment) return;
  const notify = seccomp_set_mode_filter(filter.program, filter.flags);
  if ((filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) === 0) return;
  using _closed = new Fd(notify);
  handOver(notify);
}
