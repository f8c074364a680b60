// 64-bit integers of config.json. JSON numbers up to 2^53-1 stay numbers, larger ones are bigints:
// most documents never meet a bigint, and none is ever rounded.

/** An exact 64-bit integer: a number when it is a safe integer, else a bigint. */
export type Int64 = number | bigint;

export const MAX_INT64: bigint = 0x7fff_ffff_ffff_ffffn;
export const MIN_INT64: bigint = -0x8000_0000_0000_0000n;
export const MAX_UINT64: bigint = 0xffff_ffff_ffff_ffffn;

/** The canonical form: a number if it is safe, else a bigint. */
export function int64(value: bigint | number): Int64 {
  if (typeof value === "number") return value;
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** Less than 0, 0, or more than 0, as `a` is less than, equal to or more than `b`. Exact over mixed kinds. */
export function compareInt64(a: Int64, b: Int64): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The same number modulo 2^64 as an unsigned bigint: -1 becomes 18446744073709551615. */
export function toUint64(value: Int64): bigint {
  return BigInt(value) & MAX_UINT64; // QuickJS's BigInt.asUintN(64, -1n) is -1n
}

/** The same number modulo 2^64 as a signed bigint: 18446744073709551615 becomes -1. */
export function toSignedInt64(value: Int64): bigint {
  return BigInt.asIntN(64, BigInt(value));
}
