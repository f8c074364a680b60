// Writes what is made of the sources' own tables: docs/errors.md, or with --out DIR the manual pages and completions below DIR.
//
//   node --import ./scripts/typescript.mjs scripts/documents.mts [--out DIR --version VERSION --date YYYY-MM-DD]
import "../test/setup.mts";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { out: { type: "string" }, version: { type: "string", default: "" }, date: { type: "string", default: "" } },
});

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

if (values.out === undefined) {
  const { errorsPage } = await import("../src/cli/pages/errors.ts");
  write("docs/errors.md", errorsPage());
} else {
  const { manPages } = await import("../src/cli/pages/man.ts");
  const { bashCompletion, fishCompletion, zshCompletion } = await import("../src/cli/pages/completions.ts");
  for (const { file, text } of manPages({ version: values.version, date: values.date }))
    write(join(values.out, "man", file), text);
  write(join(values.out, "completions/tsrun"), bashCompletion());
  write(join(values.out, "completions/_tsrun"), zshCompletion());
  write(join(values.out, "completions/tsrun.fish"), fishCompletion());
}
