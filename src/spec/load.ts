// Text to Spec. The common path is the engine's JSON.parse and one run of the small validator; only a document that does not
// pass pays more: it is read again exactly, and if it still does not pass, spec/explain.ts is loaded to say why.

import { isConfig, isProcess, isResources } from "../../build/gen/validate.js";
import { SpecError, type Violation } from "../base/errors.ts";
import { JsonSyntaxError, parseExact, stringify } from "../base/json.ts";
import { decodeProcess } from "./decode-process.ts";
import { decodeResources, decodeSpec } from "./decode.ts";
import { checkLaws, checkNulBytes, checkProcess } from "./validate.ts";
import { allKnown, asGoNames, asGoReads, onlyKnown, type DocumentKind } from "./names.ts";
import type { Process, Resources, Spec } from "./types.ts";

// For spec/examine.ts, which is given this module: importing the same files would put them into a chunk more, to be read by every `create`.
export { checkNulBytes, LAWS, PROCESS_LAWS } from "./validate.ts";
export { decodeSpec, isConfig, isProcess };

/** Loads spec/explain.ts; spec/ is pure and cannot do so by itself. */
export type LoadExplainer = () => typeof import("./explain.ts");

export type ParsedConfig = {
  readonly spec: Spec;
  /** What it came from; what is unknown in it, spec/unknown.ts finds. */
  readonly json: unknown;
  /** The document, for those who read it later and know the specification's names only. */
  readonly text: string;
};

/**
 * Reads config.json: schema, defaults, laws.
 *
 * @throws SpecError with every violation
 */
export function parseConfig(text: string, explainer: LoadExplainer): ParsedConfig {
  const { json, renamed } = read(text, isConfig, "Config", explainer);
  const spec = decodeSpec(json);
  refuse(checkNulBytes(text, json, "Config"), checkLaws(spec));
  return { spec, json, text: renamed ? stringify(onlyKnown(json, "Config")) : text };
}

/** Reads the document of `exec --process`. @throws SpecError with every violation */
export function parseProcess(text: string, explainer: LoadExplainer): Process {
  const { json } = read(text, isProcess, "Process", explainer);
  const process = decodeProcess(json);
  refuse(checkNulBytes(text, json, "Process"), checkProcess(process));
  return process;
}

/** Reads the document of `update --resources`. @throws SpecError with every violation */
export function parseResources(text: string, explainer: LoadExplainer): Resources {
  const { json } = read(text, isResources, "Resources", explainer);
  refuse(checkNulBytes(text, json, "Resources"));
  return decodeResources(json);
}

function refuse(...found: readonly (readonly Violation[])[]): void {
  const violations = found.flat();
  if (violations.length > 0) throw new SpecError(violations);
}

/** A document of so many bytes cannot have more values than json.ts allows: the engine's own parser, which counts none, may read it. */
const SMALL_TEXT = 131_072;

/** @returns the document in the specification's names, and whether it had others */
function read(
  text: string,
  accepts: (json: unknown) => boolean,
  document: DocumentKind,
  explainer: LoadExplainer,
): { readonly json: unknown; readonly renamed: boolean } {
  let json = parse(text);
  let renamed = false;
  const isAccepted = (): boolean => {
    if (!allKnown(json, document) && asGoNames(json, document).length > 0) renamed = true;
    return accepts(json);
  };
  if (isAccepted()) return { json, renamed };
  if (/[0-9]{16}/.test(text)) json = parseOrExplain(text);
  asGoReads(json, document);
  if (isAccepted()) return { json, renamed };
  throw new SpecError(explainer().explain(document, json));
}

function parse(text: string): unknown {
  if (text.length > SMALL_TEXT) return parseOrExplain(text);
  try {
    return JSON.parse(text);
  } catch {
    return parseOrExplain(text); // which says why, or goes deeper than the engine's stack
  }
}

function parseOrExplain(text: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new SpecError([{ pointer: "", problem: `not JSON: ${error.message}` }]);
    throw error;
  }
}
