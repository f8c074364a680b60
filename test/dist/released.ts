// What `make dist` makes of this tree, made once for all files of these tests, and where it is tried.

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import { skipBecause } from "../skip.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
export const PROJECT: string = resolve(HERE, "../..");
export const BUILD: string = resolve(PROJECT, process.env["BUILD"] ?? "build");
export const DIST: string = join(BUILD, "dist");
export const MACHINE: string = process.arch === "arm64" ? "aarch64" : "x86_64";
export const DEBIAN_MACHINE: string = process.arch === "arm64" ? "arm64" : "amd64";
const NO_ROOT = 125;

export const VERSION: string = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).version;

/** Runs a program in the project and gives what it says. @throws Error with all of its output when it fails */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: PROJECT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: exit status ${status}\n${stdout}${stderr}`);
  return stdout;
}

let made = false;
/** Makes what is released, from a build that is there; the tests say what a machine without the means for it lacks. */
export function makeDist(context: Context): void {
  if (process.getuid?.() !== 0) skipBecause(context, "packages are tried in roots, which takes root");
  if (spawnSync("rpmbuild", ["--version"]).status !== 0) skipBecause(context, "rpmbuild is missing");
  if (made) return;
  run("make", ["-s", "-j2", `BUILD=${BUILD}`, "dist"]);
  made = true;
}

/** The one file of the release that fits. */
export function released(pattern: RegExp): string {
  const [name, ...others] = readdirSync(DIST).filter((file) => pattern.test(file));
  if (name === undefined || others.length > 0) throw new Error(`${String(pattern)}: ${[name, ...others].join(", ")}`);
  return join(DIST, name);
}

/** The folder of a root of that release of Debian, with apt. */
export function rootOf(context: Context, suite: string): string {
  const { status, stdout, stderr } = spawnSync(join(PROJECT, "test/roots/root"), [suite, "apt"], { encoding: "utf8" });
  if (status === NO_ROOT) skipBecause(context, stderr.trim().split("\n").at(-1) ?? "");
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

/**
 * Runs a shell script in a copy of that root, where /dist is what is released, and /p a project with bundles and a root file system for them.
 * The script stops at the first command that fails.
 *
 * @param more further folders of this machine, by name below /
 * @param shell where the root has none, one in those
 */
export function inRoot(
  root: string,
  script: string,
  more: { readonly [name: string]: string } = {},
  shell: string = "/bin/sh",
): string {
  const folders = {
    dist: DIST,
    "p/bundles": join(PROJECT, "bundles"),
    "p/build/rootfs": join(PROJECT, "build/rootfs"),
    ...more,
  };
  return run(join(HERE, "in-copy"), [
    root,
    ...Object.entries(folders).map(([name, path]) => `${name}=${path}`),
    "--",
    shell,
    "-euc",
    script,
  ]);
}

export function makeBundles(): void {
  execFileSync(join(PROJECT, "bundles/make-rootfs"), { stdio: "ignore" });
}
