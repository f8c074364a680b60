// Who a process is. The raw calls change the calling thread only; there is only one, and execve follows.

import { PR_CAPBSET_DROP, PR_CAPBSET_READ } from "../abi/prctl.ts";
import { SYS_capget, SYS_capset, SYS_prctl, SYS_setgroups, SYS_setresgid, SYS_setresuid } from "../abi/syscall.ts";
import { __user_cap_data, __user_cap_header, _LINUX_CAPABILITY_VERSION_3 } from "../abi/capability.ts";
import { SysError } from "../base/errors.ts";
import { syscall } from "./call.ts";
import { host } from "./host.ts";
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

const NEWEST_CAPABILITY = 40;

/** The highest capability that the kernel knows: one call where it knows all that we do. */
export function lastCapability(): number {
  let number = NEWEST_CAPABILITY;
  while (number > 0 && host.syscall(SYS_prctl, PR_CAPBSET_READ, number, 0, 0, 0) < 0) number--;
  return number;
}

/** Drops every capability up to `last` but those in `kept` from the bounding set. @throws SysError EPERM without CAP_SETPCAP @see PR_CAPBSET_DROP(2const) */
export function dropBoundingSet(kept: bigint, last: number): void {
  const low = Number(kept & 0xffff_ffffn);
  const high = Number(kept >> 32n);
  for (let capability = 0; capability <= last; capability++) {
    if (((capability < 32 ? low >>> capability : high >>> (capability - 32)) & 1) !== 0) continue;
    const result = host.syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0); // without `syscall`: dozens of calls in each start
    if (result < 0) throw new SysError("prctl", -result, `PR_CAPBSET_DROP ${capability}`);
  }
}

/** @param sets bit masks of capabilities @throws SysError EPERM for what is not permitted @see capset(2) */
export function capset(sets: {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}): void {
  const header = new Struct(__user_cap_header.size).u32(__user_cap_header.version, _LINUX_CAPABILITY_VERSION_3);
  const data = new Struct(2 * __user_cap_data.size);
  putMask(data, __user_cap_data.effective, sets.effective);
  putMask(data, __user_cap_data.permitted, sets.permitted);
  putMask(data, __user_cap_data.inheritable, sets.inheritable);
  syscall("capset", SYS_capset, () => `effective 0x${sets.effective.toString(16)}`, header.buffer, data.buffer);
}

/** The mask of the capabilities that we may have or give. @see capget(2) */
export function permittedCapabilities(): bigint {
  const header = new Struct(__user_cap_header.size).u32(__user_cap_header.version, _LINUX_CAPABILITY_VERSION_3);
  const data = new Uint32Array((2 * __user_cap_data.size) / 4);
  syscall("capget", SYS_capget, "", header.buffer, data);
  const at = __user_cap_data.permitted / 4;
  return BigInt(data[at] ?? 0) | (BigInt(data[at + __user_cap_data.size / 4] ?? 0) << 32n);
}

/** Its lower half, and in the second structure its upper one. */
function putMask(data: Struct, offset: number, mask: bigint): void {
  data.u32(offset, Number(mask & 0xffff_ffffn)).u32(offset + __user_cap_data.size, Number(mask >> 32n));
}
