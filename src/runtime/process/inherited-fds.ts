// Descriptors of the caller's that the process inherits.

import { HostError } from "../../base/errors.ts";
import { getenv } from "../../sys/environ.ts";
import { isInherited } from "../../sys/fd.ts";
import { getpid } from "../../sys/process.ts";

/**
 * [cve] CVE-2024-21626: a number that the caller left closed would be one of ours, open on the host, by the time the container gets it.
 * @param before how many numbers from 3 on come before
 */
export function checkInheritedFds(asked: string, before: number, count: number): void {
  for (let fd = 3 + before; fd < 3 + before + count; fd++)
    if (!isInherited(fd)) throw new HostError(`${asked} ${count}: descriptor ${fd} is not open: bad file descriptor`);
}

/** How many descriptors socket activation hands to us, and not to a process that we inherited the variables from. @see sd_listen_fds(3) */
export function listenFds(): number {
  const count = getenv("LISTEN_FDS");
  return count !== undefined && getenv("LISTEN_PID") === String(getpid()) && /^[0-9]{1,9}$/.test(count)
    ? Number(count)
    : 0;
}
