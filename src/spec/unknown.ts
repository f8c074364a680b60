// Finds what a document says that nobody reads: unknown properties are allowed (config.md, Extensibility), but most are slips
// of the pen. The known names come from the schemas, through scripts/schemas.mjs. Loaded on demand.

import { start, tables } from "../../build/gen/known.js";
import { escapePointer } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";

export type UnknownProperty = {
  readonly pointer: string;
  /** What may have been meant: a name beside it ("hostname") or a place elsewhere ("/process/noNewPrivileges"). */
  readonly suggestion: string | undefined;
};

/** The properties of a config.json (or of the other documents) that the spec does not know, in document order. */
export function findUnknown(json: unknown, document: keyof typeof start = "Config"): readonly UnknownProperty[] {
  const found: UnknownProperty[] = [];
  const visit = (value: unknown, number: number, where: string): void => {
    if (number === 0 || typeof value !== "object" || value === null) return;
    const table = tables[number] ?? {};
    for (const [key, inside] of Object.entries(value)) {
      const pointer = `${where}/${escapePointer(key)}`;
      const next = Array.isArray(value) ? number : Object.hasOwn(table, key) ? table[key] : table["*"];
      if (next !== undefined) visit(inside, next, pointer);
      else found.push({ pointer, suggestion: nearest(key, Object.keys(table)) ?? elsewhere(key, start[document]) });
    }
  };
  visit(json, start[document], "");
  return found;
}

/** Where the spec knows exactly this name, if in one place only. */
function elsewhere(name: string, from: number): string | undefined {
  const places: string[] = [];
  const visit = (number: number, where: string): void => {
    for (const [key, next] of Object.entries(tables[number] ?? {})) {
      if (key === name) places.push(`${where}/${key}`);
      if (next !== 0) visit(next, `${where}/${key}`);
    }
  };
  visit(from, "");
  return places.length === 1 ? places[0] : undefined;
}
