// docs/conformance.md says which test shows what. Each test that it names is there, in the file that it names and by that title; so a
// test that is renamed or removed takes its row along.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import ts from "typescript";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

type Row = { readonly name: string; readonly line: number; readonly test: string };

/** The rows of all tables. */
function rows(text: string): Row[] {
  return text.split("\n").flatMap((line, index) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (cells.length !== 5 || !/^[A-Z]\d+$/.test(cells[1] ?? "")) return [];
    return [{ name: cells[1] ?? "", line: index + 1, test: cells[3] ?? "" }];
  });
}

/** `file: title` in a cell; what else it says are words. */
const named = (cell: string): { readonly file: string; readonly title: string }[] =>
  cell.split("<br>").flatMap((part) => {
    const [, file, title] = /^((?:src|test)\/\S+\.ts): (.*)$/.exec(part.trim()) ?? [];
    return file === undefined || title === undefined ? [] : [{ file, title: title.replaceAll("\\|", "|") }];
  });

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** The titles of a file's tests, each also behind the titles of the blocks that it stands in; what a template fills in may be anything. */
function titles(path: string): RegExp[] {
  const found: RegExp[] = [];
  const pattern = (node: ts.Node | undefined): string | undefined => {
    if (node === undefined) return undefined;
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return literally(node.text);
    return ts.isTemplateExpression(node)
      ? literally(node.head.text) + node.templateSpans.map(({ literal }) => `.*${literally(literal.text)}`).join("")
      : undefined;
  };
  const isFunction = (node: ts.Node | undefined): boolean =>
    node !== undefined && (ts.isArrowFunction(node) || ts.isFunctionExpression(node));
  const add = (above: readonly string[], title: string): void => {
    for (let from = 0; from <= above.length; from++)
      found.push(new RegExp(`^${[...above.slice(from), title].join(" ")}$`, "s"));
  };
  const visit = (node: ts.Node, above: readonly string[]): void => {
    // Promises that stand in a file of their own (they run in another process).
    if (
      ts.isImportDeclaration(node) &&
      /\{ promises \}/.test(node.getText()) &&
      ts.isStringLiteral(node.moduleSpecifier)
    )
      found.push(...titles(resolve(dirname(path), node.moduleSpecifier.text)));
    const title =
      ts.isCallExpression(node) &&
      (isFunction(node.arguments.at(-1)) || /\bit([A-Z]\w*)?$/.test(node.expression.getText()))
        ? pattern(node.arguments[0])
        : undefined;
    if (title !== undefined && ts.isCallExpression(node)) {
      if (/\bdescribe\b/.test(node.expression.getText()))
        return void ts.forEachChild(node, (child) => visit(child, [...above, title]));
      add(above, title);
    }
    // A table of promises by name, each tried by a test that is made of it.
    if (ts.isPropertyAssignment(node) && isFunction(node.initializer) && ts.isStringLiteral(node.name))
      add([], literally(node.name.text));
    ts.forEachChild(node, (child) => visit(child, above));
  };
  visit(ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true), []);
  return found;
}

/** What is wrong with the tests that a table names. */
function missing(text: string): string[] {
  const known = new Map<string, RegExp[]>();
  return rows(text).flatMap(({ name, line, test }) =>
    named(test).flatMap(({ file, title }) => {
      const path = resolve(PROJECT, file);
      if (!existsSync(path)) return [`line ${line}, ${name}: there is no ${file}`];
      if (!known.has(path)) known.set(path, titles(path));
      return known.get(path)?.some((pattern) => pattern.test(title))
        ? []
        : [`line ${line}, ${name}: ${file} has no test "${title}"`];
    }),
  );
}

describe("docs/conformance.md", () => {
  const text = readFileSync(resolve(PROJECT, "docs/conformance.md"), "utf8");

  it("names tests that are there", () => assert.deepEqual(missing(text), []));

  it("has each row once", () => {
    const names = rows(text).map(({ name }) => name);
    assert(names.length > 350, `only ${names.length} rows`);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) < index),
      [],
    );
  });

  it("has no cell that looks like a test and is none", () => {
    for (const { name, test } of rows(text))
      for (const part of test.split("<br>"))
        if (/\.ts\b/.test(part)) assert.notDeepEqual(named(part), [], `${name}: ${part}`);
  });

  it("would not pass with a test that is not there", () => {
    const own = "test/rules/conformance.test.ts";
    const row = (test: string): string => `| A1 | what | ${test} |`;
    assert.deepEqual(missing(row(`${own}: has each row once`)), []);
    assert.deepEqual(missing(row(`${own}: docs/conformance.md has each row once`)), []);
    assert.deepEqual(missing(row(`${own}: has each row twice<br>test/rules/nowhere.test.ts: x`)), [
      `line 1, A1: ${own} has no test "has each row twice"`,
      "line 1, A1: there is no test/rules/nowhere.test.ts",
    ]);
  });
});
