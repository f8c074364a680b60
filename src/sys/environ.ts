// The environment that the runtime was started with.

import { host } from "./host.ts";

/** "NAME=value" entries of environ(7). */
export const environment = (): string[] => entries().map((entry) => host.cstring(entry));

/** Overwrites the environment that we were started with, where /proc/PID/environ shows it: whoever looks into us from now on finds empty strings. */
export function forgetEnvironment(): void {
  const strlen = host.dlsym(null, "strlen");
  for (const entry of entries()) new Uint8Array(host.view(entry, host.call(strlen, entry))).fill(0);
}

/** The addresses of the strings. */
function entries(): number[] {
  const addresses: number[] = [];
  const environ = Number(new BigUint64Array(host.view(host.dlsym(null, "environ"), 8))[0]);
  for (let at = environ; at !== 0; at += 8) {
    const entry = Number(new BigUint64Array(host.view(at, 8))[0]);
    if (entry === 0) break;
    addresses.push(entry);
  }
  return addresses;
}

/** The value of a variable, undefined when it is not set. @see getenv(3) */
export function getenv(name: string): string | undefined {
  const value = Number(host.callLong(host.dlsym(null, "getenv"), name));
  return value === 0 ? undefined : host.cstring(value);
}
