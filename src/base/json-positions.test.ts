import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { positionsIn } from "./json-positions.ts";

const TEXT = `{
  "a": 5,
  "b/c": [true, { "d": "x\\"}" }],
  "e": {},
  "a": [ ]
}`;

describe("positionsIn", () => {
  const { ofValue, ofName } = positionsIn(TEXT);
  const at = ({ line, column }: { line: number; column: number }): string => `${line}:${column}`;

  it("finds values, names and items of lists", () => {
    assert.equal(at(ofValue("")), "1:1");
    assert.equal(at(ofValue("/b~1c")), "3:10");
    assert.equal(at(ofName("/b~1c")), "3:3");
    assert.equal(at(ofValue("/b~1c/0")), "3:11");
    assert.equal(at(ofName("/b~1c/1")), "3:17");
    assert.equal(at(ofValue("/b~1c/1/d")), "3:24");
    assert.equal(at(ofValue("/e")), "4:8");
  });

  it("finds the last of those that are given again", () => assert.equal(at(ofName("/a")), "5:3"));

  it("finds the part that something missing would belong to", () => {
    assert.equal(at(ofValue("/e/f/g")), "4:8");
    assert.equal(at(ofName("/e/f")), "4:8");
    assert.equal(at(ofValue("/none")), "1:1");
  });

  it("takes documents that are no objects, and names with escapes", () => {
    assert.equal(at(positionsIn("\n 5").ofValue("")), "2:2");
    assert.equal(at(positionsIn('{"\\u0061": 1}').ofValue("/a")), "1:12");
  });
});
