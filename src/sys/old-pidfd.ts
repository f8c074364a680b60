// What stands for a process where the kernel has no pidfds (before Linux 5.3): its directory in /proc, which no later process takes over.
// Its end cannot be polled for, so poll.ts looks again and again.

import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { ENOENT, ESRCH } from "../abi/errno.ts";
import { hostPid, type HostPid } from "../base/brand.ts";
import { isErrno, SysError } from "../base/errors.ts";
import { Fd } from "./fd.ts";
import { openat, readFile } from "./file.ts";

export class ProcessDirectory extends Fd {
  readonly pid: HostPid;

  constructor(raw: number, pid: HostPid) {
    super(raw);
    this.pid = pid;
  }

  /** True for a zombie, too. */
  get ended(): boolean {
    try {
      const text = readFile(this, "stat", 1024);
      return /^[ZX]/.test(text.slice(text.lastIndexOf(")") + 2));
    } catch (error) {
      if (isErrno(error, ESRCH, ENOENT)) return true;
      throw error;
    }
  }
}

/** The caller closes it. @throws SysError ESRCH */
export function openProcess(pid: HostPid): ProcessDirectory {
  try {
    return new ProcessDirectory(openat(null, `/proc/${pid}`, O_RDONLY | O_DIRECTORY).release(), pid);
  } catch (error) {
    throw isErrno(error, ENOENT) ? new SysError("pidfd_open", ESRCH, `process ${pid}`) : error;
  }
}

/** The number of the process behind a pidfd. */
export function pidOf(pidfd: Fd): HostPid {
  if (pidfd instanceof ProcessDirectory) return pidfd.pid;
  const [, pid] = /^Pid:\t(\d+)$/m.exec(readFile(null, `/proc/self/fdinfo/${pidfd.raw}`, 1024)) ?? [];
  if (pid === undefined) throw new SysError("pidfd_open", ESRCH, `descriptor ${pidfd.raw}`);
  return hostPid(Number(pid));
}
