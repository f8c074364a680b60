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
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "uts"],
      capabilities: capabilityNames.map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp,
      apparmor: { enabled: false },
      selinux: { enabled: false },
      intelRdt: { enabled: false, schemata: false, monitoring: false },
      memoryPolicy: { modes: [], flags: [] },
      mountExtensions: { idmap: { enabled: false } },
      netDevices: { enabled: false },
    },
    annotations: {
      "tsrun.version": version(),
      "tsrun.commit": commit(),
      "org.opencontainers.runc.checkpoint.enabled": "false",
      ...(libseccomp === undefined ? {} : { "io.github.seccomp.libseccomp.version": libseccomp }),
    },
    potentiallyUnsafeConfigAnnotations: [],
  };
}
