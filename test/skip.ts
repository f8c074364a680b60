// Skipping with the reason where the summary shows it: in the title.

import Mocha, { type Context } from "mocha";

/** Skips the test that runs, or all that a `before` belongs to. */
export function skipBecause(context: Context, reason: string): never {
  const running = context.test;
  const add = (test: { title: string }): void => void (test.title += ` (${reason})`);
  if (running instanceof Mocha.Hook) running.parent?.eachTest(add);
  else if (running !== undefined) add(running);
  return context.skip();
}
