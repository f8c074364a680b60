// Laws between the namespaces of config.json and what is asked of them: names, masks, ids, clocks, sysctls, mounts, devices.

import { escapePointer } from "../base/json.ts";
import { maps, type Law, type Refuse } from "./rule.ts";
import { findNamespace, hasNamespace } from "./namespaces.ts";
import type { IDMapping, Spec } from "./types.ts";

export const NAMESPACE_LAWS: readonly Law<Spec>[] = [
  {
    name: "hostname needs a uts namespace",
    source: "runc",
    check(spec, refuse) {
      if (spec.hostname !== undefined && !hasNamespace(spec, "uts")) {
        refuse("/hostname", "unable to set hostname without a private UTS namespace");
      }
      if (spec.domainname !== undefined && !hasNamespace(spec, "uts")) {
        refuse("/domainname", "unable to set domainname without a private UTS namespace");
      }
    },
  },
  {
    name: "masks need a mount namespace",
    source: "runc",
    check(spec, refuse) {
      if (hasNamespace(spec, "mount")) return;
      for (const list of ["maskedPaths", "readonlyPaths"] as const) {
        if (spec.linux[list].length > 0) {
          refuse(`/linux/${list}`, "unable to restrict sys entries without a private MNT namespace");
        }
      }
    },
  },
  {
    name: "each namespace once",
    source: "config-linux.md, Namespaces",
    check(spec, refuse) {
      spec.linux.namespaces.forEach((namespace, index) => {
        const { type, path } = namespace;
        if (findNamespace(spec, type) !== namespace) refuse(`/linux/namespaces/${index}`, `duplicated ns "${type}"`);
        if (path !== undefined && !path.startsWith("/"))
          refuse(`/linux/namespaces/${index}/path`, "must be an absolute path");
      });
    },
  },
  {
    name: "user namespace and its mappings",
    source: "runc; user_namespaces(7)",
    check(spec, refuse) {
      const user = findNamespace(spec, "user");
      const { uidMappings, gidMappings } = spec.linux;
      if (!user) {
        const list = uidMappings.length > 0 ? "uidMappings" : "gidMappings";
        if (uidMappings.length + gidMappings.length > 0) {
          refuse(`/linux/${list}`, "user namespace mappings specified, but user namespace isn't enabled in the config");
        }
      } else if (user.path === undefined) {
        if (uidMappings.length + gidMappings.length === 0) {
          refuse(
            "/linux/namespaces",
            "user namespaces enabled, but no namespace path to join nor mappings to apply specified",
          );
          return;
        }
        if (!maps(uidMappings, 0)) refuse("/linux/uidMappings", "must map the container's root user (containerID 0)");
        if (!maps(gidMappings, 0)) refuse("/linux/gidMappings", "must map the container's root group (containerID 0)");
      }
    },
  },
  {
    name: "id mappings",
    source: "user_namespaces(7)",
    check({ linux, mounts }, refuse) {
      checkSizes(linux.uidMappings, "/linux/uidMappings", refuse);
      checkSizes(linux.gidMappings, "/linux/gidMappings", refuse);
      mounts.forEach(({ uidMappings, gidMappings }, index) => {
        if (uidMappings.length + gidMappings.length === 0) return;
        checkSizes(uidMappings, `/mounts/${index}/uidMappings`, refuse);
        checkSizes(gidMappings, `/mounts/${index}/gidMappings`, refuse);
      });
    },
  },
  {
    name: "time offsets",
    source: "runc; time_namespaces(7)",
    check(spec, refuse) {
      const offsets = Object.entries(spec.linux.timeOffsets);
      if (offsets.length === 0) return;
      const time = findNamespace(spec, "time");
      if (!time)
        refuse(
          "/linux/timeOffsets",
          "time namespace offsets specified, but time namespace isn't enabled in the config",
        );
      else if (time.path !== undefined) {
        refuse(
          "/linux/timeOffsets",
          "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
        );
      }
      for (const [clock, { nanosecs }] of offsets) {
        const pointer = `/linux/timeOffsets/${escapePointer(clock)}`;
        if (clock !== "monotonic" && clock !== "boottime") {
          refuse(pointer, "is no clock of a time namespace: there are monotonic and boottime");
        }
        if (nanosecs >= 1e9) refuse(`${pointer}/nanosecs`, "must be less than 1000000000");
      }
    },
  },
  {
    name: "sysctls belong to the container's namespaces",
    source: "runc",
    check(spec, refuse) {
      const seen = new Set<string>();
      for (const key of Object.keys(spec.linux.sysctl)) {
        const name = dottedSysctl(key);
        const problem = seen.has(name) ? `sysctl "${name}" is given twice` : sysctlProblem(spec, name);
        if (problem !== undefined) refuse(`/linux/sysctl/${escapePointer(key)}`, problem);
        seen.add(name);
      }
    },
  },
  {
    name: "id-mapped mounts",
    source: "config.md, Mounts; runc",
    check(spec, refuse) {
      spec.mounts.forEach(({ options, uidMappings, gidMappings }, index) => {
        const mapped = uidMappings.length + gidMappings.length > 0;
        const asked = options.includes("idmap") || options.includes("ridmap");
        if (!mapped && !asked) return;
        const pointer = `/mounts/${index}`;
        if (!options.includes("bind") && !options.includes("rbind")) {
          refuse(pointer, "id-mapped mounts are only supported for bind-mounts");
        }
        if (mapped && (uidMappings.length === 0 || gidMappings.length === 0)) {
          refuse(pointer, "id-mapped mounts must have both uid and gid mappings specified");
        }
        if (!mapped && !hasNamespace(spec, "user")) {
          refuse(
            pointer,
            "id-mapped mounts must have both uid and gid mappings specified, or a user namespace to take them from",
          );
        }
      });
    },
  },
  {
    name: "network devices",
    source: "config-linux.md, Network Devices; runc; dev_valid_name in the kernel",
    check(spec, refuse) {
      for (const [host, { name }] of Object.entries(spec.linux.netDevices)) {
        const pointer = `/linux/netDevices/${escapePointer(host)}`;
        if (!hasNamespace(spec, "network")) refuse(pointer, "unable to move network devices without a NET namespace");
        if (!isNetDeviceName(host)) refuse(pointer, `invalid network device name "${host}"`);
        if (!isNetDeviceName(name)) refuse(`${pointer}/name`, `invalid network device name "${name}"`);
      }
    },
  },
];

