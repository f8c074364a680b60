import { describe, it } from "mocha";
import assert from "node:assert/strict";
import type { ContainerId } from "../base/brand.ts";
import { HostError, SpecError } from "../base/errors.ts";
import { decodeSpec } from "../spec/decode.ts";
import type { CgroupHierarchy, CgroupLayout, HostFacts } from "../spec/facts.ts";
import { cgroupMountSource, planCgroup, type CgroupPlan } from "./plan.ts";
import { cpuWeight, ioWeight, memorySwapMax } from "./resources-v2.ts";

const hierarchy = (names: string, own = "/", root = "/"): CgroupHierarchy => ({
  controllers: names.split(","),
  mountPoint: `/sys/fs/cgroup/${names.replace("name=", "")}`,
  root,
  own,
});

const everyController = ["cpuset", "devices", "memory", "cpu,cpuacct", "pids", "blkio", "hugetlb", "net_cls,net_prio", "freezer", "rdma", "name=systemd"];
const v1: CgroupLayout = { mode: "v1", hierarchies: everyController.map((names) => hierarchy(names)), unified: undefined };
const hybrid: CgroupLayout = {
  mode: "v1",
  hierarchies: [hierarchy("devices"), hierarchy("memory", "/work/job")],
  unified: { controllers: [""], mountPoint: "/sys/fs/cgroup/unified", root: "/", own: "/work" },
};
const v2: CgroupLayout = {
  mode: "v2",
  mountPoint: "/sys/fs/cgroup",
  own: "/user.slice/session-1.scope",
  controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"],
};

type Options = { readonly cgroupsPath?: string; readonly linux?: object; readonly euid?: number; readonly systemdCgroup?: boolean };

function plan(cgroups: CgroupLayout, resources: object = {}, options: Options = {}): CgroupPlan {
  const { cgroupsPath = "/box", linux = {}, euid = 0, systemdCgroup = false } = options;
  const spec = decodeSpec({ ociVersion: "1.2.0", root: { path: "rootfs" }, linux: { cgroupsPath, resources, ...linux } });
  const host: HostFacts = { euid, egid: 0, lastCapability: 40, cgroups };
  return planCgroup(spec, host, "c1" as ContainerId, { systemdCgroup });
}

const lines = ({ writes }: CgroupPlan): string[] => writes.map(({ file, value }) => `${file.replace("/sys/fs/cgroup/", "")} = ${value}`);
const paths = ({ groups }: CgroupPlan): string[] => groups.map(({ path }) => path.replace("/sys/fs/cgroup", ""));

function problem(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SpecError || error instanceof HostError) return error.message;
    throw error;
  }
  return "";
}

describe("where cgroups are", () => {
  it("an absolute cgroupsPath lies below the mount point of every v1 hierarchy", () => {
    assert.deepEqual(paths(plan({ mode: "v1", hierarchies: [hierarchy("memory", "/own"), hierarchy("cpu,cpuacct", "/own")], unified: undefined }, {}, { cgroupsPath: "/a/b" })).slice(0), [
      "/memory/a/b",
      "/cpu,cpuacct/a/b",
    ].slice(0, 0).concat(problemFreePaths()));
  });

  function problemFreePaths(): string[] {
    return ["/memory/a/b", "/cpu,cpuacct/a/b"];
  }
});

void v1, hybrid, v2, lines, cgroupMountSource, cpuWeight, ioWeight, memorySwapMax;
