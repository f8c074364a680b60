// What Go's encoding/json accepts of a document and the spec does not say: names in any case, null for absent. Whoever reads such a document
// otherwise would ignore silently what runc applies. All here goes only where the schemas (scripts/schemas.mjs) know names, and not into a list in a list,
// of which they have none: so no document is too deep for it.

import { start, tables } from "../../build/gen/known.js";
import { SpecError } from "../base/errors.ts";
import { escapePointer } from "../base/json.ts";

export type DocumentKind = keyof typeof start;
type Json = { [key: string]: unknown };
type Table = { readonly [name: string]: number };

const tableOf = (number: number): Table => tables[number] ?? NO_NAMES;
const NO_NAMES: Table = {};

/** Whether the schemas know every property in their sight. Every container pays for this: it does nothing else. */
export function allKnown(json: unknown, document: DocumentKind): boolean {
  return typeof json !== "object" || json === null || known(json, start[document]);
}

function known(value: object, number: number): boolean {
  if (Array.isArray(value)) {
    for (const item of value)
      if (typeof item === "object" && item !== null && !Array.isArray(item) && !known(item as object, number))
        return false;
    return true;
  }
  const table = tableOf(number);
  const others = table["*"];
  if (others === 0) return true;
  for (const key in value) {
    const next = table[key] ?? others;
    if (next === undefined) return false;
    if (next === 0) continue;
    const inside = (value as Json)[key];
    if (typeof inside === "object" && inside !== null && !known(inside, next)) return false;
  }
  return true;
}

/**
 * Changed in place: a property whose name is a known one but for its case gets the known name.
 *
 * @returns the pointers of those that were renamed, as the document spells them
 * @throws SpecError one name is there in two spellings: Go would take the last, and others the right one
 */
export function asGoNames(
  json: unknown,
  document: DocumentKind,
): readonly { readonly pointer: string; readonly name: string }[] {
  const renamed: { readonly pointer: string; readonly name: string }[] = [];
  const visit = (value: unknown, number: number, where: string): void => {
    if (number === 0 || typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return eachItem(value, (item, i) => visit(item, number, `${where}/${i}`));
    const table = tableOf(number);
    const object = value as Json;
    for (const key of Object.keys(object)) {
      const name = key in table || "*" in table ? key : folded(key, table);
      if (name === undefined) continue;
      const pointer = `${where}/${escapePointer(key)}`;
      if (name !== key) {
        if (Object.hasOwn(object, name))
          throw new SpecError([{ pointer, problem: `is ${name} in another spelling, and ${name} is there as well` }]);
        object[name] = object[key];
        delete object[key];
        renamed.push({ pointer, name });
      }
      visit(object[name], table[name] ?? table["*"] ?? 0, pointer);
    }
  };
  visit(json, start[document], "");
  return renamed;
}

/** The known name that Go takes this one for: it folds two more letters than those of ASCII, U+017F and U+212A. */
function folded(key: string, table: Table): string | undefined {
  if (key.length > MOST_LETTERS) return undefined;
  const lower = key.replaceAll("\u017f", "s").toLowerCase();
  return Object.keys(table).find((name) => name.toLowerCase() === lower);
}

/** Of a name that the spec knows, and more. */
const MOST_LETTERS = 64;

/** Changed in place: a property that is null is one that is absent (a nil slice or pointer marshals as null), and an I/O class without a priority has priority 0. */
export function asGoReads(json: unknown, document: DocumentKind): void {
  const visit = (value: unknown, number: number): void => {
    if (number === 0 || typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return eachItem(value, (item) => visit(item, number));
    const table = tableOf(number);
    const object = value as Json;
    if (typeof object["class"] === "string" && object["class"].startsWith("IOPRIO_CLASS_")) object["priority"] ??= 0;
    for (const key of Object.keys(object)) {
      if (object[key] === null) delete object[key];
      else visit(object[key], table[key] ?? table["*"] ?? 0);
    }
  };
  visit(json, start[document]);
}

/** Calls `see` with every value in sight of the schemas, those in maps and lists included, and its pointer. */
export function visitKnown(
  json: unknown,
  document: DocumentKind,
  see: (value: unknown, pointer: string) => void,
): void {
  const visit = (value: unknown, number: number, pointer: string): void => {
    see(value, pointer);
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return eachItem(value, (item, i) => visit(item, number, `${pointer}/${i}`));
    const table = tableOf(number);
    for (const [key, inside] of Object.entries(value)) {
      const next = table[key] ?? table["*"];
      if (next !== undefined) visit(inside, next, `${pointer}/${escapePointer(key)}`);
    }
  };
  visit(json, start[document], "");
}

/** A copy without what the schemas do not know. What is of another type than they have it is so in the copy, too. */
export function onlyKnown(json: unknown, document: DocumentKind): unknown {
  const copy = (value: unknown, number: number): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: unknown) => (Array.isArray(item) ? [] : copy(item, number)));
    const table = tableOf(number);
    const kept = Object.entries(value).filter(([key]) => key in table || "*" in table);
    return Object.fromEntries(kept.map(([key, inside]) => [key, copy(inside, table[key] ?? table["*"] ?? 0)]));
  };
  return copy(json, start[document]);
}

function eachItem(list: readonly unknown[], act: (item: unknown, index: number) => void): void {
  for (const [i, item] of list.entries()) if (!Array.isArray(item)) act(item, i);
}
