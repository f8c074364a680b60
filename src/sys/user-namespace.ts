// Whether we are in a user namespace that somebody made.

import { ENOENT } from "../abi/errno.ts";
import { isErrno } from "../base/errors.ts";
import { readlinkat } from "./directory.ts";

/** [kernel] The initial user namespace has an inode number of its own (PROC_USER_INIT_INO). Without /proc there is no telling: false. */
export function inUserNamespace(): boolean {
  try {
    return readlinkat(null, "/proc/self/ns/user") !== "user:[4026531837]";
  } catch (error) {
    if (isErrno(error, ENOENT)) return false;
    throw error;
  }
}
