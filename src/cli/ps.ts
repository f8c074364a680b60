// `tsrun ps [options] <container-id> [ps options]`: the lines of the host's ps(1) that are about the container's processes.

import { HostError } from "../base/errors.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import { invalidFormat } from "./list.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as runtime from "../runtime/ps.ts";

export const options = {
  format: { type: "string", short: "f", default: "table" },
} as const;
export const takes: readonly [number, number] = [1, Infinity];
/** What follows the container's id is for ps(1). */
export const stopAfter = 1;

export function run(
  flags: Values<typeof options>,
  [id = "", ...args]: readonly string[],
  globalFlags: GlobalFlags,
): void {
  if (flags.format !== "table" && flags.format !== "json") throw invalidFormat(flags.format);
  const { containerProcesses, hostPs } = runtime;
  const pids = containerProcesses(globalsOf(globalFlags), id);
  if (flags.format === "json")
    print(`${JSON.stringify(pids.length === 0 ? null : pids)}\n`); // null is Go's empty list
  else print(linesOf(hostPs(args.length === 0 ? ["-ef"] : args), pids));
}

/** The line of titles, and those whose column PID is one of `pids`. */
export function linesOf(output: string, pids: readonly number[]): string {
  const [titles = "", ...lines] = output.split("\n");
  const column = titles.split(/\s+/).filter(Boolean).indexOf("PID");
  if (column < 0) throw new HostError("couldn't find PID field in ps output");
  const ours = lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
  return [titles, ...ours].map((line) => `${line}\n`).join("");
}
