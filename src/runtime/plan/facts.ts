// Looks at the host for what plans must know of it. What few containers need is a getter: it is looked at when a plan asks.

import { EINVAL, ENODEV, ENOSYS, EPERM } from "../../abi/errno.ts";
import { isErrno } from "../../base/errors.ts";
import { probeCgroups } from "../../cgroup/layout.ts";
import { probeMountApi } from "../../rootfs/attributes.ts";
import type { HostFacts, LsmFacts } from "../../spec/facts.ts";
import { lastCapability } from "../../sys/credentials.ts";
import { readFileIfThere } from "../../sys/file.ts";
import { fsconfig_set, fsopen } from "../../sys/mount.ts";
import { getegid, geteuid } from "../../sys/process.ts";
import { inUserNamespace } from "../../sys/user-namespace.ts";
import type { Globals } from "../globals.ts";
import defer * as lsm from "../../lsm.ts";

/** @param rootless what --rootless says */
export function probeHost(rootless: Globals["rootless"] = "auto"): HostFacts {
  const euid = geteuid();
  const nested = inUserNamespace();
  return {
    euid,
    egid: getegid(),
    rootless: rootless === "auto" ? euid !== 0 || nested : rootless === "true",
    groupsDenied: nested && (readFileIfThere(null, "/proc/self/setgroups") ?? "").startsWith("deny"),
    lastCapability: lastCapability(),
    cgroups: probeCgroups(),
    mountApi: probeMountApi(),
    get outerUid() {
      return outerUid(euid);
    },
    get lsm() {
      return lsm.probeLsm();
    },
    get procfsTakesPidns() {
      return procfsTakesPidns();
    },
  };
}

/** What a plan of `exec` asks for. */
export const probeForExec = (): Pick<HostFacts, "lastCapability" | "lsm"> => ({
  lastCapability: lastCapability(),
  get lsm(): LsmFacts {
    return lsm.probeLsm();
  },
});

function outerUid(uid: number): number {
  for (const line of (readFileIfThere(null, "/proc/self/uid_map") ?? "").split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}

function procfsTakesPidns(): boolean {
  try {
    using context = fsopen("proc");
    fsconfig_set(context, "pidns", "/proc/self/ns/pid");
    return true;
  } catch (error) {
    if (isErrno(error, EINVAL, ENODEV, ENOSYS, EPERM)) return false;
    throw error;
  }
}
