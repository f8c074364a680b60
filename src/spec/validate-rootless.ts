// What else must hold when the runtime is not root in its user namespace.

import { maps, type Law } from "./rule.ts";
import { findNamespace } from "./namespaces.ts";
import type { Spec } from "./types.ts";

export const ROOTLESS_LAWS: readonly Law<Spec>[] = [
  {
    name: "rootless containers have a user namespace",
    source: "runc",
    check(spec, refuse) {
      const user = findNamespace(spec, "user");
      if (!user) refuse("/linux/namespaces", "rootless container requires user namespaces");
      else if (user.path === undefined) {
        if (spec.linux.uidMappings.length === 0) {
          refuse("/linux/uidMappings", "rootless containers requires at least one UID mapping");
        }
        if (spec.linux.gidMappings.length === 0) {
          refuse("/linux/gidMappings", "rootless containers requires at least one GID mapping");
        }
      }
    },
  },
  {
    name: "rootless mount owners are mapped",
    source: "runc",
    check({ mounts, linux }, refuse) {
      if (linux.namespaces.some(({ type, path }) => type === "user" && path !== undefined)) return; // who is mapped there the kernel knows
      mounts.forEach(({ options }, mount) =>
        options.forEach((option, index) => {
          const [, kind, id] = /^([ug])id=([0-9]+)$/.exec(option) ?? [];
          if (kind === undefined || maps(kind === "u" ? linux.uidMappings : linux.gidMappings, Number(id))) return;
          refuse(
            `/mounts/${mount}/options/${index}`,
            `cannot specify ${option} mount option for rootless container: the id is not mapped`,
          );
        }),
      );
    },
  },
  {
    name: "rootless containers get no network devices and no id-mapped mounts",
    source: "runc",
    check({ mounts, linux }, refuse) {
      if (Object.keys(linux.netDevices).length > 0) {
        refuse("/linux/netDevices", "network devices are not supported for rootless containers");
      }
      mounts.forEach(({ options, uidMappings }, index) => {
        if (uidMappings.length > 0 || options.includes("idmap") || options.includes("ridmap")) {
          refuse(`/mounts/${index}`, "id-mapped mounts are not supported for rootless containers");
        }
      });
    },
  },
];
