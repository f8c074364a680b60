// Processes that come into namespaces of others: what `exec` keeps although its process is forked last, and namespaces that config.json gives a path for.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { itOurs, ok, PROGRAM, useBox, user, type Box, type Container, type Result } from "./harness.ts";

function sleeper(box: Box, change: (config: Config) => void = () => undefined): Container {
  const container = box.container((config) => {
    config.process.args = ["sleep", "60"];
    change(config);
  });
  ok(container.run(["--detach"]));
  return container;
}

const exec = (container: Container, flags: readonly string[], ...args: string[]): Result => container.box.runtime(["exec", ...flags, container.id, ...args]);

describe("the process of exec, which is forked last", () => {
  const box = useBox();

  it("finds what is below /proc/self: as its working directory and as its program", () => {
    const container = sleeper(box());
    assert.equal(ok(exec(container, ["--cwd", "/proc/self/net"], "sh", "-c", "test -e dev && echo there")).stdout, "there\n");
    const script = box().write("script", "#!/bin/sh\necho a script\n", 0o755);
    const { status, stdout, stderr } = box().exec("bash", ["-c", 'exec 3<"$0"; exec "$@"', script, PROGRAM, "--root", box().stateRoot, "exec", "--preserve-fds", "1", container.id, "/proc/self/fd/3"]);
    assert.deepEqual([status, stdout, stderr], [0, "a script\n", ""]);
    ok(container.delete("--force"));
  });

  itOurs("runs under a filter that is loaded by root and lets nobody fork", () => {
    const container = sleeper(box(), (config) => {
      config.process.noNewPrivileges = false;
      config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["clone", "clone3", "fork", "vfork"], action: "SCMP_ACT_ERRNO" }] };
    });
    assert.equal(ok(exec(container, ["--user", "1000"], "id", "-u")).stdout, "1000\n");
    assert.match(exec(container, [], "sh", "-c", "ls | cat").stderr, /fork/);
    ok(container.delete("--force"));
  });

  it("runs when its user may have as many processes as there are then, and not when fewer", () => {
    const uid = 54321;
    const container = sleeper(box(), (config) => {
      config.process.user = user(uid);
      delete config.process.capabilities;
    });
    const limited = (processes: number): Result => {
      const file = box().write("process.json", JSON.stringify({ args: ["grep", "processes", "/proc/self/limits"], cwd: "/", env: ["PATH=/bin"], user: { uid, gid: uid }, rlimits: [{ type: "RLIMIT_NPROC", soft: processes, hard: processes }] }));
      return box().runtime(["exec", "--process", file, container.id]);
    };
    assert.match(ok(limited(2)).stdout, /^Max processes +2 +2 /); // the sleeping one and this one
    const { status, stderr } = limited(1);
    assert.notEqual(status, 0);
    assert.match(stderr, /EAGAIN|temporarily unavailable/);
    ok(container.delete("--force"));
  });

  for (const scheduler of [{ policy: "SCHED_BATCH", flags: ["SCHED_FLAG_RESET_ON_FORK"] }, { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 10_000_000, period: 10_000_000 }]) {
    itOurs(`has the scheduler ${scheduler.policy}, which no fork passes on`, () => {
      const container = sleeper(box());
      const file = box().write("process.json", JSON.stringify({ args: ["cat", "/proc/self/sched"], cwd: "/", env: ["PATH=/bin"], scheduler }));
      const { stdout } = ok(box().runtime(["exec", "--process", file, container.id]));
      assert.match(stdout, scheduler.policy === "SCHED_BATCH" ? /^policy +: +3$/m : /^policy +: +6$/m);
      ok(container.delete("--force"));
    });
  }

  itOurs("joins the resctrl groups of the container's record", () => {
    const container = sleeper(box());
    const group = box().path("resctrl");
    mkdirSync(join(group, "mon"), { recursive: true });
    for (const name of ["tasks", "mon/tasks"]) writeFileSync(join(group, name), "");
    const file = join(box().stateRoot, container.id, "state.json");
    const record = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...record, intelRdt: { group, monitoring: join(group, "mon"), remove: [] } }));
    ok(exec(container, [], "true"));
    const [task, monitored] = ["tasks", "mon/tasks"].map((name) => readFileSync(join(group, name), "utf8"));
    assert.match(task ?? "", /^\d+$/); // the joiner, from whom the process inherits
    assert.equal(monitored, task);
    ok(container.delete("--force"));
  });
});
