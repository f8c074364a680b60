// Puts the program itself in the place of bin/tsrun.mjs, so that no Node has to start before each command. Where that cannot be, bin/tsrun.mjs
// stays and runs the program.
import { linkSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

try {
  const program = createRequire(import.meta.url).resolve(`@tsrun/linux-${process.arch}/bin/tsrun`);
  const command = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "bin/tsrun.mjs");
  const link = `${command}.new`;
  rmSync(link, { force: true });
  linkSync(program, link);
  renameSync(link, command);
} catch {
  // another file system, or no package for this machine: bin/tsrun.mjs says so when it is called
}
