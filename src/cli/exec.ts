// `tsrun exec [options] <container-id> <command> [argument…]`, or with --process FILE and no command

import { UsageError } from "../base/errors.ts";
import type { ExecRequest } from "../runtime/exec/parent.ts";
import { absolute, globalsOf } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as execParent from "../runtime/exec/parent.ts";

export const options = {
  "console-socket": { type: "string" },
  "pidfd-socket": { type: "string" },
  cwd: { type: "string" },
  env: { type: "list", short: "e" },
  tty: { type: "boolean", short: "t" },
  user: { type: "string", short: "u" },
  "additional-gids": { type: "list", short: "g" },
  process: { type: "string", short: "p" },
  detach: { type: "boolean", short: "d" },
  "pid-file": { type: "string", default: "" },
  "process-label": { type: "string" },
  apparmor: { type: "string" },
  "no-new-privs": { type: "boolean" },
  cap: { type: "list", short: "c" },
  "preserve-fds": { type: "number", default: 0 },
  cgroup: { type: "list" },
  "ignore-paused": { type: "boolean" },
} as const;
export const takes: readonly [number, number] = [1, Infinity];
/** What follows the container's id is the command's. */
export const stopAfter = 1;
/** Those below 255 are the process's. */
export const failureStatus = 255;

/** @returns the exit status of the process; 0 when detached */
export function run(
  flags: Values<typeof options>,
  [id = "", ...args]: readonly string[],
  globalFlags: GlobalFlags,
): number {
  return execParent.execInContainer(globalsOf(globalFlags), requestOf(flags, id, args));
}

function requestOf(flags: Values<typeof options>, id: string, args: readonly string[]): ExecRequest {
  if (flags["preserve-fds"] < 0) throw new UsageError(`--preserve-fds ${flags["preserve-fds"]}: must not be negative`);
  return {
    id,
    process: flags.process ? { file: flags.process } : changesOf(flags, args),
    detach: flags.detach,
    pidFile: flags["pid-file"] === "" ? undefined : absolute(flags["pid-file"]),
    consoleSocket: flags["console-socket"] || undefined,
    pidfdSocket: flags["pidfd-socket"] || undefined,
    preserveFds: flags["preserve-fds"],
    cgroups: flags.cgroup,
    ignorePaused: flags["ignore-paused"],
  };
}

const changesOf = (flags: Values<typeof options>, args: readonly string[]): ExecRequest["process"] => ({
  args,
  cwd: flags.cwd || undefined,
  env: flags.env,
  terminal: flags.tty,
  user: flags.user || undefined,
  additionalGids: flags["additional-gids"],
  capabilities: flags.cap,
  noNewPrivileges: flags["no-new-privs"],
  apparmorProfile: flags.apparmor || undefined,
  selinuxLabel: flags["process-label"] || undefined,
});
