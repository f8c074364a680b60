// `tsrun inspect`: what is asked about, for explain/inspect.ts to look at. Nothing is changed.

import { parseExact } from "../base/json.ts";
import { StateError } from "../base/errors.ts";
import type { CgroupPaths } from "../cgroup/plan.ts";
import { decodeResources, decodeSpec } from "../spec/decode.ts";
import type { Resources, Spec, Status } from "../spec/types.ts";
import { readFile, readFileIfThere } from "../sys/file.ts";
import type { Globals } from "./globals.ts";
import { fromStored } from "./state/documents.ts";
import { statusOf } from "./state/status.ts";
import { openContainer, readRecord } from "./state/store.ts";

export type Inspected = {
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly cgroup: CgroupPaths;
  /** config.json as it was at create. */
  readonly spec: Spec;
  /** The limits that were asked for last: config.json's, or those that `update` left. */
  readonly resources: Resources;
  readonly updated: boolean;
};

/** @throws StateError "container does not exist", and for one that has ended: of that `state` tells */
export function inspectContainer(globals: Globals, id: string): Inspected {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const record = readRecord(directory);
  const status = statusOf(directory, record);
  if (status === "stopped" || status === "creating") throw new StateError("container not running");
  const config = readFile(directory.fd, "config.json", 32768);
  const spec = fromStored(directory, "config.json", config, () => decodeSpec(parseExact(config)));
  const updated = readFileIfThere(directory.fd, "resources.json");
  return {
    id: record.id,
    pid: record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    cgroup: record.cgroup ?? [],
    spec,
    resources:
      updated === undefined
        ? spec.linux.resources
        : fromStored(directory, "resources.json", updated, () => decodeResources(parseExact(updated))),
    updated: updated !== undefined,
  };
}
