// Everything that can be said of a config.json without looking at the host, where spec/load.ts stops at the first kind of mistake.
// For `tsrun validate`; loaded on demand.

import { SpecError, type Violation } from "../base/errors.ts";
import { escapePointer, JsonSyntaxError, parseExact, pointerPath } from "../base/json.ts";
import { positionsIn, type Positions } from "../base/json-positions.ts";
import { explain } from "./explain.ts";
import type { Law } from "./validate.ts";
import { asGoNames, asGoReads, onlyKnown } from "./names.ts";
import type { Spec } from "./types.ts";
import { findUnknown } from "./unknown.ts";

export type Finding = {
  /** A container is refused for an error; for a warning it is not what may have been meant. */
  readonly level: "error" | "warning";
  /** JSON pointer into config.json; "" is the whole document. */
  readonly pointer: string;
  /** Where that is in the text, from 1; absent when it is not about a place in it. */
  readonly line?: number;
  readonly column?: number;
  readonly problem: string;
  /** What to try. */
  readonly hint?: string;
};

export type Examination = {
  readonly findings: readonly Finding[];
  /** What of the document can be understood; undefined when it is not JSON, no object, or wrong all over. */
  readonly read: Understood | undefined;
};

export type Understood = {
  /** The document without its parts that break the schema; what had to be there is filled in. It may break laws. */
  readonly rest: Remainder;
  readonly spec: Spec;
  readonly positions: Positions;
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
    const { line, column, problem } = error;
    return {
      findings: [{ level: "error", pointer: "", line, column, problem: `not JSON: ${problem}` }],
      read: undefined,
    };
  }
  const positions = positionsIn(text);
  const { checkNulBytes, decodeSpec, isConfig } = loader;
  let renamed: ReturnType<typeof asGoNames>;
  try {
    renamed = asGoNames(json, "Config");
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const twice = error.violations.map((violation): Finding => ({ level: "error", ...violation }));
    return { findings: located(twice, positions), read: undefined };
  }
  if (!isConfig(json)) asGoReads(json, "Config");
  const violations = explain("Config", json);
  const withNul = checkNulBytes(text, json, "Config");
  const understood = understand(json, violations, withNul);
  const spec = understood && decodeSpec(understood.rest.json);
  const errors = [
    ...violations,
    ...withNul,
    ...(understood === undefined || spec === undefined ? [] : brokenLaws(understood, spec, loader)),
  ];
  const findings = errors.map((violation): Finding => ({ level: "error", ...violation }));
  const aboutName = (pointer: string, problem: string): Finding => ({
    level: "warning",
    pointer,
    ...positions.ofName(pointer),
    problem,
  });
  for (const pointer of repeated) findings.push(aboutName(pointer, "is given more than once: the last one counts"));
  for (const { pointer, name } of renamed)
    findings.push({
      ...aboutName(pointer, `is taken for ${name}: names are read in any case`),
      hint: "other runtimes may ignore it",
    });
  const misshapen = new Set(violations.map(({ pointer }) => pointer));
  for (const { pointer, suggestion } of findUnknown(json)) {
    if (isBelow(pointer, misshapen)) continue; // of another type: what is inside means nothing
    const unknown = aboutName(pointer, "nothing of this name is known and it is ignored");
    findings.push(suggestion === undefined ? unknown : { ...unknown, hint: `did you mean ${suggestion}?` });
  }
  return {
    findings: located(atMost(findings), positions),
    read: errors.length > MOST_BROKEN ? undefined : understood && spec && { rest: understood.rest, spec, positions },
  };
}

/** Nobody reads more. */
const MOST_FINDINGS = 1000;

/** The first of them, errors before warnings: that there are some must not be lost. */
function atMost(findings: readonly Finding[]): readonly Finding[] {
  const more = findings.length - MOST_FINDINGS;
  if (more <= 0) return findings;
  const [errors, warnings] = [
    findings.filter(({ level }) => level === "error"),
    findings.filter(({ level }) => level === "warning"),
  ];
  const shown = [...errors, ...warnings].slice(0, MOST_FINDINGS);
  return [...shown, { level: "warning", pointer: "", problem: `${more} more are not shown` }];
}

function isBelow(pointer: string, places: ReadonlySet<string>): boolean {
  for (let end = pointer.lastIndexOf("/"); end > 0; end = pointer.lastIndexOf("/", end - 1))
    if (places.has(pointer.slice(0, end))) return true;
  return places.has("");
}

/** The same, each with its place in the text. */
export const located = (findings: readonly Finding[], positions: Positions): readonly Finding[] =>
  findings.map((finding) =>
    finding.line !== undefined || finding.pointer === ""
      ? finding
      : { ...finding, ...positions.ofValue(finding.pointer) },
  );

/** What the schema demands, in the place of what was missing or had to be taken out, so that the rest can be looked at. */
const FILLED: { readonly [pointer: string]: unknown } = {
  "/ociVersion": "1.0.0",
  "/root": { path: "rootfs" },
  "/root/path": "rootfs",
  "/process/args": ["sh"],
  "/process/cwd": "/",
};

type Partly = {
  readonly rest: Remainder;
  /** Pointers of what does not mean anything now. */ readonly removed: ReadonlySet<string>;
};

/**
 * The document without its parts that break the schema or hold a NUL; undefined when nothing is left.
 * @param violations of the schema
 */
