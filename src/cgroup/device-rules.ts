// config.json's device rules reduced to what both kernels can enforce: one default and the exceptions from it.
//
// The laws are those of cgroup v1 (runc applies them on v2 too, so that one config.json means one thing): the last rule that
// names everything decides the default and forgets what came before it; a later rule adds an exception or takes one back; an
// exception cannot be cut out of a wider one, since v1 would ignore that silently.
// Pure: v1 writes the result to devices.allow and devices.deny, v2 compiles it (device-program.ts).

import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from "../abi/bpf.ts";
import { SpecError } from "../base/errors.ts";
import type { Device, DeviceRule } from "../spec/types.ts";

type Match = {
  readonly type: "b" | "c";
  /** undefined: every one. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
};

export type DeviceException = Match & {
  /** Some of "rwm", in that order. */
  readonly access: string;
  readonly why: string;
};

export type DevicePlan = {
  /** What holds for every device that no exception names. Exceptions are the opposite. */
  readonly allow: boolean;
  readonly why: string;
  readonly exceptions: readonly DeviceException[];
};

const NONE = 0;
const ALL = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/** "c 1:3", with a star for every one: the way v1 writes it. */
const nameOf = (type: string, major: number | undefined, minor: number | undefined): string =>
  `${type} ${major ?? "*"}:${minor ?? "*"}`;

type Default = { readonly name: string; readonly exception: DeviceException; readonly node: string | undefined };

const always = (
  type: Match["type"],
  major: number | undefined,
  minor: number | undefined,
  access: string,
  node?: string,
): Default => ({
  name: nameOf(type, major, minor),
  exception: { type, major, minor, access, why: "default" },
  node,
});

/**
 * What every container may use, whatever config.json says (runc's list, FEATURES R3): making any node, the six devices that the
 * specification demands, pseudo terminals, tun. The path is that of a default node: config.json's own node of that path replaces it.
 */
const defaults: readonly Default[] = [
  always("c", undefined, undefined, "m"),
  always("b", undefined, undefined, "m"),
  always("c", 1, 3, "rwm", "/dev/null"),
  always("c", 1, 8, "rwm", "/dev/random"),
  always("c", 1, 7, "rwm", "/dev/full"),
  always("c", 5, 0, "rwm", "/dev/tty"),
  always("c", 1, 5, "rwm", "/dev/zero"),
  always("c", 1, 9, "rwm", "/dev/urandom"),
  always("c", 136, undefined, "rwm"),
  always("c", 5, 2, "rwm"),
  always("c", 10, 200, "rwm"),
];

/** The line for devices.allow or devices.deny. */
export const deviceLine = ({ type, major, minor, access }: DeviceException): string =>
  `${nameOf(type, major, minor)} ${access}`;

/** The default as a line: it also clears every exception. */
export const EVERY_DEVICE = "a *:* rwm";

/**
 * @param nodes linux.devices, whose paths replace default ones
 * @throws SpecError a rule takes something away from a wider exception
 */
export function planDevices(rules: readonly DeviceRule[], nodes: readonly Device[]): DevicePlan {
  let allow = false;
  let why = "default";
  const exceptions: Exceptions = new Map();
  rules.forEach(({ allow: allows, type, major, minor, access }, i) => {
    const pointer = `/linux/resources/devices/${i}`;
    if (type === "a") {
      allow = allows;
      why = pointer;
      exceptions.clear();
      return;
    }
    const exception = { type, major, minor, access: accessWord(accessBits(access)), why: pointer };
    if (allows === allow) takeBack(exceptions, exception);
    else except(exceptions, nameOf(type, major, minor), exception);
  });
  const replaced = nodes.map(({ path }) => path);
  for (const { name, exception, node } of defaults) {
    if (node !== undefined && replaced.includes(node)) continue;
    if (allow) takeBack(exceptions, exception);
    else except(exceptions, name, exception);
  }
  return { allow, why, exceptions: [...exceptions.values()] };
}

/** Letters that are no access at all: runc passes over them, as long as one that is stands beside them. */
export function ignoredAccess(
  rules: readonly DeviceRule[],
): readonly { readonly why: string; readonly problem: string }[] {
  return rules.flatMap(({ access }, i) => {
    if (access === "rwm") return [];
    const letters = access.replace(/[rwm]/g, "");
    return letters === ""
      ? []
      : [
          {
            why: `/linux/resources/devices/${i}/access`,
            problem: `only "r", "w" and "m" are access to a device, ${JSON.stringify(letters)} is not`,
          },
        ];
  });
}

/** By nameOf. */
type Exceptions = Map<string, DeviceException>;

function except(exceptions: Exceptions, name: string, exception: DeviceException): void {
  const known = exceptions.get(name);
  if (known === undefined) exceptions.set(name, exception);
  else if (known.access !== exception.access)
    exceptions.set(name, { ...known, access: accessWord(accessBits(known.access) | accessBits(exception.access)) });
}

/** @param rule what it allows, or denies, is no exception any more */
function takeBack(exceptions: Exceptions, rule: DeviceException): void {
  const { type, major, minor } = rule;
  const bits = accessBits(rule.access);
  const name = nameOf(type, major, minor);
  for (const wider of [
    nameOf(type, undefined, minor),
    nameOf(type, major, undefined),
    nameOf(type, undefined, undefined),
  ]) {
    const held = wider === name ? NONE : accessBits(exceptions.get(wider)?.access ?? "");
    if ((held & bits) === NONE) continue;
    const problem = `cannot punch a hole into the wider rule "${wider} ${accessWord(held)}": no cgroup can enforce that`;
    throw new SpecError([{ pointer: rule.why, problem }]);
  }
  const known = exceptions.get(name);
  if (known === undefined) return;
  const rest = accessBits(known.access) & ~bits;
  if (rest === NONE) exceptions.delete(name);
  else exceptions.set(name, { ...known, access: accessWord(rest) });
}

export function accessBits(access: string): number {
  let bits = NONE;
  if (access.includes("r")) bits |= BPF_DEVCG_ACC_READ;
  if (access.includes("w")) bits |= BPF_DEVCG_ACC_WRITE;
  if (access.includes("m")) bits |= BPF_DEVCG_ACC_MKNOD;
  return bits;
}

function accessWord(bits: number): string {
  if (bits === ALL) return "rwm";
  return (
    (bits & BPF_DEVCG_ACC_READ ? "r" : "") +
    (bits & BPF_DEVCG_ACC_WRITE ? "w" : "") +
    (bits & BPF_DEVCG_ACC_MKNOD ? "m" : "")
  );
}
