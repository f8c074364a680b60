// The container's own /etc/passwd, for HOME. "/" is the container's root when this is called.

import { SysError } from "../base/errors.ts";
import { passwdEntry } from "../base/passwd.ts";
import { readFileIfThere } from "../sys/file.ts";

/** The home directory of `uid`, "/" when /etc/passwd does not tell. */
export function homeOf(uid: number): string {
  try {
    return passwdEntry(readFileIfThere(null, "/etc/passwd") ?? "", uid)?.home || "/";
  } catch (error) {
    if (error instanceof SysError) return "/"; // an unreadable passwd is as good as none
    throw error;
  }
}
