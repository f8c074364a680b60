// Deferred imports: scripts/deferred.mjs puts a call of host.load in the place of each use of the name, and of nothing else.

import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { deferredImports, withLoads, withoutDeferral } from "../../scripts/deferred.mjs";

const IMPORT = 'import defer * as hints from "../cli/hints.ts";\n';
const LOAD = 'globalThis.host.load("cli/hints.js")';

/** What the build makes of a source that begins with IMPORT. */
const built = (text: string): string => withLoads(IMPORT + text, () => "cli/hints");

describe("deferred imports", () => {
  it("are found with name and specifier", () => {
    assert.deepEqual(deferredImports(`import { x } from "./x.ts";\n${IMPORT}`), [
      { name: "hints", specifier: "../cli/hints.ts" },
    ]);
  });

  it("are evaluated at once under Node", () => {
    assert.equal(withoutDeferral(IMPORT), 'import * as hints from "../cli/hints.ts";\n');
  });

  it("a source without any stays as it is", () => {
    const text = 'import * as hints from "../cli/hints.ts";\nhints.f();\n';
    assert.equal(
      withLoads(text, () => ""),
      text,
    );
  });

  const cases: readonly (readonly [what: string, text: string, expected: string])[] = [
    ["a call", "hints.hintFor(e);\n", `${LOAD}.hintFor(e);\n`],
    ["the namespace as a value", "f(() => hints);\n", `f(() => ${LOAD});\n`],
    ["the value of a member", "f({ hints, a: hints });\n", `f({ hints: ${LOAD}, a: ${LOAD} });\n`],
    [
      "the key of a member is none",
      "x.hints; ({ hints: 1, hints() {}, get hints() {} });\n",
      "x.hints; ({ hints: 1, hints() {}, get hints() {} });\n",
    ],
    ["the key of a pattern is none", "const { hints: h } = x;\n", "const { hints: h } = x;\n"],
    ["a type is none", "let x: typeof hints | hints.Hint;\n", "let x: typeof hints | hints.Hint;\n"],
    [
      "text is none",
      "// hints\nf('hints', `hints $" + "{hints.x}`);\n",
      "// hints\nf('hints', `hints $" + `{${LOAD}.x}\`);\n`,
    ],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.equal(built(text), `\n${expected}`));

  for (const text of [
    "const hints = 1;\n",
    "function f(hints: number) {}\n",
    "const { hints } = x;\n",
    "const { a: hints } = x;\n",
    "try {} catch (hints) {}\n",
    "function hints() {}\n",
  ])
    it(`the name cannot be declared again: ${text.trim()}`, () =>
      assert.throws(() => built(`\n${text}`), /line 3: hints is the name of a deferred import/));
});
