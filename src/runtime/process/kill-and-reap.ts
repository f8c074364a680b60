// The end of a child that shall not be.

import { ESRCH } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { HostError, isErrno } from "../../base/errors.ts";
import { poll } from "../../sys/poll.ts";
import { pidfd_send_signal, waitPidfd, type Child } from "../../sys/process.ts";

/** [kernel] In a v1 cgroup that is frozen it dies when that is thawed. */
const PATIENCE_MS = 10_000;

/** Whatever it has come to, it is gone afterwards. @throws HostError when it does not go */
export function killAndReap({ pidfd }: Pick<Child, "pidfd">): void {
  try {
    pidfd_send_signal(pidfd, SIGKILL);
    if (poll([{ fd: pidfd, events: POLLIN }], PATIENCE_MS)[0] === 0)
      throw new HostError("a process does not end, although it is killed: its cgroup may be frozen");
    waitPidfd(pidfd);
  } catch (error) {
    if (!isErrno(error, ESRCH)) throw error; // reaped already
  }
}
