// Why a document does not pass the schemas: every violation, in words. Loaded only when there is one.

import { type Check, checkConfig, checkProcess, checkResources, type SchemaError } from "../../build/gen/explain.js";
import type { Violation } from "../base/errors.ts";
import { escapePointer, pointerPath } from "../base/json.ts";
import { didYouMean, integerMeant, typeMeant } from "./meant.ts";
import type { DocumentKind } from "./names.ts";

const CHECKS: { readonly [question in DocumentKind]: Check } = {
  Config: checkConfig,
  Process: checkProcess,
  Resources: checkResources,
};

/** The places where `json` breaks the schema, in the order of the schema, a thousand of them at most; empty if it does not. */
export function explain(question: DocumentKind, json: unknown): readonly Violation[] {
  const check = CHECKS[question];
  if (check(json)) return [];
  const first = new Map<string, Violation>();
  for (const error of check.errors ?? []) {
    const found = violation(error, json);
    if (!first.has(found.pointer)) first.set(found.pointer, found);
  }
  return [...first.values()];
}

function violation(error: SchemaError, json: unknown): Violation {
  const { instancePath, keyword, params } = error;
  if (keyword === "required" || keyword === "unless") {
    const name = String(params["missingProperty"]);
    const pointer = `${instancePath}/${escapePointer(name)}`;
    const problem = name === "args" ? ARGS : keyword === "unless" ? 'is required unless type is "p"' : "is required";
    return { pointer, problem: runcsWords(pointer, "") + problem };
  }
  if (keyword === "minItems" || keyword === "minLength") {
    return { pointer: instancePath, problem: instancePath.endsWith("/args") ? ARGS : "must not be empty" };
  }
  const given = valueAt(json, instancePath);
  const value = describe(given);
  const hint = instead(keyword, params, given, instancePath);
  return {
    pointer: instancePath,
    problem: `${runcsWords(instancePath, value)}must be ${expected(keyword, params)}, not ${value}`,
    ...(hint !== undefined && { hint }),
  };
}

/** What to write instead, where that can be told. */
function instead(keyword: string, params: SchemaError["params"], value: unknown, pointer: string): string | undefined {
  if (keyword === "enum")
    return typeof value === "string" ? didYouMean(value, params["allowedValues"] as readonly string[]) : undefined;
  let text: string | undefined;
  if (keyword === "type") text = typeMeant(String(params["type"]), value, pointer);
  else if (keyword === "range" && typeof value === "string")
    text = integerMeant(
      value,
      pointer,
      BigInt(String(params["lowest"])),
      BigInt(String(params["highest"])),
    )?.toString();
  else if (keyword === "pattern" && params["pattern"] === "^/" && typeof value === "string" && value !== "")
    text = pointer.startsWith("/hooks/") ? undefined : JSON.stringify(`/${value}`);
  return text === undefined ? undefined : `write ${text}`;
}

/** What runc says of a place first, where its callers look for that. */
function runcsWords(pointer: string, value: string): string {
  const [, what] = /^\/linux\/memoryPolicy\/(mode|flag)/.exec(pointer) ?? [];
  return what === undefined ? "" : `invalid memory policy ${what} ${value || '""'}: `;
}

/** runc's words, which its callers have seen for years. */
const ARGS = "args must not be empty";

function expected(keyword: string, params: SchemaError["params"]): string {
  switch (keyword) {
    case "type":
      return TYPES[String(params["type"])] ?? String(params["type"]);
    case "range":
      return `an integer between ${String(params["lowest"])} and ${String(params["highest"])}`;
    case "enum":
      return `one of ${(params["allowedValues"] as readonly string[]).filter((value) => value !== "").join(", ")}`;
    case "pattern":
      return PATTERNS[String(params["pattern"])] ?? `text that matches ${String(params["pattern"])}`;
    default:
      return `valid (${keyword})`;
  }
}

const TYPES: { readonly [type: string]: string } = {
  string: "a string",
  boolean: "true or false",
  object: "an object",
  array: "a list",
};

const PATTERNS: { readonly [pattern: string]: string } = {
  "^/": "an absolute path",
  "^$|[rwm]": 'made of the letters "r", "w" and "m"',
  "^[1-9][0-9]*[KMG]B$": 'a size such as "64KB", "2MB" or "1GB"',
  "^(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$":
    'a version as SemVer writes it, such as "1.3.0"',
};

function valueAt(json: unknown, pointer: string): unknown {
  let value = json;
  for (const key of pointerPath(pointer)) value = (value as { readonly [key: string]: unknown })[key];
  return value;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
