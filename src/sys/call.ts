// One system call: name for the error, number, detail for the error, arguments. EINTR is retried here and nowhere else.
// A start makes hundreds of them: six parameters cost half of what a list of arguments does, and a text is only made of a failure.

import { SysError } from "../base/errors.ts";
import { host, type Argument } from "./host.ts";

const EINTR = -4;

/** What an error says of what the call was for. A number is a descriptor's; a function makes words that take time. */
export type Detail = string | number | (() => string);

const wordsOf = (detail: Detail): string =>
  typeof detail === "string" ? detail : typeof detail === "number" ? `descriptor ${detail}` : detail();

/** @throws SysError when the kernel refuses */
export function syscall(
  name: string,
  nr: number,
  detail: Detail,
  a?: Argument,
  b?: Argument,
  c?: Argument,
  d?: Argument,
  e?: Argument,
  f?: Argument,
): number {
  let result: number;
  do result = host.syscall(nr, a ?? 0, b ?? 0, c ?? 0, d ?? 0, e ?? 0, f ?? 0);
  while (result === EINTR);
  if (result < 0) throw new SysError(name, -result, wordsOf(detail));
  return result;
}
