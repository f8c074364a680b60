// Whether the cgroups can be made, and whether the kernel takes what is to be written into them. Nothing is written: a value is compared
// with what the nearest cgroup that is there has, and with the kernel's own bounds.

import { ENOSYS } from "../../abi/errno.ts";
import { W_OK } from "../../abi/unistd.ts";
import { basename, dirname } from "../../base/path.ts";
import { nearest } from "../../base/nearest.ts";
import type { CgroupGroup, CgroupPlan, CgroupWrite } from "../../cgroup/plan.ts";
import { openatOrErrno } from "../../sys/file.ts";
import { readdir } from "../../sys/directory.ts";
import { accessErrno, fileTypeOrErrno } from "../../sys/stat.ts";
import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { absence, errnoText, peek } from "../look.ts";
import type { Find } from "./find.ts";

export function checkCgroups(plan: CgroupPlan, find: Find): void {
  if (plan.unit !== undefined) return; // systemd decides, and says so when it is asked
  const step = plan.mode === "v1" ? "complete cgroup" : "prepare cgroup";
  const unlimited = new Set<string>();
  for (const group of plan.groups) {
    const above = nearestThere(group);
    const errno = accessErrno(above, W_OK);
    if (errno === 0 || errno === ENOSYS) continue;
    unlimited.add(group.path);
    if (group.optional || plan.mayDoWithout) continue;
    find("error", plan.why.startsWith("/") ? plan.why : "", `no cgroup can be made in ${above}: ${errnoText(errno)}`, {
      hint: HOW_TO_BE_ALLOWED,
      step,
    });
  }
  for (const write of plan.writes) {
    const group = plan.groups.find(({ path }) => write.file.startsWith(`${path}/`));
    if (group === undefined) continue;
    if (unlimited.has(group.path)) {
      find("error", write.why, `nothing can be limited without the right to make a cgroup in ${nearestThere(group)}`, {
        hint: HOW_TO_BE_ALLOWED,
      });
      continue;
    }
    const problem = problemOf(write, group, plan);
    if (problem !== undefined) find("error", write.why, problem.text, { hint: problem.hint });
  }
  checkQuota(plan, find);
  checkDeviceRules(plan, unlimited, find);
}

const HOW_TO_BE_ALLOWED =
  "/sys/fs/cgroup must be writable, or a part of it delegated to this user; `tsrun doctor` tells how";

/** The cgroup itself, or the nearest one above it that is there. */
function nearestThere({ path, mountPoint }: CgroupGroup): string {
  let at: string = path;
  while (at !== mountPoint && fileTypeOrErrno(at) < 0) at = dirname(at);
  return at;
}

type Problem = { readonly text: string; readonly hint?: string | undefined };

/** [kernel] PID_MAX_LIMIT of a 64-bit machine. */
const MOST_PIDS = 4194304n;
/** What a process needs before its first instruction: tables of pages, its stack, its arguments. Measured: the smallest program starts with 256 KiB. */
const LEAST_MEMORY = 128n * 1024n;
/** [kernel] A bandwidth has 44 bits. */
const MOST_QUOTA = (1n << 44n) - 1n;

function problemOf(write: CgroupWrite, group: CgroupGroup, { mode }: CgroupPlan): Problem | undefined {
  const name = basename(write.file);
  const above = nearestThere(group);
  const missing = missingFile(write, above, group, mode);
  if (missing !== undefined) return missing;
  const number = /^-?[0-9]+$/.test(write.value) ? BigInt(write.value) : undefined;
  switch (name) {
    case "cpuset.cpus":
    case "cpuset.mems":
      return cpusetProblem(name, write.value, above, mode);
    case "memory.limit_in_bytes":
    case "memory.max":
      return number !== undefined && number >= 0n && number < LEAST_MEMORY
        ? {
            text: `${number} bytes are too few for any program: the kernel kills it before it starts`,
            hint: `write ${6 * 1024 * 1024} (6 MiB) or more`,
          }
        : undefined;
    case "pids.max":
      return number !== undefined && number > MOST_PIDS
        ? { text: `${number} is more than there can be processes (${MOST_PIDS})`, hint: "write -1 for no limit" }
        : undefined;
    case "cpu.cfs_quota_us":
    case "cpu.cfs_period_us":
    case "cpu.max":
      return undefined; // checkQuota
    case "io.max":
      return deviceProblem(write.value);
    case "net_prio.ifpriomap": {
      const [device = ""] = write.value.split(" ");
      return absence(`/sys/class/net/${device}`) === undefined
        ? undefined
        : { text: `this host has no network device ${device}` };
    }
    default:
      return name.startsWith("blkio.throttle.") || /weight_device$/.test(name) ? deviceProblem(write.value) : undefined;
  }
}

/** A controller that the cgroups above do not hand down, or a file that this kernel has not. */
function missingFile(
  write: CgroupWrite,
  above: string,
  group: CgroupGroup,
  mode: CgroupPlan["mode"],
): Problem | undefined {
  const name = basename(write.file);
  const [controller = ""] = name.split(".");
  if (mode === "v2" && controller !== "cgroup") {
    const handed = peek(`${above}/cgroup.controllers`)?.trim().split(" ") ?? [controller];
    if (!handed.includes(controller))
      return {
        text: `the controller ${controller} is not handed down to ${above}`,
        hint: "`tsrun doctor` tells which are, and who could change it",
      };
  }
  if (write.missing !== "fail" || above === group.mountPoint) return undefined; // a hierarchy's root lacks some files that all others have
  if (absence(`${above}/${name}`) === undefined) return undefined;
  const directory = openatOrErrno(null, above, O_RDONLY | O_DIRECTORY);
  if (typeof directory === "number") return undefined;
  using closed = directory;
  const found = nearest(name, readdir(closed));
  return {
    text: `this kernel's cgroups have no file ${name}`,
    ...(found !== undefined && { hint: `did you mean ${found}?` }),
  };
}

