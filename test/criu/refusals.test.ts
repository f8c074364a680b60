// What cannot be saved or restored: one clear error, the container as before, and nothing left. And what is left when somebody is killed: nothing.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { ended, ok, PROGRAM, refused, soon, useBox, type Container } from "../system/harness.ts";
import { leftovers, sleepMs } from "../system/leftovers.ts";
import { OnTerminal, useTerminals } from "../system/terminal.ts";
import { checkpoint, criu, goesOn, holding, imagesOf, restore, start, useCriu } from "./criu.ts";

describe("checkpoint and restore", function () {
  this.timeout(90_000);
  useCriu();
  useTerminals();
  const box = useBox();

  /** Saved, and with it gone. */
  function saved(words: readonly string[] = []): Container {
    const container = start(holding(box(), words));
    ok(checkpoint(container));
    return container;
  }

  /** Refused, and nothing of it is there. */
  function restoreRefused(container: Container, message: RegExp, flags: readonly string[] = ["--detach"]): void {
    refused(restore(container, flags), message);
    assert.deepEqual(box().leftovers(), []);
  }

  it("are offered: podman's probes say yes, and features has the annotation", () => {
    for (const command of ["checkpoint", "restore"]) ok(box().runtime([command, "--help"]));
    refused(box().runtime(["restore", "--lsm-mount-context"]), /flag needs an argument: --lsm-mount-context/);
    assert.match(ok(box().runtime(["features"])).stdout, /"org.opencontainers.runc.checkpoint.enabled": "true"/);
  });

  it("are refused for a container that is created, paused or stopped, which stays as it is", () => {
    const container = holding(box(), []);
    ok(container.create());
    refused(checkpoint(container), /a container cannot be checkpointed in the created state/);
    ok(container.start());
    ok(box().runtime(["pause", container.id]));
    refused(checkpoint(container), /in the paused state/);
    assert.equal(container.state().status, "paused");
    ok(box().runtime(["resume", container.id]));
    goesOn(container);
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(checkpoint(container), /in the stopped state/);
    assert(!existsSync(imagesOf(container)));
    ok(container.delete());
    refused(checkpoint(container), /container does not exist/);
  });

  it("are refused where a process has a file of the host open, with what that means", () => {
    const container = holding(box(), []);
    ok(container.run(["--detach"])); // the tests' output goes to files
    refused(
      checkpoint(container),
      /path=\S+output\.\d\.out \(a process has a file of the host open.*\); the container goes on running; its log is \S+\/images\/dump\.log/,
    );
    goesOn(container);
    ok(container.delete("--force"));
  });

  it("are refused without CRIU, and with a program that is none", () => {
    const container = start(holding(box(), []));
    const asked = ["checkpoint", "--image-path", imagesOf(container), container.id];
    refused(
      box().runtime(["--criu", "/nowhere/criu", ...asked]),
      /CRIU is not installed: .* — install the package criu/,
    );
    refused(box().runtime(["--criu", "/bin/false", ...asked]), /CRIU has ended without an answer/);
    goesOn(container);
    ok(container.delete("--force"));
  });

  it("are refused for flags that say nothing, in runc's words", () => {
    const container = start(holding(box(), []));
    refused(checkpoint(container, ["--page-server", "here"]), /Use --page-server ADDRESS:PORT to specify page server/);
    refused(checkpoint(container, ["--page-server", "127.0.0.1:x"]), /Invalid port number/);
    refused(checkpoint(container, ["--manage-cgroups-mode", "some"]), /invalid manage-cgroups-mode value/);
    refused(checkpoint(container, ["--network-lock", "some"]), /unknown network lock method/);
    refused(checkpoint(container, ["--empty-ns", "ipc"]), /namespace "ipc" is not supported/);
    refused(checkpoint(container, ["--parent-path", "/x"]), /--parent-path must be relative/);
    refused(checkpoint(container, ["--parent-path", "../x"]), /invalid --parent-path/);
    refused(checkpoint(container, ["--lazy-pages", "--status-fd", "77"]), /invalid --status-fd argument 77/);
    goesOn(container);
    ok(container.delete("--force"));
  });

  it("are refused where the images cannot be written: read-only, and on a full disk", () => {
    const container = start(holding(box(), ["memory=8"]));
    const place = box().path("place");
    mkdirSync(place);
    for (const [options, complaint] of [
      ["ro", /Read-only file system|read-only file system/i],
      ["size=1m", /no room for the images|No space left on device/i],
    ] as const) {
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", place]);
      try {
        refused(
          box().runtime(["--criu", criu(), "checkpoint", "--image-path", join(place, "images"), container.id]),
          complaint,
        );
      } finally {
        execFileSync("umount", ["-l", place]);
      }
      goesOn(container);
    }
    ok(container.delete("--force"));
  });

  it("are refused for images that are missing, damaged, of another architecture or of another container", () => {
    const container = saved(["memory=1"]);
    const images = imagesOf(container);
    const described = readFileSync(join(images, "container.json"), "utf8");
    const change = (text: string): void => writeFileSync(join(images, "container.json"), text);
    refused(restore(container, ["--detach"], {}, box().path("nowhere")), /there is no directory of images at/);
    refused(restore(container, ["--detach"], {}, box().directory), /holds no checkpoint: it has no inventory\.img/);
    change("{");
    restoreRefused(container, /container\.json in the directory of images is damaged/);
    change(described.replace(/"architecture": "\w+"/, '"architecture": "m68k"'));
    restoreRefused(container, /the images are of the architecture m68k/);
    change(
      described.replace(
        '"externalMounts": [',
        '"externalMounts": [{"mountPoint":"/gone","kind":"bind","destination":"/gone","below":""},',
      ),
    );
    restoreRefused(
      container,
      /the images need something mounted at \/gone.*is it the config\.json of the container that was checkpointed/,
    );
    change(described);
    const core = join(images, readdirSync(images).find((name) => /^core-\d+\.img$/.test(name)) ?? "");
    const bytes = readFileSync(core);
    writeFileSync(core, Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(bytes.length - 40, 0xff)]));
    restoreRefused(container, /CRIU cannot restore the container: .*; nothing is left of what it made; its log is/);
    writeFileSync(core, bytes);
    truncateSync(join(images, "pages-1.img"), 4096);
    restoreRefused(container, /pages-1\.img in the directory of images is damaged/);
  });

  it("are refused when a hook of the restore fails, and when the name is taken", () => {
    const container = start(holding(box(), []));
    ok(checkpoint(container, ["--leave-running"]));
    refused(restore(container), /container with given ID already exists/);
    goesOn(container);
    ok(container.delete("--force"));
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as { hooks?: object };
    config.hooks = { createRuntime: [{ path: "/bin/false" }] };
    container.configure(config);
    restoreRefused(container, /error running createRuntime hook #0/);
  });

  it("show how far they have come on a terminal, once it takes longer than a second", async () => {
    const container = start(holding(box(), ["memory=16"]));
    ok(checkpoint(container));
    const shown = new OnTerminal(box(), [
      ...["--criu", criu(), "restore", "--detach", "--bundle", container.bundle],
      ...["--image-path", imagesOf(container), container.id],
    ]);
    let pid: number | undefined;
    await soon(
      "CRIU is at work",
      () => existsSync(join(imagesOf(container), "restore.log")) && (pid = criuOf()) !== undefined,
    );
    process.kill(pid ?? 0, "SIGSTOP");
    await shown.saw(/\r\d+ of \d+ pages read \(\d+ %\)/);
    process.kill(pid ?? 0, "SIGCONT");
    await shown.ends(0);
    goesOn(container);
    ok(container.delete("--force"));
  });

  /** CRIU that a command of this test has started. */
  const criuOf = (): number | undefined =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .find((pid) => {
        try {
          return (
            readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0swrk\0") &&
            readFileSync(`/proc/${pid}/environ`, "utf8").includes(box().token)
          );
        } catch {
          return false;
        }
      });

  /** Starts it, and after a while kills it or its CRIU. Returns when it has ended. */
  async function killed(args: readonly string[], whom: "tsrun" | "criu", afterMs: number): Promise<void> {
    const child = spawn(PROGRAM, ["--root", box().stateRoot, "--criu", criu(), ...args], {
      stdio: "ignore",
      cwd: box().directory,
      env: { TSRUN_TEST: box().prefix },
    });
    const end = ended(child);
    sleepMs(afterMs);
    const victim = whom === "tsrun" ? child.pid : criuOf();
    try {
      if (victim !== undefined) process.kill(victim, "SIGKILL");
    } catch {
      // it has ended
    }
    await end;
  }

  for (const whom of ["tsrun", "criu"] as const) {
    it(`leave nothing when ${whom} is killed at any moment, once the container is deleted by force`, async () => {
      const reference = saved();
      for (const afterMs of [5, 20, 40, 60, 80, 100, 130, 160, 200]) {
        const container = start(
          holding(box(), [], (config) => (config.linux.cgroupsPath = `/${box().prefix}${whom}${afterMs}`)),
        );
        await killed(["checkpoint", "--image-path", imagesOf(container), container.id], whom, afterMs);
        ok(container.delete("--force"));
        assert.deepEqual(leftovers(box(), [box().stateRoot]), [], `checkpoint, ${afterMs} ms`);
        const twin = holding(box(), [], (config) => (config.linux.cgroupsPath = `/${box().prefix}twin${afterMs}`));
        await killed(
          ["restore", "--detach", "--bundle", twin.bundle, "--image-path", imagesOf(reference), twin.id],
          whom,
          afterMs,
        );
        ok(twin.delete("--force"));
        assert.deepEqual(leftovers(box(), [box().stateRoot]), [], `restore, ${afterMs} ms`);
      }
    });
  }
});
