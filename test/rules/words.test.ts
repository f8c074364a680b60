// The name of another runtime stands in no message but where callers look for it, and neither do words of Go's library: each exception is here, with its reason.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import ts from "typescript";

/** Strings of the sources, by file. */
const EXCEPTIONS: readonly (readonly [file: string, text: string, reason: string])[] = [
  ["cli/version.ts", "runc version ", "go-runc reads the version of a program that is called runc"],
  ["cli/version.ts", "runc", "the name that we may be called by"],
  ["sys/own-name.ts", "runc", "the name that we may be called by"],
  ["cli/features.ts", "org.opencontainers.runc.checkpoint.enabled", "an annotation that callers ask for"],
  ["criu/options-plan.ts", "/etc/criu/runc.conf", "a file of the host"],
  ["cgroup/find.ts", "/runc-", "the name of a cgroup"],
  ["cgroup/systemd-plan.ts", "runc", "the prefix of a unit's name"],
  ["hooks.ts", "fork/exec", "how a call is told from execve of the container's program; it is shown as exec"],
  ["cli/hints.ts", "fork/exec", "the same"],
  ["cli/report.ts", "fork/exec", "the same"],
  ["cli/unknown.ts", "flag provided but not defined: -", "by the name of runc, which its own tests look for"],
  ["cli/codes.ts", "flag provided but not defined: -…", "the same"],
];

const BANNED = /\brunc\b|strconv|json: cannot|Go value|fork\/exec|flag provided but not defined/;

/** What the source says in strings, with its templates' parts; the sources of rules ("runc, crun") are where a rule comes from. */
function strings(path: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === "source") return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node))
      found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true));
  return found;
}

describe("the words of messages", () => {
  it("are ours, but for those that callers look for", () => {
    const files = readdirSync("src", { recursive: true })
      .map(String)
      .filter((file) => file.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(file))
      .filter((file) => file !== "cli/texts.ts" && !file.startsWith("cli/pages/")); // help, manual pages and docs, no messages
    const found = files.flatMap((file) =>
      strings(join("src", file))
        .filter((text) => BANNED.test(text))
        .map((text) => `${file}: ${text}`),
    );
    const allowed = new Set(EXCEPTIONS.map(([file, text]) => `${file}: ${text}`));
    assert.deepEqual(
      found.filter((one) => ![...allowed].some((exception) => one.startsWith(exception))),
      [],
    );
    for (const exception of allowed)
      assert(
        found.some((one) => one.startsWith(exception)),
        `not there any more: ${exception}`,
      );
  });
});
