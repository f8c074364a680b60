// Good documents, to be mutated: the default one, and it with each section that there is; the samples of bundles/.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "../../../src/base/json.ts";
import { full } from "../../../src/spec/full.fixture.ts";
import { defaultConfig } from "../../system/bundle.ts";
import { PROJECT } from "../../system/harness.ts";
import type { Json } from "./mutations.ts";

export function goodDocuments(): readonly Json[] {
  const base = (): Json => structuredClone(defaultConfig()) as unknown as Json;
  const everything = JSON.parse(stringify(full)) as Json; // numbers beyond 2^53 are rounded: the mutations have such
  const sections = Object.entries(everything)
    .filter(([key]) => !["process", "linux", "root", "mounts"].includes(key))
    .map(([key, value]) => ({ ...base(), [key]: value }));
  const parts = (where: "process" | "linux"): Json[] =>
    Object.entries(everything[where] as Json).map(([key, value]) => ({
      ...base(),
      [where]: { ...(base()[where] as Json), [key]: value },
    }));
  const bundles = readdirSync(join(PROJECT, "bundles"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const samples = bundles.flatMap(({ name }) => {
    try {
      return [JSON.parse(readFileSync(join(PROJECT, "bundles", name, "config.json"), "utf8")) as Json];
    } catch {
      return [];
    }
  });
  return [base(), everything, ...sections, ...parts("process"), ...parts("linux"), ...samples];
}
