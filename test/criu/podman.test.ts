// podman's checkpoint and restore with tsrun and a real CRIU.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { removeStore, rootfsArchive } from "../clients/image.ts";
import { eventually, ok, PROGRAM, useBox, type Result } from "../system/harness.ts";
import { criu, programs, useCriu } from "./criu.ts";

describe("podman", function () {
  this.timeout(120_000);
  useCriu();
  const box = useBox();
  let store = "";
  before(() => (store = mkdtempSync(join(tmpdir(), "tsrun-podman-criu-"))));
  after(() => removeStore(store));

  const podman = (...args: readonly string[]): Result =>
    box().exec(
      "/usr/bin/podman",
      [
        ...["--runtime", PROGRAM, "--runtime-flag", `criu=${criu()}`, "--root", join(store, "root")],
        ...["--runroot", join(store, "runroot"), "--tmpdir", join(store, "tmp"), "--storage-driver", "vfs"],
        ...["--events-backend", "none", "--cgroup-manager", "cgroupfs", ...args],
      ],
      { env: { PATH: `${programs}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: store }, timeoutMs: 60_000 },
    );

  it("saves a container and goes on with it, and exports it to one of another name", () => {
    const [first, second] = [`${box().prefix}first`, `${box().prefix}second`];
    mkdirSync(join(store, "image"));
    ok(podman("import", rootfsArchive(join(store, "image")), "localhost/counting"));
    const script = "i=0; while :; do i=$((i+1)); echo $i > /dev/shm/count; sleep 0.05; done";
    ok(
      podman(
        ...["run", "--detach", "--name", first, "--network=none", "--cgroup-parent", `/${box().prefix}podman`],
        ...["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "localhost/counting", "sh", "-c", script],
      ),
    );
    const count = (name: string): number => Number(podman("exec", name, "cat", "/dev/shm/count").stdout);
    eventually("it counts", () => count(first) > 3);
    ok(podman("container", "checkpoint", "--leave-running", first));
    ok(podman("container", "checkpoint", first));
    assert.match(ok(podman("ps", "--all", "--format", "{{.Status}}")).stdout, /^Exited/);
    ok(podman("container", "restore", first));
    const before = count(first);
    assert(before > 3);
    const archive = join(store, "export.tar.gz");
    ok(podman("container", "checkpoint", "--export", archive, first));
    ok(podman("rm", "--force", first));
    ok(podman("container", "restore", "--import", archive, "--name", second));
    assert(count(second) >= before);
    eventually("the imported one counts", () => count(second) > before + 3);
    ok(podman("rm", "--force", "--time", "0", second));
    box().removeCgroups();
    rmSync(archive);
  });
});
