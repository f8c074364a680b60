// Deferred imports, by which a module is read only when it is needed:
//
//   import defer * as hints from "../cli/hints.ts";
//   …
//   hints.hintFor(error)     // evaluates cli/hints.ts, the first time that a line names `hints`
//
// This is the syntax of the ECMAScript proposal "Deferring Module Evaluation", which the compiler, the linter and the formatter
// know. The engine does not: scripts/build.mjs makes each such module an entry of its own, and each use of the name a call of
// host.load. Node does not either: scripts/typescript.mjs lets it import the module at once.
import ts from "typescript";

const DEFERRED = /^import defer \* as (\w+) from "([^"]+)";$/gm;

/** The deferred imports of a source: { name, specifier }. */
export function deferredImports(text) {
  return [...text.matchAll(DEFERRED)].map(([, name, specifier]) => ({ name, specifier }));
}

/** The source with all its imports evaluated at once. */
export function withoutDeferral(text) {
  return text.replace(DEFERRED, 'import * as $1 from "$2";');
}

/**
 * The source with `globalThis.host.load(…)` in the place of every use of a deferred import. Lines stay where they are.
 *
 * @param moduleOf the name under which host.load knows what a specifier of this source leads to
 * @throws Error where the source declares the name of a deferred import again
 */
export function withLoads(text, moduleOf) {
  const modules = new Map(deferredImports(text).map(({ name, specifier }) => [name, moduleOf(specifier)]));
  if (modules.size === 0) return text;
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true);
  const uses = [];
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isIdentifier(node) && modules.has(node.text) && !isKey(node)) uses.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const node of uses.reverse()) {
    const { parent } = node;
    if (parent.name === node && !ts.isShorthandPropertyAssignment(parent)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      throw new Error(`line ${line}: ${node.text} is the name of a deferred import and cannot be declared again`);
    }
    const key = ts.isShorthandPropertyAssignment(parent) ? `${node.text}: ` : "";
    const load = `${key}globalThis.host.load(${JSON.stringify(`${modules.get(node.text)}.js`)})`;
    text = text.slice(0, node.getStart()) + load + text.slice(node.getEnd());
  }
  return text.replace(DEFERRED, "");
}

/** Whether an identifier is the key of a member: `x.name`, `{ name: x }`, `{ name: x } = …`, `name() {}`, `get name() {}`. */
function isKey(node) {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isBindingElement(parent) && parent.propertyName === node) ||
    ((ts.isPropertyAssignment(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isAccessor(parent) ||
      ts.isPropertyDeclaration(parent)) &&
      parent.name === node)
  );
}
