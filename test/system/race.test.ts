// Commands that meet on one container (FEATURES F23): whatever comes first, each says something true and nothing is left.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { isTsrun, itOurs, ok, soon, useBox, type Container, type Result, type State } from "./harness.ts";

describe("commands at once", () => {
  const box = useBox();

  /** Its create is in a hook once there is a file "entered", and stays there until there is one "go" or for `seconds`. */
  const slow = (seconds?: string): Container =>
    box().container((config) => {
      for (const name of ["entered", "go"]) rmSync(box().path(name), { force: true });
      config.process.args = ["sleep", "60"];
      const wait = seconds === undefined ? `until [ -e ${box().path("go")} ]; do sleep 0.02; done` : `sleep ${seconds}`;
      config.hooks = {
        createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `touch ${box().path("entered")}; ${wait}`] }],
      };
    });

  const begun = (): Promise<void> => soon("create is in its hook", () => existsSync(box().path("entered")), 20_000);

  itOurs(
    "state and list during create know the container, and a start meanwhile comes after create or not at all",
    async () => {
      const container = slow("0.5");
      const create = box().beside(["create", "--bundle", container.bundle, container.id]);
      await begun();
      const state = box().runtime(["state", container.id]);
      assert.match((JSON.parse(ok(state).stdout) as State).status, /^creat(ing|ed)$/);
      assert.match(ok(box().runtime(["list"])).stdout, new RegExp(`${container.id} +\\d+ +creat(ing|ed)`));
      const start = container.start();
      ok(await create);
      if (start.status === 0) assert.equal(container.state().status, "running");
      else {
        assert.match(start.stderr, /cannot start a container in the creating state/);
        assert.equal(container.state().status, "created");
      }
      ok(container.delete("--force"));
    },
  );

  itOurs("delete --force during create takes the container away, and create fails and leaves nothing", async () => {
    for (const command of [["create"], ["run"], ["run", "--detach"]]) {
      const container = slow();
      const create = box().beside([...command, "--bundle", container.bundle, container.id]);
      await begun();
      ok(container.delete("--force"));
      box().write("go", "");
      const { status, stderr } = await create;
      assert.equal(status, 1, stderr);
      assert.notEqual(stderr, "");
      box().assertNothingLeft();
    }
  });

  it("plain delete during create is refused or waits; the container is whole afterwards", async () => {
    const container = slow("0.3");
    const create = box().beside(["create", "--bundle", container.bundle, container.id]);
    await begun();
    const deleted = container.delete();
    const created = await create;
    if (deleted.status === 0) assert.equal(created.status, 1, "deleted, and create says it succeeded");
    else assert.equal(container.state().status, "created");
    container.delete("--force");
  });

  it("kill and delete at once, many times", async () => {
    for (let round = 0; round < 8; round++) {
      const container = box().container((config) => (config.process.args = ["sleep", "60"]));
      ok(container.run(["--detach"]));
      const results: Result[] = await Promise.all([
        box().beside(["kill", container.id, "KILL"]),
        box().beside(["delete", "--force", container.id]),
        box().beside(["state", container.id]),
        box().beside(["list"]),
      ]);
      if (isTsrun) {
        assert.equal(results[1]?.status, 0, results[1]?.stderr);
        for (const { status, stderr } of results)
          assert(status === 0 || /container (does not exist|not running)/.test(stderr), stderr);
      }
      container.delete("--force");
      box().assertNothingLeft();
    }
  });

  itOurs("two containers in one cgroup: the second is refused and the first lives on", () => {
    const first = box().container((config) => {
      config.process.args = ["sleep", "60"];
      config.linux.cgroupsPath = `/${box().prefix}shared`;
    });
    const second = box().container((config) => (config.linux.cgroupsPath = `/${box().prefix}shared`));
    ok(first.run(["--detach"]));
    const { status, stderr } = second.run();
    assert.equal(status, 1);
    assert.match(stderr, /container's cgroup is not empty/);
    assert.equal(first.state().status, "running");
    ok(first.delete("--force"));
  });

  itOurs("a cgroup that was there before is used and goes with the container, as with runc and crun", () => {
    const container = box().container((config) => (config.linux.cgroupsPath = `/${box().prefix}mine`));
    const directories = ["pids", "memory"]
      .map((name) => join("/sys/fs/cgroup", name))
      .filter((path) => existsSync(path))
      .map((path) => join(path, `${box().prefix}mine`));
    for (const directory of directories) ok(box().exec("/bin/mkdir", [directory]));
    ok(container.run());
    assert.deepEqual(box().cgroups(), [], "none is left with the limits of a container that is gone");
  });
});
