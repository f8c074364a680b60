// The container's /dev: nodes and links. Nothing is mounted between them, so a directory is resolved once for its neighbours.

import { EEXIST, EPERM } from "../abi/errno.ts";
import { AT_EMPTY_PATH, O_CREAT, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR } from "../abi/fcntl.ts";
import { S_IFCHR, S_IFMT } from "../abi/stat.ts";
import type { ContainerPath } from "../base/brand.ts";
import { HostError, isErrno, StepError } from "../base/errors.ts";
import { inherit, type Fd } from "../sys/fd.ts";
import { openat } from "../sys/file.ts";
import { mknodat, symlinkat, unlinkat } from "../sys/directory.ts";
import { fchownat, fstat, isCharacterDevice, makedev } from "../sys/stat.ts";
import { copyTree } from "../sys/tree.ts";
import { attach } from "./mounts.ts";
import type { DeviceOp, LinkOp, RootfsPlan } from "./ops.ts";
import { lookUp, openDirectory } from "./resolve.ts";

/** Law: the umask is 0. @throws StepError */
export function createDevices(root: Fd, plan: RootfsPlan): void {
  let directory: Fd | undefined;
  let path: ContainerPath | undefined;
  for (const op of [...plan.devices, ...plan.links]) {
    try {
      if (directory === undefined || op.directory !== path) {
        directory?.[Symbol.dispose]();
        directory = openDirectory(root, op.directory);
        path = op.directory;
      }
      if ("mode" in op) createNode(directory, op);
      else if (isWanted(root, op)) createLink(directory, op);
    } catch (error) {
      throw new StepError(`create ${op.directory}/${op.name}`, error, "why" in op ? op.why : "default");
    }
  }
  directory?.[Symbol.dispose]();
}

function createNode(directory: Fd, op: DeviceOp): void {
  if (op.bind) return bindNode(directory, op);
  try {
    mknodat(directory, op.name, op.mode, makedev(op.major, op.minor));
  } catch (error) {
    if (isErrno(error, EEXIST)) return; // the image's own, or one given twice: as runc
    if (!isErrno(error, EPERM)) throw error;
    return bindNode(directory, op);
  }
  if (op.uid !== 0 || op.gid !== 0) giveNode(directory, op);
}

/** What is given away is the node that we made, whoever else may make names in that directory. */
function giveNode(directory: Fd, op: DeviceOp): void {
  const node = openat(directory, op.name, O_PATH | O_NOFOLLOW);
  const { mode, rdev } = fstat(node);
  if (mode !== op.mode || rdev !== makedev(op.major, op.minor))
    throw new HostError("somebody else has put another file in its place");
  fchownat(node, "", op.uid, op.gid, AT_EMPTY_PATH);
  node[Symbol.dispose]();
}

/** [kernel] Who is not root of the initial user namespace makes no device nodes; the host's can be bound. */
function bindNode(directory: Fd, op: DeviceOp): void {
  const source = copyTree(null, op.hostNode, false);
  if (op.why !== "default") refuseOther(source, op);
  makeTarget(directory, op.name);
  const target = openat(directory, op.name, O_PATH | O_NOFOLLOW);
  attach(source, target, op.hostNode);
  source[Symbol.dispose]();
  target[Symbol.dispose]();
}

/** What is asked for by its numbers must not turn into what the host happens to have at that path. */
function refuseOther(source: Fd, { mode, major, minor, hostNode }: DeviceOp): void {
  const found = fstat(source);
  if ((found.mode & S_IFMT) === (mode & S_IFMT) && found.rdev === makedev(major, minor)) return;
  throw new HostError(
    `a device can only be bound from the host here, and the host's ${hostNode} is not ${(mode & S_IFMT) === S_IFCHR ? "c" : "b"} ${major}:${minor}`,
  );
}

/** What is there is covered, and not opened: it may be a device. */
function makeTarget(directory: Fd, name: string): void {
  try {
    openat(directory, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0)[Symbol.dispose]();
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
  }
}

function isWanted(root: Fd, { onlyWith }: LinkOp): boolean {
  if (onlyWith === undefined) return true;
  const found = lookUp(root, onlyWith);
  found?.[Symbol.dispose]();
  return found !== undefined;
}

function createLink(directory: Fd, op: LinkOp): void {
  try {
    symlinkat(op.target, directory, op.name);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
    if (!op.replace) return;
    unlinkat(directory, op.name);
    symlinkat(op.target, directory, op.name);
  }
}

/**
 * Gives our standard streams that are the host's /dev/null the container's, so that what is done to them is not done to the host's.
 * "/" is the container's root here.
 */
export function reopenDevNull(): void {
  const null_ = [0, 1, 2].filter((fd) => isNull(fd));
  if (null_.length === 0) return;
  const own = openNull(O_RDWR);
  for (const fd of null_) inherit(own, fd);
  own[Symbol.dispose]();
}

/** The container's /dev/null; the caller closes it. [cve] CVE-2025-31133: the image may have put anything in its place. */
export function openNull(flags: number): Fd {
  const own = openat(null, "/dev/null", flags);
  if (!isNull(own)) throw new HostError("the container's /dev/null is not the null device");
  return own;
}

const isNull = (fd: Fd | number): boolean => isCharacterDevice(fd, 1, 3);
