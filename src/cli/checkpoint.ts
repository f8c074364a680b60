// `tsrun checkpoint`: known by name and options, because callers probe for them; not done.

import { HostError } from "../base/errors.ts";

/** What `checkpoint` and `restore` have in common. */
export const criuOptions = {
  "image-path": { type: "string" },
  "work-path": { type: "string" },
  "tcp-established": { type: "boolean" },
  "ext-unix-sk": { type: "boolean" },
  "shell-job": { type: "boolean" },
  "file-locks": { type: "boolean" },
  "manage-cgroups-mode": { type: "string" },
  "empty-ns": { type: "list" },
  "auto-dedup": { type: "boolean" },
  "lazy-pages": { type: "boolean" },
} as const;

const ownOptions = {
  "parent-path": { type: "string" },
  "leave-running": { type: "boolean" },
  "status-fd": { type: "number", default: -1 },
  "page-server": { type: "string" },
  "pre-dump": { type: "boolean" },
} as const;

export const options: typeof criuOptions & typeof ownOptions = { ...criuOptions, ...ownOptions };
export const takes = [1, 1] as const;
export const notDone = true;

/** @throws HostError always: nothing is touched, and the container goes on */
export function run(): never {
  throw new HostError("checkpoint is not supported by this version of tsrun");
}
