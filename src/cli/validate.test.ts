import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { text } from "./validate.ts";

describe("cli/validate", () => {
  it("prints one finding a line, errors first, and counts them", () => {
    assert.equal(
      text([
        {
          level: "warning",
          pointer: "/hostnam",
          line: 2,
          column: 3,
          problem: "is unknown",
          hint: "did you mean hostname?",
        },
        { level: "error", pointer: "/mounts/3/source", line: 9, column: 5, problem: "/a: no such file or directory" },
        { level: "error", pointer: "/hostname", line: 9, column: 2, problem: "is wrong" },
        { level: "error", pointer: "", problem: "there are no cgroups" },
      ]),
      [
        "config.json: error: there are no cgroups",
        "config.json:9:2: error /hostname: is wrong",
        "config.json:9:5: error /mounts/3/source: /a: no such file or directory",
        "config.json:2:3: warning /hostnam: is unknown; did you mean hostname?",
        "config.json: 3 errors, 1 warning",
        "",
      ].join("\n"),
    );
  });

  it("prints the count alone when there is nothing to say", () =>
    assert.equal(text([]), "config.json: 0 errors, 0 warnings\n"));
});
