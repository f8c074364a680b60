// How this host mounts its cgroups. Every create pays for this, so the usual places are asked for by name and the whole mount
// table, which grows with every container on the host, is read only when one of them is not there.

import { CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC } from "../abi/magic.ts";
import type { CgroupHierarchy, CgroupLayout } from "../spec/facts.ts";
import { fileSystemType, readFile, readFileIfThere } from "../sys/file.ts";

const ROOT = "/sys/fs/cgroup";

type Own = { readonly name: string; readonly path: string };

export function probeCgroups(): CgroupLayout {
  const text = readFileIfThere(null, "/proc/self/cgroup") ?? "";
  const own = parseOwn(text);
  if (fileSystemType(ROOT) === CGROUP2_SUPER_MAGIC) {
    const controllers = readFile(null, `${ROOT}/cgroup.controllers`, 256).trim();
    return { mode: "v2", mountPoint: ROOT, own: own.find(({ name }) => name === "")?.path ?? "/", controllers: controllers === "" ? [] : controllers.split(" ") };
  }
  const hierarchies: CgroupHierarchy[] = [];
  let unified: CgroupHierarchy | undefined;
  let mountinfo: string | undefined;
  for (const { name, path } of own) {
    const controllers = name.split(",");
    if (name === "") {
      const mountPoint = `${ROOT}/unified`;
      if (fileSystemType(mountPoint) === CGROUP2_SUPER_MAGIC) unified = { controllers, mountPoint, root: "/", own: path };
      continue;
    }
    const usual = `${ROOT}/${name.startsWith("name=") ? name.slice(5) : name}`;
    if (fileSystemType(usual) === CGROUP_SUPER_MAGIC && (path === "/" || fileSystemType(`${usual}${path}`) === CGROUP_SUPER_MAGIC)) {
      hierarchies.push({ controllers, mountPoint: usual, root: "/", own: path });
      continue;
    }
    mountinfo ??= readFile(null, "/proc/self/mountinfo", 32768);
    const mount = findMount(mountinfo, controllers);
    if (mount !== undefined) hierarchies.push({ controllers, ...mount, own: path });
  }
  return hierarchies.length === 0 ? { mode: "none" } : { mode: "v1", hierarchies, unified };
}

/**
 * The lines of /proc/self/cgroup: "4:memory:/user/x", "1:name=systemd:/", "0::/x". @see cgroups(7)
 * A path outside of our cgroup namespace, "/../x", cannot be reached and counts as the root.
 */
export function parseOwn(text: string): readonly Own[] {
  const own: Own[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (second < 0) continue;
    const path = line.slice(second + 1);
    own.push({ name: line.slice(first + 1, second), path: path.startsWith("/..") ? "/" : path });
  }
  return own;
}

/** Where a v1 hierarchy is mounted, and which of its cgroups is the mount's root. @see proc_pid_mountinfo(5) */
export function findMount(mountinfo: string, controllers: readonly string[]): { readonly mountPoint: string; readonly root: string } | undefined {
  // 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
  for (let at = mountinfo.indexOf(" - cgroup "); at >= 0; at = mountinfo.indexOf(" - cgroup ", at + 1)) {
    const line = mountinfo.slice(mountinfo.lastIndexOf("\n", at) + 1, mountinfo.indexOf("\n", at));
    const fields = line.split(" ");
    const options = fields.at(-1)?.split(",") ?? [];
    if (controllers.every((name) => options.includes(name))) return { mountPoint: unescape(fields[4] ?? ""), root: unescape(fields[3] ?? "") };
  }
  return undefined;
}

/** Space, tab, newline and backslash stand as octal numbers. */
const unescape = (path: string): string => path.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
