// `--version`, in the form that docker and go-runc read: the first line names the program, then `commit:` and `spec:`.

import { basename } from "../base/path.ts";
import { host } from "../sys/host.ts";
import { print } from "../sys/print.ts";

declare const TSRUN_VERSION: string;
declare const TSRUN_COMMIT: string;

/** The newest version of the runtime specification that tsrun follows. */
export const SPEC_VERSION = "1.3.0";

export const version = (): string => TSRUN_VERSION;
/** "" when it is not known. */
export const commit = (): string => TSRUN_COMMIT;

/** The lines that follow the program's name and version. */
export const details = (): string => `${TSRUN_COMMIT === "" ? "" : `commit: ${TSRUN_COMMIT}\n`}spec: ${SPEC_VERSION}\n`;

/** Called by the name of runc we say that we are one: go-runc reads nothing else. */
export function firstLine(program: string): string {
  return basename(program) === "runc" ? `runc version ${TSRUN_VERSION} (tsrun)\n` : `tsrun version ${TSRUN_VERSION}\n`;
}

export function run(): number {
  print(firstLine(host.argv[0] ?? "") + details());
  return 0;
}
