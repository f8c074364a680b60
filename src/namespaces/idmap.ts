// The parent's part of a new user namespace: the id maps that its process cannot write for itself. That process waits meanwhile.

import { O_RDWR } from "../abi/fcntl.ts";
import { X_OK } from "../abi/unistd.ts";
import { S_IFREG } from "../abi/stat.ts";
import { HostError, StepError, SysError } from "../base/errors.ts";
import type { HostPid } from "../base/brand.ts";
import { getenv } from "../sys/environ.ts";
import { inherit, type Fd } from "../sys/fd.ts";
import { openat, pipe, readAll, writeAll } from "../sys/file.ts";
import { accessErrno, fileTypeOrErrno } from "../sys/stat.ts";
import { host } from "../sys/host.ts";
import { utf8 } from "../sys/memory.ts";
import { clone3, execve, exit_group, waitPidfd } from "../sys/process.ts";
import { ALL_SIGNALS, blockSignals, resetChildSignal, resetSignals, unblockSignals } from "../sys/signal.ts";
import { writeMap, writeSetgroups } from "./user.ts";
import type { IdMap, UserPlan } from "./user-plan.ts";

/** @throws StepError with what the kernel or the helper refuses, and for which list of config.json */
export function mapIds({ uids, gids, denySetgroups }: UserPlan, pid: HostPid): void {
  if (denySetgroups && gids.by !== "init") writeSetgroups(pid);
  for (const map of [uids, gids]) {
    if (map.by === "runtime") writeMap(map, pid);
    if (map.by === "helper") runHelper(map, pid);
  }
}

export const PATH_WITHOUT_ANY: string = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** newuidmap(1), newgidmap(1): programs with the right to map what /etc/subuid and /etc/subgid grant us. */
function runHelper({ file, ranges, why }: IdMap, pid: HostPid): void {
  const name = file === "uid_map" ? "newuidmap" : "newgidmap";
  try {
    const path = findHelper(name);
    const args = [
      String(pid),
      ...ranges.flatMap(({ containerID, hostID, size }) => [String(containerID), String(hostID), String(size)]),
    ];
    const said = runToEnd(path, [path, ...args]);
    if (said !== undefined) throw new HostError(`${path} has refused: ${said}`);
  } catch (error) {
    throw new StepError(`run ${name}`, error, why);
  }
}

/** Callers may leave no PATH. */
function findHelper(name: string): string {
  for (const directory of (getenv("PATH") || PATH_WITHOUT_ANY).split(":")) {
    const path = `${directory || "."}/${name}`;
    if (fileTypeOrErrno(path) === S_IFREG && accessErrno(path, X_OK) === 0) return path;
  }
  throw new HostError(`${name} is not installed: without root it maps all ids but our own`);
}

/** @returns what the program said, when it has failed */
function runToEnd(path: string, args: readonly string[]): string | undefined {
  resetChildSignal();
  const { read, write } = pipe();
  using output = read;
  using errors = write;
  const child = clone3(0);
  if (child === undefined) become(path, args, errors);
  using pidfd = child.pidfd;
  errors[Symbol.dispose]();
  const said = host.decode(readAll(output)).trim();
  const ending = waitPidfd(pidfd);
  if (ending.kind === "exited" && ending.status === 0) return undefined;
  return (
    said ||
    (ending.kind === "exited" ? `it ended with exit status ${ending.status}` : `signal ${ending.signal} has ended it`)
  );
}

/** The forked child. Without an environment: the helper acts for root. */
function become(path: string, args: readonly string[], errors: Fd): never {
  try {
    blockSignals(ALL_SIGNALS);
    resetSignals();
    inherit(openat(null, "/dev/null", O_RDWR), 0);
    inherit(errors, 1);
    inherit(errors, 2);
    unblockSignals();
    execve(path, args, []);
  } catch (error) {
    writeAll(2, utf8(error instanceof SysError ? `${path}: ${error.message}` : String(error)));
  }
  exit_group(127);
}
