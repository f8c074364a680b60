// Errors that nobody catches: host.test.ts looks for this file's name and the numbers of the marked lines in what is printed.

function inner(text: string): never {
  throw new TypeError(text); // where the error is made
}

export function outer(text: string): void {
  inner(text); // who called it
}
