import { runs } from "./counter.ts";

runs.push("twin");

export function count(): number {
  return runs.length;
}
