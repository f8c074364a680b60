// Which controllers a v2 cgroup has.

import { isV2, readValue } from "./files.ts";
import type { CgroupPaths } from "./plan.ts";

/** Those of the container's own v2 group; none on v1, where each is a hierarchy. */
export function controllersOf(groups: CgroupPaths): readonly string[] {
  const group = groups[0];
  return group !== undefined && groups.length === 1 && isV2(group) ? controllersIn(group.path) : [];
}

export const controllersIn = (path: string): readonly string[] =>
  readValue(`${path}/cgroup.controllers`).split(" ").filter(Boolean);
