// `tsrun help [command]`, and what --help shows: the table and its texts in the layout of runc's help.

import { print } from "../sys/print.ts";
import { ownName } from "../sys/own-name.ts";
import { findCommand, globalOptions, type Option, type Options } from "./table.ts";
import { description, globalTexts, summary, texts, type CommandText, type OptionText } from "./texts.ts";
import { details, version } from "./version.ts";
import defer * as unknown from "./unknown.ts";

export const options = {} as const;
export const takes: readonly [number, number] = [0, Infinity]; // runc reads the first word and passes over the others

export function run(_flags: object, [topic]: readonly string[]): number {
  const program = ownName();
  if (topic === undefined) {
    print(programHelp(program, `${version()}\n${details()}`.trimEnd()));
    return 0;
  }
  const name = topic === "h" ? "help" : topic;
  const text = textOf(name);
  const command = findCommand(name);
  if (text === undefined || command === undefined) throw unknown.unknownCommand(topic);
  print(commandHelp(program, name, text, command.options));
  return 0;
}

/**
 * Shows how it is done after a wrong command line, on standard output, as runc does.
 * @param code of cli/codes.ts: for a wrong value the error says enough
 */
export function showUsage(message: string, code: string, name: string | undefined): void {
  const program = ownName();
  const text = name === undefined ? undefined : textOf(name);
  if (name === undefined || text === undefined) {
    if (code.startsWith("flag-"))
      print(`Incorrect Usage. ${message}\n\n${programHelp(program, `${version()}\n${details()}`.trimEnd())}`);
    return;
  }
  const first = code.startsWith("flag-")
    ? `Incorrect Usage: ${message}`
    : code === "arguments-wrong-number"
      ? "Incorrect Usage."
      : undefined;
  if (first !== undefined) print(`${first}\n\n${commandHelp(program, name, text, findCommand(name)?.options ?? {})}`);
}

const textOf = (name: string): CommandText | undefined =>
  Object.entries(texts).find(([command]) => command === name)?.[1];

/** @param versions the lines of the version */
export function programHelp(program: string, versions: string): string {
  const commands = Object.entries(texts).map(
    ([name, text]) => [name === "help" ? "help, h" : name, text.summary] as const,
  );
  return sections([
    ["NAME", `   ${program} - ${summary}\n\n${description.replaceAll("PROGRAM", program)}`],
    ["USAGE", `   ${program} [global options] command [command options] [arguments...]`],
    ["VERSION", `   ${versions}`],
    ["COMMANDS", columns(commands)],
    ["GLOBAL OPTIONS", columns(optionRows(globalOptions, globalTexts))],
  ]);
}

export function commandHelp(program: string, name: string, text: CommandText, table: Options): string {
  const rows = optionRows(table, text.options);
  const usage = [
    program,
    name,
    ...(rows.length > 0 ? ["[command options]"] : []),
    ...(text.usage === "" ? [] : [text.usage]),
  ].join(" ");
  return sections([
    ["NAME", `   ${program} ${name} - ${text.summary}`],
    ["USAGE", `   ${usage}`],
    ["DESCRIPTION", text.description === "" ? "" : `   ${text.description.replaceAll("PROGRAM", program)}`],
    ["OPTIONS", columns(rows)],
  ]);
}

function sections(all: readonly (readonly [title: string, body: string])[]): string {
  return all
    .filter(([, body]) => body !== "")
    .map(([title, body]) => `${title}:\n${body}\n`)
    .join("\n");
}

function optionRows(table: Options, described: { readonly [name: string]: OptionText }): (readonly [string, string])[] {
  return Object.entries(table).flatMap(([name, option]) => {
    const text = described[name];
    if (text === undefined || text.hidden) return [];
    const value = text.value === undefined ? "" : ` ${text.value}`;
    const names = option.short === undefined ? `--${name}${value}` : `--${name}${value}, -${option.short}${value}`;
    return [[names, text.help + shownDefault(option)] as const];
  });
}

function shownDefault({ default: value }: Option): string {
  return value === undefined || value === "" ? "" : ` (default: ${JSON.stringify(value)})`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `   ${left.padEnd(width)}${right}`).join("\n");
}
