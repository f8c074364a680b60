// `tsrun features`: complete as features.md has it, and true: what it says is there works, and what it says is not there is refused.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Features } from "../../src/spec/types.ts";
import type { Config } from "./bundle.ts";
import { isTsrun, ok, PROGRAM, PROJECT, refused, useBox } from "./harness.ts";

describe("features", () => {
  if (!isTsrun) return;
  const box = useBox();
  const features = (): Features => JSON.parse(ok(box().exec(PROGRAM, ["features"])).stdout) as Features;

  /** A container that asks for it is refused, unless the feature is there. */
  function refusedUnless(there: boolean, change: (config: Config) => void, flags: readonly string[] = []): void {
    if (there) return;
    const container = box().container(change);
    refused(box().runtime([...flags, "create", "--bundle", container.bundle, container.id]), /not supported/);
  }

  it("has the versions of the specification, and the six kinds of hooks", () => {
    const { ociVersionMin, ociVersionMax, hooks } = features();
    assert.equal(ociVersionMin, "1.0.0");
    assert.match(ociVersionMax, /^1\.\d+\.\d+$/);
    assert.deepEqual(hooks, [
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
      "poststop",
    ]);
    ok(
      box()
        .container((config) => (config.ociVersion = ociVersionMax))
        .run(),
    );
  });

  it("has every word of mount options in order, rro among them", () => {
    const { mountOptions } = features();
    assert.deepEqual(mountOptions, [...new Set(mountOptions)].sort());
    for (const word of ["ro", "rro", "rbind", "rprivate", "tmpcopyup", "nosymfollow", "rnoatime", "strictatime"])
      assert(mountOptions.includes(word), word);
  });

  it("has namespaces and capabilities as config.json names them", () => {
    const { namespaces, capabilities } = features().linux;
    for (const name of ["cgroup", "ipc", "mount", "network", "pid", "time", "uts"])
      assert((namespaces as readonly string[]).includes(name), name);
    assert.equal(capabilities.length, 41);
    for (const name of capabilities) assert.match(name, /^CAP_[A-Z_]+$/);
    refusedUnless((namespaces as readonly string[]).includes("user"), (config) => {
      config.linux.namespaces.push({ type: "user" });
      config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    });
  });

  it("says of systemd's cgroups and of id-mapped mounts what is true", () => {
    const { cgroup, mountExtensions } = features().linux;
    assert.deepEqual(
      [cgroup.v1, cgroup.v2, cgroup.rdma, typeof cgroup.systemd, typeof cgroup.systemdUser],
      [true, true, true, "boolean", "boolean"],
    );
    refusedUnless(cgroup.systemd, (config) => (config.linux.cgroupsPath = `system.slice:tsrun:${box().prefix}1`), [
      "--systemd-cgroup",
    ]);
    refusedUnless(mountExtensions.idmap.enabled, (config) =>
      config.mounts.push({
        destination: "/mnt",
        type: "bind",
        source: box().directory,
        options: ["bind", "idmap"],
        uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
      }),
    );
  });

  it("has seccomp's actions, operators, architectures and flags; supported flags are known ones", () => {
    const { enabled, actions, operators, archs, knownFlags, supportedFlags } = features().linux.seccomp;
    assert.equal(enabled, true);
    assert.deepEqual([actions?.length, operators?.length, (archs?.length ?? 0) >= 18], [9, 7, true]);
    for (const flag of supportedFlags ?? []) assert(knownFlags?.includes(flag), flag);
  });

  it("has AppArmor, SELinux, Intel RDT, memory policies and network devices", () => {
    const { apparmor, selinux, intelRdt, memoryPolicy, netDevices } = features().linux;
    assert.deepEqual(
      [apparmor.enabled, selinux.enabled, intelRdt, netDevices.enabled],
      [true, true, { enabled: true, schemata: true, monitoring: true }, true],
    );
    assert.equal(memoryPolicy.modes.length, 7);
    assert.equal(memoryPolicy.flags.length, 3);
  });

  it("has annotations with versions and commit, and names those of config.json that change what is protected", () => {
    const { annotations, potentiallyUnsafeConfigAnnotations } = features();
    assert.match(annotations["tsrun.version"] ?? "", /^\d+\.\d+\.\d+/);
    assert.notEqual(annotations["tsrun.commit"], undefined);
    assert.match(annotations["io.github.seccomp.libseccomp.version"] ?? "", /^\d+\.\d+\.\d+$/);
    assert.equal(annotations["org.opencontainers.runc.checkpoint.enabled"], "true");
    assert(potentiallyUnsafeConfigAnnotations.includes("run.oci.seccomp_bpf_data"));
  });

  it("names every annotation of config.json that the sources know: what a cluster must be able to forbid", () => {
    const folder = join(PROJECT, "src");
    const sources = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "cli/features.ts");
    const known = sources.flatMap((name) =>
      [...readFileSync(join(folder, name), "utf8").matchAll(/"(run\.oci\.[\w.]+|org\.systemd\.property\.)"/g)].map(
        ([, annotation = ""]) => annotation,
      ),
    );
    assert(known.length >= 4, String(known));
    assert.deepEqual([...new Set(known)].sort(), [...features().potentiallyUnsafeConfigAnnotations].sort());
  });
});
