import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UsageError } from "../base/errors.ts";
import { checkArguments, parse, valuesOf } from "./parse.ts";
import type { Options } from "./table.ts";

const options = {
  bundle: { type: "string", short: "b" },
  force: { type: "boolean", short: "f" },
  env: { type: "list", short: "e" },
  fds: { type: "number", default: 0 },
  format: { type: "string", default: "table" },
} as const satisfies Options;

const globals = {
  debug: { type: "boolean" },
  root: { type: "string" },
  force: { type: "string" },
} as const satisfies Options;

function parsed(
  words: string,
  stopAfter = Infinity,
): { readonly args: readonly string[]; readonly flags: object; readonly inherited: object } {
  const own = { options, given: {} };
  const inherited = { options: globals, given: {} };
  const args = parse(words.split(" "), stopAfter, own, inherited);
  return { args, flags: valuesOf(own), inherited: inherited.given };
}

const defaults = { bundle: undefined, force: false, env: [], fds: 0, format: "table" };

describe("cli/parse", () => {
  for (const words of ["-b x", "-b=x", "--b x", "--b=x", "-bundle x", "-bundle=x", "--bundle x", "--bundle=x"])
    it(`"${words}" gives the option its value`, () => {
      assert.deepEqual(parsed(`${words} id`), { args: ["id"], flags: { ...defaults, bundle: "x" }, inherited: {} });
    });

  for (const word of [
    "-f",
    "--force",
    "-force",
    "--force=true",
    "-f=1",
    "--force=t",
    "--force=T",
    "--force=TRUE",
    "--force=True",
    "--force=",
  ])
    it(`"${word}" sets a boolean`, () => assert.deepEqual(parsed(`${word} id`).flags, { ...defaults, force: true }));

  for (const word of ["--force=false", "-f=0", "--f=f", "--force=F", "--force=FALSE", "--force=False"])
    it(`"${word}" clears a boolean`, () => assert.deepEqual(parsed(`${word} id`).flags, { ...defaults, force: false }));

  it("a boolean does not take the next word", () => assert.deepEqual(parsed("--force false").args, ["false"]));

  it("options stand before and after arguments", () => {
    assert.deepEqual(parsed("a --force b -b x c"), {
      args: ["a", "b", "c"],
      flags: { ...defaults, force: true, bundle: "x" },
      inherited: {},
    });
  });

  it("after the given number of arguments nothing is an option", () => {
    assert.deepEqual(parsed("--force id ls -b --help", 1), {
      args: ["id", "ls", "-b", "--help"],
      flags: { ...defaults, force: true },
      inherited: {},
    });
  });

  it('after "--" nothing is an option', () => assert.deepEqual(parsed("a -- --force --").args, ["a", "--force", "--"]));

  it('"-" and negative numbers are arguments', () => assert.deepEqual(parsed("- -9 id").args, ["-", "-9", "id"]));

  it("a value may look like an option", () =>
    assert.deepEqual(parsed("--bundle --force").flags, { ...defaults, bundle: "--force" }));

  it('a value may be "-" or empty', () => {
    assert.deepEqual(parsed("--bundle -").flags, { ...defaults, bundle: "-" });
    assert.deepEqual(parsed("--bundle= id").flags, { ...defaults, bundle: "" });
  });

  it("only the first equals sign divides", () =>
    assert.deepEqual(parsed("--env=A=b=c").flags, { ...defaults, env: ["A=b=c"] }));

  it("a list keeps every value in order, commas and all", () =>
    assert.deepEqual(parsed("-e A=1,2 --env B=2 -env=C").flags, { ...defaults, env: ["A=1,2", "B=2", "C"] }));

  it("of several values the last one counts", () =>
    assert.deepEqual(parsed("-b x -b y --force=true -f=false").flags, { ...defaults, bundle: "y" }));

  it("numbers are read as such", () => assert.deepEqual(parsed("--fds 3").flags, { ...defaults, fds: 3 }));

  it("global options are known behind the command, its own first", () => {
    assert.deepEqual(parsed("--debug id --root=/r --force"), {
      args: ["id"],
      flags: { ...defaults, force: true },
      inherited: { debug: true, root: "/r" },
    });
  });

  const failing: readonly (readonly [words: string, message: string])[] = [
    ["--bogus", "unknown option --bogus"],
    ["-bogus=1 id", "unknown option --bogus"],
    ["-fb", "unknown option --fb"],
    ["--constructor", "unknown option --constructor"],
    ["--__proto__=x", "unknown option --__proto__"],
    ["id --bundle", "flag needs an argument: --bundle"],
    ["-b", "flag needs an argument: -b"],
    ["--force=maybe", 'invalid value "maybe" for option --force: must be true or false'],
    ["-f=yes", 'invalid value "yes" for option --f: must be true or false'],
    ["--fds=x", 'invalid value "x" for option --fds: must be a whole number'],
    ["--fds 1.5", 'invalid value "1.5" for option --fds: must be a whole number'],
  ];
  for (const [words, message] of failing)
    it(`"${words}" fails in runc's words`, () =>
      assert.throws(
        () => parsed(words),
        (error) => error instanceof UsageError && error.message === message,
      ));

  it("a wrong number of arguments is told in runc's words", () => {
    checkArguments("kill", 1, [1, 2]);
    checkArguments("kill", 2, [1, 2]);
    assert.throws(() => checkArguments("state", 0, [1, 1]), { message: '"state" requires exactly 1 argument(s)' });
    assert.throws(() => checkArguments("state", 2, [1, 1]), { message: '"state" requires exactly 1 argument(s)' });
    assert.throws(() => checkArguments("kill", 0, [1, 2]), { message: '"kill" requires a minimum of 1 argument(s)' });
    assert.throws(() => checkArguments("kill", 3, [1, 2]), { message: '"kill" requires a maximum of 2 argument(s)' });
  });
});
