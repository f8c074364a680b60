// What /dev shall hold: Spec → DeviceOps and LinkOps.

import { S_IFBLK, S_IFCHR, S_IFIFO } from "../abi/stat.ts";
import { containerPath, hostPath } from "../base/brand.ts";
import { basename, clean, dirname } from "../base/path.ts";
import type { Device, DeviceType } from "../spec/types.ts";
import type { DeviceOp, LinkOp, Why } from "./ops.ts";

const FILE_TYPES: { readonly [type in DeviceType]: number } = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

export function planDevices(devices: readonly Device[], bind: boolean): readonly DeviceOp[] {
  const ops: DeviceOp[] = [];
  const asked: readonly string[] = devices.map(({ path }) => clean(path));
  for (const op of DEFAULT_DEVICES) {
    if (!asked.includes(op.hostNode)) ops.push(bind ? { ...op, bind } : op);
  }
  devices.forEach(({ type, path: given, major, minor, fileMode = 0o666, uid = 0, gid = 0 }, index) => {
    const path = clean(given);
    const mode = FILE_TYPES[type] | (fileMode & 0o7777);
    if (path === "/dev/ptmx") return; // always a link into the container's own devpts
    ops.push(
      type === "p"
        ? device(`/linux/devices/${index}`, path, mode, 0, 0, uid, gid, false)
        : device(`/linux/devices/${index}`, path, mode, major, minor, uid, gid, bind),
    );
  });
  return ops;
}

/** [kernel] Nobody makes device nodes in a user namespace: the host's are bound, and a bind has no owner and mode of its own. As with runc, but not silently. */
export const boundAsTheyAre = (devices: readonly Device[]): readonly string[] =>
  devices.flatMap(({ type, fileMode, uid, gid }, index) =>
    type === "p" || (fileMode ?? uid ?? gid) === undefined
      ? []
      : [
          `/linux/devices/${index}: fileMode, uid and gid are ignored in a user namespace: the host's device is bound, and has its own`,
        ],
  );

function device(
  why: Why,
  path: string,
  mode: number,
  major: number,
  minor: number,
  uid: number,
  gid: number,
  bind: boolean,
): DeviceOp {
  return {
    why,
    directory: containerPath(dirname(path)),
    name: basename(path),
    mode,
    major,
    minor,
    uid,
    gid,
    hostNode: hostPath(path),
    bind,
  };
}

const character = (path: string, major: number, minor: number): DeviceOp =>
  device("default", path, S_IFCHR | 0o666, major, minor, 0, 0, false);

const DEFAULT_DEVICES: readonly DeviceOp[] = [
  character("/dev/null", 1, 3),
  character("/dev/random", 1, 8),
  character("/dev/full", 1, 7),
  character("/dev/tty", 5, 0),
  character("/dev/zero", 1, 5),
  character("/dev/urandom", 1, 9),
];

const link = (name: string, target: string, replace = false, onlyWith?: string): LinkOp => ({
  directory: containerPath("/dev"),
  name,
  target,
  replace,
  onlyWith: onlyWith === undefined ? undefined : containerPath(onlyWith),
});

export const LINKS: readonly LinkOp[] = [
  link("ptmx", "pts/ptmx", true),
  link("fd", "/proc/self/fd"),
  link("stdin", "/proc/self/fd/0"),
  link("stdout", "/proc/self/fd/1"),
  link("stderr", "/proc/self/fd/2"),
  link("core", "/proc/kcore", false, "/proc/kcore"),
];
