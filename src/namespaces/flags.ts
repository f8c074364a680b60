// The kernel's bit for each kind of namespace, and its file below /proc/PID/ns. Pure.

import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../abi/sched.ts";
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

export const namespaceFiles: { readonly [type in NamespaceType]: string } = {
  user: "user",
  ipc: "ipc",
  uts: "uts",
  network: "net",
  pid: "pid",
  cgroup: "cgroup",
  mount: "mnt",
  time: "time",
};
