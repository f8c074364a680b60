// The kernel's bit for each kind of namespace. Pure.

import { CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS } from "../abi/sched.ts";
import type { NamespaceType } from "../spec/types.ts";

export const namespaceFlags: { readonly [type in NamespaceType]: number } = {
  user: CLONE_NEWUSER,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  network: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  cgroup: CLONE_NEWCGROUP,
  mount: CLONE_NEWNS,
  time: CLONE_NEWTIME,
};
