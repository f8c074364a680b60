// What `exec` runs: the container's process of config.json with what the command line says instead, or a document of its own. Pure.

import type { LsmPlan } from "../../lsm.ts";
import type { AffinityPlan, SchedulerOp, SchedulingPlan } from "../../process/scheduling-plan.ts";
import { HostError } from "../../base/errors.ts";
import type { KeyringPlan } from "../../keyring.ts";
import { keepsGroups, planProcess, type ProcessPlan } from "../../process/plan.ts";
import type { SeccompPlan } from "../../seccomp/plan.ts";
import type { HostFacts } from "../../spec/facts.ts";
import type { StoredConfig } from "../../spec/stored.ts";
import type { NamespaceType, Process } from "../../spec/types.ts";
import { planTerminal, type TerminalPlan } from "../../terminal/plan.ts";
import { planLsm, planScheduling } from "./optional.ts";
import { planExecEntry, type PidNamespaceEntry } from "./pid-namespace.ts";
import defer * as decoder from "../../spec/decode.ts";
import defer * as schedulingPlan from "../../process/scheduling-plan.ts";
import defer * as seccompPlan from "../../seccomp/plan.ts";

export type ExecPlan = {
  readonly process: ProcessPlan;
  readonly seccomp: SeccompPlan | undefined;
  readonly lsm: LsmPlan | undefined;
  readonly scheduling: SchedulingPlan | undefined;
  /** What the parent sets, for the process is forked after the rest and would lose it. */
  readonly lateScheduler: SchedulerOp | undefined;
  /** undefined: every processor that the cgroup allows. */
  readonly affinity: AffinityPlan | undefined;
  readonly terminal: TerminalPlan;
  readonly keyring: KeyringPlan;
  readonly namespaces: readonly NamespaceType[];
  readonly pidEntry: PidNamespaceEntry;
};

/** What the command line changes of the container's process. undefined: nothing. */
export type Changes = {
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: readonly string[];
  readonly terminal: boolean;
  /** "UID" or "UID:GID". */
  readonly user: string | undefined;
  readonly additionalGids: readonly string[];
  readonly capabilities: readonly string[];
  /** false: as the container. */
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
};

/** A document with a process of its own, or what is changed of the container's. */
type Asked = { readonly document: Process } | { readonly changes: Changes };

/** @throws HostError in runc's words, SpecError for what the host's kernel cannot enforce */
export function planExec(
  container: StoredConfig,
  asked: Asked,
  host: Pick<HostFacts, "lastCapability" | "lsm">,
  { keyring, preserveFds }: { readonly keyring: KeyringPlan; readonly preserveFds: number },
): ExecPlan {
  const process = processOf(container, asked);
  const seccomp = planFilter(container, process);
  const pidEntry = planExecEntry(container.namespaces.includes("pid"), seccomp, process.terminal);
  const { lsm, scheduling } = planFew(container, process, host);
  return {
    process: planProcess(process, host, {
      listenFds: 0,
      preserveFds,
      cwdWhy: "document" in asked || asked.changes.cwd === undefined ? "/process/cwd" : "--cwd",
      keepsGroups: keepsGroups(container.annotations),
    }),
    seccomp,
    lsm,
    ...splitScheduling(scheduling, pidEntry !== undefined),
    affinity: process.execCPUAffinity && schedulingPlan.planAffinity(process),
    terminal: planTerminal(process, false),
    keyring,
    namespaces: container.namespaces,
    pidEntry,
  };
}

function processOf({ process }: StoredConfig, asked: Asked): Process {
  if (process === undefined) throw new HostError("config.json of the container has no process");
  return "changes" in asked ? changeProcess(process, asked.changes) : inheritProcess(asked.document, process);
}

function planFilter({ filtered, json }: StoredConfig, { noNewPrivileges }: Process): SeccompPlan | undefined {
  return filtered ? seccompPlan.planSeccomp(decoder.decodeSpec(json), noNewPrivileges) : undefined;
}

