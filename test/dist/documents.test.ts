// The lines that README.md and docs/install.md tell users to type, typed in roots of Debian; what would be downloaded is what was just made.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { DIST, inRoot, makeBundles, makeDist, PROJECT, rootOf, run, VERSION } from "./released.ts";

const THIS = `tsrun version ${VERSION}`;
const RELEASES = /https:\/\/github\.com\/tsrun\/tsrun\/releases\/download\/v([\d.]+(?:-[\w.]+)?)\//g;

let folder = "";
before(() => (folder = mkdtempSync(join(tmpdir(), "tsrun-documents-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The lines for a shell in a document, by the comment or heading above them. */
function lines(file: string): Map<string, string> {
  const found = new Map<string, string>();
  let label = "";
  let isShell = false;
  for (const line of readFileSync(join(PROJECT, file), "utf8").split("\n")) {
    if (line.startsWith("```")) isShell = line === "```sh";
    else if (!isShell && line.startsWith("#")) label = line.replace(/^#+ /, "");
    else if (isShell && line.startsWith("# ")) label = line.slice(2);
    else if (isShell) found.set(label, `${found.get(label) ?? ""}${line}\n`);
  }
  return found;
}

/** As root, and with files for downloads. */
const here = (text: string, dist: string): string =>
  text.replaceAll("sudo ", "").replaceAll("curl -fLO ", `cp -t . `).replaceAll(RELEASES, `${dist}/`);

describe("README.md", function () {
  this.timeout(300_000);
  const ways = lines("README.md");
  const line = (way: string): string => ways.get(way) ?? assert.fail(`README.md has no line for ${way}`);
  before(function () {
    makeDist(this);
    makeBundles();
  });

  it("has a line for each way to install, all of this version", () => {
    assert.deepEqual([...ways.keys()], ["the program", ".deb", ".rpm", "npm", "source"]);
    for (const text of ways.values()) {
      assert.equal(text.trim().split("\n").length, 1);
      for (const [, version] of text.matchAll(RELEASES)) assert.equal(version, VERSION);
    }
  });

  for (const way of ["the program", ".deb"])
    it(`its line for ${way} installs a program that runs a container`, function () {
      const script = `cd /tmp; ${here(line(way), "/dist")} tsrun --version; tsrun run -b /p/bundles/hello tsrun-readme-${process.pid}`;
      assert.match(inRoot(rootOf(this, "trixie"), script), new RegExp(`^${THIS}$`, "m"));
    });

  it("its line for .rpm installs the program", () => {
    const root = join(folder, "rpm");
    mkdirSync(root);
    run("sh", ["-euc", here(line(".rpm"), DIST).replace("rpm -i ", `rpm --root ${root} --dbpath /var/lib/rpm -i `)]);
    assert.match(run(join(root, "usr/bin/tsrun"), ["--version"]), new RegExp(`^${THIS}\n`));
  });

  it("its line for npm names a package that is made, and that of source what make knows", () => {
    const [, name = ""] = /^npm install --global (\S+)\n$/.exec(line("npm")) ?? [];
    assert.equal(name, JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).name);
    assert.equal(line("source"), "git clone https://github.com/tsrun/tsrun && cd tsrun && make && sudo make install\n");
  });
});

describe("docs/install.md", function () {
  this.timeout(300_000);
  const ways = lines("docs/install.md");
  const line = (heading: string): string =>
    ways.get(heading) ?? assert.fail(`docs/install.md has nothing under ${heading}`);
  before(function () {
    makeDist(this);
  });

  it("its lines verify what was downloaded, and notice a file that was changed", () => {
    const verify = here(line("Verify what you downloaded"), DIST);
    const downloads = join(folder, "downloads");
    mkdirSync(downloads);
    const program = `tsrun-${VERSION}-linux-x86_64`;
    cpSync(join(DIST, program), join(downloads, program));
    assert.equal(run("sh", ["-euc", verify], { cwd: downloads }), `${program}: OK\n`);
    writeFileSync(join(downloads, program), "changed", { flag: "a" });
    assert.equal(spawnSync("sh", ["-euc", verify], { cwd: downloads }).status, 1);
  });

  it("its lines for the tarball install what it says has to be removed, and nothing else", function () {
    const script = `
      mkdir -p /usr/local
      find /usr/local -type f >/run/before
      cd /tmp
      ${here(line("The ways"), "/dist")}
      tsrun --version >&2
      find /usr/local -type f`;
    const files = inRoot(rootOf(this, "trixie"), script).trim().split("\n");
    const text = readFileSync(join(PROJECT, "docs/install.md"), "utf8");
    const [, removed = ""] = /^Of the tarball, in `\/usr\/local`: ([\s\S]*?)\. What/m.exec(text) ?? [];
    const patterns = [...removed.matchAll(/`([^`]+)`/g)].map(
      ([, path = ""]) => new RegExp(`^/usr/local/${path.replaceAll(".", "\\.").replaceAll("*", ".*")}(/|$)`),
    );
    assert(patterns.length >= 6);
    for (const file of files)
      assert(
        patterns.some((pattern) => pattern.test(file)),
        file,
      );
    for (const pattern of patterns)
      assert(
        files.some((file) => pattern.test(file)),
        String(pattern),
      );
  });
});

describe("packaging/versions.mjs", () => {
  const versions = (...words: string[]): { status: number | null; stdout: string } =>
    spawnSync("node", ["packaging/versions.mjs", ...words], { cwd: PROJECT, encoding: "utf8" });

  it("finds one version in this tree", () => {
    const { status, stdout } = versions();
    assert.deepEqual([status, stdout], [0, `${VERSION}\n`]);
  });

  for (const [title, file, from, to, problem] of [
    [
      "another version in package.json",
      "package.json",
      `"version": "${VERSION}"`,
      '"version": "9.9.9"',
      /^package-lock\.json says .*9\.9\.9$/m,
    ],
    [
      "another latest section",
      "CHANGELOG.md",
      `## [${VERSION}] - `,
      "## [9.9.9] - ",
      /^the latest section of CHANGELOG\.md says 9\.9\.9/m,
    ],
    [
      "a section without a date",
      "CHANGELOG.md",
      /(## \[[\d.]+\]) - \S+/,
      "$1",
      /^the latest section of CHANGELOG\.md has no date$/m,
    ],
    [
      "changes that are not released",
      "CHANGELOG.md",
      "## [Unreleased]\n",
      "## [Unreleased]\n\n- more\n",
      /^CHANGELOG\.md has changes that are not of/m,
    ],
    ["a download of another release", "README.md", `/v${VERSION}/`, "/v9.9.9/", /^README\.md: .* says 9\.9\.9/m],
    [
      "a file of another version",
      "docs/install.md",
      `tsrun-${VERSION}-linux`,
      "tsrun-9.9.9-linux",
      /^docs\/install\.md: .* says 9\.9\.9/m,
    ],
  ] as const)
    it(`notices ${title}`, () => {
      const root = mkdtempSync(join(folder, "tree-"));
      for (const name of ["package.json", "package-lock.json", "CHANGELOG.md", "README.md", "docs/install.md"]) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        const text = readFileSync(join(PROJECT, name), "utf8");
        const changed = name === file ? text.replace(from, to) : text;
        if (name === file) assert.notEqual(changed, text);
        // A tree between two releases has more of its own there.
        const released = changed.replace(/(^## \[Unreleased\]\n)(?!\n- more)[\s\S]*?(?=^## \[)/m, "$1\n");
        writeFileSync(join(root, name), name === "CHANGELOG.md" ? released : changed);
      }
      const { status, stdout } = versions("--root", root, "--release");
      assert.equal(status, 1);
      assert.match(stdout, problem);
    });
});
