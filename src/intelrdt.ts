// Intel RDT and its relatives: the container's class of service (closID) in the kernel's resctrl file system, which gives it a share of caches and
// memory bandwidth, and its monitoring group. The parent does it. Loaded on demand.
//
// The administrator mounts resctrl; we only make directories in it. What was made is removed with the container, what was there stays.

import { EEXIST, ENOENT, ENOTDIR } from "./abi/errno.ts";
import { AT_REMOVEDIR, O_WRONLY } from "./abi/fcntl.ts";
import { RDTGROUP_SUPER_MAGIC } from "./abi/magic.ts";
import { type ContainerId, hostPath, type HostPath, type HostPid } from "./base/brand.ts";
import { HostError, isErrno, StepError, SysError } from "./base/errors.ts";
import type { Spec } from "./spec/types.ts";
import { readFile, readFileIfThere, writeFile } from "./sys/file.ts";
import { mkdirat, unlinkat } from "./sys/directory.ts";
import { fileSystemType, fileTypeAt } from "./sys/stat.ts";

const WHY = "/linux/intelRdt";

export type IntelRdtPlan = {
  /** The directory in resctrl; "" is its root, the default class. */
  readonly group: string;
  /** closID was given: then the group is somebody else's, and is never removed. */
  readonly shared: boolean;
  /** Lines for the file schemata, in this order. */
  readonly schemata: readonly string[];
  /** Those that a group which is there already must agree with. */
  readonly compared: readonly string[];
  /** The name of the monitoring group; undefined: none is asked for. */
  readonly monitoring: string | undefined;
};

/** Where the container is, for its record: enough for a process that joins it and for `delete`. JSON. */
export type IntelRdtPaths = {
  readonly group: HostPath;
  readonly monitoring: HostPath | undefined;
  /** Directories that go with the container, in this order. */
  readonly remove: readonly HostPath[];
};

/** @see config-linux.md, IntelRdt */
export function planIntelRdt({ linux: { intelRdt } }: Spec, id: ContainerId): IntelRdtPlan | undefined {
  if (intelRdt === undefined) return undefined;
  const { closID, l3CacheSchema, memBwSchema, schemata, enableMonitoring } = intelRdt;
  const compared = [...linesOf(l3CacheSchema).filter((line) => !line.startsWith("MB:")), ...linesOf(memBwSchema)]; // bandwidth has a property of its own
  return {
    group: closID === undefined ? id : closID === "/" ? "" : closID,
    shared: closID !== undefined,
    schemata: [...compared, ...schemata],
    compared: closID === undefined ? [] : compared,
    monitoring: enableMonitoring ? id : undefined,
  };
}

const linesOf = (schema: string | undefined): readonly string[] =>
  (schema ?? "").split("\n").filter((line) => line !== "");

/**
 * Finds the container's group and checks what must be so; makes nothing. The paths go into the container's record before anything is made.
 * @param root where resctrl is mounted; tests have a tree of their own
 * @throws StepError when resctrl is not mounted, when a group that must exist does not, or has another schema than was asked for
 */
export function locateIntelRdt(plan: IntelRdtPlan, root: HostPath | undefined = findResctrl()): IntelRdtPaths {
  if (root === undefined)
    throw new StepError(
      "find resctrl",
      new HostError("intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted"),
      WHY,
    );
  const group = hostPath(plan.group === "" ? root : `${root}/${plan.group}`);
  const exists = plan.group === "" || fileTypeAt(null, group) !== undefined;
  if (!exists && plan.shared && plan.schemata.length === 0)
    throw new StepError(
      "find resource control group",
      new HostError(`the resctrl group ${group} does not exist, and there is no schema to make it with`),
      "/linux/intelRdt/closID",
    );
  if (exists && plan.compared.length > 0) compare(plan.compared, readFile(null, `${group}/schemata`), group);
  const monitoring = plan.monitoring === undefined ? undefined : hostPath(`${group}/mon_groups/${plan.monitoring}`);
  return {
    group,
    monitoring,
    remove: [...(monitoring === undefined ? [] : [monitoring]), ...(plan.shared || exists ? [] : [group])],
  };
}

/** Where resctrl is mounted in our mount namespace. */
function findResctrl(): HostPath | undefined {
  const usual = "/sys/fs/resctrl";
  const type = fileSystemType(usual);
  if (type === RDTGROUP_SUPER_MAGIC) return hostPath(usual);
  if (type === undefined) return undefined; // [kernel] the directory is there on every machine that can
  const line = readFile(null, "/proc/self/mountinfo")
    .split("\n")
    .find((entry) => entry.includes(" - resctrl "));
  const path = line
    ?.split(" ")[4]
    ?.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return path === undefined ? undefined : hostPath(path);
}

