// The environment that the runtime was started with, and what the kernel told the program about itself: both on its stack.

import { host } from "./host.ts";

/** More than all strings take, and all pointers to them: [kernel] execve takes 6 MB of both at most, three quarters of 8 MB. */
const MOST_BYTES = 0x80_0000;

/** "NAME=value" entries of environ(7). */
export const environment = (): string[] => entries().map((entry) => host.cstring(entry));

/** Overwrites the environment that we were started with, where /proc/PID/environ shows it: whoever looks into us from now on finds empty strings. */
export function forgetEnvironment(): void {
  const words = wordsFromEnviron();
  const first = addressAt(words, 0);
  if (first === 0) return;
  let last = 0;
  while (addressAt(words, last + 2) !== 0) last += 2;
  // [kernel] The strings lie one behind the other, which is what /proc/PID/environ shows.
  const bytes = new Uint8Array(host.view(first, MOST_BYTES));
  bytes.fill(0, 0, bytes.indexOf(0, addressAt(words, last) - first)); // looks no further than the last one's end, which may be that of the stack
}

/** The value of a variable, undefined when it is not set. @see getenv(3) */
export function getenv(name: string): string | undefined {
  const start = `${name}=`;
  const words = wordsFromEnviron();
  for (let at = 0; ; at += 2) {
    const entry = addressAt(words, at);
    if (entry === 0) return undefined;
    const text = host.cstring(entry);
    if (text.startsWith(start)) return text.slice(start.length);
  }
}

/**
 * What the kernel has said of each of `types` (AT_…), in their order; 0 where it has not. Of several at once, for the way there leads
 * through the environment. @see getauxval(3)
 */
export function getauxvals(types: readonly number[]): readonly number[] {
  const words = wordsFromEnviron();
  const values = types.map(() => 0);
  let at = 0;
  while (addressAt(words, at) !== 0) at += 2;
  for (at += 2; words[at] !== 0; at += 4) {
    // ends at AT_NULL
    const found = types.indexOf(words[at] as number);
    if (found >= 0) values[found] = addressAt(words, at + 2);
  }
  return values;
}

/** The addresses of the strings. */
function entries(): number[] {
  const addresses: number[] = [];
  const words = wordsFromEnviron();
  for (let at = 0; ; at += 2) {
    const entry = addressAt(words, at);
    if (entry === 0) return addresses;
    addresses.push(entry);
  }
}

/** The pointers of environ(7) and the auxiliary vector by halves, which need no BigInt. Whoever looks stops at their ends. */
const wordsFromEnviron = (): Uint32Array => new Uint32Array(host.view(host.environ, MOST_BYTES));

const addressAt = (words: Uint32Array, at: number): number =>
  (words[at] as number) + (words[at + 1] as number) * 0x1_0000_0000;
