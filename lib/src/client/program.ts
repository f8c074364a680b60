// Which program the client calls when it is not told.

import { createRequire } from "node:module";

/** The program that the package for this architecture brings, else `tsrun` in PATH. */
export function findProgram(): string {
  try {
    return createRequire(import.meta.url).resolve(`@tsrun/${process.platform}-${process.arch}/bin/tsrun`);
  } catch {
    return "tsrun"; // the package is optional: there may be none for this architecture, or the program comes from elsewhere
  }
}