/** What few processes ask for. */
function planFew(
  { json, treated }: StoredConfig,
  process: Process,
  host: Pick<HostFacts, "lsm">,
): Pick<ExecPlan, "lsm" | "scheduling"> {
  const { apparmorProfile, selinuxLabel, scheduler, ioPriority } = process;
  if (!treated && [apparmorProfile, selinuxLabel, scheduler, ioPriority].every((asked) => asked === undefined))
    return { lsm: undefined, scheduling: undefined };
  const spec = decoder.decodeSpec(json);
  return { lsm: planLsm(spec, process, host), scheduling: planScheduling(spec, process) };
}

/** What a fork takes away from the process is left to the parent. */
function splitScheduling(
  plan: SchedulingPlan | undefined,
  forks: boolean,
): Pick<ExecPlan, "scheduling" | "lateScheduler"> {
  const { scheduler } = plan ?? {};
  if (plan === undefined || scheduler === undefined || !forks || !schedulingPlan.isLostByFork(scheduler))
    return { scheduling: plan, lateScheduler: undefined };
  return { scheduling: { ...plan, scheduler: undefined }, lateScheduler: scheduler };
}

/** The container's process with the changes. @throws HostError in runc's words */
export function changeProcess(base: Process, changes: Changes): Process {
  const {
    args,
    cwd,
    env,
    terminal,
    user,
    additionalGids,
    capabilities,
    noNewPrivileges,
    apparmorProfile,
    selinuxLabel,
  } = changes;
  if (args.length === 0) throw new HostError("exec args cannot be empty");
  if (cwd !== undefined && !cwd.startsWith("/")) throw new HostError("Cwd must be an absolute path");
  for (const entry of env)
    if (entry.indexOf("=") < 1)
      throw new HostError(`invalid environment variable ${JSON.stringify(entry)}: must be NAME=VALUE`);
  return {
    ...base,
    args,
    cwd: cwd ?? base.cwd,
    env: [...base.env, ...env],
    terminal,
    user: {
      ...base.user,
      ...userOf(user),
      additionalGids: [...base.user.additionalGids, ...additionalGids.map((gid) => number("additional gid", gid))],
    },
    capabilities: addCapabilities(base.capabilities, capabilities),
    noNewPrivileges: noNewPrivileges || base.noNewPrivileges,
    apparmorProfile: apparmorProfile ?? base.apparmorProfile,
    selinuxLabel: selinuxLabel ?? base.selinuxLabel,
  };
}

function userOf(text: string | undefined): { readonly uid?: number; readonly gid?: number } {
  if (text === undefined) return {};
  const colon = text.indexOf(":");
  return colon < 0
    ? { uid: number("uid", text) }
    : { uid: number("uid", text.slice(0, colon)), gid: number("gid", text.slice(colon + 1)) };
}

const HIGHEST_ID = 0xffff_fffe;

function number(what: string, text: string): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value <= HIGHEST_ID) return value;
  throw new HostError(`bad ${what}: ${JSON.stringify(text)} is not a number from 0 to ${HIGHEST_ID}`);
}

/** [cve] CVE-2022-29162: never to the inheritable set; to the ambient one only what the container lets be inherited. */
function addCapabilities(base: Process["capabilities"], added: readonly string[]): Process["capabilities"] {
  if (added.length === 0) return base;
  const { bounding, effective, permitted, inheritable, ambient } = base ?? {
    bounding: [],
    effective: [],
    permitted: [],
    inheritable: [],
    ambient: [],
  };
  return {
    bounding: [...bounding, ...added],
    effective: [...effective, ...added],
    permitted: [...permitted, ...added],
    inheritable,
    ambient: [...ambient, ...added.filter((name) => inheritable.includes(name))],
  };
}

/** A document of its own keeps from the container what it does not say, as runc has it. */
export function inheritProcess(own: Process, container: Process): Process {
  return {
    ...own,
    user: { ...own.user, umask: own.user.umask ?? container.user.umask },
    capabilities: own.capabilities ?? container.capabilities,
    rlimits: own.rlimits.length > 0 ? own.rlimits : container.rlimits,
    apparmorProfile: own.apparmorProfile ?? container.apparmorProfile,
    selinuxLabel: own.selinuxLabel ?? container.selinuxLabel,
    oomScoreAdj: own.oomScoreAdj ?? container.oomScoreAdj,
    scheduler: own.scheduler ?? container.scheduler,
    ioPriority: own.ioPriority ?? container.ioPriority,
    execCPUAffinity: own.execCPUAffinity ?? container.execCPUAffinity,
  };
}
