// What a new namespace is given: its loopback link up, its host and domain name.

import { AF_INET, SOCK_DGRAM } from "../abi/socket.ts";
import { SYS_setdomainname, SYS_sethostname } from "../abi/syscall.ts";
import { SIOCSIFFLAGS } from "../abi/ioctl.ts";
import { IFF_RUNNING, IFF_UP, ifreq } from "../abi/if.ts";
import { syscall } from "../sys/call.ts";
import { ioctl } from "../sys/file.ts";
import { Struct, utf8 } from "../sys/memory.ts";
import { socket } from "../sys/socket.ts";
import type { NamespacePlan } from "./plan.ts";

/** Brings `lo` up in a new network namespace. [kernel] A new one has it, down. @see netdevice(7) */
export function raiseLoopback(plan: NamespacePlan): void {
  if (plan.loopback === undefined) return;
  using control = socket(AF_INET, SOCK_DGRAM, 0);
  const request = new Struct(ifreq.size).u16(ifreq.ifr_flags, IFF_UP | IFF_RUNNING);
  new Uint8Array(request.buffer).set(utf8("lo"));
  ioctl(control, "SIOCSIFFLAGS lo", SIOCSIFFLAGS, request.buffer);
}

/** @throws SysError EINVAL past 64 bytes @see sethostname(2), setdomainname(2) */
export function setNames(plan: NamespacePlan): void {
  // [kernel] The length is in bytes: a name's UTF-16 length would cut it.
  if (plan.hostname !== undefined) {
    const bytes = utf8(plan.hostname.name);
    syscall("sethostname", SYS_sethostname, plan.hostname.name, bytes, bytes.byteLength);
  }
  if (plan.domainname !== undefined) {
    const bytes = utf8(plan.domainname.name);
    syscall("setdomainname", SYS_setdomainname, plan.domainname.name, bytes, bytes.byteLength);
  }
}
