// make install, make uninstall, make pack: what they put where.

import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "mocha";
import { manPages } from "../../src/cli/pages/man.ts";
import { skipBecause } from "../skip.ts";
import { BUILD, MACHINE, PROJECT, run, VERSION } from "./released.ts";

let folder = "";
before(function () {
  if (!existsSync(join(BUILD, "tsrun"))) skipBecause(this, "no program is built: make build");
  folder = mkdtempSync(join(tmpdir(), "tsrun-install-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const below = (root: string): string[] =>
  readdirSync(root, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(root, name)).isFile())
    .sort();
const make = (...words: string[]): string => run("make", ["-s", "-o", "build", `BUILD=${BUILD}`, ...words]);

describe("make install", function () {
  this.timeout(120_000);
  let root = "";
  const PLACES = ["PREFIX=/usr"];
  before(() => {
    root = join(folder, "root");
    make("install", `DESTDIR=${root}`, ...PLACES);
  });

  it("puts the program, its pages, completions and documents below DESTDIR, and nothing elsewhere", () => {
    const documents = ["README.md", "RELINKING.md", "CHANGELOG.md", "LICENSE", ...readdirSync(join(PROJECT, "docs"))];
    assert.deepEqual(
      below(root),
      [
        "usr/sbin/tsrun",
        "usr/share/bash-completion/completions/tsrun",
        "usr/share/fish/vendor_completions.d/tsrun.fish",
        "usr/share/zsh/site-functions/_tsrun",
        ...manPages({ version: "", date: "" }).map(({ file }) => `usr/share/man/man8/${file}`),
        ...documents.map((file) => `usr/share/doc/tsrun/${file}`),
      ].sort(),
    );
    assert.match(run(join(root, "usr/sbin/tsrun"), ["--version"]), new RegExp(`^tsrun version ${VERSION}\n`));
  });

  it("installs no page that names a file which is not there", () => {
    const pages = readdirSync(join(root, "usr/share/man/man8")).map((page) => join(root, "usr/share/man/man8", page));
    for (const page of pages) {
      const text = readFileSync(page, "utf8").replaceAll("\\-", "-");
      assert.doesNotMatch(text, /@DOCDIR@|\bdocs\//, page);
      for (const [path] of text.matchAll(/\/usr\/share\/doc\/[\w./-]*\w/g))
        assert(existsSync(join(root, path)), `${page}: ${path}`);
    }
    assert(pages.some((page) => readFileSync(page, "utf8").includes("/usr/share/doc/tsrun/errors.md")));
  });

  it("installs no document with a link to, or a table of, files that are not there", () => {
    const documents = join(root, "usr/share/doc/tsrun");
    for (const file of below(documents)) {
      const text = readFileSync(join(documents, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g))
        assert(existsSync(resolve(documents, dirname(file), target)), `${file}: ${target}`);
    }
    const released = ["copyright", "licenses/"]; // of releases only
    const [, table = ""] =
      /\| file here \|.*\n((?:\|.*\n)+)/.exec(readFileSync(join(documents, "README.md"), "utf8")) ?? [];
    const named = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, names = ""]) => names.split(", "));
    assert(named.length > 8);
    for (const name of named)
      assert(/^-+$/.test(name) || released.includes(name) || existsSync(join(documents, name)), name);
  });

  it("is undone by make uninstall with the same variables, which leaves what is not tsrun's", () => {
    const others = ["usr/share/man/man8/other.8", "usr/share/doc/other/README.md", "usr/sbin/other"];
    for (const file of others) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), "");
    }
    make("uninstall", `DESTDIR=${root}`, ...PLACES);
    assert.deepEqual(below(root), others.sort());
    assert(!existsSync(join(root, "usr/share/doc/tsrun")));
  });
});

describe("make pack", function () {
  this.timeout(120_000);

  it("packs the program of the folder that BUILD names, into that folder", () => {
    make("pages", "library");
    const other = join(folder, "other-build");
    mkdirSync(join(other, "obj"), { recursive: true });
    for (const name of ["settings", "pages", "library", "obj/tsrun.map"])
      cpSync(join(BUILD, name), join(other, name), { recursive: true });
    // A program of its own: what follows the last section is no part of it.
    writeFileSync(
      join(other, "tsrun"),
      Buffer.concat([readFileSync(join(BUILD, "tsrun")), Buffer.from("of the other build")]),
      { mode: 0o755 },
    );
    const packed = (): string[] => readdirSync(BUILD).filter((name) => name.endsWith(".tgz"));
    const before = packed();
    run("make", ["-s", "-o", "build", "-o", "pages", "-o", "library", `BUILD=${other}`, "STATIC=", "pack"]);
    assert.deepEqual(packed(), before);
    const cpu = MACHINE === "aarch64" ? "arm64" : "x64";
    const packages = readdirSync(other).filter((name) => name.endsWith(".tgz"));
    assert.deepEqual(packages.sort(), [`tsrun-linux-${cpu}-${VERSION}.tgz`, `tsrun-runtime-${VERSION}.tgz`]);
    run("tar", ["-xf", join(other, `tsrun-linux-${cpu}-${VERSION}.tgz`), "-C", folder]);
    assert(readFileSync(join(folder, "package/bin/tsrun")).equals(readFileSync(join(other, "tsrun"))));
  });
});
