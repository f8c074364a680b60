// linux.resources as writes into one v2 cgroup. config.json speaks v1: this file holds the conversions (FEATURES R2; runc and crun agree on them).

import { HostError, SpecError } from "../base/errors.ts";
import { compareInt64, int64, type Int64 } from "../base/int64.ts";
import { hostPath } from "../base/brand.ts";
import type { HostPath } from "../base/brand.ts";
import type { BlockIOResources, CPUResources, MemoryResources, Resources } from "../spec/types.ts";
import type { CgroupPlan, CgroupWrite } from "./plan.ts";
import {
  addRdma,
  isSet,
  pageSize,
  pidsMax,
  pointerToken,
  positive,
  usesCpu,
  writer,
  type Add,
} from "./resource-writes.ts";

const MEMORY = "/linux/resources/memory";
const CPU = "/linux/resources/cpu";
const BLOCK_IO = "/linux/resources/blockIO";
const DEFAULT_PERIOD_US = 100000;

type Ignored = { why: string; problem: string }[];

/** @param available the root's cgroup.controllers @throws HostError a controller is not there @throws SpecError */
export function planV2(
  resources: Resources,
  directory: HostPath,
  available: readonly string[],
): Pick<CgroupPlan, "writes" | "ignored" | "domainOnly" | "check"> {
  const writes: CgroupWrite[] = [];
  const ignored: Ignored = [];
  const add = writer(writes);
  const { memory, cpu, pids, blockIO, network } = resources;
  let domainOnly: string | undefined;

  const needs = (controller: string, why: string): void => {
    if (!available.includes(controller))
      throw new HostError(`${why}: the cgroup v2 controller "${controller}" is not available on this host`);
  };
  // [kernel] Of the controllers only cpu, cpuset, perf_event and pids work in threaded cgroups. cpu is listed as runc has it: it refuses too.
  const needsDomain = (controller: string, why: string): void => {
    needs(controller, why);
    domainOnly ??= why;
  };

  if (pids.limit !== undefined) {
    needs("pids", "/linux/resources/pids/limit");
    add(`${directory}/pids.max`, pidsMax(pids.limit), "/linux/resources/pids/limit");
  }
  if (isSet(memory.limit) || isSet(memory.swap) || isSet(memory.reservation)) {
    needsDomain("memory", MEMORY);
    addMemory(add, directory, memory);
  }
  ignoreMemory(ignored, memory);
  if (usesBlockIO(blockIO)) {
    needsDomain("io", BLOCK_IO);
    addIo(add, directory, blockIO);
  }
  ignoreIo(ignored, blockIO);
  if (usesCpu(cpu)) {
    needsDomain("cpu", CPU);
    addCpu(add, directory, cpu);
  }
  if (isSet(cpu.realtimePeriod))
    ignored.push({ why: `${CPU}/realtimePeriod`, problem: "cgroup v2 does not limit real-time processes" });
  if (isSet(cpu.realtimeRuntime))
    ignored.push({ why: `${CPU}/realtimeRuntime`, problem: "cgroup v2 does not limit real-time processes" });
  for (const name of ["cpus", "mems"] as const) {
    const value = cpu[name];
    if (value === undefined) continue;
    needs("cpuset", `${CPU}/${name}`);
    add(`${directory}/cpuset.${name}`, value, `${CPU}/${name}`);
  }
  resources.hugepageLimits.forEach((entry, i) => {
    const why = `/linux/resources/hugepageLimits/${i}`;
    needsDomain("hugetlb", why);
    const prefix = `${directory}/hugetlb.${pageSize(entry.pageSize, why)}`;
    add(`${prefix}.max`, entry.limit, why);
    add(`${prefix}.rsvd.max`, entry.limit, why, { missing: "skip" }); // [kernel] since 5.7
  });
  if (isSet(network.classID))
    ignored.push({ why: "/linux/resources/network/classID", problem: "cgroup v2 has no network classes" });
  if (network.priorities.length > 0)
    ignored.push({ why: "/linux/resources/network/priorities", problem: "cgroup v2 has no network priorities" });
  if (Object.keys(resources.rdma).length > 0) {
    needs("rdma", "/linux/resources/rdma");
    addRdma(add, directory, resources.rdma);
  }
  addUnified(add, directory, resources.unified, available);
  return { writes, ignored, domainOnly, check: memoryCheck(directory, memory) };
}

