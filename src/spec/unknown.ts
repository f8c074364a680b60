// Finds what a document says that nobody reads: unknown properties are allowed (config.md, Extensibility), but most are slips
// of the pen. The known names come from the schemas, through scripts/schemas.mjs. Loaded on demand.

import { start, tables } from "../../build/gen/known.js";
import { escapePointer } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import type { DocumentKind } from "./names.ts";

export type UnknownProperty = {
  readonly pointer: string;
  /** What may have been meant: a name beside it ("hostname") or a place elsewhere ("/process/noNewPrivileges"). */
  readonly suggestion: string | undefined;
};

/** Nobody reads more. */
const MOST = 1000;

/** The properties of a config.json (or of the other documents) that the spec does not know, in document order; the first thousand. */
export function findUnknown(json: unknown, document: DocumentKind = "Config"): readonly UnknownProperty[] {
  const found: UnknownProperty[] = [];
  const places = placesOf(start[document]);
  const visit = (value: unknown, number: number, where: string): void => {
    if (number === 0 || typeof value !== "object" || value === null) return;
    const table = tables[number] ?? {};
    for (const [key, inside] of Object.entries(value)) {
      if (found.length === MOST) return;
      const pointer = `${where}/${escapePointer(key)}`;
      const next = Array.isArray(value) ? number : (table[key] ?? table["*"]);
      if (Array.isArray(value) && Array.isArray(inside)) continue; // no list is in a list
      if (next !== undefined) visit(inside, next, pointer);
      else found.push({ pointer, suggestion: nearest(key, Object.keys(table)) ?? places.get(key) });
    }
  };
  visit(json, start[document], "");
  return found;
}

/** Where the spec knows a name, for names that it knows in one place only. */
function placesOf(from: number): ReadonlyMap<string, string | undefined> {
  const places = new Map<string, string | undefined>();
  const visit = (number: number, where: string): void => {
    for (const [key, next] of Object.entries(tables[number] ?? {})) {
      places.set(key, places.has(key) ? undefined : `${where}/${key}`);
      if (next !== 0) visit(next, `${where}/${key}`);
    }
  };
  visit(from, "");
  return places;
}
