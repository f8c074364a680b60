// Go's encoding/json does not care for the case of names: "CPU" is cpu. Loaded on demand: config.json's callers write the spec's names.

import { start, tables } from "../../build/gen/known.js";

/** Changed in place: a property that is a known one but for its case gets the known name. A property that has it already stays. */
export function asGoNames(json: unknown, document: keyof typeof start): void {
  rename(json, start[document]);
}

function rename(value: unknown, number: number): void {
  if (number === 0 || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) return value.forEach((item) => rename(item, number));
  const table = tables[number] ?? {};
  const object = value as { [key: string]: unknown };
  for (const [key, inside] of Object.entries(object)) {
    const known =
      Object.hasOwn(table, key) || "*" in table
        ? key
        : Object.keys(table).find((name) => name.toLowerCase() === key.toLowerCase());
    if (known === undefined) continue;
    if (known !== key && !Object.hasOwn(object, known)) {
      object[known] = inside;
      delete object[key];
    }
    rename(inside, table[known] ?? table["*"] ?? 0);
  }
}
