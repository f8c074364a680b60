import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { compareInt64, int64, MAX_INT64, MAX_UINT64, MIN_INT64, toSignedInt64, toUint64 } from "./int64.ts";

describe("Int64", () => {
  it("is a number whenever that is exact", () => {
    assert.deepEqual(
      [int64(5n), int64(-1), int64(9007199254740991n), int64(-9007199254740991n)],
      [5, -1, 9007199254740991, -9007199254740991],
    );
    assert.deepEqual([int64(9007199254740992n), int64(MAX_UINT64)], [9007199254740992n, 18446744073709551615n]);
  });
  it("compares numbers with bigints exactly", () => {
    assert.deepEqual(
      [compareInt64(1, 2), compareInt64(2n, 2), compareInt64(MAX_UINT64, MAX_INT64), compareInt64(-1, MAX_UINT64)],
      [-1, 0, 1, -1],
    );
    assert.equal(compareInt64(9007199254740993n, 9007199254740992), 1);
  });
  it("reads the same 64 bits with a sign and without", () => {
    assert.equal(toUint64(-1), MAX_UINT64);
    assert.equal(toSignedInt64(MAX_UINT64), -1n);
    assert.equal(toUint64(MIN_INT64), 9223372036854775808n);
    assert.equal(toSignedInt64(toUint64(-9223372036854771712n)), -9223372036854771712n);
  });
});
