// Text to Spec. The common path is the engine's JSON.parse and one run of the small validator; only a document that does not
// pass pays more: it is read again exactly, and if it still does not pass, spec/explain.ts is loaded to say why.

import { isConfig, isProcess, isResources } from "../../build/gen/validate.js";
import { SpecError, type Violation } from "../base/errors.ts";
import { JsonSyntaxError, parseExact } from "../base/json.ts";
import { decodeProcess } from "./decode-process.ts";
import { decodeResources, decodeSpec } from "./decode.ts";
import { checkLaws, checkNulBytes, checkProcess } from "./validate.ts";
import { asGoReads } from "./lenient.ts";
import type { Question } from "./explain.ts";
import type { Process, Resources, Spec } from "./types.ts";

// For spec/examine.ts, which is given this module: importing the same files would put them into a chunk more, to be read by every `create`.
export { checkNulBytes, LAWS, PROCESS_LAWS } from "./validate.ts";
export { decodeSpec, isConfig, isProcess };

/** Loads spec/explain.ts; spec/ is pure and cannot do so by itself. */
export type LoadExplainer = () => typeof import("./explain.ts");

/**
 * Reads config.json: schema, defaults, laws.
 *
 * @returns the Spec, and the JSON it came from (what is unknown in it, spec/unknown.ts finds)
 * @throws SpecError with every violation
 */
export function parseConfig(text: string, explainer: LoadExplainer): { readonly spec: Spec; readonly json: unknown } {
  const json = read(text, isConfig, "Config", explainer);
  const spec = decodeSpec(json);
  refuse(checkNulBytes(text, json), checkLaws(spec));
  return { spec, json };
}

/** Reads the document of `exec --process`. @throws SpecError with every violation */
export function parseProcess(text: string, explainer: LoadExplainer): Process {
  const json = read(text, isProcess, "Process", explainer);
  const process = decodeProcess(json);
  refuse(checkNulBytes(text, json), checkProcess(process));
  return process;
}

/**
 * Reads the document of `update --resources`.
 * @param names loads spec/case.ts: people write these by hand, and runc takes names in any case
 * @throws SpecError with every violation
 */
export function parseResources(
  text: string,
  explainer: LoadExplainer,
  names?: () => typeof import("./case.ts"),
): Resources {
  const accepts = (json: unknown): boolean => {
    names?.().asGoNames(json, "Resources");
    return isResources(json);
  };
  const json = read(text, accepts, "Resources", explainer);
  refuse(checkNulBytes(text, json));
  return decodeResources(json);
}

function refuse(...found: readonly (readonly Violation[])[]): void {
  const violations = found.flat();
  if (violations.length > 0) throw new SpecError(violations);
}

function read(
  text: string,
  accepts: (json: unknown) => boolean,
  question: Question,
  explainer: LoadExplainer,
): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = parseOrExplain(text);
  }
  if (accepts(json)) return json;
  if (/[0-9]{16}/.test(text)) json = parseOrExplain(text);
  asGoReads(json);
  if (accepts(json)) return json;
  throw new SpecError(explainer().explain(question, json));
}

function parseOrExplain(text: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new SpecError([{ pointer: "", problem: `not JSON: ${error.message}` }]);
    throw error;
  }
}
