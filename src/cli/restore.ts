// `tsrun restore`: known by name and options, because callers probe for them; not done.
// runc's --lsm-mount-context is not among them: podman leaves its argument out, and takes the complaint for a runtime that restores pods.

import { HostError } from "../base/errors.ts";
import { criuOptions } from "./checkpoint.ts";

const ownOptions = {
  bundle: { type: "string", short: "b", default: "" },
  "console-socket": { type: "string" },
  detach: { type: "boolean", short: "d" },
  "pid-file": { type: "string" },
  "no-subreaper": { type: "boolean" },
  "no-pivot": { type: "boolean" },
  "tcp-close": { type: "boolean" },
  "lsm-profile": { type: "string" },
} as const;

export const options: typeof criuOptions & typeof ownOptions = { ...criuOptions, ...ownOptions };
export const takes = [1, 1] as const;
export const notDone = true;

/** @throws HostError always */
export function run(): never {
  throw new HostError("restore is not supported by this version of tsrun");
}
