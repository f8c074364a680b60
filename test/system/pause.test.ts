import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { setValue, value } from "./groups.ts";
import { sleepMs } from "./leftovers.ts";
import { ended, eventually, ok, PROGRAM, refused, shareNamespace, soon, useBox, type Container } from "./harness.ts";

describe("pause and resume", () => {
  const box = useBox();

  const started = (change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  const command = (name: string, container: Container, ...more: string[]): ReturnType<Container["kill"]> =>
    box().runtime([name, ...more, container.id]);

  it("a paused container is paused, and runs again when resumed (runc pause.bats)", () => {
    const container = started();
    ok(command("pause", container));
    assert.equal(container.state().status, "paused");
    assert.match(ok(box().runtime(["list"])).stdout, new RegExp(`${container.id} +\\d+ +paused `));
    ok(command("resume", container));
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  it("no process goes on while the container is paused, and all do afterwards", () => {
    const container = started((config) => {
      config.root.readonly = false;
      config.process.args = [
        "sh",
        "-c",
        "while :; do echo x >> /count; sleep 0.01; done & while :; do echo x >> /count2; sleep 0.01; done",
      ];
    });
    const counts = (): number[] => ["/count", "/count2"].map((file) => readFileSync(container.at(file), "utf8").length);
    eventually("both count", () => {
      try {
        return counts().every((count) => count > 4);
      } catch {
        return false;
      }
    });
    ok(command("pause", container));
    const before = counts();
    sleepMs(200);
    assert.deepEqual(counts(), before);
    ok(command("resume", container));
    eventually("both go on", () => counts().every((count, i) => count > (before[i] ?? 0)));
    ok(container.delete("--force"));
  });

  it("a created container can be paused; it cannot be started before it is resumed", () => {
    const container = box().container();
    ok(container.create());
    ok(command("pause", container));
    refused(container.start(), /cannot start a container in the paused state/);
    ok(command("resume", container));
    assert.equal(container.state().status, "created");
    ok(container.start());
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("pause refuses a container that is paused, has stopped or does not exist, in runc's words", () => {
    const container = started();
    ok(command("pause", container));
    refused(command("pause", container), /container not running/);
    ok(command("resume", container));
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(command("pause", container), /container not running/);
    ok(container.delete());
    refused(command("pause", container), /container does not exist/);
  });

  it("resume refuses a container that is not paused or does not exist, in runc's words", () => {
    const container = started();
    refused(command("resume", container), /container not paused/);
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(command("resume", container), /container not paused/);
    ok(container.delete());
    refused(command("resume", container), /container does not exist/);
  });

  it("pause and resume take exactly one container", () => {
    refused(box().runtime(["pause"]), /"pause" requires exactly 1 argument/);
    refused(box().runtime(["resume", "a", "b"]), /"resume" requires exactly 1 argument/);
  });

  it("delete refuses a paused container, and delete --force ends it", () => {
    const container = started();
    ok(command("pause", container));
    refused(container.delete(), /cannot delete container .* that is not stopped: paused/);
    ok(container.delete("--force"));
    refused(box().runtime(["state", container.id]), /does not exist/);
  });

  it("kill KILL ends a paused container; another signal arrives when it is resumed", () => {
    const killed = started();
    ok(command("pause", killed));
    ok(killed.kill("KILL"));
    killed.waitFor("stopped");
    ok(killed.delete());
    const told = started((config) => {
      config.root.readonly = false;
      config.process.args = ["sh", "-c", "trap 'exit 0' TERM; touch /ready; while :; do sleep 0.01; done"];
    });
    eventually("it can be told", () => existsSync(told.at("ready")));
    ok(command("pause", told));
    ok(told.kill("TERM"));
    sleepMs(100);
    assert.equal(told.state().status, "paused");
    ok(command("resume", told));
    told.waitFor("stopped");
    ok(told.delete());
  });

  it("kill KILL ends all processes of a paused container that shares a pid namespace", () => {
    const container = started((config) => {
      shareNamespace(config, "pid");
      config.process.args = ["sh", "-c", "sleep 61 & sleep 62"];
    });
    ok(command("pause", container));
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("exec refuses a paused container with status 255 and runc's words", () => {
    const container = started();
    ok(command("pause", container));
    const { status, stderr } = box().runtime(["exec", container.id, "true"]);
    assert.equal(status, 255);
    assert.match(stderr, /cannot exec in a paused container \(use --ignore-paused to override\)/);
    ok(container.delete("--force"));
  });

  it("exec --ignore-paused runs once the container is resumed", async () => {
    const container = started();
    ok(command("pause", container));
    const exec = spawn(PROGRAM, ["--root", box().stateRoot, "exec", "--ignore-paused", container.id, "echo", "ok"], {
      env: { TSRUN_TEST: box().prefix },
    });
    const end = ended(exec);
    let over = false;
    void end.then(() => (over = true));
    await new Promise((next) => setTimeout(next, 400));
    assert.equal(over, false, "it did not wait");
    ok(command("resume", container));
    await soon("exec has ended", () => over, 10_000);
    const { status, stdout, stderr } = await end;
    assert.deepEqual([status, stdout], [0, "ok\n"], stderr);
    ok(container.delete("--force"));
  });

  it("an update leaves a paused container paused (runc update.bats)", () => {
    const container = started();
    ok(command("pause", container));
    ok(box().runtime(["update", container.id]));
    assert.equal(container.state().status, "paused");
    ok(command("resume", container));
    ok(container.delete("--force"));
  });

  it("what somebody else froze or thawed counts: the kernel is asked, not state.json", () => {
    const container = started();
    setValue(
      container,
      "freezer.state",
      "cgroup.freeze",
      value(container, "freezer.state", "cgroup.freeze") === "0" ? "1" : "FROZEN",
    );
    container.waitFor("paused");
    ok(command("resume", container));
    container.waitFor("running");
    ok(container.delete("--force"));
  });
});
