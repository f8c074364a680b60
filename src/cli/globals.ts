// What the global options and the environment say to the runtime. Nothing below cli/ reads either.

import { EEXIST } from "../abi/errno.ts";
import { SYS_geteuid } from "../abi/syscall.ts";
import { hostPath, type HostPath } from "../base/brand.ts";
import { HostError, isErrno, StepError, UsageError } from "../base/errors.ts";
import { resolve } from "../base/path.ts";
import type { Globals } from "../runtime/globals.ts";
import { getenv } from "../sys/environ.ts";
import { getcwd, mkdirat } from "../sys/directory.ts";
import { fchmodat } from "../sys/stat.ts";
import { host } from "../sys/host.ts";
import { inUserNamespace } from "../sys/user-namespace.ts";
import type { GlobalFlags } from "./table.ts";
import type { StepName } from "../runtime/steps.ts";
import defer * as log from "./log.ts";
import defer * as report from "./report.ts";
import defer * as steps from "./steps.ts";

/** @throws UsageError for a value that is not allowed, HostError when there is nowhere to keep state */
export function globalsOf(flags: GlobalFlags): Globals {
  if (flags["log-format"] !== "text" && flags["log-format"] !== "json" && flags["log-format"] !== "")
    throw new UsageError(`invalid log-format: ${flags["log-format"]}: text and json are known`);
  if (flags.log) log.checkLog(flags);
  const debug = isDebug(flags) ? log.debugWriter(flags) : undefined;
  return {
    root: madeRoot(stateRootOf(flags)),
    systemdCgroup: systemdCgroup(flags),
    noCgroup: flags["cgroup-manager"] === "disabled",
    rootless: rootless(flags.rootless),
    debug,
    steps: debug !== undefined || flags.trace !== undefined ? steps.stepListener(debug) : undefined,
    warn: (message, cause) => log.warn(flags, cause === undefined ? message : `${message}: ${words(cause)}`),
  };
}

const words = (error: unknown): string =>
  report.describe(error, { flags: {}, command: undefined, subject: undefined }).lines.join("; ");

/** True when debug lines are wanted. */
function isDebug(flags: GlobalFlags): boolean {
  const level = flags["log-level"];
  if (level !== undefined && level !== "debug" && level !== "warning" && level !== "error")
    throw new UsageError(`invalid log-level: ${level}: debug, warning and error are known`);
  return flags.debug || level === "debug";
}

/** A path from the command line made absolute, so that a later change of directory does not move it. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : resolve(getcwd(), path);
}

function givenRoot(path: string): HostPath {
  const root = resolve(path.startsWith("/") ? "/" : getcwd(), path);
  if (root === "/") throw new UsageError("Option --root argument should not be set to /");
  return hostPath(root);
}

/** Which cgroup driver is wanted. */
export function systemdCgroup(flags: GlobalFlags): boolean {
  const manager = flags["cgroup-manager"];
  if (manager === undefined) return flags["systemd-cgroup"];
  if (manager === "systemd") return true;
  if (manager === "cgroupfs" || manager === "disabled") return false;
  throw new UsageError(`unknown cgroup manager: ${manager}: cgroupfs, systemd and disabled are known`);
}

/** @throws UsageError as runc's flag */
export function rootless(value: string): Globals["rootless"] {
  if (value === "auto" || /^(auto)?$/i.test(value)) return "auto";
  if (/^(1|t|true)$/i.test(value)) return "true";
  if (/^(0|f|false)$/i.test(value)) return "false";
  throw new UsageError(`invalid value ${JSON.stringify(value)} for option --rootless: must be true, false or auto`);
}

type StateRoot = { readonly path: HostPath; readonly isPrivate: boolean };

/** Where the state of containers is kept. Makes nothing. */
export const rootOf = (flags: Pick<GlobalFlags, "root">): HostPath => stateRootOf(flags).path;

const stateRootOf = ({ root }: Pick<GlobalFlags, "root">): StateRoot =>
  root === undefined ? defaultRoot() : { path: givenRoot(root), isPrivate: false };

/** /run/tsrun for root; for others, and for root of a user namespace who is not logged in as root, below $XDG_RUNTIME_DIR. */
function defaultRoot(): StateRoot {
  const isRoot = host.syscall(SYS_geteuid) === 0; // not sys/process.ts: to read it would take longer than all of this
  const directory = getenv("XDG_RUNTIME_DIR") ?? "";
  if (directory !== "" && (!isRoot || (inUserNamespace() && getenv("USER") !== "root")))
    return { path: hostPath(`${directory}/tsrun`), isPrivate: true };
  if (isRoot) return { path: hostPath("/run/tsrun"), isPrivate: false };
  throw new HostError(
    "XDG_RUNTIME_DIR is not set, so there is nowhere to keep the state of containers: set it to a directory of your own, or pass --root",
  );
}

/** Makes a state root of ours below $XDG_RUNTIME_DIR, with the sticky bit: without it the directory's cleaner takes it away (XDG Base Directory Specification). */
function madeRoot({ path, isPrivate }: StateRoot): HostPath {
  if (!isPrivate) return path;
  try {
    mkdirat(null, path, 0o700);
    fchmodat(null, path, 0o1700);
  } catch (error) {
    if (!isErrno(error, EEXIST))
      throw new StepError("make the state root below $XDG_RUNTIME_DIR" satisfies StepName, error);
  }
  return path;
}
