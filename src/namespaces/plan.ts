// Which namespaces the container gets: new ones, joined ones, and what is written into them before anything runs there.

import type { Namespace, NamespaceType, Spec } from "../spec/types.ts";
import { namespaceFlags } from "./flags.ts";

export type NamespaceJoin = { readonly type: NamespaceType; readonly flag: number; readonly path: string; readonly why: string };

export type NamespacePlan = {
  /** CLONE_NEW* for clone3: every new namespace but cgroup and time. */
  readonly cloneFlags: number;
  /** What each new namespace is for, in the order of config.json. */
  readonly created: readonly { readonly type: NamespaceType; readonly why: string }[];
  /** Joined by the parent, because they take effect for its children only. */
  readonly parentJoins: readonly NamespaceJoin[];
  /** Joined by the child, in the order that the kernel demands. */
  readonly childJoins: readonly NamespaceJoin[];
  /** The parent makes it before the clone, writes the offsets and goes back: they freeze when the first process enters. */
  readonly time: { readonly offsets: string; readonly why: string } | undefined;
  /** Unshared by the child once it is in its cgroup: that cgroup becomes the namespace's root. */
  readonly cgroup: { readonly why: string } | undefined;
  readonly loopback: { readonly why: string } | undefined;
  readonly hostname: { readonly name: string; readonly why: string } | undefined;
  readonly domainname: { readonly name: string; readonly why: string } | undefined;
};

/** [kernel] The user namespace first, for it gives the rights to join the others; the mount namespace last, for it takes /proc away. */
const joinOrder: readonly NamespaceType[] = ["user", "ipc", "uts", "network", "cgroup", "mount"];

export function planNamespaces(spec: Spec): NamespacePlan {
  const entries = spec.linux.namespaces.map((entry, i) => ({ ...entry, why: `/linux/namespaces/${i}` }));
  const isNew = (type: NamespaceType): (Namespace & { readonly why: string }) | undefined => entries.find((entry) => entry.type === type && entry.path === undefined);
  const join = (type: NamespaceType): readonly NamespaceJoin[] =>
    entries.flatMap(({ type: own, path, why }) => (own === type && path !== undefined ? [{ type, flag: namespaceFlags[type], path, why }] : []));
  const time = isNew("time");
  const cgroup = isNew("cgroup");
  const network = isNew("network");
  return {
    cloneFlags: entries.reduce((sum, { type, path }) => (path === undefined && type !== "cgroup" && type !== "time" ? sum + namespaceFlags[type] : sum), 0),
    created: entries.flatMap(({ type, path, why }) => (path === undefined ? [{ type, why }] : [])),
    parentJoins: [...join("pid"), ...join("time")],
    childJoins: joinOrder.flatMap(join),
    time: time && { offsets: timeOffsets(spec), why: Object.keys(spec.linux.timeOffsets).length > 0 ? "/linux/timeOffsets" : time.why },
    cgroup: cgroup && { why: cgroup.why },
    loopback: network && { why: network.why },
    hostname: spec.hostname === undefined ? undefined : { name: spec.hostname, why: "/hostname" },
    domainname: spec.domainname === undefined ? undefined : { name: spec.domainname, why: "/domainname" },
  };
}

/** Lines for /proc/self/timens_offsets. @see time_namespaces(7) */
function timeOffsets(spec: Spec): string {
  return Object.entries(spec.linux.timeOffsets)
    .map(([clock, { secs, nanosecs }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join("");
}
