// What to write instead of a value that a schema refuses: the word that was meant, or the number that a person's way to write it stands for.

import { nearest } from "../base/nearest.ts";

/** Words that other programs use for a thing that the spec calls by another name. */
const OTHER_NAMES: { readonly [word: string]: string } = {
  net: "network",
  mnt: "mount",
  hostname: "uts",
  userns: "user",
  cgroups: "cgroup",
  SCMP_ACT_DENY: "SCMP_ACT_ERRNO",
  SCMP_ACT_BLOCK: "SCMP_ACT_ERRNO",
  SCMP_ACT_REJECT: "SCMP_ACT_ERRNO",
  SCMP_ACT_EPERM: "SCMP_ACT_ERRNO",
  SCMP_ARCH_AMD64: "SCMP_ARCH_X86_64",
  SCMP_ARCH_ARM64: "SCMP_ARCH_AARCH64",
  SCMP_ARCH_I386: "SCMP_ARCH_X86",
  RLIMIT_OFILE: "RLIMIT_NOFILE",
  RLIMIT_VMEM: "RLIMIT_AS",
  SCHED_NORMAL: "SCHED_OTHER",
};

/** The one of `known` that `word` was probably meant to be: by other names, without the prefix that all have, or misspelt. */
export function meant(word: string, known: readonly string[]): string | undefined {
  const other = OTHER_NAMES[word] ?? OTHER_NAMES[word.toUpperCase()];
  if (other !== undefined && known.includes(other)) return other;
  const whole = word.toUpperCase();
  const prefixed = known.find((one) => one.toUpperCase() === whole || one.toUpperCase().endsWith(`_${whole}`));
  if (prefixed !== undefined) return prefixed;
  const [, prefix = ""] = /^([A-Z]+_(?:[A-Z]+_)?)/.exec(known[0] ?? "") ?? [];
  return (
    nearest(word, known) ?? (prefix === "" || word.startsWith(prefix) ? undefined : nearest(prefix + whole, known))
  );
}

export const didYouMean = (word: string, known: readonly string[]): string | undefined => {
  const found = meant(word, known);
  return found === undefined ? undefined : `did you mean ${JSON.stringify(found)}?`;
};

const UNITS: { readonly [unit: string]: number } = { k: 10, m: 20, g: 30, t: 40 };

/**
 * The integer that `text` stands for at that place: a size with a unit, a time with one, "unlimited", or simply a number in quotes.
 * @param highest what the place takes at most: it is RLIM_INFINITY or -1 that means "no limit"
 */
export function integerMeant(text: string, pointer: string, lowest: bigint, highest: bigint): bigint | undefined {
  const value = integerOf(text.trim(), pointer, lowest, highest);
  return value !== undefined && value >= lowest && value <= highest ? value : undefined;
}

function integerOf(text: string, pointer: string, lowest: bigint, highest: bigint): bigint | undefined {
  if (/^(unlimited|infinity|max|none)$/i.test(text))
    return lowest < 0n ? -1n : highest === MAX_U64 ? MAX_U64 : undefined;
  if (/^-?[0-9]+$/.test(text) && !(OCTAL.test(pointer) && /^0?[0-7]{3,4}$/.test(text))) return BigInt(text);
  if (OCTAL.test(pointer)) {
    const [, digits] = /^0?o?([0-7]{1,5})$/.exec(text) ?? [];
    return digits === undefined ? undefined : BigInt(parseInt(digits, 8));
  }
  if (TIMES.test(pointer)) {
    const [, count, unit = ""] = /^([0-9]+(?:\.[0-9]+)?) ?(us|µs|ms|s)$/.exec(text) ?? [];
    return count === undefined
      ? undefined
      : BigInt(Math.round(Number(count) * (unit === "s" ? 1e6 : unit === "ms" ? 1e3 : 1)));
  }
  const [, count, unit = ""] = /^([0-9]+(?:\.[0-9]+)?) ?([kmgt])i?b?$/i.exec(text) ?? [];
  return count === undefined ? undefined : BigInt(Math.round(Number(count) * 2 ** (UNITS[unit.toLowerCase()] ?? 0)));
}

const MAX_U64 = 0xffff_ffff_ffff_ffffn;
/** Modes, which people write in octal. */
const OCTAL = /\/(umask|fileMode)$/;
/** Microseconds. */
const TIMES = /\/cpu\/(quota|period|burst|realtimeRuntime|realtimePeriod)$/;

/** What to write in the place of a value of another type; undefined when there is no telling. */
export function typeMeant(type: string, value: unknown, pointer: string): string | undefined {
  switch (type) {
    case "boolean":
      if (typeof value === "string" && /^(true|yes|on|1)$/i.test(value)) return "true";
      if (typeof value === "string" && /^(false|no|off|0)$/i.test(value)) return "false";
      return value === 1 ? "true" : value === 0 ? "false" : undefined;
    case "string":
      return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
        ? JSON.stringify(String(value))
        : undefined;
    case "array":
      if (typeof value === "string") return JSON.stringify(listOf(value, pointer));
      if (/\/env$/.test(pointer) && typeof value === "object" && value !== null)
        return JSON.stringify(Object.entries(value).map(([name, one]) => `${name}=${String(one)}`));
      return undefined;
    default:
      return undefined;
  }
}

/** A command line in one string, or the options of fstab(5). */
const listOf = (text: string, pointer: string): readonly string[] =>
  /\/options$/.test(pointer)
    ? text.split(",")
    : /\/args$/.test(pointer)
      ? text.split(/\s+/).filter((word) => word !== "")
      : [text];
