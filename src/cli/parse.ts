// Words to options and arguments, as runc's parser takes them: `-x v`, `-x=v`, `--name v`, `--name=v`, `-name v`, `-name=v`,
// `-flag`, `-flag=false`, `--`, options after arguments. What callers look for in errors are runc's words.
// Letters are not bundled: `-it` is an option named "it", as with runc.

import { UsageError } from "../base/errors.ts";
import type { FlagValue, Option, Options, Values } from "./table.ts";
import defer * as unknown from "./unknown.ts";

/** Options that are known, and the values that were given so far. */
export type Known<O extends Options = Options> = { readonly options: O; readonly given: { [name: string]: FlagValue } };

/**
 * Puts the options among `words` into `own.given`.
 *
 * @param stopAfter after this many arguments nothing is an option any more
 * @param inherited options that are known too, unless `own` has the name
 * @returns the words that are no options
 * @throws UsageError for an unknown option, a missing or a wrong value
 */
export function parse(
  words: readonly string[],
  stopAfter: number,
  own: Known,
  inherited: Known = own,
): readonly string[] {
  const args: string[] = [];
  for (let i = 0; ; i++) {
    const word = words[i];
    if (word === undefined) return args;
    if (word === "--") return [...args, ...words.slice(i + 1)];
    if (args.length === stopAfter) return [...args, ...words.slice(i)];
    if (!isOption(word)) {
      args.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const written = word.slice(word[1] === "-" ? 2 : 1, equals < 0 ? undefined : equals);
    const { options, given } = fullName(written, own.options) === undefined ? inherited : own;
    const name = fullName(written, options) ?? "";
    const option = options[name];
    if (name === "" || option === undefined) throw unknown.unknownOption(written, own.options, inherited?.options);
    let text = equals < 0 ? undefined : word.slice(equals + 1);
    if (option.type === "boolean") {
      given[name] = text === undefined || text === "" || parseBool(written, text);
      continue;
    }
    text ??= words[++i];
    if (text === undefined) throw new UsageError(`flag needs an argument: ${word}`);
    given[name] = valueOf(option, written, text, given[name]);
  }
}

/** All options with their values: those that were given, the defaults of the others. */
export function valuesOf<O extends Options>({ options, given }: Known<O>): Values<O> {
  for (const name of Object.keys(options)) {
    const option = options[name];
    if (option !== undefined)
      given[name] ??= option.default ?? (option.type === "boolean" ? false : option.type === "list" ? [] : undefined);
  }
  // eslint-disable-next-line no-restricted-syntax -- this is where the command line is decoded: parse has put in what each type says
  return given as Values<O>;
}

/** A dash and then a letter or a second dash: "-" and "-9" are arguments. Without a regular expression, for it is the first thing that every command does. */
function isOption(word: string): boolean {
  const second = word.charCodeAt(1) | 0x20; // the letter in lower case
  return word[0] === "-" && (word[1] === "-" || (second >= 0x61 && second <= 0x7a));
}

/** The name in `options` that was written: itself, or the one that has it as its letter. */
function fullName(written: string, options: Options): string | undefined {
  if (Object.hasOwn(options, written)) return written;
  return written.length === 1 ? Object.keys(options).find((name) => options[name]?.short === written) : undefined;
}

function valueOf(option: Option, written: string, text: string, before: FlagValue): FlagValue {
  if (option.type === "string") return text;
  if (option.type === "list") return Array.isArray(before) ? [...before, text] : [text];
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`invalid value ${JSON.stringify(text)} for option --${written}: must be a whole number`);
}

/** What Go's strconv.ParseBool takes: callers are written in Go. */
function parseBool(written: string, text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new UsageError(`invalid value ${JSON.stringify(text)} for option --${written}: must be true or false`);
}

/** @throws UsageError unless `count` arguments are what the command takes */
export function checkArguments(command: string, count: number, [least, most]: readonly [number, number]): void {
  if (count >= least && count <= most) return;
  const wanted = least === most ? `exactly ${least}` : count < least ? `a minimum of ${least}` : `a maximum of ${most}`;
  throw new UsageError(`"${command}" requires ${wanted} argument(s)`);
}
