import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { text } from "./validate.ts";

describe("cli/validate", () => {
  it("prints one finding a line, errors first, and counts them", () => {
    assert.equal(
      text([
        { level: "warning", pointer: "/hostnam", problem: "is unknown", hint: "did you mean hostname?" },
        { level: "error", pointer: "/mounts/3/source", problem: "/a: no such file or directory" },
        { level: "error", pointer: "", problem: "not JSON" },
      ]),
      "error /mounts/3/source: /a: no such file or directory\nerror: not JSON\nwarning /hostnam: is unknown; did you mean hostname?\nconfig.json: 2 errors, 1 warning\n",
    );
  });

  it("prints the count alone when there is nothing to say", () =>
    assert.equal(text([]), "config.json: 0 errors, 0 warnings\n"));
});