// ---- memory

/** -1 is v1's word for no limit. */
const max = (value: Int64): string => (compareInt64(value, -1) === 0 ? "max" : String(value));

function addMemory(add: Add, directory: string, memory: MemoryResources): void {
  const { limit, swap, reservation } = memory;
  const swapMax = memorySwapMax(limit, swap);
  // Without swap accounting there is no such file; "as much as you like" and "none" are true then anyway.
  const missing = swapMax === "max" || swapMax === "0" ? "skip" : "fail";
  if (swapMax !== undefined)
    add(`${directory}/memory.swap.max`, swapMax, isSet(swap) ? `${MEMORY}/swap` : `${MEMORY}/limit`, { missing });
  if (isSet(limit)) add(`${directory}/memory.max`, max(limit), `${MEMORY}/limit`);
  if (isSet(reservation)) add(`${directory}/memory.low`, max(reservation), `${MEMORY}/reservation`);
}

/**
 * memory.swap.max, which counts swap alone, from v1's sum of memory and swap; undefined leaves it.
 * @throws SpecError
 */
export function memorySwapMax(limit: Int64 | undefined, swap: Int64 | undefined): string | undefined {
  const fail = (problem: string): never => {
    throw new SpecError([{ pointer: `${MEMORY}/swap`, problem }]);
  };
  const unlimited = isSet(limit) && compareInt64(limit, -1) === 0;
  if (!isSet(swap)) return unlimited ? "max" : undefined;
  if (compareInt64(swap, -1) === 0) return "max";
  if (unlimited) return String(swap);
  if (!isSet(limit)) return fail("unable to set swap limit without memory limit");
  if (compareInt64(limit, 0) < 0) return fail(`invalid memory value: ${limit}`);
  if (compareInt64(swap, limit) < 0) return fail("memory+swap limit should be >= memory limit");
  return String(int64(BigInt(swap) - BigInt(limit)));
}

function memoryCheck(directory: string, { checkBeforeUpdate, limit, swap }: MemoryResources): CgroupPlan["check"] {
  const [limited, swapLimited] = [isSet(limit) && positive(limit), isSet(swap) && positive(swap)];
  if (!checkBeforeUpdate || (!limited && !swapLimited)) return undefined;
  return {
    file: hostPath(`${directory}/memory.current`),
    limit: limited ? limit : undefined,
    swap: swapLimited ? swap : undefined,
  };
}

function ignoreMemory(ignored: Ignored, memory: MemoryResources): void {
  const note = (field: string, asked: boolean, problem: string): void => {
    if (asked) ignored.push({ why: `${MEMORY}/${field}`, problem });
  };
  note("kernel", isSet(memory.kernel), "cgroup v2 counts kernel memory in the limit");
  note("kernelTCP", isSet(memory.kernelTCP), "cgroup v2 counts TCP buffers in the limit");
  note("swappiness", memory.swappiness !== undefined, "cgroup v2 has no swappiness");
  note("disableOOMKiller", memory.disableOOMKiller, "cgroup v2 cannot disable the OOM killer");
  note("useHierarchy", memory.useHierarchy === false, "cgroup v2 always counts descendants");
}

// ---- cpu

/**
 * cpu.weight (1 to 10000, normal 100) from cpu.shares (2 to 262144, normal 1024): a curve through the three.
 * 0, "not set", stays 0.
 */
