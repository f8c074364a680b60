// What `checkpoint` and `restore` have in common on the command line.

import { UsageError } from "../base/errors.ts";
import { CGROUP_MODES, NETWORK_LOCKS } from "../criu/messages.ts";
import type { CriuFlags } from "../criu/options-plan.ts";
import { absolute } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";

export const criuOptions = {
  "image-path": { type: "string" },
  "work-path": { type: "string" },
  "tcp-established": { type: "boolean" },
  "ext-unix-sk": { type: "boolean" },
  "shell-job": { type: "boolean" },
  "file-locks": { type: "boolean" },
  "manage-cgroups-mode": { type: "string" },
  "network-lock": { type: "string" },
  "empty-ns": { type: "list" },
  "auto-dedup": { type: "boolean" },
  "lazy-pages": { type: "boolean" },
} as const;

/** @throws UsageError, in runc's words where it has some */
export function criuFlags(flags: Values<typeof criuOptions>): CriuFlags {
  for (const type of flags["empty-ns"])
    if (type !== "network") throw new UsageError(`namespace ${JSON.stringify(type)} is not supported`); // the only one that is ever left empty, and it always is
  return {
    tcpEstablished: flags["tcp-established"],
    extUnixSk: flags["ext-unix-sk"],
    shellJob: flags["shell-job"],
    fileLocks: flags["file-locks"],
    autoDedup: flags["auto-dedup"],
    lazyPages: flags["lazy-pages"],
    manageCgroupsMode: oneOf(CGROUP_MODES, flags["manage-cgroups-mode"], "invalid manage-cgroups-mode value"),
    networkLock: oneOf(NETWORK_LOCKS, flags["network-lock"], "unknown network lock method specified"),
  };
}

function oneOf<T extends object>(known: T, value: string | undefined, refusal: string): keyof T | undefined {
  if (value === undefined || value === "") return undefined;
  for (const name in known) if (name === value && name !== "default") return name;
  throw new UsageError(`${refusal}: ${value}`);
}

/** Where the images are, and where CRIU works. */
export const criuPlaces = (
  flags: Values<typeof criuOptions>,
  globalFlags: GlobalFlags,
): { readonly imagePath: string; readonly workPath: string | undefined; readonly criu: string | undefined } => ({
  imagePath: absolute(flags["image-path"] || "checkpoint"),
  workPath: flags["work-path"] ? absolute(flags["work-path"]) : undefined,
  criu: globalFlags.criu || undefined,
});
