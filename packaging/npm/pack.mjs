// Packs for npm, as esbuild does it: a package that has the command, and one for each architecture that has the program. The first names the
// others as optional dependencies, and their `os` and `cpu` have npm install the one that fits.
//
//   node packaging/npm/pack.mjs --stage DIR --out DIR --version VERSION --arch ARCH --program FILE --licenses DIR     one with a program
//   node packaging/npm/pack.mjs --stage DIR --out DIR --version VERSION --pages DIR --library DIR                     the one with the command and the library
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    stage: { type: "string" },
    out: { type: "string" },
    version: { type: "string" },
    arch: { type: "string" },
    program: { type: "string" },
    licenses: { type: "string" },
    pages: { type: "string" },
    library: { type: "string" },
  },
});
const CPUS = { x86_64: "x64", aarch64: "arm64" };
const project = JSON.parse(readFileSync("package.json", "utf8"));
const { description, license, homepage, repository, bugs, engines } = project;
const common = { version: options.version, license, homepage, repository, bugs, os: ["linux"] };
const RUNTIME = project.name;
const platform = (cpu) => `${RUNTIME.split("/")[0]}/linux-${cpu}`;

/** A folder with this package.json, and what the others are copied to. */
function stage(name, manifest) {
  const folder = join(options.stage, name.split("/")[1]);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync("LICENSE", join(folder, "LICENSE"));
  return folder;
}

/** Modes are npm's to pack, and those of the sources depend on who has them. */
function setModes(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const isProgram = entry.isDirectory() || basename(entry.parentPath ?? entry.path) === "bin";
    chmodSync(join(entry.parentPath ?? entry.path, entry.name), isProgram ? 0o755 : 0o644);
  }
}

function stageProgram(cpu) {
  const name = platform(cpu);
  const folder = stage(name, {
    name,
    description: `The program of ${RUNTIME} for Linux on ${cpu}`,
    ...common,
    cpu: [cpu],
    preferUnplugged: true,
    files: ["bin", "copyright", "licenses", "RELINKING.md"],
  });
  mkdirSync(join(folder, "bin"));
  copyFileSync(options.program, join(folder, "bin/tsrun"));
  cpSync(options.licenses, folder, { recursive: true });
  copyFileSync("packaging/RELINKING.md", join(folder, "RELINKING.md"));
  writeFileSync(
    join(folder, "README.md"),
    `# ${name}\n\nThe program of [${RUNTIME}](https://www.npmjs.com/package/${RUNTIME}) for Linux on ${cpu}. Install that one.\n`,
  );
  return folder;
}

/** What programs import. In browsers the half that needs no Node is all there is. */
const EXPORTS = {
  ".": {
    types: "./library/index.d.ts",
    browser: { types: "./library/pure.d.ts", default: "./library/pure.js" },
    default: "./library/index.js",
  },
  "./pure": { types: "./library/pure.d.ts", default: "./library/pure.js" },
  "./client": { types: "./library/client.d.ts", default: "./library/client.js" },
  "./schemas/*": "./library/schemas/*",
  "./package.json": "./package.json",
};

function stageRuntime() {
  const pages = readdirSync(options.pages).sort();
  const folder = stage(RUNTIME, {
    name: RUNTIME,
    description,
    ...common,
    type: "module",
    engines,
    bin: { tsrun: "bin/tsrun.mjs" },
    sideEffects: false,
    types: "./library/index.d.ts",
    exports: EXPORTS,
    man: pages.map((page) => `./man/${page}`),
    files: ["bin", "man", "library", "install.mjs"],
    scripts: { postinstall: "node install.mjs" },
    optionalDependencies: Object.fromEntries(Object.values(CPUS).map((cpu) => [platform(cpu), options.version])),
    keywords: ["oci", "container", "runtime", "runc", "linux"],
  });
  mkdirSync(join(folder, "bin"));
  copyFileSync("packaging/npm/runtime/tsrun.mjs", join(folder, "bin/tsrun.mjs"));
  for (const name of ["install.mjs", "README.md"])
    copyFileSync(join("packaging/npm/runtime", name), join(folder, name));
  cpSync(options.library, join(folder, "library"), { recursive: true });
  mkdirSync(join(folder, "man"));
  for (const page of pages)
    writeFileSync(
      join(folder, "man", page),
      readFileSync(join(options.pages, page), "utf8").replaceAll(
        "@DOCDIR@",
        `${homepage}/blob/v${options.version}/docs`,
      ),
    );
  return folder;
}

const folder = options.arch === undefined ? stageRuntime() : stageProgram(CPUS[options.arch]);
setModes(folder);
execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", options.out], {
  cwd: folder,
  stdio: ["ignore", "ignore", "inherit"],
});