function checkSizes(mappings: readonly IDMapping[], pointer: string, refuse: Refuse): void {
  mappings.forEach(({ containerID, hostID, size }, index) => {
    if (size === 0) refuse(`${pointer}/${index}/size`, "must not be 0");
    else if (Math.max(containerID, hostID) + size > 2 ** 32 - 1)
      refuse(`${pointer}/${index}/size`, "maps more ids than there are");
  });
}

/** Fewer than IFNAMSIZ (16) bytes; only ASCII is counted right, and nobody names devices otherwise. */
function isNetDeviceName(name: string): boolean {
  return name.length > 0 && name.length < 16 && name !== "." && name !== ".." && !/[/:\s]/.test(name);
}

/** sysctl(8): a name may be written with slashes, and then its dots are slashes (net/ipv4/conf/eno2.100/forwarding). */
export function dottedSysctl(name: string): string {
  const first = /[./]/.exec(name);
  if (first?.[0] !== "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

const IPC_SYSCTLS = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..*)$/;

/** Why a container with these namespaces may not set the sysctl; undefined if it may. */
function sysctlProblem(spec: Spec, name: string): string | undefined {
  // [cve] In a dotted name "/" stands for ".", so "net.//.kernel" would leave its directory.
  if (name.split(".").some((part) => part === "" || part === "/" || part === "//"))
    return `sysctl "${name}" is not a name`;
  if (IPC_SYSCTLS.test(name))
    return hasNamespace(spec, "ipc") ? undefined : `sysctl "${name}" is not allowed in the hosts ipc namespace`;
  if (name.startsWith("net."))
    return hasNamespace(spec, "network") ? undefined : `sysctl "${name}" not allowed in host network namespace`;
  if (name.startsWith("user."))
    return hasNamespace(spec, "user") ? undefined : `setting ucounts without a user namespace not allowed: ${name}`;
  if (hasNamespace(spec, "uts")) {
    if (name === "kernel.domainname") return undefined;
    if (name === "kernel.hostname")
      return `sysctl "${name}" is not allowed as it conflicts with the OCI "hostname" field`;
  }
  return `sysctl "${name}" is not in a separate kernel namespace`;
}
