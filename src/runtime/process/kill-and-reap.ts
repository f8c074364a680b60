// The end of a child that shall not be.

import { ESRCH } from "../../abi/errno.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { isErrno } from "../../base/errors.ts";
import { pidfd_send_signal, waitPidfd, type Child } from "../../sys/process.ts";

/** Whatever it has come to, it is gone afterwards. */
export function killAndReap({ pidfd }: Pick<Child, "pidfd">): void {
  try {
    pidfd_send_signal(pidfd, SIGKILL);
    waitPidfd(pidfd);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error; // reaped already
  }
}
