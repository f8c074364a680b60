import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { hostPath } from "../base/brand.ts";
import { decodeSpec } from "../spec/decode.ts";
import type { RootfsPlan } from "./ops.ts";
import { planRootfs } from "./plan.ts";

function plan(mountLabel: string | undefined, ...mounts: object[]): RootfsPlan {
  const spec = decodeSpec({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    mounts,
    linux: { namespaces: [{ type: "mount" }], ...(mountLabel === undefined ? {} : { mountLabel }) },
  });
  const host = {
    euid: 0,
    egid: 0,
    rootless: false,
    groupsDenied: false,
    lastCapability: 40,
    cgroups: { mode: "none" },
    mountApi: "mount_setattr",
    outerUid: 0,
    lsm: { apparmor: false, confined: false, selinux: false },
    procfsTakesPidns: false,
  } as const;
  return planRootfs(spec, host, { bundle: hostPath("/b"), noPivot: false, cgroupPaths: { mode: "none" } });
}

/** The data of each mount by its destination. */
function data(mountLabel: string | undefined, ...mounts: object[]): { readonly [destination: string]: string } {
  const { mountsBeforeCgroup } = plan(mountLabel, ...mounts);
  return Object.fromEntries(
    mountsBeforeCgroup.flatMap((op) => (op.kind === "filesystem" ? [[op.destination, op.data]] : [])),
  );
}

const mounts = [
  { destination: "/proc", type: "proc" },
  { destination: "/sys", type: "sysfs" },
  { destination: "/dev", type: "tmpfs", options: ["size=1k"] },
  { destination: "/run", type: "tmpfs" },
  { destination: "/dev/mqueue", type: "mqueue" },
];

describe("linux.mountLabel", () => {
  it("is the context of every file system that keeps one, quoted for its commas", () => {
    const context = 'context="u:r:t:s0:c1,c2"';
    assert.deepEqual(data("u:r:t:s0:c1,c2", ...mounts), {
      "/proc": "",
      "/sys": "",
      "/dev": `size=1k,${context}`,
      "/run": context,
      "/dev/mqueue": "",
    });
  });

  it("is set on the root of mqueue, which takes no context, and is the context of masks", () => {
    const { mountsBeforeCgroup, maskData } = plan("u:r:t:s0:c1,c2", ...mounts);
    assert.deepEqual(
      mountsBeforeCgroup.map((op) => op.kind === "filesystem" && op.relabel),
      [undefined, undefined, undefined, undefined, "u:r:t:s0:c1,c2"],
    );
    assert.equal(maskData, 'context="u:r:t:s0:c1,c2"');
  });

  it("that is not there changes nothing", () => {
    assert.deepEqual(data(undefined, ...mounts), {
      "/proc": "",
      "/sys": "",
      "/dev": "size=1k",
      "/run": "",
      "/dev/mqueue": "",
    });
    assert.equal(plan(undefined).maskData, "");
  });
});
