// What is mounted in the place of each external mount of a checkpoint. Pure.

import { HostError } from "../base/errors.ts";
import { clean, resolve } from "../base/path.ts";
import type { Mount, Spec } from "../spec/types.ts";
import type { ExternalMount } from "./external-mounts.ts";

/** Its content is somewhere else on the host. */
export const isBind = ({ type, options }: Mount): boolean =>
  type === "bind" || options.includes("bind") || options.includes("rbind");

export type RestoreMount = { readonly name: string; readonly source: string };

/** A cgroup of the container. */
export type Group = { readonly controllers: readonly string[]; readonly path: string };

/**
 * @param recorded what the checkpoint says; undefined: another runtime has made it, and names them by their destinations as runc does
 * @param realPaths where a destination of config.json leads in the root file system
 * @throws HostError "the images need something mounted at …": config.json is not that of the container
 */
export function planSources(
  recorded: readonly ExternalMount[] | undefined,
  spec: Spec,
  bundle: string,
  groups: readonly Group[],
  realPaths: (destination: string) => string,
): readonly RestoreMount[] {
  const binds = spec.mounts.filter(isBind).map(({ destination, source = "" }) => ({
    destination: clean(`/${destination}`),
    source: resolve(bundle, source),
  }));
  const ofConfig = binds.map(({ destination, source }) => ({ name: realPaths(destination), source }));
  if (recorded === undefined) return [...ofConfig, ...asRunc(spec), ...groups.flatMap(whereV1IsMounted)];
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
        const group = groups.find(({ controllers }) => mount.controllers.some((one) => controllers.includes(one)));
        if (group !== undefined) return { name, source: group.path };
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

const whereV1IsMounted = ({ controllers, path }: Group): readonly RestoreMount[] =>
  controllers[0] === ""
    ? []
    : [{ name: `/sys/fs/cgroup/${controllers.join(",").replace(/^name=/, "")}`, source: path }];
