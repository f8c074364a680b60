// Reading and writing single files of cgroup file systems.

import { O_WRONLY } from "../abi/fcntl.ts";
import { EBUSY, EINVAL, ENODEV, ENOENT } from "../abi/errno.ts";
import { basename, dirname } from "../base/path.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { readFile, writeFile } from "../sys/file.ts";
import type { CgroupPath, CgroupWrite } from "./plan.ts";

export const isV2 = ({ controllers }: CgroupPath): boolean => controllers[0] === "";

/** The group is gone, before its file was opened or after: systemd removes that of a scope as soon as nobody is in it. */
export const isGone = (error: unknown): boolean => isErrno(error, ENOENT, ENODEV);

/** [kernel] One write(2) is one value; nothing is created. */
export function writeValue(file: string, value: string): void {
  writeFile(null, file, O_WRONLY, value);
}

export const readValue = (file: string): string => readFile(null, file, 256).trimEnd();

/** As readValue, for what may be long. */
export const readText = (file: string): string => readFile(null, file, 4096).trimEnd();

/** Does the plan's writes, those that depend on later ones twice if need be. */
export function applyWrites(writes: readonly CgroupWrite[]): void {
  let postponed: CgroupWrite[] | undefined;
  for (const write of writes) {
    try {
      applyWrite(write);
    } catch (error) {
      if (!write.again || !isErrno(error, EINVAL)) throw told(write, error);
      (postponed ??= []).push(write);
    }
  }
  for (const write of postponed ?? []) {
    try {
      applyWrite(write);
    } catch (error) {
      throw told(write, error);
    }
  }
}

function applyWrite({ file, value, missing }: CgroupWrite): void {
  try {
    writeValue(file, value);
  } catch (error) {
    if (missing === "fail" || !isErrno(error, ENOENT)) throw error;
    if (missing !== "skip") writeValue(missing.file, missing.value);
  }
}

const told = ({ file, value, why }: CgroupWrite, error: unknown): unknown => {
  const name = basename(file);
  const cause =
    name === "memory.limit_in_bytes" && isErrno(error, EBUSY)
      ? new HostError(tooMuchInUse(dirname(file), value))
      : error;
  return new StepError(`set ${name} to ${JSON.stringify(value)}`, cause, why);
};

/** [kernel] v1 frees what it can, and refuses a limit that is still below what is in use. runc's words. */
const tooMuchInUse = (directory: string, limit: string): string =>
  `unable to set memory limit to ${limit} (current usage: ${readValue(`${directory}/memory.usage_in_bytes`)}, peak usage: ${readValue(`${directory}/memory.max_usage_in_bytes`)})`;
