// The text of an error that nobody expected: its message, and where in the TypeScript it came from. The build puts the lines behind each
// line of bytecode into the module lines.js, which is read only here.

import { host } from "./sys/host.ts";

export type Lines = {
  readonly [module: string]: {
    readonly files: readonly string[];
    readonly lines: readonly (readonly [file: number, line: number])[];
  };
};

/** Message and stack, innermost call first. */
export function render(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = `${error.name}: ${error.message}`;
  const stack = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at ")); // V8 puts the message before them
  return stack.length === 0 ? message : `${message}\n${translate(stack.join("\n"), knownLines())}`;
}

/** Replaces each "module.js:12" or "module.js:12:5" of a stack by the file and line of the TypeScript it was made from. */
export function translate(stack: string, known: Lines): string {
  return stack.replace(/([\w./-]+\.js):(\d+)(?::\d+)?/g, (place, module: string, line: string) => {
    const table = Object.hasOwn(known, module) ? known[module] : undefined;
    const [file, original] = table?.lines[Number(line) - 1] ?? [-1, 0];
    return table?.files[file] === undefined ? place : `${table.files[file]}:${original}`;
  });
}

function knownLines(): Lines {
  try {
    return JSON.parse((host.load("lines.js") as { readonly lines: string }).lines) as Lines;
  } catch {
    return {}; // an error while an error is told: better a place in the bytecode than none
  }
}
