// What a container has used so far, in the form that `events` prints: runc's (types/events.go), which clients of go-runc decode.
// A number that is 0 is left out where runc leaves it out. All are unsigned 64-bit integers and may be bigints.

import type { Int64 } from "../base/int64.ts";
import { isV2 } from "./files.ts";
import type { CgroupPaths } from "./plan.ts";
import defer * as statsV1 from "./stats-v1.ts";
import defer * as statsV2 from "./stats-v2.ts";

export type Pressure = {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: Int64;
};
export type PressureStats = { readonly some?: Pressure; readonly full?: Pressure };

/** limit: 2^64-1 where there is none (v2), or v1's largest number. */
export type MemoryEntry = {
  readonly limit: Int64;
  readonly usage?: Int64;
  readonly max?: Int64;
  readonly failcnt: Int64;
};

export type BlkioEntry = {
  readonly major?: Int64;
  readonly minor?: Int64;
  readonly op?: string;
  readonly value?: Int64;
};

export type BlkioTable =
  | "ioServiceBytesRecursive"
  | "ioServicedRecursive"
  | "ioQueueRecursive"
  | "ioServiceTimeRecursive"
  | "ioWaitTimeRecursive"
  | "ioMergedRecursive"
  | "ioTimeRecursive"
  | "sectorsRecursive";

export type CpuStats = {
  /** Nanoseconds. */
  readonly usage?: {
    readonly total?: Int64;
    readonly percpu?: readonly Int64[];
    readonly percpu_kernel?: readonly Int64[];
    readonly percpu_user?: readonly Int64[];
    readonly kernel: Int64;
    readonly user: Int64;
  };
  readonly throttling?: { readonly periods?: Int64; readonly throttledPeriods?: Int64; readonly throttledTime?: Int64 };
  readonly psi?: PressureStats;
};

export type CpusetStats = {
  readonly cpus?: readonly number[];
  readonly cpu_exclusive: Int64;
  readonly mems?: readonly number[];
  readonly mem_hardwall: Int64;
  readonly mem_exclusive: Int64;
  readonly memory_migrate: Int64;
  readonly memory_spread_page: Int64;
  readonly memory_spread_slab: Int64;
  readonly memory_pressure: Int64;
  readonly sched_load_balance: Int64;
  readonly sched_relax_domain_level: Int64;
};

export type MemoryStats = {
  readonly cache?: Int64;
  readonly usage?: MemoryEntry;
  /** Memory and swap together. */
  readonly swap?: MemoryEntry;
  readonly kernel?: MemoryEntry;
  readonly kernelTCP?: MemoryEntry;
  readonly raw?: { readonly [name: string]: Int64 };
  readonly psi?: PressureStats;
};

export type HugetlbStats = { readonly usage?: Int64; readonly max?: Int64; readonly failcnt: Int64 };

export type CgroupStats = {
  readonly cpu: CpuStats;
  readonly cpuset: CpusetStats;
  readonly memory: MemoryStats;
  readonly pids: { readonly current?: Int64; readonly limit?: Int64 };
  readonly blkio: { readonly [table in BlkioTable]?: readonly BlkioEntry[] } & { readonly psi?: PressureStats };
  readonly hugetlb: { readonly [pageSize: string]: HugetlbStats };
};

/** @throws SysError a file cannot be read; one that is not there counts as zeros */
export function cgroupStats(paths: CgroupPaths): CgroupStats {
  const first = paths[0];
  if (first !== undefined && paths.length === 1 && isV2(first)) return statsV2.statsV2(first.path);
  return statsV1.statsV1(paths);
}
