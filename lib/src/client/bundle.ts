// A bundle for a config.json that exists as an object only.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { stringify } from "../../../src/base/json.ts";
import type { Config } from "../../../build/gen/config-types.ts";

export type Bundle = {
  readonly path: string;
  /** Removes what was made for it; nothing when the caller brought the bundle. */
  readonly remove: () => void;
};

/**
 * @param from the directory of a bundle, or a config.json whose root.path is absolute
 * @throws TypeError when root.path is relative: there is no bundle that it could be relative to
 */
export function bundleOf(from: string | Config): Bundle {
  if (typeof from === "string") return { path: from, remove: () => {} };
  if (!isAbsolute(from.root.path))
    throw new TypeError(`root.path must be absolute in a config without a bundle: ${from.root.path}`);
  const path = mkdtempSync(join(tmpdir(), "tsrun-bundle-"));
  writeFileSync(join(path, "config.json"), stringify(from, 2));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
