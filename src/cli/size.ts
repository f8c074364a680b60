// Sizes as docker's go-units reads them: "512", "32M", "1.5g", "64 KiB". All units are powers of 1024.

import { HostError } from "../base/errors.ts";
import { int64, MAX_INT64, type Int64 } from "../base/int64.ts";

const UNITS = "kmgtp";

/** In bytes; "-1" is "no limit". @throws HostError in runc's words */
export function parseSize(flag: string, text: string): Int64 {
  const fail = (problem: string): never => {
    throw new HostError(`invalid value for ${flag}: ${problem}`);
  };
  if (text === "-1") return -1;
  const [, number, suffix = ""] = /^(.*[0-9. ])([^0-9. ]*)$/.exec(text) ?? [];
  if (number === undefined) return fail(`invalid size: '${text}'`);
  const digits = number.endsWith(" ") ? number.slice(0, -1) : number;
  if (/^-(\d+\.?\d*|\.\d+)$/.test(digits)) return fail(`invalid size: '${text}'`);
  if (!/^\+?(\d+\.?\d*|\.\d+)$/.test(digits)) return fail(`${JSON.stringify(digits)} is no number`);
  const lower = suffix.toLowerCase();
  if (!/^(b|[kmgtp](i?b)?)?$/.test(lower)) return fail(`invalid suffix: '${lower}'`);
  const power = UNITS.indexOf(lower.charAt(0) || " ") + 1;
  const bytes = /^\d+$/.test(digits)
    ? BigInt(digits) << BigInt(10 * power)
    : BigInt(Math.trunc(Number(digits) * 1024 ** power));
  return int64(bytes > MAX_INT64 ? MAX_INT64 : bytes);
}
