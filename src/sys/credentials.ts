// Who a process is. The raw calls change the calling thread only; there is only one, and execve follows.

import { SYS_capset, SYS_setgroups, SYS_setresgid, SYS_setresuid } from "../abi/syscall.ts";
import { __user_cap_data, __user_cap_header, _LINUX_CAPABILITY_VERSION_3 } from "../abi/capability.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";

/** @throws SysError EINVAL when the id is not mapped in this user namespace @see setresuid(2) */
export function setuid(uid: number): void {
  syscall("setresuid", SYS_setresuid, String(uid), uid, uid, uid);
}

/** @throws SysError EINVAL when the id is not mapped in this user namespace @see setresgid(2) */
export function setgid(gid: number): void {
  syscall("setresgid", SYS_setresgid, String(gid), gid, gid, gid);
}

/** @throws SysError EPERM where setgroups is denied for this user namespace, EINVAL for an unmapped id @see setgroups(2) */
export function setgroups(gids: readonly number[]): void {
  syscall("setgroups", SYS_setgroups, `[${gids.join(", ")}]`, gids.length, new Uint32Array(gids));
}

/** @param sets bit masks of capabilities @throws SysError EPERM for what is not permitted @see capset(2) */
export function capset(sets: { readonly effective: bigint; readonly permitted: bigint; readonly inheritable: bigint }): void {
  const header = new Struct(__user_cap_header.size).u32(__user_cap_header.version, _LINUX_CAPABILITY_VERSION_3);
  const data = new Struct(2 * __user_cap_data.size);
  for (const half of [0, 1]) {
    const base = half * __user_cap_data.size;
    const word = (mask: bigint): number => Number((mask >> BigInt(32 * half)) & 0xffff_ffffn);
    data.u32(base + __user_cap_data.effective, word(sets.effective));
    data.u32(base + __user_cap_data.permitted, word(sets.permitted));
    data.u32(base + __user_cap_data.inheritable, word(sets.inheritable));
  }
  syscall("capset", SYS_capset, `effective 0x${sets.effective.toString(16)}`, header.buffer, data.buffer);
}
