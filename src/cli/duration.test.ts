import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { parseDuration } from "./duration.ts";
import { parseSize } from "./size.ts";

describe("cli/duration", () => {
  it("reads what Go reads", () => {
    const cases = [
      ["5s", 5000],
      ["100ms", 100],
      ["1m30s", 90_000],
      ["1.5h", 5_400_000],
      [".5s", 500],
      ["1.s", 1000],
      ["-2s", -2000],
      ["+2s", 2000],
      ["0", 0],
      ["-0", 0],
      ["3us", 0.003],
      ["3µs", 0.003],
      ["1h2m3s4ms", 3_723_004],
    ] as const;
    for (const [text, ms] of cases) assert.equal(Math.abs(parseDuration("interval", text) - ms) < 1e-9, true, text);
  });

  it("refuses what Go refuses", () => {
    for (const text of ["", "5", "s", "5x", "5s ", " 5s", "1 s", "--1s", ".s", "1m30"])
      assert.throws(() => parseDuration("interval", text), /invalid value ".*" for option --interval: must be/, text);
  });
});

describe("cli/size", () => {
  it("reads what go-units reads", () => {
    const cases = [
      ["0", 0],
      ["512", 512],
      ["32M", 32 * 2 ** 20],
      ["32mb", 32 * 2 ** 20],
      ["32MiB", 32 * 2 ** 20],
      ["1.5g", 1.5 * 2 ** 30],
      ["1 g", 2 ** 30],
      ["7b", 7],
      ["-1", -1],
      ["1t", 2 ** 40],
      ["1P", 2 ** 50],
      ["9223372036854771712", 9223372036854771712n],
      ["100000p", 9223372036854775807n],
      ["1.9", 1],
    ] as const;
    for (const [text, bytes] of cases) assert.equal(parseSize("memory", text), bytes, text);
  });

  it("refuses what go-units refuses, in its words", () => {
    for (const [text, problem] of [
      ["x", "invalid size: 'x'"],
      ["-2", "invalid size: '-2'"],
      ["1x", "invalid suffix: 'x'"],
      ["1kbb", "invalid suffix: 'kbb'"],
      ["1bb", "invalid suffix: 'bb'"],
      ["1..2", '"1..2" is no number'],
    ] as const)
      assert.throws(
        () => parseSize("memory", text),
        new RegExp(`invalid value for memory: ${problem.replaceAll(".", "\\.")}`),
        text,
      );
  });
});
