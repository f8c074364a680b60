// How a container ended. The kernel tells it once, to the process that waits: what tsrun has heard is kept in end.json of the state directory, as long as
// that is there, and so is what its cgroup knew of its death when somebody first asked. Loaded when a container has ended.

import { RLIMIT_CPU, RLIMIT_FSIZE } from "../../abi/resource.ts";
import { SIGKILL, SIGSYS, SIGXCPU, SIGXFSZ } from "../../abi/signal.ts";
import { SIGNALS } from "../../abi/signal_table.ts";
import { oomKilled, oomWords } from "../../cgroup/processes.ts";
import type { PrintedState } from "../../spec/types.ts";
import { renameat } from "../../sys/directory.ts";
import { createFileAnew, readFile, readFileIfThere } from "../../sys/file.ts";
import { geteuid, type Ending } from "../../sys/process.ts";
import { timestamp } from "../../sys/time.ts";
import type { ContainerPlan } from "../plan/container.ts";
import type { ContainerRecord, StateDirectory } from "./store.ts";

export type End = Pick<PrintedState, "oomKilled" | "ended">;

const FILE = "end.json";

/** After `run --keep`, which has waited itself. */
export function recordEnd(directory: StateDirectory, record: ContainerRecord, ending: Ending): void {
  write(directory, { ...oomOf(record), ended: { at: timestamp(), ...ended(ending), waitedBy: "tsrun" } });
}

/** What is known of a container that has stopped. */
export function endOf(directory: StateDirectory, record: ContainerRecord): End {
  const known = read(directory);
  if (known !== undefined) return known;
  const end = { ...oomOf(record), ended: { ...zombieEnd(record), waitedBy: "caller" } as const };
  if (end.oomKilled !== undefined) remember(directory, end);
  return end;
}

/** The cgroup may be gone the next time somebody asks. Who may not write here has asked all the same. */
function remember(directory: StateDirectory, end: End): void {
  try {
    write(directory, end);
  } catch {
    // another user's container, or a file system that has become read-only
  }
}

function write(directory: StateDirectory, end: End): void {
  createFileAnew(directory.fd, `${FILE}.new`, JSON.stringify(end), 0o600);
  renameat(directory.fd, `${FILE}.new`, directory.fd, FILE);
}

function read(directory: StateDirectory): End | undefined {
  const text = readFileIfThere(directory.fd, FILE);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as End;
  } catch {
    return undefined; // damaged: what the kernel still knows counts
  }
}

/** What the cgroup knows of it: a memory limit kills without a word to the container's caller. */
function oomOf(record: ContainerRecord): Pick<End, "oomKilled"> {
  const oom = oomKilled(record.cgroup ?? []);
  if (oom === undefined) return {};
  const limit = Number(oom.limit);
  return {
    oomKilled: { processes: oom.count, cgroup: oom.path, ...(Number.isSafeInteger(limit) && { limitBytes: limit }) },
  };
}

const ended = (ending: Ending): { readonly exitStatus: number } | { readonly signal: string } =>
  ending.kind === "exited" ? { exitStatus: ending.status } : { signal: signalName(ending.signal) };

const signalName = (signal: number): string =>
  Object.entries(SIGNALS).find(([, number]) => number === signal)?.[0] ?? String(signal);

/** [kernel] A process that has ended and that its parent has not waited for yet tells its status in /proc, to root. @see proc_pid_stat(5), exit_code */
function zombieEnd(record: ContainerRecord): { readonly exitStatus?: number; readonly signal?: string } {
  if (record.pid === 0 || geteuid() !== 0) return {};
  try {
    const text = readFile(null, `/proc/${record.pid}/stat`, 1024);
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .trimEnd()
      .split(" ");
    if (fields[19] !== record.startTime || fields[0] !== "Z") return {};
    const word = Number(fields[49]);
    const signal = word & 0x7f;
    return ended(signal === 0 ? { kind: "exited", status: word >> 8 } : { kind: "killed", signal });
  } catch {
    return {}; // it has been waited for meanwhile
  }
}

/** Why the kernel killed in a container, each with the part of config.json that it did so for. */
export function whyKilled(
  { process, seccomp }: Pick<ContainerPlan, "process" | "seccomp">,
  record: ContainerRecord,
  ending: Ending,
): readonly string[] {
  const reasons: string[] = [];
  const oom = oomKilled(record.cgroup ?? []);
  if (oom !== undefined) {
    const pointer = oom.limit === undefined ? "" : ": /linux/resources/memory/limit";
    reasons.push(`${record.id} has run out of memory: ${oomWords(oom)}${pointer}`);
  }
  if (ending.kind !== "killed") return reasons;
  const { signal } = ending;
  const limited = (resource: number): void => {
    const limit = process.rlimits.find((one) => one.resource === resource);
    if (limit !== undefined)
      reasons.push(`the kernel killed ${record.id} at its ${limit.name} of ${limit.soft}: ${limit.why}`);
  };
  if (signal === SIGXCPU || (signal === SIGKILL && oom === undefined && reachedCpu(process))) limited(RLIMIT_CPU);
  if (signal === SIGXFSZ) limited(RLIMIT_FSIZE);
  if (signal === SIGSYS && seccomp !== undefined)
    reasons.push(`the kernel killed ${record.id} for a system call that its seccomp profile forbids: ${seccomp.why}`);
  return reasons;
}

/** [kernel] At the soft limit of processor time the signal is SIGXCPU; where both limits are the same it is SIGKILL at once. */
const reachedCpu = ({ rlimits }: ContainerPlan["process"]): boolean =>
  rlimits.some(({ resource, soft, hard }) => resource === RLIMIT_CPU && soft === hard);
