// Whether our own capabilities are enough for the process's.

import { capabilityMask, capabilityNames } from "../../process/capabilities.ts";
import type { Spec } from "../../spec/types.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { ownCapabilities } from "../look.ts";
import type { Find } from "./find.ts";

const ALL = (1n << 64n) - 1n;

/** [kernel] In a user namespace, new or joined, a process has all of them; elsewhere no more than we have. @see capabilities(7) */
export function checkCapabilities({ process, linux }: Spec, { lastCapability }: HostFacts, find: Find): void {
  const sets = process?.capabilities;
  if (sets === undefined) return;
  const inUser = linux.namespaces.some(({ type }) => type === "user");
  const own = (set: "CapPrm" | "CapBnd" | "CapInh"): bigint => (inUser ? ALL : ownCapabilities(set));
  const mask = (names: readonly string[]): bigint => capabilityMask(names, lastCapability, new Set());
  const seen = new Set<string>();
  const each = (set: keyof typeof sets, look: (name: string, bit: bigint, pointer: string) => void): void =>
    sets[set].forEach((name, i) => {
      const bit = mask([name]);
      if (bit !== 0n) look(name, bit, `/process/capabilities/${set}/${i}`);
      else if (capabilityNames.includes(name.replace(/^CAP_/, "")) && !seen.has(name)) {
        seen.add(name);
        find("warning", `/process/capabilities/${set}/${i}`, `this kernel does not know ${name}: it is ignored`);
      }
    });
  const [ours, bounding] = [own("CapPrm"), own("CapBnd")];
  const permitted = mask(sets.permitted);
  each("permitted", (name, bit, pointer) => {
    if ((ours & bit) === 0n) find("error", pointer, `we do not have ${name} ourselves, and cannot give it`, BECOMING);
  });
  each("effective", (name, bit, pointer) => {
    if ((permitted & bit) === 0n) find("error", pointer, `${name} is not among the permitted ones`, BECOMING);
    else if ((ours & bit) === 0n)
      find("error", pointer, `we do not have ${name} ourselves, and cannot give it`, BECOMING);
  });
  each("bounding", (name, bit, pointer) => {
    if ((bounding & bit) === 0n)
      find("warning", pointer, `our own bounding set lacks ${name}, and so will the container's`);
  });
  const left = (mask(sets.bounding) & bounding) | own("CapInh");
  each("inheritable", (name, bit, pointer) => {
    if ((left & bit) === 0n) find("error", pointer, `${name} is not in the bounding set`, BECOMING);
  });
  each("ambient", (name, bit, pointer) => {
    if ((permitted & mask(sets.inheritable) & bit) === 0n)
      find("warning", pointer, `${name} is ignored: it is not both permitted and inheritable`);
  });
}

const BECOMING = { step: "become user" } as const;
