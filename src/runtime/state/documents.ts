// The documents that a state directory keeps. They were checked when they were written; what has happened to them since shows when they are decoded.

import type { StoredConfig } from "../../spec/stored.ts";
import { HostError, SpecError, StateError, StepError, SysError, UsageError } from "../../base/errors.ts";
import type { StateDirectory } from "./store.ts";
import defer * as configLoader from "../../spec/load.ts";
import defer * as explain from "../../spec/explain.ts";

/**
 * What `act` makes of a document. Nothing is checked beforehand, for every `exec` would pay for it: when `act` stumbles, the document is, and found damaged
 * or not.
 * @throws HostError the document is not what was written; whatever else `act` throws
 */
export function fromStored<T>(
  directory: StateDirectory,
  name: "config.json" | "resources.json",
  text: string,
  act: () => T,
): T {
  try {
    return act();
  } catch (error) {
    if (isTold(error)) throw error;
    const problem = name === "config.json" ? problemOf(text) : String(error);
    if (problem === undefined) throw error;
    throw new HostError(`${name} of container ${directory.id} is damaged: ${problem}`);
  }
}

/** For `exec`, which lives on this part of it alone. @throws HostError when it has not the form of a process */
export function checkStoredProcess(directory: StateDirectory, text: string, { json, process }: StoredConfig): void {
  if (process === undefined) throw new HostError("config.json of the container has no process");
  if (typeof json === "object" && json !== null && "process" in json && configLoader.isProcess(json.process)) return;
  const problem = problemOf(text); // what Go would read is not what the schema says, but no damage
  if (problem !== undefined) throw new HostError(`config.json of container ${directory.id} is damaged: ${problem}`);
}

const isTold = (error: unknown): boolean =>
  [HostError, SpecError, StateError, StepError, SysError, UsageError].some((kind) => error instanceof kind);

function problemOf(config: string): string | undefined {
  try {
    configLoader.parseConfig(config, () => explain);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
