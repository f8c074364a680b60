// When the process of a container is made in a pid namespace that is there already: decided here, for create and for exec.
//
// [cve] As CVE-2016-9962: whoever has CAP_SYS_PTRACE there, with no user namespace between, may look into a process that is still root of the host. So
// what prepares the program stays outside, and forks the process when nothing is left to do but execve: channel/late-fork.ts.
//
// [kernel] Since Linux 6.17 a procfs can be mounted for a pid namespace that one is not in (pidns=). Before, init has to be in it.

import { CLONE_PARENT } from "../../abi/sched.ts";
import { SIGCHLD } from "../../abi/signal.ts";
import type { SchedulingPlan } from "../../process/scheduling-plan.ts";
import type { SeccompPlan } from "../../seccomp/plan.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { findNamespace, hasNamespace } from "../../spec/namespaces.ts";
import type { Spec } from "../../spec/types.ts";
import type { TerminalPlan } from "../../terminal/plan.ts";
import defer * as resourceWrites from "../../cgroup/resource-writes.ts";
import defer * as schedulingPlan from "../../process/scheduling-plan.ts";
import defer * as seccompEvaluation from "../../seccomp/evaluate.ts";

/**
 * When the process is forked into the pid namespace. "before seccomp": a filter that is loaded while we have the rights to does not let us fork
 * afterwards; then the process has the rights of the runtime for the moment of loading the filter and becoming the user. undefined: what prepares the
 * program becomes it, for the pid namespace is new, or the runtime's own, or must be entered first.
 */
export type PidNamespaceEntry = "last" | "before seccomp" | undefined;

/** [kernel] The namespace that a process has joined is its children's, and has this name. */
export const JOINED_PIDNS = "pidns=/proc/self/ns/pid_for_children";

/**
 * For `create` into a pid namespace that config.json names. Hooks and seccomp agents are told of init's pid before, which must be the one that it keeps,
 * and they act in its namespaces: then init is made in it.
 */
export function planLateEntry(
  spec: Spec,
  host: HostFacts,
  {
    seccomp,
    scheduling,
    terminal,
  }: {
    readonly seccomp: SeccompPlan | undefined;
    readonly scheduling: SchedulingPlan | undefined;
    readonly terminal: TerminalPlan;
  },
): PidNamespaceEntry {
  const { hooks, linux } = spec;
  const isTold =
    hooks.prestart.length + hooks.createRuntime.length + hooks.createContainer.length > 0 ||
    seccomp?.listener !== undefined;
  if (hasNamespace(spec, "user") || findNamespace(spec, "mount")?.path !== undefined || isTold) return undefined;
  if (scheduling?.scheduler !== undefined && schedulingPlan.isLostByFork(scheduling.scheduler)) return undefined;
  const { limit } = linux.resources.pids;
  if (limit !== undefined && resourceWrites.pidsMax(limit) === "1") return undefined; // there would be two for a moment
  return host.procfsTakesPidns ? lateEntry(seccomp, terminal !== undefined, true) : undefined;
}

/** For `exec` into a container, which has a pid namespace of its own or has not. */
export const planExecEntry = (
  hasPidNamespace: boolean,
  seccomp: SeccompPlan | undefined,
  terminal: boolean,
): PidNamespaceEntry => (hasPidNamespace ? lateEntry(seccomp, terminal, false) : undefined);

/** @param waits for its parent, which is to know who it is */
function lateEntry(seccomp: SeccompPlan | undefined, terminal: boolean, waits: boolean): "last" | "before seccomp" {
  if (seccomp?.moment !== "privileged") return "last";
  const calls = [
    ["clone", CLONE_PARENT + SIGCHLD],
    ["setsid"],
    ["write"],
    ["exit_group"],
    ["prlimit64"],
    ...(terminal ? [["ioctl"] as const] : []),
    ...(waits ? ([["recvfrom"], ["read"]] as const) : []),
  ] as const;
  return calls.every(([name, ...args]) => seccompEvaluation.allows(seccomp, name, args)) ? "last" : "before seccomp";
}
