// CRIU that a killed `checkpoint` has left: its helpers, by which it tries what the kernel can, stand still in its process group when nobody is there to end
// them. A file of the state directory says which group that is, as long as CRIU is at work.

import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { ESRCH } from "../../abi/errno.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { hostPid } from "../../base/brand.ts";
import { isErrno } from "../../base/errors.ts";
import { readdir, unlinkIfThere } from "../../sys/directory.ts";
import { createFileAnew, openat, readFileIfThere } from "../../sys/file.ts";
import type { Fd } from "../../sys/fd.ts";
import { getpid, kill } from "../../sys/process.ts";

/** Its name in the state directory. */
export const CRIU_FILE = "criu";

/** Notes CRIU's process group, and us. */
export const noteCriu = (directory: Fd, group: number): void =>
  createFileAnew(directory, CRIU_FILE, `${group} ${getpid()}`, 0o600);

/** The foreground `run` of a container that has been saved may have removed the whole directory before us. */
export const forgetCriu = (directory: Fd): void => unlinkIfThere(directory, CRIU_FILE, 0);

/**
 * Kills what is left of the group that the file names. A number that somebody else has by now is left alone: CRIU is known by its second word. So is a CRIU
 * whose `checkpoint` is at work: it has ended the container, and has yet to answer.
 */
export function endNotedCriu(directory: Fd): void {
  const [group = 0, runtime = 0] = (readFileIfThere(directory, CRIU_FILE) ?? "").split(" ").map(Number);
  if (group > 1 && parentOf(group) !== runtime) endGroup(group);
}

/** undefined for a process that is gone. */
function parentOf(pid: number): number | undefined {
  const stat = readFileIfThere(null, `/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
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
