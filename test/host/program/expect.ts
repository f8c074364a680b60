// The few assertions that run inside the engine, which has no node:assert.

import { SYS_write } from "../../../src/abi/syscall.ts";
import { host, type Host } from "../../../src/sys/host.ts";

/** The host without its types: a program that lies to the compiler must get a TypeError, not a crash. */
export const untyped: { readonly [Name in keyof Host]: (...args: readonly unknown[]) => unknown } = host as never;

export function write(text: string): void {
  host.syscall(SYS_write, 1, `${text}\n`, host.encode(text).byteLength);
}

export function show(value: unknown): string {
  return typeof value === "bigint" ? `${value}n` : typeof value === "string" ? JSON.stringify(value) : String(value);
}

export function equal(got: unknown, wanted: unknown, what = ""): void {
  if (!Object.is(got, wanted)) throw new Error(`${what}: got ${show(got)}, wanted ${show(wanted)}`);
}

export function throws(kind: "TypeError" | "ReferenceError" | "Error", act: () => unknown, what: string): Error {
  try {
    act();
  } catch (error) {
    if (error instanceof Error && error.name === kind) return error;
    throw new Error(`${what}: threw ${String(error)}, wanted a ${kind}`);
  }
  throw new Error(`${what}: threw nothing, wanted a ${kind}`);
}

export function contains(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`${show(text)} does not contain ${show(part)}`);
}

/** One function of test/host/lib.c. */
export function library(name: string): number {
  return host.symbol(name);
}
