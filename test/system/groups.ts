// The container's cgroups as the host sees them, in whichever version this host has.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "mocha";
import type { Box, Container } from "./harness.ts";

const CGROUP2 = 0x63677270;

export const isV2Directory = (directory: string): boolean => statfsSync(directory).type === CGROUP2;

/** Only v2 is mounted; a hybrid host counts as v1. */
export const onV2 = (): boolean => isV2Directory("/sys/fs/cgroup");

/** Whether limits of a controller can be set. */
export function hasController(name: string): boolean {
  if (onV2())
    return readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8")
      .split(/\s+/)
      .includes(name === "blkio" ? "io" : name);
  return readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .some(
      (line) =>
        (line.split(":")[1] ?? "").split(",").includes(name) && existsSync(`/sys/fs/cgroup/${line.split(":")[1]}`),
    );
}

/** The container's directory: on v1 in the hierarchy of a controller. */
export function group(box: Box, container: Container, controller: string): string {
  const ours = box.cgroups().filter((path) => path.endsWith(`/${container.id}`));
  const found = onV2()
    ? ours[0]
    : ours.find((path) => !isV2Directory(path) && path.split("/").some((part) => part.split(",").includes(controller)));
  assert(found !== undefined, `no ${controller} group among ${ours.join(" ")}`);
  return found;
}

/** The content of one of its files. @param v1 named with the controller, as "memory.limit_in_bytes" */
export function value(container: Container, v1: string, v2: string): string {
  const controller = v1.startsWith("cpuacct") ? "cpuacct" : (v1.split(".")[0] ?? "");
  return readFileSync(join(group(container.box, container, controller), onV2() ? v2 : v1), "utf8").trim();
}

export function setValue(container: Container, v1: string, v2: string, text: string): void {
  writeFileSync(join(group(container.box, container, v1.split(".")[0] ?? ""), onV2() ? v2 : v1), text);
}

/** A test for hosts where these controllers are; skipped with the reason in its title elsewhere. */
export function itWith(title: string, controllers: readonly string[], test: () => void | Promise<void>): void {
  const missing = controllers.filter((name) => !hasController(name));
  if (missing.length === 0) it(title, test);
  else it.skip(`${title} (this host has no ${missing.join(", no ")} controller)`, test);
}

/** A test for hosts with v2 alone, and with these controllers. */
export function itOnV2(title: string, controllers: readonly string[], test: () => void | Promise<void>): void {
  if (onV2()) itWith(title, controllers, test);
  else it.skip(`${title} (this host has cgroup v1)`, test);
}

/** A test for hosts with v1, hybrid ones too. */
export function itOnV1(title: string, controllers: readonly string[], test: () => void | Promise<void>): void {
  if (!onV2()) itWith(title, controllers, test);
  else it.skip(`${title} (this host has cgroup v2 alone)`, test);
}
