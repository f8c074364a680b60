// Id-mapped mounts: the files of a bind source are somebody else's below its destination. Loaded on demand.
//
// The parent does it, on the detached copy that it opened: [kernel] it takes CAP_SYS_ADMIN in the file system's user namespace, and a mount
// that nobody has attached yet. The map is that of a user namespace, which needs no more than a process that is born in it and waits.
// @see mount_setattr(2), "ID-mapped mounts"

import { AT_EMPTY_PATH, AT_RECURSIVE, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import { MOUNT_ATTR_IDMAP } from "../abi/mount.ts";
import { CLONE_NEWUSER } from "../abi/sched.ts";
import { StepError } from "../base/errors.ts";
import type { Fd } from "../sys/fd.ts";
import { openat, pipe, readAll, writeFile } from "../sys/file.ts";
import { mount_setattr } from "../sys/mount.ts";
import { clone3, exit_group, waitPidfd } from "../sys/process.ts";
import type { Idmap, SourceOp } from "./ops.ts";

/** User namespaces by their maps: those that several mounts share are made once. */
export class IdmapNamespaces {
  readonly #opened = new Map<string, Fd>();

  of(idmap: Idmap): Fd {
    const key = idmap.kind === "namespace" ? idmap.path : `${idmap.uids}|${idmap.gids}`;
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opened =
      idmap.kind === "namespace" ? openat(null, idmap.path, O_RDONLY) : makeUserNamespace(idmap.uids, idmap.gids);
    this.#opened.set(key, opened);
    return opened;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#opened.values()) fd[Symbol.dispose]();
  }
}

/** @param tree a detached copy @throws StepError with EINVAL when its file system cannot, EPERM when it is id-mapped already */
export function mapTree(tree: Fd, { path, why, idmap }: SourceOp, namespaces: IdmapNamespaces): void {
  if (idmap === undefined) return;
  try {
    const flags = idmap.recursive ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH;
    mount_setattr(
      tree,
      "",
      flags,
      { set: MOUNT_ATTR_IDMAP, clear: 0, propagation: 0, userns: namespaces.of(idmap) },
      `MOUNT_ATTR_IDMAP on ${path}`,
    );
  } catch (error) {
    throw new StepError("map ids", error, why);
  }
}

/** Needs no process any more once it is open. */
function makeUserNamespace(uids: string, gids: string): Fd {
  const { read, write } = pipe();
  using waits = read;
  using lives = write;
  const child = clone3(CLONE_NEWUSER);
  if (child === undefined) {
    lives[Symbol.dispose]();
    readAll(waits); // until the other end is closed, also by our parent's death
    exit_group(0);
  }
  using pidfd = child.pidfd;
  try {
    writeFile(null, `/proc/${child.pid}/uid_map`, O_WRONLY, uids);
    writeFile(null, `/proc/${child.pid}/gid_map`, O_WRONLY, gids);
    return openat(null, `/proc/${child.pid}/ns/user`, O_RDONLY);
  } finally {
    lives[Symbol.dispose]();
    waitPidfd(pidfd);
  }
}
