// The other machine that tsrun is built for here, and what builds and runs its programs on this one.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

export type Machine = "x86_64" | "aarch64";

export const HERE: Machine = process.arch === "arm64" ? "aarch64" : "x86_64";
export const OTHER: Machine = HERE === "x86_64" ? "aarch64" : "x86_64";

export const COMPILER: string = `${OTHER}-linux-gnu-gcc`;
export const EMULATOR: string = `qemu-${OTHER}-static`;

/** Where this machine's build is, and the other's. */
export const BUILD: string = resolve(process.env["BUILD"] || "build");
export const OTHER_BUILD: string = resolve(BUILD, OTHER);

const isThere = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Why nothing can be built for the other machine here; undefined when it can. */
export function lacks(...more: readonly string[]): string | undefined {
  const missing = [COMPILER, EMULATOR, ...more].filter((program) => !isThere(program));
  return missing.length === 0 ? undefined : `no ${missing.join(", no ")}: scripts/install-deps --test`;
}

/** Builds `targets` of the other machine, below OTHER_BUILD. */
export function build(...targets: readonly string[]): void {
  // Not the variables of the make that runs the tests: MAKEFLAGS would have its BUILD.
  const { PATH, HOME } = process.env;
  const words = [`ARCH=${OTHER}`, `BUILD=${OTHER_BUILD}`, ...targets];
  const made = spawnSync("make", words, { encoding: "utf8", env: { PATH, HOME } });
  assert.equal(made.status, 0, made.stdout + made.stderr);
}
