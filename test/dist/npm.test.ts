// The packages for npm, as npm installs them: from files, and from a registry on this machine.

import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { DIST, makeBundles, makeDist, PROJECT, run, VERSION } from "./released.ts";

const HERE = process.arch === "arm64" ? "arm64" : "x64";
const ELSEWHERE = HERE === "x64" ? "arm64" : "x64";
const packages = (): string[] => readdirSync(DIST).filter((name) => name.endsWith(".tgz"));
const manifestOf = (tarball: string): { name: string; version: string } =>
  JSON.parse(run("tar", ["-xOf", join(DIST, tarball), "package/package.json"]));

/** What npm asks a registry: the document of a package, and its tarball. */
function serve(): Server {
  const documents = new Map<string, object>();
  const server = createServer(({ url = "/" }, response) => {
    const path = decodeURIComponent(url.slice(1));
    const body = packages().includes(basename(path))
      ? readFileSync(join(DIST, basename(path)))
      : JSON.stringify(documents.get(path));
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  server.listen(0, "127.0.0.1", () => {
    for (const tarball of packages()) {
      const manifest = manifestOf(tarball);
      const integrity = `sha512-${createHash("sha512")
        .update(readFileSync(join(DIST, tarball)))
        .digest("base64")}`;
      documents.set(manifest.name, {
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: {
          [manifest.version]: { ...manifest, dist: { tarball: `${addressOf(server)}/${tarball}`, integrity } },
        },
      });
    }
  });
  return server;
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the registry does not listen");
  return `http://127.0.0.1:${address.port}`;
}

describe("the packages for npm", function () {
  this.timeout(300_000);
  let folder = "";
  let server: Server;
  before(async function () {
    makeDist(this);
    makeBundles();
    folder = mkdtempSync(join(tmpdir(), "tsrun-npm-"));
    server = serve();
    await once(server, "listening");
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** npm with an empty cache and no configuration of this machine's. The registry answers meanwhile. */
  async function npm(cwd: string, ...args: string[]): Promise<void> {
    mkdirSync(cwd, { recursive: true });
    const env = { PATH: process.env["PATH"], HOME: folder, npm_config_cache: join(folder, "cache") };
    const child = spawn(
      "npm",
      [...args, "--no-audit", "--no-fund", "--loglevel=error", "--registry", addressOf(server)],
      {
        cwd,
        env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
    const [status] = await once(child, "close");
    assert.equal(status, 0, said);
  }

  const installed = (cwd: string): string[] => readdirSync(join(cwd, "node_modules/@tsrun")).sort();

  /** A container runs, and its status comes through. */
  function tryIn(cwd: string): void {
    const tsrun = join(cwd, "node_modules/.bin/tsrun");
    assert.match(run(tsrun, ["--version"]), new RegExp(`^tsrun version ${VERSION}\n`));
    assert.notEqual(run(tsrun, ["run", "-b", join(PROJECT, "bundles/hello"), `tsrun-npm-${process.pid}`]), "");
    const { status, stderr } = spawnSync(tsrun, ["state", "none"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /does not exist/);
  }

  it("have the version of this release, and where the project is", () => {
    for (const tarball of packages()) {
      const manifest = JSON.parse(run("tar", ["-xOf", join(DIST, tarball), "package/package.json"]));
      assert.equal(manifest.version, VERSION, tarball);
      for (const field of ["repository", "homepage", "bugs", "license", "description"])
        assert(field in manifest, `${tarball}: ${field}`);
      assert.equal("private" in manifest, false);
      const files = run("tar", ["-tf", join(DIST, tarball)]);
      for (const name of ["README.md", "LICENSE"]) assert.match(files, new RegExp(`^package/${name}$`, "m"));
    }
  });

  it("run a container, installed from the files into an empty folder", async () => {
    const cwd = join(folder, "files");
    const files = packages().filter((name) => !name.includes(ELSEWHERE));
    await npm(cwd, "install", ...files.map((name) => join(DIST, name)));
    assert.deepEqual(installed(cwd), [`linux-${HERE}`, "runtime"]);
    tryIn(cwd);
    // npm runs install.mjs: the command is the program, and no Node starts before it.
    assert(readFileSync(join(cwd, "node_modules/.bin/tsrun")).subarray(1, 4).equals(Buffer.from("ELF")));
  });

  it("run a container, installed by name, without scripts", async () => {
    const cwd = join(folder, "by-name");
    await npm(cwd, "install", "--ignore-scripts", "@tsrun/runtime");
    assert.deepEqual(installed(cwd), [`linux-${HERE}`, "runtime"]);
    tryIn(cwd);
  });

  it("give a machine of the other architecture the other program", async function () {
    if (!packages().some((name) => name.includes(ELSEWHERE))) return this.skip();
    const cwd = join(folder, "elsewhere");
    await npm(cwd, "install", "--ignore-scripts", "--cpu", ELSEWHERE, "--os", "linux", "@tsrun/runtime");
    assert.deepEqual(installed(cwd), [`linux-${ELSEWHERE}`, "runtime"]);
    const machine = readFileSync(join(cwd, `node_modules/@tsrun/linux-${ELSEWHERE}/bin/tsrun`)).readUInt16LE(18);
    assert.equal(machine, ELSEWHERE === "arm64" ? 183 : 62); // e_machine, see elf(5)
  });

  it("say which package is missing where optional dependencies were left out", async () => {
    const cwd = join(folder, "omitted");
    await npm(cwd, "install", "--omit=optional", "@tsrun/runtime");
    const { status, stderr } = spawnSync(join(cwd, "node_modules/.bin/tsrun"), ["--version"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(
      stderr,
      new RegExp(`^tsrun: the package @tsrun/linux-${HERE} is not installed: .*--omit=optional.*\n$`),
    );
  });

  describe("where Node starts the program", () => {
    const tsrun = (): string => join(folder, "by-name/node_modules/.bin/tsrun");
    const id = `tsrun-npm-signals-${process.pid}`;
    let child: ChildProcess | undefined;
    after(() => {
      child?.kill("SIGKILL");
      spawnSync(tsrun(), ["delete", "--force", id]);
    });

    it("a signal reaches the container, whose status comes back", async () => {
      child = spawn(tsrun(), ["run", "-b", join(PROJECT, "bundles/service"), id], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "exit");
      await new Promise<void>((ready) =>
        child?.stdout?.on("data", (text) => String(text).includes("ready") && ready()),
      );
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null]);
    });

    it("descriptors of the caller reach it, as LISTEN_FDS and --preserve-fds say", () => {
      const words = [tsrun(), bundle("echo third >&3; echo fourth >&4"), id];
      const preserving = ["-c", 'exec "$0" run --preserve-fds 2 -b "$1" "$2" 3>&1 4>&1', ...words];
      const listening = [
        "-c",
        'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" run --preserve-fds=1 -b "$1" "$2" 3>&1 4>&1',
        ...words,
      ];
      for (const args of [preserving, listening]) {
        const { stdout, stderr } = spawnSync("sh", args, { encoding: "utf8" });
        assert.equal(stdout + stderr, "third\nfourth\n");
      }
    });

    function bundle(script: string): string {
      const path = join(folder, "bundle");
      mkdirSync(path, { recursive: true });
      const config = JSON.parse(readFileSync(join(PROJECT, "bundles/hello/config.json"), "utf8"));
      config.process.args = ["sh", "-c", script];
      config.root.path = join(PROJECT, "build/rootfs");
      writeFileSync(join(path, "config.json"), JSON.stringify(config));
      return path;
    }
  });
});
