// `tsrun ps`: who runs in a container.

import { X_OK } from "../abi/unistd.ts";
import type { HostPid } from "../base/brand.ts";
import { HostError, SysError } from "../base/errors.ts";
import { processes } from "../cgroup/processes.ts";
import { environment, getenv } from "../sys/environ.ts";
import { inherit, type Fd } from "../sys/fd.ts";
import { pipe, readAll } from "../sys/file.ts";
import { accessErrno } from "../sys/stat.ts";
import { host } from "../sys/host.ts";
import { complain } from "../sys/print.ts";
import { clone3, execve, exit_group, waitPidfd } from "../sys/process.ts";
import { resetChildSignal } from "../sys/signal.ts";
import type { Globals } from "./globals.ts";
import { openContainer, readRecord } from "./state/store.ts";

/** All processes of its cgroups, and of groups below them, as our pid namespace counts them; none when it has stopped. */
export function containerProcesses(globals: Globals, id: string): readonly HostPid[] {
  const directory = openContainer(globals.root, id);
  using _closed = directory.fd;
  const { cgroup } = readRecord(directory);
  if (cgroup?.length === 0)
    throw new HostError("the container has no cgroup: its processes cannot be told from others");
  return processes(cgroup ?? []);
}

/** What the host's ps(1) prints, with our environment. @throws HostError in runc's words when it fails or is not there */
export function hostPs(args: readonly string[]): string {
  const program = findProgram("ps");
  resetChildSignal();
  const output = pipe();
  using read = output.read;
  using write = output.write;
  const child = clone3(0);
  if (child === undefined) become(program, args, write);
  using pidfd = child.pidfd;
  write[Symbol.dispose]();
  const text = host.decode(readAll(read));
  const ending = waitPidfd(pidfd);
  if (ending.kind === "exited" && ending.status === 0) return text;
  throw new HostError(
    `${ending.kind === "exited" ? `exit status ${ending.status}` : `signal: ${ending.signal}`}: ${text.trimEnd()}`,
  );
}

function become(program: string, args: readonly string[], output: Fd): never {
  try {
    inherit(output, 1);
    inherit(output, 2);
    execve(program, ["ps", ...args], environment());
  } catch (error) {
    complain(
      `${program}: ${error instanceof SysError ? `${error.syscall} failed with errno ${error.errno}` : String(error)}`,
    );
  }
  exit_group(127);
}

function findProgram(name: string): string {
  const path = (getenv("PATH") ?? "")
    .split(":")
    .map((directory) => `${directory || "."}/${name}`)
    .find((candidate) => accessErrno(candidate, X_OK) === 0);
  if (path === undefined) throw new HostError(`exec: ${JSON.stringify(name)}: executable file not found in $PATH`);
  return path;
}
