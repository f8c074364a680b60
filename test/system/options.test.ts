// What options mean that are given more than once, and the status that a wrong command line ends with: runc's.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ok, PROGRAM, useBox } from "./harness.ts";

describe("options", () => {
  const box = useBox();

  it("given twice: the last one counts", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    const nowhere = box().path("nowhere");
    ok(
      box().runtime([
        "create",
        "--bundle",
        nowhere,
        "--pid-file",
        box().path("first"),
        "--bundle",
        container.bundle,
        "--no-pivot=true",
        "--no-pivot=false",
        container.id,
      ]),
    );
    assert.equal(container.state().bundle, container.bundle);
    ok(box().runtime(["list", "--format", "nonsense", "--format", "json"]));
    ok(box().exec(PROGRAM, ["--root", nowhere, "--root", box().stateRoot, "state", container.id]));
    ok(container.delete("--force", "--force"));
  });

  it("that are lists are all taken", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(container.run(["-d"]));
    const { stdout } = ok(
      box().runtime(["exec", "-e", "A=1", "-e", "B=2,3", "-e=A=4", container.id, "sh", "-c", "echo $A $B"]),
    );
    assert.equal(stdout, "4 2,3\n");
    ok(container.delete("--force"));
  });

  it("that are wrong end with 1, also those of exec, whose failures end with 255", () => {
    for (const args of [
      ["exec"],
      ["exec", "--bogus", "id", "true"],
      ["exec", "--tty=maybe", "id", "true"],
      ["create", "a", "b"],
      ["kill", "a", "b", "c"],
      ["list", "x"],
    ])
      assert.equal(box().runtime(args).status, 1, args.join(" "));
    for (const args of [
      ["exec", "id"],
      ["exec", "id", "true"],
    ])
      assert.equal(box().runtime(args).status, 255, args.join(" "));
  });

  for (const args of [["bogus"], ["bogus", "-h"], ["help", "bogus"]]) {
    it(`${args.join(" ")}: a command that does not exist ends with 3`, () => {
      const { status, stderr } = box().exec(PROGRAM, args);
      assert.match(stderr, /unknown command "bogus"/);
      assert.equal(status, 3);
    });
  }
});
