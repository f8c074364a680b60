// podman with each of its cgroup managers, as root and as a user without privileges. It needs a systemd and, for the user, a session of his
// with delegated controllers, so it runs in the guest of test/guest, once as root and once as the user `tester`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { Box, eventually, ok, PROGRAM, SLOWNESS, type Result } from "../system/harness.ts";
import { cgroups } from "../system/leftovers.ts";
import { IMAGE, removeStore, rootfsArchive } from "./image.ts";
import { skipBecause } from "../skip.ts";

const rootless = process.getuid?.() !== 0;
const systemd = existsSync("/run/systemd/system") && existsSync("/sys/fs/cgroup/cgroup.controllers");

const RUN_FLAGS = ["--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];

/** What the runtime says of itself; one without `features` of the kind is taken to have it. */
function hasSystemdDriver(): boolean {
  const { status, stdout } = spawnSync(PROGRAM, ["features"], { encoding: "utf8" });
  return status !== 0 || !/"cgroup":\s*\{[^}]*"systemd":\s*false/.test(stdout);
}

function promises(manager: "cgroupfs" | "systemd"): void {
  let box: Box;
  let store = "";

  before(function () {
    this.timeout(120_000);
    store = mkdtempSync(join(tmpdir(), "tsrun-podman-"));
    writeFileSync(join(store, "containers.conf"), `[engine]\nruntime_supports_json = ["${basename(PROGRAM)}"]\n`);
    box = new Box();
    mkdirSync(join(store, "image"));
    ok(podman(["import", rootfsArchive(join(store, "image")), IMAGE]));
    box.remove();
  });
  after(() => {
    // What podman stores belongs to ids of the user's, which only podman's own user namespace may remove.
    box = new Box();
    if (rootless) podman(["unshare", "rm", "-rf", join(store, "root"), join(store, "runroot")]);
    box.remove();
    removeStore(store);
  });
  beforeEach(() => {
    box = new Box();
  });
  afterEach(() => box.remove());

  function podman(args: readonly string[]): Result {
    const { PATH = "", HOME = "", XDG_RUNTIME_DIR = "", DBUS_SESSION_BUS_ADDRESS = "" } = process.env;
    const flags = [
      "--runtime",
      PROGRAM,
      "--root",
      join(store, "root"),
      "--runroot",
      join(store, "runroot"),
      "--tmpdir",
      join(store, "tmp"),
      "--storage-driver",
      "vfs",
      "--events-backend",
      "none",
      "--cgroup-manager",
      manager,
    ];
    return box.exec("/usr/bin/podman", [...flags, ...args], {
      cwd: "/",
      env: {
        PATH,
        HOME,
        ...(rootless ? { XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } : {}),
        CONTAINERS_CONF: join(store, "containers.conf"),
      },
    });
  }

  const run = (flags: readonly string[], ...command: string[]): Result =>
    podman(["run", ...RUN_FLAGS, ...flags, IMAGE, ...command]);

  /** The cgroups of podman's containers, wherever they lie; conmon has groups of its own that end a moment after it. */
  const groups = (): string[] =>
    cgroups({ prefix: "libpod-" }).filter(
      (path) => /(^|[/-])libpod-[0-9a-f]+(\.scope)?$/.test(path) && !path.includes("conmon"),
    );

  function nothingLeft(): void {
    eventually("podman's cgroups are gone", () => groups().length === 0);
    if (manager !== "systemd") return;
    const units = (): string =>
      box.exec(
        "/usr/bin/systemctl",
        [...(rootless ? ["--user"] : []), "list-units", "--all", "--plain", "--no-legend", "libpod-*"],
        { env: { XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"] ?? "" } },
      ).stdout;
    eventually("podman's units are gone", () =>
      units()
        .split("\n")
        .every((line) => line === "" || line.includes("conmon")),
    ); // systemd hears of it later than we
  }

  it("starts a container, gets its output, streams and statuses", () => {
    assert.deepEqual(run(["--rm"], "echo", "hello"), { status: 0, signal: null, stdout: "hello\n", stderr: "" });
    assert.deepEqual(run(["--rm"], "sh", "-c", "echo out; echo err >&2; exit 7"), {
      status: 7,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
    });
    assert.equal(run(["--rm"], "nosuchprogram").status, 127);
    nothingLeft();
  });

  it("limits memory, cpus and processes where it has the controllers", function () {
    if (rootless && manager === "cgroupfs")
      skipBecause(this, "podman refuses: only systemd delegates controllers to a user");
    const { stdout } = ok(
      run(
        ["--rm", "--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"],
        "sh",
        "-c",
        "cd /sys/fs/cgroup; cat memory.max pids.max cpu.max",
      ),
    );
    assert.equal(stdout, "67108864\n50\n50000 100000\n");
    nothingLeft();
  });

  it("starts detached, executes commands in it, stops, starts again and removes it", () => {
    const name = `${box.prefix}web`;
    ok(run(["--detach", "--name", name], "sleep", String(60 * SLOWNESS)));
    assert.deepEqual(podman(["exec", name, "sh", "-c", "echo out; exit 9"]), {
      status: 9,
      signal: null,
      stdout: "out\n",
      stderr: "",
    });
    ok(podman(["stop", "--time", "1", name]));
    assert.equal(
      ok(podman(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name])).stdout,
      "exited 137\n",
    );
    ok(podman(["start", name]));
    if (manager === "systemd" || !rootless) {
      const pid = ok(podman(["inspect", "--format", "{{.State.Pid}}", name])).stdout.trim();
      assert.match(
        readFileSync(`/proc/${pid}/cgroup`, "utf8"),
        manager === "systemd" ? /\/libpod-[0-9a-f]+\.scope/ : /\/libpod-[0-9a-f]+/,
      );
    }
    ok(podman(["rm", "--force", "--time", "0", name]));
    nothingLeft();
  });

  it("pauses and resumes", function () {
    if (rootless && manager === "cgroupfs") skipBecause(this, "there is no cgroup of the user's to freeze");
    const name = `${box.prefix}pause`;
    const status = (): string => ok(podman(["inspect", "--format", "{{.State.Status}}", name])).stdout.trim();
    ok(run(["--detach", "--name", name], "sleep", String(60 * SLOWNESS)));
    ok(podman(["pause", name]));
    assert.equal(status(), "paused");
    ok(podman(["unpause", name]));
    assert.equal(status(), "running");
    ok(podman(["rm", "--force", "--time", "0", name]));
    nothingLeft();
  });
}

for (const manager of ["cgroupfs", "systemd"] as const) {
  describe(`${rootless ? "rootless podman" : "podman"} --cgroup-manager=${manager}`, function () {
    this.timeout(120_000);
    if (systemd && (manager === "cgroupfs" || hasSystemdDriver())) promises(manager);
    else if (systemd) it.skip("needs the systemd cgroup driver, which `features` says is not there");
    else it.skip("needs a host that runs systemd on cgroup v2: make test-guest is one");
  });
}
