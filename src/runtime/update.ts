// `tsrun update`: other limits for a container that is there. All that is asked for holds afterwards, or nothing of it.

import type { Undo } from "../base/dispose.ts";
import { HostError, SpecError, StateError, StepError } from "../base/errors.ts";
import { parseExact, stringify } from "../base/json.ts";
import { planChange, type ResourceChange } from "../cgroup/update-plan.ts";
import { controllersOf } from "../cgroup/controllers.ts";
import { driverOf } from "../cgroup/driver.ts";
import { decodeResources } from "../spec/decode.ts";
import { storedResources } from "../spec/stored-resources.ts";
import type { Resources } from "../spec/types.ts";
import { readFile, readFileIfThere } from "../sys/file.ts";
import type { Globals } from "./globals.ts";
import { fromStored } from "./state/documents.ts";
import { statusOf, withGroups } from "./state/status.ts";
import { step } from "./step.ts";
import { openContainer, readRecord, writeResources, type ContainerRecord, type StateDirectory } from "./state/store.ts";
import { undoOf } from "./undo.ts";
import defer * as rdt from "../intelrdt.ts";

export type UpdateRequest = {
  readonly id: string;
  readonly resources: Resources;
  /** What asked for the part of the resources that a pointer such as "/memory/limit" names: the pointer itself, or a flag. */
  readonly source: (pointer: string) => string;
  /** The container's share of a cache and of memory bandwidth, as lines for resctrl; "": as it is. */
  readonly l3CacheSchema: string;
  readonly memBwSchema: string;
};

/** @throws StateError "container not running" */
export function updateContainer(globals: Globals, request: UpdateRequest): void {
  const directory = openContainer(globals.root, request.id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  if (statusOf(directory, record) === "stopped") throw new StateError("container not running");
  withGroups(record, "container not running", () => changeLimits(globals, directory, record, request));
}

function changeLimits(
  globals: Globals,
  directory: StateDirectory,
  record: ContainerRecord,
  request: UpdateRequest,
): void {
  using undo = undoOf(globals);
  const change = step("plan", () => planFor(globals, directory, record, request));
  step("change resource control group", () => changeRdt(record, request, undo));
  step("change cgroup", () =>
    undo.defer(
      "set limits back",
      named(request, () => driverOf(record.systemdUnit).apply(record.cgroup ?? [], change, globals.warn)),
    ),
  );
  step("record limits", () => writeResources(directory, stringify(change.after)));
  undo.move();
}

function planFor(
  globals: Globals,
  directory: StateDirectory,
  record: ContainerRecord,
  request: UpdateRequest,
): ResourceChange {
  const { memory } = request.resources;
  if (memory.kernel !== undefined || memory.kernelTCP !== undefined)
    globals.warn("Kernel memory settings are ignored and will be removed");
  const asked = { ...request.resources, memory: { ...memory, kernel: undefined, kernelTCP: undefined } };
  const groups = record.cgroup ?? [];
  return named(request, () => planChange(groups, currentResources(directory), asked, controllersOf(groups)));
}

/** What holds now, as far as we know: config.json's at create, or what the last update made of it. */
function currentResources(directory: StateDirectory): Resources {
  const updated = readFileIfThere(directory.fd, "resources.json");
  if (updated !== undefined)
    return fromStored(directory, "resources.json", updated, () => decodeResources(parseExact(updated)));
  const config = readFile(directory.fd, "config.json", 32768);
  return fromStored(directory, "config.json", config, () => storedResources(config));
}

function changeRdt(record: ContainerRecord, { l3CacheSchema, memBwSchema }: UpdateRequest, undo: Undo): void {
  if (l3CacheSchema === "" && memBwSchema === "") return;
  undo.defer("set schemata back", rdt.changeIntelRdt(record.intelRdt, l3CacheSchema, memBwSchema));
}

const RESOURCES = "/linux/resources";

/** Errors in the words of whoever asked: there is no config.json here. */
function named<T>({ source }: UpdateRequest, act: () => T): T {
  const rename = (text: string): string =>
    text.replace(/^\/linux\/resources(\/[^:\s]*)/, (_all, pointer: string) => source(pointer));
  try {
    return act();
  } catch (error) {
    if (error instanceof SpecError)
      throw new SpecError(error.violations.map(({ pointer, problem }) => ({ pointer: rename(pointer), problem })));
    if (error instanceof StepError && error.why?.startsWith(RESOURCES))
      throw new StepError(error.step, error.cause, rename(error.why));
    if (error instanceof HostError && error.message.startsWith(RESOURCES)) throw new HostError(rename(error.message));
    throw error;
  }
}
