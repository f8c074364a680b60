import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { commandHelp, programHelp } from "./help.ts";
import { findCommand, globalOptions, type CommandName, type Options } from "./table.ts";
import { globalTexts, texts, type CommandText } from "./texts.ts";

const names = Object.keys(texts) as CommandName[];
const takesValue = ({ type }: Options[string]): boolean => type !== "boolean";

describe("cli/table", () => {
  for (const name of names) {
    const command = findCommand(name);
    const text: CommandText = texts[name];

    it(`${name} is a command, and each of its options is described`, () => {
      assert.ok(command);
      assert.deepEqual(Object.keys(text.options).sort(), Object.keys(command.options).sort());
    });

    it(`${name}: exactly the options that take a value name it`, () => {
      for (const [option, { value }] of Object.entries(text.options))
        assert.equal(value !== undefined, takesValue(command?.options[option] ?? assert.fail()), option);
    });

    it(`${name}: no two options have the same letter, none is that of --help`, () => {
      const letters = ["h", ...Object.values(command?.options ?? {}).flatMap(({ short }) => short ?? [])];
      assert.equal(new Set(letters).size, letters.length);
    });

    it(`${name} --help has runc's layout`, () => {
      const [first, second] = commandHelp("runc", name, text, command?.options ?? {}).split("\n");
      assert.equal(first, "NAME:");
      assert.ok(second?.startsWith(`   runc ${name} - `));
    });
  }

  it("there is no command of another name", () => {
    for (const name of ["bogus", "", "constructor", "init", "--help"]) assert.equal(findCommand(name), undefined);
  });

  it('"h" is "help"', () => assert.equal(findCommand("h"), findCommand("help")));

  it("each global option is described", () => {
    assert.deepEqual(Object.keys(globalTexts), Object.keys(globalOptions));
    for (const [name, option] of Object.entries(globalOptions))
      assert.equal(globalTexts[name as keyof typeof globalTexts].value !== undefined, takesValue(option), name);
  });

  it("help has runc's layout, under the name that we were called by", () => {
    const help = programHelp("runc", "1.2.3\nspec: 1.3.0");
    assert.ok(help.startsWith("NAME:\n   runc - Open Container Initiative runtime\n"));
    for (const title of ["USAGE", "VERSION", "COMMANDS", "GLOBAL OPTIONS"])
      assert.ok(help.includes(`\n${title}:\n   `), title);
    assert.ok(!help.includes("PROGRAM"));
  });

  it("an option that callers no longer should use is not shown", () => {
    assert.ok(!commandHelp("tsrun", "kill", texts.kill, findCommand("kill")?.options ?? {}).includes("--all"));
  });
});
