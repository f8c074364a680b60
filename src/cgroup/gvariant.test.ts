import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { parseVariant, show, split } from "./gvariant.ts";

const read = (source: string): readonly unknown[] => {
  const { signature, value } = parseVariant(source);
  return [signature, value];
};

describe("variants as text", () => {
  it("a number is an int32, one with a point a double, one in an annotation what its type says", () => {
    assert.deepEqual(read("42"), ["i", 42]);
    assert.deepEqual(read(" -7 "), ["i", -7]);
    assert.deepEqual(read("1.5"), ["d", 1.5]);
    assert.deepEqual(read("uint64 123456789"), ["t", 123456789]);
    assert.deepEqual(read("uint64 18446744073709551615"), ["t", 18446744073709551615n]);
    assert.deepEqual(read("int64 -9223372036854775808"), ["x", -9223372036854775808n]);
    assert.deepEqual(read("byte 0xff"), ["y", 255]);
    assert.deepEqual(read("int16 010"), ["n", 8]);
    assert.deepEqual(read("@u 3"), ["u", 3]);
    assert.deepEqual(read("double 2"), ["d", 2]);
  });

  it("strings stand in quotes of either kind, with escapes", () => {
    assert.deepEqual(read("'inactive-or-failed'"), ["s", "inactive-or-failed"]);
    assert.deepEqual(read('"a\\"b\\n\\u00e9"'), ["s", 'a"b\né']);
    assert.deepEqual(read("objectpath '/a'"), ["o", "/a"]);
    assert.deepEqual(read("b'hi\\x01'"), ["ay", [104, 105, 1, 0]]);
  });

  it("booleans, arrays, tuples, dictionaries and variants nest", () => {
    assert.deepEqual(read("true"), ["b", true]);
    assert.deepEqual(read("['a', 'b']"), ["as", ["a", "b"]]);
    assert.deepEqual(read("[1, uint64 2]"), ["at", [1, 2]]);
    assert.deepEqual(read("[1, 2.5]"), ["ad", [1, 2.5]]);
    assert.deepEqual(read("@as []"), ["as", []]);
    assert.deepEqual(read("[('/dev/null', 'rw')]"), ["a(ss)", [["/dev/null", "rw"]]]);
    assert.deepEqual(read("{'x': <1>, 'y': <'z'>}"), [
      "a{sv}",
      [
        ["x", { signature: "i", value: 1 }],
        ["y", { signature: "s", value: "z" }],
      ],
    ]);
  });

  for (const [source, problem] of [
    ["", /unexpected end/],
    ["yes", /strings stand in quotes/],
    ["'open", /quote is not closed/],
    ["[]", /cannot tell the type/],
    ["[1, 'a']", /cannot be of type "i"/],
    ["byte 256", /out of range/],
    ["3000000000", /out of range for type "i"/],
    ["uint32 -1", /out of range/],
    ["uint64 1.5", /cannot be of type "t"/],
    ["1 2", /unexpected "2"/],
    ["string 5", /cannot be of type "s"/],
    ["@k 5", /bad type/],
    ["byte 09", /cannot be of type/],
  ] as const)
    it(`${JSON.stringify(source)} is refused with the reason`, () => {
      assert.throws(() => parseVariant(source), { message: problem });
    });

  it("show gives the text that was read", () => {
    for (const source of ["42", "'it\\'s'", "['a', 'b']", "[('/dev/null', 'rw')]", "{'x': <1>}", "true"])
      assert.equal(show(parseVariant(source)), source);
  });

  it("a signature is split into complete types", () => {
    assert.deepEqual(split("sa{sv}(ia(ss))aas"), ["s", "a{sv}", "(ia(ss))", "aas"]);
    assert.throws(() => split("(s"), /bad type/);
  });
});