/** [spec] A class that exists must be what the container asks for. Numbers are compared, not their spelling; caches that were not named are free. */
function compare(wanted: readonly string[], existing: string, group: HostPath): void {
  for (const line of wanted) {
    const [resource, values] = schemaOf(line);
    const [, present] = existing
      .split("\n")
      .map(schemaOf)
      .find(([name]) => name === resource) ?? [resource, new Map<string, string>()];
    for (const [cache, value] of values) {
      const found = present.get(cache);
      if (found === value) continue;
      throw new StepError(
        "compare schemata",
        new HostError(
          `the resctrl group ${group} has a different configuration: ${resource}:${cache}=${value} was asked for, ${found === undefined ? "nothing" : found} is set`,
        ),
        WHY,
      );
    }
  }
}

/** "L3:0=0ff;1=c0" as resource and values by cache, without leading zeros and blanks. */
export function schemaOf(line: string): readonly [resource: string, values: ReadonlyMap<string, string>] {
  const colon = line.indexOf(":");
  const entries = line
    .slice(colon + 1)
    .split(";")
    .map((entry) =>
      entry.split("=").map((part) =>
        part
          .trim()
          .toLowerCase()
          .replace(/^0+(?=.)/, ""),
      ),
    );
  return [
    line.slice(0, colon).trim(),
    new Map(
      entries.flatMap(([cache, value]) =>
        cache === undefined || value === undefined ? [] : [[cache, value] as const],
      ),
    ),
  ];
}

/**
 * Makes the groups that are missing, sets the schema and puts the container's process in, from which its children inherit.
 * @throws StepError with the kernel's own words from info/last_cmd_status where it has any
 */
export function enterIntelRdt(
  plan: IntelRdtPlan,
  paths: IntelRdtPaths,
  pid: HostPid,
  root: HostPath | undefined = findResctrl(),
): void {
  try {
    if (plan.group !== "") makeGroup(paths.group);
    if (plan.schemata.length > 0) writeFile(null, `${paths.group}/schemata`, O_WRONLY, `${plan.schemata.join("\n")}\n`);
    if (paths.monitoring !== undefined) makeGroup(paths.monitoring);
    joinIntelRdt(paths, pid);
  } catch (error) {
    throw new StepError("set up resource control group", withKernelWords(error, root), WHY);
  }
}

/** Puts one more process in, for `exec`. */
export function joinIntelRdt({ group, monitoring }: IntelRdtPaths, pid: HostPid): void {
  writeFile(null, `${group}/tasks`, O_WRONLY, String(pid));
  if (monitoring !== undefined) writeFile(null, `${monitoring}/tasks`, O_WRONLY, String(pid)); // [kernel] after its class: a change of class leaves the monitoring group
}

/**
 * For `update`: another share for a container that has one.
 * @returns what sets it back @throws HostError in runc's words
 */
export function changeIntelRdt(
  paths: IntelRdtPaths | undefined,
  l3CacheSchema: string,
  memBwSchema: string,
  root: HostPath | undefined = findResctrl(),
): () => void {
  const has = (resource: string): boolean =>
    root !== undefined && fileTypeAt(null, `${root}/info/${resource}`) !== undefined;
  if (l3CacheSchema !== "" && !has("L3") && !has("L3CODE"))
    throw new HostError("Intel RDT/CAT: l3 cache schema is not enabled");
  if (memBwSchema !== "" && !has("MB")) throw new HostError("Intel RDT/MBA: memory bandwidth schema is not enabled");
  if (paths === undefined) throw new HostError("updating a non-existent Intel RDT configuration is not supported");
  const file = `${paths.group}/schemata`;
  const before = readFile(null, file);
  try {
    writeFile(null, file, O_WRONLY, `${[...linesOf(l3CacheSchema), ...linesOf(memBwSchema)].join("\n")}\n`);
  } catch (error) {
    throw withKernelWords(error, root);
  }
  return () => writeFile(null, file, O_WRONLY, before);
}

/** What is not there any more is removed. [kernel] Processes that are left fall back to the class above. */
export function removeIntelRdt({ remove }: IntelRdtPaths): void {
  for (const path of remove) {
    try {
      unlinkat(null, path, AT_REMOVEDIR);
    } catch (error) {
      if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
    }
  }
}

function makeGroup(path: HostPath): void {
  try {
    mkdirat(null, path, 0o755);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
  }
}

function withKernelWords(error: unknown, root: HostPath | undefined): unknown {
  if (!(error instanceof SysError) || root === undefined) return error;
  const words = readFileIfThere(null, `${root}/info/last_cmd_status`)?.trim() ?? "ok";
  return words === "ok" || words === ""
    ? error
    : new SysError(error.syscall, error.errno, `${error.detail} (last_cmd_status: ${words})`);
}
