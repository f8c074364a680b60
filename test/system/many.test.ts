// Many containers: made at the same moment, and listed.

import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { ok, PROGRAM, useBox, type State } from "./harness.ts";

const AT_ONCE = 200;
const LISTED = 1000;

describe("many containers", () => {
  const box = useBox();

  it(`${AT_ONCE} creates at once all succeed, and as many deletes`, async function () {
    this.timeout(300_000);
    const made = box().container((config) => (config.process.args = ["sleep", "60"]));
    const ids = Array.from({ length: AT_ONCE }, (_value, i) => `${made.id}x${i}`);
    const each = (command: string): void => {
      const script = box().write(
        "each",
        `for id in ${ids.join(" ")}; do (${command}; echo $? > ${box().path("status")}.$id) & done; wait\n`,
      );
      box().exec("/bin/sh", [script], { env: { PATH: "/usr/bin:/bin" }, timeoutMs: 240_000 });
      const statuses = ids.map((id) => readFileSync(`${box().path("status")}.${id}`, "utf8").trim());
      assert.deepEqual(
        statuses.filter((status) => status !== "0"),
        [],
        command,
      );
    };
    const runtime = `${PROGRAM} --root ${box().stateRoot}`;
    each(`${runtime} create --bundle ${made.bundle} $id </dev/null`);
    const listed = JSON.parse(ok(box().runtime(["list", "--format", "json"])).stdout) as State[];
    assert.deepEqual(
      listed.map(({ id, status }) => `${id} ${status}`),
      ids.map((id) => `${id} created`).sort(),
    );
    assert.equal(new Set(listed.map(({ pid }) => pid)).size, AT_ONCE);
    each(`${runtime} delete --force $id`);
    assert.equal(ok(box().runtime(["list", "--quiet"])).stdout, "");
  });

  it(`${LISTED} are listed`, function () {
    this.timeout(120_000);
    const container = box().container();
    ok(container.run(["--keep"]));
    const directory = join(box().stateRoot, container.id);
    const record = readFileSync(join(directory, "state.json"), "utf8");
    const ids = Array.from({ length: LISTED - 1 }, (_value, i) => `${container.id}x${i}`);
    for (const id of ids) {
      cpSync(directory, join(box().stateRoot, id), { recursive: true });
      writeFileSync(join(box().stateRoot, id, "state.json"), record.replaceAll(container.id, id));
    }
    assert.equal(
      ok(box().runtime(["list", "--quiet"])).stdout,
      [container.id, ...ids]
        .sort()
        .map((id) => `${id}\n`)
        .join(""),
    );
    assert.equal(
      ok(box().runtime(["list"]))
        .stdout.trim()
        .split("\n").length,
      LISTED + 1,
    );
    for (const id of ids) rmSync(join(box().stateRoot, id), { recursive: true });
    ok(container.delete());
  });
});
