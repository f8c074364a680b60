// The environment that the runtime was started with.

import { host } from "./host.ts";

/** "NAME=value" entries of environ(7). */
export function environment(): string[] {
  const entries: string[] = [];
  const environ = Number(new BigUint64Array(host.view(host.dlsym(null, "environ"), 8))[0]);
  if (environ === 0) return entries;
  for (let at = environ; ; at += 8) {
    const entry = Number(new BigUint64Array(host.view(at, 8))[0]);
    if (entry === 0) return entries;
    entries.push(host.cstring(entry));
  }
}

/** The value of a variable, undefined when it is not set. @see getenv(3) */
export function getenv(name: string): string | undefined {
  const value = Number(host.callLong(host.dlsym(null, "getenv"), name));
  return value === 0 ? undefined : host.cstring(value);
}
