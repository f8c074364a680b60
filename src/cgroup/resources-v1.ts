// linux.resources as writes into the v1 hierarchies. The numbers are config.json's own: it was made for v1.

import { HostError, SpecError } from "../base/errors.ts";
import { compareInt64 } from "../base/int64.ts";
import { hostPath } from "../base/brand.ts";
import type { BlockIOResources, CPUResources, MemoryResources, Resources } from "../spec/types.ts";
import type { CgroupPaths, CgroupPlan, CgroupWrite } from "./plan.ts";
import { addRdma, isSet, pageSize, pidsMax, positive, writer, usesCpu, type Add } from "./resource-writes.ts";

const MEMORY = "/linux/resources/memory";
const CPU = "/linux/resources/cpu";
const BLOCK_IO = "/linux/resources/blockIO";

// [kernel] cpu.shares outside is clamped without a word.
const MIN_SHARES = 2;
const MAX_SHARES = 262144;

/** @throws HostError a controller is not mounted @throws SpecError */
export function planV1(resources: Resources, groups: CgroupPaths): Pick<CgroupPlan, "writes" | "ignored"> {
  const writes: CgroupWrite[] = [];
  const ignored: { why: string; problem: string }[] = [];
  const add = writer(writes);
  const { memory, cpu, pids, blockIO, network } = resources;

  /** Where the controller's files are; nothing may be skipped that was asked for. */
  const directory = (controller: string, why: string): string => {
    const group = groups.find(({ controllers }) => controllers.includes(controller));
    if (group === undefined)
      throw new HostError(`${why}: the cgroup controller "${controller}" is not mounted on this host`);
    return group.path;
  };

  if (Object.keys(resources.unified).length > 0) {
    throw new SpecError([
      { pointer: "/linux/resources/unified", problem: "invalid configuration: cannot use unified on cgroup v1" },
    ]);
  }
  directory("devices", "/linux/resources/devices"); // [spec] whatever config.json says, the container must not reach every device

  if (cpu.cpus !== undefined) addCpuset(add, directory("cpuset", `${CPU}/cpus`), "cpus", cpu.cpus);
  if (cpu.mems !== undefined) addCpuset(add, directory("cpuset", `${CPU}/mems`), "mems", cpu.mems);
  if (usesMemory(memory)) addMemory(add, directory("memory", MEMORY), memory);
  if (isSet(memory.kernel))
    ignored.push({ why: `${MEMORY}/kernel`, problem: "kernel memory has no limit of its own any more" });
  if (usesCpu(cpu) || isSet(cpu.realtimePeriod) || isSet(cpu.realtimeRuntime)) addCpu(add, directory("cpu", CPU), cpu);
  if (pids.limit !== undefined)
    add(
      `${directory("pids", "/linux/resources/pids/limit")}/pids.max`,
      pidsMax(pids.limit),
      "/linux/resources/pids/limit",
    );
  if (usesBlockIO(blockIO)) addBlockIO(add, directory("blkio", BLOCK_IO), blockIO);
  resources.hugepageLimits.forEach((entry, i) => {
    const why = `/linux/resources/hugepageLimits/${i}`;
    const prefix = `${directory("hugetlb", why)}/hugetlb.${pageSize(entry.pageSize, why)}`;
    add(`${prefix}.limit_in_bytes`, entry.limit, why);
    add(`${prefix}.rsvd.limit_in_bytes`, entry.limit, why, { missing: "skip" }); // [kernel] since 5.7
  });
  if (isSet(network.classID)) {
    add(
      `${directory("net_cls", "/linux/resources/network/classID")}/net_cls.classid`,
      network.classID,
      "/linux/resources/network/classID",
    );
  }
  network.priorities.forEach(({ name, priority }, i) => {
    const why = `/linux/resources/network/priorities/${i}`;
    add(`${directory("net_prio", why)}/net_prio.ifpriomap`, `${name} ${priority}`, why);
  });
  if (Object.keys(resources.rdma).length > 0) addRdma(add, directory("rdma", "/linux/resources/rdma"), resources.rdma);
  return { writes, ignored };
}

/** [kernel] The hierarchy may be mounted with the option noprefix (Android). */
function addCpuset(add: Add, directory: string, name: "cpus" | "mems", value: string): void {
  add(`${directory}/cpuset.${name}`, value, `${CPU}/${name}`, {
    missing: { file: hostPath(`${directory}/${name}`), value },
  });
}

function usesMemory(memory: MemoryResources): boolean {
  const { limit, swap, reservation, kernelTCP, swappiness, disableOOMKiller, useHierarchy } = memory;
  return (
    isSet(limit) ||
    isSet(swap) ||
    isSet(reservation) ||
    isSet(kernelTCP) ||
    swappiness !== undefined ||
    disableOOMKiller ||
    useHierarchy !== undefined
  );
}

