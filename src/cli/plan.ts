// `tsrun plan [options] [bundle]`: what `create` and `start` would do on this host. Changes nothing.

import { ENOENT } from "../abi/errno.ts";
import { containerId, hostPath, type ContainerId } from "../base/brand.ts";
import { HostError, isErrno, UsageError } from "../base/errors.ts";
import { basename, resolve } from "../base/path.ts";
import type { ContainerPlan, PlanRequest } from "../runtime/plan/container.ts";
import { planRequest } from "../runtime/plan/request.ts";
import { readDocument } from "../sys/document.ts";
import { print } from "../sys/print.ts";
import { absolute, rootless, rootOf, systemdCgroup } from "./globals.ts";
import type { GlobalFlags, Values } from "./table.ts";
import defer * as configLoader from "../spec/load.ts";
import defer * as examination from "../spec/examine.ts";
import defer * as explain from "../spec/explain.ts";
import defer * as hostCheck from "../explain/host.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";
import defer * as log from "./log.ts";
import defer * as containerPlan from "../runtime/plan/container.ts";
import defer * as planDiff from "../explain/diff.ts";
import defer * as planShell from "../explain/shell.ts";
import defer * as planText from "../explain/text.ts";
import defer * as seccompCompiler from "../seccomp/compile.ts";
import defer * as unknownFields from "../spec/unknown.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  id: { type: "string", default: "" },
  brief: { type: "boolean" },
  diff: { type: "string", default: "" },
  json: { type: "boolean" },
  shell: { type: "boolean" },
  "no-pivot": { type: "boolean" },
  "no-new-keyring": { type: "boolean" },
  "preserve-fds": { type: "number", default: 0 },
} as const;
export const takes = [0, 1] as const;

export function run(flags: Values<typeof options>, [operand]: readonly string[], globalFlags: GlobalFlags): number {
  const chosen = [flags.json && "--json", flags.shell && "--shell", flags.diff !== "" && "--diff"].filter(Boolean);
  if (chosen.length > 1) throw new UsageError(`${chosen.join(" and ")} exclude each other`);
  const bundle = bundleOf(flags.bundle, operand);
  const facts = hostFacts.probeHost(rootless(globalFlags.rootless));
  const request = requestOf(flags, bundle, globalFlags);
  const { spec, json } = configLoader.parseConfig(readConfig(bundle), () => explain);
  const plan = containerPlan.planContainer(spec, facts, request);
  if (flags.diff !== "") {
    const other = bundleOf(flags.diff, undefined);
    const { spec: theirs } = configLoader.parseConfig(readConfig(other), () => explain);
    print(
      planDiff.diffText(
        planDiff.diffPlans(plan, containerPlan.planContainer(theirs, facts, { ...request, bundle: hostPath(other) })),
      ),
    );
    return 0;
  }
  if (flags.shell) {
    print(planShell.explainShell(plan, filterOf(plan)));
    return 0;
  }
  const failures = hostCheck
    .hostFindings({
      rest: examination.remainderOf(json),
      spec,
      bundle,
      facts,
      found: [],
      plan: () => ({ spec, plan }),
    })
    .filter(({ level }) => level === "error");
  print(flags.json ? planText.explainJson(plan, failures) : planText.explain(plan, failures, flags.brief));
  for (const { pointer, suggestion } of unknownFields.findUnknown(json))
    log.warn(
      globalFlags,
      `${pointer}: nothing of this name is known and it is ignored${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
    );
  return failures.length === 0 ? 0 : 1;
}

/** The program that the profile makes; undefined where there is none, or libseccomp cannot make it. */
function filterOf({ seccomp }: ContainerPlan): Uint8Array | undefined {
  if (seccomp === undefined) return undefined;
  return seccomp.program === undefined
    ? seccompCompiler.compile(seccomp, undefined)
    : seccompCompiler.decodeProgram(seccomp.program);
}

/** The bundle's absolute path, given as an option, as an operand or not at all. */
export function bundleOf(option: string, operand: string | undefined): string {
  if (operand !== undefined && option !== "") throw new UsageError("the bundle is given twice");
  return resolve("/", absolute(operand ?? (option || ".")));
}

/** What `create` would be asked with these options. */
export function requestOf(
  flags: Omit<Values<typeof options>, "bundle" | "brief" | "diff" | "json" | "shell">,
  bundle: string,
  globalFlags: GlobalFlags,
): PlanRequest {
  return planRequest(
    {
      systemdCgroup: systemdCgroup(globalFlags),
      noCgroup: globalFlags["cgroup-manager"] === "disabled",
      rootless: rootless(globalFlags.rootless),
    },
    {
      id: nameOf(flags.id, bundle),
      bundle: hostPath(bundle),
      noPivot: flags["no-pivot"],
      noNewKeyring: flags["no-new-keyring"],
      preserveFds: flags["preserve-fds"],
    },
    () => rootOf(globalFlags),
  );
}

export function readConfig(bundle: string): string {
  try {
    return readDocument(`${bundle}/config.json`);
  } catch (error) {
    if (isErrno(error, ENOENT)) throw new HostError(`JSON specification file config.json not found in ${bundle}`);
    throw error;
  }
}

/** The name to plan with. Cgroups are called by it, so there must be one; the bundle's own is as good as any. */
function nameOf(given: string, bundle: string): ContainerId {
  const id = containerId(given === "" ? basename(bundle).replace(/[^\w+.-]/g, "_") || "container" : given);
  if (id === undefined) throw new UsageError(`invalid container ID format: ${JSON.stringify(given)}`);
  return id;
}
