import { runs } from "./counter.ts";

runs.push("once");

export const answer = 42;
export function count(): number {
  return runs.length;
}
