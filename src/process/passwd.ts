// The container's own /etc/passwd, for HOME. "/" is the container's root when this is called.

import { SysError } from "../base/errors.ts";
import { passwdEntry } from "../base/passwd.ts";
import { readIfRegular } from "../sys/document.ts";

/** The home directory of `uid`, "/" when /etc/passwd does not tell. @throws HostError when it is too large to be looked through */
export function homeOf(uid: number): string {
  try {
    return passwdEntry(readIfRegular("/etc/passwd") ?? "", uid)?.home || "/";
  } catch (error) {
    if (error instanceof SysError) return "/"; // a passwd that cannot be read is as good as none
    throw error;
  }
}
