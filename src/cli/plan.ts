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
import defer * as explain from "../spec/explain.ts";
import defer * as hostFacts from "../runtime/plan/facts.ts";
import defer * as log from "./log.ts";
import defer * as containerPlan from "../runtime/plan/container.ts";
import defer * as planShell from "../explain/shell.ts";
import defer * as planText from "../explain/text.ts";
import defer * as seccompCompiler from "../seccomp/compile.ts";
import defer * as unknownFields from "../spec/unknown.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  id: { type: "string", default: "" },
  json: { type: "boolean" },
  shell: { type: "boolean" },
  "no-pivot": { type: "boolean" },
  "no-new-keyring": { type: "boolean" },
  "preserve-fds": { type: "number", default: 0 },
} as const;
export const takes = [0, 1] as const;

export function run(flags: Values<typeof options>, [operand]: readonly string[], globalFlags: GlobalFlags): void {
  const bundle = bundleOf(flags.bundle, operand);
  const { spec, json } = configLoader.parseConfig(readConfig(bundle), () => explain);
  const plan = containerPlan.planContainer(
    spec,
    hostFacts.probeHost(rootless(globalFlags.rootless)),
    requestOf(flags, bundle, globalFlags),
  );
  if (flags.json && flags.shell) throw new UsageError("--json and --shell exclude each other");
  print(
    flags.shell
      ? planShell.explainShell(plan, filterOf(plan))
      : flags.json
        ? planText.explainJson(plan)
        : planText.explain(plan),
  );
  for (const { pointer, suggestion } of unknownFields.findUnknown(json))
    log.warn(
      globalFlags,
      `${pointer}: nothing of this name is known and it is ignored${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
    );
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
  flags: Omit<Values<typeof options>, "bundle" | "json" | "shell">,
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
