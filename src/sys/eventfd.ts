// A counter behind a descriptor.

import { SYS_eventfd2 } from "../abi/syscall.ts";
import { EFD_CLOEXEC } from "../abi/eventfd.ts";
import { syscall } from "./call.ts";
import { O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { Fd } from "./fd.ts";
import { openat, writeFile } from "./file.ts";

/** Readable when the counter is not 0; reading 8 bytes sets it back. The caller closes it. @param flags EFD_NONBLOCK, EFD_SEMAPHORE @see eventfd(2) */
export function eventfd(flags = 0): Fd {
  return new Fd(syscall("eventfd2", SYS_eventfd2, "", 0, flags | EFD_CLOEXEC));
}

/**
 * Has a v1 cgroup signal `eventfd` when something happens to `file`, and when the cgroup is removed.
 * @see Documentation/admin-guide/cgroup-v1/memory.rst, section 9
 */
export function registerCgroupEvent(directory: string, file: string, event: Fd): void {
  using watched = openat(null, `${directory}/${file}`, O_RDONLY);
  writeFile(null, `${directory}/cgroup.event_control`, O_WRONLY, `${event.raw} ${watched.raw}`);
}
