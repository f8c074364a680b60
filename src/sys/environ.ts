// The environment that the runtime was started with, and what the kernel told the program about itself: both on its stack.

import { host } from "./host.ts";

/** No string of the environment is longer: MAX_ARG_STRLEN of execve(2). */
const MOST_BYTES = 131072;
/** More than all pointers to them take: [kernel] a quarter of the largest stack, 6 MB at most, is what execve takes of strings and pointers. */
const MOST_POINTERS = 0x80_0000;

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
const wordsFromEnviron = (): Uint32Array => new Uint32Array(host.view(host.environ, MOST_POINTERS));

const addressAt = (words: Uint32Array, at: number): number => (words[at] as number) + (words[at + 1] as number) * 0x1_0000_0000;
