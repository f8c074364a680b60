// Checkpoint and restore with a real CRIU: what is kept, and that all commands work on what was restored.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { ended, ok, refused, soon, useBox, type Container, type Result } from "../system/harness.ts";
import { checkpoint, criu, goesOn, holding, imagesOf, restore, saveAndRestore, start, useCriu } from "./criu.ts";

/** A program in the container that ends with a complaint. */
function failed(result: Result, complaint: RegExp): void {
  assert.notEqual(result.status, 0);
  assert.match(result.stderr, complaint);
}

describe("checkpoint and restore", function () {
  this.timeout(60_000);
  useCriu();
  const box = useBox();

  it("keep a container's memory and go on where it was", () => {
    const container = start(holding(box(), ["memory=20"]));
    const before = container.state();
    saveAndRestore(
      container,
      ["--work-path", box().path("work/dump")],
      ["--work-path", box().path("work/restore"), "--pid-file", box().path("pid")],
    );
    const after = container.state();
    assert.notEqual(after.created, before.created);
    assert.equal(readFileSync(box().path("pid"), "utf8"), String(after.pid));
    assert(existsSync(box().path("work/dump/dump.log")) && existsSync(box().path("work/restore/restore.log")));
    assert(!existsSync(join(imagesOf(container), "dump.log")));
    assert.equal(statSync(imagesOf(container)).mode & 0o777, 0o700);
    ok(container.delete("--force"));
  });

  it("leave a container on which every command works, which can be saved again with what was executed in it", () => {
    const container = start(
      holding(box(), [], (config) => (config.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 50 } })),
    );
    for (const round of [1, 2]) {
      saveAndRestore(container);
      assert.equal(
        ok(box().runtime(["exec", container.id, "sh", "-c", "echo $((20 + $(ls -d /proc/1 | wc -l)))"])).stdout,
        "21\n",
      );
      // Its parent ends, so that it falls to init: what was executed from outside alone is no child of the container's.
      ok(box().runtime(["exec", container.id, "sh", "-c", `sleep ${600 + round} </dev/null >/dev/null 2>&1 &`]));
      const listed = ok(box().runtime(["ps", container.id], { env: { PATH: "/usr/bin:/bin" } })).stdout;
      for (let earlier = 1; earlier <= round; earlier++) assert.match(listed, new RegExp(`sleep ${600 + earlier}`));
      ok(box().runtime(["update", "--pids-limit", `${60 + round}`, container.id]));
      const stats = JSON.parse(ok(box().runtime(["events", "--stats", container.id])).stdout) as {
        readonly data: { readonly pids: { readonly current: number; readonly limit: number } };
      };
      assert.equal(stats.data.pids.limit, 60 + round);
      ok(box().runtime(["pause", container.id]));
      assert.equal(container.state().status, "paused");
      ok(box().runtime(["resume", container.id]));
      goesOn(container);
    }
    refused(container.delete(), /not stopped: running/);
    ok(container.kill("USR1"));
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("--leave-running saves a container that goes on, and that is made again under another name", () => {
    const container = start(holding(box(), ["memory=1"]));
    ok(checkpoint(container, ["--leave-running"]));
    goesOn(container);
    const twin = holding(box(), [], (config) => (config.linux.cgroupsPath = `/${box().prefix}twin`));
    ok(restore(twin, ["--detach"], {}, imagesOf(container)));
    goesOn(twin);
    goesOn(container);
    assert.match(readFileSync(`/proc/${twin.state().pid}/cgroup`, "utf8"), new RegExp(`/${box().prefix}twin$`, "m"));
    ok(twin.delete("--force"));
    ok(container.delete("--force"));
  });

  it("restore waits for the container without --detach, removes it and ends with its status", async () => {
    const container = start(holding(box(), []));
    ok(checkpoint(container));
    const restored = ended(
      box().spawn([
        "--criu",
        criu(),
        "restore",
        "--bundle",
        container.bundle,
        "--image-path",
        imagesOf(container),
        container.id,
      ]),
    );
    await soon("it is restored", () => box().runtime(["state", container.id]).stdout.includes('"running"'));
    ok(container.kill("USR1"));
    assert.deepEqual(await restored, { status: 7, signal: null, stdout: "", stderr: "" });
  });

  it("keep mounts as they were, with what is read-only and masked, on tmpfs and in devices", () => {
    const mountsOf = ({ bundle }: Container, pid: number): string[] =>
      readFileSync(`/proc/${pid}/mountinfo`, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [, , , root = "", place, options] = line.split(" ");
          const [type, source] = (line.split(" - ")[1] ?? "").split(" ");
          return [place, root.replace(bundle, ""), options, type, source].join(" ");
        })
        .sort();
    const container = start(
      holding(box(), [], (config) => {
        config.root.readonly = true;
        config.linux.devices = [{ path: "/dev/kmsg2", type: "c", major: 1, minor: 11 }];
        config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m"] });
      }),
    );
    ok(
      box().runtime(["exec", container.id, "sh", "-c", "echo kept > /tmp/file; mkfifo /tmp/fifo; chmod 640 /tmp/file"]),
    );
    const before = mountsOf(container, container.state().pid);
    saveAndRestore(container);
    assert.deepEqual(mountsOf(container, container.state().pid), before);
    const shown = [
      "cat /tmp/file",
      "stat -c '%a %F' /tmp/file /tmp/fifo",
      "stat -c '%F %t %T' /dev/kmsg2",
      "cat /proc/keys",
    ];
    assert.equal(
      ok(box().runtime(["exec", container.id, "sh", "-c", shown.join("; ")])).stdout,
      "kept\n640 regular file\n644 fifo\ncharacter special file 1 b\n",
    );
    failed(box().runtime(["exec", container.id, "touch", "/x"]), /Read-only file system/);
    ok(container.delete("--force"));
  });
});
