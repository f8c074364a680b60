// `tsrun restore [options] <container-id>`

import { criuFlags, criuOptions, criuPlaces } from "./criu.ts";
import { absolute, globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as restoreParent from "../runtime/restore/parent.ts";

const ownOptions = {
  bundle: { type: "string", short: "b", default: "" },
  "console-socket": { type: "string" },
  detach: { type: "boolean", short: "d" },
  "pid-file": { type: "string", default: "" },
  "no-subreaper": { type: "boolean" },
  "no-pivot": { type: "boolean" },
  "tcp-close": { type: "boolean" },
  "lsm-profile": { type: "string" },
  "lsm-mount-context": { type: "string" },
} as const;

export const options: typeof criuOptions & typeof ownOptions = { ...criuOptions, ...ownOptions };
export const takes = [1, 1] as const;

/** @returns the exit status of the container's process; 0 when detached */
export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): number {
  return restoreParent.restoreContainer(globalsOf(globalFlags), {
    id,
    ...criuPlaces(flags, globalFlags),
    bundle: flags.bundle === "" ? "." : flags.bundle,
    pidFile: flags["pid-file"] === "" ? undefined : absolute(flags["pid-file"]),
    consoleSocket: flags["console-socket"] || undefined,
    noPivot: flags["no-pivot"],
    detach: flags.detach,
    noSubreaper: flags["no-subreaper"],
    flags: {
      ...criuFlags(flags),
      tcpClose: flags["tcp-close"],
      lsmProfile: flags["lsm-profile"] || undefined,
      lsmMountContext: flags["lsm-mount-context"] || undefined,
    },
  });
}
