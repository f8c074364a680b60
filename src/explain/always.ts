// What every plan refuses, on whatever host: `tsrun validate` finds it without a look at this one.

import type { Finding, Remainder } from "../spec/examine.ts";
import type { CgroupHierarchy, CgroupLayout, HostFacts } from "../spec/facts.ts";
import { planFindings, type Planner } from "./host/refused.ts";

const hierarchy = (...controllers: string[]): CgroupHierarchy => ({
  controllers,
  mountPoint: `/sys/fs/cgroup/${controllers.join(",")}`,
  root: "/",
  own: "/",
});

/** Of both kinds, with all that the kernel has. */
const LAYOUTS: readonly CgroupLayout[] = [
  {
    mode: "v2",
    mountPoint: "/sys/fs/cgroup",
    own: "/",
    controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"],
  },
  {
    mode: "v1",
    hierarchies: [
      ...["cpuset", "blkio", "memory", "devices", "freezer", "perf_event", "hugetlb", "pids", "rdma"].map((name) =>
        hierarchy(name),
      ),
      hierarchy("cpu", "cpuacct"),
      hierarchy("net_cls", "net_prio"),
      hierarchy("name=systemd"),
    ],
    unified: undefined,
  },
];

/** A host that has everything, and root on it. */
const generous = (cgroups: CgroupLayout): HostFacts => ({
  euid: 0,
  egid: 0,
  outerUid: 0,
  rootless: false,
  groupsDenied: false,
  lastCapability: 63,
  cgroups,
  lsm: { apparmor: true, confined: false, selinux: true },
  procfsTakesPidns: true,
  mountApi: "mount_setattr",
});

/**
 * What is refused whatever the cgroups are.
 * @param found in the document already; it is taken out before
 */
export function alwaysRefused(
  rest: Remainder,
  found: readonly Finding[],
  planner: (facts: HostFacts) => Planner,
): readonly Finding[] {
  let common: readonly Finding[] | undefined;
  for (const cgroups of LAYOUTS) {
    const refused = planFindings(rest, found, planner(generous(cgroups))).findings.filter(
      ({ level }) => level === "error",
    );
    common = common === undefined ? refused : common.filter((one) => refused.some((other) => isSame(one, other)));
    if (common.length === 0) break; // as for nearly every document: one plan is enough
  }
  return common ?? [];
}

const isSame = (a: Finding, b: Finding): boolean => a.pointer === b.pointer && a.problem === b.problem;
