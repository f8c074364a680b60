import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { distance, nearest } from "./nearest.ts";

describe("nearest", () => {
  it("counts letters that are added, taken away, changed and swapped", () => {
    const cases: [string, string, number][] = [
      ["network", "network", 0],
      ["netwrok", "network", 1],
      ["RLIMIT_NOFILES", "RLIMIT_NOFILE", 1],
      ["mont", "mount", 1],
      ["", "abc", 3],
    ];
    for (const [a, b, slips] of cases) assert.equal(distance(a, b), slips, `${a} ${b}`);
  });

  it("takes the word with the fewest slips, and none that is too far away", () => {
    assert.equal(nearest("CAP_NET_ADMN", ["CAP_NET_RAW", "CAP_NET_ADMIN"]), "CAP_NET_ADMIN");
    assert.equal(nearest("plna", ["plan", "ps"]), "plan");
    assert.equal(nearest("RO", ["rw", "ro"]), "ro");
    assert.equal(nearest("xyz", ["plan", "ps"]), undefined);
    assert.equal(nearest("ab", ["ac"]), undefined);
  });
});
