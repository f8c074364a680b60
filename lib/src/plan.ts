// `tsrun plan` as functions: what creating and starting a container would do, on a host that is described by facts. Pure.

import { containerId, hostPath } from "../../src/base/brand.ts";
import { stringify } from "../../src/base/json.ts";
import { diffPlans } from "../../src/explain/diff.ts";
import { explainShell } from "../../src/explain/shell.ts";
import { explain as explainPlan, numberedSteps } from "../../src/explain/text.ts";
import { planContainer, type ContainerPlan } from "../../src/runtime/plan/container.ts";
import * as explainer from "../../src/spec/explain.ts";
import type { HostFacts } from "../../src/spec/facts.ts";
import { parseConfig } from "../../src/spec/load.ts";
import type { Config } from "../../build/gen/config-types.ts";

export type { HostFacts };

/** One step of creating or starting a container. */
export type Step = {
  /** From 1; undefined for a step with nothing to do. */
  readonly number: number | undefined;
  /** runtime: the process that was called. init: the container's first process. start: init, once `start` has been called. */
  readonly process: "runtime" | "init" | "start";
  readonly name: string;
  readonly acts: readonly Act[];
};

/** One thing that a step does. `why` is the JSON pointer that asked for it, an option of the command line, or "default". */
export type Act = { readonly text: string; readonly why: string };

/** What two plans differ in, in one step. */
export type StepDifference = {
  readonly step: string;
  /** What only the first plan does, and what only the second one does. */
  readonly removed: readonly string[];
  readonly added: readonly string[];
};

export type PlanOptions = {
  /** What the host is like. Default: `typicalHost()`. */
  readonly facts?: HostFacts;
  /** The name of the container. Default: "container". */
  readonly id?: string;
  /** Absolute path of the bundle. Default: "/bundle". */
  readonly bundle?: string;
  readonly systemdCgroup?: boolean;
};

/** A host of today: Linux 6.17 with cgroup v2 alone, every controller, AppArmor, and the caller root. Change it with a spread. */
export function typicalHost(): HostFacts {
  return {
    euid: 0,
    egid: 0,
    outerUid: 0,
    rootless: false,
    groupsDenied: false,
    lastCapability: 40,
    cgroups: {
      mode: "v2",
      mountPoint: "/sys/fs/cgroup",
      own: "/",
      controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"],
    },
    lsm: { apparmor: true, confined: false, selinux: false },
    procfsTakesPidns: true,
    mountApi: "mount_setattr",
  };
}

/**
 * Every step that creating and starting a container takes, in order.
 *
 * @param config the text of config.json, or what it says as an object
 * @throws Error with every violation in `violations`, when no container can be made of it; TypeError for an invalid id
 */
export function plan(config: string | Config, options?: PlanOptions): readonly Step[] {
  return numberedSteps(planOf(config, options), []).map(({ number, process, step, acts }) => ({
    number,
    process,
    name: step,
    acts,
  }));
}

/** The plan as `tsrun plan` prints it. @param brief only what config.json asked for @throws as plan */
export function explain(config: string | Config, options?: PlanOptions & { readonly brief?: boolean }): string {
  return explainPlan(planOf(config, options), [], options?.brief ?? false);
}

/**
 * The plan as a shell script that makes the same container, as `tsrun plan --shell` prints it.
 *
 * @param options.filter the compiled seccomp filter, an array of struct sock_filter; without one the script says that it is left out
 * @throws as plan
 */
export function toShell(config: string | Config, options?: PlanOptions & { readonly filter?: Uint8Array }): string {
  return explainShell(planOf(config, options), options?.filter);
}

/** What two configs differ in, in steps. @throws as plan */
export function diff(
  first: string | Config,
  second: string | Config,
  options?: PlanOptions,
): readonly StepDifference[] {
  return diffPlans(planOf(first, options), planOf(second, options));
}

function planOf(config: string | Config, options: PlanOptions = {}): ContainerPlan {
  const { facts = typicalHost(), id = "container", bundle = "/bundle", systemdCgroup = false } = options;
  const name = containerId(id);
  if (name === undefined) throw new TypeError(`invalid container ID: ${JSON.stringify(id)}`);
  const { spec } = parseConfig(typeof config === "string" ? config : stringify(config), () => explainer);
  return planContainer(spec, facts, {
    id: name,
    bundle: hostPath(bundle),
    noPivot: false,
    noNewKeyring: false,
    systemdCgroup,
    noCgroup: false,
    rootless: "auto",
    listenFds: 0,
    preserveFds: 0,
    notify: undefined,
  });
}
