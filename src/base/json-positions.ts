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

const TOKEN = /[ \t\n\r]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}[\],:])|([^\s{}[\],:"]+))/gy;

/** Deeper than the schemas know names; what lies below is found where it begins. Each level makes the pointers of all below it longer. */
const MAX_DEPTH = 16;

/** What comes after so many parts is found where the part around it begins. */
const MAX_PLACES = 20_000;

/** A list or an object whose end has not come yet. `pointer`: undefined below MAX_DEPTH. */
type Open = { readonly isList: boolean; readonly pointer: string | undefined; index: number };

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
  const open: Open[] = [];
  /** Without recursion: a document may be deeper than the stack. */
  const begin = (token: string, pointer: string | undefined): void => {
    if (pointer !== undefined) values.set(pointer, start);
    if (token === "{" || token === "[")
      open.push({ isList: token === "[", pointer: open.length < MAX_DEPTH ? pointer : undefined, index: 0 });
  };
  begin(next(), "");
  for (let around = open.at(-1); around !== undefined && values.size < MAX_PLACES; around = open.at(-1)) {
    const token = next();
    if (token === "") break;
    if (token === ",") continue;
    if (token === "}" || token === "]") open.pop();
    else if (around.isList)
      begin(token, around.pointer === undefined ? undefined : `${around.pointer}/${around.index++}`);
    else {
      const below =
        around.pointer === undefined ? undefined : `${around.pointer}/${escapePointer(String(JSON.parse(token)))}`;
      if (below !== undefined) names.set(below, start);
      next(); // the colon
      begin(next(), below);
    }
  }
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
