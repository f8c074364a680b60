// What both versions share when they turn resources into writes: exact numbers as text, and one way to note a write down.

import { SpecError } from "../base/errors.ts";
import { compareInt64, type Int64 } from "../base/int64.ts";
import { hostPath } from "../base/brand.ts";
import type { CPUResources, RdmaLimit, StringMap } from "../spec/types.ts";
import type { CgroupWrite } from "./plan.ts";

export type Add = (
  file: string,
  value: Int64 | string,
  why: string,
  more?: { readonly missing?: CgroupWrite["missing"]; readonly again?: boolean },
) => void;

/** A function that appends to `writes`. */
export function writer(writes: CgroupWrite[]): Add {
  return (file, value, why, more) => {
    writes.push({
      file: hostPath(file),
      value: String(value),
      why,
      missing: more?.missing ?? "fail",
      again: more?.again ?? false,
    });
  };
}

/** Clients of runc write 0 for "not set", in every number but those that say otherwise. */
export const isSet = (value: Int64 | undefined): value is Int64 => value !== undefined && compareInt64(value, 0) !== 0;

export const positive = (value: Int64): boolean => compareInt64(value, 0) > 0;

/** Negative is "no limit", and 0 is 1 as with systemd, which cannot set 0. */
export const pidsMax = (limit: Int64): string =>
  positive(limit) ? String(limit) : compareInt64(limit, 0) === 0 ? "1" : "max";

/** "2MB" of hugetlb.2MB.max. @throws SpecError it could name another file */
export function pageSize(size: string, pointer: string): string {
  if (/^\d+[KMG]B$/.test(size)) return size;
  throw new SpecError([
    { pointer: `${pointer}/pageSize`, problem: `must be a size such as "2MB", not ${JSON.stringify(size)}` },
  ]);
}

/** One line a device for rdma.max. */
export function addRdma(add: Add, directory: string, rdma: StringMap<RdmaLimit>): void {
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(rdma)) {
    const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
    const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
    add(`${directory}/rdma.max`, `${device}${handles}${objects}`, `/linux/resources/rdma/${pointerToken(device)}`);
  }
}

/** A key as part of a JSON pointer. @see RFC 6901 */
export const pointerToken = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** True when anything but cpus and mems, which are the cpuset controller's, and real-time limits, which v2 has not, is asked for. */
export function usesCpu({ shares, quota, period, burst, idle }: CPUResources): boolean {
  return isSet(shares) || isSet(quota) || isSet(period) || burst !== undefined || idle !== undefined;
}
