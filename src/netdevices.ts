// Network devices of the host that the container gets: moved into its network namespace with their addresses, named anew, brought up.
// The parent does it, by rtnetlink(7), between the clone and the hooks: only from the host's namespace can a device be sent away. What becomes
// of a device when the namespace ends is the kernel's: a physical one comes back, a virtual one is gone; `delete` does nothing about it.

import { EEXIST, EINVAL, ENODEV, ENOENT, ESRCH } from "./abi/errno.ts";
import { O_RDONLY } from "./abi/fcntl.ts";
import { IFF_UP } from "./abi/if.ts";
import {
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_F_HOMEADDRESS,
  IFA_F_MANAGETEMPADDR,
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_RT_PRIORITY,
  ifaddrmsg,
} from "./abi/if_addr.ts";
import { IFLA_IFNAME, IFLA_NET_NS_FD } from "./abi/if_link.ts";
import { NETLINK_ROUTE, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from "./abi/netlink.ts";
import { ifinfomsg, RT_SCOPE_UNIVERSE, RTM_GETADDR, RTM_GETLINK, RTM_NEWADDR, RTM_NEWLINK } from "./abi/rtnetlink.ts";
import { CLONE_NEWNET } from "./abi/sched.ts";
import { AF_INET, AF_INET6 } from "./abi/socket.ts";
import type { HostPid } from "./base/brand.ts";
import { HostError, isErrno, StepError, SysError } from "./base/errors.ts";
import { escapePointer } from "./base/json.ts";
import type { Spec } from "./spec/types.ts";
import type { Fd } from "./sys/fd.ts";
import { openat } from "./sys/file.ts";
import { Struct } from "./sys/memory.ts";
import {
  type Answer,
  type Attribute,
  attributesOf,
  fdAttribute,
  netlinkSocket,
  request,
  textAttribute,
  textOf,
  u32Attribute,
  u32Of,
} from "./sys/netlink.ts";
import { setns } from "./sys/process.ts";

export type NetDevicesPlan = {
  /** The network namespace that the container joins; undefined: it has a new one. */
  readonly namespace: string | undefined;
  readonly devices: readonly NetDeviceOp[];
};

/** @see config-linux.md, Network Devices */
export type NetDeviceOp = {
  readonly host: string;
  /** In the container. With "%d" in it the kernel finds a number. */
  readonly name: string;
  readonly why: string;
};

/** A device that is in the container's namespace now, and what it was. */
export type MovedNetDevice = {
  readonly host: string;
  readonly name: string;
  readonly up: boolean;
  readonly addresses: readonly Address[];
};

/** A permanent address of global scope. [spec] Others belong to the place that the device was in. */
export type Address = { readonly family: number; readonly prefix: number; readonly attributes: readonly Attribute[] };

type Link = { readonly index: number; readonly name: string; readonly flags: number };

/** Both ends of a move. */
type Side = { readonly namespace: Fd; readonly kernel: Fd };

export function planNetDevices({ linux }: Spec): NetDevicesPlan {
  return {
    namespace: linux.namespaces.find(({ type }) => type === "network")?.path,
    devices: Object.entries(linux.netDevices).map(([host, { name }]) => ({
      host,
      name,
      why: `/linux/netDevices/${escapePointer(host)}`,
    })),
  };
}

/**
 * Moves every device or none.
 * @param init the container's process; its network namespace is new, or one that it will join
 * @throws StepError with ENODEV when there is no such device, EEXIST when the name is taken in the container
 */
export function moveNetDevices(plan: NetDevicesPlan, init: HostPid): readonly MovedNetDevice[] {
  const moved: MovedNetDevice[] = [];
  withBothSides(plan, init, (host, container) => {
    for (const device of plan.devices) {
      try {
        moved.push(move(device, host, container));
      } catch (error) {
        bringBack(host, container, moved);
        throw new StepError(`move network device ${device.host}`, error, device.why);
      }
    }
  });
  return moved;
}

function move({ host: from, name: to }: NetDeviceOp, host: Side, container: Side): MovedNetDevice {
  const link = linkNamed(host.kernel, from);
  const was = { host: from, up: (link.flags & IFF_UP) !== 0, addresses: addressesOf(host.kernel, link) }; // before the move, which takes them away
  if (!to.includes("%d") && isThere(container.kernel, to))
    throw new SysError("RTM_NEWLINK", EEXIST, `${from} as ${to} in the container`);
  let name = from;
  try {
    name = send(host, link, container, to);
    arrange(container.kernel, name, from, was.addresses, true);
    return { ...was, name };
  } catch (error) {
    // [kernel] The new name is given after the move: a device that cannot have it is there already, by its old one.
    if (!isThere(host.kernel, from)) bringBack(host, container, [{ ...was, name }]);
    throw error;
  }
}

/** Undoes moveNetDevices while the container's process is there. Afterwards a device in a new namespace is beyond our reach: the kernel brings home what is of metal. */
export function returnNetDevices(plan: NetDevicesPlan, init: HostPid, moved: readonly MovedNetDevice[]): void {
  try {
    withBothSides(plan, init, (host, container) => {
      bringBack(host, container, moved);
    });
  } catch (error) {
    if (!isErrno(error, ENOENT, ESRCH, EINVAL)) throw error; // the process has ended, and with it a new namespace
  }
}

function bringBack(host: Side, container: Side, moved: readonly MovedNetDevice[]): void {
  for (const { host: name, name: inside, up, addresses } of [...moved].reverse()) {
    try {
      send(container, linkNamed(container.kernel, inside), host, name);
      arrange(host.kernel, name, inside, addresses, up);
    } catch (error) {
      if (!(error instanceof SysError)) throw error; // somebody has taken it or its name; what failed before is what is told
    }
  }
}

/** Opens what it takes to talk to both namespaces' kernels. We are in the host's before and after. */
function withBothSides(plan: NetDevicesPlan, init: HostPid, act: (host: Side, container: Side) => void): void {
  using own = openat(null, "/proc/self/ns/net", O_RDONLY);
  using theirs = openat(null, plan.namespace ?? `/proc/${init}/ns/net`, O_RDONLY);
  using host = netlinkSocket(NETLINK_ROUTE);
  using container = socketIn(theirs, own, plan.namespace ?? "the container's network namespace");
  act({ namespace: own, kernel: host }, { namespace: theirs, kernel: container });
}

/** [kernel] A socket belongs to the namespace it was made in for good: one visit is enough. */
function socketIn(namespace: Fd, own: Fd, detail: string): Fd {
  setns(namespace, CLONE_NEWNET, detail);
  try {
    return netlinkSocket(NETLINK_ROUTE);
  } finally {
    setns(own, CLONE_NEWNET, "our own network namespace again");
  }
}

/**
 * Moves a link to the other side and names it in one request: between two the name could be in the way of another.
 * [kernel] The link goes down, loses its addresses and routes, and keeps its MTU and hardware address.
 * @returns its name there
 */
function send(from: Side, { index, name: old }: Link, to: Side, name: string): string {
  const template = name.includes("%d");
  const before = template ? new Set(links(to.kernel).map((link) => link.index)) : undefined;
  request(from.kernel, "RTM_NEWLINK", `${old} to the other namespace as ${name}`, {
    type: RTM_NEWLINK,
    flags: 0,
    header: new Struct(ifinfomsg.size).u32(ifinfomsg.ifi_index, index),
    attributes: [fdAttribute(IFLA_NET_NS_FD, to.namespace), textAttribute(IFLA_IFNAME, name)],
  });
  if (before === undefined) return name;
  const arrived = links(to.kernel).find((link) => !before.has(link.index)); // its index may be another as well
  if (arrived === undefined) throw new HostError(`network device ${old} did not arrive`);
  return arrived.name;
}

/** Gives a link its addresses back. @param old the name it had, which labels of addresses begin with */
function arrange(kernel: Fd, name: string, old: string, addresses: readonly Address[], up: boolean): void {
  const { index } = linkNamed(kernel, name);
  for (const { family, prefix, attributes } of addresses) {
    request(kernel, "RTM_NEWADDR", `${addressText(attributes)}/${prefix} of ${name}`, {
      type: RTM_NEWADDR,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      header: new Struct(ifaddrmsg.size)
        .u8(ifaddrmsg.ifa_family, family)
        .u8(ifaddrmsg.ifa_prefixlen, prefix)
        .u32(ifaddrmsg.ifa_index, index),
      attributes: attributes.flatMap((attribute) =>
        attribute.type === IFA_LABEL ? relabel(attribute, old, name) : [attribute],
      ),
    });
  }
  if (!up) return;
  const header = new Struct(ifinfomsg.size)
    .u32(ifinfomsg.ifi_index, index)
    .u32(ifinfomsg.ifi_flags, IFF_UP)
    .u32(ifinfomsg.ifi_change, IFF_UP);
  request(kernel, "RTM_NEWLINK", `${name} up`, { type: RTM_NEWLINK, flags: 0, header, attributes: [] });
}

/** A label is the device's name, or that and a suffix ("eth0:1"); nothing where the new one would be too long. */
function relabel({ value }: Attribute, old: string, name: string): readonly Attribute[] {
  const label = textOf(value);
  const renamed = label.startsWith(old) ? name + label.slice(old.length) : label;
  return renamed.length < 16 ? [textAttribute(IFA_LABEL, renamed)] : [];
}

function linkNamed(kernel: Fd, name: string): Link {
  const [answer] = request(kernel, "RTM_GETLINK", name, {
    type: RTM_GETLINK,
    flags: 0,
    header: new Struct(ifinfomsg.size),
    attributes: [textAttribute(IFLA_IFNAME, name)],
  });
  if (answer === undefined) throw new HostError(`link not found for interface ${name}`);
  return linkOf(answer);
}

function isThere(kernel: Fd, name: string): boolean {
  try {
    linkNamed(kernel, name);
    return true;
  } catch (error) {
    if (isErrno(error, ENODEV)) return false;
    throw error;
  }
}

const links = (kernel: Fd): readonly Link[] =>
  request(kernel, "RTM_GETLINK", "of all devices", {
    type: RTM_GETLINK,
    flags: NLM_F_DUMP,
    header: new Struct(ifinfomsg.size),
    attributes: [],
  }).map(linkOf);

function linkOf({ body }: Answer): Link {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const name = attributesOf(body, ifinfomsg.size).find(({ type }) => type === IFLA_IFNAME);
  return {
    index: view.getInt32(ifinfomsg.ifi_index, true),
    flags: view.getUint32(ifinfomsg.ifi_flags, true),
    name: name === undefined ? "" : textOf(name.value),
  };
}

function addressesOf(kernel: Fd, { index, name }: Link): readonly Address[] {
  const header = new Struct(ifaddrmsg.size).u32(ifaddrmsg.ifa_index, index);
  return request(kernel, "RTM_GETADDR", `of ${name}`, {
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    header,
    attributes: [],
  }).flatMap(({ body }) => lastingAddress(body, index));
}

/** What of an address is told anew; its lifetimes are for ever, and the rest is the kernel's. */
const KEPT: readonly number[] = [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_LABEL, IFA_RT_PRIORITY];
const KEPT_FLAGS =
  IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;

/** [spec] Of any family, permanent (IFA_F_PERMANENT) and of global scope (RT_SCOPE_UNIVERSE). */
export function lastingAddress(body: Uint8Array, index: number): readonly Address[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const family = view.getUint8(ifaddrmsg.ifa_family);
  if (view.getUint32(ifaddrmsg.ifa_index, true) !== index || (family !== AF_INET && family !== AF_INET6)) return []; // before 4.20 the kernel tells all
  const attributes = attributesOf(body, ifaddrmsg.size);
  const wide = attributes.find(({ type }) => type === IFA_FLAGS);
  const flags = wide === undefined ? view.getUint8(ifaddrmsg.ifa_flags) : u32Of(wide.value);
  if ((flags & IFA_F_PERMANENT) === 0 || view.getUint8(ifaddrmsg.ifa_scope) !== RT_SCOPE_UNIVERSE) return [];
  const kept = attributes
    .filter(({ type }) => KEPT.includes(type))
    .map(({ type, value }) => ({ type, value: value.slice() }));
  const keptFlags = flags & KEPT_FLAGS;
  return [
    {
      family,
      prefix: view.getUint8(ifaddrmsg.ifa_prefixlen),
      attributes: keptFlags === 0 ? kept : [...kept, u32Attribute(IFA_FLAGS, keptFlags)],
    },
  ];
}

/** For errors. */
function addressText(attributes: readonly Attribute[]): string {
  const bytes =
    (attributes.find(({ type }) => type === IFA_LOCAL) ?? attributes.find(({ type }) => type === IFA_ADDRESS))?.value ??
    new Uint8Array(0);
  if (bytes.byteLength === 4) return [...bytes].join(".");
  return Array.from({ length: bytes.byteLength / 2 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  ).join(":");
}
