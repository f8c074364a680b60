// The user's process as the kernel wants it: masks, numbers, final environment.

import { prlimitResources } from "./limits-table.ts";
import type { Int64 } from "../base/int64.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { Process, StringMap } from "../spec/types.ts";
import { capabilityMask } from "./capabilities.ts";

export type RlimitOp = {
  readonly name: string;
  readonly resource: number;
  readonly soft: Int64;
  readonly hard: Int64;
  readonly why: string;
};

export type CapabilityPlan = {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  /** The highest that this kernel knows: the bounding set is dropped up to it. */
  readonly last: number;
  readonly why: string;
};

export type ProcessPlan = {
  readonly args: readonly string[];
  /** Without HOME when config.json gives none: that one is looked up in the container's /etc/passwd. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly cwdWhy: string;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** The groups of whoever called us stay: none are set. */
  readonly keepsGroups: boolean;
  readonly umask: number;
  readonly umaskWhy: string;
  readonly capabilities: CapabilityPlan;
  readonly rlimits: readonly RlimitOp[];
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj: number | undefined;
  /** Descriptors from 3 on that the process inherits. */
  readonly inheritedFds: number;
  readonly warnings: readonly string[];
};

/** [crun] "0" is no; podman's --group-add keep-groups asks for it. */
export const keepsGroups = (annotations: StringMap): boolean =>
  (annotations["run.oci.keep_original_groups"] ?? "0") !== "0";

/** @param request.listenFds how many descriptors socket activation hands over (LISTEN_FDS) @param request.preserveFds how many more the caller wants kept */
export function planProcess(
  process: Process,
  host: Pick<HostFacts, "lastCapability">,
  request: {
    readonly listenFds: number;
    readonly preserveFds: number;
    readonly keepsGroups: boolean;
    /** What asked for the working directory, when it is not config.json. */
    readonly cwdWhy?: string;
  },
): ProcessPlan {
  const warnings: string[] = [];
  return {
    args: process.args,
    env: environment(process.env, request.listenFds),
    cwd: process.cwd,
    cwdWhy: request.cwdWhy ?? "/process/cwd",
    uid: process.user.uid,
    gid: process.user.gid,
    additionalGids: process.user.additionalGids,
    keepsGroups: request.keepsGroups,
    umask: process.user.umask ?? 0o022,
    umaskWhy: process.user.umask === undefined ? "default" : "/process/user/umask",
    capabilities: capabilities(process, host, warnings),
    rlimits: process.rlimits.map(({ type, soft, hard }, i) => ({
      name: type,
      resource: prlimitResources[type],
      soft,
      hard,
      why: `/process/rlimits/${i}`,
    })),
    noNewPrivileges: process.noNewPrivileges,
    oomScoreAdj: process.oomScoreAdj,
    inheritedFds: request.listenFds + request.preserveFds,
    warnings,
  };
}

function capabilities(process: Process, host: Pick<HostFacts, "lastCapability">, warnings: string[]): CapabilityPlan {
  const ignored = new Set<string>();
  const mask = (names: readonly string[]): bigint => capabilityMask(names, host.lastCapability, ignored);
  const sets = process.capabilities;
  const permitted = mask(sets?.permitted ?? []);
  const inheritable = mask(sets?.inheritable ?? []);
  const asked = mask(sets?.ambient ?? []);
  // [kernel] Only what is both permitted and inheritable can be raised in the ambient set: the rest is left out with a warning, as runc does.
  const ambient = asked & permitted & inheritable;
  const plan = {
    bounding: mask(sets?.bounding ?? []),
    effective: mask(sets?.effective ?? []),
    permitted,
    inheritable,
    ambient,
    last: host.lastCapability,
    why: sets === undefined ? "default" : "/process/capabilities",
  };
  if (ignored.size > 0)
    warnings.push(`ignoring unknown or unavailable capabilities: [${[...ignored].sort().join(" ")}]`);
  const refused = (sets?.ambient ?? []).filter((name) => (mask([name]) & ~ambient) !== 0n);
  if (refused.length > 0)
    warnings.push(
      `can't raise ambient capability ${refused.join(", ")}: operation not permitted (what is ambient must be both permitted and inheritable)`,
    ); // begins with runc's words
  return plan;
}

/** Of several entries for a name the last one counts; socket activation is told with the container's own pid. */
function environment(env: readonly string[], listenFds: number): readonly string[] {
  const all = listenFds > 0 ? [...env, `LISTEN_FDS=${listenFds}`, "LISTEN_PID=1"] : env;
  const last = new Map<string, string>();
  for (const entry of all) last.set(entry.slice(0, entry.indexOf("=")), entry);
  return last.size === all.length ? all : [...last.values()];
}
