// What `create` and `run` have in common on the command line.

import { UsageError } from "../base/errors.ts";
import type { CreateRequest } from "../runtime/create/parent.ts";
import { absolute } from "./globals.ts";
import type { Values } from "./table.ts";

export const createOptions = {
  bundle: { type: "string", short: "b", default: "" },
  config: { type: "string", short: "f", default: "" },
  "console-socket": { type: "string" },
  "pidfd-socket": { type: "string" },
  "pid-file": { type: "string", default: "" },
  "no-pivot": { type: "boolean" },
  "no-new-keyring": { type: "boolean" },
  "preserve-fds": { type: "number", default: 0 },
} as const;

export function createRequest(flags: Values<typeof createOptions>, id: string): CreateRequest {
  if (flags["preserve-fds"] < 0) throw new UsageError(`--preserve-fds ${flags["preserve-fds"]}: must not be negative`);
  return {
    id,
    bundle: flags.bundle === "" ? "." : flags.bundle,
    config: flags.config === "" ? "config.json" : flags.config,
    pidFile: flags["pid-file"] === "" ? undefined : absolute(flags["pid-file"]),
    consoleSocket: flags["console-socket"] || undefined,
    pidfdSocket: flags["pidfd-socket"] || undefined,
    noPivot: flags["no-pivot"],
    noNewKeyring: flags["no-new-keyring"],
    preserveFds: flags["preserve-fds"],
  };
}
