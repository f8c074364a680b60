// `tsrun validate` as a function. The rules are the program's own.

import { stringify } from "../../src/base/json.ts";
import { codeOfFinding } from "../../src/cli/codes.ts";
import { githubAnnotations, sarif, type CodedFinding } from "../../src/explain/finding-formats.ts";
import { valuesIn } from "../../src/explain/values.ts";
import { examine, located } from "../../src/spec/examine.ts";
import * as loader from "../../src/spec/load.ts";
import type { Config } from "../../build/gen/config-types.ts";

/** A mistake in a config.json. */
export type Finding = {
  /** No container is created where there is an error. A warning is allowed and probably not meant. */
  readonly level: "error" | "warning";
  /** A stable code: docs/errors.md lists them. */
  readonly code: string;
  /** JSON pointer to the place; "" is the whole document. */
  readonly pointer: string;
  /** The place in the text, counted from 1; absent when an object was examined, or when it is about no single place. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  /** What to write instead, or to try. */
  readonly suggestion?: string;
};

/**
 * Finds every mistake in a config.json that can be found without looking at a host.
 *
 * @param config the text of config.json, or what it says as an object. Text is better: findings then have a line and a column
 * @returns errors and warnings in the order of the document; none of them an error when a container can be made of it
 *
 * @example
 * const errors = validate(readFileSync("config.json", "utf8")).filter(({ level }) => level === "error");
 */
export function validate(config: string | Config): readonly Finding[] {
  const isText = typeof config === "string";
  return codedFindings(isText ? config : stringify(config)).map(
    ({ level, code, pointer, line, column, problem, hint }) => ({
      level,
      code,
      pointer,
      ...(isText && line !== undefined && { line, column: column ?? 1 }),
      message: problem,
      ...(hint !== undefined && { suggestion: hint }),
    }),
  );
}

/**
 * The findings as text for a service of continuous integration, as `tsrun validate --format` prints them.
 *
 * @param file the name under which the service knows the config.json
 */
export function formatFindings(text: string, format: "github" | "sarif", file = "config.json"): string {
  const findings = codedFindings(text);
  return format === "github"
    ? githubAnnotations(findings, file)
    : `${JSON.stringify(sarif(findings, file, VERSION), undefined, 2)}\n`;
}

declare const TSRUN_VERSION: string;
const VERSION: string = typeof TSRUN_VERSION === "undefined" ? "0" : TSRUN_VERSION;

function codedFindings(text: string): readonly CodedFinding[] {
  const { findings, read } = examine(text, loader);
  const all = read === undefined ? findings : located([...findings, ...valuesIn(read, findings)], read.positions);
  return all
    .map((finding) => ({ ...finding, code: codeOfFinding(finding) }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
