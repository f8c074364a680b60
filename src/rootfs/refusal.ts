// Why a mount was refused, as far as can be found out afterwards. Loaded when one was.

import { EACCES, EINVAL, ENOENT, ENOTDIR } from "../abi/errno.ts";
import { O_DIRECTORY, O_PATH } from "../abi/fcntl.ts";
import type { ContainerPath } from "../base/brand.ts";
import { isErrno, StepError, SysError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openatOrErrno } from "../sys/file.ts";
import { readlinkat } from "../sys/directory.ts";
import { contextMessages, fsconfig_create, fsconfig_set, fsopen } from "../sys/mount.ts";
import type { FilesystemOp } from "./ops.ts";

/** The step in which root of the container may have no way to its root file system. */
export type RootStep = "enter the root file system";

/** The error of mount(2) with what was to be mounted and with which options; for what the options or the source can be the reason of, with the kernel's words. */
export function refusedMount(error: unknown, { type, source, destination }: FilesystemOp, data: string): unknown {
  if (!(error instanceof SysError) || error.syscall !== "mount") return error;
  const from = source === type ? "" : ` from ${source}`;
  const detail = `${type}${data === "" ? "" : ` (${data})`}${from} on ${destination}`;
  const asks = isErrno(error, EINVAL, ENOENT, ENOTDIR);
  return new SysError("mount", error.errno, detail, asks ? kernelsWords(type, source, data) : undefined);
}

/**
 * The same once more by fsopen(2) and fsconfig(2), whose context keeps for us what mount(2) gives to nobody but the log of the whole machine.
 * @returns undefined where the kernel has no more to say, or does not know these calls
 */
export function kernelsWords(type: string, source: string, data: string): string | undefined {
  let refused = "";
  try {
    using context = fsopen(type);
    try {
      for (const [key, value] of [["source", source] as const, ...optionsOf(data)]) {
        refused = value === null ? key : `${key}=${value}`;
        fsconfig_set(context, key, value);
      }
      refused = "";
      fsconfig_create(context, type);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const said = contextMessages(context);
      if (said.length > 0) return said.join("; ");
      return refused === "" ? undefined : `the option ${refused} is refused`;
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
  return undefined;
}

/** The options in mount(2)'s data: commas between quotes belong to a label. */
function optionsOf(data: string): readonly (readonly [key: string, value: string | null])[] {
  return (data.match(/(?:[^,"]|"[^"]*")+/g) ?? []).map((option) => {
    const equals = option.indexOf("=");
    return equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1).replaceAll('"', "")];
  });
}

/** The error of a mount point that could not be opened or made, with its path on the host: in a user namespace root of the container may not. */
export function refusedPlace(error: unknown, root: Fd, destination: ContainerPath): unknown {
  if (!isErrno(error, EACCES) || !["mkdirat", "openat", "openat2"].includes(error.syscall)) return error;
  const path = readlinkat(null, root.procPath);
  const entered = openatOrErrno(root, ".", O_PATH | O_DIRECTORY);
  if (entered === EACCES)
    return new StepError(
      "enter the root file system" satisfies RootStep,
      new SysError("openat", EACCES, path),
      "/root/path",
    );
  if (typeof entered !== "number") entered[Symbol.dispose]();
  return new SysError(error.syscall, EACCES, `${path}${destination}`);
}
