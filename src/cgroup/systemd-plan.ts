// The systemd unit that holds a container's cgroups, decided before systemd is asked: its name, its place, its properties. Pure.
// The forms are runc's (its docs/systemd.md), so that whoever finds runc's containers by their units finds ours.
//
// systemd is told what it has a word for, or it would undo it when it next looks at the unit. All limits are written to the cgroup's
// files too (plan.ts): systemd passes over what it cannot do, and files do not. So a property that limits may be left out.

import type { ContainerId } from "../base/brand.ts";
import { HostError, SpecError } from "../base/errors.ts";
import { compareInt64, int64, MAX_UINT64, toUint64, type Int64 } from "../base/int64.ts";
import type { CgroupLayout, HostFacts } from "../spec/facts.ts";
import type { CPUResources, Resources, Spec, StringMap } from "../spec/types.ts";
import { planDevices, type DeviceException, type DevicePlan } from "./device-rules.ts";
import type { SystemdUnit } from "./plan.ts";
import { cpuWeight, ioWeight, memorySwapMax } from "./resources-v2.ts";
import { bytes, flag, parseVariant, text, uint64, type Variant } from "./gvariant.ts";
import { isSet, pidsMax, pointerToken, positive } from "./resource-writes.ts";

const MEMORY = "/linux/resources/memory";
const CPU = "/linux/resources/cpu";

export type UnitProperty = {
  readonly name: string;
  readonly value: Variant;
  readonly why: string;
  /** A systemd that does not know it does without: an old one, or one that has always done it. */
  readonly optional: boolean;
};

export type UnitPlan = SystemdUnit & {
  readonly kind: "scope" | "slice";
  /** Where it lies, by the name of the slice. */
  readonly slice: string;
  /** Its cgroup, from the root of every hierarchy. Where the manager itself is elsewhere than usual the unit turns out to be, too. */
  readonly cgroup: string;
  /** A group of this name in the unit's holds the processes (crun's annotation); undefined: the unit's own does. */
  readonly subgroup: string | undefined;
  readonly why: string;
  /** In the order in which systemd gets them: of two of a name the last holds. */
  readonly properties: readonly UnitProperty[];
  /** linux.resources.cpu.quota as systemd rounds it: the files shall not say anything else. */
  readonly quota: Int64 | undefined;
};

/** @param uid who owns the user manager */
export type Manager = { readonly kind: "system" } | { readonly kind: "user"; readonly uid: number };

/**
 * The manager of the user who runs us, or the system's.
 * @param rootless the option: what we say of ourselves, or "auto"
 */
export function chooseManager(
  rootless: "auto" | "true" | "false",
  { outerUid: uid }: Pick<HostFacts, "outerUid">,
): Manager {
  return rootless === "true" || (rootless === "auto" && uid !== 0) ? { kind: "user", uid } : { kind: "system" };
}

/**
 * @throws SpecError a cgroupsPath that names no unit, a value that systemd does not take
 * @throws HostError a user manager where cgroups are v1
 */
export function planUnit(spec: Spec, layout: CgroupLayout, id: ContainerId, manager: Manager): UnitPlan {
  if (manager.kind === "user" && layout.mode === "v1")
    throw new HostError("cannot use rootless systemd cgroups manager on cgroup v1");
  const { cgroupsPath, resources } = spec.linux;
  const { slice, prefix, name } = placeOf(cgroupsPath, id, manager);
  const kind = name.endsWith(".slice") ? "slice" : "scope";
  const unit = checkedUnit(kind === "slice" ? name : `${prefix}-${name}.scope`);
  const above = manager.kind === "user" ? managerGroup(layout, manager.uid) : "";
  const version = layout.mode === "v2" ? "v2" : "v1";
  const { limits, quota } = planLimits(resources, version);
  const properties = [
    ...basics(kind, slice, name, version),
    ...annotated(spec.annotations),
    ...oomPolicy(resources),
    ...deviceProperties(planDevices(resources.devices, spec.linux.devices), version),
    ...limits,
  ];
  return {
    name: unit,
    user: manager.kind === "user",
    kind,
    slice,
    cgroup: `${above}${kind === "slice" ? sliceGroup(unit) : `${sliceGroup(slice)}/${unit}`}`,
    subgroup: subgroupOf(spec.annotations),
    why: cgroupsPath === undefined ? "default" : "/linux/cgroupsPath",
    properties,
    quota,
  };
}

// ---- name and place

const badPath = (problem: string): SpecError => new SpecError([{ pointer: "/linux/cgroupsPath", problem }]);

