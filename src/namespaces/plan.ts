// Which namespaces the container gets: new ones, joined ones, and what is written into them before anything runs there.

import type { NamespaceType, Spec } from "../spec/types.ts";
import { namespaceFlags } from "./flags.ts";
import type { UserPlan } from "./user-plan.ts";

export type NamespaceJoin = {
  readonly type: NamespaceType;
  readonly flag: number;
  readonly path: string;
  readonly why: string;
};

export type NamespacePlan = {
  /** undefined: the container shares our user namespace. */
  readonly user: UserPlan | undefined;
  /** CLONE_NEW* for clone3: every new namespace but cgroup and time, and what is made inside of a user namespace. */
  readonly cloneFlags: number;
  /** What each new namespace is for, in the order of config.json. */
  readonly created: readonly { readonly type: NamespaceType; readonly why: string }[];
  /** Joined by the parent: they take effect for its children only, or lie outside of the container's new user namespace. */
  readonly parentJoins: readonly NamespaceJoin[];
  /** Joined by the child, in the order that the kernel demands. A user namespace among them is joined by a process on the way to it. */
  readonly childJoins: readonly NamespaceJoin[];
  /** The mount namespace is somebody else's: the child does not see our file systems. */
  readonly foreignMounts: boolean;
  /**
   * The offsets freeze when the first process enters. So the parent makes it before the clone and goes back; in a user namespace, which is to
   * own it, init makes it and moves in.
   */
  readonly time: { readonly offsets: string; readonly why: string; readonly by: "parent" | "init" } | undefined;
  /** Unshared by the child once it is in its cgroup: that cgroup becomes the namespace's root. */
  readonly cgroup: { readonly why: string } | undefined;
  readonly loopback: { readonly why: string } | undefined;
  readonly hostname: { readonly name: string; readonly why: string } | undefined;
  readonly domainname: { readonly name: string; readonly why: string } | undefined;
};

/** [kernel] The user namespace first, for it gives the rights to join the others; the mount namespace last, for it takes /proc away. */
const joinOrder: readonly NamespaceType[] = ["user", "ipc", "uts", "network", "cgroup", "mount"];

/** @param entersPidLate a pid namespace is joined by the child, which forks into it, and not by the parent */
export function planNamespaces(spec: Spec, user: UserPlan | undefined, entersPidLate = false): NamespacePlan {
  const created: NamespacePlan["created"][number][] = [];
  const joins: NamespaceJoin[] = [];
  const asked: { [type in NamespaceType]?: string } = {}; // by whom, of those that are new
  let cloneFlags = 0;
  spec.linux.namespaces.forEach(({ type, path }, i) => {
    const why = `/linux/namespaces/${i}`;
    if (path !== undefined) {
      joins.push({ type, flag: namespaceFlags[type], path, why });
      return;
    }
    created.push({ type, why });
    asked[type] ??= why;
    if (type !== "cgroup" && type !== "time") cloneFlags += namespaceFlags[type];
  });
  const { time, cgroup, network } = asked;
  const newUser = user !== undefined && user.path === undefined;
  const childJoins = inOrder(joins, entersPidLate ? [...joinOrder, "pid"] : joinOrder);
  const fork = inOrder(joins, entersPidLate ? ["time"] : ["pid", "time"]);
  return {
    user,
    cloneFlags: cloneFlags - (user?.inside ?? 0),
    created,
    // [kernel] From within a new user namespace nothing can be joined that it does not own; with a joined one, its rights count for all.
    parentJoins: newUser ? [...fork, ...childJoins] : user === undefined ? fork : [],
    childJoins: newUser ? [] : user === undefined ? childJoins : [...fork, ...childJoins],
    foreignMounts: childJoins.some(({ type }) => type === "mount"),
    time:
      time === undefined
        ? undefined
        : {
            offsets: timeOffsets(spec),
            why: Object.keys(spec.linux.timeOffsets).length > 0 ? "/linux/timeOffsets" : time,
            by: user === undefined ? "parent" : "init",
          },
    cgroup: cgroup === undefined ? undefined : { why: cgroup },
    loopback: network === undefined ? undefined : { why: network },
    hostname: spec.hostname === undefined ? undefined : { name: spec.hostname, why: "/hostname" },
    domainname: spec.domainname === undefined ? undefined : { name: spec.domainname, why: "/domainname" },
  };
}

/** Those of `types`, in their order. */
function inOrder(joins: readonly NamespaceJoin[], types: readonly NamespaceType[]): readonly NamespaceJoin[] {
  return joins.length === 0 ? [] : types.flatMap((type) => joins.filter((join) => join.type === type));
}

/** Lines for /proc/self/timens_offsets. @see time_namespaces(7) */
function timeOffsets(spec: Spec): string {
  return Object.entries(spec.linux.timeOffsets)
    .map(([clock, { secs, nanosecs }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join("");
}
