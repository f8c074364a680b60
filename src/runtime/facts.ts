// Looks at the host, once a command, for what the plan must know.

import { PR_CAPBSET_READ } from "../abi/prctl.ts";
import { SYS_prctl } from "../abi/syscall.ts";
import { probeCgroups } from "../cgroup/layout.ts";
import type { HostFacts } from "../spec/facts.ts";
import { host } from "../sys/host.ts";
import { getegid, geteuid } from "../sys/process.ts";

const NEWEST_CAPABILITY = 40;

export function probeHost(): HostFacts {
  return { euid: geteuid(), egid: getegid(), lastCapability: lastCapability(), cgroups: probeCgroups() };
}

/** The highest capability that the kernel knows: one call where it knows all that we do. */
function lastCapability(): number {
  let number = NEWEST_CAPABILITY;
  while (number > 0 && host.syscall(SYS_prctl, PR_CAPBSET_READ, number, 0, 0, 0) < 0) number--;
  return number;
}
