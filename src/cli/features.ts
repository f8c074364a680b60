// `tsrun features`: what config.json may ask of this runtime (features.md). Engines decide by it, so it claims nothing that is not done.
// Needs no privileges and no state; prints nothing but JSON.

import { capabilityNames } from "../process/capabilities.ts";
import { knownMountOptions } from "../rootfs/options.ts";
import { seccompFeatures } from "../seccomp/features.ts";
import type { Features } from "../spec/types.ts";
import { print } from "../sys/print.ts";
import { commit, SPEC_VERSION, version } from "./version.ts";

export const options = {} as const;
export const takes = [0, 0] as const;

export function run(): void {
  print(`${JSON.stringify(features(), null, 4)}\n`);
}

export function features(): Features {
  const { seccomp, version: libseccomp } = seccompFeatures();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: SPEC_VERSION,
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      capabilities: capabilityNames.map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp,
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: {
        modes: [
          "MPOL_DEFAULT",
          "MPOL_BIND",
          "MPOL_INTERLEAVE",
          "MPOL_WEIGHTED_INTERLEAVE",
          "MPOL_PREFERRED",
          "MPOL_PREFERRED_MANY",
          "MPOL_LOCAL",
        ],
        flags: ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"],
      },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      "tsrun.version": version(),
      "tsrun.commit": commit(),
      "org.opencontainers.runc.checkpoint.enabled": "true",
      ...(libseccomp === undefined ? {} : { "io.github.seccomp.libseccomp.version": libseccomp }),
    },
    potentiallyUnsafeConfigAnnotations: [
      "org.systemd.property.",
      "run.oci.keep_original_groups",
      "run.oci.seccomp_bpf_data",
      "run.oci.seccomp_fail_unknown_syscall",
      "run.oci.systemd.subgroup",
    ],
  };
}
