// The runtime is killed at any instant (CLIENTS 0.9): what is left on disk must let `delete --force` take everything away.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { Box, ok, PROGRAM, soon, useBox, user, type Container } from "./harness.ts";
import { processes } from "./leftovers.ts";

const ROUNDS = 60;

const readIfThere = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

const pause = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));

describe("killed by SIGKILL", () => {
  const box = useBox();

  const started = (command: readonly string[], { bundle, id }: Container): ChildProcess =>
    spawn(PROGRAM, ["--root", box().stateRoot, ...command, "--bundle", bundle, id], {
      stdio: "ignore",
      cwd: box().directory,
      env: { TSRUN_TEST: box().prefix },
    });

  /** How long `create` takes here and now, of several the longest. */
  async function createMs(container: Container): Promise<number> {
    let longest = 0;
    for (let round = 0; round < 5; round++) {
      const from = performance.now();
      const child = started(["create"], container);
      await new Promise((resolve) => child.once("exit", resolve));
      longest = Math.max(longest, performance.now() - from);
      ok(container.delete("--force"));
    }
    return longest;
  }

  /**
   * Starts `command` and kills it after some time, ROUNDS times with other delays, until after it is done; then delete --force, and nothing may be left.
   * Again, with a new measure, where the machine was so slow while it was measured that most were done.
   */
  async function killAtManyMoments(command: readonly string[], change: (config: Config) => void): Promise<void> {
    const container = box().container(change);
    let longestMs = 0;
    let cut = 0;
    for (let round = 0; round < ROUNDS || (cut <= ROUNDS / 4 && round < 4 * ROUNDS); round++) {
      if (round % ROUNDS === 0) longestMs = 1.2 * (await createMs(container));
      const child = started(command, container);
      const end = new Promise<string | null>((resolve) => child.once("exit", (_status, signal) => resolve(signal)));
      const from = performance.now();
      const delay = (longestMs * (round % ROUNDS)) / ROUNDS;
      if (delay >= 1) await pause(delay);
      while (performance.now() - from < delay); // timers are too coarse for the last part
      child.kill("SIGKILL");
      if ((await end) === "SIGKILL") cut++;
      const { status, stderr } = box().runtime(["delete", "--force", container.id]);
      assert.equal(status, 0, `after ${delay.toFixed(1)} ms: ${stderr}`);
      assert.deepEqual(
        existsSync(box().stateRoot) ? readdirSync(box().stateRoot) : [],
        [],
        `after ${delay.toFixed(1)} ms`,
      );
      try {
        box().assertNothingLeft();
      } catch (error) {
        throw new Error(`killed after ${delay.toFixed(1)} ms`, { cause: error });
      }
    }
    assert(cut > ROUNDS / 4, `only ${cut} were killed before they ended`);
  }

  it("create leaves nothing that delete --force does not take away", async function () {
    this.timeout(90_000);
    await killAtManyMoments(["create"], () => undefined);
  });

  it("create with hooks, limits and a cgroup namespace neither", async function () {
    this.timeout(90_000);
    await killAtManyMoments(["create"], (config) => {
      config.linux.namespaces.push({ type: "cgroup" });
      config.linux.resources = { memory: { limit: 64 * 2 ** 20 }, pids: { limit: 100 } };
      config.hooks = {
        createRuntime: [{ path: "/bin/sleep", args: ["sleep", "0.02"] }],
        createContainer: [{ path: "/bin/sleep", args: ["sleep", "0.02"] }],
      };
    });
  });

  it("run neither, whose container goes on without it", async function () {
    this.timeout(90_000);
    await killAtManyMoments(["run"], (config) => (config.process.args = ["sleep", "60"]));
  });

  it("create into a pid namespace of others neither", async function () {
    this.timeout(90_000);
    const others = new Box();
    const other = others.container((config) => (config.process.args = ["sleep", "90"]));
    ok(other.run(["--detach"]));
    const path = `/proc/${other.state().pid}/ns/pid`;
    await killAtManyMoments(["create"], (config) => {
      config.process.user = user(1000);
      config.linux.namespaces = config.linux.namespaces.map((namespace) =>
        namespace.type === "pid" ? { type: "pid", path } : namespace,
      );
    });
    ok(other.delete("--force"));
    others.assertNothingLeft();
    others.remove();
  });

  it("create leaves no init that waits for ever: it dies with its maker", async () => {
    const container = box().container(
      (config) =>
        (config.hooks = {
          createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${box().path("entered")}; exec sleep 301`] }],
        }),
    );
    const child = spawn(PROGRAM, ["--root", box().stateRoot, "create", "--bundle", container.bundle, container.id], {
      stdio: "ignore",
      env: { TSRUN_TEST: box().prefix },
    });
    const end = new Promise((resolve) => child.once("exit", resolve));
    await soon("it waits for the hook", () => existsSync(box().path("entered")), 20_000);
    child.kill("SIGKILL");
    await end;
    // The hook is the host's own process: delete does not know it, and need not.
    await soon("all others have ended", () =>
      box()
        .leftovers()
        .every((line) => !line.startsWith("process:") || line.includes("sleep 301")),
    );
    assert.equal(box().runtime(["delete", "--force", container.id]).status, 0);
    for (const line of box().leftovers())
      if (line.includes("sleep 301")) process.kill(Number(/\d+/.exec(line)?.[0]), "SIGKILL");
  });

  for (const command of ["create", "exec"] as const) {
    it(`${command} leaves no process that has become the container's user already`, async function () {
      const container = box().container((config) => {
        config.process.args = ["sleep", "60"];
        config.process.user = user(1000);
      });
      if (command === "exec") ok(container.run(["--detach"]));
      const args =
        command === "create"
          ? ["create", "--bundle", container.bundle, container.id]
          : ["exec", container.id, "sleep", "61"];
      // The look for the program comes last, and there it stays.
      const stopped = [
        "-D",
        "-f",
        "-qq",
        "-o",
        box().path("trace"),
        "-e",
        "trace=faccessat2",
        "-e",
        "inject=faccessat2:signal=SIGSTOP",
      ];
      const child = spawn("/usr/bin/strace", [...stopped, PROGRAM, "--root", box().stateRoot, ...args], {
        stdio: "ignore",
        env: { TSRUN_TEST: box().prefix },
      });
      const end = new Promise((resolve) => child.once("exit", resolve));
      await soon("it looks for the program", () => readIfThere(box().path("trace")).includes("stopped by SIGSTOP"));
      child.kill("SIGKILL");
      await end;
      const target = command === "exec" ? container.state().pid : 0;
      await soon("all have ended but the container", () =>
        processes(box()).every((line) => line.startsWith(`${target} `) || line.includes("/usr/bin/strace")),
      );
      ok(container.delete("--force"));
      await soon("the tracer has ended", () => box().leftovers().length === 0);
    });
  }
});
