// Loaded by mocha before every test: what the build and host/host.c provide to the sources, for sources run directly under Node.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Mocha from "mocha";

// A host that says how slow it is has all the more time.
const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);
const timeout = Mocha.Runnable.prototype.timeout as (ms?: number | string) => number;
if (slowness > 1) {
  Mocha.Runnable.prototype.timeout = function (this: Mocha.Runnable, ms?: number | string) {
    return ms === undefined ? timeout.call(this) : timeout.call(this, typeof ms === "number" ? ms * slowness : ms);
  } as typeof Mocha.Runnable.prototype.timeout;
}

const require = createRequire(import.meta.url);

const imported = new Map<string, unknown>();

Object.assign(globalThis, {
  ARCH_X86_64: process.arch === "x64",
  TSRUN_VERSION: "0.0.0",
  TSRUN_COMMIT: "test",
  /** The parts of the host that pure code uses; who makes a system call in a unit test gets a TypeError. */
  host: {
    argv: ["tsrun"],
    load: (name: string): unknown => imported.get(name) ?? require(`../src/${name.replace(/\.js$/, ".ts")}`),
    encode: (text: string): ArrayBuffer => new Uint8Array(Buffer.from(`${text}\0`)).buffer,
    decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
  },
});

// Older versions of Node evaluate a module again when it is required, and an error of the second copy is none of the first's: there, all that
// the sources load is imported beforehand, for tests that run the sources.
const sharesModules = (process.features as { readonly require_module?: boolean }).require_module === true;
if (!sharesModules && process.argv.some((word) => word.startsWith("src/"))) {
  const sources = new URL("../src/", import.meta.url);
  const texts = readdirSync(sources, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(new URL(file, sources), "utf8"));
  const names = new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\bload<typeof import\("[^"]+"\)>\("([^"]+)"/g)].map(([, name]) => name ?? ""),
    ),
  );
  for (const name of names) imported.set(`${name}.js`, await import(new URL(`${name}.ts`, sources).href));
}
