// The hook of scripts/typescript.mjs; Node runs it in a thread of its own.
import { withoutDeferral } from "./deferred.mjs";

/** @see https://nodejs.org/api/module.html#loadurl-context-nextload */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!/\.ts(\?|$)/.test(url) || loaded.source === null || loaded.source === undefined) return loaded;
  return { ...loaded, source: withoutDeferral(new TextDecoder().decode(loaded.source)) };
}