function placeOf(
  cgroupsPath: string | undefined,
  id: ContainerId,
  manager: Manager,
): { readonly slice: string; readonly prefix: string; readonly name: string } {
  const usual = manager.kind === "user" ? "user.slice" : "system.slice";
  if (cgroupsPath === undefined || cgroupsPath === "") return { slice: usual, prefix: "runc", name: id };
  const [slice = "", prefix = "", name, ...more] = cgroupsPath.split(":");
  if (name === undefined || more.length > 0)
    throw badPath(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(cgroupsPath)} instead`,
    );
  // docs/systemd.md of runc says "-", its code wants the unit's name.
  return { slice: slice === "" ? usual : slice === "-" ? "-.slice" : slice, prefix, name };
}

/** [systemd] UNIT_NAME_MAX, with the NUL. */
const LONGEST_NAME = 255;

function checkedUnit(name: string): string {
  if (!/^[\w:.\\-]+$/.test(name))
    throw badPath(
      `${JSON.stringify(name)} is not a name of a systemd unit: only letters, digits and :-_.\\ are allowed`,
    );
  if (name.length > LONGEST_NAME)
    throw badPath(
      `${JSON.stringify(name)} is not a name of a systemd unit: it has more than ${LONGEST_NAME} characters`,
    );
  return name;
}

/** "a-b.slice" lies in "a.slice": "/a.slice/a-b.slice"; "-.slice" is the root. */
export function sliceGroup(slice: string): string {
  const name = slice.slice(0, -".slice".length);
  if (!slice.endsWith(".slice") || slice.includes("/") || (name !== "-" && name.split("-").includes("")))
    throw badPath(`invalid slice name: ${slice}`);
  if (name === "-") return "";
  const parts = checkedUnit(slice).slice(0, -".slice".length).split("-");
  return parts.map((_part, i) => `/${parts.slice(0, i + 1).join("-")}.slice`).join("");
}

/** Where a user's manager has its cgroup: ours is in it or beside it, or nothing is known and it is where systemd usually puts it. */
function managerGroup(layout: CgroupLayout, uid: number): string {
  const own = layout.mode === "v2" ? layout.own : "/";
  const inside = /^(.*?\/user@\d+\.service)(?:\/|$)/.exec(own)?.[1];
  if (inside !== undefined) return inside;
  const [, above = "/user.slice", owner = String(uid)] =
    /^(.*?\/user\.slice)\/user-(\d+)\.slice(?:\/|$)/.exec(own) ?? [];
  return `${above}/user-${owner}.slice/user@${owner}.service`;
}

function subgroupOf(annotations: StringMap): string | undefined {
  const name = annotations["run.oci.systemd.subgroup"];
  if (name === undefined || name === "") return undefined;
  if (name.includes("/") || name === "." || name === "..") {
    throw new SpecError([
      {
        pointer: "/annotations/run.oci.systemd.subgroup",
        problem: `must be the name of one cgroup, not ${JSON.stringify(name)}`,
      },
    ]);
  }
  return name;
}

// ---- what every unit has

function basics(kind: UnitPlan["kind"], slice: string, name: string, version: "v1" | "v2"): readonly UnitProperty[] {
  const property = (property: string, value: Variant, optional = false): UnitProperty => ({
    name: property,
    value,
    why: "default",
    optional,
  });
  return [
    property("Description", text(`tsrun container ${name}`)),
    // A slice lies where its name says; that the one above is there is all there is to ask for.
    kind === "slice"
      ? property("Wants", { signature: "as", value: [slice] })
      : { ...property("Slice", text(slice)), why: "/linux/cgroupsPath" },
    ...(kind === "scope" ? [property("Delegate", flag(true))] : []),
    ...["Memory", "CPU", version === "v2" ? "IO" : "BlockIO", "Tasks"].map((what) =>
      property(`${what}Accounting`, flag(true), true),
    ),
    property("DefaultDependencies", flag(false)),
  ];
}

const PROPERTY = "org.systemd.property.";

/** Annotations as properties, whatever they are: who may write config.json may do that. */
function annotated(annotations: StringMap): readonly UnitProperty[] {
  return Object.entries(annotations).flatMap(([key, source]) => {
    if (!key.startsWith(PROPERTY)) return [];
    const why = `/annotations/${pointerToken(key)}`;
    const name = key.slice(PROPERTY.length);
    const bad = (problem: string): SpecError => new SpecError([{ pointer: why, problem }]);
    if (name.length < 3) throw bad(`annotation ${key} name incorrect: too short`);
    if (!/^[A-Za-z]+$/.test(name)) throw bad(`annotation ${key} name incorrect: contains non-alphabetic character`);
    try {
      const value = parseVariant(source);
      // Files of units speak of seconds, "TimeoutStopSec"; on the bus it is microseconds.
      const inSeconds = /^.*[a-z](?=Sec$)/.exec(name)?.[0];
      return [
        inSeconds === undefined
          ? { name, value, why, optional: false }
          : { name: `${inSeconds}USec`, value: microseconds(value), why, optional: false },
      ];
    } catch (error) {
      throw bad(
        `annotation ${key}=${source} value parse error: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  });
}

