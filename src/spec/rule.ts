// What a law of config.json is, and the words that several of them use.

import type { IDMapping } from "./types.ts";

/** Takes the pointer of what is refused and why. */
export type Refuse = (pointer: string, problem: string) => void;

export type Law<Subject> = {
  readonly name: string;
  /** Who says so: a document of the runtime-spec, a kernel rule, or the runtime whose refusal we share. */
  readonly source: string;
  readonly check: (subject: Subject, refuse: Refuse) => void;
};

export function maps(mappings: readonly IDMapping[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/** A list as the kernel prints CPUs and nodes: numbers and ranges between commas; runc allows spaces and empty parts. */
export const isNumberList = (list: string): boolean => {
  const found = ranges(list);
  return found.length > 0 && found.every(([first, last]) => first <= last);
};

/** How many numbers such a list names. */
export const numbersIn = (list: string): number =>
  ranges(list).reduce((sum, [first, last]) => sum + last - first + 1, 0);

/** [0, -1] for a part that is none. */
function ranges(list: string): readonly (readonly [first: number, last: number])[] {
  return list
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [, first, last = first] = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/.exec(part) ?? [];
      return first === undefined ? [0, -1] : [Number(first), Number(last)];
    });
}
