// The limits of a config.json that a state directory keeps. @see stored.ts

import { parseExact } from "../base/json.ts";
import { decodeResources } from "./decode.ts";
import { asGoReads } from "./names.ts";
import type { Resources } from "./types.ts";

/** @throws JsonSyntaxError for a damaged file */
export function storedResources(text: string): Resources {
  const json = parseExact(text);
  asGoReads(json, "Config");
  return decodeResources((json as { readonly linux?: { readonly resources?: unknown } }).linux?.resources ?? {});
}
