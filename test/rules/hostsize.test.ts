// host/ is all the C there is, and stays small enough to be read in one sitting.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";

/** Lines that are neither empty nor comment. */
const linesOfCode = (text: string): number =>
  text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .filter((line) => line.trim() !== "").length;

describe("the C in host/", () => {
  it("is less than 400 lines of code", () => {
    const files = readdirSync("host").filter((name) => /\.[ch]$/.test(name));
    const lines = files
      .map((name) => linesOfCode(readFileSync(`host/${name}`, "utf8")))
      .reduce((sum, count) => sum + count, 0);
    assert.ok(files.includes("host.c") && lines > 100 && lines < 400, `${lines} lines`);
  });
});
