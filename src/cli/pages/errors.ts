// docs/errors.md, made of the catalogue: cli/hints.ts and cli/codes.ts.

import { ERRNO } from "../../abi/errno_table.ts";
import { HINTS } from "../hints.ts";
import { KINDS, TEXTS, WARNINGS } from "../codes.ts";

const HEAD = `<!-- Made by \`make docs\` of src/cli/hints.ts and src/cli/codes.ts: edit those. -->
# Errors

A command that fails prints one line on standard error (one for each mistake of a config.json), and ends with status 1; \`exec\` with 255:

\`\`\`
tsrun: COMMAND CONTAINER: STEP: STEP: POINTER: CALL(2) ON WHAT: TEXT (ERRNO) — WHAT TO TRY
\`\`\`

STEP is a line of \`tsrun plan\`, POINTER the part of config.json that asked (a JSON pointer), TEXT what runc says. Parts that an error does not have are
left out. With \`--log FILE --log-format json\` the failure is one object in FILE:

| key | what |
|---|---|
| \`level\`, \`msg\`, \`time\` | as runc has them |
| \`code\` | which failure it is: the tables below. A code never changes its meaning |
| \`step\` | what was being done |
| \`pointer\` | the part of config.json that asked for it |
| \`syscall\`, \`errno\` | the call that failed, and the name of its error |
| \`path\` | what the call was made on, when that is a file |
| \`note\` | what is known besides, such as the kernel's own words about a mount |
| \`hint\` | what to try |
| \`violations\` | in place of \`pointer\`, where several parts of a document are wrong: a list of objects with \`pointer\`, \`problem\` and perhaps \`hint\` |
| \`warnings\` | what was found odd before, if anything |

Nothing else is written to a JSON log but with \`--debug\` or \`--log-level\`, because podman takes the whole file for one object. \`--log\` takes
\`file:PATH\`, \`syslog:NAME\` and \`journald:NAME\` too; the journal has the keys as fields, \`TSRUN_CODE\` and so on.`;

/** The whole page. */
export function errorsPage(): string {
  const kinds = Object.entries({ ...KINDS, ...WARNINGS }).map(([code, meaning]) => [`\`${code}\``, meaning]);
  return [
    HEAD,
    "\n## Calls that failed\n",
    table(
      ["code", "call and errno", "what to try"],
      grouped(
        HINTS.map(({ code, calls, errnos, steps, on, hint }) => [
          code,
          `${callWords(calls)}: ${errnos.map(errnoName).join(", ")}${placeWords(steps, on)}`,
          hint,
        ]),
      ),
    ),
    "\n## What tsrun finds itself\n",
    table(["code", "message", "what to try"], grouped(TEXTS.map(({ code, says, hint }) => [code, says, hint ?? ""]))),
    "\n## Everything else\n",
    table(["code", "what"], kinds),
    "",
  ].join("\n");
}

type Entry = readonly [code: string, when: string, hint: string];

/** One row for each code and hint, the codes together in the order of their first appearance. */
function grouped(entries: readonly Entry[]): readonly (readonly string[])[] {
  const rows = new Map<string, { readonly code: string; readonly when: string[]; readonly hint: string }>();
  const codes = [...new Set(entries.map(([code]) => code))];
  for (const code of codes)
    for (const [, when, hint] of entries.filter((entry) => entry[0] === code)) {
      const row = rows.get(`${code}\n${hint}`) ?? { code, when: [], hint };
      row.when.push(when);
      rows.set(`${code}\n${hint}`, row);
    }
  return [...rows.values()].map(({ code, when, hint }) => [`\`${code}\``, when.map(cell).join("<br>"), cell(hint)]);
}

const callWords = (calls: string): string => (calls === "*" ? "any call" : calls.split(" ").join(", "));

const errnoName = (errno: number): string => ERRNO[errno]?.[0] ?? String(errno);

/** Where a row fits: the steps, or parts of what the call was made on. */
function placeWords(steps: readonly string[] = [], on: readonly string[] = []): string {
  const words = [...steps, ...on.map((part) => `\`${part.trim()}\``)];
  return words.length === 0 ? "" : ` (${words.join("; ")})`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => `| ${row.join(" | ")} |`.replaceAll("|  |", "| |"));
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...lines].join("\n");
}
