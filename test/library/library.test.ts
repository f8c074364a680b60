// The library as a new user has it: a project in an empty folder, with nothing but the packed files and a compiler.

import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { makeRootfs } from "../system/bundle.ts";
import { skipBecause } from "../skip.ts";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const BUILD = resolve(PROJECT, process.env["BUILD"] ?? "build");
const EXAMPLES = ["lifecycle", "pod", "sandbox", "validate-ci"];
const CPU = process.arch;

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): SpawnSyncReturns<string> {
  const result = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, ...env }, timeout: 300_000 });
  if (result.error !== undefined) throw result.error;
  return result;
}

function ok(result: SpawnSyncReturns<string>): string {
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** The program of an npm package that holds nothing else, kept between two runs; undefined where it cannot be had. */
function programOf(name: string, version: string, path: string): string | undefined {
  const cache = join(
    process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    "tsrun-engines",
    `${name.replace(/\W/g, "-")}-${version}`,
  );
  const program = join(cache, "node_modules", name, path);
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true });
    const { status } = run(
      "npm",
      ["install", "--prefix", cache, "--no-save", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`],
      cache,
    );
    if (status !== 0) return undefined;
  }
  return existsSync(program) ? program : undefined;
}

describe("the library", function () {
  this.timeout(300_000);
  let folder = "";
  let rootfs = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tsrun-library-"));
    ok(run("make", ["-s", `BUILD=${BUILD}`, "pack"], PROJECT));
    for (const tarball of readdirSync(BUILD).filter((name) => /^tsrun-(runtime|linux-\w+)-.*\.tgz$/.test(name))) {
      const name = /^tsrun-(runtime|linux-[a-z0-9]+)-/.exec(tarball)?.[1] ?? "";
      const target = join(folder, "node_modules/@tsrun", name);
      mkdirSync(target, { recursive: true });
      ok(run("tar", ["-xzf", join(BUILD, tarball), "--strip-components=1", "-C", target], folder));
    }
    mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
    symlinkSync(join(PROJECT, "node_modules/undici-types"), join(folder, "node_modules/undici-types"));
    for (const name of EXAMPLES) cpSync(join(PROJECT, `lib/examples/${name}.ts`), join(folder, `${name}.ts`));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      types: ["node"],
      outDir: "out",
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    rootfs = join(folder, "rootfs");
    makeRootfs(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("type-checks in strict mode, its own declarations included", () => {
    ok(run(join(PROJECT, "node_modules/.bin/tsc"), ["-p", "tsconfig.json"], folder));
  });

  it("declarations have no `any` and declare nothing globally", () => {
    const root = join(folder, "node_modules/@tsrun/runtime/library");
    for (const file of readdirSync(root, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".d.ts"))) {
      const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      assert.doesNotMatch(text, /\bany\b/, file);
      assert.doesNotMatch(text, /declare global/, file);
    }
  });

  const engines: readonly (readonly [name: string, find: () => string | undefined])[] = [
    ["this Node", () => process.execPath],
    ...["20", "22", "24"].map(
      (version) => [`Node ${version}`, () => programOf(`node-linux-${CPU}`, version, "bin/node")] as const,
    ),
  ];
  for (const [name, find] of engines) {
    describe(`on ${name}`, () => {
      let node = "";
      before(function () {
        const found = find();
        if (found === undefined) skipBecause(this, `npm has no ${name} for ${CPU}, or cannot be reached`);
        node = found;
      });
      const example = (file: string, ...args: string[]): SpawnSyncReturns<string> =>
        run(node, [`out/${file}.js`, ...args], folder);

      it("a container goes through its life, and is gone at the end of its scope", () => {
        assert.equal(
          ok(example("lifecycle", rootfs)),
          "created\nready\nhello\ncontainer\n1 of 64 processes\nstopped\ngone\n",
        );
      });

      it("a command runs in a sandbox, and its exit status, its failure and its timeout are told", () => {
        assert.equal(ok(example("sandbox", rootfs, "sh", "-c", "echo out; exit 3")), "out\nexit status 3\n");
        assert.match(ok(example("sandbox", rootfs, "no-such-program")), /^program-missing in step "find program": /);
        assert.equal(ok(example("sandbox", rootfs, "sleep", "1000")), "timed out\n");
      });

      it("the two containers of a pod see each other's server and processes", () => {
        const stdout = ok(example("pod", rootfs));
        assert.match(stdout, /^root:x:0:0/m);
        assert.match(stdout, /^ +1 httpd/m);
      });

      it("a config.json with errors fails a job of continuous integration", () => {
        writeFileSync(join(folder, "good.json"), readFileSync(join(PROJECT, "bundles/hello/config.json")));
        writeFileSync(join(folder, "bad.json"), '{"ociVersion": "1.0.2",\n "root": {}}');
        assert.equal(ok(example("validate-ci", "good.json")), "");
        const { status, stdout } = example("validate-ci", "bad.json");
        assert.equal(status, 1);
        assert.match(stdout, /^::error file=bad\.json,line=2,col=\d+,title=\w+::\/root\/path: is required/);
      });
    });
  }

  const others: readonly (readonly [name: string, find: () => string | undefined, ...args: string[]])[] = [
    ["Bun", () => programOf(`@oven/bun-linux-${CPU === "arm64" ? "aarch64" : "x64"}`, "1", "bin/bun"), "run"],
    ["Deno", () => programOf(`@deno/linux-${CPU}-glibc`, "2", "deno"), "run"],
  ];
  for (const [name, find, ...args] of others)
    it(`the pure half runs in ${name}`, function () {
      const program = find();
      if (program === undefined) skipBecause(this, `npm has no ${name} for ${CPU}, or cannot be reached`);
      writeFileSync(join(folder, "pure.mjs"), PURE);
      assert.equal(
        ok(run(program, [...args, "pure.mjs"], folder)),
        "/root/path: is required\n0\nContainer container: bundle /bundle, root file system /bundle/rootfs\n",
      );
    });

  it("the pure half needs nothing but the language: it runs in a bare engine", () => {
    const machine = `${CPU === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-static`;
    const engine = join(PROJECT, `node_modules/@suchipi/quickjs/build/${machine}/bin/qjs`);
    writeFileSync(
      join(folder, "bare.js"),
      PURE.replace("@tsrun/runtime/pure", "./node_modules/@tsrun/runtime/library/pure.js"),
    );
    assert.equal(
      ok(run(engine, ["-m", "bare.js"], folder)),
      "/root/path: is required\n0\nContainer container: bundle /bundle, root file system /bundle/rootfs\n",
    );
  });

  it("plan, script and findings are those of the program, on this host", () => {
    const program = join(folder, `node_modules/@tsrun/linux-${CPU}/bin/tsrun`);
    const bundle = join(PROJECT, "bundles/limits");
    writeFileSync(join(folder, "plan.mjs"), PLAN);
    const said = JSON.parse(ok(run(process.execPath, ["plan.mjs", bundle], folder)));
    const theirs = (...args: string[]): string =>
      run(program, ["plan", "--id", "one", "-b", bundle, ...args], folder).stdout;
    const withoutFailures = (text: string): string => text.replaceAll(/^ +will fail here: .*\n/gm, "");
    assert.equal(said.explain, withoutFailures(theirs()));
    assert.equal(said.shell, theirs("--shell"));
    const { steps } = JSON.parse(theirs("--json")) as { steps: { step: string; acts: unknown[] }[] };
    assert.deepEqual(
      said.steps.map(({ name, acts }: { name: string; acts: unknown[] }) => ({ step: name, acts })),
      steps.map(({ step, acts }) => ({ step, acts })),
    );
  });

  it("terminals: of a container with its size, and of one more process", () => {
    writeFileSync(join(folder, "terminal.mjs"), TERMINAL);
    const { shown, status, more } = JSON.parse(ok(run(process.execPath, ["terminal.mjs", rootfs], folder)));
    assert.match(shown, /\r\n33 91\r\n\/dev\/pts\/0\r\n/);
    assert.equal(status, "stopped");
    assert.match(more, /^\/dev\/pts\/\d\r?\n20 70\r?\n$/m);
  });

  for (const other of ["runc", "crun"])
    it(`the client runs containers with ${other}, and says what it has no command for`, function () {
      if (spawnSync(other, ["--version"]).status !== 0) skipBecause(this, `${other} is not installed`);
      writeFileSync(join(folder, "other.mjs"), OTHER);
      // crun refuses a host with both versions of cgroups mounted.
      const view = existsSync("/sys/fs/cgroup/cgroup.controllers")
        ? []
        : [join(PROJECT, "scripts/private-view"), "v1", "--"];
      const [program = "", ...args] = [...view, process.execPath, "other.mjs", other, rootfs];
      const stdout = ok(run(program, args, folder));
      const stats = other === "crun" ? "runtime-lacks-command" : "object";
      assert.equal(stdout, `${other}\nhi\n3\nrunning\nstopped\n${stats}\nTsrunError\n`);
    });
});

const TERMINAL = `
import { randomUUID } from "node:crypto";
import { defaultConfig, Runtime } from "@tsrun/runtime";
const runtime = new Runtime();
const bundle = defaultConfig({ root: process.argv[2], args: ["sh"], terminal: true });
const container = await runtime.create("terminal-" + randomUUID(), { bundle, terminal: { columns: 91, rows: 33 } });
const all = async (stream) => { let text = ""; for await (const chunk of stream) text += chunk; return text; };
try {
  await container.start();
  const process_ = { args: ["sh", "-c", "tty; stty size"], cwd: "/", terminal: true, consoleSize: { height: 20, width: 70 }, env: ["PATH=/bin:/usr/bin"] };
  const more = await all((await container.exec(process_, { stdin: "ignore" })).stdout);
  container.terminal.input.write("stty size; tty; exit 7\\n");
  const shown = await all(container.terminal.output);
  const { status } = await container.stopped();
  console.log(JSON.stringify({ shown, status, more }));
} finally {
  await container.delete({ force: true });
}
`;

const PLAN = `
import { readFileSync } from "node:fs";
import { explain, hostFacts, plan, toShell } from "@tsrun/runtime";
const [bundle] = process.argv.slice(2);
const config = readFileSync(bundle + "/config.json", "utf8");
const options = { facts: hostFacts(), id: "one", bundle };
console.log(JSON.stringify({ explain: explain(config, options), shell: toShell(config, options), steps: plan(config, options) }));
`;

const PURE = `
import { defaultConfig, explain, validate } from "@tsrun/runtime/pure";
const [finding] = validate('{"ociVersion":"1.0.2","root":{}}');
console.log(finding.pointer + ": " + finding.message);
const config = defaultConfig({ root: "rootfs", args: ["sh"] });
console.log(validate(config).length);
console.log(explain(config).split("\\n")[0]);
`;

const OTHER = `
import { defaultConfig, Runtime, TsrunError } from "@tsrun/runtime";
const [program, root] = process.argv.slice(2);
const runtime = new Runtime({ program, root: process.cwd() + "/state-" + program });
console.log((await runtime.version()).kind);
const config = (args) => ({ ...defaultConfig({ root, args }), ociVersion: "1.0.2" }); // crun 1.8 knows no newer one
const first = await (await runtime.run("a", { bundle: config(["sh", "-c", "echo hi; exit 3"]), stdin: "ignore" })).output();
process.stdout.write(first.stdout);
console.log(first.status);
const container = await runtime.create("b", { bundle: config(["sleep", "1000"]), stdin: "ignore" });
try {
  await container.start();
  console.log((await container.state()).status);
  const stats = await container.stats().then((value) => typeof value, (error) => error.code);
  await container.kill("KILL");
  console.log((await container.stopped()).status);
  console.log(stats);
} finally {
  await container.delete({ force: true });
}
console.log(await runtime.state("none").catch((error) => error.name));
`;
