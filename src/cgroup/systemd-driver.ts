// The driver that has systemd make the cgroups: a unit, with the container's first process in it from the start. What systemd has no
// word for is written to the files of the unit's cgroups, which it leaves alone (Delegate=yes).

import { EACCES, ENOENT, EPERM, EROFS } from "../abi/errno.ts";
import { hostPath, type HostPath, type HostPid } from "../base/brand.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { MAX_UINT64, type Int64 } from "../base/int64.ts";
import { basename } from "../base/path.ts";
import type { Resources } from "../spec/types.ts";
import { readFileIfThere } from "../sys/file.ts";
import { lstatIfThere } from "../sys/stat.ts";
import { sleepMs } from "../sys/time.ts";
import { applyChange, checkUsage } from "./update.ts";
import { makeDirectories, type PreparedCgroup } from "./cgroup.ts";
import type { ResourceChange } from "./update-plan.ts";
import { planDevices } from "./device-rules.ts";
import type { CgroupDriver } from "./driver.ts";
import { isV2, readText, writeValue } from "./files.ts";
import { freezeCgroup, frozen, thawCgroup } from "./freezer.ts";
import { joinCgroup } from "./join.ts";
import type { CgroupGroup, CgroupPaths, CgroupPlan, CgroupWrite, SystemdUnit } from "./plan.ts";
import { removeCgroup, removeMade } from "./remove.ts";
import { planLimits, type UnitPlan, type UnitProperty } from "./systemd-plan.ts";
import { limitDevices, setUpV1 } from "./v1.ts";
import { isUnreachable, requireSystemd, setUnitProperties, startUnit, stopUnit } from "./systemd.ts";
import { show, uint64 } from "./gvariant.ts";
import defer * as cgroupV2 from "./v2.ts";

export function systemdDriver(unit: SystemdUnit): CgroupDriver {
  return {
    prepare,
    complete,
    abandon: ({ groups, made }) => {
      if (groups.length > 0) stopUnit(unit, groups);
      removeMade(made);
    },
    apply: (groups, change, warn) => apply(unit, groups, change, warn),
    remove: (groups) => remove(unit, groups),
  };
}

/** A unit needs a process, so that nothing can be made before there is one. */
function prepare(plan: CgroupPlan): PreparedCgroup {
  requireSystemd();
  if (plan.mode === "none")
    throw new HostError("no cgroup file system is mounted on /sys/fs/cgroup: the container could reach every device");
  return { plan, cloneInto: null, groups: [], made: [] };
}

function complete(prepared: PreparedCgroup, init: HostPid): CgroupPaths {
  try {
    return start(prepared, init);
  } catch (error) {
    if (!hasEnded(init)) throw error;
    return []; // why it ended is what there is to tell, and it has told
  }
}

/** [kernel] What has ended is in no cgroup any more, although it keeps its number until it is waited for. */
function hasEnded(pid: HostPid): boolean {
  const status = readFileIfThere(null, `/proc/${pid}/status`);
  return status === undefined || /^State:\s*[ZX]/m.test(status);
}

function start({ plan: asPlanned, groups, made }: PreparedCgroup, init: HostPid): CgroupPaths {
  const { unit } = asPlanned;
  if (unit === undefined) throw new Error("a plan for cgroupfs");
  const plan = relocate(asPlanned, unit, startUnit(unit, init));
  groups.push(...plan.groups); // from here on there is something to abandon
  if (plan.mode === "v1") completeV1(plan, groups, made);
  else for (const group of plan.groups) completeV2(plan, unit, group, made, init);
  return groups.map(({ controllers, path }) => ({ controllers, path }));
}

/** The plan for where the unit really is: a manager may be elsewhere than we thought. */
function relocate(plan: CgroupPlan, unit: UnitPlan, cgroup: string): CgroupPlan {
  if (cgroup === unit.cgroup) return plan;
  const moved = (path: HostPath): HostPath => {
    const group = plan.groups.find(({ mountPoint }) => path.startsWith(`${mountPoint}${unit.cgroup}`));
    return group === undefined
      ? path
      : hostPath(`${group.mountPoint}${cgroup}${path.slice(group.mountPoint.length + unit.cgroup.length)}`);
  };
  const write = (entry: CgroupWrite): CgroupWrite => ({
    ...entry,
    file: moved(entry.file),
    missing:
      typeof entry.missing === "string"
        ? entry.missing
        : { file: moved(entry.missing.file), value: entry.missing.value },
  });
  return {
    ...plan,
    groups: plan.groups.map((group) => ({ ...group, path: moved(group.path) })),
    writes: plan.writes.map(write),
    check: plan.check && { ...plan.check, file: moved(plan.check.file) },
  };
}

function completeV2(plan: CgroupPlan, unit: UnitPlan, group: CgroupGroup, made: HostPath[], init: HostPid): void {
  if (unit.subgroup !== undefined) makeDirectories(group.path, group.mountPoint, made);
  // A slice starts empty; and [kernel] a group that has processes cannot hand controllers to one below it.
  if (unit.subgroup !== undefined || unit.kind === "slice") joinCgroup([group], init);
  cgroupV2.setUpV2(plan, group, false);
  // A user can attach no program, nor reach a device that the permissions of its node do not give him.
  if (plan.devices !== undefined)
    cgroupV2.limitDevices(group.path, plan.devices, unit.subgroup !== undefined, plan.mayLeaveDevices || unit.user);
}