function addMemory(add: Add, directory: string, memory: MemoryResources): void {
  const { limit, swap, reservation, kernelTCP, swappiness, useHierarchy } = memory;
  const limitFile = `${directory}/memory.limit_in_bytes`;
  const swapFile = `${directory}/memory.memsw.limit_in_bytes`;
  // [kernel] Memory and swap together may never be less than memory alone: in a new group the limit comes first,
  // and "unlimited" comes from the other side.
  const unlimited = isSet(limit) && compareInt64(limit, -1) === 0;
  const noSwapLimit = isSet(swap) ? compareInt64(swap, -1) === 0 : unlimited;
  if (noSwapLimit) add(swapFile, -1, isSet(swap) ? `${MEMORY}/swap` : `${MEMORY}/limit`, { missing: "skip" }); // no swap accounting: nothing limits it
  if (isSet(limit)) add(limitFile, limit, `${MEMORY}/limit`, { again: true });
  if (isSet(swap) && !noSwapLimit) add(swapFile, swap, `${MEMORY}/swap`, { again: true });
  if (isSet(reservation)) add(`${directory}/memory.soft_limit_in_bytes`, reservation, `${MEMORY}/reservation`);
  if (useHierarchy !== undefined)
    add(`${directory}/memory.use_hierarchy`, useHierarchy ? 1 : 0, `${MEMORY}/useHierarchy`);
  if (memory.disableOOMKiller) add(`${directory}/memory.oom_control`, 1, `${MEMORY}/disableOOMKiller`);
  if (isSet(kernelTCP))
    add(`${directory}/memory.kmem.tcp.limit_in_bytes`, kernelTCP, `${MEMORY}/kernelTCP`, { missing: "skip" });
  if (swappiness === undefined) return;
  if (compareInt64(swappiness, 100) > 0) {
    throw new SpecError([
      {
        pointer: `${MEMORY}/swappiness`,
        problem: `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`,
      },
    ]);
  }
  add(`${directory}/memory.swappiness`, swappiness, `${MEMORY}/swappiness`);
}

function addCpu(add: Add, directory: string, cpu: CPUResources): void {
  const { shares, quota, period, burst, idle, realtimePeriod, realtimeRuntime } = cpu;
  if (isSet(shares)) {
    if (compareInt64(shares, MIN_SHARES) < 0)
      throw new SpecError([{ pointer: `${CPU}/shares`, problem: `the minimum allowed cpu-shares is ${MIN_SHARES}` }]);
    if (compareInt64(shares, MAX_SHARES) > 0)
      throw new SpecError([{ pointer: `${CPU}/shares`, problem: `the maximum allowed cpu-shares is ${MAX_SHARES}` }]);
    add(`${directory}/cpu.shares`, shares, `${CPU}/shares`);
  }
  // [kernel] Period, burst and quota are checked against each other and against the parent at every single write.
  if (isSet(period)) add(`${directory}/cpu.cfs_period_us`, period, `${CPU}/period`, { again: isSet(quota) });
  if (burst !== undefined)
    add(`${directory}/cpu.cfs_burst_us`, burst, `${CPU}/burst`, { again: isSet(quota), missing: "skip" }); // since 5.14
  if (isSet(quota)) add(`${directory}/cpu.cfs_quota_us`, quota, `${CPU}/quota`);
  if (idle !== undefined) add(`${directory}/cpu.idle`, idle, `${CPU}/idle`);
  if (isSet(realtimePeriod))
    add(`${directory}/cpu.rt_period_us`, realtimePeriod, `${CPU}/realtimePeriod`, { again: isSet(realtimeRuntime) });
  if (isSet(realtimeRuntime)) add(`${directory}/cpu.rt_runtime_us`, realtimeRuntime, `${CPU}/realtimeRuntime`);
}

function usesBlockIO(blockIO: BlockIOResources): boolean {
  const {
    weight,
    leafWeight,
    weightDevice,
    throttleReadBpsDevice,
    throttleWriteBpsDevice,
    throttleReadIOPSDevice,
    throttleWriteIOPSDevice,
  } = blockIO;
  const devices =
    weightDevice.length +
    throttleReadBpsDevice.length +
    throttleWriteBpsDevice.length +
    throttleReadIOPSDevice.length +
    throttleWriteIOPSDevice.length;
  return devices > 0 || isSet(weight) || isSet(leafWeight);
}

function addBlockIO(add: Add, directory: string, blockIO: BlockIOResources): void {
  const file = (name: string): string => `${directory}/blkio.${name}`;
  /** [kernel] CFQ's files until 5.0, BFQ's since. */
  const addWeight = (name: string, value: string, why: string): void => {
    add(file(name), value, why, { missing: { file: hostPath(file(`bfq.${name}`)), value } });
  };
  if (isSet(blockIO.weight)) addWeight("weight", String(blockIO.weight), `${BLOCK_IO}/weight`);
  if (isSet(blockIO.leafWeight)) add(file("leaf_weight"), blockIO.leafWeight, `${BLOCK_IO}/leafWeight`);
  blockIO.weightDevice.forEach(({ major, minor, weight, leafWeight }, i) => {
    const why = `${BLOCK_IO}/weightDevice/${i}`;
    if (weight !== undefined && positive(weight)) addWeight("weight_device", `${major}:${minor} ${weight}`, why);
    if (leafWeight !== undefined && positive(leafWeight))
      add(file("leaf_weight_device"), `${major}:${minor} ${leafWeight}`, why);
  });
  for (const [field, name] of throttles) {
    blockIO[field].forEach(({ major, minor, rate }, i) =>
      add(file(`throttle.${name}_device`), `${major}:${minor} ${rate}`, `${BLOCK_IO}/${field}/${i}`),
    );
  }
}

const throttles = [
  ["throttleReadBpsDevice", "read_bps"],
  ["throttleWriteBpsDevice", "write_bps"],
  ["throttleReadIOPSDevice", "read_iops"],
  ["throttleWriteIOPSDevice", "write_iops"],
] as const;