export function cpuWeight(shares: Int64): number {
  const value = Number(shares);
  if (value === 0) return 0;
  if (value <= 2) return 1;
  if (value >= 262144) return 10000;
  const log = Math.log2(value);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

function addCpu(add: Add, directory: string, cpu: CPUResources): void {
  const { shares, quota, period, burst, idle } = cpu;
  const addIdle = (): void => {
    if (idle !== undefined) add(`${directory}/cpu.idle`, idle, `${CPU}/idle`);
  };
  // [kernel] An idle group has no weight: one cannot be set while it is idle.
  const becomesIdle = isSet(idle);
  if (!becomesIdle) addIdle();
  if (isSet(shares)) add(`${directory}/cpu.weight`, cpuWeight(shares), `${CPU}/shares`);
  if (becomesIdle) addIdle();
  if (burst !== undefined) add(`${directory}/cpu.max.burst`, burst, `${CPU}/burst`, { again: isSet(quota) });
  if (!isSet(quota) && !isSet(period)) return;
  const maximum = isSet(quota) && positive(quota) ? String(quota) : "max";
  add(
    `${directory}/cpu.max`,
    `${maximum} ${isSet(period) ? period : DEFAULT_PERIOD_US}`,
    isSet(quota) ? `${CPU}/quota` : `${CPU}/period`,
  );
}

// ---- io

/** io.weight (1 to 10000) from blkio.weight (10 to 1000), linear. 0, "not set", stays 0. */
export function ioWeight(weight: number): number {
  return weight === 0 ? 0 : 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

function usesBlockIO(blockIO: BlockIOResources): boolean {
  const {
    weight,
    weightDevice,
    throttleReadBpsDevice,
    throttleWriteBpsDevice,
    throttleReadIOPSDevice,
    throttleWriteIOPSDevice,
  } = blockIO;
  return (
    isSet(weight) ||
    [weightDevice, throttleReadBpsDevice, throttleWriteBpsDevice, throttleReadIOPSDevice, throttleWriteIOPSDevice].some(
      ({ length }) => length > 0,
    )
  );
}

function addIo(add: Add, directory: string, blockIO: BlockIOResources): void {
  const bfq = `${directory}/io.bfq.weight`;
  if (isSet(blockIO.weight)) {
    const missing = { file: hostPath(`${directory}/io.weight`), value: String(ioWeight(blockIO.weight)) };
    add(bfq, blockIO.weight, `${BLOCK_IO}/weight`, { missing });
  }
  blockIO.weightDevice.forEach(({ major, minor, weight }, i) => {
    // Only BFQ knows weights by device; runc, too, goes on without.
    if (weight !== undefined && positive(weight))
      add(bfq, `${major}:${minor} ${weight}`, `${BLOCK_IO}/weightDevice/${i}`, { missing: "skip" });
  });
  for (const [field, name] of throttles) {
    blockIO[field].forEach(({ major, minor, rate }, i) =>
      add(`${directory}/io.max`, `${major}:${minor} ${name}=${rate}`, `${BLOCK_IO}/${field}/${i}`),
    );
  }
}

const throttles = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const;

function ignoreIo(ignored: Ignored, blockIO: BlockIOResources): void {
  if (isSet(blockIO.leafWeight))
    ignored.push({ why: `${BLOCK_IO}/leafWeight`, problem: "cgroup v2 has no leaf weights" });
  blockIO.weightDevice.forEach(({ leafWeight }, i) => {
    if (isSet(leafWeight))
      ignored.push({ why: `${BLOCK_IO}/weightDevice/${i}/leafWeight`, problem: "cgroup v2 has no leaf weights" });
  });
}

// ---- unified

/** The user's own words for v2 files, last: they override what was converted. A value of several lines is several writes. */
function addUnified(add: Add, directory: string, unified: Resources["unified"], available: readonly string[]): void {
  for (const [name, value] of Object.entries(unified)) {
    const pointer = `/linux/resources/unified/${pointerToken(name)}`;
    const controller = name.slice(0, Math.max(name.indexOf("."), 0));
    if (name.includes("/"))
      throw new SpecError([
        { pointer, problem: `unified resource ${JSON.stringify(name)} must be a file name (no slashes)` },
      ]);
    if (controller === "")
      throw new SpecError([
        { pointer, problem: `unified resource ${JSON.stringify(name)} must be in the form CONTROLLER.PARAMETER` },
      ]);
    if (controller !== "cgroup" && !available.includes(controller)) {
      throw new HostError(
        `${pointer}: unified resource ${JSON.stringify(name)} can't be set: controller ${JSON.stringify(controller)} not available`,
      );
    }
    for (const line of value.split("\n"))
      if (line !== "" || !value.includes("\n")) add(`${directory}/${name}`, line, pointer);
  }
}
