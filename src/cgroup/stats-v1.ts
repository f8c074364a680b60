// Statistics from v1 hierarchies. What is not mounted is not counted.

import { compareInt64, MAX_UINT64, type Int64 } from "../base/int64.ts";
import {
  counter,
  filled,
  hugePageSizes,
  hugetlbEntry,
  memoryEntry,
  parseList,
  parseTable,
  readCounter,
  textIfThere,
  times,
} from "./counters.ts";
import type { CgroupPaths } from "./plan.ts";
import type {
  BlkioEntry,
  BlkioTable,
  CgroupStats,
  CpuStats,
  CpusetStats,
  HugetlbStats,
  MemoryEntry,
  MemoryStats,
} from "./stats.ts";

export function statsV1(paths: CgroupPaths): CgroupStats {
  const directory = (controller: string): string | undefined =>
    paths.find(({ controllers }) => controllers.includes(controller))?.path;
  return {
    cpu: cpuStats(directory("cpu"), directory("cpuacct")),
    cpuset: cpusetStats(directory("cpuset")),
    memory: memoryStats(directory("memory")),
    pids: pidsStats(directory("pids")),
    blkio: blkioStats(directory("blkio")),
    hugetlb: hugetlbStats(directory("hugetlb")),
  };
}

/** [kernel] USER_HZ is 100 on every architecture that Linux still has. */
const NANOSECONDS_PER_TICK = 1e9 / 100;

function cpuStats(cpu: string | undefined, cpuacct: string | undefined): CpuStats {
  const stat = cpu === undefined ? {} : parseTable(textIfThere(`${cpu}/cpu.stat`) ?? "");
  const throttling = filled({
    periods: stat["nr_periods"] ?? 0,
    throttledPeriods: stat["nr_throttled"] ?? 0,
    throttledTime: stat["throttled_time"] ?? 0,
  });
  return {
    ...filled({ usage: cpuacct === undefined ? undefined : cpuUsage(cpuacct) }),
    ...(Object.keys(throttling).length > 0 ? { throttling } : {}),
  };
}

function cpuUsage(directory: string): CpuStats["usage"] {
  const ticks = parseTable(textIfThere(`${directory}/cpuacct.stat`) ?? "");
  const rows = (textIfThere(`${directory}/cpuacct.usage_all`) ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.split(" "));
  const column = (i: number): readonly Int64[] =>
    rows.flatMap((row) => (row.length < 3 ? [] : [counter(row[i] ?? "")]));
  return {
    ...filled({
      total: readCounter(`${directory}/cpuacct.usage`) ?? 0,
      percpu: (textIfThere(`${directory}/cpuacct.usage_percpu`) ?? "").split(/\s+/).filter(Boolean).map(counter),
      percpu_kernel: column(2),
      percpu_user: column(1),
    }),
    kernel: times(ticks["system"], NANOSECONDS_PER_TICK),
    user: times(ticks["user"], NANOSECONDS_PER_TICK),
  };
}

function cpusetStats(directory: string | undefined): CpusetStats {
  const text = (name: string): string =>
    directory === undefined
      ? ""
      : (textIfThere(`${directory}/cpuset.${name}`) ?? textIfThere(`${directory}/${name}`) ?? "");
  const number = (name: string): Int64 => counter(text(name));
  return {
    ...filled({ cpus: parseList(text("cpus")) }),
    cpu_exclusive: number("cpu_exclusive"),
    ...filled({ mems: parseList(text("mems")) }),
    mem_hardwall: number("mem_hardwall"),
    mem_exclusive: number("mem_exclusive"),
    memory_migrate: number("memory_migrate"),
    memory_spread_page: number("memory_spread_page"),
    memory_spread_slab: number("memory_spread_slab"),
    memory_pressure: number("memory_pressure"),
    sched_load_balance: number("sched_load_balance"),
    sched_relax_domain_level: Number(text("sched_relax_domain_level")), // -1 is "as the system has it"
  };
}

