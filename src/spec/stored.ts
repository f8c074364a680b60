// The config.json that a state directory keeps. It passed every check when the container was created, and nobody but root can have changed
// it since: it is decoded and not checked again, and only as much of it as `exec` needs.

import { holds } from "../base/text.ts";
import { decodeProcess } from "./decode-process.ts";
import { asGoReads } from "./names.ts";
import type { NamespaceType, Process, StringMap } from "./types.ts";

export type StoredConfig = {
  readonly process: Process | undefined;
  readonly namespaces: readonly NamespaceType[];
  readonly annotations: StringMap;
  /** It asks for a seccomp filter: the whole of it is worth decoding. */
  readonly filtered: boolean;
  /** It says how every process of the container is treated (personality, memory policy): for that too. */
  readonly treated: boolean;
  /** All of it, for decodeSpec. */
  readonly json: unknown;
};

/** @param text as create read it @param exact loads base/json.ts, which few documents need @throws SyntaxError for a damaged file */
export function parseStored(text: string, exact: () => typeof import("../base/json.ts")): StoredConfig {
  const config = decode(text, JSON.parse(text));
  const isExact =
    config.process === undefined ||
    config.process.rlimits.every(({ soft, hard }) => Number.isSafeInteger(soft) && Number.isSafeInteger(hard));
  return isExact && !hasLongValue(text) ? config : decode(text, exact().parseExact(text));
}

/** Whether an argument of seccomp's may be no exact Number. An expression is tried at every place in the text: it takes ten times as long as to look for a word. */
const hasLongValue = (text: string): boolean =>
  text.split('"value').some((rest, i) => i > 0 && /^(Two)?": *[0-9]{16}/.test(rest));

function decode(text: string, json: unknown): StoredConfig {
  if (holds(text, "null")) asGoReads(json, "Config");
  const raw = json as {
    readonly process?: unknown;
    readonly annotations?: StringMap;
    readonly linux?: {
      readonly seccomp?: unknown;
      readonly personality?: unknown;
      readonly memoryPolicy?: unknown;
      readonly namespaces?: readonly { readonly type: NamespaceType }[];
    };
  };
  return {
    process: raw.process === undefined ? undefined : decodeProcess(raw.process),
    annotations: raw.annotations ?? {},
    namespaces: (raw.linux?.namespaces ?? []).map(({ type }) => type),
    filtered: raw.linux?.seccomp !== undefined || holds(text, "run.oci.seccomp_bpf_data"),
    treated: raw.linux?.personality !== undefined || raw.linux?.memoryPolicy !== undefined,
    json,
  };
}