function cpusetProblem(
  name: "cpuset.cpus" | "cpuset.mems",
  list: string,
  above: string,
  mode: CgroupPlan["mode"],
): Problem | undefined {
  const kind = name === "cpuset.cpus" ? "cpu" : "node";
  const possible = peek(`/sys/devices/system/${kind}/possible`)?.trim();
  // [kernel] v1: a cpuset lies within the one above. v2: whatever is there at all may be asked for.
  const own = mode === "v1" ? (peek(`${above}/${name}`)?.trim() ?? "") : "";
  const allowed = own === "" ? possible : own;
  if (allowed === undefined || allowed === "") return undefined;
  const there = new Set(numbersOf(allowed));
  const lacking = numbersOf(list).filter((one) => !there.has(one));
  if (lacking.length === 0) return undefined;
  return {
    text: `${kind === "cpu" ? "processor" : "memory node"} ${lacking[0]} is not there for the container`,
    hint: `${own === "" ? "this host has" : `${above} has`} ${allowed}`,
  };
}

/** No list of this host's has more. */
const MOST_NUMBERS = 8192;

const numbersOf = (list: string): readonly number[] =>
  list.split(",").flatMap((part) => {
    const [, first, last = first] = /^\s*([0-9]+)(?:-([0-9]+))?\s*$/.exec(part) ?? [];
    if (first === undefined) return [];
    return Array.from(
      { length: Math.min(Number(last) - Number(first) + 1, MOST_NUMBERS) },
      (_, i) => Number(first) + i,
    );
  });

function deviceProblem(line: string): Problem | undefined {
  const [device = ""] = line.split(" ");
  return /^[0-9]+:[0-9]+$/.test(device) && absence(`/sys/dev/block/${device}`) !== undefined
    ? { text: `this host has no block device ${device}`, hint: "see /sys/dev/block" }
    : undefined;
}

/** [kernel] A period is 1 ms to 1 s, a quota 1 ms at least and no more than 44 bits; under v1 the share of each is no more than the one above has. */
function checkQuota({ writes, groups, mode }: CgroupPlan, find: Find): void {
  const of = (name: string): CgroupWrite | undefined => writes.find(({ file }) => basename(file) === name);
  const [max, quotaWrite, periodWrite] = [of("cpu.max"), of("cpu.cfs_quota_us"), of("cpu.cfs_period_us")];
  const [quotaText, periodText] = max === undefined ? [quotaWrite?.value, periodWrite?.value] : max.value.split(" ");
  const CPU = "/linux/resources/cpu";
  const number = (text: string | undefined): bigint | undefined =>
    text !== undefined && /^[0-9]+$/.test(text) ? BigInt(text) : undefined;
  const [quota, period] = [number(quotaText), number(periodText)];
  if (period !== undefined && (period < 1000n || period > 1_000_000n))
    find("error", `${CPU}/period`, `a period of ${period} µs is not between 1000 (1 ms) and 1000000 (1 s)`);
  if (quota === undefined) return;
  if (quota < 1000n)
    find("error", `${CPU}/quota`, `a quota of ${quota} µs is less than the kernel takes, which is 1000 (1 ms)`);
  else if (quota > MOST_QUOTA)
    find("error", `${CPU}/quota`, `a quota of ${quota} µs is more than the kernel takes, which is ${MOST_QUOTA}`, {
      hint: "write -1 for no limit",
    });
  const group = groups.find(({ controllers }) => controllers.includes("cpu"));
  if (mode !== "v1" || group === undefined) return;
  for (let at = nearestThere(group); at.startsWith(`${group.mountPoint}/`); at = dirname(at)) {
    const [above, its] = ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((file) => number(peek(`${at}/${file}`)?.trim()));
    if (above === undefined || its === undefined) continue;
    if (quota * its > above * (period ?? 100_000n))
      find("error", `${CPU}/quota`, `is a larger share than ${at} has, which is ${above} of ${its} µs`);
    return;
  }
}

/** [kernel] v1: a cgroup gives no device that it has not. */
function checkDeviceRules(
  { mode, devices, groups, mayLeaveDevices }: CgroupPlan,
  unlimited: ReadonlySet<string>,
  find: Find,
): void {
  const group = groups.find(({ controllers }) => controllers.includes("devices"));
  if (mode !== "v1" || devices === undefined || group === undefined || mayLeaveDevices || unlimited.has(group.path))
    return;
  const list = peek(`${nearestThere(group)}/devices.list`)
    ?.trim()
    .split("\n");
  if (list === undefined || list.some((line) => line.startsWith("a"))) return;
  if (devices.allow)
    return find("error", devices.why, `every device cannot be allowed: ${nearestThere(group)} has only some`);
  for (const { type, major, minor, access, why } of devices.exceptions) {
    const covered = list.some((line) => {
      const [, kind, itsMajor, itsMinor, letters = ""] = /^([abc]) ([0-9*]+):([0-9*]+) ([rwm]+)$/.exec(line) ?? [];
      return (
        kind === type &&
        (itsMajor === "*" || itsMajor === String(major)) &&
        (itsMinor === "*" || itsMinor === String(minor)) &&
        [...access].every((letter) => letters.includes(letter))
      );
    });
    if (!covered && why.startsWith("/"))
      find("error", why, `${type} ${major ?? "*"}:${minor ?? "*"} ${access} is more than ${nearestThere(group)} has`);
  }
}
