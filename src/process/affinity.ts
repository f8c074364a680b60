// The processors of a new container: all that its cgroup allows, whatever the caller of the runtime was confined to.

import { SysError } from "../base/errors.ts";
import { sched_setaffinity } from "../sys/process.ts";

const MOST_CPUS = 8192; // what kernels are built for; the kernel cuts a longer mask to its own length

/**
 * Lets go of the affinity that we inherited. Once we are in our cgroup: [kernel] since 6.2 an affinity that was asked for survives the change of
 * cpuset, so that a container would be confined to the processors of who called us. @see sched_setaffinity(2)
 */
export function resetAffinity(): void {
  try {
    sched_setaffinity(0, new Uint8Array(MOST_CPUS / 8).fill(0xff), "all processors");
  } catch (error) {
    if (!(error instanceof SysError)) throw error; // where it is refused the container runs on fewer processors, as with runc
  }
}
