// Before anything of ours can be seen from a container: our own program is put out of its reach.

import { isErrno } from "../../base/errors.ts";
import { EACCES, EINVAL, ENOSYS, EPERM } from "../../abi/errno.ts";
import type { Fd } from "../../sys/fd.ts";
import { hideProgram } from "../../sys/program.ts";

/** @returns what hideProgram gives, undefined where it is refused to us: the child may be allowed to, in a user namespace. A host that cannot do it (docs/SECURITY.md) is told of in the debug log: a warning at every start would be in the way of callers. */
export function hideOwnProgram(debug: (message: string) => void): Fd | undefined {
  try {
    return hideProgram();
  } catch (error) {
    if (!isErrno(error, ENOSYS, EPERM, EACCES, EINVAL)) throw error;
    debug(`our own program can be reached from the container: ${error.syscall} ${error.detail}: errno ${error.errno}`);
    return undefined;
  }
}
