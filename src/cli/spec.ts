// `tsrun spec [options]`: writes a config.json to start from.

import { EEXIST } from "../abi/errno.ts";
import { CGROUP2_SUPER_MAGIC } from "../abi/magic.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { passwdEntry } from "../base/passwd.ts";
import type { IdRange } from "../spec/example.ts";
import { createFile, readFileIfThere } from "../sys/file.ts";
import { statfs } from "../sys/stat.ts";
import { getegid, geteuid } from "../sys/process.ts";
import type { Values } from "./table.ts";
import defer * as example from "../spec/example.ts";
import defer * as profile from "../spec/seccomp-profile.ts";

declare const ARCH_X86_64: boolean;

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  rootless: { type: "boolean" },
  "user-namespace": { type: "boolean" },
  "read-only": { type: "boolean" },
  seccomp: { type: "boolean" },
} as const;
export const takes = [0, 0] as const;

export function run(flags: Values<typeof options>): void {
  const document = example.exampleConfig({
    cgroupNamespace: statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC,
    rootless: flags.rootless ? { uid: geteuid(), gid: getegid() } : undefined,
    subordinate: flags["user-namespace"]
      ? { uids: subordinateIds("/etc/subuid"), gids: subordinateIds("/etc/subgid") }
      : undefined,
    readonly: flags["read-only"],
    ...(flags.seccomp && {
      seccomp: (capabilities) => profile.seccompProfile(capabilities, ARCH_X86_64 ? "x86_64" : "aarch64"),
    }),
  });
  const path = flags.bundle === "" ? "config.json" : `${flags.bundle}/config.json`;
  try {
    createFile(null, path, JSON.stringify(document, null, "\t"), 0o666);
  } catch (error) {
    if (isErrno(error, EEXIST)) throw new HostError("File config.json exists. Remove it first");
    throw error;
  }
}

/** Root may map any ids: these are the first that useradd(8) gives to anybody. */
const USUAL: IdRange = { first: 100_000, count: 65_536 };

/** The first range that the file grants to the caller. @see subuid(5) @throws HostError where it must grant one */
function subordinateIds(file: string): IdRange {
  const uid = geteuid();
  const name = passwdEntry(readFileIfThere(null, "/etc/passwd") ?? "", uid)?.name;
  for (const line of (readFileIfThere(null, file) ?? "").split("\n")) {
    const [owner, first, count] = line.split(":");
    if ((owner === name || owner === String(uid)) && Number(count) > 0)
      return { first: Number(first), count: Number(count) };
  }
  if (uid === 0) return USUAL;
  throw new HostError(`${file} grants no ids to ${name ?? `uid ${uid}`}`);
}
