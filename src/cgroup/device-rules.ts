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

/**
 * What every container may use, whatever config.json says (runc's list, FEATURES R3): making any node, the six devices that the
 * specification demands, pseudo terminals, tun. The path is that of a default node: config.json's own node of that path replaces it.
 */
const defaults: readonly (Match & { readonly name: string; readonly bits: number; readonly node?: string })[] = [
  { name: "c *:*", type: "c", major: undefined, minor: undefined, bits: BPF_DEVCG_ACC_MKNOD },
  { name: "b *:*", type: "b", major: undefined, minor: undefined, bits: BPF_DEVCG_ACC_MKNOD },
  { name: "c 1:3", type: "c", major: 1, minor: 3, bits: ALL, node: "/dev/null" },
  { name: "c 1:8", type: "c", major: 1, minor: 8, bits: ALL, node: "/dev/random" },
  { name: "c 1:7", type: "c", major: 1, minor: 7, bits: ALL, node: "/dev/full" },
  { name: "c 5:0", type: "c", major: 5, minor: 0, bits: ALL, node: "/dev/tty" },
  { name: "c 1:5", type: "c", major: 1, minor: 5, bits: ALL, node: "/dev/zero" },
  { name: "c 1:9", type: "c", major: 1, minor: 9, bits: ALL, node: "/dev/urandom" },
  { name: "c 136:*", type: "c", major: 136, minor: undefined, bits: ALL },
  { name: "c 5:2", type: "c", major: 5, minor: 2, bits: ALL },
  { name: "c 10:200", type: "c", major: 10, minor: 200, bits: ALL },
];

/** "c 1:3", with a star for every one: the way v1 writes it. */
const nameOf = (type: string, major: number | undefined, minor: number | undefined): string => `${type} ${major ?? "*"}:${minor ?? "*"}`;

/** The line for devices.allow or devices.deny. */
export const deviceLine = ({ type, major, minor, access }: DeviceException): string => `${nameOf(type, major, minor)} ${access}`;

/** The default as a line: it also clears every exception. */
export const EVERY_DEVICE = "a *:* rwm";

/**
 * @param nodes linux.devices, whose paths replace default ones
 * @throws SpecError a rule takes something away from a wider exception
 */
export function planDevices(rules: readonly DeviceRule[], nodes: readonly Device[]): DevicePlan {
  let allow = false;
  let why = "default";
  const drafts = new Map<string, Draft>();
  rules.forEach(({ allow: allows, type, major, minor, access }, i) => {
    const pointer = `/linux/resources/devices/${i}`;
    if (type === "a") {
      allow = allows;
      why = pointer;
      drafts.clear();
    } else if (allows === allow) takeBack(drafts, { type, major, minor }, accessBits(access), pointer);
    else except(drafts, nameOf(type, major, minor), { type, major, minor }, accessBits(access), pointer);
  });
  for (const rule of defaults) {
    if (rule.node !== undefined && nodes.some(({ path }) => path === rule.node)) continue;
    if (allow) takeBack(drafts, rule, rule.bits, "default");
    else except(drafts, rule.name, rule, rule.bits, "default");
  }
  const exceptions: DeviceException[] = [];
  drafts.forEach(({ match: { type, major, minor }, bits, why: pointer }) => exceptions.push({ type, major, minor, access: accessWord(bits), why: pointer }));
  return { allow, why, exceptions };
}

/** Letters that are no access at all: runc passes over them, as long as one that is stands beside them. */
export function ignoredAccess(rules: readonly DeviceRule[]): readonly { readonly why: string; readonly problem: string }[] {
  return rules.flatMap(({ access }, i) => {
    const letters = access.replace(/[rwm]/g, "");
    return letters === "" ? [] : [{ why: `/linux/resources/devices/${i}/access`, problem: `only "r", "w" and "m" are access to a device, ${JSON.stringify(letters)} is not` }];
  });
}

/** An exception being put together: its rights as bits. */
type Draft = { readonly match: Match; bits: number; readonly why: string };

function except(drafts: Map<string, Draft>, name: string, match: Match, bits: number, why: string): void {
  const known = drafts.get(name);
  if (known) known.bits |= bits;
  else drafts.set(name, { match, bits, why });
}

function takeBack(drafts: Map<string, Draft>, { type, major, minor }: Match, bits: number, why: string): void {
  const name = nameOf(type, major, minor);
  for (const wider of [nameOf(type, undefined, minor), nameOf(type, major, undefined), nameOf(type, undefined, undefined)]) {
    const held = wider === name ? NONE : (drafts.get(wider)?.bits ?? NONE);
    if ((held & bits) === NONE) continue;
    const problem = `cannot punch a hole into the wider rule "${wider} ${accessWord(held)}": no cgroup can enforce that`;
    throw new SpecError([{ pointer: why, problem }]);
  }
  const known = drafts.get(name);
  if (known === undefined) return;
  known.bits &= ~bits;
  if (known.bits === NONE) drafts.delete(name);
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
  return (bits & BPF_DEVCG_ACC_READ ? "r" : "") + (bits & BPF_DEVCG_ACC_WRITE ? "w" : "") + (bits & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}