function microseconds({ signature, value }: Variant): Variant {
  if (typeof value !== "number" && typeof value !== "bigint") throw new Error("not a number");
  const result = signature === "d" ? BigInt(Math.trunc(Number(value) * 1_000_000)) : BigInt(value) * 1_000_000n;
  if (result < 0n || result > MAX_UINT64) throw new Error("not a number of seconds");
  return uint64(int64(result));
}

/** Cannot be changed once the unit runs. [systemd] since 253 for scopes */
function oomPolicy({ unified }: Resources): readonly UnitProperty[] {
  const policy = { 0: "continue", 1: "kill" }[(unified["memory.oom.group"] ?? "").trim()];
  return policy === undefined
    ? []
    : [{ name: "OOMPolicy", value: text(policy), why: "/linux/resources/unified/memory.oom.group", optional: true }];
}

// ---- devices

/**
 * systemd knows only lists of what is allowed, and no "*:5" in them. What it cannot say it is not told on v2, where our own program
 * denies (programs add up); on v1 it would clear our rules, so that it is told what it can be.
 */
export function deviceProperties(
  { allow, exceptions, why }: DevicePlan,
  version: "v1" | "v2",
): readonly UnitProperty[] {
  const property = (name: string, value: Variant): UnitProperty => ({ name, value, why, optional: false });
  const sayable = exceptions.filter(({ major, minor }) => major !== undefined || minor === undefined);
  // Empty first: entries are added to those that are there.
  const none = property("DeviceAllow", { signature: "a(ss)", value: [] });
  if (allow || (version === "v2" && sayable.length < exceptions.length))
    return [none, property("DevicePolicy", text("auto"))];
  return [
    none,
    property("DevicePolicy", text("strict")),
    property("DeviceAllow", { signature: "a(ss)", value: sayable.map((entry) => [deviceName(entry), entry.access]) }),
  ];
}

/** [systemd] Numbers instead of a node or a group of /proc/devices: since 240. */
function deviceName({ type, major, minor }: DeviceException): string {
  const kind = type === "c" ? "char" : "block";
  return minor === undefined ? `${kind}-${major ?? "*"}` : `/dev/${kind}/${major ?? "*"}:${minor}`;
}

// ---- limits

/** What is asked of systemd when a container is made, and again by `update`. */
export function planLimits(
  resources: Resources,
  version: "v1" | "v2",
): { readonly limits: readonly UnitProperty[]; readonly quota: Int64 | undefined } {
  const limits: UnitProperty[] = [];
  const add: Add = (name, value, why) => limits.push({ name, value, why, optional: true });
  const { memory, cpu, pids, blockIO } = resources;
  if (isSet(memory.limit))
    add(version === "v2" ? "MemoryMax" : "MemoryLimit", uint64(limitOf(memory.limit)), `${MEMORY}/limit`);
  if (version === "v2") {
    if (isSet(memory.reservation)) add("MemoryLow", uint64(limitOf(memory.reservation)), `${MEMORY}/reservation`);
    const swap = memorySwapMax(memory.limit, memory.swap);
    if (swap !== undefined) add("MemorySwapMax", uint64(parseLimit(swap)), `${MEMORY}/swap`);
    const weight = weightOf(cpu);
    if (weight !== undefined) add("CPUWeight", ...weight);
  } else if (isSet(cpu.shares)) add("CPUShares", uint64(cpu.shares), `${CPU}/shares`);
  const quota = addQuota(add, cpu.quota, cpu.period, isSet(cpu.quota) ? `${CPU}/quota` : `${CPU}/period`);
  if (isSet(blockIO.weight)) {
    const why = "/linux/resources/blockIO/weight";
    if (version === "v2") add("IOWeight", uint64(ioWeight(blockIO.weight)), why);
    else add("BlockIOWeight", uint64(blockIO.weight), why);
  }
  if (pids.limit !== undefined) add("TasksMax", uint64(parseLimit(pidsMax(pids.limit))), "/linux/resources/pids/limit");
  if (cpu.cpus !== undefined) add("AllowedCPUs", bytes(rangeToBits(cpu.cpus, `${CPU}/cpus`)), `${CPU}/cpus`);
  if (cpu.mems !== undefined) add("AllowedMemoryNodes", bytes(rangeToBits(cpu.mems, `${CPU}/mems`)), `${CPU}/mems`);
  if (version === "v2")
    for (const [name, value] of Object.entries(resources.unified))
      addUnified(add, name, value.trim(), resources.unified);
  return { limits, quota };
}

type Add = (name: string, value: Variant, why: string) => void;

/** [systemd] All bits set is no limit. */
const INFINITY: Int64 = int64(MAX_UINT64);

