// State directories that are not what we have written: empty, half written, of another shape, of a process that is another by now.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { isTsrun, itOurs, ok, PROGRAM, refused, useBox } from "./harness.ts";

/** What is in the directory in a state.json's place. */
const DAMAGES: { readonly [what: string]: (directory: string, whole: string) => void } = {
  "is empty": () => undefined,
  "has an empty state.json": (directory) => writeFileSync(join(directory, "state.json"), ""),
  "has half a state.json": (directory, whole) =>
    writeFileSync(join(directory, "state.json"), whole.slice(0, whole.length / 2)),
  "has only the file that is to become state.json": (directory, whole) =>
    writeFileSync(join(directory, "state.json.new"), whole),
  "has a state.json that is a list": (directory) => writeFileSync(join(directory, "state.json"), "[]"),
  "has a state.json that is null": (directory) => writeFileSync(join(directory, "state.json"), "null"),
  "has a state.json without fields": (directory) => writeFileSync(join(directory, "state.json"), "{}"),
  "has a state.json with a pid and nothing else": (directory) =>
    writeFileSync(join(directory, "state.json"), '{"pid":1}'),
  "has a state.json of other types": (directory) =>
    writeFileSync(
      join(directory, "state.json"),
      '{"pid":"1","startTime":2,"id":3,"bundle":4,"cgroup":5,"poststart":6,"poststop":7}',
    ),
  "has zeros in state.json": (directory) => writeFileSync(join(directory, "state.json"), Buffer.alloc(4096)),
  "has a link to nowhere for state.json": (directory) => symlinkSync("/nowhere", join(directory, "state.json")),
};

const COMMANDS: readonly (readonly string[])[] = [
  ["state", "ID"],
  ["start", "ID"],
  ["kill", "ID"],
  ["exec", "ID", "true"],
  ["delete", "ID"],
];

describe("a state directory that", () => {
  const box = useBox();

  for (const [what, damage] of Object.entries(DAMAGES)) {
    it(`${what}: is no container, list goes on, and delete --force takes it away`, () => {
      const container = box().container((config) => (config.process.args = ["sleep", "60"]));
      ok(container.create());
      const id = `${container.id}x`;
      const directory = join(box().stateRoot, id);
      const whole = readFileSync(join(box().stateRoot, container.id, "state.json"), "utf8");
      for (const command of isTsrun ? COMMANDS : []) {
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory, { mode: 0o711 });
        damage(directory, whole);
        const { status, stderr } = box().runtime(command.map((word) => (word === "ID" ? id : word)));
        assert.equal(status, command[0] === "exec" ? 255 : 1, `${command.join(" ")}: ${stderr}`);
        assert.match(stderr, /container does not exist|is damaged/, command.join(" "));
        assert.doesNotMatch(stderr, /internal error/, command.join(" "));
      }
      mkdirSync(directory, { recursive: true, mode: 0o711 }); // runc takes it away also without --force
      const { status, stdout, stderr } = box().runtime(["list", "--quiet"]);
      assert.deepEqual([status, stdout], [0, `${container.id}\n`], stderr);
      assert.match(stderr, new RegExp(`load container ${id}`));
      ok(box().runtime(["delete", "--force", id]));
      assert.equal(existsSync(directory), false);
      ok(container.delete("--force"));
    });
  }

  itOurs("is left of a create that was killed is a warning of list, until delete --force takes it away", () => {
    const directory = join(box().stateRoot, "abandoned");
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    const list = (): string => ok(box().runtime(["list", "--quiet"])).stderr;
    assert.match(
      list(),
      /load container abandoned: somebody died while creating it — `tsrun delete --force` takes away/,
    );
    refused(box().runtime(["state", "abandoned"]), /^tsrun: state abandoned: container does not exist — [^\n]*\n$/);
    ok(box().runtime(["delete", "--force", "abandoned"]));
    assert.equal(list(), "");
  });

  itOurs("is being made into a container is no warning of list", () => {
    const directory = join(box().stateRoot, "growing");
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    const { stderr } = ok(box().exec("flock", [directory, PROGRAM, "--root", box().stateRoot, "list"]));
    assert.equal(stderr, "");
    ok(box().runtime(["delete", "--force", "growing"]));
  });

  itOurs("is a file or a link is no container, and is left alone", () => {
    mkdirSync(box().stateRoot, { recursive: true });
    const elsewhere = box().path("elsewhere");
    mkdirSync(elsewhere);
    box().write("elsewhere/state.json", '{"pid":1}');
    writeFileSync(join(box().stateRoot, "file"), "x");
    symlinkSync(elsewhere, join(box().stateRoot, "link"));
    for (const id of ["file", "link"]) {
      for (const command of [
        ["state", id],
        ["kill", id],
        ["delete", id],
      ]) {
        const { status, stderr } = box().runtime(command);
        assert.deepEqual(
          [status, /container does not exist/.test(stderr)],
          [1, true],
          `${command.join(" ")}: ${stderr}`,
        );
      }
      ok(box().runtime(["delete", "--force", id]));
    }
    assert.deepEqual(
      [existsSync(join(box().stateRoot, "file")), existsSync(join(elsewhere, "state.json"))],
      [true, true],
    );
    for (const name of ["file", "link"]) rmSync(join(box().stateRoot, name));
  });

  itOurs("is of a process whose number another one has by now is of a stopped container, and nobody is killed", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(container.create());
    const file = join(box().stateRoot, container.id, "state.json");
    const record = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    writeFileSync(file, JSON.stringify({ ...record, pid: process.pid }));
    assert.deepEqual([container.state().status, container.state().pid], ["stopped", 0]);
    assert.match(container.kill("KILL").stderr, /container not running/);
    ok(container.delete("--force")); // and we are still here to see it
  });

  itOurs("is below a root that is not there: list says so", () => {
    refused(box().runtime(["list"]), /no such file or directory/);
  });
});
