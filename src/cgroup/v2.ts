// The v2 cgroup gets its controllers, its limits and its device program.

import { BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, BPF_F_REPLACE, BPF_PROG_TYPE_CGROUP_DEVICE } from "../abi/bpf.ts";
import { EACCES, EINVAL, ENOENT, EPERM } from "../abi/errno.ts";
import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { RLIMIT_MEMLOCK } from "../abi/resource.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { MAX_UINT64 } from "../base/int64.ts";
import { basename } from "../base/path.ts";
import { bpf_prog_attach, bpf_prog_detach, bpf_prog_get_fd_by_id, bpf_prog_load, bpf_prog_query } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { getrlimit, prlimit } from "../sys/process.ts";
import { controllersIn } from "./controllers.ts";
import { deviceProgram } from "./device-program.ts";
import type { DevicePlan } from "./device-rules.ts";
import { applyWrites, readValue, writeValue } from "./files.ts";
import type { CgroupGroup, CgroupPlan } from "./plan.ts";
import defer * as cgroupUpdate from "./update.ts";

/** Everything but the devices and the processes. @param fresh the cgroup was made just now */
export function setUpV2(plan: CgroupPlan, group: CgroupGroup, fresh: boolean): void {
  let available = controllersIn(group.path);
  if (plan.enable.some((controller) => !available.includes(controller))) {
    enableControllers(plan, group);
    available = controllersIn(group.path);
  }
  if (!fresh || available.length === 0) settleType(plan, group.path);
  for (const { file, why } of plan.writes) {
    const controller = basename(file).split(".", 1)[0] ?? "";
    if (controller === "cgroup" || available.includes(controller)) continue;
    throw new HostError(
      `${why}: the cgroup v2 controller "${controller}" is not available in ${group.path}: a parent does not pass it on`,
    );
  }
  if (plan.check !== undefined && !fresh) cgroupUpdate.checkUsage(plan.check);
  applyWrites(plan.writes);
}

/** Passes all controllers on from the root to the container's cgroup. Whether those that are needed arrived is seen afterwards. */
function enableControllers(plan: CgroupPlan, { path, mountPoint }: CgroupGroup): void {
  const words = plan.enable.map((controller) => `+${controller}`);
  for (let end = mountPoint.length; end > 0 && end < path.length; end = path.indexOf("/", end + 1)) {
    const directory = path.slice(0, end);
    if (end > mountPoint.length) settleType(plan, directory);
    // [kernel] All or nothing in one write; one that cannot be passed on must not keep the others back.
    if (tryWrite(`${directory}/cgroup.subtree_control`, words.join(" "))) continue;
    for (const word of words) tryWrite(`${directory}/cgroup.subtree_control`, word);
  }
  settleType(plan, path);
}

/** A refusal is no error yet: the controller may not be needed. */
function tryWrite(file: string, value: string): boolean {
  try {
    writeValue(file, value);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "SysError") return false;
    throw error;
  }
}

/**
 * [kernel] Below a threaded cgroup a new one is "domain invalid": it takes no process until it is threaded itself, and then only
 * some controllers work in it. @see cgroups(7), Thread mode
 */
function settleType(plan: CgroupPlan, directory: string): void {
  const type = readValue(`${directory}/cgroup.type`);
  if (type === "domain") return;
  if (plan.domainOnly !== undefined) {
    const state = type === "domain invalid" ? "it is in an invalid state" : `it is in ${type} mode`;
    throw new HostError(`${plan.domainOnly}: cannot enter cgroupv2 "${directory}" with domain controllers -- ${state}`);
  }
  if (type === "domain invalid") writeValue(`${directory}/cgroup.type`, "threaded");
}

// ---- devices

/** @param fresh nobody's program is attached to the cgroup @param tolerant without the right to, nothing is limited */
export function limitDevices(path: string, plan: DevicePlan, fresh: boolean, tolerant: boolean): void {
  // Programs above it in the hierarchy hold in any case; one that denies nothing adds nothing.
  if (fresh && plan.allow && plan.exceptions.length === 0) return;
  try {
    using program = loadProgram(deviceProgram(plan));
    using cgroup = openat(null, path, O_RDONLY | O_DIRECTORY);
    if (fresh) bpf_prog_attach(cgroup, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, null);
    else replacePrograms(cgroup, program);
  } catch (error) {
    if (tolerant && isErrno(error, EPERM, EACCES)) return;
    throw new StepError(`attach the device program to ${path}`, error, "/linux/resources/devices");
  }
}

// Any text will do: the program calls no helper that asks for the GPL.
const LICENSE = "Apache-2.0";

/** [kernel] Before 5.11 programs count as locked memory: the limit is lifted for the moment, where that is allowed. */
function loadProgram(instructions: Uint8Array): Fd {
  try {
    return bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, instructions, LICENSE);
  } catch (error) {
    if (!isErrno(error, EPERM)) throw error;
    const limit = getrlimit("RLIMIT_MEMLOCK", RLIMIT_MEMLOCK);
    try {
      prlimit(0, "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, MAX_UINT64, MAX_UINT64);
    } catch {
      throw error; // without CAP_SYS_RESOURCE; the kernel's first word says more
    }
    try {
      return bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, instructions, LICENSE);
    } finally {
      prlimit(0, "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, limit.soft, limit.hard); // the container inherits our limits
    }
  }
}

const TRIES = 20;

/** The new program takes the place of what is attached, with no moment without one: every attached program must allow an access. */
function replacePrograms(cgroup: Fd, program: Fd): void {
  let canReplace = true; // [kernel] since 5.6
  for (let tries = 1; ; tries++) {
    const ids = bpf_prog_query(cgroup, BPF_CGROUP_DEVICE);
    const only = ids[0];
    if (ids.length !== 1 || only === undefined || !canReplace) {
      bpf_prog_attach(cgroup, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, null);
      for (const id of ids) detach(cgroup, id);
      return;
    }
    try {
      return replaceProgram(cgroup, program, only);
    } catch (error) {
      if (isErrno(error, EINVAL) && canReplace) canReplace = false;
      else if (!isErrno(error, ENOENT) || tries === TRIES) throw error; // ENOENT: somebody else has just replaced it
    }
  }
}

function replaceProgram(cgroup: Fd, program: Fd, id: number): void {
  using old = bpf_prog_get_fd_by_id(id);
  bpf_prog_attach(cgroup, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, old);
}

function detach(cgroup: Fd, id: number): void {
  try {
    using old = bpf_prog_get_fd_by_id(id);
    bpf_prog_detach(cgroup, old, BPF_CGROUP_DEVICE);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error; // already gone
  }
}
