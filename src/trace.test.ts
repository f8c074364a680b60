import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { render, translate } from "./trace.ts";

const lines = {
  "main.js": {
    files: ["src/main.ts", "src/cli/parse.ts"],
    lines: [
      [0, 3],
      [1, 41],
    ],
  },
  "cli/state.js": { files: ["src/cli/state.ts"], lines: [[0, 9]] },
} as const;

describe("trace", () => {
  it("puts TypeScript files and lines in the place of bytecode's", () => {
    assert.equal(
      translate("    at f (main.js:2)\n    at g (cli/state.js:1:7)\n", lines),
      "    at f (src/cli/parse.ts:41)\n    at g (src/cli/state.ts:9)\n",
    );
  });

  it("leaves alone what it does not know", () => {
    const stack = "    at f (other.js:2)\n    at g (main.js:99)\n    at native\n    at h (constructor.js:1)\n";
    assert.equal(translate(stack, lines), stack);
  });

  it("renders what is no Error as it is", () => {
    assert.equal(render("oops"), "oops");
    assert.equal(render(undefined), "undefined");
  });
});
