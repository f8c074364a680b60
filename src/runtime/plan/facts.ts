// Looks at the host, once a command, for what the plan must know.

import { probeCgroups } from "../../cgroup/layout.ts";
import { probeMountApi } from "../../rootfs/attributes.ts";
import type { HostFacts } from "../../spec/facts.ts";
import { lastCapability } from "../../sys/credentials.ts";
import { readFileIfThere } from "../../sys/file.ts";
import { getegid, geteuid } from "../../sys/process.ts";
import type { Globals } from "../globals.ts";
import { inUserNamespace } from "./nested.ts";

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
  };
}
