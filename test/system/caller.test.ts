// What the caller's own circumstances may be: its signals, umask, directory, descriptors. None of it reaches the container.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { fields, itOurs, ok, PROGRAM, useBox, type Container, type Result } from "./harness.ts";

describe("a caller", () => {
  const box = useBox();

  /** Runs the container from a shell that has done `preparation` before. */
  const runAfter = (preparation: string, container: Container, command = "run"): Result =>
    box().exec(
      "/bin/sh",
      [
        box().write("caller", `${preparation}\nexec "$@"\n`),
        PROGRAM,
        "--root",
        box().stateRoot,
        command,
        "--bundle",
        container.bundle,
        container.id,
      ],
      { env: { PATH: "/usr/bin:/bin" } },
    );

  const printing = (script: string): Container =>
    box().container((config) => (config.process.args = ["sh", "-c", script]));

  itOurs("that ignores SIGCHLD gets the container's status all the same", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "exit 7"];
      config.hooks = { createRuntime: [{ path: "/bin/true" }], poststop: [{ path: "/bin/true" }] };
    });
    const result = box().exec("/usr/bin/env", [
      "--ignore-signal=CHLD",
      PROGRAM,
      "--root",
      box().stateRoot,
      "run",
      "--bundle",
      container.bundle,
      container.id,
    ]);
    assert.deepEqual(result, { status: 7, signal: null, stdout: "", stderr: "" });
  });

  itOurs("that blocks and ignores signals does not pass that on", () => {
    const container = box().container((config) => (config.process.args = ["grep", "^Sig[BI]", "/proc/self/status"]));
    const { stdout } = ok(
      box().exec("/usr/bin/env", [
        "--block-signal",
        "--ignore-signal=HUP",
        "--ignore-signal=INT",
        "--ignore-signal=PIPE",
        PROGRAM,
        "--root",
        box().stateRoot,
        "run",
        "--bundle",
        container.bundle,
        container.id,
      ]),
    );
    assert.deepEqual([fields(stdout)["SigBlk"], fields(stdout)["SigIgn"]], ["0000000000000000", "0000000000000000"]);
  });

  for (const umask of ["077", "000", "777"]) {
    it(`with umask ${umask} changes no mode in the container`, () => {
      const container = box().container((config) => {
        config.root.readonly = false;
        config.mounts.push({ destination: "/made/here", type: "tmpfs", source: "tmpfs" });
        config.process.cwd = "/cwd/made";
        config.process.args = ["sh", "-c", "stat -c '%a %n' /dev /dev/null /dev/shm /made /cwd /cwd/made; umask"];
      });
      assert.equal(
        ok(runAfter(`umask ${umask}`, container)).stdout,
        "755 /dev\n666 /dev/null\n1777 /dev/shm\n755 /made\n755 /cwd\n755 /cwd/made\n0022\n",
      );
    });
  }

  it("whose working directory is gone can name the bundle by an absolute path", () => {
    mkdirSync(box().path("gone"));
    assert.equal(
      ok(runAfter(`cd ${box().path("gone")} && rmdir ${box().path("gone")}`, printing("pwd"))).stdout,
      "/\n",
    );
  });

  it("with few descriptors and a small stack is served", () => {
    assert.equal(
      ok(
        runAfter(
          "ulimit -n 64; ulimit -s 1024",
          box().container((config) => {
            config.process.args = ["echo", "ran"];
            config.process.rlimits = [];
          }),
        ),
      ).stdout,
      "ran\n",
    );
  });

  it("whose standard output has no reader any more does not hang us", () => {
    const container = printing("yes");
    const script = box().write("pipe", `("$@"; echo $? > ${box().path("status")}) 2>/dev/null | head -n 1\n`);
    const { stdout } = box().exec(
      "/bin/sh",
      [script, PROGRAM, "--root", box().stateRoot, "run", "--bundle", container.bundle, container.id],
      { env: { PATH: "/usr/bin:/bin" } },
    );
    assert.equal(stdout, "y\n");
  });

  itOurs("with a large environment, and LISTEN_FDS that are another's, passes none of it on", () => {
    const container = printing("env | wc -c; ls /proc/self/fd | wc -l");
    const { stdout } = ok(
      box().runtime(["run", "--bundle", container.bundle, container.id], {
        env: { LARGE: "x".repeat(100_000), LISTEN_FDS: "3", LISTEN_PID: "1", NOTIFY: "x" },
      }),
    );
    const [bytes, descriptors] = stdout.trim().split("\n").map(Number);
    assert(Number(bytes) < 500);
    assert.equal(descriptors, 4);
  });

  it("with a large config.json is served", () => {
    const container = box().container((config) => {
      config.root.readonly = false;
      config.annotations = Object.fromEntries(
        Array.from({ length: 2000 }, (_, i) => [`org.example.key${i}`, "v".repeat(200)]),
      );
      config.process.env.push(...Array.from({ length: 1000 }, (_, i) => `VARIABLE_${i}=${"x".repeat(100)}`));
      config.process.args = ["sh", "-c", `echo $VARIABLE_999 | wc -c; ls /mnt | wc -l; : ${"y".repeat(100_000)}`];
      for (let i = 0; i < 150; i++)
        config.mounts.push({ destination: `/mnt/${i}`, type: "tmpfs", source: "tmpfs", options: ["size=4k"] });
    });
    assert.equal(ok(container.run()).stdout, "101\n150\n");
  });

  it("gives the container a session keyring of its own, unless --no-new-keyring", () => {
    const keys = (...flags: string[]): string => {
      const container = box().container((config) => {
        config.linux.maskedPaths = [];
        config.process.args = ["cat", "/proc/keys"];
      });
      return ok(container.run(flags)).stdout.replaceAll(container.id, "ID");
    };
    assert.match(keys(), /_ses\.ID/);
    assert.doesNotMatch(keys("--no-new-keyring"), /_ses\.ID/);
  });

  itOurs("that asks for systemd's cgroups where there is no systemd is told so", function () {
    if (existsSync("/run/systemd/private")) return;
    const container = printing("true");
    const { status, stderr } = box().runtime(["--systemd-cgroup", "run", "--bundle", container.bundle, container.id]);
    assert.equal(status, 1);
    assert.match(stderr, /systemd/);
  });

  it("that is root of another user namespace's mounts does not lose its own: /proc/self/mountinfo stays", () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    ok(printing("true").run());
    const ours = (text: string): string[] =>
      text
        .split("\n")
        .filter((line) => !/tsrun-|private-view|rt\/|podman|containerd|netns/.test(line))
        .sort();
    assert.deepEqual(ours(readFileSync("/proc/self/mountinfo", "utf8")), ours(before));
  });
});
