// CRIU for the tests: the program, containers that hold what a checkpoint has to keep, and the commands.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before } from "mocha";
import { skipBecause } from "../skip.ts";
import type { Config } from "../system/bundle.ts";
import { eventually, ok, PROGRAM, type Box, type Container, type Result, type RunOptions } from "../system/harness.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Where the programs `criu` and `crun` are, once useCriu has run. */
export let programs = "";
let holder = "";

export const criu = (): string => join(programs, "criu");

/** Brings CRIU for the tests of a file, and compiles the fixture. Where it cannot be had they are skipped, with the reason. */
export function useCriu(): void {
  let directory = "";
  before(function () {
    this.timeout(300_000);
    const { status, stdout, stderr } = spawnSync(join(HERE, "programs"), { encoding: "utf8" });
    if (status !== 0) skipBecause(this, stderr.trim().split("\n").at(-1) ?? "no CRIU");
    programs = stdout.trim();
    directory = mkdtempSync(join(tmpdir(), "tsrun-holder-"));
    holder = join(directory, "holder");
    execFileSync("gcc", ["-O2", "-static", "-o", holder, join(HERE, "fixtures/holder.c")]);
  });
  after(() => {
    if (directory !== "") rmSync(directory, { recursive: true, force: true });
  });
}

/** A container that runs the fixture with these words. */
export function holding(
  box: Box,
  words: readonly string[],
  change: (config: Config) => void = () => undefined,
): Container {
  const container = box.container((config) => {
    config.process.args = ["/holder", ...words];
    config.root.readonly = false;
    config.linux.cgroupsPath = `/${box.prefix}cg`;
    change(config);
  });
  copyFileSync(holder, container.at("holder"));
  return container;
}

/** Runs it detached; returns once it holds all that it shall hold. */
export function start(container: Container, flags: readonly string[] = []): Container {
  quietly(container.box, ["run", "--detach", "--bundle", container.bundle, ...flags, container.id]);
  goesOn(container);
  return container;
}

/** Runs the runtime with /dev/null as its standard streams, which a container can keep over a checkpoint. */
export function quietly(box: Box, args: readonly string[]): void {
  const { status } = spawnSync(PROGRAM, ["--root", box.stateRoot, "--log", box.path("log"), ...args], {
    stdio: "ignore",
    cwd: box.directory,
    env: { TSRUN_TEST: box.prefix },
  });
  assert.equal(status, 0, existsSync(box.path("log")) ? readFileSync(box.path("log"), "utf8") : args.join(" "));
}

/** How often the fixture has used what it holds. */
export function count(container: Container): number {
  try {
    return Number(readFileSync(`/proc/${container.state().pid}/root/dev/shm/count`, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

/** It runs, and uses what it holds. */
export function goesOn(container: Container, from: number = count(container)): void {
  eventually("the container goes on", () => count(container) > from);
}

export const imagesOf = (container: Container): string => join(container.bundle, "images");

/** `tsrun checkpoint` */
export const checkpoint = (container: Container, flags: readonly string[] = [], options: RunOptions = {}): Result =>
  container.box.runtime(
    ["--criu", criu(), "checkpoint", "--image-path", imagesOf(container), ...flags, container.id],
    options,
  );

/** `tsrun restore`. @param images of another container, if not its own */
export const restore = (
  container: Container,
  flags: readonly string[] = ["--detach"],
  options: RunOptions = {},
  images: string = imagesOf(container),
): Result =>
  container.box.runtime(
    ["--criu", criu(), "restore", "--bundle", container.bundle, "--image-path", images, ...flags, container.id],
    options,
  );

/** Saves it, sees that it is gone, and makes it again: it goes on where it was. */
export function saveAndRestore(
  container: Container,
  checkpointFlags: readonly string[] = [],
  restoreFlags: readonly string[] = [],
): void {
  const before = count(container);
  ok(checkpoint(container, checkpointFlags));
  assert.match(container.box.runtime(["state", container.id]).stderr, /does not exist/);
  ok(restore(container, ["--detach", ...restoreFlags]));
  assert.equal(container.state().status, "running");
  assert(count(container) >= before, "it begins anew");
  goesOn(container);
}
