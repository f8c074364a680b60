// Laws of linux.seccomp.

import type { Law } from "./rule.ts";
import type { Spec } from "./types.ts";

export const SECCOMP_LAWS: readonly Law<Spec>[] = [
  {
    name: "seccomp errno values",
    source: "config-linux.md, Seccomp",
    check({ linux: { seccomp } }, refuse) {
      if (!seccomp) return;
      const check = (action: string, value: number | undefined, pointer: string): void => {
        if (value !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") {
          refuse(pointer, `errno value specified for action "${action}", which takes none`);
        }
      };
      check(seccomp.defaultAction, seccomp.defaultErrnoRet, "/linux/seccomp/defaultErrnoRet");
      seccomp.syscalls.forEach(({ action, errnoRet }, index) =>
        check(action, errnoRet, `/linux/seccomp/syscalls/${index}/errnoRet`),
      );
    },
  },
  {
    name: "seccomp notify",
    source: "config-linux.md, Seccomp; runc",
    check({ linux: { seccomp } }, refuse) {
      if (!seccomp) return;
      const pointer = "/linux/seccomp";
      if (seccomp.listenerMetadata !== undefined && seccomp.listenerPath === undefined) {
        refuse(`${pointer}/listenerMetadata`, "must not be set without listenerPath");
      }
      if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
        refuse(`${pointer}/defaultAction`, "SCMP_ACT_NOTIFY cannot be used as default action");
      }
      seccomp.syscalls.forEach(({ names, action }, index) => {
        if (action !== "SCMP_ACT_NOTIFY") return;
        // The filter's descriptor has to be written to the parent after the filter is in force.
        if (names.includes("write")) {
          refuse(`${pointer}/syscalls/${index}/names`, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
        }
        if (seccomp.listenerPath === undefined) {
          refuse(
            `${pointer}/syscalls/${index}/action`,
            "SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath: seccomp listenerPath is not set",
          );
        }
      });
    },
  },
];
