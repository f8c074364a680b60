// The file that was built here runs elsewhere, too: in root file systems of other releases of Debian, older and newer than this machine's, and in one
// without any library. Each is the root of all mounts, as if the machine had booted it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { skipBecause } from "../skip.ts";
import { ok, PROGRAM, PROJECT, type Result } from "../system/harness.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const CANNOT = 125;

/** A shell with its tools in one static program, and nothing else. */
function bareRoot(directory: string, busybox: string): void {
  for (const name of ["bin", "proc", "sys", "dev", "run", "tmp", "mnt", "work"])
    mkdirSync(join(directory, name), { recursive: true });
  copyFileSync(busybox, join(directory, "bin/busybox"));
  symlinkSync("busybox", join(directory, "bin/sh")); // which finds the others in itself
}

const libraries = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /\.so(\.|$)/.test(name));

const RELEASES = [
  ["bullseye", /^11\./],
  ["bookworm", /^12\./],
  ["trixie", /^(13\.|trixie)/],
  ["forky", /^(14\.|forky)/],
  [undefined, undefined],
] as const;

for (const [release, version] of RELEASES) {
  describe(release === undefined ? "in a root without any library" : `in a root of Debian ${release}`, function () {
    this.timeout(300_000);
    const scratch = mkdtempSync(join(tmpdir(), "tsrun-roots-"));
    const work = join(scratch, "work");
    let root = join(scratch, "root");

    before(function () {
      if (release !== undefined) {
        const { status, stdout, stderr } = spawnSync(join(HERE, "root"), [release], { encoding: "utf8" });
        if (status === CANNOT) return skipBecause(this, stderr.trim().split("\n").at(-1) ?? "");
        assert.equal(status, 0, stderr);
        root = stdout.trim();
      }
      // What the samples need: the bundles, the root file system that they share, and the program.
      mkdirSync(join(work, "bin"), { recursive: true });
      cpSync(join(PROJECT, "bundles"), join(work, "bundles"), { recursive: true });
      const made = spawnSync(join(PROJECT, "bundles/make-rootfs"), [join(work, "build/rootfs")], { encoding: "utf8" });
      assert.equal(made.status, 0, made.stderr);
      const busybox = join(work, "build/rootfs/bin/busybox");
      copyFileSync(busybox, join(work, "busybox"));
      copyFileSync(PROGRAM, join(work, "tsrun"));
      // make-rootfs asks for it where the samples are tried.
      symlinkSync("../busybox", join(work, "bin/busybox"));
      if (release === undefined) bareRoot(root, busybox);
    });
    after(() => rmSync(scratch, { recursive: true, force: true }));

    function enter(...command: readonly string[]): Result {
      const { status, signal, stdout, stderr } = spawnSync(join(HERE, "enter"), [root, work, ...command], {
        encoding: "utf8",
        timeout: 120_000,
      });
      return { status, signal, stdout, stderr };
    }
    const tsrun = (...args: readonly string[]): Result => enter("/work/tsrun", ...args);

    it(release === undefined ? "there is none" : "the root is of that release", () => {
      if (version === undefined) assert.deepEqual(libraries(root), []);
      else assert.match(ok(enter("cat", "/etc/debian_version")).stdout, version);
    });

    it("features says that seccomp is there", () => {
      const { linux, annotations } = JSON.parse(ok(tsrun("features")).stdout) as {
        readonly linux: { readonly seccomp: { readonly enabled: boolean; readonly archs: readonly string[] } };
        readonly annotations: { readonly [name: string]: string };
      };
      assert.equal(linux.seccomp.enabled, true);
      assert.ok(linux.seccomp.archs.length > 10, linux.seccomp.archs.join());
      assert.match(annotations["io.github.seccomp.libseccomp.version"] ?? "", /^\d+\.\d+\.\d+$/);
    });

    it("doctor says that containers can be run", () => {
      const { stdout } = ok(tsrun("doctor"));
      assert.match(stdout, /yes +libseccomp, which compiles profiles: \d/);
      assert.match(stdout, /\nContainers can be run here\.\n$/);
    });

    for (const bundle of ["hello", "seccomp", "limits"]) {
      it(`plan and validate --host take the sample ${bundle}`, () => {
        assert.match(ok(tsrun("plan", "--bundle", `/work/bundles/${bundle}`)).stdout, /\n/);
        const { status, stdout } = tsrun("validate", "--host", "--json", "--bundle", `/work/bundles/${bundle}`);
        assert.equal(status, 0, stdout);
      });
    }

    it("a profile is compiled, kept, and taken again", () => {
      const words = ["--root", "/work/state", "run", "--bundle", "/work/bundles/seccomp", `tsrun-roots-${process.pid}`];
      const runs = [ok(tsrun(...words)), ok(tsrun(...words))];
      for (const { stdout } of runs) assert.match(stdout, /Seccomp:\t2/);
      assert.equal(readdirSync(join(work, "state/@seccomp")).length, 1);
    });

    it("the samples keep what they promise", () => {
      const { status, stdout, stderr } = enter("/bin/sh", "/work/bundles/try", "/work/tsrun");
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /\b1\d passed, 0 failed\n$/);
    });
  });
}
