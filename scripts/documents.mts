// Writes what is made of the sources' own tables: docs/errors.md, or with --out DIR the manual pages and completions below DIR.
//
//   node --import tsx scripts/documents.mts [--out DIR]
import "../test/setup.mts";
import { writeFileSync } from "node:fs";

const { errorsPage } = await import("../src/cli/pages/errors.ts");

writeFileSync("docs/errors.md", errorsPage());
