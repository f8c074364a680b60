// `tsrun doctor --leftovers` names what killed runtimes have left, and with --clean removes what nobody can have a use for.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import type { Config } from "./bundle.ts";
import { ended, eventually, itOurs, ok, refused, useBox } from "./harness.ts";

type Leftover = {
  readonly kind: string;
  readonly what: string;
  readonly container?: string;
  readonly certain: boolean;
};

const sleeper = (config: Config): void => void (config.process.args = ["sleep", "60"]);

describe("doctor --leftovers", () => {
  const box = useBox();

  const found = (...flags: string[]): readonly Leftover[] =>
    JSON.parse(box().runtime(["doctor", "--leftovers", "--json", ...flags]).stdout) as readonly Leftover[];

  itOurs("says that nothing is left of containers that live, wait or have ended", () => {
    const [created, running, stopped] = [1, 2, 3].map(() => box().container(sleeper));
    assert(created !== undefined && running !== undefined && stopped !== undefined);
    ok(created.create());
    ok(running.run(["-d"]));
    ok(stopped.run(["-d"]));
    ok(stopped.kill("KILL"));
    stopped.waitFor("stopped");
    for (const flags of [[], ["--clean"]])
      assert.equal(
        ok(box().runtime(["doctor", "--leftovers", ...flags])).stdout,
        "nothing is left of a killed runtime\n",
      );
    assert.deepEqual(
      [created.state().status, running.state().status, stopped.state().status],
      ["created", "running", "stopped"],
    );
    for (const container of [created, running, stopped]) ok(container.delete("--force"));
  });

  itOurs("names the cgroups and the state of a create that was killed, and removes them", async () => {
    const entered = box().path("entered");
    const container = box().container((config) => {
      sleeper(config);
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `: > ${entered}; exec sleep 1`] }] };
    });
    const create = box().spawn(["create", "--bundle", container.bundle, container.id]);
    const end = ended(create);
    eventually("the hook runs", () => existsSync(entered));
    assert.deepEqual(found(), [], "while it is at work nothing is left of it");
    create.kill("SIGKILL");
    await end;
    eventually("init has ended", () => found().length > 0);
    const cgroups = box().cgroups();
    assert(cgroups.length > 0);
    const leftovers = found();
    assert.deepEqual(
      leftovers
        .filter(({ kind }) => kind === "cgroup")
        .map(({ what }) => what)
        .sort(),
      [...cgroups].sort(),
    );
    assert.deepEqual(leftovers.at(-1), {
      kind: "state",
      what: join(box().stateRoot, container.id),
      container: container.id,
      why: "it ended before it was started, and cannot be any more",
      certain: true,
    });
    const { status, stdout } = box().runtime(["doctor", "--leftovers"]);
    assert.equal(status, 1);
    assert.match(stdout, new RegExp(`^cgroup ${cgroups[0]} of ${container.id}: belongs to it$`, "m"));
    ok(box().runtime(["doctor", "--leftovers", "--clean"]));
    assert.deepEqual([box().cgroups(), readdirSync(box().stateRoot)], [[], []]);
  });

  itOurs("tells what is certain from what is not, and --clean leaves the latter", () => {
    const running = box().container(sleeper);
    ok(running.run(["-d"]));
    const root = box().stateRoot;
    mkdirSync(join(root, "empty"));
    mkdirSync(join(root, "half"));
    writeFileSync(join(root, "half", "config.json"), "{");
    mkdirSync(join(root, "damaged"));
    writeFileSync(join(root, "damaged", "state.json"), "{");
    mkdirSync(join(root, "@seccomp"), { recursive: true });
    writeFileSync(join(root, "@seccomp", "1.0.0123456789abcdef"), "");
    writeFileSync(join(root, running.id, "resources.json.4194305"), "{"); // [kernel] no pid is so high
    writeFileSync(join(root, running.id, `resources.json.${process.pid}`), "{");
    const names = (list: readonly Leftover[]): readonly string[] =>
      list.map(({ kind, what, certain }) => `${kind} ${what.slice(root.length + 1)} ${certain}`).sort();
    assert.deepEqual(
      names(found()),
      [
        "file @seccomp/1.0.0123456789abcdef true",
        `file ${running.id}/resources.json.4194305 true`,
        "state damaged false",
        "state empty true",
        "state half true",
      ].sort(),
    );
    assert.deepEqual(names(found("--clean")), ["state damaged false"]);
    assert.equal(running.state().status, "running");
    assert.equal(existsSync(join(root, running.id, `resources.json.${process.pid}`)), true);
    refused(box().runtime(["doctor", "--clean"]), /--clean goes with --leftovers/);
    ok(box().runtime(["delete", "--force", "damaged"]));
    ok(running.delete("--force"));
  });
});
