// The environment that the runtime was started with, and what the kernel told the program about itself: both on its stack.

import { host } from "./host.ts";

/** No string of the environment is longer: MAX_ARG_STRLEN of execve(2). */
const MOST_BYTES = 131072;

/** "NAME=value" entries of environ(7). */
export const environment = (): string[] => entries().map((entry) => host.cstring(entry));

/** Overwrites the environment that we were started with, where /proc/PID/environ shows it: whoever looks into us from now on finds empty strings. */
export function forgetEnvironment(): void {
  for (const entry of entries()) {
    const bytes = new Uint8Array(host.view(entry, MOST_BYTES));
    bytes.fill(0, 0, bytes.indexOf(0)); // looks no further than the string's end, which may be that of the stack
  }
}

/** The value of a variable, undefined when it is not set. @see getenv(3) */
export function getenv(name: string): string | undefined {
  const start = `${name}=`;
  for (const entry of entries()) {
    const text = host.cstring(entry);
    if (text.startsWith(start)) return text.slice(start.length);
  }
  return undefined;
}

/** @param type AT_… of the kernel; undefined where it has not said @see getauxval(3) */
export function getauxval(type: number): number | undefined {
  for (let at = host.environ + 8 * (entries().length + 1); ; at += 16) {
    const [key, value] = new BigUint64Array(host.view(at, 16));
    if (key === BigInt(type)) return Number(value);
    if (key === undefined || key === 0n) return undefined; // AT_NULL
  }
}

/** The addresses of the strings. */
function entries(): number[] {
  const addresses: number[] = [];
  for (let at = host.environ; ; at += 8) {
    const entry = Number(new BigUint64Array(host.view(at, 8))[0]);
    if (entry === 0) return addresses;
    addresses.push(entry);
  }
}
