// Who makes a container's cgroups and changes what they allow: we by ourselves, or systemd when it is told to. What is done with files
// alone is the same for both and works from CgroupPaths: freezer.ts, processes.ts, stats.ts, oom.ts, join.ts, exec.ts.

import type { HostPid } from "../base/brand.ts";
import type { ResourceChange } from "./update-plan.ts";
import { abandonCgroup, completeCgroup, prepareCgroup, type PreparedCgroup } from "./cgroup.ts";
import type { CgroupPaths, CgroupPlan, SystemdUnit } from "./plan.ts";
import defer * as cgroupRemoval from "./remove.ts";
import defer * as cgroupUpdate from "./update.ts";
import defer * as systemdDriver from "./systemd-driver.ts";

export type CgroupDriver = {
  /** What must be there before the first process is; leaves nothing behind when it fails. */
  readonly prepare: (plan: CgroupPlan) => PreparedCgroup;
  /** The rest. When it fails the caller abandons what was prepared. @param init whom systemd puts into the unit */
  readonly complete: (prepared: PreparedCgroup, init: HostPid) => CgroupPaths;
  readonly abandon: (prepared: PreparedCgroup) => void;
  /**
   * Applies changed limits: all of them, or none where one is refused.
   * @param warn hears of what could not be taken back after that
   * @returns takes them back, for who cannot record them
   */
  readonly apply: (
    groups: CgroupPaths,
    change: ResourceChange,
    warn: (message: string, cause: unknown) => void,
  ) => () => void;
  /** Removes what was made. The processes must have ended. */
  readonly remove: (groups: CgroupPaths) => void;
};

const cgroupfs: CgroupDriver = {
  prepare: prepareCgroup,
  complete: completeCgroup,
  abandon: abandonCgroup,
  apply: (_groups, change, warn) => cgroupUpdate.applyChange(change, warn),
  remove: (groups) => cgroupRemoval.removeCgroup(groups),
};

export function driverOf(unit: SystemdUnit | undefined): CgroupDriver {
  return unit === undefined ? cgroupfs : systemdDriver.systemdDriver(unit);
}
