// The library for TypeScript programs, below DIR: ES modules, their declarations and the schemas.
//
//   node scripts/library.mjs --out DIR [--version VERSION]
//
//   index.js      everything, for Node
//   pure.js       everything that needs no host: types, builders, validate, plan; for Node, Bun, Deno and browsers
//   client.js     the client alone
//   *.d.ts        declarations; those of the program's own modules lie below types/
//   schemas/      JSON Schema, for editors and other languages
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import ts from "typescript";
import { withoutDeferral } from "./deferred.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: { out: { type: "string", default: join(root, "build/library") }, version: { type: "string", default: "0" } },
});
const out = resolve(options.out);
const entries = ["index", "pure", "client"];

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "schemas"), { recursive: true });

/** What the program reads only when it is needed, the library imports at once. */
const undeferred = {
  name: "undeferred imports",
  setup: (build) =>
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: withoutDeferral(readFileSync(path, "utf8")),
      loader: "ts",
    })),
};

await esbuild.build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(entries.map((name) => [name, join(root, `lib/src/${name}.ts`)])),
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*"],
  outdir: out,
  chunkNames: "chunk-[hash]",
  plugins: [undeferred],
  logLevel: "warning",
  define: { ARCH_X86_64: "true", TSRUN_VERSION: JSON.stringify(options.version) },
});

// ---- declarations

const types = join(out, "types");
const config = ts.getParsedCommandLineOfConfigFile(
  join(root, "lib/tsconfig.json"),
  { noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: types, rootDir: root },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => fail([diagnostic]) },
);
const program = ts.createProgram(
  entries.map((name) => join(root, `lib/src/${name}.ts`)),
  config.options,
);
const declarations = new Map();
const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit(undefined, keep).diagnostics];
if (problems.length > 0) fail(problems);
for (const name of entries) write(join(types, `lib/src/${name}.d.ts`));
for (const name of entries) writeFileSync(join(out, `${name}.d.ts`), `export * from "./types/lib/src/${name}.js";\n`);

/** Keeps a declaration, with names of modules that a package can have: the suffix .ts is for compilers of ours. */
function keep(path, text) {
  declarations.set(path, text.replace(/((?:from|import\()\s*"\.[^"]*)\.ts"/g, '$1.js"'));
}

/** Writes a declaration and those that it needs. The others are of modules that only the code needs. */
function write(path) {
  const text = declarations.get(path);
  if (text === undefined) return;
  declarations.delete(path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  for (const [, target] of text.matchAll(/(?:from|import\()\s*"(\.[^"]*)\.js"/g))
    write(join(dirname(path), `${target}.d.ts`));
}

function fail(diagnostics) {
  const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };
  console.error(ts.formatDiagnostics(diagnostics, host));
  process.exit(1);
}

// ---- schemas

/** Where each schema will be found, too, by programs that look it up. */
const HOME = "https://github.com/tsrun/tsrun/blob/main/schemas/";
const sources = join(root, "schemas");
const schema = (name) => JSON.parse(readFileSync(join(sources, name), "utf8"));

/** One document that refers to no other, as editors want it: the definitions of the others have the names of their files before theirs. */
function bundled(name) {
  const definitions = {};
  const place = (file, pointer) => {
    const target = [file.replace(/\.json$/, ""), ...pointer.split("/").slice(2)].join("-");
    if (definitions[target] === undefined) {
      definitions[target] = {}; // it may refer to itself
      const found = pointer
        .split("/")
        .slice(1)
        .reduce((value, key) => value[key], schema(file));
      const { $schema, $id, definitions: _own, ...rest } = found;
      definitions[target] = inside(rest, file);
    }
    return `#/definitions/${target}`;
  };
  const inside = (value, file) => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((one) => inside(one, file));
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => {
        if (key !== "$ref" || typeof one !== "string") return [key, inside(one, file)];
        const [target, pointer = ""] = one.split("#");
        return [key, place(target || file, pointer)];
      }),
    );
  };
  const { $schema, $id, definitions: _own, ...rest } = schema(name);
  const document = inside(rest, name);
  return { $schema, $id: `${HOME}${$id}`, ...document, definitions };
}

for (const name of readdirSync(sources).filter((file) => file.endsWith("-schema.json")))
  writeFileSync(join(out, "schemas", name), `${JSON.stringify(bundled(name), undefined, 2)}\n`);

const sizes = readdirSync(out).filter((name) => name.endsWith(".js"));
console.log(`${relative(process.cwd(), out)}: ${sizes.join(", ")}`);
