// `update`: what is asked for, put over what holds already, becomes writes. Pure.
// Law: only what was asked for is written, and what the kernel checks together with it: a memory limit with its swap limit, a quota
// with its period. Somebody may have changed the rest behind our back, and had reasons.

import { HostError } from "../base/errors.ts";
import { compareInt64, type Int64 } from "../base/int64.ts";
import type { BlockIOResources, CPUResources, MemoryResources, Resources } from "../spec/types.ts";
import type { CgroupPaths, CgroupPlan, CgroupWrite } from "./plan.ts";
import { planV1 } from "./resources-v1.ts";
import { planV2 } from "./resources-v2.ts";
import { isSet } from "./resource-writes.ts";

export type ResourceChange = {
  /** All that held before, and all that shall hold: what a driver derives a unit's properties from. */
  readonly before: Resources;
  readonly after: Resources;
  readonly check: CgroupPlan["check"];
  readonly writes: readonly CgroupWrite[];
};

/**
 * @param available the container's cgroup.controllers; of no meaning on v1
 * @throws SpecError values that no cgroup takes @throws HostError a controller is not there
 */
export function planChange(
  groups: CgroupPaths,
  before: Resources,
  asked: Resources,
  available: readonly string[],
): ResourceChange {
  const after = mergeResources(before, asked);
  const only = withPartners(asked, after);
  const group = groups[0];
  if (group === undefined) throw new HostError("the container has no cgroup: nothing of it can be limited");
  if (groups.length > 1 || group.controllers[0] !== "")
    return { before, after, check: undefined, ...planV1(only, groups) };
  return { before, after, ...planV2(only, group.path, available) };
}

/** What holds when `asked` has been added to `before`, in config.json's words. Devices are not updated, as with runc. */
export function mergeResources(before: Resources, asked: Resources): Resources {
  return {
    devices: before.devices,
    memory: mergeMemory(before.memory, asked.memory),
    cpu: over(before.cpu, mergeCpu(asked.cpu)),
    pids: { limit: asked.pids.limit ?? before.pids.limit },
    blockIO: mergeBlockIO(before.blockIO, asked.blockIO),
    hugepageLimits: upsert(before.hugepageLimits, asked.hugepageLimits, ({ pageSize }) => pageSize),
    network: {
      classID: asked.network.classID ?? before.network.classID,
      priorities: upsert(before.network.priorities, asked.network.priorities, ({ name }) => name),
    },
    rdma: { ...before.rdma, ...asked.rdma },
    unified: { ...before.unified, ...asked.unified },
  };
}

function mergeMemory(before: MemoryResources, asked: MemoryResources): MemoryResources {
  // No limit of memory leaves none of memory and swap together.
  const swap = asked.swap ?? (isUnlimited(asked.limit) ? 0 : before.swap);
  return {
    ...over(before, { ...asked, swap }),
    disableOOMKiller: asked.disableOOMKiller || before.disableOOMKiller,
    checkBeforeUpdate: asked.checkBeforeUpdate,
  };
}

const isUnlimited = (limit: Int64 | undefined): boolean => limit !== undefined && compareInt64(limit, -1) === 0;

/** [kernel] An idle group has no weight. 0 is "not set". */
const mergeCpu = (asked: CPUResources): CPUResources =>
  asked.idle !== undefined && asked.shares === undefined ? { ...asked, shares: 0 } : asked;

function mergeBlockIO(before: BlockIOResources, asked: BlockIOResources): BlockIOResources {
  const device = ({ major, minor }: { readonly major: number; readonly minor: number }): string => `${major}:${minor}`;
  return {
    weight: asked.weight ?? before.weight,
    leafWeight: asked.leafWeight ?? before.leafWeight,
    weightDevice: upsert(before.weightDevice, asked.weightDevice, device),
    throttleReadBpsDevice: upsert(before.throttleReadBpsDevice, asked.throttleReadBpsDevice, device),
    throttleWriteBpsDevice: upsert(before.throttleWriteBpsDevice, asked.throttleWriteBpsDevice, device),
    throttleReadIOPSDevice: upsert(before.throttleReadIOPSDevice, asked.throttleReadIOPSDevice, device),
    throttleWriteIOPSDevice: upsert(before.throttleWriteIOPSDevice, asked.throttleWriteIOPSDevice, device),
  };
}

/** Entries of `asked` take the place of those with the same key, or come last. What an entry does not say stays. */
function upsert<T extends object>(before: readonly T[], asked: readonly T[], key: (entry: T) => string): readonly T[] {
  const entries = new Map(before.map((entry) => [key(entry), entry]));
  for (const entry of asked) {
    const known = entries.get(key(entry));
    entries.set(key(entry), known === undefined ? entry : over(known, entry));
  }
  return [...entries.values()];
}

/** `asked`, with what it leaves undefined from `before`. */
function over<T extends object>(before: T, asked: T): T {
  const merged = { ...before };
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) Object.assign(merged, { [name]: value });
  return merged;
}

/** What is asked for with what the kernel checks together with it, as that holds. */
function withPartners(asked: Resources, { memory, cpu }: Resources): Resources {
  const limits =
    isSet(asked.memory.limit) || isSet(asked.memory.swap) ? { limit: memory.limit, swap: memory.swap } : {};
  const bandwidth = isSet(asked.cpu.quota) || isSet(asked.cpu.period) ? { quota: cpu.quota, period: cpu.period } : {};
  return { ...asked, devices: [], memory: { ...asked.memory, ...limits }, cpu: { ...asked.cpu, ...bandwidth } };
}
