// Names of commands and options that there are not. Loaded when one was given.

import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { asRunc } from "../sys/own-name.ts";
import type { Options } from "./table.ts";
import { texts } from "./texts.ts";

/** As runc, a program of that name answers in the words that runc's own tests look for. */
export function unknownCommand(name: string): UsageError {
  if (asRunc()) return new UsageError(`No help topic for '${name}'`, 3);
  return new UsageError(`unknown command ${JSON.stringify(name)}${meant("", nearest(name, Object.keys(texts)))}`, 3);
}

/** @param written as it stood on the command line, without dashes */
export function unknownOption(written: string, ...known: readonly (Options | undefined)[]): UsageError {
  if (asRunc()) return new UsageError(`flag provided but not defined: -${written}`);
  const dashes = written.length === 1 ? "-" : "--";
  const names = known.flatMap((options) => Object.keys(options ?? {}));
  return new UsageError(`unknown option ${dashes}${written}${meant("--", nearest(written, names))}`);
}

const meant = (before: string, suggestion: string | undefined): string =>
  suggestion === undefined ? "" : `; did you mean ${before}${suggestion}?`;
