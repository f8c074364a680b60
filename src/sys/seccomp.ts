// Loading a seccomp filter. libseccomp, which makes filters, is libseccomp.ts.

import { sock_filter, sock_fprog } from "../abi/filter.ts";
import { SECCOMP_SET_MODE_FILTER } from "../abi/seccomp.ts";
import { SYS_seccomp } from "../abi/syscall.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

/**
 * Subjects us, and whatever we execute, to one more filter.
 *
 * @param program struct sock_filter[]; null to learn whether the kernel knows `flags`: EFAULT says so
 * @param flags SECCOMP_FILTER_FLAG_*
 * @returns the notify descriptor's number with SECCOMP_FILTER_FLAG_NEW_LISTENER (close-on-exec, the caller closes it), else 0
 * @throws SysError EACCES with neither no_new_privs nor CAP_SYS_ADMIN, EINVAL for flags that this kernel has not or a program that is none,
 *   EBUSY when there is a listener already, ENOMEM when all filters together are too long
 * @see seccomp(2)
 */
export function seccomp_set_mode_filter(program: Uint8Array | null, flags: number): number {
  if (program === null)
    return syscall("seccomp", SYS_seccomp, `no filter, flags ${flags}`, SECCOMP_SET_MODE_FILTER, flags, null);
  const length = program.byteLength / sock_filter.size;
  const description = new Struct(sock_fprog.size).u16(sock_fprog.len, length).pointer(sock_fprog.filter, program);
  return syscall(
    "seccomp",
    SYS_seccomp,
    `filter of ${length} instructions, flags ${flags}`,
    SECCOMP_SET_MODE_FILTER,
    flags,
    description.buffer,
  );
}
