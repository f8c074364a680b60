// buildah calls the runtime itself, without a monitor between: it reads its pid file, waits for init and asks for its state.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { ok, PROGRAM, useBox, type Result } from "../system/harness.ts";
import { removeStore, rootfsArchive } from "./image.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

describe("buildah", function () {
  this.timeout(60_000);
  const box = useBox();
  let store = "";

  before(() => {
    store = mkdtempSync(join(tmpdir(), "tsrun-buildah-"));
  });
  after(() => removeStore(store));

  const buildah = (...args: string[]): Result =>
    box().exec(
      "/usr/bin/buildah",
      ["--root", join(store, "root"), "--runroot", join(store, "runroot"), "--storage-driver", "vfs", ...args],
      { env: { PATH, HOME: store, TMPDIR: store } },
    );

  const flags = (): string[] => ["--runtime", PROGRAM, "--isolation", "oci", "--network", "none"];

  it("runs commands in a working container, with the streams and status that are theirs", () => {
    const container = ok(buildah("from", "scratch")).stdout.trim();
    ok(buildah("add", container, rootfsArchive(store), "/"));
    const run = (...command: string[]): Result => buildah("run", ...flags(), container, "--", ...command);
    assert.equal(ok(run("sh", "-c", "echo kept > /kept; cat /kept")).stdout, "kept\n");
    assert.equal(ok(run("cat", "/kept")).stdout, "kept\n");
    assert.equal(run("sh", "-c", "exit 7").status, 7);
    const { status, stderr } = run("nosuch");
    assert.equal(status, 1);
    assert.match(stderr, /executable file not found in \$PATH/);
    ok(buildah("rm", container));
  });

  it("builds an image of a Containerfile whose steps run through the runtime", () => {
    rootfsArchive(store);
    writeFileSync(
      join(store, "Containerfile"),
      "FROM scratch\nADD rootfs.tar /\nRUN echo built > /x && id -u\nUSER 1000\nRUN id -u && cat /x\n",
    );
    assert.match(
      ok(buildah("bud", ...flags(), "--layers=false", "--file", join(store, "Containerfile"), store)).stdout,
      /^0$[^]*^1000\nbuilt$/m,
    );
  });
});
