// The import law: a file imports only lower layers or its own folder, and rooms never import rooms. Type imports and deferred
// imports follow it too. Prints each line that breaks it, with the law.
//
//   node scripts/layers.mjs [SRC]
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Lowest first. Every other folder, and every other file in src itself, is a room and stands between spec and runtime. */
const layers = ["base", "abi", "sys", "spec", "room", "runtime", "explain", "cli", "main"];
const layerOfFile = { "main.ts": "main" };

const laws = {
  order: `a file imports only lower layers (${layers.join(" < ").replace("room", "rooms")}) or its own folder`,
  rooms: "rooms never import rooms: runtime carries one room's result to the next",
  pure: "spec/, plan.ts and *-plan.ts files never import sys/: they are pure and run under Node too",
  process:
    "create/init.ts and exec/child.ts never import create/parent.ts or exec/parent.ts: they are another process, channel/ is all they share",
  explain:
    "explain/ sits beside runtime/ and sees nothing of it but types: the plan (runtime/plan/container.ts) and the names of its steps (runtime/steps.ts)",
  missing: "there is no such file",
  tests: "what is shipped never imports a test",
  packages:
    "nothing but the engine is there when tsrun runs: no package, no module of Node, no file outside src/ but build/gen/",
};

/** Where a file of src stands: its layer and, for a room, which. */
function place(file) {
  const [folder, ...rest] = file.split("/");
  if (rest.length === 0)
    return { layer: layerOfFile[file] ?? "room", home: file.replace(/(\.test|\.fixture)?\.ts$/, "") };
  return { layer: layers.includes(folder) ? folder : "room", home: folder };
}

const isTest = (file) => /\.(test|fixture)\.ts$/.test(file);
/** A command of cli/ may be called plan too, and is none. */
const isPure = (file) =>
  !isTest(file) &&
  (place(file).layer === "spec" ||
    (/[/-]plan\.ts$/.test(file) && place(file).layer !== "cli") ||
    file === "runtime/plan/container.ts");
/** A room of one file holds its plan and what acts on it: a plan may import the one with the other. */
const isOneFileRoom = (file) => !file.includes("/");

/** Every import of one file of `src`: { line, target (below src, or a package), typeOnly }. */
function importsOf(src, file) {
  const path = join(src, file);
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, false);
  const found = [];
  const add = (node, specifier, typeOnly) => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    const target = specifier.startsWith(".") ? relative(src, resolve(dirname(path), specifier)) : specifier;
    found.push({ line, target, typeOnly });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      // `import { type T }` still loads the module (verbatimModuleSyntax): only `import type` is no import.
      add(node, node.moduleSpecifier.text, node.importClause?.isTypeOnly ?? false);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node, node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal.text, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0]) {
      add(node, node.arguments[0].text ?? "", false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** @returns {{ files: number, violations: string[] }} one line each, as an editor can follow it */
export function check(src) {
  const files = readdirSync(src, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .sort();
  const imports = new Map(files.map((file) => [file, importsOf(src, file)]));
  const violations = [];

  /** The law that `file` breaks by importing `target`, if any. */
  function broken(file, { target, typeOnly }) {
    const here = place(file);
    if (!imports.has(target)) {
      if (target.endsWith(".ts") && !target.startsWith("../")) return "missing";
      const made = target.startsWith("../build/gen/") && here.layer === "spec";
      return made || isTest(file) ? undefined : "packages";
    }
    const there = place(target);
    if (isTest(target) && !isTest(file)) return "tests";
    if (/^runtime\/(create\/init|exec\/child)\.ts$/.test(file) && /^runtime\/(create|exec)\/parent\.ts$/.test(target))
      return "process";
    if (here.home === there.home) return undefined;
    if (isPure(file) && there.layer === "sys") return "pure";
    if (here.layer === "room" && there.layer === "room") return "rooms";
    if (here.layer === "explain" && there.layer === "runtime")
      return /^runtime\/(plan\/container|steps)\.ts$/.test(target) && typeOnly ? undefined : "explain";
    return layers.indexOf(there.layer) < layers.indexOf(here.layer) ? undefined : "order";
  }

  /** The way by which importing `file` leads to sys/ when it runs, or undefined. Pure files and direct imports are judged on their own. */
  function wayToSys(file, seen = new Set()) {
    seen.add(file);
    if (isPure(file) || isOneFileRoom(file)) return undefined;
    for (const { target, typeOnly } of imports.get(file)) {
      if (typeOnly || seen.has(target) || !imports.has(target)) continue;
      const way = place(target).layer === "sys" ? [] : wayToSys(target, seen);
      if (way) return [target, ...way];
    }
    return undefined;
  }

  for (const [file, list] of imports) {
    for (const one of list) {
      const law = broken(file, one);
      const way = !law && isPure(file) && !one.typeOnly && imports.has(one.target) ? wayToSys(one.target) : undefined;
      if (!law && !way) continue;
      const what = [one.target, ...(way ?? [])].join(", which imports ");
      violations.push(
        `${join(relative(process.cwd(), src), file)}:${one.line}: imports ${what}: ${laws[law ?? "pure"]}`,
      );
    }
  }
  return { files: files.length, violations };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, violations } = check(resolve(process.argv[2] ?? "src"));
  console.log(
    violations.length === 0
      ? `${files} files keep the import law`
      : `${violations.join("\n")}\n${violations.length} imports break the import law`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
