// Acts of rooms that no config.json can reach on a test machine, run for themselves by the engine that tsrun runs in:
//   room-test intelrdt enter ROOT ID PID CONFIG    the container's groups below ROOT, as where resctrl is mounted; prints what the record would keep
//   room-test intelrdt remove PATHS
//   room-test gone                                 each act on cgroups that are gone; prints those that fail
//   room-test affinity CONFIG                      the affinity of a process that joins a container, before and after
// An error is printed as its message, and ends with status 1.

import { SIGKILL, SIGTERM } from "../../../src/abi/signal.ts";
import { containerId, hostPath, hostPid } from "../../../src/base/brand.ts";
import { StepError, SysError } from "../../../src/base/errors.ts";
import { frozen, thawCgroup } from "../../../src/cgroup/freezer.ts";
import type { CgroupPaths } from "../../../src/cgroup/plan.ts";
import { killCgroup, oomKilled, processes } from "../../../src/cgroup/processes.ts";
import { removeCgroup } from "../../../src/cgroup/remove.ts";
import { statsV1 } from "../../../src/cgroup/stats-v1.ts";
import { statsV2 } from "../../../src/cgroup/stats-v2.ts";
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

/** Of a v1 container, and of a v2 one: systemd may remove a scope's cgroup between any two calls. */
function gone(): void {
  const path = hostPath("/sys/fs/cgroup/no/such/group");
  const acts: { readonly [name: string]: (groups: CgroupPaths) => unknown } = {
    frozen,
    thawCgroup,
    processes,
    killCgroup: (groups) => killCgroup(groups, SIGKILL),
    signalCgroup: (groups) => killCgroup(groups, SIGTERM),
    oomKilled,
    stats: (groups) => (groups[0]?.controllers[0] === "" ? statsV2(path) : statsV1(groups)),
    removeCgroup,
  };
  for (const groups of [[{ controllers: ["freezer", "devices", "memory"], path }], [{ controllers: [""], path }]])
    for (const [name, act] of Object.entries(acts))
      try {
        act(groups);
      } catch (error) {
        print(`${name} of ${groups[0]?.controllers.join(",")}: ${String(error)}\n`);
      }
}

export function main(): void {
  try {
    const [, room, ...words] = host.argv;
    if (room === "gone") gone();
    else if (room === "intelrdt") intelRdt(words[0] ?? "", words.slice(1));
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
