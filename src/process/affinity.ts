// The processors of a new container: all that its cgroup allows, whatever the caller of the runtime was confined to.

import type { HostPid } from "../base/brand.ts";
import { SysError } from "../base/errors.ts";
import { getcpu, sched_setaffinity } from "../sys/process.ts";

const MOST_CPUS = 8192; // what kernels are built for; the kernel cuts a longer mask to its own length

/**
 * Lets go of the affinity that we inherited. Once we are in our cgroup: [kernel] since 6.2 an affinity that was asked for survives the change of
 * cpuset, so that a container would be confined to the processors of who called us. @see sched_setaffinity(2)
 */
export function resetAffinity(): void {
  orLeaveIt(() => sched_setaffinity(0, allProcessors(), "all processors")); // where it is refused the container runs on fewer, as with runc
}

/**
 * Has a child that was just made begin on another processor than ours. [kernel] It is often put behind its parent, on the same one, where it waits until that
 * blocks, more than a millisecond at times, with other processors idle. [law] Only for a child that resets its affinity once it has heard of us after this, as
 * init does: one that goes on by itself may have done so before, and would be left with a processor less.
 */
export function startElsewhere(child: HostPid): void {
  orLeaveIt(() => {
    const mask = allProcessors();
    const own = getcpu();
    mask[own >> 3] = 0xff & ~(1 << (own & 7));
    sched_setaffinity(child, mask, "all other processors"); // EINVAL: there is no other
  });
}

const allProcessors = (): Uint8Array => new Uint8Array(MOST_CPUS / 8).fill(0xff);

function orLeaveIt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}
