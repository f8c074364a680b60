// Opening a file below a directory without leaving its file system and without following any link, on every kernel.

import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../abi/fcntl.ts";
import { ENOSYS, EXDEV } from "../abi/errno.ts";
import { RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from "../abi/openat2.ts";
import { SysError } from "../base/errors.ts";
import type { Fd } from "./fd.ts";
import { openat, openat2OrErrno } from "./file.ts";
import { fstat } from "./stat.ts";

/**
 * The caller closes it. [kernel] Before 5.6, without openat2, a mount of the same file system on the way is not seen; one of another is.
 * @throws SysError ENOENT, ELOOP for a link, EXDEV for what is mounted over
 */
export function openBeneath(dir: Fd, path: string, flags: number): Fd {
  const found = openat2OrErrno(
    dir,
    path,
    flags,
    0,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  );
  if (typeof found !== "number") return found;
  if (found !== ENOSYS) throw new SysError("openat2", found, path);
  return walk(dir, path, flags);
}

function walk(dir: Fd, path: string, flags: number): Fd {
  const { dev } = fstat(dir);
  const names = path.split("/");
  let here = dir;
  try {
    for (const [i, name] of names.entries()) {
      if (name === "" || name === "..") throw new SysError("openat", EXDEV, path);
      const last = i === names.length - 1;
      const next = openat(here, name, last ? flags | O_NOFOLLOW : O_PATH | O_NOFOLLOW | O_DIRECTORY);
      if (here !== dir) here[Symbol.dispose]();
      here = next;
      if (fstat(next).dev !== dev) throw new SysError("openat", EXDEV, path);
    }
    return here;
  } catch (error) {
    if (here !== dir) here[Symbol.dispose]();
    throw error;
  }
}
