// Looks at the host, once a command, for what the plan must know.

import { probeCgroups } from "../cgroup/layout.ts";
import { probeMountApi } from "../rootfs/attributes.ts";
import type { HostFacts } from "../spec/facts.ts";
import { lastCapability } from "../sys/credentials.ts";
import { getegid, geteuid } from "../sys/process.ts";

export function probeHost(): HostFacts {
  return { euid: geteuid(), egid: getegid(), lastCapability: lastCapability(), cgroups: probeCgroups(), mountApi: probeMountApi() };
}
