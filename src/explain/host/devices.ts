// Whether the device nodes, network devices and the other things of the host that config.json names are there.

import { RDTGROUP_SUPER_MAGIC } from "../../abi/magic.ts";
import { escapePointer } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import type { ContainerPlan } from "../../runtime/plan/container.ts";
import type { Spec } from "../../spec/types.ts";
import { openatOrErrno } from "../../sys/file.ts";
import { readdir } from "../../sys/directory.ts";
import { fileSystemType } from "../../sys/stat.ts";
import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { absence, ownCapabilities, peek } from "../look.ts";
import type { Find } from "./find.ts";

const CAP_MKNOD = 1n << 27n;

/** Each line of /proc/devices is a number and the name of the driver that has it. */
export function checkDrivers({ linux: { devices } }: Spec, find: Find): void {
  const [characters, blocks] = devices.length === 0 ? [] : (peek("/proc/devices")?.split("Block devices:") ?? []);
  for (const [i, { type, path, major, minor }] of devices.entries()) {
    const drivers = type === "b" ? blocks : type === "p" ? undefined : characters;
    if (drivers === undefined || new RegExp(`^ *${major} `, "m").test(drivers)) continue;
    find(
      "warning",
      `/linux/devices/${i}`,
      `no driver of this host has ${type === "b" ? "block" : "character"} device ${major}:${minor} (${path})`,
    );
  }
}

/** Who may make no nodes binds the host's, which then has to be there. */
export function checkNodes({ rootfs: { devices } }: ContainerPlan, find: Find): void {
  const mayMake = (ownCapabilities("CapEff") & CAP_MKNOD) !== 0n;
  for (const { why, directory, name, mode, hostNode, bind } of devices) {
    if ((mode & 0o170000) === 0o010000 || (mayMake && !bind)) continue;
    const problem = absence(hostNode);
    if (problem !== undefined)
      find(
        "error",
        why.startsWith("/") ? why : "",
        `${directory}/${name} can only be bound from the host here, and ${hostNode}: ${problem}`,
        {
          step: "create devices",
        },
      );
  }
}

export function checkOthers({ linux }: Spec, find: Find): void {
  for (const name of Object.keys(linux.netDevices)) {
    if (absence(`/sys/class/net/${name}`) === undefined) continue;
    const found = nearest(name, namesIn("/sys/class/net"));
    find("error", `/linux/netDevices/${escapePointer(name)}`, `this host has no network device ${name}`, {
      hint: found === undefined ? undefined : `did you mean ${found}?`,
    });
  }
  if (linux.intelRdt !== undefined && fileSystemType("/sys/fs/resctrl") !== RDTGROUP_SUPER_MAGIC)
    find("error", "/linux/intelRdt", "no resctrl file system is mounted on /sys/fs/resctrl");
  for (const [i, { pageSize }] of linux.resources.hugepageLimits.entries()) {
    const [, count, unit] = /^([0-9]+)([KMG])B$/.exec(pageSize) ?? [];
    const kilobytes = Number(count) * (unit === "G" ? 1024 * 1024 : unit === "M" ? 1024 : 1);
    if (absence(`/sys/kernel/mm/hugepages/hugepages-${kilobytes}kB`) !== undefined)
      find("error", `/linux/resources/hugepageLimits/${i}/pageSize`, `this kernel has no pages of ${pageSize}`);
  }
}

function namesIn(path: string): readonly string[] {
  const directory = openatOrErrno(null, path, O_RDONLY | O_DIRECTORY);
  if (typeof directory === "number") return [];
  using closed = directory;
  return readdir(closed);
}

/** A terminal is opened in the container's own devpts. */
export function checkTerminal({ terminal, rootfs }: ContainerPlan, find: Find): void {
  if (terminal === undefined) return;
  const there = [...rootfs.mountsBeforeCgroup, ...rootfs.mountsAfter].some(
    (op) =>
      (op.kind === "filesystem" && op.type === "devpts" && op.destination === "/dev/pts") ||
      (op.kind === "bind" && (op.destination === "/dev/pts" || op.destination === "/dev")),
  );
  if (there || rootfs.pivot.kind === "chroot") return;
  find("error", terminal.why, "a terminal takes a devpts on /dev/pts of the container, and no mount brings one", {
    hint: 'add { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"] } to mounts',
    step: "attach terminal",
  });
}