function understand(
  json: unknown,
  violations: readonly Violation[],
  withNul: readonly Violation[],
): Partly | undefined {
  if (violations.length > MOST_BROKEN) return undefined;
  const rest = new Remainder(onlyKnown(json, "Config"));
  const removed = new Set<string>();
  // What is removed may be missed elsewhere: until the schema has nothing more to say.
  let broken = [...violations, ...withNul];
  for (let rounds = 0; broken.length > 0; rounds++) {
    if (rounds === MOST_ROUNDS) return undefined;
    const pointers = broken.map(({ pointer }) => rest.original(pointer));
    for (const pointer of pointers) {
      if (pointer === "") return undefined;
      const list = rest.listOn(pointer);
      if (list === undefined || COUNT_TOGETHER.test(list)) removed.add(list ?? pointer);
    }
    for (const pointer of rest.remove(pointers)) {
      if (pointer in FILLED) rest.add(pointer, FILLED[pointer]);
      else {
        const around = pointer.slice(0, pointer.lastIndexOf("/"));
        removed.add(around);
        if (around === "" || rest.remove([around]).length > 0) return undefined;
      }
    }
    broken = [...explain("Config", rest.json)];
  }
  return { rest, removed };
}

/** A document that is wrong in more places, or still wrong after so many rounds, is not worth judging. */
const MOST_BROKEN = 300;
const MOST_ROUNDS = 5;

type Broken = { readonly pointer: string; readonly problem: string };

/** The laws that do not hold, also in what is left of a document that breaks the schema. A law that looks at a broken part says nothing. */
function brokenLaws({ rest, removed }: Partly, spec: Spec, { LAWS, PROCESS_LAWS }: Loader): readonly Broken[] {
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
    let seen: unknown = typeof inside === "object" && inside !== null ? undefined : inside;
    const get = (): unknown => {
      read(pointer);
      // The same each time: laws compare by identity.
      if (typeof inside === "object" && inside !== null) seen ??= watched(inside, pointer, read);
      return seen;
    };
    Object.defineProperty(copy, key, { get, enumerable: true });
  }
  return copy as T;
}

/** A document that nothing has been taken out of yet. */
export const remainderOf = (json: unknown): Remainder => new Remainder(json);

type Json = { [key: string]: unknown };

/** A copy of a document that parts can be taken out of. It remembers where the items of its lists stood, so that pointers go on meaning the original. */
export class Remainder {
  readonly json: unknown;
  readonly #indices = new Map<readonly unknown[], number[]>();
  readonly #added: Set<string>;

  /** @param from of another Remainder, whose pointers go on meaning its original */
  constructor(json: unknown, from?: Remainder) {
    this.json = this.#copy(json, from);
    this.#added = new Set(from === undefined ? [] : from.#added);
  }

  /** Another one, to take more out of. */
  copy(): Remainder {
    return new Remainder(this.json, this);
  }

  /** Puts a value where nothing is, below objects that are there. It stays. */
  add(original: string, value: unknown): void {
    const path = pointerPath(original);
    const key = path.pop() ?? "";
    let here = this.json;
    for (const part of path) here = typeof here === "object" && here !== null ? (here as Json)[part] : undefined;
    if (typeof here === "object" && here !== null) (here as Json)[key] = this.#copy(value);
    this.#added.add(original);
  }

  /**
   * Takes out what stands at pointers into the original; inside a list, the whole item of the outermost one.
   *
   * @returns those at which nothing was
   */
  remove(originals: readonly string[]): readonly string[] {
    const items = new Map<unknown[], Set<number>>();
    const missing = originals.filter((original) => this.#added.has(original) || !this.#take(original, items));
    for (const [list, positions] of items) {
      const indices = this.#indices.get(list) ?? [];
      this.#indices.set(
        list,
        indices.filter((_, position) => !positions.has(position)),
      );
      let kept = 0;
      for (const [position, item] of list.entries()) if (!positions.has(position)) list[kept++] = item;
      list.length = kept;
    }
    return missing;
  }

  /** Deletes a property, or notes in `items` which item of a list is to go. @returns whether it was there */
  #take(original: string, items: Map<unknown[], Set<number>>): boolean {
    const path = pointerPath(original);
    let here = this.json;
    for (const [depth, key] of path.entries()) {
      if (Array.isArray(here)) {
        const position = this.#positionOf(here, Number(key));
        if (position === undefined) return false;
        items.set(here, (items.get(here) ?? new Set()).add(position));
        return true;
      }
      if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return false;
      if (depth === path.length - 1) return delete (here as Json)[key];
      here = (here as Json)[key];
    }
    return false;
  }

  /** Where in what is left of a list the item stands that was at `index`. Items keep their order. */
  #positionOf(list: readonly unknown[], index: number): number | undefined {
    const indices = this.#indices.get(list) ?? [];
    let [low, high] = [0, indices.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((indices[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return indices[low] === index ? low : undefined;
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

  #copy(value: unknown, from?: Remainder): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (!Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, this.#copy(inside, from)]));
    const copy: unknown[] = value.map((inside) => this.#copy(inside, from));
    const indices = from === undefined ? undefined : from.#indices.get(value);
    this.#indices.set(copy, [...(indices ?? copy.keys())]);
    return copy;
  }
}
