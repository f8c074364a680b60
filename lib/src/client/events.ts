// What `events` prints.

import type { CgroupStats } from "../../../src/cgroup/stats.ts";

/** What a container has used so far. Numbers of the kernel with 64 bits are bigints where a number would not be exact. */
export type Statistics = CgroupStats;

export type ContainerEvent =
  | { readonly type: "stats"; readonly id: string; readonly data: Statistics }
  /** The kernel killed a process of the container because its memory limit was reached. */
  | { readonly type: "oom"; readonly id: string };
