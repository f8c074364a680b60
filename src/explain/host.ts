// `tsrun validate --host` and `tsrun plan`: whether this host can do what a config.json asks. Looks and tries out, and changes nothing; what it
// may not look at, it passes over. Many refusals are the plan's own. The rest are those that `create` would hear from the kernel, said
// beforehand and all at once.

import { EACCES, ELOOP, ENOTDIR } from "../abi/errno.ts";
import { resolve } from "../base/path.ts";
import type { Finding, Understood } from "../spec/examine.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { Spec } from "../spec/types.ts";
import { checkRootless } from "../spec/validate.ts";
import { fileTypeOrErrno } from "../sys/stat.ts";
import { checkCapabilities } from "./host/capabilities.ts";
import { checkCgroups } from "./host/cgroups.ts";
import { checkDrivers, checkNodes, checkOthers, checkTerminal } from "./host/devices.ts";
import type { Find, HostFinding } from "./host/find.ts";
import { checkFileSystems, checkSources, checkTargets } from "./host/mounts.ts";
import { checkJoins, checkMappings, checkNamespaces, checkWrites } from "./host/namespaces.ts";
import { planFindings, type Planner } from "./host/refused.ts";
import { checkHooks, checkLimits, checkNames, checkProgram } from "./host/process.ts";
import { checkSeccomp, checkSecurityModules } from "./host/security.ts";
import { openRoot, viewOf } from "./host/view.ts";
import { absence, errnoText } from "./look.ts";

export type { HostFinding } from "./host/find.ts";

export type HostQuestion = Pick<Understood, "rest" | "spec"> & {
  readonly bundle: string;
  readonly facts: HostFacts;
  /** What the document itself was found to have. */
  readonly found: readonly Finding[];
  readonly plan: Planner;
};

/** What of this host stands in the way. Pointers are into the document as it stands. */
export function hostFindings({ rest, spec, bundle, facts, found, plan }: HostQuestion): readonly HostFinding[] {
  const planned = planFindings(rest, found, plan);
  const findings: HostFinding[] = [...planned.findings];
  const refused = new Set(
    [...found, ...findings].flatMap(({ level, pointer }) => (level === "error" && pointer !== "" ? [pointer] : [])),
  );
  /** Nothing is said of what was refused before, nor of what is inside of it. */
  const finder =
    (original: (pointer: string) => string): Find =>
    (level, pointer, problem, { hint, step } = {}) => {
      const at = original(pointer);
      for (let above = at; above !== ""; above = above.slice(0, above.lastIndexOf("/"))) if (refused.has(above)) return;
      if (findings.some((other) => other.pointer === at && other.problem === problem)) return;
      findings.push({
        level,
        pointer: at,
        problem,
        ...(hint !== undefined && { hint }),
        ...(step !== undefined && { step }),
      });
    };
  const find = finder((pointer) => rest.original(pointer));
  checkUser(spec, facts, find);
  checkSources(spec, bundle, find);
  checkNamespaces(spec, facts, find);
  checkMappings(spec, facts, find);
  checkCapabilities(spec, facts, find);
  checkSecurityModules(spec, facts, find);
  checkSeccomp(spec, find);
  checkDrivers(spec, find);
  checkOthers(spec, find);
  using root = rootOf(spec, bundle, find);
  const { made } = planned;
  const view =
    root &&
    viewOf(
      root,
      made === undefined ? [] : [...made.plan.rootfs.mountsBeforeCgroup, ...made.plan.rootfs.mountsAfter],
      made === undefined ? [] : made.plan.rootfs.sources,
    );
  if (made === undefined) {
    checkHooks(spec, view, find);
    return findings;
  }
  const findPlanned = finder(made.original);
  checkHooks(made.spec, view, findPlanned);
  checkJoins(made.plan, findPlanned);
  checkWrites(made.plan, findPlanned);
  checkLimits(made.plan, facts, findPlanned);
  checkCgroups(made.plan.cgroup, findPlanned);
  checkNodes(made.plan, findPlanned);
  checkTerminal(made.plan, findPlanned);
  checkFileSystems(made.spec, made.plan, findPlanned);
  if (view !== undefined) {
    checkTargets(made.plan.rootfs, view, findPlanned);
    checkNames(made.spec, view, findPlanned);
    checkProgram(made.spec, view, findPlanned);
  }
  return findings;
}

function checkUser(spec: Spec, { euid }: HostFacts, find: Find): void {
  if (euid === 0) return;
  find("warning", "", `looked at as user ${euid}: what root can do here is not seen`);
  for (const { pointer, problem } of checkRootless(spec)) find("error", pointer, problem);
}

/** The root file system, open; undefined when there is none, or none for us. */
function rootOf(spec: Spec, bundle: string, find: Find): Exclude<ReturnType<typeof openRoot>, number> | undefined {
  const path = resolve(bundle, spec.root.path);
  const root = openRoot(path);
  if (typeof root !== "number") return root;
  const problem = absence(path);
  if (problem !== undefined) find("error", "/root/path", `${path}: ${problem}`, PREPARE);
  else if (root === ELOOP || root === ENOTDIR)
    find(
      "error",
      "/root/path",
      fileTypeOrErrno(path) === 0o040000 ? `${path} is a symbolic link` : `${path} is not a directory`,
      PREPARE,
    );
  else if (root !== EACCES) find("error", "/root/path", `${path}: ${errnoText(root)}`, PREPARE);
  return undefined;
}

const PREPARE = { step: "prepare rootfs" } as const;
