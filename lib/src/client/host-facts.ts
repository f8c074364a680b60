// What plans must know of this host, looked at from Node.

import { readFileSync, statfsSync } from "node:fs";
import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC } from "../../../src/abi/magic.ts";
import { findMount, parseOwn } from "../../../src/cgroup/mounts.ts";
import type { CgroupHierarchy, CgroupLayout, HostFacts } from "../../../src/spec/facts.ts";

const CGROUPS = "/sys/fs/cgroup";

/**
 * The facts of this host, for `plan`. Node cannot ask for every one of them: that a procfs can be mounted for another PID namespace is taken from the
 * version of the kernel.
 *
 * @throws Error where /proc cannot be read
 */
export function hostFacts(): HostFacts {
  const euid = process.geteuid?.() ?? 0;
  const uidMap = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/).map(Number);
  const nested = !(uidMap[0] === 0 && uidMap[1] === 0 && uidMap[2] === 4294967295);
  const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8").split(/[.-]/).map(Number);
  const since = (wantedMajor: number, wantedMinor: number): boolean =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  return {
    euid,
    egid: process.getegid?.() ?? 0,
    outerUid: outerUid(euid, uidMap),
    rootless: euid !== 0 || nested,
    groupsDenied: nested && readIfThere("/proc/self/setgroups").startsWith("deny"),
    lastCapability: Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8")),
    cgroups: cgroups(),
    lsm: {
      apparmor: readIfThere("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
      confined: !["", "unconfined"].includes(readIfThere("/proc/self/attr/apparmor/current").trim()),
      selinux: typeOf("/sys/fs/selinux") === SELINUX_MAGIC,
    },
    procfsTakesPidns: since(6, 17),
    mountApi: since(5, 12) ? "mount_setattr" : "remount",
  };
}

/** <linux/magic.h> */
const SELINUX_MAGIC = 0xf97cff8c;

function outerUid(uid: number, map: readonly number[]): number {
  for (let i = 0; i + 2 < map.length; i += 3) {
    const [inside = 0, outside = 0, count = 0] = map.slice(i, i + 3);
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}

function cgroups(): CgroupLayout {
  const own = parseOwn(readIfThere("/proc/self/cgroup"));
  if (typeOf(CGROUPS) === CGROUP2_SUPER_MAGIC) {
    const controllers = readIfThere(`${CGROUPS}/cgroup.controllers`).trim();
    return {
      mode: "v2",
      mountPoint: CGROUPS,
      own: own.find(({ name }) => name === "")?.path ?? "/",
      controllers: controllers === "" ? [] : controllers.split(" "),
    };
  }
  const mountinfo = readIfThere("/proc/self/mountinfo");
  const hierarchies: CgroupHierarchy[] = [];
  let unified: CgroupHierarchy | undefined;
  for (const { name, path } of own) {
    const controllers = name.split(",");
    const usual = `${CGROUPS}/${name === "" ? "unified" : name.replace(/^name=/, "")}`;
    if (name === "") {
      if (typeOf(usual) === CGROUP2_SUPER_MAGIC) unified = { controllers, mountPoint: usual, root: "/", own: path };
    } else if (typeOf(usual) === CGROUP_SUPER_MAGIC && (path === "/" || typeOf(usual + path) === CGROUP_SUPER_MAGIC)) {
      hierarchies.push({ controllers, mountPoint: usual, root: "/", own: path });
    } else {
      const mount = findMount(mountinfo, controllers);
      if (mount !== undefined) hierarchies.push({ controllers, ...mount, own: path });
    }
  }
  return hierarchies.length === 0 ? { mode: "none" } : { mode: "v1", hierarchies, unified };
}

function typeOf(path: string): number | undefined {
  try {
    return statfsSync(path).type;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
