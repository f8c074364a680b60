// Everything that can be said of a config.json without looking at the host, where spec/load.ts stops at the first kind of mistake.
// For `tsrun validate`; loaded on demand.

import { escapePointer, JsonSyntaxError, parseExact, pointerPath } from "../base/json.ts";
import { explain } from "./explain.ts";
import type { Law } from "./validate.ts";
import { asGoReads } from "./lenient.ts";
import type { Spec } from "./types.ts";
import { findUnknown } from "./unknown.ts";

export type Finding = {
  /** A container is refused for an error; for a warning it is not what may have been meant. */
  readonly level: "error" | "warning";
  /** JSON pointer into config.json; "" is the whole document. */
  readonly pointer: string;
  readonly problem: string;
  /** What to try. */
  readonly hint?: string;
};

export type Examination = {
  readonly findings: readonly Finding[];
  /** What the document says; undefined when it is not JSON or breaks the schema. It may break laws. */
  readonly read: { readonly json: unknown; readonly spec: Spec } | undefined;
};

/** spec/load.ts, which its callers have loaded. */
export type Loader = typeof import("./load.ts");

/** Every mistake in the text of a config.json. */
export function examine(text: string, loader: Loader): Examination {
  const repeated = new Set<string>();
  let json: unknown;
  try {
    json = parseExact(text, (pointer) => repeated.add(pointer));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { findings: [{ level: "error", pointer: "", problem: `not JSON: ${error.message}` }], read: undefined };
  }
  const { checkNulBytes, decodeSpec, isConfig } = loader;
  if (!isConfig(json)) asGoReads(json);
  const violations = explain("Config", json);
  const errors = [...violations, ...checkNulBytes(text, json), ...brokenLaws(json, loader)];
  const findings: Finding[] = errors.map(({ pointer, problem }) => ({ level: "error", pointer, problem }));
  for (const pointer of repeated)
    findings.push({ level: "warning", pointer, problem: "is given more than once: the last one counts" });
  for (const { pointer, suggestion } of findUnknown(json)) {
    if (violations.some((violation) => pointer.startsWith(`${violation.pointer}/`))) continue; // of another type: what is inside means nothing
    const unknown = { level: "warning", pointer, problem: "nothing of this name is known and it is ignored" } as const;
    findings.push(suggestion === undefined ? unknown : { ...unknown, hint: `did you mean ${suggestion}?` });
  }
  return { findings, read: violations.length === 0 ? { json, spec: decodeSpec(json) } : undefined };
}

type Broken = { readonly pointer: string; readonly problem: string };

/** The laws that do not hold, also in what is left of a document that breaks the schema. A law that looks at a broken part says nothing. */
function brokenLaws(json: unknown, { decodeSpec, LAWS, PROCESS_LAWS }: Loader): readonly Broken[] {
  const rest = new Remainder(json);
  const removed = new Set<string>();
  // What is removed may be missed elsewhere: until nothing more can be taken away.
  for (let changed = true; changed;) {
    const pointers = explain("Config", rest.json).map(({ pointer }) => rest.original(pointer));
    if (pointers.includes("")) return [];
    changed = false;
    for (const pointer of pointers) {
      changed = rest.remove(pointer) || changed;
      const list = rest.listOn(pointer);
      if (list === undefined || COUNT_TOGETHER.test(list)) removed.add(list ?? pointer);
    }
  }
  const spec = decodeSpec(rest.json);
  const found = [
    ...judge(LAWS, spec, "", removed),
    ...(spec.process ? judge(PROCESS_LAWS, spec.process, "/process", removed) : []),
  ];
  return found.map(({ pointer, problem }) => ({ pointer: rest.original(pointer), problem }));
}

/** Lists of which a law says what must be in them. The items of the others are judged one by one. */
const COUNT_TOGETHER = /^\/linux\/(namespaces|[ug]idMappings)$/;

function judge<Subject extends object>(
  laws: readonly Law<Subject>[],
  subject: Subject,
  where: string,
  removed: ReadonlySet<string>,
): readonly Broken[] {
  const found: Broken[] = [];
  for (const law of laws) {
    const own: Broken[] = [];
    let blind = false;
    const seen = removed.size === 0 ? subject : watched(subject, where, (pointer) => (blind ||= removed.has(pointer)));
    try {
      law.check(seen, (pointer, problem) => own.push({ pointer: where + pointer, problem }));
    } catch (error) {
      if (!blind) throw error;
    }
    if (!blind) found.push(...own);
  }
  return found;
}

/** The same value, and `read` hears the pointer of each part that is looked at. (The engine is built without Proxy.) */
function watched<T extends object>(value: T, where: string, read: (pointer: string) => void): T {
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, inside] of Object.entries(value) as [string, unknown][]) {
    const pointer = `${where}/${escapePointer(key)}`;
    const get = (): unknown => {
      read(pointer);
      return typeof inside === "object" && inside !== null ? watched(inside, pointer, read) : inside;
    };
    Object.defineProperty(copy, key, { get, enumerable: true });
  }
  return copy as T;
}

type Json = { [key: string]: unknown };

/** A copy of a document that parts can be taken out of. It remembers where the items of its lists stood, so that pointers go on meaning the original. */
export class Remainder {
  readonly json: unknown;
  readonly #indices = new Map<readonly unknown[], number[]>();

  constructor(json: unknown) {
    this.json = this.#copy(json);
  }

  /**
   * Takes out what stands at a pointer into the original; inside a list, the whole item of the outermost one.
   *
   * @returns whether anything was there
   */
  remove(original: string): boolean {
    const path = pointerPath(original);
    let here = this.json;
    for (const [depth, key] of path.entries()) {
      if (Array.isArray(here)) {
        const indices = this.#indices.get(here) ?? [];
        const index = indices.indexOf(Number(key));
        if (index < 0) return false;
        here.splice(index, 1);
        indices.splice(index, 1);
        return true;
      }
      if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return false;
      if (depth === path.length - 1) return delete (here as Json)[key];
      here = (here as Json)[key];
    }
    return false;
  }

  /** The outermost list on the way to what a pointer into the original names. */
  listOn(original: string): string | undefined {
    let here = this.json;
    let text = "";
    for (const key of pointerPath(original)) {
      if (Array.isArray(here)) return text;
      text += `/${escapePointer(key)}`;
      here = typeof here === "object" && here !== null ? (here as Json)[key] : undefined;
    }
    return undefined;
  }

  /** The pointer into the original document of what stands at `pointer` in what is left. */
  original(pointer: string): string {
    let here = this.json;
    let text = "";
    for (const key of pointerPath(pointer)) {
      const index = Array.isArray(here) ? this.#indices.get(here)?.[Number(key)] : undefined;
      text += `/${index ?? escapePointer(key)}`;
      here = typeof here === "object" && here !== null ? (here as Json)[key] : undefined;
    }
    return text;
  }

  #copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (!Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, this.#copy(inside)]));
    const copy: unknown[] = value.map((inside) => this.#copy(inside));
    this.#indices.set(copy, [...copy.keys()]);
    return copy;
  }
}
