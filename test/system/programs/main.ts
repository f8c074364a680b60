// Acts of rooms that no config.json can reach on a test machine, run for themselves by the engine that tsrun runs in:
//   room-test intelrdt enter ROOT ID PID CONFIG    the container's groups below ROOT, as where resctrl is mounted; prints what the record would keep
//   room-test intelrdt remove PATHS
//   room-test affinity CONFIG                      the affinity of a process that joins a container, before and after
// An error is printed as its message, and ends with status 1.

import { containerId, hostPath, hostPid } from "../../../src/base/brand.ts";
import { StepError, SysError } from "../../../src/base/errors.ts";
import {
  enterIntelRdt,
  locateIntelRdt,
  planIntelRdt,
  removeIntelRdt,
  type IntelRdtPaths,
} from "../../../src/intelrdt.ts";
import { planAffinity } from "../../../src/process/scheduling-plan.ts";
import { setFinalAffinity, setInitialAffinity } from "../../../src/process/scheduling.ts";
import { parseConfig } from "../../../src/spec/load.ts";
import type { Spec } from "../../../src/spec/types.ts";
import { readFile } from "../../../src/sys/file.ts";
import { host } from "../../../src/sys/host.ts";
import { print } from "../../../src/sys/print.ts";
import { exit_group } from "../../../src/sys/process.ts";

function specOf(config: string): Spec {
  return parseConfig(config, () => {
    throw new Error("the config is not valid");
  }).spec;
}

const allowed = (): string => /Cpus_allowed_list:\s*(.*)/.exec(readFile(null, "/proc/self/status"))?.[1] ?? "";

function intelRdt(verb: string, [root = "", name = "", pid = "", config = ""]: readonly string[]): void {
  if (verb === "remove") return removeIntelRdt(JSON.parse(root) as IntelRdtPaths);
  const id = containerId(name);
  const plan = id && planIntelRdt(specOf(config), id);
  if (plan === undefined) throw new Error("nothing is planned");
  const paths = locateIntelRdt(plan, hostPath(root));
  print(`${JSON.stringify(paths)}\n`);
  if (verb === "enter") enterIntelRdt(plan, paths, hostPid(Number(pid)), hostPath(root));
}

function affinity(config: string): void {
  const { process } = specOf(config);
  if (process === undefined) throw new Error("there is no process");
  const plan = planAffinity(process);
  setInitialAffinity(plan, 0);
  const before = allowed();
  setFinalAffinity(plan);
  print(`${before}\n${allowed()}\n`);
}

export function main(): void {
  try {
    const [, room, ...words] = host.argv;
    if (room === "intelrdt") intelRdt(words[0] ?? "", words.slice(1));
    else affinity(words[0] ?? "");
  } catch (error) {
    let cause = error;
    const steps: string[] = [];
    for (; cause instanceof StepError; cause = cause.cause) steps.push(`${cause.step} (${String(cause.why)})`);
    print(
      `${[...steps, cause instanceof SysError ? `${cause.syscall} ${cause.detail}: errno ${cause.errno}` : String(cause)].join(": ")}\n`,
    );
    exit_group(1);
  }
}
