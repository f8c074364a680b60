// crun's way to write the maps of an id-mapped mount into its options, which podman passes on: "idmap=uids=0-1-10#10-11-10;gids=0-100-10".
// Ranges of: id on the file system, id that is seen, length. With "@" the second is an id of the container, whose own mappings are added.

import type { IDMapping } from "./types.ts";

type Users = { readonly uidMappings: readonly IDMapping[]; readonly gidMappings: readonly IDMapping[] };

export type InlineIdmap = Users & {
  /** The word in its place: "idmap" or "ridmap". */
  readonly word: string;
};

/** What a mount's option says; undefined for another option, and for one that is not written so. @param users of the container */
export function parseInlineIdmap(option: string, users: Users): InlineIdmap | undefined {
  const [, word, maps] = /^(r?idmap)=(.+)$/.exec(option) ?? [];
  if (word === undefined || maps === undefined) return undefined;
  const found: { uids?: readonly IDMapping[]; gids?: readonly IDMapping[] } = {};
  for (const part of maps.split(";")) {
    const [, kind, ranges = ""] = /^(uids|gids)=(.+)$/.exec(part) ?? [];
    if (kind !== "uids" && kind !== "gids") return undefined;
    const own = kind === "uids" ? users.uidMappings : users.gidMappings;
    const mappings = ranges.split("#").map((range) => parseRange(range, own));
    if (!mappings.every((mapping) => mapping !== undefined)) return undefined;
    found[kind] = mappings;
  }
  return { word, uidMappings: found.uids ?? [], gidMappings: found.gids ?? [] };
}

function parseRange(range: string, own: readonly IDMapping[]): IDMapping | undefined {
  const [, relative, ...numbers] = /^(@?)([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,10})$/.exec(range) ?? [];
  const [containerID = 0, shown = 0, size = 0] = numbers.map(Number);
  if (relative === undefined || Math.max(containerID, shown, size) > 0xffff_ffff) return undefined;
  if (relative === "") return { containerID, hostID: shown, size };
  const around = own.find((mapping) => shown >= mapping.containerID && shown < mapping.containerID + mapping.size);
  return around && { containerID, hostID: shown - around.containerID + around.hostID, size };
}
