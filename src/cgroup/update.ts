// Limits of a container that is there already: all are changed, or none.

import { ENOENT } from "../abi/errno.ts";
import { basename } from "../base/path.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { compareInt64 } from "../base/int64.ts";
import type { ResourceChange } from "./update-plan.ts";
import { applyWrites, readText, readValue, writeValue } from "./files.ts";
import type { CgroupPlan, CgroupWrite } from "./plan.ts";

/**
 * @param warn hears of each file that does not take its old value back
 * @returns takes back what was changed
 */
export function applyChange(
  { check, writes }: ResourceChange,
  warn: (message: string, cause: unknown) => void,
): () => void {
  checkUsage(check);
  const before = writes.flatMap((write) => valueBefore(write) ?? []);
  try {
    applyWrites(writes);
  } catch (error) {
    takeBack(before, warn);
    throw error;
  }
  return () => takeBack(before, warn);
}

/** memory.checkBeforeUpdate: a limit below what is in use would make the kernel kill. @throws HostError in runc's words */
export function checkUsage(check: CgroupPlan["check"]): void {
  if (check === undefined) return;
  let usage: number;
  try {
    usage = Number(readValue(check.file));
  } catch (error) {
    if (isErrno(error, ENOENT)) return; // nothing is accounted
    throw error;
  }
  const { limit, swap } = check;
  if (swap !== undefined && compareInt64(swap, usage) <= 0)
    throw new HostError(`rejecting memory+swap limit ${swap} <= usage ${usage}`);
  if (limit !== undefined && compareInt64(limit, usage) <= 0)
    throw new HostError(`rejecting memory limit ${limit} <= usage ${usage}`);
}

type Value = { readonly file: string; readonly value: string };

/** Files with a line for each device. What says "no limit" in one that has no line yet. */
const keyed: readonly { readonly name: RegExp; readonly none: string | undefined }[] = [
  { name: /^io\.max$/, none: "rbps=max wbps=max riops=max wiops=max" },
  { name: /^io(\.bfq)?\.weight$/, none: "default" },
  { name: /^blkio\..*_device$/, none: "0" },
  { name: /^rdma\.max$/, none: "hca_handle=max hca_object=max" },
  { name: /^net_prio\.ifpriomap$/, none: undefined },
];

/** What to write for the file to be as it is now; undefined where that cannot be known. */
function valueBefore({ file, value, missing }: CgroupWrite): Value | undefined {
  const text = textOf(file);
  if (text === undefined)
    return typeof missing === "object"
      ? valueBefore({ ...missing, why: "", missing: "skip", again: false })
      : undefined;
  const name = basename(file);
  const table = keyed.find((entry) => entry.name.test(name));
  if (table !== undefined) {
    const key = value.includes(" ") ? value.slice(0, value.indexOf(" ")) : "default";
    const line =
      text.split("\n").find((candidate) => candidate.startsWith(`${key} `)) ?? (/^\d+$/.test(text) ? text : undefined);
    if (line !== undefined) return { file, value: line };
    return table.none === undefined ? undefined : { file, value: `${key} ${table.none}` };
  }
  if (name === "memory.oom_control") return { file, value: /^oom_kill_disable (\d)/m.exec(text)?.[1] ?? "0" };
  return text.includes("\n") ? undefined : { file, value: text };
}

function textOf(file: string): string | undefined {
  try {
    return readText(file);
  } catch {
    return undefined; // some files can only be written
  }
}

/** Some values are only taken when others are there already: whatever is refused is tried once more after the rest. */
function takeBack(values: readonly Value[], warn: (message: string, cause: unknown) => void): void {
  const refused = values.filter(({ file, value }) => errorOf(file, value) !== undefined);
  for (const { file, value } of refused.toReversed()) {
    const error = errorOf(file, value);
    if (error !== undefined) warn(`cannot set ${basename(file)} back to ${JSON.stringify(value)}`, error);
  }
}

function errorOf(file: string, value: string): unknown {
  try {
    writeValue(file, value === "" ? "\n" : value); // [kernel] an empty write is none
    return undefined;
  } catch (error) {
    return error;
  }
}
