// Statistics from one v2 cgroup, under v1's names.

import { compareInt64, int64, MAX_UINT64, type Int64 } from "../base/int64.ts";
import type { HostPath } from "../base/brand.ts";
import {
  filled,
  hugePageSizes,
  hugetlbEntry,
  isZero,
  memoryEntry,
  parseTable,
  readCounter,
  textIfThere,
  times,
  counter,
} from "./counters.ts";
import type {
  BlkioEntry,
  CgroupStats,
  CpuStats,
  CpusetStats,
  HugetlbStats,
  MemoryStats,
  Pressure,
  PressureStats,
} from "./stats.ts";

export function statsV2(directory: HostPath): CgroupStats {
  const limit = readCounter(`${directory}/pids.max`);
  return {
    cpu: cpuStats(directory),
    cpuset: noCpuset,
    memory: memoryStats(directory),
    pids: filled({ current: readCounter(`${directory}/pids.current`), limit: limit === MAX_UINT64 ? 0 : limit }),
    blkio: { ...blkioStats(textIfThere(`${directory}/io.stat`) ?? ""), ...pressure(directory, "io") },
    hugetlb: hugetlbStats(directory),
  };
}

/** runc shows v1's flags, as zeros. */
const noCpuset: CpusetStats = {
  cpu_exclusive: 0,
  mem_hardwall: 0,
  mem_exclusive: 0,
  memory_migrate: 0,
  memory_spread_page: 0,
  memory_spread_slab: 0,
  memory_pressure: 0,
  sched_load_balance: 0,
  sched_relax_domain_level: 0,
};

function cpuStats(directory: string): CpuStats {
  const stat = parseTable(textIfThere(`${directory}/cpu.stat`) ?? "");
  const [total, kernel, user] = [
    times(stat["usage_usec"], 1000),
    times(stat["system_usec"], 1000),
    times(stat["user_usec"], 1000),
  ];
  const throttling = filled({
    periods: stat["nr_periods"] ?? 0,
    throttledPeriods: stat["nr_throttled"] ?? 0,
    throttledTime: times(stat["throttled_usec"], 1000),
  });
  return {
    ...(isZero(total) ? {} : { usage: { total, kernel, user } }),
    ...(Object.keys(throttling).length > 0 ? { throttling } : {}),
    ...pressure(directory, "cpu"),
  };
}

function memoryStats(directory: string): MemoryStats {
  const stat = textIfThere(`${directory}/memory.stat`);
  if (stat === undefined) return pressure(directory, "memory"); // the controller does not reach here
  const raw = parseTable(stat);
  const read = (name: string): Int64 => readCounter(`${directory}/memory.${name}`) ?? 0;
  const [limit, usage, swapLimit, swapUsage] = [read("max"), read("current"), read("swap.max"), read("swap.current")];
  const sum = (a: Int64, b: Int64): Int64 => int64(BigInt(a) + BigInt(b));
  // v1 counts memory and swap together; the most that was in use of both cannot be known.
  const bothLimit =
    compareInt64(swapLimit, MAX_UINT64) === 0 || compareInt64(limit, MAX_UINT64) === 0
      ? MAX_UINT64
      : sum(limit, swapLimit);
  return {
    ...filled({
      cache: raw["file"] ?? 0,
      usage: memoryEntry(limit, usage, read("peak"), 0),
      swap: memoryEntry(bothLimit, sum(usage, swapUsage), 0, 0),
    }),
    raw,
    ...pressure(directory, "memory"),
  };
}

/** "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
export function blkioStats(stat: string): CgroupStats["blkio"] {
  const ioServiceBytesRecursive: BlkioEntry[] = [];
  const ioServicedRecursive: BlkioEntry[] = [];
  for (const line of stat.split("\n")) {
    const [device = "", ...items] = line.split(" ");
    const [major, minor] = device.split(":").map(counter);
    if (major === undefined || minor === undefined) continue;
    for (const item of items) {
      const [name, value = ""] = item.split("=");
      const table =
        name === "rbytes" || name === "wbytes"
          ? ioServiceBytesRecursive
          : name === "rios" || name === "wios"
            ? ioServicedRecursive
            : undefined;
      table?.push({
        ...filled({ major, minor }),
        op: name?.startsWith("r") ? "Read" : "Write",
        ...filled({ value: counter(value) }),
      });
    }
  }
  return filled({ ioServiceBytesRecursive, ioServicedRecursive });
}

/** [kernel] A group without reservations' counters (before 5.7) has those of faults. */
function hugetlbStats(directory: string): CgroupStats["hugetlb"] {
  const stats: { [pageSize: string]: HugetlbStats } = {};
  for (const size of hugePageSizes()) {
    const prefix = `${directory}/hugetlb.${size}`;
    const usage = readCounter(`${prefix}.rsvd.current`) ?? readCounter(`${prefix}.current`);
    if (usage !== undefined)
      stats[size] = hugetlbEntry(usage, 0, parseTable(textIfThere(`${prefix}.events`) ?? "")["max"] ?? 0);
  }
  return stats;
}

function pressure(directory: string, name: "cpu" | "memory" | "io"): { readonly psi?: PressureStats } {
  const text = textIfThere(`${directory}/${name}.pressure`);
  return text === undefined ? {} : { psi: parsePressure(text) };
}

/** "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same for "full". */
export function parsePressure(text: string): PressureStats {
  const stats: { some?: Pressure; full?: Pressure } = {};
  for (const line of text.split("\n")) {
    const [kind, ...items] = line.split(" ");
    const values = Object.fromEntries(items.map((item) => item.split("=")));
    const data = {
      avg10: Number(values["avg10"]),
      avg60: Number(values["avg60"]),
      avg300: Number(values["avg300"]),
      total: counter(values["total"] ?? ""),
    };
    const isThere = data.avg10 + data.avg60 + data.avg300 > 0 || !isZero(data.total);
    if (isThere && (kind === "some" || kind === "full")) stats[kind] = data;
  }
  return stats;
}
