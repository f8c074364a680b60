// Documents in the engine that tsrun runs in: each one is examined, read, planned and explained. A program of its own, for a process for each of
// 200,000 documents would take hours.
//
//   documents GOOD SEED FROM COUNT    GOOD: a file with a JSON list of good documents
//
// Prints the number of each document that ends otherwise than well or in an error of ours, or takes more than a second, with what happened;
// and last how many there were, how many could be planned, and the largest memory in kilobytes.

import { containerId, hostPath, type ContainerId } from "../../../src/base/brand.ts";
import { HostError, SpecError, StepError, UsageError } from "../../../src/base/errors.ts";
import { alwaysRefused } from "../../../src/explain/always.ts";
import type { Planner } from "../../../src/explain/host/refused.ts";
import { explain, explainJson } from "../../../src/explain/text.ts";
import { planContainer, type PlanRequest } from "../../../src/runtime/plan/container.ts";
import { examine } from "../../../src/spec/examine.ts";
import * as explainer from "../../../src/spec/explain.ts";
import type { HostFacts } from "../../../src/spec/facts.ts";
import * as loader from "../../../src/spec/load.ts";
import { readFile } from "../../../src/sys/file.ts";
import { host } from "../../../src/sys/host.ts";
import { print } from "../../../src/sys/print.ts";
import { monotonicMs } from "../../../src/sys/time.ts";
import { mutation } from "./mutations.ts";

const SLOW_MS = 1000;

const facts: HostFacts = {
  euid: 0,
  egid: 0,
  rootless: false,
  groupsDenied: false,
  lastCapability: 40,
  cgroups: {
    mode: "v2",
    mountPoint: "/sys/fs/cgroup",
    own: "/",
    controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"],
  },
  mountApi: "mount_setattr",
  outerUid: 0,
  lsm: { apparmor: true, confined: false, selinux: true },
  procfsTakesPidns: true,
};

const id = (): ContainerId => {
  const made = containerId("fuzz");
  if (made === undefined) throw new Error("no id");
  return made;
};

const request = (): PlanRequest => ({
  id: id(),
  bundle: hostPath("/bundle"),
  noPivot: false,
  noNewKeyring: false,
  systemdCgroup: false,
  noCgroup: false,
  rootless: "false",
  listenFds: 0,
  preserveFds: 0,
  notify: undefined,
});

const plannerOf =
  (host: HostFacts): Planner =>
  (json) => {
    if (!loader.isConfig(json)) return undefined;
    const spec = loader.decodeSpec(json);
    return { spec, plan: planContainer(spec, host, request()) };
  };

/** @returns whether it could be planned @throws what is no error of ours */
function take(text: string): boolean {
  const { findings, read } = examine(text, loader);
  const refused = read === undefined ? [] : alwaysRefused(read.rest, findings, plannerOf);
  const valid = [...findings, ...refused].every(({ level }) => level !== "error");
  try {
    const { spec } = loader.parseConfig(text, () => explainer);
    const plan = planContainer(spec, facts, request());
    explain(plan);
    explainJson(plan);
    return true;
  } catch (error) {
    let cause = error;
    while (cause instanceof StepError) cause = cause.cause;
    if (cause instanceof SpecError && valid)
      throw new Error(`validate finds nothing of ${cause.message.slice(0, 300)}`);
    if (cause instanceof SpecError || cause instanceof HostError || cause instanceof UsageError) return false;
    throw error;
  }
}

export function main(): void {
  const [, file = "", seed = "", from = "", count = ""] = host.argv;
  const good = JSON.parse(readFile(null, file)) as readonly unknown[];
  let planned = 0;
  for (let n = Number(from); n < Number(from) + Number(count); n++) {
    const text = mutation(Number(seed), n, good);
    const began = monotonicMs();
    try {
      if (take(text)) planned++;
    } catch (error) {
      print(
        `${n}: ${error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error)}\n`,
      );
    }
    const ms = monotonicMs() - began;
    if (ms > SLOW_MS) print(`${n}: ${ms.toFixed(0)} ms\n`);
  }
  const [, peak] = /^VmHWM:\s*(\d+)/m.exec(readFile(null, "/proc/self/status")) ?? [];
  print(`${count} documents, ${planned} planned, ${peak} KB\n`);
}
