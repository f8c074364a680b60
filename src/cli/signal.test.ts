import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseSignal } from "./signal.ts";

describe("cli/signal", () => {
  const good: readonly (readonly [text: string, number: number])[] = [
    ["9", 9],
    ["0", 0],
    ["64", 64],
    ["+15", 15],
    ["KILL", 9],
    ["SIGKILL", 9],
    ["kill", 9],
    ["SigTerm", 15],
    ["usr1", 10],
    ["CHLD", 17],
    ["SIGCLD", 17],
    ["IO", 29],
    ["POLL", 29],
    ["RTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["rtmin+3", 37],
    ["RTMIN+20", 54],
    ["RTMAX", 64],
    ["RTMAX-1", 63],
    ["SIGRTMAX-30", 34],
  ];
  for (const [text, number] of good) it(`${text} is signal ${number}`, () => assert.equal(parseSignal(text), number));

  for (const text of ["FOO", "SIG", "65", "999", "-9", "9x", "RTMIN+31", "RTMAX-31", "RTMIN+", "constructor", " 9"])
    it(`"${text}" is refused in runc's words`, () =>
      assert.throws(() => parseSignal(text), { name: "UsageError", message: `unknown signal "${text}"` }));
});
