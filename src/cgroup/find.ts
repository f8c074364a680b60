// Looking for a container's cgroups by their names, where the record that has their paths cannot be read. Loaded on demand.

import { O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { hostPath } from "../base/brand.ts";
import { clean } from "../base/path.ts";
import { openat } from "../sys/file.ts";
import { walkDirectories } from "../sys/walk.ts";
import { probeCgroups } from "./layout.ts";
import type { CgroupPath } from "./plan.ts";

export type FoundGroups = {
  readonly groups: readonly CgroupPath[];
  /** config.json names the place; otherwise the last part of the path is all that tells, and another runtime may have given it to a container of its own. */
  readonly certain: boolean;
};

/** @param cgroupsPath of config.json; undefined: it has none, or cannot be read either */
export function findGroups(id: string, cgroupsPath: string | undefined): FoundGroups {
  const layout = probeCgroups();
  const hierarchies =
    layout.mode === "none"
      ? []
      : layout.mode === "v2"
        ? [{ controllers: [""], mountPoint: layout.mountPoint }]
        : [...(layout.unified === undefined ? [] : [layout.unified]), ...layout.hierarchies];
  const isWanted = matcher(id, cgroupsPath);
  const groups: CgroupPath[] = [];
  for (const { controllers, mountPoint } of hierarchies)
    walkDirectories(openat(null, mountPoint, O_RDONLY | O_DIRECTORY), {
      before: (_directory, names) => {
        if (isWanted(`/${names.join("/")}`))
          groups.push({ controllers, path: hostPath(`${mountPoint}/${names.join("/")}`) });
      },
    });
  return { groups, certain: cgroupsPath !== undefined && /^\/|^[^:]*:[^:]*:[^:]*$/.test(cgroupsPath) };
}

/** The forms that both drivers know: a path, and systemd's "slice:prefix:name". */
function matcher(id: string, cgroupsPath: string | undefined): (path: string) => boolean {
  if (cgroupsPath === undefined) return (path) => path.endsWith(`/${id}`) || path.endsWith(`/runc-${id}.scope`);
  const place = clean(`/${cgroupsPath}`);
  const [, prefix, name] = /^[^:]*:([^:]*):([^:]*)$/.exec(cgroupsPath) ?? [];
  const unit = name === undefined ? undefined : name.endsWith(".slice") ? name : `${prefix}-${name}.scope`;
  return (path) =>
    path === place ||
    (!cgroupsPath.startsWith("/") && path.endsWith(place)) ||
    (unit !== undefined && path.endsWith(`/${unit}`));
}
