// CVE-2019-5736: no container writes into the program of the runtime.
// The attacks are made on a copy of the program, or they would write into build/tsrun.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { ok, PROGRAM, useBox, type Container } from "./harness.ts";

const fixture = join(dirname(fileURLToPath(import.meta.url)), "fixtures/escape.c");
let tools = "";

describe("the runtime's own program is not written by a container", () => {
  const box = useBox();
  before(() => {
    tools = mkdtempSync(join(tmpdir(), "tsrun-escape-"));
    execFileSync("gcc", ["-O2", "-static", "-o", join(tools, "escape"), fixture]);
    execFileSync("gcc", ["-O2", "-w", "-fPIC", "-shared", "-DPRELOAD", "-o", join(tools, "preload.so"), fixture]);
  });
  after(() => rmSync(tools, { recursive: true, force: true }));

  /** A container with the attacker's programs, the libraries that our program needs, and three names for /proc/self/exe. */
  function armed(change: (config: Config) => void): Container {
    const container = box().container((config) => {
      config.root.readonly = false;
      change(config);
    });
    copyFileSync(join(tools, "escape"), container.at("bin/escape"));
    copyFileSync(join(tools, "preload.so"), container.at("preload.so"));
    for (const [path] of spawnSync("ldd", [PROGRAM], { encoding: "utf8" }).stdout.matchAll(/\/\S+/g)) {
      // none when it is linked statically
      mkdirSync(container.at(dirname(path)), { recursive: true });
      copyFileSync(path, container.at(path));
    }
    symlinkSync("/proc/self/exe", container.at("bin/self-link"));
    writeFileSync(container.at("bin/self-script"), "#!/proc/self/exe\n", { mode: 0o755 });
    return container;
  }

  /** Attacks a copy of the program and asserts that it stays as it is. */
  function unharmed(attack: (program: string) => void): void {
    const program = box().path("tsrun");
    copyFileSync(PROGRAM, program);
    attack(program);
    assert.equal(readFileSync(program).equals(readFileSync(PROGRAM)), true, "the program was overwritten");
  }

  for (const name of ["/proc/self/exe", "self-link", "self-script"]) {
    it(`through ${name} as the container's program, loaded with the container's libraries (CVE-2019-5736)`, () =>
      unharmed((program) => {
        const container = armed((config) => {
          config.process.args = [name];
          config.process.env.push("LD_PRELOAD=/preload.so");
        });
        container.run(["--detach"], { program });
        execFileSync("sleep", ["2.2"]);
        container.box.runtime(["delete", "--force", container.id], { program });
      }));

    it(`through ${name} as the program of exec (CVE-2019-5736)`, () =>
      unharmed((program) => {
        const container = armed((config) => {
          config.process.args = ["sleep", "60"];
          config.process.env.push("LD_PRELOAD=/preload.so");
        });
        container.run(["--detach"], { program });
        container.box.runtime(["exec", "--detach", container.id, name], { program });
        execFileSync("sleep", ["2.2"]);
        container.box.runtime(["delete", "--force", container.id], { program });
      }));
  }

  it("through a startContainer hook that is /proc/self/exe (CVE-2019-5736)", () =>
    unharmed((program) => {
      const container = armed((config) => {
        config.hooks = { startContainer: [{ path: "/proc/self/exe", args: ["x"], env: ["LD_PRELOAD=/preload.so"] }] };
      });
      container.run([], { program });
    }));

  for (const [what, capabilities] of [
    ["without rights", ["CAP_KILL"]],
    ["with CAP_SYS_PTRACE", ["CAP_KILL", "CAP_SYS_PTRACE"]],
  ] as const) {
    it(`through /proc/PID/exe of processes that exec brings, by a container ${what} (CVE-2019-5736)`, () =>
      unharmed((program) => {
        const container = armed((config) => {
          config.process.args = ["escape", "swipe", String(statSync(program).ino), "4"];
          config.process.capabilities = {
            bounding: [...capabilities],
            effective: [...capabilities],
            permitted: [...capabilities],
          };
        });
        ok(container.run(["--detach"], { program }));
        for (const name of ["true", "self-link", "self-script", "true"])
          for (let i = 0; i < 4; i++) container.box.runtime(["exec", container.id, name], { program });
        execFileSync("sleep", ["2"]);
        container.box.runtime(["delete", "--force", container.id], { program });
      }));
  }
});