/** Only some of the hierarchies are systemd's. */
function completeV1(plan: CgroupPlan, groups: CgroupGroup[], made: HostPath[]): void {
  for (const group of plan.groups) {
    try {
      makeDirectories(group.path, group.mountPoint, made);
    } catch (error) {
      if (!group.optional || !isErrno(error, EACCES, EPERM, EROFS, ENOENT))
        throw new StepError(`create cgroup ${group.path}`, error, "/linux/cgroupsPath");
      groups.splice(groups.indexOf(group), 1);
    }
  }
  setUpV1(
    plan,
    groups.filter((group) => !isV2(group)),
  );
}

// ---- changes

function apply(
  unit: SystemdUnit,
  groups: CgroupPaths,
  change: ResourceChange,
  warn: (message: string, cause: unknown) => void,
): () => void {
  const version = groups.length === 1 && groups.every(isV2) ? "v2" : "v1";
  const { limits, quota } = planLimits(change.after, version);
  const before = lastOfEach(planLimits(change.before, version).limits);
  const changed = [...lastOfEach(limits).values()].filter(({ name, value }) => shown(before.get(name)) !== show(value));
  checkUsage(change.check);
  if (version === "v2") setUnitProperties(unit, changed);
  else if (changed.length > 0) withoutSpuriousDenials(groups, change.after, () => setUnitProperties(unit, changed));
  const takePropertiesBack = (): void =>
    takeBack(
      unit,
      changed.map(
        ({ name, value, ...rest }) =>
          before.get(name) ?? {
            ...rest,
            name,
            value: value.signature === "t" ? uint64(MAX_UINT64) : { ...value, value: [] },
          },
      ),
      warn,
    );
  try {
    const takeFilesBack = applyChange(
      { ...change, writes: change.writes.map((write) => rounded(write, change.after.cpu.quota, quota)) },
      warn,
    );
    return () => {
      takePropertiesBack();
      takeFilesBack(); // systemd writes some of them too, and not as we do
    };
  } catch (error) {
    takePropertiesBack();
    throw error;
  }
}

const lastOfEach = (properties: readonly UnitProperty[]): ReadonlyMap<string, UnitProperty> =>
  new Map(properties.map((property) => [property.name, property]));

const shown = (property: UnitProperty | undefined): string => (property === undefined ? "" : show(property.value));

function takeBack(
  unit: SystemdUnit,
  properties: readonly UnitProperty[],
  warn: (message: string, cause: unknown) => void,
): void {
  try {
    setUnitProperties(unit, properties);
  } catch (error) {
    warn(`cannot set the properties of ${unit.name} back`, error);
  }
}

/** The files say what systemd makes of a quota. */
function rounded(write: CgroupWrite, quota: Int64 | undefined, asSystemdHasIt: Int64 | undefined): CgroupWrite {
  if (quota === asSystemdHasIt || !write.why.startsWith("/linux/resources/cpu/")) return write;
  const name = basename(write.file);
  if (name === "cpu.cfs_quota_us") return { ...write, value: String(asSystemdHasIt) };
  return name === "cpu.max" ? { ...write, value: write.value.replace(/^\S+/, String(asSystemdHasIt)) } : write;
}

/**
 * [systemd] On v1 every change of a property makes it clear the device rules and set its own again: the container stands still
 * meanwhile, and has its own again before it goes on.
 */
function withoutSpuriousDenials(groups: CgroupPaths, { devices: asked }: Resources, change: () => void): void {
  const devices = groups.find(({ controllers }) => controllers.includes("devices"));
  const rules = devices === undefined ? [] : readText(`${devices.path}/devices.list`).split("\n");
  const plan = planDevices(asked, []);
  const stop = groups.some(({ controllers }) => controllers.includes("freezer")) && !frozen(groups);
  if (stop) freezeCgroup(groups);
  try {
    change();
    if (devices === undefined) return;
    if (plan.allow) return limitDevices(devices.path, plan, false); // [kernel] the list does not tell what is denied
    writeValue(`${devices.path}/devices.deny`, "a");
    for (const rule of rules) if (rule !== "") writeValue(`${devices.path}/devices.allow`, rule);
  } finally {
    if (stop) thawCgroup(groups);
  }
}

// ---- the end

/** What systemd leaves is removed: groups that it never knew, and those below the unit's that an old one does not see. */
function remove(unit: SystemdUnit, groups: CgroupPaths): void {
  let failure: unknown;
  try {
    stopUnit(unit, groups);
  } catch (error) {
    failure = error;
  }
  const own = groups.map((group) => ({ ...group, path: unitsOwn(group.path, unit.name) }));
  const isOutOfReach = isUnreachable(failure);
  if (isOutOfReach) leaveToSystemd(own);
  removeCgroup(own);
  if (failure !== undefined && !isOutOfReach) throw failure;
}

/** Where there is no systemd that removes the unit's group, this is how long `delete` takes. */
const PATIENCE_MS = 5000;

/**
 * [systemd] It lets a unit go, and removes its group, when it has read in cgroup.events that there are no processes any more. It is told to look
 * by a notification of the kernel's, which is lost when the file is removed before: then the unit would stay for ever.
 */
function leaveToSystemd(groups: CgroupPaths): void {
  const isLeft = (): boolean => groups.some((group) => isV2(group) && lstatIfThere(null, group.path) !== undefined);
  let waited = 0;
  for (let pause = 1; waited < PATIENCE_MS && isLeft(); pause = Math.min(pause * 2, 100)) {
    sleepMs(pause);
    waited += pause;
  }
}

/** The unit's group, of one that may lie below it. */
function unitsOwn(path: HostPath, name: string): HostPath {
  const at = path.indexOf(`/${name}/`);
  return at < 0 ? path : hostPath(path.slice(0, at + 1 + name.length));
}
