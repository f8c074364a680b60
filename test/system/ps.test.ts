import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { eventually, ok, refused, useBox, type Container, type Result } from "./harness.ts";

/** ps itself fails on kernels whose counters it does not know (User-Mode Linux: "Unable to get system boot time"). */
const itWithTables: (name: string, test: () => void) => void =
  spawnSync("ps", ["-ef"]).status === 0 ? it : (name) => it.skip(`${name} (ps -ef fails on this host)`);

describe("ps", () => {
  const box = useBox();

  const started = (change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      config.process.args = ["sleep", "60"];
      change(config);
    });
    ok(container.run(["--detach"]));
    return container;
  };

  const ps = (...words: string[]): Result =>
    box().runtime(["ps", ...words], { env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" } });
  const pids = (container: Container): number[] => JSON.parse(ok(ps("-f", "json", container.id)).stdout) as number[];

  itWithTables("shows ps -ef of the container's processes, and of no others (runc ps.bats)", () => {
    const container = started();
    const [titles, ...lines] = ok(ps(container.id)).stdout.trimEnd().split("\n");
    assert.match(titles ?? "", /UID +PID +PPID +C +STIME +TTY +TIME +CMD/);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", new RegExp(`^root +${container.state().pid} .* sleep 60$`));
    ok(container.delete("--force"));
  });

  it("--format json is a list of pids, as the host counts them, with those of children and of exec", () => {
    const container = started((config) => (config.process.args = ["sh", "-c", "sleep 61 & wait"]));
    eventually("both run", () => pids(container).length === 2);
    ok(box().runtime(["exec", "--detach", container.id, "sleep", "62"]));
    eventually("three run", () => pids(container).length === 3);
    assert(pids(container).includes(container.state().pid));
    ok(container.delete("--force"));
  });

  it("options after the name are ps's own", () => {
    const container = started();
    const [titles, line] = ok(ps(container.id, "-e", "-x")).stdout.split("\n");
    assert.match(titles ?? "", / +PID +TTY +STAT +TIME +COMMAND/);
    assert.match(line ?? "", / sleep 60/);
    assert.equal(
      ok(ps(container.id, "-o", "pid,comm", "-e"))
        .stdout.split("\n")[1]
        ?.trim(),
      `${container.state().pid} sleep`,
    );
    ok(container.delete("--force"));
  });

  itWithTables("shows a created container's init, a paused one's processes, and none of one that has stopped", () => {
    const container = box().container();
    ok(container.create());
    assert.deepEqual(pids(container), [container.state().pid]);
    ok(box().runtime(["pause", container.id]));
    assert.deepEqual(pids(container), [container.state().pid]);
    ok(box().runtime(["resume", container.id]));
    ok(container.start());
    container.waitFor("stopped");
    assert.equal(ok(ps("--format", "json", container.id)).stdout, "null\n");
    assert.equal(ok(ps(container.id)).stdout.trimEnd().split("\n").length, 1);
    ok(container.delete());
  });

  it("refuses an unknown format, a table without PID, ps options that ps refuses, and an unknown container", () => {
    const container = started();
    refused(ps("--format", "yaml", container.id), /invalid format option/);
    refused(ps(container.id, "-o", "user"), /couldn't find PID field in ps output/);
    refused(ps(container.id, "--nonsense"), /exit status 1: /);
    refused(
      box().runtime(["ps", container.id], { env: { PATH: "/nowhere" } }),
      /exec: "ps": executable file not found in \$PATH/,
    );
    refused(ps("no-such"), /container does not exist/);
    refused(ps(), /"ps" requires a minimum of 1 argument/);
    ok(container.delete("--force"));
  });
});
