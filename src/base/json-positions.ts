// Where in the text of a JSON document each of its parts stands, for messages that an editor can follow.

import { escapePointer } from "./json.ts";

/** From 1; the column counts UTF-16 units. */
export type Position = { readonly line: number; readonly column: number };

export type Positions = {
  /** Where the value of a JSON pointer begins; of one that is not there, the nearest part of the document that it would belong to. */
  readonly ofValue: (pointer: string) => Position;
  /** Where its name begins, or the value if it has none. */
  readonly ofName: (pointer: string) => Position;
};

const TOKEN = /[ \t\n\r]*(?:("(?:[^"\\]|\\.)*")|([{}[\],:])|([^\s{}[\],:"]+))/gy;

/** @param text a JSON document, which parseExact has accepted. Of a name that is given again, the last one is found. */
export function positionsIn(text: string): Positions {
  const values = new Map<string, number>();
  const names = new Map<string, number>();
  TOKEN.lastIndex = 0;
  let start = 0;
  const next = (): string => {
    const [all = "", string, mark, word] = TOKEN.exec(text) ?? [];
    const token = string ?? mark ?? word ?? "";
    start = TOKEN.lastIndex - token.length;
    return all === "" ? "" : token;
  };
  const visit = (token: string, pointer: string): void => {
    values.set(pointer, start);
    if (token !== "{" && token !== "[") return;
    let index = 0;
    for (let inside = next(); inside !== "}" && inside !== "]" && inside !== ""; inside = next()) {
      if (inside === ",") continue;
      if (token === "[") {
        visit(inside, `${pointer}/${index++}`);
        continue;
      }
      const below = `${pointer}/${escapePointer(String(JSON.parse(inside)))}`;
      names.set(below, start);
      next(); // the colon
      visit(next(), below);
    }
  };
  visit(next(), "");
  const lines = lineStarts(text);
  const find = (map: ReadonlyMap<string, number>, pointer: string): Position => {
    for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
      const offset = at === pointer ? (map.get(at) ?? values.get(at)) : values.get(at);
      if (offset !== undefined || at === "") return positionAt(lines, offset ?? 0);
    }
  };
  return { ofValue: (pointer) => find(values, pointer), ofName: (pointer) => find(names, pointer) };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function positionAt(starts: readonly number[], offset: number): Position {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}
