// Go's durations, as --interval takes them: "5s", "100ms", "1m30s", "1.5h".

import { UsageError } from "../base/errors.ts";

const UNITS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** In milliseconds. @throws UsageError */
export function parseDuration(flag: string, text: string): number {
  const [, sign, rest = ""] = /^([+-]?)(.*)$/.exec(text) ?? [];
  if (rest === "0") return 0;
  let ms = 0;
  let end = 0;
  for (const [whole, number, unit] of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)) {
    ms += Number(number) * (UNITS[unit ?? ""] ?? 0);
    end += whole.length;
  }
  if (end === 0 || end !== rest.length)
    throw new UsageError(
      `invalid value ${JSON.stringify(text)} for option --${flag}: must be a number and a unit, such as 1m30s`,
    );
  return sign === "-" ? -ms : ms;
}
