// Read-only mounts that had to be writable until everything in them was made. "/" is the container's root here.

import { MOUNT_ATTR_RDONLY } from "../abi/mount.ts";
import { containerPath } from "../base/brand.ts";
import { HostError, StepError } from "../base/errors.ts";
import { setAttributes } from "./attributes.ts";
import type { MountApi, PathOp, RootfsPlan } from "./ops.ts";
import { lookUp } from "./resolve.ts";

const ROOT: PathOp = { path: containerPath("/"), why: "/root/readonly" };
const READONLY = { set: MOUNT_ATTR_RDONLY, clear: 0 };

/** @throws StepError */
export function makeReadonly(plan: RootfsPlan): void {
  for (const op of plan.lateReadonly) setReadonly(plan.api, op);
  if (plan.readonlyRoot) setReadonly(plan.api, ROOT);
}

function setReadonly(api: MountApi, { path, why }: PathOp): void {
  try {
    const mounted = lookUp(null, path);
    if (mounted === undefined) throw new HostError(`${path} is gone`);
    setAttributes(api, mounted, READONLY, path);
    mounted[Symbol.dispose]();
  } catch (error) {
    throw new StepError(`make ${path} read-only`, error, why);
  }
}
