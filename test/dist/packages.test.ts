// What is released, as users and their package managers take it: in roots of Debian releases, and in roots that have nothing.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "mocha";
import {
  BUILD,
  DEBIAN_MACHINE,
  DIST,
  inRoot,
  MACHINE,
  makeBundles,
  makeDist,
  released,
  rootOf,
  run,
  VERSION,
} from "./released.ts";

const PATIENCE_MS = 300_000;
let folder = "";
before(function () {
  this.timeout(PATIENCE_MS);
  makeDist(this);
  makeBundles();
  folder = mkdtempSync(join(tmpdir(), "tsrun-packages-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const THIS = `tsrun version ${VERSION}`;
const program = (): string => released(new RegExp(`-linux-${MACHINE}$`));

/** That container `$id` of the bundle is made, run and deleted step by step, by $tsrun; nothing is left of it then. */
const LIFE = `
  test "$($tsrun run -b /p/bundles/hello $id)"
  $tsrun create -b /p/bundles/service $id </dev/null >/run/log 2>&1
  $tsrun start $id
  $tsrun exec $id true
  $tsrun kill $id KILL
  until $tsrun state $id | grep -q stopped; do sleep 0.05; done
  $tsrun delete $id
  test "$($tsrun list -q 2>&1)" = ""
`;
const life = (tsrun: string): string => `id=tsrun-dist-${process.pid}; tsrun=${tsrun}; ${LIFE}`;

/** The same package with another version. */
function debOfVersion(deb: string, version: string): string {
  const tree = join(folder, "tree");
  const out = join(folder, "old");
  mkdirSync(out, { recursive: true });
  run("dpkg-deb", ["--raw-extract", deb, tree]);
  const control = join(tree, "DEBIAN/control");
  writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*/m, `Version: ${version}`));
  run("dpkg-deb", ["--root-owner-group", "--build", tree, join(out, "tsrun.deb")]);
  rmSync(tree, { recursive: true });
  return out;
}

/** A package of the same tree with another version. */
function rpmOfVersion(version: string): string {
  const stage = join(BUILD, "stage");
  const defines = {
    _topdir: join(folder, "rpmbuild"),
    _rpmdir: join(folder, "old"),
    _rpmfilename: "tsrun.rpm",
    tree: join(stage, "packaged"),
    tree_files: join(stage, "rpm/files"),
    program_version: version,
    licenses: "Apache-2.0",
  };
  const words = Object.entries(defines).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
  run("rpmbuild", ["-bb", "--quiet", ...words, "packaging/tsrun.spec"]);
  return join(folder, "old/tsrun.rpm");
}

describe("the .deb", function () {
  this.timeout(PATIENCE_MS);

  for (const suite of ["bookworm", "trixie"])
    it(`is installed, run, upgraded beneath a running container, and removed in a root of Debian ${suite}`, function () {
      const deb = basename(released(new RegExp(`_${DEBIAN_MACHINE}\\.deb$`)));
      const old = debOfVersion(join(DIST, deb), "0.0.1-1");
      const said = inRoot(
        rootOf(this, suite),
        `
        find / -xdev -type f | sort >/run/before
        exec 3>&1 >/run/log 2>&1
        apt-get install -y /old/tsrun.deb
        tsrun --version >&3
        ${life("tsrun")}
        tsrun create -b /p/bundles/service $id </dev/null
        tsrun start $id
        dpkg -i /dist/${deb}
        dpkg-query -W -f '\${Version}\\n' tsrun >&3
        tsrun state $id | grep -q running
        dpkg --verify tsrun >&3
        tsrun kill $id KILL
        tsrun delete --force $id
        apt-get remove -y tsrun
        ! command -v tsrun
        find / -xdev -type f ! -path '/var/*' | sort | comm -13 /run/before - >&3
        `,
        { old },
      );
      const [version, , , upgraded, ...left] = said.trim().split("\n");
      assert.equal(version, THIS);
      assert.equal(upgraded, `${VERSION.replace("-", "~")}-1`);
      assert.deepEqual(left, []);
    });

  it("has no dependency, and an owner, a time and a mode for each file that do not come from the build", () => {
    const deb = released(new RegExp(`_${DEBIAN_MACHINE}\\.deb$`));
    assert.equal(run("dpkg-deb", ["--field", deb, "Depends", "Pre-Depends"]), "");
    for (const line of run("dpkg-deb", ["--contents", deb]).trim().split("\n"))
      assert.match(line, /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x(?=.*\/bin\/tsrun$)) root\/root /);
  });
});

describe("the .rpm", function () {
  this.timeout(PATIENCE_MS);

  it("is installed, run, upgraded and removed by rpm in a root that has nothing else", () => {
    const rpm = released(new RegExp(`\\.${MACHINE}\\.rpm$`));
    const root = join(folder, "rpm-root");
    const busybox = join(folder, "busybox");
    mkdirSync(root);
    mkdirSync(busybox);
    cpSync(run("sh", ["-c", "command -v busybox"]).trim(), join(busybox, "sh"), { dereference: true });
    const on = (...args: string[]): string => run("rpm", ["--root", root, "--dbpath", "/var/lib/rpm", ...args]);
    on("--install", rpmOfVersion("0.0.1"));
    on("--upgrade", rpm);
    assert.equal(on("--query", "tsrun").trim(), basename(rpm, ".rpm"));
    assert.equal(on("--query", "--requires", "tsrun").replaceAll(/^rpmlib\(.*\n/gm, ""), "");
    assert.equal(on("--verify", "tsrun"), "");
    const script = `/usr/bin/tsrun --version; ${life("/usr/bin/tsrun")}`;
    const said = inRoot(root, script, { busybox }, "/busybox/sh");
    assert.match(said, new RegExp(`^${THIS}\n`));
    on("--erase", "tsrun");
    assert.deepEqual(
      readdirSync(root, { recursive: true })
        .map(String)
        .filter((name) => name.includes("tsrun")),
      [],
    );
  });
});

describe("the bare program", function () {
  this.timeout(PATIENCE_MS);

  it("runs where there is no file but itself and a shell", () => {
    const root = join(folder, "bare");
    mkdirSync(join(root, "bin"), { recursive: true });
    cpSync(run("sh", ["-c", "command -v busybox"]).trim(), join(root, "bin/sh"), { dereference: true });
    cpSync(program(), join(root, "bin/tsrun"));
    assert.match(inRoot(root, `/bin/tsrun --version; ${life("/bin/tsrun")}`), new RegExp(`^${THIS}\n`));
  });

  it("is the same in every package", () => {
    const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    const tree = join(folder, "all");
    mkdirSync(tree);
    run("dpkg-deb", ["--extract", released(new RegExp(`_${DEBIAN_MACHINE}\\.deb$`)), join(tree, "deb")]);
    run(
      "sh",
      ["-euc", 'mkdir rpm; cd rpm; rpm2archive - <"$1" | tar -xz', "sh", released(new RegExp(`\\.${MACHINE}\\.rpm$`))],
      { cwd: tree },
    );
    for (const [name, pattern] of [
      ["tar", new RegExp(`-linux-${MACHINE}\\.tar\\.gz$`)],
      ["npm", MACHINE === "x86_64" ? /linux-x64-.*\.tgz$/ : /linux-arm64-.*\.tgz$/],
    ] as const) {
      mkdirSync(join(tree, name));
      run("tar", ["-xf", released(pattern), "-C", join(tree, name), "--strip-components=1"]);
    }
    const wanted = digest(readFileSync(program()));
    for (const path of ["deb/usr/bin", "rpm/usr/bin", "tar/bin", "npm/bin"])
      assert.equal(digest(readFileSync(join(tree, path, "tsrun"))), wanted, path);
  });
});

describe("the documents in what is released", function () {
  this.timeout(PATIENCE_MS);

  it("have the licence of each library that is linked in, and what the LGPL wants", () => {
    const root = join(folder, "documents");
    run("dpkg-deb", ["--extract", released(new RegExp(`_${DEBIAN_MACHINE}\\.deb$`)), root]);
    const documents = join(root, "usr/share/doc/tsrun");
    const bom = JSON.parse(readFileSync(released(new RegExp(`-linux-${MACHINE}\\.cdx\\.json$`)), "utf8"));
    const linked: { name: string; version: string; licenses: [{ expression: string }] }[] = bom.components.filter(
      ({ scope }: { scope: string }) => scope === "required",
    );
    assert(linked.length >= 3, "engine, C library and libgcc at least");
    const copyright = readFileSync(join(documents, "copyright"), "utf8");
    for (const { name, version, licenses } of linked) {
      const [, text] =
        new RegExp(` ${name} ${version.replaceAll("+", "\\+")}: .*; see (\\S+)$`, "m").exec(copyright) ?? [];
      assert(text !== undefined && existsSync(join(documents, text)), name);
      if (!licenses[0].expression.startsWith("LGPL")) continue;
      assert(existsSync(join(documents, "licenses/LGPL-2.1.txt")));
      assert(existsSync(join(documents, "RELINKING.md")));
      const sources = run("tar", ["-tf", released(/-library-sources\.tar$/)]);
      assert.match(sources, new RegExp(`/${name}_.*\\.dsc$`, "m"));
      assert.match(sources, new RegExp(`/${name}_.*\\.orig\\.tar\\.`, "m"));
    }
  });
});

describe("SHA256SUMS", () => {
  it("has every other file, and sha256sum takes it", () => {
    run("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: DIST });
    const listed = readFileSync(join(DIST, "SHA256SUMS"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.slice(66));
    assert.deepEqual([...listed, "SHA256SUMS"].sort(), readdirSync(DIST).sort());
  });
});
