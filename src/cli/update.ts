// `tsrun update [options] <container-id>`

import { HostError, StepError } from "../base/errors.ts";
import { int64, MAX_INT64, MAX_UINT64, MIN_INT64, type Int64 } from "../base/int64.ts";
import { decodeResources } from "../spec/decode.ts";
import type { Resources } from "../spec/types.ts";
import { readDocument, readStandardInput } from "../sys/document.ts";
import type { StepName } from "../runtime/steps.ts";
import { globalsOf } from "./globals.ts";
import { parseSize } from "./size.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as configLoader from "../spec/load.ts";
import defer * as explain from "../spec/explain.ts";
import defer * as runtime from "../runtime/update.ts";

export const options = {
  resources: { type: "string", short: "r", default: "" },
  "blkio-weight": { type: "number", default: 0 },
  "cpu-period": { type: "string", default: "" },
  "cpu-quota": { type: "string", default: "" },
  "cpu-burst": { type: "string", default: "" },
  "cpu-share": { type: "string", default: "" },
  "cpu-rt-period": { type: "string", default: "" },
  "cpu-rt-runtime": { type: "string", default: "" },
  "cpuset-cpus": { type: "string", default: "" },
  "cpuset-mems": { type: "string", default: "" },
  "kernel-memory": { type: "string", default: "" },
  "kernel-memory-tcp": { type: "string", default: "" },
  memory: { type: "string", default: "" },
  "cpu-idle": { type: "string", default: "" },
  "memory-reservation": { type: "string", default: "" },
  "memory-swap": { type: "string", default: "" },
  "pids-limit": { type: "number" },
  "l3-cache-schema": { type: "string", default: "" },
  "mem-bw-schema": { type: "string", default: "" },
} as const;
export const takes = [1, 1] as const;

type Flags = Values<typeof options>;

/** Which flag says what a place in linux.resources says. */
const FLAG_OF: { readonly [pointer: string]: keyof Flags } = {
  "/blockIO": "blkio-weight",
  "/blockIO/weight": "blkio-weight",
  "/cpu": "cpu-share",
  "/cpu/period": "cpu-period",
  "/cpu/quota": "cpu-quota",
  "/cpu/burst": "cpu-burst",
  "/cpu/shares": "cpu-share",
  "/cpu/realtimePeriod": "cpu-rt-period",
  "/cpu/realtimeRuntime": "cpu-rt-runtime",
  "/cpu/cpus": "cpuset-cpus",
  "/cpu/mems": "cpuset-mems",
  "/cpu/idle": "cpu-idle",
  "/memory": "memory",
  "/memory/limit": "memory",
  "/memory/reservation": "memory-reservation",
  "/memory/swap": "memory-swap",
  "/pids/limit": "pids-limit",
};

export function run(flags: Flags, [id = ""]: readonly string[], globalFlags: GlobalFlags): void {
  const fromFile = flags.resources !== "";
  runtime.updateContainer(globalsOf(globalFlags), {
    id,
    resources: fromFile ? readResources(flags.resources) : resourcesOf(flags),
    source: (pointer) => (fromFile ? pointer : `--${FLAG_OF[pointer] ?? pointer}`),
    l3CacheSchema: flags["l3-cache-schema"],
    memBwSchema: flags["mem-bw-schema"],
  });
}

/** "-" is standard input. The other options are passed over then, as with runc. */
function readResources(path: string): Resources {
  return configLoader.parseResources(path === "-" ? readStandardInput() : readInput(path), () => explain);
}

function readInput(path: string): string {
  try {
    return readDocument(path);
  } catch (error) {
    throw new StepError("read resources" satisfies StepName, error, "--resources");
  }
}

function resourcesOf(flags: Flags): Resources {
  return decodeResources({
    blockIO: { weight: flags["blkio-weight"] || undefined },
    cpu: {
      cpus: flags["cpuset-cpus"],
      mems: flags["cpuset-mems"],
      idle: signed("cpu-idle", flags),
      burst: unsigned("cpu-burst", flags),
      period: unsigned("cpu-period", flags),
      realtimePeriod: unsigned("cpu-rt-period", flags),
      shares: unsigned("cpu-share", flags),
      quota: signed("cpu-quota", flags),
      realtimeRuntime: signed("cpu-rt-runtime", flags),
    },
    memory: {
      limit: size("memory", flags),
      swap: size("memory-swap", flags),
      kernel: size("kernel-memory", flags),
      kernelTCP: size("kernel-memory-tcp", flags),
      reservation: size("memory-reservation", flags),
    },
    pids: { limit: flags["pids-limit"] },
  });
}

type TextFlag = { [name in keyof Flags]: Flags[name] extends string ? name : never }[keyof Flags];

const size = (name: TextFlag, flags: Flags): Int64 | undefined =>
  flags[name] === "" ? undefined : parseSize(name, flags[name]);
const signed = (name: TextFlag, flags: Flags): Int64 | undefined =>
  integer(name, flags[name], /^[-+]?\d+$/, MIN_INT64, MAX_INT64);
const unsigned = (name: TextFlag, flags: Flags): Int64 | undefined =>
  integer(name, flags[name], /^\d+$/, 0n, MAX_UINT64);

function integer(name: string, text: string, form: RegExp, lowest: bigint, highest: bigint): Int64 | undefined {
  if (text === "") return undefined;
  const fail = (problem: string): never => {
    throw new HostError(`invalid value for ${name}: ${JSON.stringify(text)} ${problem}`);
  };
  if (!form.test(text)) return fail("is no whole number");
  const value = BigInt(text.replace("+", ""));
  return value < lowest || value > highest ? fail("is out of range") : int64(value);
}
