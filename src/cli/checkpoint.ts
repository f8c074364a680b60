// `tsrun checkpoint [options] <container-id>`

import { UsageError } from "../base/errors.ts";
import type { CheckpointFlags } from "../criu/options-plan.ts";
import { criuFlags, criuOptions, criuPlaces } from "./criu.ts";
import { globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as checkpoint from "../runtime/checkpoint.ts";

const ownOptions = {
  "parent-path": { type: "string" },
  "leave-running": { type: "boolean" },
  "tcp-skip-in-flight": { type: "boolean" },
  "link-remap": { type: "boolean" },
  "status-fd": { type: "number", default: -1 },
  "page-server": { type: "string" },
  "pre-dump": { type: "boolean" },
} as const;

export const options: typeof criuOptions & typeof ownOptions = { ...criuOptions, ...ownOptions };
export const takes = [1, 1] as const;

export function run(flags: Values<typeof options>, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const statusFd = flags["status-fd"];
  checkpoint.checkpointContainer(globalsOf(globalFlags), {
    id,
    ...criuPlaces(flags, globalFlags),
    statusFd: statusFd < 0 ? undefined : statusFd,
    flags: {
      ...criuFlags(flags),
      leaveRunning: flags["leave-running"],
      preDump: flags["pre-dump"],
      parentPath: flags["parent-path"] || undefined,
      tcpSkipInFlight: flags["tcp-skip-in-flight"],
      linkRemap: flags["link-remap"],
      pageServer: flags["page-server"] ? pageServer(flags["page-server"]) : undefined,
    },
  });
}

/** @throws UsageError in runc's words */
function pageServer(text: string): CheckpointFlags["pageServer"] {
  const [, bracketed, plain, port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):([^:]+)$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) throw new UsageError("Use --page-server ADDRESS:PORT to specify page server");
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new UsageError("Invalid port number");
  return { address, port: Number(port) };
}
