// Which namespaces config.json names.

import type { Namespace, NamespaceType, Spec } from "./types.ts";

export function findNamespace(spec: Spec, type: NamespaceType): Namespace | undefined {
  for (const namespace of spec.linux.namespaces) if (namespace.type === type) return namespace;
  return undefined;
}

/** New or joined. */
export const hasNamespace = (spec: Spec, type: NamespaceType): boolean => findNamespace(spec, type) !== undefined;

export function hasNewNamespace(spec: Spec, type: NamespaceType): boolean {
  for (const namespace of spec.linux.namespaces)
    if (namespace.type === type && namespace.path === undefined) return true;
  return false;
}
