// CRIU that a killed `checkpoint` has left: its helpers, by which it tries what the kernel can, stand still in its process group when nobody is there to end
// them. A file of the state directory says which group that is, as long as CRIU is at work.

import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { ESRCH } from "../../abi/errno.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { hostPid } from "../../base/brand.ts";
import { isErrno } from "../../base/errors.ts";
import { readdir, unlinkat } from "../../sys/directory.ts";
import { createFileAnew, openat, readFileIfThere } from "../../sys/file.ts";
import type { Fd } from "../../sys/fd.ts";
import { kill } from "../../sys/process.ts";

/** Its name in the state directory. */
export const CRIU_FILE = "criu";

export const noteCriu = (directory: Fd, group: number): void =>
  createFileAnew(directory, CRIU_FILE, String(group), 0o600);

export const forgetCriu = (directory: Fd): void => unlinkat(directory, CRIU_FILE);

/** Kills what is left of the group that the file names. A number that somebody else has by now is left alone: CRIU is known by its second word. */
export function endNotedCriu(directory: Fd): void {
  const group = Number(readFileIfThere(directory, CRIU_FILE) ?? "");
  if (group > 1) endGroup(group);
}

export function endGroup(group: number): void {
  using proc = openat(null, "/proc", O_RDONLY | O_DIRECTORY);
  for (const name of readdir(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readFileIfThere(proc, `${name}/stat`) ?? "";
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) !== group) continue;
    if (!(readFileIfThere(proc, `${name}/cmdline`) ?? "").includes("\0swrk\0")) continue;
    try {
      kill(hostPid(Number(name)), SIGKILL);
    } catch (error) {
      if (!isErrno(error, ESRCH)) throw error;
    }
  }
}
