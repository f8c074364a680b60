// decode.ts for the process alone, which is all that `exec` reads.

import type { Capabilities, IOPriority, Process, Scheduler } from "./types.ts";

/** What the schema lets through: everything may be absent, and nothing has another type. */
export type Raw<T> = T extends string | number | bigint | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Raw<Item>[]
    : { readonly [Key in keyof T]?: Raw<T[Key]> };

/** @param json the `process` of a config.json, or the document of `exec --process` */
export function decodeProcess(json: unknown): Process {
  const raw = json as Raw<Process>;
  return {
    terminal: raw.terminal ?? false,
    consoleSize: raw.consoleSize as Process["consoleSize"],
    user: {
      uid: raw.user?.uid ?? 0,
      gid: raw.user?.gid ?? 0,
      umask: raw.user?.umask,
      additionalGids: raw.user?.additionalGids ?? [],
    },
    args: raw.args as readonly string[],
    env: raw.env ?? [],
    cwd: raw.cwd as string,
    capabilities: raw.capabilities && decodeCapabilities(raw.capabilities),
    rlimits: (raw.rlimits ?? []) as Process["rlimits"],
    noNewPrivileges: raw.noNewPrivileges ?? false,
    apparmorProfile: raw.apparmorProfile || undefined,
    selinuxLabel: raw.selinuxLabel || undefined,
    oomScoreAdj: raw.oomScoreAdj,
    scheduler: raw.scheduler && decodeScheduler(raw.scheduler),
    ioPriority: raw.ioPriority && {
      class: raw.ioPriority.class as IOPriority["class"],
      priority: raw.ioPriority.priority ?? 0,
    },
    execCPUAffinity: raw.execCPUAffinity && {
      initial: raw.execCPUAffinity.initial || undefined,
      final: raw.execCPUAffinity.final || undefined,
    },
  };
}

function decodeCapabilities(raw: Raw<Capabilities>): Capabilities {
  return {
    bounding: raw.bounding ?? [],
    effective: raw.effective ?? [],
    inheritable: raw.inheritable ?? [],
    permitted: raw.permitted ?? [],
    ambient: raw.ambient ?? [],
  };
}

function decodeScheduler(raw: Raw<Scheduler>): Scheduler {
  return {
    policy: raw.policy as Scheduler["policy"],
    nice: raw.nice ?? 0,
    priority: raw.priority ?? 0,
    flags: raw.flags ?? [],
    runtime: raw.runtime ?? 0,
    deadline: raw.deadline ?? 0,
    period: raw.period ?? 0,
  };
}
