// Numbers out of cgroup files, for the statistics of both versions.

import { ENODEV, ENOENT, EOPNOTSUPP } from "../abi/errno.ts";
import { DT_DIR } from "../abi/dirent.ts";
import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { isErrno } from "../base/errors.ts";
import { int64, MAX_UINT64, type Int64 } from "../base/int64.ts";
import { openat } from "../sys/file.ts";
import { readdir } from "../sys/directory.ts";
import { readText } from "./files.ts";
import type { HugetlbStats, MemoryEntry } from "./stats.ts";

/** undefined where this kernel, or this cgroup, has no such file. */
export function textIfThere(file: string): string | undefined {
  try {
    return readText(file);
  } catch (error) {
    if (isErrno(error, ENOENT, ENODEV, EOPNOTSUPP)) return undefined; // EOPNOTSUPP: built in and turned off (psi=0)
    throw error;
  }
}

/** "max" is 2^64-1. [kernel] Some counters of v1 can be negative for a moment: 0. */
export function counter(text: string): Int64 {
  if (text === "max") return MAX_UINT64;
  return /^\d+$/.test(text) ? int64(BigInt(text)) : 0;
}

export function readCounter(file: string): Int64 | undefined {
  const text = textIfThere(file);
  return text === undefined ? undefined : counter(text);
}

/** Lines "name number". */
export function parseTable(text: string): { [name: string]: Int64 } {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const space = line.indexOf(" ");
      return space < 1 ? [] : [[line.slice(0, space), counter(line.slice(space + 1))]];
    }),
  );
}

export const times = (value: Int64 | undefined, factor: number): Int64 => int64(BigInt(value ?? 0) * BigInt(factor));

export const isZero = (value: Int64 | undefined): boolean => value === undefined || Number(value) === 0;

/** What `T` may have. */
type Filled<T> = { readonly [name in keyof T]?: Exclude<T[name], undefined> };

/** The object without what is undefined, 0, or an empty list: Go's omitempty. */
export function filled<T extends object>(object: T): Filled<T> {
  const kept: Filled<T> = {};
  for (const [name, value] of Object.entries(object)) {
    if (value !== undefined && value !== 0 && !(Array.isArray(value) && value.length === 0))
      Object.assign(kept, { [name]: value });
  }
  return kept;
}

/** undefined when all of it is zero: Go's omitzero. */
export function memoryEntry(limit: Int64, usage: Int64, max: Int64, failcnt: Int64): MemoryEntry | undefined {
  if ([limit, usage, max, failcnt].every(isZero)) return undefined;
  return { limit, ...filled({ usage, max }), failcnt };
}

export const hugetlbEntry = (usage: Int64, max: Int64, failcnt: Int64): HugetlbStats => ({
  ...filled({ usage, max }),
  failcnt,
});

/** "64KB", "2MB", "1GB" of hugetlb.2MB.current: the sizes that this kernel has. */
export function hugePageSizes(): readonly string[] {
  let names: readonly string[];
  try {
    using directory = openat(null, "/sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY);
    names = readdir(directory, DT_DIR);
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw error;
  }
  return names.flatMap((name) => {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    if (kilobytes === 0) return [];
    if (kilobytes >= 1 << 20) return [`${kilobytes / (1 << 20)}GB`];
    return [kilobytes >= 1 << 10 ? `${kilobytes / (1 << 10)}MB` : `${kilobytes}KB`];
  });
}

/** "0-2,5" as [0, 1, 2, 5]. */
export function parseList(text: string): readonly number[] {
  return text.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    if (range === "" || from === undefined || to === undefined) return [];
    return Array.from({ length: to - from + 1 }, (_one, i) => from + i);
  });
}
