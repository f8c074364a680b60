// Fails a job of continuous integration when a config.json has errors, and shows them where the service shows findings.
//
//   node validate-ci.js FILE…

import { readFileSync } from "node:fs";
import { formatFindings, validate } from "@tsrun/runtime";

let errors = 0;
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, "utf8");
  errors += validate(text).filter(({ level }) => level === "error").length;
  process.stdout.write(formatFindings(text, "github", file));
}
process.exitCode = errors === 0 ? 0 : 1;
