// Finding the user's program as the user sees it, and becoming it. The texts are those of Go's os/exec: callers match on them.

import { S_IFDIR } from "../abi/stat.ts";
import { X_OK } from "../abi/unistd.ts";
import { EACCES, EISDIR, ENOENT, ENOSYS, ENOTDIR, EINVAL, EPERM } from "../abi/errno.ts";
import { CLOSE_RANGE_CLOEXEC } from "../abi/close_range.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import { descriptorsEnd, setCloexec, isOpen } from "../sys/fd.ts";
import { close_range } from "../sys/file.ts";
import { accessErrno, fileTypeOrErrno } from "../sys/stat.ts";
import { execve } from "../sys/process.ts";
import { homeOf } from "./passwd.ts";
import type { ProcessPlan } from "./plan.ts";
import defer * as interpreter from "./interpreter.ts";

export type Program = { readonly path: string; readonly args: readonly string[]; readonly env: readonly string[] };

/** The plan's program, found now, as the container's user, in the container's root. @throws HostError as Go's exec.LookPath words it */
export function findProgram(plan: ProcessPlan): Program {
  const name = plan.args[0] ?? "";
  const home = plan.env.find((entry) => entry.startsWith("HOME="));
  const env =
    home === undefined || home === "HOME="
      ? [...plan.env.filter((entry) => entry !== home), `HOME=${homeOf(plan.uid)}`]
      : plan.env;
  return { path: lookUp(name, plan.env), args: plan.args, env };
}

function lookUp(name: string, env: readonly string[]): string {
  if (name.includes("/")) {
    const refusal = whyNot(name);
    if (refusal !== undefined) throw new HostError(`exec: ${JSON.stringify(name)}: ${refusal}`);
    return name;
  }
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
  let refused = false;
  if (name !== "")
    for (const directory of path.split(":")) {
      const candidate = `${directory || "."}/${name}`;
      const refusal = whyNot(candidate);
      if (refusal === undefined) return candidate;
      refused ||= refusal === PERMISSION_DENIED; // a later directory may still have it
    }
  throw new HostError(
    refused
      ? `exec: ${JSON.stringify(name)}: permission denied`
      : `exec: ${JSON.stringify(name)}: executable file not found in $PATH`,
  );
}

const PERMISSION_DENIED = "permission denied";

/** Why `path` is not a file that we may execute; undefined: it is one. No exceptions: most places of a PATH have no such file. */
function whyNot(path: string): string | undefined {
  const type = fileTypeOrErrno(path);
  const errno = type === S_IFDIR ? EISDIR : type < 0 ? -type : accessErrno(path, X_OK);
  switch (errno) {
    case 0:
    case EPERM: // a seccomp profile older than that call
    case EINVAL:
      return undefined;
    case ENOENT:
      return `stat ${path}: no such file or directory`;
    case ENOTDIR:
      return `stat ${path}: not a directory`;
    case EISDIR:
      return "is a directory";
    case EACCES:
      return PERMISSION_DENIED;
    default:
      throw new SysError("stat", errno, path);
  }
}

/**
 * Lets nothing through execve but stdio and the descriptors that the plan passes on.
 * [cve] CVE-2024-21626: a leaked descriptor of the host is a way out. @see close_range(2)
 */
export function closeDescriptors(plan: ProcessPlan): void {
  const first = 3 + plan.inheritedFds;
  for (let fd = 3; fd < first; fd++) if (isOpen(fd)) setCloexec(fd, false);
  try {
    close_range(first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  } catch (error) {
    if (!isErrno(error, ENOSYS, EINVAL, EPERM)) throw error; // EPERM: a seccomp profile of the engine's around us
    const end = descriptorsEnd();
    for (let fd = first; fd < end; fd++) if (isOpen(fd)) setCloexec(fd, true); // before 5.11; ours are close-on-exec anyway, the caller's may not be
  }
}

/**
 * Becomes the program. Returns only by throwing.
 * @param mayLook whether we may open files, which a seccomp profile can forbid on pain of death
 */
export function execute(program: Program, mayLook: () => boolean): never {
  try {
    return execve(program.path, program.args, program.env);
  } catch (error) {
    if (!isErrno(error, ENOENT) || !mayLook()) throw error;
    throw interpreter.withInterpreter(error, program.path);
  }
}
