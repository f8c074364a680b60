// How this host mounts its cgroups. Every create pays for this, so the usual places are asked for by name and the whole mount
// table, which grows with every container on the host, is read only when one of them is not there.

import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC } from "../abi/magic.ts";
import type { CgroupHierarchy, CgroupLayout } from "../spec/facts.ts";
import { findMount, parseOwn } from "./mounts.ts";
import { readFile, readFileIfThere } from "../sys/file.ts";
import { fileSystemType } from "../sys/stat.ts";

const ROOT = "/sys/fs/cgroup";

export function probeCgroups(): CgroupLayout {
  const text = readFileIfThere(null, "/proc/self/cgroup") ?? "";
  const own = parseOwn(text);
  if (fileSystemType(ROOT) === CGROUP2_SUPER_MAGIC) {
    const controllers = readFile(null, `${ROOT}/cgroup.controllers`, 256).trim();
    return {
      mode: "v2",
      mountPoint: ROOT,
      own: own.find(({ name }) => name === "")?.path ?? "/",
      controllers: controllers === "" ? [] : controllers.split(" "),
    };
  }
  const hierarchies: CgroupHierarchy[] = [];
  let unified: CgroupHierarchy | undefined;
  let mountinfo: string | undefined;
  for (const { name, path } of own) {
    const controllers = name.split(",");
    if (name === "") {
      const mountPoint = `${ROOT}/unified`;
      if (fileSystemType(mountPoint) === CGROUP2_SUPER_MAGIC)
        unified = { controllers, mountPoint, root: "/", own: path };
      continue;
    }
    const usual = `${ROOT}/${name.startsWith("name=") ? name.slice(5) : name}`;
    if (
      fileSystemType(usual) === CGROUP_SUPER_MAGIC &&
      (path === "/" || fileSystemType(`${usual}${path}`) === CGROUP_SUPER_MAGIC)
    ) {
      hierarchies.push({ controllers, mountPoint: usual, root: "/", own: path });
      continue;
    }
    mountinfo ??= readFile(null, "/proc/self/mountinfo", 32768);
    const mount = findMount(mountinfo, controllers);
    if (mount !== undefined) hierarchies.push({ controllers, ...mount, own: path });
  }
  return hierarchies.length === 0 ? { mode: "none" } : { mode: "v1", hierarchies, unified };
}
