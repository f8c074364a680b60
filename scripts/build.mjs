// Source to bytecode: esbuild bundles src/ into ES modules (an entry per module that is loaded on demand, chunks for what they
// share), qjsc compiles each to bytecode, and one C file lists them for host/host.c.
//
//   node scripts/build.mjs --out DIR --qjsc PATH [--arch x86_64|aarch64] [--entry FILE… | --program FILE]
//
// Without --entry the entries are src/main.ts, src/trace.ts and every module that a source imports deferred. --program takes the place of src/main.ts.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import { deferredImports, withLoads } from "./deferred.mjs";
import { decodeMappings } from "./sourcemap.mjs";

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    qjsc: { type: "string" },
    arch: { type: "string", default: process.arch === "arm64" ? "aarch64" : "x86_64" },
    version: { type: "string", default: "0" },
    commit: { type: "string", default: "" },
    src: { type: "string", default: "src" },
    entry: { type: "string", multiple: true },
    program: { type: "string" },
  },
});
const out = resolve(options.out);
const src = resolve(options.src);

/** The name by which host.load knows the module that `specifier` leads to in `file`: its path below src, without the suffix. */
const moduleOf = (file, specifier) => relative(src, resolve(dirname(file), specifier)).replace(/\.ts$/, "");

/** Every module that some source imports deferred. */
function deferredModules() {
  const found = new Set();
  for (const entry of readdirSync(src, { recursive: true })) {
    const file = String(entry);
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const text = readFileSync(join(src, file), "utf8");
    for (const { specifier } of deferredImports(text)) found.add(moduleOf(join(src, file), specifier));
  }
  return [...found].sort();
}

const entries = options.entry
  ? Object.fromEntries(options.entry.map((file) => [basename(file).replace(/(\.test)?\.m?ts$/, ""), resolve(file)]))
  : Object.fromEntries(["main", "trace", ...deferredModules()].map((name) => [name, join(src, `${name}.ts`)]));
if (options.program) entries.main = resolve(options.program);

/** What esbuild reads: each use of a deferred import is a call of host.load. */
const loadsOnDemand = {
  name: "deferred imports",
  setup: (build) =>
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      try {
        return { contents: withLoads(text, (specifier) => moduleOf(path, specifier)), loader: "ts" };
      } catch (error) {
        return { errors: [{ text: error.message, location: { file: path } }] };
      }
    }),
};

const js = join(out, "js");
rmSync(js, { recursive: true, force: true });
mkdirSync(js, { recursive: true });
// esbuild names chunks by a hash of their source maps too, which say where the sources are from here: it is told the same place in every build.
const placed = resolve("build/obj/js");
const result = await esbuild.build({
  entryPoints: entries,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  outdir: placed,
  write: false,
  sourcemap: "external",
  sourcesContent: false,
  minifySyntax: true,
  keepNames: false,
  treeShaking: true,
  chunkNames: "chunk-[hash]",
  logLevel: "warning",
  plugins: [loadsOnDemand],
  define: {
    ARCH_X86_64: String(options.arch === "x86_64"),
    TSRUN_VERSION: JSON.stringify(options.version),
    TSRUN_COMMIT: JSON.stringify(options.commit),
  },
});
for (const { path, contents } of result.outputFiles) {
  const file = join(js, relative(placed, path));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, contents);
}

// The line of TypeScript behind each line of JavaScript, for the traces of uncaught errors.
const files = readdirSync(js, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".js"))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const lines = {};
for (const file of files)
  lines[file] = decodeMappings(
    JSON.parse(readFileSync(join(js, `${file}.map`), "utf8")),
    dirname(join(placed, file)),
    dirname(src),
  );
writeFileSync(join(js, "lines.js"), `export const lines = ${JSON.stringify(JSON.stringify(lines))};\n`);
files.push("lines.js");

// A module's name is its path below js/; qjsc records the path it was given, so it runs inside js/ and imports stay external.
/**
 * What the life of a container takes, where all goes well, is in the heap of the program; in this order, because what is used together shares pages.
 * The rest is read from bytecode: it would only make the heap larger.
 */
function rank(file) {
  const order = [
    ...[
      "main",
      "sys/program",
      "cli/run",
      "runtime/run",
      "cli/create",
      "runtime/create/parent",
      "cgroup/v1",
      "cgroup/v2",
      "runtime/create/init",
      "hooks",
    ],
    ...[
      "seccomp/plan",
      "seccomp/cache",
      "lsm",
      "rootfs/copyup",
      "spec/validate",
      "namespaces/user-plan",
      "runtime/create/userns-parent",
      "runtime/create/userns-child",
    ],
    ...[
      "cli/start",
      "runtime/start",
      "cli/state",
      "cli/list",
      "runtime/state",
      "cli/kill",
      "runtime/kill",
      "cli/delete",
      "runtime/delete",
    ],
    ...[
      "cli/exec",
      "runtime/exec/parent",
      "spec/load",
      "cgroup/freezer",
      "cgroup/processes",
      "cgroup/remove",
      "cli/version",
    ],
  ];
  const at = order.indexOf(file.replace(/\.js$/, ""));
  return at < 0 ? order.length : at;
}

const source = ["/* made by scripts/build.mjs */", "#include <stdint.h>", ""];
const table = [];
let total = 0;
files.forEach((file, index) => {
  const flat = resolveImports(file);
  const symbol = `module_${index}`;
  const c = join(out, "module.c");
  execFileSync(options.qjsc, ["-c", "-m", ...flat.flatMap((name) => ["-M", name]), "-N", symbol, "-o", c, file], {
    cwd: js,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const text = readFileSync(c, "utf8");
  const size = Number(/_size = (\d+);/.exec(text)[1]);
  const body = /\[\d+\] = \{([\s\S]*?)\};/.exec(text)[1];
  source.push(`static const uint8_t ${symbol}[${size}] __attribute__((section(".modules"))) = {${body}};`);
  table.push(
    `    {"${file}", ${symbol}, ${size}, ${options.entry || options.program || rank(file) < rank("") ? 1 : 0}},`,
  );
  total += size;
  lines[file] && process.env.SIZES && console.log(`${String(size).padStart(8)} ${file}`);
});
rmSync(join(out, "module.c"), { force: true });
source.push(
  "const struct { const char *name; const uint8_t *code; uint32_t size, in_heap; } modules[] = {",
  ...table,
  "    {0, 0, 0, 0},",
  "};",
  `void *loaded[${files.length}];`,
  "",
);
writeFileSync(join(out, "modules.c"), source.join("\n"));
console.log(`${files.length} modules, ${Math.round(total / 1024)} KB of bytecode`);

/** Rewrites `file`'s relative imports to names below js/, and returns them. */
function resolveImports(file) {
  const path = join(js, file);
  const names = [];
  const text = readFileSync(path, "utf8").replace(
    /^((?:import|export)\b[^"';]*?\bfrom\s*|import\s*)"(\.[^"]*)"/gm,
    (_all, head, target) => {
      const name = relative(js, resolve(dirname(path), target));
      names.push(name);
      return `${head}"${name}"`;
    },
  );
  writeFileSync(path, text);
  return [...new Set(names)];
}
