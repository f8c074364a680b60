import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { JsonSyntaxError, parseExact, pointer, pointerPath, stringify } from "./json.ts";

describe("parseExact", () => {
  const same = [
    "null",
    "true",
    " false ",
    "0",
    "-0",
    "1.5e3",
    "1E-2",
    '""',
    '"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
    "[]",
    "{}",
    " [ 1 , [ 2 ] , { } ] ",
    '{"a":{"b":[{"c":null}]},"":1}',
    '"\u2028 é 😀 \u007f"',
    "9007199254740991",
    "-9007199254740991",
    "9007199254740993.5",
    "1e30",
  ];
  for (const text of same) {
    it(`reads ${text} as JSON.parse does`, () => assert.deepEqual(parseExact(text), JSON.parse(text)));
  }

  it("keeps integers that a number would round", () => {
    assert.deepEqual(
      parseExact(
        "[9223372036854771712, 18446744073709551615, -9223372036854775808, 9007199254740992, 9007199254740991]",
      ),
      [9223372036854771712n, 18446744073709551615n, -9223372036854775808n, 9007199254740992n, 9007199254740991],
    );
  });

  it("lets the last of two equal keys win, and tells of it", () => {
    const told: string[] = [];
    assert.deepEqual(
      parseExact('{"a":1,"b":[{"x/y":1,"x/y":2}],"a":3}', (where) => told.push(where)),
      { a: 3, b: [{ "x/y": 2 }] },
    );
    assert.deepEqual(told, ["/b/0/x~1y", "/a"]);
  });

  it("takes __proto__ as a key like any other", () => {
    const value = parseExact('{"__proto__":{"terminal":true},"a":1}') as { terminal?: boolean };
    assert.equal(value.terminal, undefined);
    assert.deepEqual(Object.keys(value), ["__proto__", "a"]);
  });

  const bad: [string, number, number, RegExp][] = [
    ["", 1, 1, /expected a value, found the end of the text/],
    ["{]", 1, 2, /expected a property name in double quotes, found "]"/],
    ['{"a":1,}', 1, 8, /expected a property name in double quotes, found "}"/],
    ["[1,]", 1, 4, /expected a value/],
    ["[1 2]", 1, 4, /expected "," or "]", found "2"/],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, /line 3, column 3: expected "," or "}"/],
    ['{"a" 1}', 1, 6, /expected ":"/],
    ["{'a':1}", 1, 2, /expected a property name in double quotes, found "'"/],
    ['"abc', 1, 5, /expected the end of the string, found the end of the text/],
    ['"a\nb"', 1, 3, /control character, found U\+000A/],
    ['"\\x"', 1, 2, /expected one of the escapes/],
    ['"\\u12g4"', 1, 2, /four hexadecimal digits/],
    ['"\\constructor"', 1, 2, /expected one of the escapes/],
    ["01", 1, 2, /expected the end of the document, found "1"/],
    ["-", 1, 2, /expected a digit/],
    ["+1", 1, 1, /expected a value/],
    ["1.", 1, 2, /expected the end of the document/],
    [".5", 1, 1, /expected a value/],
    ["tru", 1, 1, /expected a value, found "tru"/],
    ["NaN", 1, 1, /expected a value, found "NaN"/],
    ["1 // comment", 1, 3, /expected the end of the document, found "\/"/],
    ["\ufeff{}", 1, 1, /expected a value, found U\+FEFF/],
    ["\u00a01", 1, 1, /found U\+00A0/],
  ];
  for (const [text, line, column, message] of bad) {
    it(`says where and why ${JSON.stringify(text)} is not JSON`, () => {
      assert.throws(() => JSON.parse(text));
      assert.throws(
        () => parseExact(text),
        (error: unknown) => {
          assert(error instanceof JsonSyntaxError);
          assert.match(error.message, message);
          assert.deepEqual([error.line, error.column], [line, column]);
          return true;
        },
      );
    });
  }

  it("reads 10000 levels, as Go does, and refuses 10001", () => {
    parseExact("[".repeat(10_000) + "]".repeat(10_000));
    assert.throws(() => parseExact("[".repeat(10_001) + "]".repeat(10_001)), /at most 10000 levels of nesting/);
    assert.throws(() => parseExact('{"a":'.repeat(100_000)), /at most 10000 levels of nesting/);
  });

  it("refuses more values and escapes than a document may have", () => {
    const list = (item: string, count: number): string => `[${Array.from({ length: count }, () => item).join(",")}]`;
    parseExact(list("[]", 131_071));
    assert.throws(() => parseExact(list("[]", 131_072)), /at most 131072 values and escapes/);
    assert.throws(() => parseExact(`"${"\\n".repeat(131_072)}"`), /at most 131072 values and escapes/);
  });

  it("takes a number of very many digits for infinite", () =>
    assert.deepEqual(parseExact(`[${"9".repeat(500_000)},-${"9".repeat(500)}]`), [Infinity, -Infinity]));
});

describe("stringify", () => {
  const value = {
    a: 18446744073709551615n,
    b: [1, -9223372036854775808n, undefined, [], {}],
    c: undefined,
    "d\n": { e: "é\u0001" },
  };
  it("writes bigints exactly and the rest as JSON.stringify does", () => {
    for (const indent of [0, 2, "\t"]) {
      const numbers = JSON.stringify(
        value,
        (_key, v: unknown) => (typeof v === "bigint" ? `<${v}>` : v),
        indent,
      ).replaceAll(/"<(-?\d+)>"/g, "$1");
      assert.equal(stringify(value, indent), numbers);
    }
    assert.deepEqual(
      parseExact(stringify(value)),
      JSON.parse('{"a":0,"b":[1,0,null,[],{}],"d\\n":{"e":"é\\u0001"}}', (key, v: unknown) =>
        key === "a" ? value.a : key === "1" && v === 0 ? value.b[1] : v,
      ),
    );
  });
  it("leaves documents without bigints to the engine", () =>
    assert.equal(stringify({ a: [1] }, 1), JSON.stringify({ a: [1] }, undefined, 1)));
});

describe("pointer", () => {
  it("escapes ~ and /", () => assert.equal(pointer("linux", "sysctl", "a/b~c", 0), "/linux/sysctl/a~1b~0c/0"));
  it("is undone by pointerPath", () => assert.deepEqual(pointerPath(pointer("a/b", "~1", 2)), ["a/b", "~1", "2"]));
  it("is empty for the whole document", () => assert.deepEqual([pointer(), pointerPath("")], ["", []]));
});
