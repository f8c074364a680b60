// Which Linux this is, and whether it is one that containers are made on.

import { SYS_uname } from "../abi/syscall.ts";
import { utsname } from "../abi/utsname.ts";
import { syscall } from "./call.ts";
import { host } from "./host.ts";

/** Single calls that a newer one brought are done without where it has them not; a filter of an engine around us may take them away as well. */
export const OLDEST_KERNEL = "5.4";

const buffer = new Uint8Array(utsname.size);
const DIGIT_0 = 0x30;

/** The first two numbers of the release: 6 and 12 of "6.12.3-amd64". @see uname(2) */
function kernelVersion(): readonly [major: number, minor: number] {
  syscall("uname", SYS_uname, "", buffer);
  let at = utsname.release;
  const number = (): number => {
    let value = 0;
    for (let digit; (digit = (buffer[at] as number) - DIGIT_0) >= 0 && digit <= 9; at++) value = value * 10 + digit;
    at++; // the dot
    return value;
  };
  return [number(), number()];
}

/** Whether it is older than OLDEST_KERNEL. */
export function isOldKernel(): boolean {
  const [major, minor] = kernelVersion();
  return major < 5 || (major === 5 && minor < 4);
}

/** "6.12.3-amd64" */
export function kernelRelease(): string {
  syscall("uname", SYS_uname, "", buffer);
  return host.cstring(host.address(buffer) + utsname.release);
}
