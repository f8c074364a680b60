// `tsrun list [options]`

import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { UsageError } from "../base/errors.ts";
import type { PrintedState } from "../spec/types.ts";
import { openat } from "../sys/file.ts";
import { print } from "../sys/print.ts";
import { globalsOf } from "./globals.ts";
import { printed } from "./printed.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as runtime from "../runtime/state.ts";

export const options = {
  format: { type: "string", short: "f", default: "table" },
  quiet: { type: "boolean", short: "q" },
} as const;
export const takes = [0, 0] as const;

export function run(flags: Values<typeof options>, _args: readonly string[], globalFlags: GlobalFlags): void {
  const globals = globalsOf(globalFlags);
  if (flags.format !== "table" && flags.format !== "json") throw invalidFormat(flags.format);
  const containers = runtime.listContainers(globals);
  // A state root that the user named and that is not there is an error; the default one comes into being with the first container.
  if (containers.length === 0 && globalFlags.root !== undefined)
    openat(null, globals.root, O_RDONLY | O_DIRECTORY)[Symbol.dispose]();
  if (flags.quiet) print(containers.map(({ id }) => `${id}\n`).join(""));
  else if (flags.format === "table") print(table(containers));
  else print(`${JSON.stringify(containers.length === 0 ? null : containers.map(printed))}\n`); // null is Go's empty list
}

/** Begins with runc's words. */
export const invalidFormat = (format: string): UsageError =>
  new UsageError(`invalid format option ${JSON.stringify(format)}: table and json are known`);

const MIN_WIDTH = 12;
const PADDING = 3;

/** Columns as Go's text/tabwriter lays them out for runc. */
export function table(containers: readonly PrintedState[]): string {
  const shows = containers.some((container) => howEnded(container) !== ""); // runc's columns otherwise
  const rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", ...(shows ? ["ENDED"] : [])]];
  for (const container of containers) {
    const { id, pid, status, bundle, created, owner } = container;
    rows.push([id, String(pid), status, bundle, created, owner, ...(shows ? [howEnded(container)] : [])]);
  }
  const widths =
    rows[0]?.map((_name, i) => Math.max(MIN_WIDTH, ...rows.map((row) => width(row[i] ?? "") + PADDING))) ?? [];
  return rows
    .map(
      (row) =>
        `${row.map((cell, i) => (i + 1 === row.length ? cell : cell + " ".repeat((widths[i] ?? 0) - width(cell)))).join("")}\n`,
    )
    .join("");
}

/** In words; "" where nothing is known of it. */
function howEnded({ ended, oomKilled }: PrintedState): string {
  const { at, exitStatus, signal } = ended ?? {};
  return [
    ...(exitStatus === undefined ? [] : [`exit status ${exitStatus}`]),
    ...(signal === undefined ? [] : [signal]),
    ...(oomKilled === undefined ? [] : ["out of memory"]),
    ...(at === undefined ? [] : [at]),
  ].join(", ");
}

/** In characters, not UTF-16 units. */
const width = (text: string): number => (/[\ud800-\udfff]/.test(text) ? [...text].length : text.length);
