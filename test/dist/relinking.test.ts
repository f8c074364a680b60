// What packaging/RELINKING.md promises: users replace a library that is linked in by a changed one.

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { skipBecause } from "../skip.ts";
import { MACHINE, makeDist, PROJECT, released, run, VERSION } from "./released.ts";

describe("the archive of sources", function () {
  this.timeout(300_000);
  let folder = "";
  let library = "";
  before(function () {
    makeDist(this);
    library = run("cc", ["-print-file-name=libseccomp.a"]).trim();
    if (!existsSync(library)) skipBecause(this, "libseccomp.a is missing");
    folder = mkdtempSync("/var/tmp/tsrun-relinking-");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("makes a program with a changed libseccomp, as RELINKING.md says", () => {
    const words = /^ {4}make (LDFLAGS=-L)\$PWD\/\S+$/m.exec(
      readFileSync(join(PROJECT, "packaging/RELINKING.md"), "utf8"),
    );
    assert(words !== null);
    const { major, minor, micro } = versionOf(run(released(new RegExp(`-linux-${MACHINE}$`)), ["features"]));
    // A library that says another version of itself.
    const changed = join(folder, "changed");
    mkdirSync(changed);
    run("ar", ["x", library], { cwd: changed });
    const numbers = (last: number): Buffer => Buffer.from(new Uint32Array([major, minor, last]).buffer);
    const objects = readdirSync(changed);
    for (const object of objects) {
      const bytes = readFileSync(join(changed, object));
      const at = bytes.indexOf(numbers(micro));
      if (at >= 0) numbers(99).copy(bytes, at);
      writeFileSync(join(changed, object), bytes);
    }
    run("ar", ["rcs", "libseccomp.a", ...objects], { cwd: changed });

    run("tar", ["-xf", released(/-source\.tar\.gz$/), "-C", folder]);
    const tree = join(folder, `tsrun-${VERSION}`);
    symlinkSync(join(PROJECT, "node_modules"), join(tree, "node_modules"));
    utimesSync(join(tree, "package-lock.json"), 0, 0); // or make would install the packages again
    run("make", ["-s", "-j2", `${words[1]}${changed}`], { cwd: tree });
    assert.deepEqual(versionOf(run(join(tree, "build/tsrun"), ["features"])), { major, minor, micro: 99 });
  });
});

function versionOf(features: string): { major: number; minor: number; micro: number } {
  const version: string = JSON.parse(features).annotations["io.github.seccomp.libseccomp.version"];
  const [major = 0, minor = 0, micro = 0] = version.split(".").map(Number);
  return { major, minor, micro };
}