/** A negative limit is none. */
const limitOf = (value: Int64): Int64 => int64(toUint64(value));

const parseLimit = (value: string): Int64 => (value === "max" ? INFINITY : int64(BigInt(value)));

/** [systemd] Weight 0 is cpu.idle, since 252: both at once cannot be said. */
function weightOf({ shares, idle }: CPUResources): readonly [Variant, string] | undefined {
  if (idle !== undefined && compareInt64(idle, 1) === 0) return [uint64(0), `${CPU}/idle`];
  return isSet(shares) ? [uint64(cpuWeight(shares)), `${CPU}/shares`] : undefined;
}

const DEFAULT_PERIOD_US = 100_000n;

/** [systemd] It thinks in whole percents of a processor: a fraction would come out below what was asked, so that it is rounded up. */
const PERCENT_US = 10_000n;

/** @returns the quota that results for the period */
function addQuota(add: Add, quota: Int64 | undefined, period: Int64 | undefined, why: string): Int64 | undefined {
  if (isSet(period)) add("CPUQuotaPeriodUSec", uint64(period), `${CPU}/period`);
  if (!isSet(quota) && !isSet(period)) return quota;
  if (!isSet(quota) || !positive(quota)) {
    add("CPUQuotaPerSecUSec", uint64(INFINITY), why);
    return quota;
  }
  const periodUs = isSet(period) ? BigInt(period) : DEFAULT_PERIOD_US;
  const exact = (BigInt(quota) * 1_000_000n) / periodUs;
  const rounded = ((exact + PERCENT_US - 1n) / PERCENT_US) * PERCENT_US;
  add("CPUQuotaPerSecUSec", uint64(int64(rounded)), why);
  return rounded === exact ? quota : int64((rounded * periodUs) / 1_000_000n);
}

/** The highest number of a processor or memory node that a kernel can be built for, and more. */
const HIGHEST_NUMBER = 65535;

/** "0-2,8" as systemd takes it: a bit for each number, the lowest first. @throws SpecError */
export function rangeToBits(list: string, pointer: string): readonly number[] {
  const bad = (problem: string): SpecError =>
    new SpecError([{ pointer, problem: `${JSON.stringify(list)}: ${problem}` }]);
  const bits: number[] = [];
  for (const part of list.split(",").map((entry) => entry.trim())) {
    if (part === "") continue;
    const [, first = "", last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === "") throw bad(`${JSON.stringify(part)} is no number and no range of numbers`);
    if (Number(first) > Number(last)) throw bad(`invalid range: ${part}`);
    if (Number(last) > HIGHEST_NUMBER) throw bad(`${last} is too high`);
    for (let number = Number(first); number <= Number(last); number++) {
      while (bits.length <= number >> 3) bits.push(0);
      bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7));
    }
  }
  if (bits.length === 0) throw bad("empty value");
  return bits;
}

/** Properties by the names of v2 files; every other file has none. */
const unifiedLimits: Readonly<Record<string, string>> = {
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
};

/** The user's own words for v2 files, as far as systemd has others for them. */
function addUnified(add: Add, file: string, value: string, all: StringMap): void {
  const why = `/linux/resources/unified/${pointerToken(file)}`;
  const number = (source: string): Int64 => {
    if (!/^\d+$/.test(source) || BigInt(source) > MAX_UINT64)
      throw new SpecError([
        {
          pointer: why,
          problem: `unified resource ${JSON.stringify(file)} value conversion error: ${JSON.stringify(source)} is not a number`,
        },
      ]);
    return int64(BigInt(source));
  };
  const idle = (all["cpu.idle"] ?? "").trim() === "1";
  const name = unifiedLimits[file];
  if (name === "TasksMax") add(name, uint64(value === "0" ? 1 : value === "max" ? INFINITY : number(value)), why);
  else if (name === "CPUWeight") {
    if (!idle) add(name, uint64(number(value)), why);
  } else if (name !== undefined) add(name, uint64(value === "max" ? INFINITY : number(value)), why);
  else if (file === "cpu.idle") {
    if (idle) add("CPUWeight", uint64(0), why);
  } else if (file === "cpu.max") {
    const [quota = "", period = String(DEFAULT_PERIOD_US), ...more] = value.split(/\s+/);
    if (quota === "" || more.length > 0)
      throw new SpecError([
        { pointer: why, problem: `unified resource "cpu.max" value invalid: ${JSON.stringify(value)}` },
      ]);
    addQuota(
      (property, amount) => add(property, amount, why),
      quota === "max" ? undefined : number(quota),
      number(period),
      why,
    );
  } else if (file === "cpuset.cpus") add("AllowedCPUs", bytes(rangeToBits(value, why)), why);
  else if (file === "cpuset.mems") add("AllowedMemoryNodes", bytes(rangeToBits(value, why)), why);
}