function memoryStats(directory: string | undefined): MemoryStats {
  const stat = directory === undefined ? undefined : textIfThere(`${directory}/memory.stat`);
  if (directory === undefined || stat === undefined) return {};
  const raw = parseTable(stat);
  return {
    ...filled({
      cache: raw["cache"] ?? 0,
      usage: memoryData(directory, "memory"),
      swap: memoryData(directory, "memory.memsw"),
      kernel: memoryData(directory, "memory.kmem"),
      kernelTCP: memoryData(directory, "memory.kmem.tcp"),
    }),
    raw,
  };
}

function memoryData(directory: string, prefix: string): MemoryEntry | undefined {
  const read = (name: string): Int64 => readCounter(`${directory}/${prefix}.${name}`) ?? 0;
  return memoryEntry(read("limit_in_bytes"), read("usage_in_bytes"), read("max_usage_in_bytes"), read("failcnt"));
}

function pidsStats(directory: string | undefined): CgroupStats["pids"] {
  if (directory === undefined) return {};
  const limit = readCounter(`${directory}/pids.max`) ?? 0;
  return filled({
    current: readCounter(`${directory}/pids.current`) ?? 0,
    limit: compareInt64(limit, MAX_UINT64) === 0 ? 0 : limit,
  });
}

const BFQ: readonly (readonly [string, BlkioTable])[] = [
  ["sectors_recursive", "sectorsRecursive"],
  ["io_service_time_recursive", "ioServiceTimeRecursive"],
  ["io_wait_time_recursive", "ioWaitTimeRecursive"],
  ["io_merged_recursive", "ioMergedRecursive"],
  ["io_queued_recursive", "ioQueueRecursive"],
  ["time_recursive", "ioTimeRecursive"],
  ["io_serviced_recursive", "ioServicedRecursive"],
  ["io_service_bytes_recursive", "ioServiceBytesRecursive"],
];

/** Prefixes of files and which there are: the first whose first file is there tells. Schedulers come before the block layer's own. */
const BLKIO: readonly { readonly prefix: string; readonly files: readonly (readonly [string, BlkioTable])[] }[] = [
  { prefix: "blkio.bfq.", files: BFQ },
  { prefix: "blkio.bfq.", files: BFQ.slice(-2) },
  { prefix: "blkio.", files: BFQ },
  { prefix: "blkio.throttle.", files: BFQ.slice(-2) },
  {
    prefix: "blkio.throttle.",
    files: [
      ["io_serviced", "ioServicedRecursive"],
      ["io_service_bytes", "ioServiceBytesRecursive"],
    ],
  },
];

function blkioStats(directory: string | undefined): CgroupStats["blkio"] {
  if (directory === undefined) return {};
  for (const { prefix, files } of BLKIO) {
    const tables: { [table in BlkioTable]?: readonly BlkioEntry[] } = {};
    for (const [file, table] of files) {
      const entries = blkioEntries(textIfThere(`${directory}/${prefix}${file}`) ?? "");
      if (entries.length === 0) break;
      tables[table] = entries;
    }
    if (Object.keys(tables).length > 0) return tables;
  }
  return {};
}

/** Lines "8:0 Read 1282048" or "8:0 6792", and totals of all devices, which are not ours to show. */
export function blkioEntries(text: string): readonly BlkioEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, op = "", value] = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line) ?? [];
    if (major === undefined || minor === undefined || value === undefined) return [];
    return [
      {
        ...filled({ major: counter(major), minor: counter(minor) }),
        ...(op === "" ? {} : { op }),
        ...filled({ value: counter(value) }),
      },
    ];
  });
}

function hugetlbStats(directory: string | undefined): CgroupStats["hugetlb"] {
  if (directory === undefined) return {};
  const stats: { [pageSize: string]: HugetlbStats } = {};
  for (const size of hugePageSizes()) {
    const prefix = [`hugetlb.${size}.rsvd`, `hugetlb.${size}`].find(
      (name) => textIfThere(`${directory}/${name}.usage_in_bytes`) !== undefined,
    );
    if (prefix === undefined) continue;
    const read = (name: string): Int64 => readCounter(`${directory}/${prefix}.${name}`) ?? 0;
    stats[size] = hugetlbEntry(read("usage_in_bytes"), read("max_usage_in_bytes"), read("failcnt"));
  }
  return stats;
}
