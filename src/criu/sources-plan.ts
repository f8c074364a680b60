// What is mounted in the place of each external mount of a checkpoint. Pure.

import { HostError } from "../base/errors.ts";
import { clean, resolve } from "../base/path.ts";
import type { Mount, Spec } from "../spec/types.ts";
import type { ExternalMount } from "./external-mounts.ts";

/** Its content is somewhere else on the host. */
export const isBind = ({ type, options }: Mount): boolean =>
  type === "bind" || options.includes("bind") || options.includes("rbind");

export type RestoreMount = { readonly name: string; readonly source: string };

/**
 * @param recorded what the checkpoint says; undefined: another runtime has made it, and names them by their destinations as runc does
 * @param cgroups the directories of hierarchies that the container sees, and where
 * @param realPaths where a destination of config.json leads in the root file system
 * @throws HostError "the images need something mounted at …": config.json is not that of the container
 */
export function planSources(
  recorded: readonly ExternalMount[] | undefined,
  spec: Spec,
  bundle: string,
  cgroups: readonly RestoreMount[],
  realPaths: (destination: string) => string,
): readonly RestoreMount[] {
  const binds = spec.mounts.filter(isBind).map(({ destination, source = "" }) => ({
    destination: clean(`/${destination}`),
    source: resolve(bundle, source),
  }));
  const ofConfig = binds.map(({ destination, source }) => ({ name: realPaths(destination), source }));
  if (recorded === undefined) return [...ofConfig, ...asRunc(spec), ...cgroups];
  return recorded.map((mount): RestoreMount => {
    const name = mount.mountPoint;
    const same = ofConfig.find((bind) => bind.name === name);
    switch (mount.kind) {
      case "bind": {
        const bind = binds.findLast(({ destination }) => destination === clean(`/${mount.destination}`));
        if (bind !== undefined) return { name, source: bind.source + mount.below };
        break;
      }
      case "cgroup": {
        const group = cgroups.find((one) => one.name === name);
        if (group !== undefined) return group;
        break;
      }
      case "host":
        return { name, source: mount.path };
      case "unknown":
        break;
    }
    if (same !== undefined) return same;
    throw new HostError(
      `the images need something mounted at ${name}, and config.json has no mount for it: is it the config.json of the container that was checkpointed?`,
    );
  });
}

/** What runc names besides: files that mask others, and devices. */
const asRunc = (spec: Spec): readonly RestoreMount[] => [
  { name: "/dev/null", source: "/dev/null" },
  ...spec.linux.devices.map(({ path }) => ({ name: path, source: path })),
];
