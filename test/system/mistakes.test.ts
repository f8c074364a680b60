// Mistakes that people make, each made on the real kernel: what tsrun says of them is the record in fixtures/mistakes.json, beside what runc and crun said.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, type Context } from "mocha";
import { itOurs, ok, PROGRAM, useBox, type Box, type Container } from "./harness.ts";
import { MISTAKES, type Mistake } from "./mistakes.ts";
import { skipBecause } from "../skip.ts";

/** In the words of each runtime: ID is the container's, BOX the directory of the test. */
type Said = {
  /** What tsrun's standard error holds, and its status. */
  readonly tsrun: string;
  readonly status: number;
  readonly runc: string;
  readonly crun: string;
};

const HERE = dirname(fileURLToPath(import.meta.url));
const SAID = JSON.parse(readFileSync(join(HERE, "fixtures/mistakes.json"), "utf8")) as {
  readonly [name: string]: Said;
};

/** Makes the mistake. @returns the status, and what was said of it */
function commit(box: Box, mistake: Mistake): { readonly status: number | null; readonly said: string } {
  const container: Container = box.container((config) => mistake.make?.(config));
  if (mistake.text !== undefined) container.configureText(mistake.text);
  mistake.before?.(container, undefined);
  const { status, stderr } = box.runtime([
    ...(mistake.globals ?? []),
    ...(mistake.args?.(container) ?? ["run", "--bundle", container.bundle, container.id]),
  ]);
  mistake.after?.();
  ok(container.delete("--force"));
  return {
    status,
    said: stderr
      .replaceAll(container.id, "ID")
      .replaceAll(box.directory, "BOX")
      .replaceAll(/\/proc\/\d+\/oom/g, "/proc/PID/oom")
      .replaceAll(/\/sys\/fs\/cgroup\/[^ ]*\/ID\b/g, "CGROUP"),
  };
}

describe("a mistake is told so that it can be repaired:", () => {
  const box = useBox();

  for (const mistake of MISTAKES) {
    itOurs(mistake.name, function (this: Context) {
      const unable = mistake.unless?.();
      if (unable !== undefined) skipBecause(this, unable);
      const expected = SAID[mistake.name];
      assert(expected !== undefined, "the record lacks it");
      const { status, said } = commit(box(), mistake);
      assert.equal(status, expected.status, said);
      for (const line of expected.tsrun.split("\n")) assert(said.includes(line), `${said}\nis not: ${line}`);
    });
  }

  itOurs("the record has each of them, and nothing else, and they are more than ninety", () => {
    assert.deepEqual(Object.keys(SAID).sort(), MISTAKES.map(({ name }) => name).sort());
    assert(MISTAKES.length > 90);
  });

  itOurs("no message speaks of runc, or in the words of Go's library", () => {
    for (const [name, { tsrun }] of Object.entries(SAID)) {
      assert.doesNotMatch(tsrun, /\brunc\b|strconv|json: cannot|Go value|fork\/exec/, name);
      assert.doesNotMatch(tsrun, /internal error/, name);
    }
  });

  itOurs("by the name of runc, the words that its own tests look for are its", () => {
    const runc = box().path("runc");
    ok(box().exec("/bin/ln", ["-s", PROGRAM, runc]));
    assert.match(box().exec(runc, ["strat"]).stderr, /No help topic for 'strat'/);
    assert.match(box().exec(runc, ["run", "--bogus"]).stderr, /flag provided but not defined: -bogus/);
  });

  itOurs("the JSON log has each violation with its pointer, in one object", () => {
    const container = box().container((config) => {
      config.process.cwd = "tmp";
      config.process.oomScoreAdj = 5000;
    });
    const log = box().path("log");
    const { status } = box().runtime([
      "--log",
      log,
      "--log-format",
      "json",
      "run",
      "--bundle",
      container.bundle,
      container.id,
    ]);
    assert.equal(status, 1);
    const { level, violations } = JSON.parse(readFileSync(log, "utf8")) as {
      readonly level: string;
      readonly violations: readonly { readonly pointer: string; readonly problem: string }[];
    };
    assert.equal(level, "error");
    assert.deepEqual(violations.map(({ pointer }) => pointer).sort(), ["/process/cwd", "/process/oomScoreAdj"]);
  });
});
