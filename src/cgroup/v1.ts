// v1 cgroups, freshly made and empty, get their content: cpusets what they inherit, devices their rules, all the limits.

import { O_WRONLY } from "../abi/fcntl.ts";
import { EACCES, ENOENT, EPERM } from "../abi/errno.ts";
import { basename, dirname } from "../base/path.ts";
import { isErrno, StepError } from "../base/errors.ts";
import { openat, writeAll } from "../sys/file.ts";
import { utf8 } from "../sys/memory.ts";
import { deviceLine, EVERY_DEVICE, type DevicePlan } from "./device-rules.ts";
import { applyWrites, readValue, writeValue } from "./files.ts";
import type { CgroupGroup, CgroupPlan } from "./plan.ts";

/** Everything but the processes. */
export function setUpV1(plan: CgroupPlan, groups: readonly CgroupGroup[]): void {
  for (const group of groups) {
    const { controllers } = group;
    if (controllers.includes("cpuset")) fillCpuset(group, plan);
    if (controllers.includes("devices") && plan.devices !== undefined)
      limitDevices(group.path, plan.devices, plan.mayLeaveDevices);
  }
  applyWrites(plan.writes);
}

/** [kernel] A new v1 cpuset has no processors and no memory nodes, and takes no process before it has both. */
function fillCpuset({ path, mountPoint }: CgroupGroup, plan: CgroupPlan): void {
  for (const name of ["cpus", "mems"]) {
    let file = `cpuset.${name}`;
    try {
      // What config.json asks for is written later, and only needs parents that have it.
      const own = `${path}/${file}`;
      const from = plan.writes.some((write) => write.file === own) ? dirname(path) : path;
      let values: string;
      try {
        values = inherit(from, mountPoint, file, from === path);
      } catch (error) {
        if (!isErrno(error, ENOENT)) throw error;
        file = name; // mounted with the option noprefix
        values = inherit(from, mountPoint, file, from === path);
      }
      if (from === path) writeValue(`${path}/${file}`, values);
    } catch (error) {
      throw new StepError(`copy ${file} from the parent of ${path}`, error, "/linux/cgroupsPath");
    }
  }
}

/** The directory's own value; what has none gets its parent's, from the top down. `empty`: known to have none. */
function inherit(directory: string, mountPoint: string, file: string, empty: boolean): string {
  const own = empty ? "" : readValue(`${directory}/${file}`);
  if (own !== "" || directory === mountPoint) return own;
  const values = inherit(dirname(directory), mountPoint, file, false);
  if (!empty) writeValue(`${directory}/${file}`, values);
  return values;
}

/** [kernel] One rule a write. The default first: it takes away every rule inherited from the parent. */
export function limitDevices(path: string, { allow, why, exceptions }: DevicePlan, tolerant: boolean): void {
  try {
    writeRule(`${path}/devices.${allow ? "allow" : "deny"}`, [{ line: EVERY_DEVICE, why }]);
  } catch (error) {
    if (tolerant && error instanceof StepError && isErrno(error.cause, EPERM, EACCES)) return;
    throw error;
  }
  const rules = exceptions.map((exception) => ({ line: deviceLine(exception), why: exception.why }));
  if (rules.length > 0) writeRule(`${path}/devices.${allow ? "deny" : "allow"}`, rules);
}

function writeRule(file: string, rules: readonly { readonly line: string; readonly why: string }[]): void {
  using fd = openat(null, file, O_WRONLY);
  for (const { line, why } of rules) {
    try {
      writeAll(fd, utf8(line), () => `${JSON.stringify(line)} to ${file}`);
    } catch (error) {
      throw new StepError(`set ${basename(file)} to ${JSON.stringify(line)}`, error, why);
    }
  }
}
