// What each command says to a container in each state: the table is runc's, and the same test passes against runc (RUNTIME=/usr/sbin/runc).
// "creating" is ours alone: runc knows nothing of a container before it is created.

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { eventually, isTsrun, itOurs, ok, useBox, type Box, type Container, type Result } from "./harness.ts";

/** Success, or what standard error holds. */
type Outcome = "ok" | RegExp;
type States = { readonly [state in "absent" | "creating" | "created" | "running" | "paused" | "stopped"]?: Outcome };

const missing = /container does not exist/;
const exists = /container with given ID already exists/;
const notRunning = /container not running/;
const everywhere = (outcome: Outcome): Required<States> => ({
  absent: outcome,
  creating: outcome,
  created: outcome,
  running: outcome,
  paused: outcome,
  stopped: outcome,
});

type Row = {
  readonly command: readonly string[];
  readonly after?: readonly string[];
  readonly states: States;
  readonly failure?: number;
};

const ROWS: readonly Row[] = [
  { command: ["create", "--bundle", "BUNDLE"], states: { ...everywhere(exists), absent: "ok" } },
  { command: ["run", "--bundle", "BUNDLE"], states: { ...everywhere(exists), absent: "ok" } },
  {
    command: ["start"],
    states: {
      absent: missing,
      creating: /cannot start a container in the creating state/,
      created: "ok",
      running: /cannot start an already running container/,
      paused: /cannot start a container in the paused state/,
      stopped: /cannot start a container that has stopped/,
    },
  },
  { command: ["state"], states: { ...everywhere("ok"), absent: missing } },
  {
    command: ["kill"],
    after: ["0"],
    states: { ...everywhere("ok"), absent: missing, creating: notRunning, stopped: notRunning },
  },
  {
    command: ["kill"],
    after: ["KILL"],
    states: { ...everywhere("ok"), absent: missing, creating: notRunning, stopped: notRunning },
  },
  {
    command: ["kill", "--all"],
    after: ["0"],
    states: { created: "ok", running: "ok", stopped: "ok", absent: missing },
  },
  { command: ["kill"], after: ["NONESUCH"], states: { ...everywhere(/unknown signal \\?"NONESUCH/), absent: missing } },
  {
    command: ["exec"],
    after: ["true"],
    failure: 255,
    states: {
      absent: missing,
      creating: /cannot exec in a container in the creating state/,
      created: "ok",
      running: "ok",
      paused: /cannot exec in a paused container \(use --ignore-paused to override\)/,
      stopped: /cannot exec in a stopped container/,
    },
  },
  {
    command: ["delete"],
    states: {
      absent: missing,
      creating: /cannot delete container \S+ that is not stopped: creating/,
      created: "ok",
      running: /cannot delete container \S+ that is not stopped: running/,
      paused: /cannot delete container \S+ that is not stopped: paused/,
      stopped: "ok",
    },
  },
  { command: ["delete", "--force"], states: everywhere("ok") },
];

/** Freezes or thaws the container from outside. */
function freeze(box: Box, frozen: boolean): void {
  const groups = box.cgroups();
  const v1 = groups.find((path) => existsSync(join(path, "freezer.state")));
  if (v1 !== undefined) writeFileSync(join(v1, "freezer.state"), frozen ? "FROZEN" : "THAWED");
  else for (const group of groups) writeFileSync(join(group, "cgroup.freeze"), frozen ? "1" : "0");
}

const STATES = ["absent", "creating", "created", "running", "paused", "stopped"] as const;

/** Brings the container into a state, acts, and takes it away again. */
async function inState(box: Box, state: (typeof STATES)[number], act: (container: Container) => void): Promise<void> {
  const [entered, go] = [box.path("entered"), box.path("go")];
  const container = box.container((config) => {
    config.process.args = state === "absent" ? ["true"] : ["sleep", "600"];
    if (state === "creating")
      config.hooks = {
        createRuntime: [
          { path: "/bin/sh", args: ["sh", "-c", `touch ${entered}; until [ -e ${go} ]; do sleep 0.02; done`] },
        ],
      };
  });
  if (state === "absent") {
    act(container);
  } else if (state === "creating") {
    const creating = box.beside(["create", "--bundle", container.bundle, container.id]);
    try {
      eventually("the hook runs", () => existsSync(entered), 20_000);
      act(container);
    } finally {
      writeFileSync(go, "");
      await creating;
    }
  } else {
    ok(container.create());
    if (state === "running" || state === "paused") ok(container.start());
    if (state === "stopped") ok(container.kill("KILL"));
    if (state === "stopped") container.waitFor("stopped");
    if (state === "paused") freeze(box, true);
    if (state === "paused") container.waitFor("paused");
    act(container);
  }
  if (state === "paused" && box.cgroups().length > 0) freeze(box, false);
  ok(container.delete("--force"));
}

function check(result: Result, outcome: Outcome, failure: number): void {
  if (outcome === "ok") return void ok(result);
  assert.match(result.stderr, outcome);
  assert.equal(result.status, failure, result.stderr);
}

describe("a container in each state", () => {
  const box = useBox();

  itOurs("creating: no hint leads to a command that refuses as well", () =>
    inState(box(), "creating", ({ id }) => {
      for (const command of [["start"], ["kill"], ["delete"], ["pause"], ["resume"], ["exec"]]) {
        const { stderr } = box().runtime([...command, id, ...(command[0] === "exec" ? ["true"] : [])]);
        assert.match(
          stderr,
          /— another command is making it: wait until `tsrun state` says that it is created/,
          stderr,
        );
      }
    }),
  );

  for (const { command, after = [], states, failure = 1 } of ROWS) {
    for (const state of STATES) {
      const outcome = states[state];
      if (outcome === undefined || (state === "creating" && !isTsrun)) continue;
      const words = [...command.filter((word) => word !== "--bundle" && word !== "BUNDLE"), ...after].join(" ");
      it(`${state}: ${words} ${outcome === "ok" ? "succeeds" : `is refused: ${outcome.source.replaceAll("\\", "")}`}`, () =>
        inState(box(), state, (container) => {
          check(
            box().runtime([
              ...command.map((word) => (word === "BUNDLE" ? container.bundle : word)),
              container.id,
              ...after,
            ]),
            outcome,
            failure,
          );
        }));
    }
  }

  for (const state of STATES.filter((name) => name !== "absent" && (name !== "creating" || isTsrun))) {
    it(`${state} is what state and list say, with a pid unless it has stopped`, () =>
      inState(box(), state, (container) => {
        const { status, pid } = container.state();
        assert.equal(status, state);
        assert.equal(pid > 0, state !== "stopped");
        const listed = JSON.parse(ok(box().runtime(["list", "--format", "json"])).stdout) as {
          id: string;
          status: string;
          pid: number;
        }[];
        assert.deepEqual(
          listed.map((entry) => [entry.id, entry.status, entry.pid]),
          [[container.id, state, pid]],
        );
      }));
  }
});
