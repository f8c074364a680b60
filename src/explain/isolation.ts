// What a container shares with its host, and which rights it keeps: the end of a plan. Pure.

import { MOUNT_ATTR_RDONLY } from "../abi/mount.ts";
import { capabilityNames } from "../process/capabilities.ts";
import type { BindOp } from "../rootfs/plan.ts";
import type { ContainerPlan } from "../runtime/plan/container.ts";
import type { NamespaceType } from "../spec/types.ts";

export type Isolation = {
  /** Kinds of namespaces that are neither new nor joined, in words: "network", "users", "time". */
  readonly shared: readonly string[];
  /** Those that are somebody else's, and whose. */
  readonly joined: readonly { readonly what: string; readonly path: string }[];
  /** Paths of the host that the container can write to. */
  readonly writable: readonly { readonly path: string; readonly destination: string }[];
  /** The bounding set, such as "CAP_CHOWN": no process of the container gets more. */
  readonly capabilities: readonly string[];
  /** No seccomp profile keeps system calls away. */
  readonly everyCall: boolean;
  /** Root in the container is root of the host. */
  readonly hostRoot: boolean;
};

const WORDS: { readonly [type in NamespaceType]: string } = {
  mount: "mounts",
  pid: "processes",
  network: "network",
  ipc: "System V IPC and message queues",
  uts: "host name",
  user: "users",
  cgroup: "the view of cgroups",
  time: "time",
};
const ORDER: readonly NamespaceType[] = ["mount", "pid", "network", "ipc", "uts", "cgroup", "user", "time"];

export function isolationOf({ namespaces, rootfs, process, seccomp }: ContainerPlan): Isolation {
  const { user } = namespaces;
  const joins = [
    ...namespaces.parentJoins,
    ...namespaces.childJoins,
    ...(user?.path === undefined ? [] : [{ type: "user" as const, path: user.path }]),
  ].filter(({ type, path }, i, all) => all.findIndex((one) => one.type === type && one.path === path) === i);
  const has = (type: NamespaceType): boolean =>
    namespaces.created.some((one) => one.type === type) || joins.some((one) => one.type === type);
  return {
    shared: ORDER.filter((type) => !has(type)).map((type) => WORDS[type]),
    joined: joins.map(({ type, path }) => ({ what: WORDS[type], path })),
    writable: [...rootfs.mountsBeforeCgroup, ...rootfs.mountsAfter].flatMap((op) =>
      op.kind === "bind" && op.why.startsWith("/") && !isReadonly(op)
        ? [{ path: sourceOf(op, rootfs.sources), destination: op.destination }]
        : [],
    ),
    capabilities: capabilityNames
      .filter((_name, number) => (process.capabilities.bounding & (1n << BigInt(number))) !== 0n)
      .map((name) => `CAP_${name}`),
    everyCall: seccomp === undefined,
    hostRoot: user === undefined,
  };
}

const isReadonly = ({ attributes, tree }: BindOp): boolean =>
  (((attributes?.set ?? 0) | (tree?.set ?? 0)) & MOUNT_ATTR_RDONLY) !== 0;

export const sourceOf = (op: BindOp, sources: ContainerPlan["rootfs"]["sources"]): string =>
  (op.source.kind === "opened" ? sources[op.source.index]?.path : op.source.path) ?? "";

/** Whole sentences, a line each. */
export function isolationText(isolation: Isolation): readonly string[] {
  const { shared, joined, writable, capabilities, everyCall, hostRoot } = isolation;
  return [
    `Shared with the host: ${shared.length === 0 ? "no namespace" : shared.join(", ")}`,
    ...joined.map(({ what, path }) => `Shared with whoever is in ${path}: ${what}`),
    ...(writable.length === 0
      ? []
      : [
          `Files of the host that can be written: ${writable.map(({ path, destination }) => (path === destination ? path : `${path} (on ${destination})`)).join(", ")}`,
        ]),
    ...(hostRoot ? ["Root in the container is root of the host: no user namespace"] : []),
    ...(everyCall ? ["Every system call can be made: no seccomp profile"] : []),
    `Capabilities kept: ${capabilities.length === 0 ? "none" : capabilities.join(" ")}`,
  ];
}
