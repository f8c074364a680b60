// One system call: name for the error, number, detail for the error, arguments. EINTR is retried here and nowhere else.

import { SysError } from "../base/errors.ts";
import { host, type Argument } from "./host.ts";

const EINTR = -4;

/** @throws SysError when the kernel refuses */
export function syscall(name: string, nr: number, detail: string, ...args: readonly Argument[]): number {
  let result = host.syscall(nr, ...args);
  while (result === EINTR) result = host.syscall(nr, ...args);
  if (result < 0) throw new SysError(name, -result, detail);
  return result;
}
