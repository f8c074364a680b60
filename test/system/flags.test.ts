// Every option of every command, and those of the program, without a value, twice, and with values that mean nothing: whatever is asked, there is an answer.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { findCommand, globalOptions, type CommandName, type Options } from "../../src/cli/table.ts";
import { texts } from "../../src/cli/texts.ts";
import { isTsrun, PROGRAM, useBox, type Result } from "./harness.ts";

/** Enough words for each command; there is no such container, bundle or file. */
const OPERANDS: { readonly [command: string]: readonly string[] } = {
  exec: ["unknown", "true"],
  features: [],
  help: [],
  kill: ["unknown", "KILL"],
  list: [],
  mounts: ["add", "unknown", "/no/such/file"],
  plan: ["/no/such/bundle"],
  ps: ["unknown"],
  spec: [],
  validate: ["/no/such/bundle"],
};

const NONSENSE = ["", "-1", "--", "0x10", "99999999999999999999", "ü\n\t'\"\\", "x".repeat(5000)];

describe("whatever the command line says", function () {
  if (!isTsrun) return;
  this.timeout(300_000);
  const box = useBox();

  /** It ends by itself, with a status that callers know, and says in one line of words why it failed. */
  function answers(args: readonly string[]): Result {
    const result = box().exec("/usr/bin/env", ["-i", "PATH=/usr/bin", `TSRUN_TEST=${box().prefix}`, PROGRAM, ...args]);
    const what = args.map((word) => JSON.stringify(word.slice(0, 40))).join(" ");
    assert.equal(result.signal, null, what);
    assert([0, 1, 3, 255].includes(result.status ?? -1), `${what}: status ${result.status}: ${result.stderr}`);
    assert.doesNotMatch(result.stderr, /internal error|undefined|\[object|NaN|\n {4}at /, what);
    if (result.status !== 0) assert.match(result.stderr, /^tsrun: \S/, what);
    return result;
  }

  /** @param head what stands before the option that ends the line */
  function fromTable(options: Options, head: readonly string[], line: (...words: string[]) => readonly string[]): void {
    for (const [name, { type, short }] of Object.entries(options)) {
      for (const flag of short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]) {
        if (type === "boolean") {
          if (name === "help" || name === "version") continue;
          assert.match(answers(line(`${flag}=maybe`)).stderr, /invalid value "maybe" for option --\S+: must be/);
          answers(line(flag, flag));
          answers(line(`${flag}=`));
          continue;
        }
        const { status, stderr, stdout } = answers([...head, flag]);
        assert.match(stderr, /flag needs an argument: -/, `${flag}: ${stderr}`);
        assert.match(stdout, /^Incorrect Usage/);
        assert.notEqual(status, 0);
        answers(line(flag, "a", flag, "b"));
        for (const value of NONSENSE) answers(line(flag, value));
        if (type === "number") assert.match(answers(line(`${flag}=many`)).stderr, /invalid value "many" for option --/);
      }
    }
  }

  for (const name of Object.keys(texts) as CommandName[]) {
    it(`${name} has an answer`, () => {
      const operands = OPERANDS[name] ?? ["unknown"];
      const line = (...words: string[]): readonly string[] => ["--root", box().stateRoot, name, ...words, ...operands];
      fromTable(findCommand(name)?.options ?? {}, ["--root", box().stateRoot, name], line);
      for (const words of [["--bogus"], ["-Z"], ["--bogus=1"]]) {
        const { stderr, stdout, status } = answers(line(...words));
        assert.match(stderr, /unknown option --?(bogus|Z)/);
        assert.match(stdout, new RegExp(`^Incorrect Usage: [^]*NAME:\\n {3}tsrun ${name} - `));
        assert.equal(status, 1);
      }
      for (const word of ["-", "-=", "--=", "---", "-9", "=", ""]) answers(line(word));
      const many = answers([...line(), ..."abcdef"]);
      if (findCommand(name)?.takes[1] !== Infinity)
        assert.match(many.stderr, /requires (exactly|a maximum of) \d argument\(s\)/);
    });
  }

  it("for the program as a whole, there is an answer", () => {
    fromTable(globalOptions, [], (...words) => [...words, "state", "unknown"]);
    for (const words of [
      ["--bogus"],
      ["-Z"],
      ["bogus"],
      ["bogus", "-h"],
      ["help", "bogus"],
      [""],
      ["-"],
      ["--"],
      ["--", "state"],
      ["\n"],
    ])
      answers(words);
  });
});
