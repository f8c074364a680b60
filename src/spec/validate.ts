// What the schemas cannot say: the laws between fields of config.json, as a flat list. Each is pure and named, gives its
// source, and reports every place that breaks it. Where callers of runc know its words for a refusal, ours contain them.
// What needs a look at the host (is this path a network namespace? is SELinux on?) is not here but in the rooms' plans.
// What needs a look at the host (is this path a network namespace? is SELinux on?) is not here but in the rooms' plans.

import type { Violation } from "../base/errors.ts";
import { holds } from "../base/text.ts";
import { visitKnown, type DocumentKind } from "./names.ts";
import type { Law, Refuse } from "./rule.ts";
import { NAMESPACE_LAWS } from "./validate-namespaces.ts";
import { PROCESS_LAWS } from "./validate-process.ts";
import { RESOURCE_LAWS } from "./validate-resources.ts";
import { ROOTLESS_LAWS } from "./validate-rootless.ts";
import { SECCOMP_LAWS } from "./validate-seccomp.ts";
import type { Process, Spec } from "./types.ts";

export type { Law } from "./rule.ts";
export { PROCESS_LAWS };

export const LAWS: readonly Law<Spec>[] = [
  {
    name: "ociVersion",
    source: "config.md, Specification version",
    check({ ociVersion }, refuse) {
      if (!ociVersion.startsWith("1.")) {
        refuse("/ociVersion", `is version ${ociVersion} of the runtime-spec, but tsrun knows 1.x only`);
      }
    },
  },
  {
    name: "annotation names",
    source: "config.md, Annotations",
    check({ annotations }, refuse) {
      if (Object.hasOwn(annotations, "")) refuse("/annotations/", "must not have an empty name");
    },
  },
  ...NAMESPACE_LAWS,
  ...RESOURCE_LAWS,
  ...SECCOMP_LAWS,
];

/** Every law of every config.json, broken where the violations say; those of its process included. */
export function checkLaws(spec: Spec): readonly Violation[] {
  return [...run(LAWS, spec, ""), ...(spec.process ? run(PROCESS_LAWS, spec.process, "/process") : [])];
}

/** The laws of a process alone, for `exec --process`. */
export function checkProcess(process: Process): readonly Violation[] {
  return run(PROCESS_LAWS, process, "");
}

/** What else must hold when the runtime is not root in its user namespace. */
export function checkRootless(spec: Spec): readonly Violation[] {
  return run(ROOTLESS_LAWS, spec, "");
}

function run<Subject>(laws: readonly Law<Subject>[], subject: Subject, where: string): readonly Violation[] {
  const violations: Violation[] = [];
  const refuse: Refuse = (pointer, problem) => violations.push({ pointer: where + pointer, problem });
  for (const law of laws) law.check(subject, refuse);
  return violations;
}

/**
 * Strings go to the kernel as C strings, where a NUL would silently end them. Annotations do not.
 *
 * @param text the document `json` came from: without the escape in it there is nothing to look for
 */
export function checkNulBytes(text: string, json: unknown, document: DocumentKind): readonly Violation[] {
  if (!holds(text, "\\u0000")) return [];
  const violations: Violation[] = [];
  visitKnown(json, document, (value, pointer) => {
    if (pointer.startsWith("/annotations/")) return;
    if (typeof value === "string" && value.includes("\0"))
      violations.push({ pointer, problem: "contains a NUL byte (\\u0000)" });
    if (typeof value === "object" && value !== null && Object.keys(value).some((key) => key.includes("\0")))
      violations.push({ pointer, problem: "has a name that contains a NUL byte (\\u0000)" });
  });
  return violations;
}
