// The clone itself, for create and for exec.

import { E2BIG, EACCES, EBUSY, EINVAL, ENOSYS, EOPNOTSUPP } from "../abi/errno.ts";
import { isErrno } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { clone3, type Child } from "../sys/process.ts";

/** clone3, into the cgroup where the kernel can: since 5.7, and not into a threaded one. */
export function cloneInto(
  flags: number,
  cgroup: Fd | null,
): { readonly child: Child | undefined; readonly inCgroup: boolean } {
  try {
    return { child: clone3(flags, cgroup), inCgroup: cgroup !== null };
  } catch (error) {
    if (cgroup === null || !isErrno(error, E2BIG, EINVAL, EBUSY, ENOSYS, EOPNOTSUPP, EACCES)) throw error;
    return { child: clone3(flags, null), inCgroup: false };
  }
}
