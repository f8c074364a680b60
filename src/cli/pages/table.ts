// The table of commands with its words, as manual pages and completions want it.

import { findCommand, globalOptions, type Option, type Options } from "../table.ts";
import { globalTexts, texts, type CommandText, type OptionText } from "../texts.ts";

export type ShownOption = { readonly name: string; readonly option: Option; readonly text: OptionText };

export type ShownCommand = {
  readonly name: string;
  readonly text: CommandText;
  readonly options: readonly ShownOption[];
};

/** Every command that people are told of, with the options that they are told of. */
export function shownCommands(): readonly ShownCommand[] {
  return Object.entries(texts).flatMap(([name, text]: [string, CommandText]) => {
    const command = findCommand(name);
    return command === undefined ? [] : [{ name, text, options: shownOptions(command.options, text.options) }];
  });
}

export const shownGlobals = (): readonly ShownOption[] => shownOptions(globalOptions, globalTexts);

function shownOptions(options: Options, described: { readonly [name: string]: OptionText }): readonly ShownOption[] {
  return Object.entries(options).flatMap(([name, option]) => {
    const text = described[name];
    return text === undefined || text.hidden ? [] : [{ name, option, text }];
  });
}
