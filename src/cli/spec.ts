// `tsrun spec [options]`: writes a config.json to start from.

import { EEXIST } from "../abi/errno.ts";
import { CGROUP2_SUPER_MAGIC } from "../abi/magic.ts";
import { HostError, isErrno } from "../base/errors.ts";
import { createFile } from "../sys/file.ts";
import { statfs } from "../sys/stat.ts";
import { getegid, geteuid } from "../sys/process.ts";
import type { Values } from "./table.ts";
import defer * as example from "../spec/example.ts";

export const options = {
  bundle: { type: "string", short: "b", default: "" },
  rootless: { type: "boolean" },
} as const;
export const takes = [0, 0] as const;

export function run(flags: Values<typeof options>): void {
  const document = example.exampleConfig({
    cgroupNamespace: statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC,
    rootless: flags.rootless ? { uid: geteuid(), gid: getegid() } : undefined,
  });
  const path = flags.bundle === "" ? "config.json" : `${flags.bundle}/config.json`;
  try {
    createFile(null, path, JSON.stringify(document, null, "\t"), 0o666);
  } catch (error) {
    if (isErrno(error, EEXIST)) throw new HostError("File config.json exists. Remove it first");
    throw error;
  }
}
