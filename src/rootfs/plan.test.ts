import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
} from "../abi/mount.ts";
import { S_IFBLK, S_IFCHR, S_IFIFO } from "../abi/stat.ts";
import { hostPath } from "../base/brand.ts";
import { HostError, SpecError } from "../base/errors.ts";
import { decodeSpec } from "../spec/decode.ts";
import { exampleConfig } from "../spec/example.ts";
import type { HostFacts } from "../spec/facts.ts";
import type { BindOp, CgroupMountSource, FilesystemOp, MountOp, RootfsPlan } from "./ops.ts";
import { placeProblem } from "./place.ts";
import { planRootfs, type RootfsRequest } from "./plan.ts";

const HOST: HostFacts = {
  euid: 0,
  egid: 0,
  rootless: false,
  groupsDenied: false,
  lastCapability: 40,
  cgroups: { mode: "none" },
  mountApi: "mount_setattr",
  outerUid: 0,
  lsm: { apparmor: false, confined: false, selinux: false },
  procfsTakesPidns: false,
};
const V1: CgroupMountSource = {
  mode: "v1",
  namespaced: false,
  hierarchies: [
    {
      controllers: ["cpu", "cpuacct"],
      mountPoint: hostPath("/sys/fs/cgroup/cpu,cpuacct"),
      containerPath: hostPath("/sys/fs/cgroup/cpu,cpuacct/c1"),
      otherwise: undefined,
    },
    {
      controllers: ["name=systemd"],
      mountPoint: hostPath("/sys/fs/cgroup/systemd"),
      containerPath: hostPath("/sys/fs/cgroup/systemd/c1"),
      otherwise: undefined,
    },
  ],
};
const V2: CgroupMountSource = {
  mode: "v2",
  namespaced: true,
  mountPoint: hostPath("/sys/fs/cgroup"),
  containerPath: hostPath("/sys/fs/cgroup/c1"),
};
const REQUEST: RootfsRequest = { bundle: hostPath("/bundle"), noPivot: false, cgroupPaths: V1 };

type Json = { readonly [key: string]: unknown };

function plan(
  { mounts = [], linux = {}, root = { path: "rootfs" } }: { mounts?: Json[]; linux?: Json; root?: Json },
  request: Partial<RootfsRequest> = {},
): RootfsPlan {
  const spec = decodeSpec({ ociVersion: "1.0.0", root, mounts, linux: { namespaces: [{ type: "mount" }], ...linux } });
  return planRootfs(spec, HOST, { ...REQUEST, ...request });
}

const planExample = (request: Partial<RootfsRequest> = {}): RootfsPlan =>
  planRootfs(decodeSpec(exampleConfig({ cgroupNamespace: false, rootless: undefined })), HOST, {
    ...REQUEST,
    ...request,
  });

function only(mount: Json, request: Partial<RootfsRequest> = {}, linux: Json = {}): MountOp {
  const { mountsBeforeCgroup, mountsAfter } = plan({ mounts: [mount], linux }, request);
  const op = [...mountsBeforeCgroup, ...mountsAfter][0];
  assert.ok(op);
  return op;
}

function onlyBind(options: readonly string[], linux: Json = {}, source = "/src"): BindOp {
  const op = only({ destination: "/d", source, options }, {}, linux);
  assert.equal(op.kind, "bind");
  return op;
}

function onlyFilesystem(mount: Json): FilesystemOp {
  const op = only(mount);
  assert.equal(op.kind, "filesystem");
  return op;
}

/** Where config.json is refused, and why. */
function refused(config: Parameters<typeof plan>[0], request: Partial<RootfsRequest> = {}): string {
  try {
    plan(config, request);
  } catch (error) {
    assert.ok(error instanceof SpecError);
    return error.message;
  }
  assert.fail("was not refused");
}

describe("planRootfs, mounts", () => {
  it("keeps the listed order and begins anew at the first cgroup mount", () => {
    const { mountsBeforeCgroup, mountsAfter } = planExample();
    assert.deepEqual(
      mountsBeforeCgroup.map(({ destination }) => destination),
      ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"],
    );
    assert.deepEqual(
      mountsAfter.map(({ destination, kind }) => [destination, kind]),
      [["/sys/fs/cgroup", "cgroup1"]],
    );
    assert.deepEqual(plan({ mounts: [{ destination: "/proc", type: "proc" }] }).mountsAfter, []);
  });

  it("every mount knows which line of config.json asked for it", () => {
    assert.deepEqual(
      planExample().mountsBeforeCgroup.map(({ why }) => why),
      ["/mounts/0", "/mounts/1", "/mounts/2", "/mounts/3", "/mounts/4", "/mounts/5"],
    );
  });

  it("sorts flags from data", () => {
    const op = onlyFilesystem({
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    });
    assert.equal(op.flags, MS_NOSUID | MS_STRICTATIME);
    assert.equal(op.data, "mode=755,size=65536k");
    assert.equal(op.inheritMode, false);
  });

  it("only proc and sysfs insist on a plain directory", () => {
    const insisting = planExample().mountsBeforeCgroup.filter((op) => op.kind === "filesystem" && op.plainDirectory);
    assert.deepEqual(
      insisting.map(({ destination }) => destination),
      ["/proc", "/sys"],
    );
  });

  it("a tmpfs without mode= takes the mode of what it covers", () => {
    assert.equal(onlyFilesystem({ destination: "/t", type: "tmpfs" }).inheritMode, true);
    assert.equal(
      onlyFilesystem({ destination: "/t", type: "tmpfs", options: ["size=1m,mode=700"] }).inheritMode,
      false,
    );
    assert.equal(onlyFilesystem({ destination: "/t", type: "mqueue" }).inheritMode, false);
  });

  it("a read-only tmpfs and a read-only /dev stay writable until all is made", () => {
    const { mountsBeforeCgroup, lateReadonly } = plan({
      mounts: [
        { destination: "/t", type: "tmpfs", options: ["ro"] },
        { destination: "/dev", type: "devtmpfs", options: ["ro"] },
        { destination: "/sys", type: "sysfs", options: ["ro"] },
      ],
    });
    assert.deepEqual(
      mountsBeforeCgroup.map((op) => op.kind === "filesystem" && op.flags),
      [0, 0, MS_RDONLY],
    );
    assert.deepEqual(lateReadonly, [
      { why: "/mounts/0", path: "/t" },
      { why: "/mounts/1", path: "/dev" },
    ]);
  });

  it("what a later mount covers does not become read-only: its path leads to that one", () => {
    const late = (...destinations: string[]): readonly string[] =>
      plan({
        mounts: destinations.map((destination, i) => ({ destination, type: "tmpfs", options: i === 0 ? ["ro"] : [] })),
      }).lateReadonly.map(({ path }) => path);
    assert.deepEqual(late("/a/b", "/a"), []);
    assert.deepEqual(late("/a/b", "/a/b"), []);
    assert.deepEqual(late("/a/b", "/a/b/c", "/a/bc", "/b"), ["/a/b"]);
  });

  it("knows which destinations cannot be there yet", () => {
    const missing = [...planExample().mountsBeforeCgroup]
      .filter((op) => op.missing)
      .map(({ destination }) => destination);
    assert.deepEqual(missing, ["/dev/pts", "/dev/shm", "/dev/mqueue"]);
    const twice = plan({
      mounts: [
        { destination: "/t", type: "tmpfs" },
        { destination: "/t/a", type: "tmpfs" },
        { destination: "/t/a", type: "tmpfs" },
      ],
    });
    assert.deepEqual(
      twice.mountsBeforeCgroup.map((op) => op.missing),
      [false, true, false],
    );
    const copied = plan({
      mounts: [
        { destination: "/t", type: "tmpfs", options: ["tmpcopyup"] },
        { destination: "/t/a", type: "tmpfs" },
      ],
    });
    assert.deepEqual(
      copied.mountsBeforeCgroup.map((op) => op.missing),
      [false, false],
    );
  });

  it("a fresh mount is private without being told, unless something is shared", () => {
    assert.deepEqual(onlyFilesystem({ destination: "/t", type: "tmpfs", options: ["rprivate"] }).propagation, []);
    assert.deepEqual(onlyFilesystem({ destination: "/t", type: "tmpfs", options: ["rshared"] }).propagation, [
      MS_SHARED | MS_REC,
    ]);
    const op = only({ destination: "/t", type: "tmpfs", options: ["private"] }, {}, { rootfsPropagation: "shared" });
    assert.ok(op.kind === "filesystem");
    assert.deepEqual(op.propagation, [MS_PRIVATE]);
  });

  it("destinations are cleaned, and relative ones start at / with a warning", () => {
    const { mountsBeforeCgroup, warnings } = plan({
      mounts: [
        { destination: "/../../a//b/./c/..", type: "tmpfs" },
        { destination: "x/y", type: "tmpfs" },
        { destination: "/bundle/rootfs/inside", type: "tmpfs" },
        { destination: "/bundle/rootfsnot", type: "tmpfs" },
      ],
    });
    assert.deepEqual(
      mountsBeforeCgroup.map(({ destination }) => destination),
      ["/a/b", "/x/y", "/inside", "/bundle/rootfsnot"],
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^\/mounts\/1\/destination: .*"x\/y" is deprecated/);
  });

  it("nothing is mounted on /, and nothing but proc on or in /proc (CVE-2019-16884, CVE-2019-19921)", () => {
    assert.match(
      refused({ mounts: [{ destination: "/..", type: "tmpfs" }] }),
      /^\/mounts\/0\/destination: mountpoint is on the top of rootfs/,
    );
    assert.match(
      refused({ mounts: [{ destination: "/proc", type: "tmpfs" }] }),
      /"\/proc" cannot be mounted because it is not of type proc/,
    );
    assert.match(
      refused({ mounts: [{ destination: "/proc/sys", source: "/s", options: ["bind"] }] }),
      /"\/proc\/sys" cannot be mounted because it is inside \/proc/,
    );
    assert.equal(placeProblem("/proc/uptime", "bind"), undefined);
    assert.equal(placeProblem("/proc", "bind"), undefined); // whether its source is procfs is seen when it is open
    assert.equal(placeProblem("/process", "other"), undefined);
  });

  it("a mount needs a type or a bind option, and a bind a source", () => {
    assert.match(refused({ mounts: [{ destination: "/a" }] }), /^\/mounts\/0: a mount needs a type/);
    assert.match(
      refused({ mounts: [{ destination: "/a", options: ["rbind"] }] }),
      /^\/mounts\/0: a bind mount needs a source/,
    );
  });

  it("every problem is told at once", () => {
    assert.equal(
      refused({ mounts: [{ destination: "/", type: "tmpfs" }, { destination: "/a" }] }).split("; ").length,
      2,
    );
  });

  it("id-mapped mounts are opened and mapped by the parent, by maps of their own or by those of the container's user namespace", () => {
    const maps = {
      uidMappings: [{ containerID: 0, hostID: 7, size: 2 }],
      gidMappings: [{ containerID: 0, hostID: 8, size: 1 }],
    };
    const idmapOf = (mount: object, linux: object = {}): unknown =>
      plan({
        mounts: [{ destination: "/a", source: "/s", ...mount }],
        linux: { namespaces: [{ type: "mount" }], ...linux },
      }).sources.map(({ idmap }) => idmap);
    assert.deepEqual(idmapOf({ options: ["bind"], ...maps }), [
      { kind: "maps", recursive: false, uids: "0 7 2\n", gids: "0 8 1\n" },
    ]);
    assert.deepEqual(idmapOf({ options: ["rbind", "ridmap"], ...maps }), [
      { kind: "maps", recursive: true, uids: "0 7 2\n", gids: "0 8 1\n" },
    ]);
    const user = (more: object): object => ({ namespaces: [{ type: "mount" }, { type: "user", ...more }] });
    assert.deepEqual(idmapOf({ options: ["bind", "idmap"] }, { ...user({}), ...maps }), [
      { kind: "maps", recursive: false, uids: "0 7 2\n", gids: "0 8 1\n" },
    ]);
    assert.deepEqual(idmapOf({ options: ["rbind", "ridmap"] }, user({ path: "/proc/7/ns/user" })), [
      { kind: "namespace", recursive: true, path: "/proc/7/ns/user" },
    ]);
    assert.deepEqual(idmapOf({ options: ["bind"] }), []);
  });

  it("tmpcopyup is for tmpfs alone", () => {
    assert.equal(onlyFilesystem({ destination: "/t", type: "tmpfs", options: ["tmpcopyup"] }).copyUp, true);
    assert.match(
      refused({ mounts: [{ destination: "/t", type: "ramfs", options: ["tmpcopyup"] }] }),
      /tmpcopyup can be used only with tmpfs/,
    );
  });
});

describe("planRootfs, binds", () => {
  it("a relative source is relative to the bundle", () => {
    assert.deepEqual(onlyBind(["bind"], {}, "a/../b").source, { kind: "path", path: "/bundle/b" });
  });

  it("the type of a bind means nothing", () => {
    assert.equal(only({ destination: "/d", type: "none", source: "/s", options: ["rbind"] }).kind, "bind");
    assert.equal(only({ destination: "/d", type: "tmpfs", source: "/s", options: ["bind"] }).kind, "bind");
  });

  it("without a word about attributes the source's stay", () => {
    assert.equal(onlyBind(["rbind", "rprivate"]).attributes, undefined);
  });

  it("with one word, all attributes are set anew, and only the asked ones in any case", () => {
    assert.deepEqual(onlyBind(["bind", "ro", "nosuid", "dev"]).attributes, {
      set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
      clear: MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
      asked: MOUNT_ATTR_NODEV,
    });
    assert.deepEqual(onlyBind(["bind", "rw"]).attributes, {
      set: 0,
      clear: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
      asked: MOUNT_ATTR_RDONLY,
    });
  });

  it("access times change only when asked", () => {
    const attributes = onlyBind(["bind", "noatime"]).attributes;
    assert.ok(attributes);
    assert.equal(attributes.set, MOUNT_ATTR_NOATIME);
    assert.equal(
      attributes.clear & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME),
      MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME,
    );
    assert.equal((onlyBind(["bind", "ro"]).attributes?.clear ?? 0) & MOUNT_ATTR__ATIME, 0);
  });

  it("attributes for the tree are apart from those of the mount", () => {
    const { attributes, tree } = onlyBind(["rbind", "rro"]);
    assert.equal(attributes, undefined);
    assert.deepEqual(tree, { set: MOUNT_ATTR_RDONLY, clear: 0 });
  });

  it("data on a bind is refused, as the kernel would ignore it", () => {
    assert.match(
      refused({ mounts: [{ destination: "/d", source: "/s", options: ["bind", "size=1m"] }] }),
      /bind mounts cannot have any filesystem-specific options applied/,
    );
  });

  it("the parent opens sources for a user namespace, and they are cut off from the host's mounts", () => {
    const linux = { namespaces: [{ type: "mount" }, { type: "user" }] };
    const { sources, mountsBeforeCgroup } = plan({
      linux,
      mounts: [
        { destination: "/a", source: "/s", options: ["rbind"] },
        { destination: "/b", source: "/bundle/rootfs/a", options: ["bind"] },
        { destination: "/c", source: "/s", options: ["bind", "rprivate", "shared"] },
      ],
    });
    assert.deepEqual(
      sources.map(({ path, recursive, why }) => [path, recursive, why]),
      [
        ["/s", true, "/mounts/0"],
        ["/s", false, "/mounts/2"],
      ],
    );
    const binds = mountsBeforeCgroup.filter((op) => op.kind === "bind");
    assert.deepEqual(
      binds.map(({ source }) => source),
      [
        { kind: "opened", index: 0 },
        { kind: "inside", path: "/bundle/rootfs/a", below: "a", idmap: undefined },
        { kind: "opened", index: 1 },
      ],
    );
    assert.deepEqual(
      binds.map(({ propagation }) => propagation),
      [[MS_SLAVE | MS_REC], [], [MS_PRIVATE | MS_REC, MS_SHARED]],
    );
  });

  it("a bind with remount changes what is mounted there", () => {
    const op = only({ destination: "/sys", source: "x", options: ["bind", "remount", "ro"] });
    assert.equal(op.kind, "remount");
    assert.equal(op.attributes.set, MOUNT_ATTR_RDONLY);
  });
});

describe("planRootfs, cgroups", () => {
  const mount = {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  };
  const flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME | MS_RDONLY;

  it("v1 binds the container's own cgroup of each hierarchy, with links for merged controllers", () => {
    const op = only(mount);
    assert.equal(op.kind, "cgroup1");
    assert.deepEqual(op.hierarchies, [
      {
        kind: "bind",
        name: "cpu,cpuacct",
        source: "/sys/fs/cgroup/cpu,cpuacct/c1",
        otherwise: undefined,
        remount: flags | MS_BIND | MS_REMOUNT,
      },
      {
        kind: "bind",
        name: "systemd",
        source: "/sys/fs/cgroup/systemd/c1",
        otherwise: undefined,
        remount: flags | MS_BIND | MS_REMOUNT,
      },
    ]);
    assert.deepEqual(op.links, [
      { name: "cpu", target: "cpu,cpuacct" },
      { name: "cpuacct", target: "cpu,cpuacct" },
    ]);
  });

  it("the tmpfs of v1 becomes read-only late, when its directories are made", () => {
    assert.deepEqual(plan({ mounts: [mount] }).lateReadonly, [{ why: "/mounts/0", path: "/sys/fs/cgroup" }]);
    assert.deepEqual(plan({ mounts: [mount] }, { cgroupPaths: V2 }).lateReadonly, []);
  });

  it("v1 in a cgroup namespace mounts the hierarchies themselves", () => {
    const op = only(mount, { cgroupPaths: { ...V1, namespaced: true } });
    assert.equal(op.kind, "cgroup1");
    const own = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;
    assert.deepEqual(op.hierarchies, [
      { kind: "mount", name: "cpu,cpuacct", source: "cgroup", data: "cpu,cpuacct", flags: own },
      { kind: "mount", name: "systemd", source: "systemd", data: "name=systemd", flags: own },
    ]);
  });

  it("v2 is mounted, or the directory that shows the same is bound", () => {
    const op = only(mount, { cgroupPaths: V2 });
    assert.equal(op.kind, "cgroup2");
    assert.equal(op.filesystem.type, "cgroup2");
    assert.equal(op.filesystem.flags, flags);
    assert.deepEqual(op.fallback.source, { kind: "path", path: "/sys/fs/cgroup/c1" });
    assert.equal(
      op.fallback.attributes?.set,
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    );
    const whole = only(mount, { cgroupPaths: { ...V2, namespaced: false } });
    assert.ok(whole.kind === "cgroup2");
    assert.deepEqual(whole.fallback.source, { kind: "path", path: "/sys/fs/cgroup" });
  });

  it("without cgroups there is nothing to mount", () => {
    assert.throws(() => only(mount, { cgroupPaths: { mode: "none" } }), HostError);
  });
});

describe("planRootfs, the root", () => {
  it("is pivoted into; with --no-pivot moved; without a mount namespace only entered", () => {
    assert.deepEqual(plan({}).pivot, { kind: "pivot_root", why: "default" });
    assert.deepEqual(plan({}, { noPivot: true }).pivot, { kind: "move", why: "--no-pivot" });
    const without = plan({ linux: { namespaces: [] } }, { noPivot: true });
    assert.deepEqual(without.pivot, { kind: "chroot", why: "/linux/namespaces" });
    assert.equal(without.propagation, undefined);
  });

  it("root.path is relative to the bundle, or absolute", () => {
    assert.equal(plan({}).rootfs, "/bundle/rootfs");
    assert.equal(plan({ root: { path: "/abs/root/" } }).rootfs, "/abs/root");
  });

  it("without rootfsPropagation the host's mounts reach the container and none goes back", () => {
    assert.deepEqual(plan({}).propagation, {
      why: "default",
      host: MS_SLAVE | MS_REC,
      parent: undefined,
      root: MS_PRIVATE,
      slaveBeforeDetach: false,
      final: undefined,
    });
  });

  it("rootfsPropagation follows runc", () => {
    const why = "/linux/rootfsPropagation";
    const of = (rootfsPropagation: string): unknown => plan({ linux: { rootfsPropagation } }).propagation;
    assert.deepEqual(of("rprivate"), {
      why,
      host: MS_PRIVATE | MS_REC,
      parent: undefined,
      root: MS_PRIVATE,
      slaveBeforeDetach: false,
      final: undefined,
    });
    assert.deepEqual(of("rslave"), {
      why,
      host: MS_SLAVE | MS_REC,
      parent: undefined,
      root: MS_SLAVE,
      slaveBeforeDetach: false,
      final: undefined,
    });
    assert.deepEqual(of("slave"), {
      why,
      host: MS_SLAVE,
      parent: MS_SLAVE,
      root: MS_SLAVE,
      slaveBeforeDetach: true,
      final: undefined,
    });
    assert.deepEqual(of("private"), {
      why,
      host: MS_PRIVATE,
      parent: MS_PRIVATE,
      root: MS_PRIVATE,
      slaveBeforeDetach: true,
      final: undefined,
    });
    assert.deepEqual(of("shared"), {
      why,
      host: MS_SHARED,
      parent: MS_PRIVATE,
      root: MS_PRIVATE,
      slaveBeforeDetach: true,
      final: MS_SHARED,
    });
    assert.deepEqual(of("runbindable"), {
      why,
      host: MS_UNBINDABLE | MS_REC,
      parent: MS_PRIVATE,
      root: MS_PRIVATE,
      slaveBeforeDetach: true,
      final: MS_UNBINDABLE | MS_REC,
    });
  });

  it("private propagation needs pivot_root", () => {
    assert.match(
      refused({ linux: { rootfsPropagation: "rprivate" } }, { noPivot: true }),
      /rootfsPropagation of \[r\]private is not safe without pivot_root/,
    );
  });

  it("masked and read-only paths are cleaned and come once", () => {
    const { maskedPaths, readonlyPaths } = plan({
      linux: { maskedPaths: ["/proc/keys", "/proc//keys/", "/a/../b"], readonlyPaths: ["/proc/sys"] },
    });
    assert.deepEqual(
      maskedPaths.map(({ why, path }) => [why, path]),
      [
        ["/linux/maskedPaths/0", "/proc/keys"],
        ["/linux/maskedPaths/2", "/b"],
      ],
    );
    assert.deepEqual(
      readonlyPaths.map(({ why, path }) => [why, path]),
      [["/linux/readonlyPaths/0", "/proc/sys"]],
    );
  });

  it("masked and read-only paths are found from the procfs or sysfs that they will be seen in, and from / elsewhere", () => {
    const proc = { destination: "/proc", type: "proc" };
    const sys = { destination: "/sys", type: "sysfs" };
    const tmpfs = (destination: string) => ({ destination, type: "tmpfs" });
    const within = (mounts: Json[], ...maskedPaths: string[]): [string[], (string | undefined)[]] => {
      const made = plan({ mounts, linux: { maskedPaths } });
      return [
        [...made.mountsBeforeCgroup, ...made.mountsAfter].flatMap((op) => (op.held ? [op.destination] : [])),
        made.maskedPaths.map((path) => path.within),
      ];
    };
    assert.deepEqual(
      within(
        [proc, sys, tmpfs("/dev")],
        "/proc/keys",
        "/proc/bus/pci/x",
        "/sys/firmware",
        "/dev/x",
        "/etc/passwd",
        "/proc",
      ),
      [
        ["/proc", "/sys"],
        ["/proc", "/proc", "/sys", undefined, undefined, undefined],
      ],
    );
    assert.deepEqual(within([proc, sys], "/etc/passwd"), [[], [undefined]]);
    assert.deepEqual(within([proc, { ...proc, destination: "/other" }], "/other/keys"), [["/other"], ["/other"]]);
    assert.deepEqual(within([sys, tmpfs("/sys/fs/x")], "/sys/fs/x/y", "/sys/fs/y"), [["/sys"], [undefined, "/sys"]]);
    assert.deepEqual(within([tmpfs("/sys/fs/x"), sys], "/sys/fs/x/y"), [["/sys"], ["/sys"]], "a later mount covers it");
    assert.deepEqual(
      within(
        [
          { destination: "/sys", type: "bind", source: "/sys", options: ["rbind"] },
          { destination: "/mnt", type: "bind", source: "/sys", options: ["rbind"] },
        ],
        "/sys/firmware",
        "/mnt/firmware",
      ),
      [["/sys"], ["/sys", undefined]],
    );
  });
});

describe("planRootfs, devices", () => {
  it("every container gets the six devices and the links of /dev", () => {
    const { devices, links } = plan({});
    assert.deepEqual(
      devices.map(({ directory, name, major, minor, mode, why }) => [`${directory}/${name}`, major, minor, mode, why]),
      [
        ["/dev/null", 1, 3, S_IFCHR | 0o666, "default"],
        ["/dev/random", 1, 8, S_IFCHR | 0o666, "default"],
        ["/dev/full", 1, 7, S_IFCHR | 0o666, "default"],
        ["/dev/tty", 5, 0, S_IFCHR | 0o666, "default"],
        ["/dev/zero", 1, 5, S_IFCHR | 0o666, "default"],
        ["/dev/urandom", 1, 9, S_IFCHR | 0o666, "default"],
      ],
    );
    assert.deepEqual(
      links.map(({ name, target }) => `${name} -> ${target}`),
      [
        "ptmx -> pts/ptmx",
        "fd -> /proc/self/fd",
        "stdin -> /proc/self/fd/0",
        "stdout -> /proc/self/fd/1",
        "stderr -> /proc/self/fd/2",
        "core -> /proc/kcore",
      ],
    );
  });

  it("those of config.json come after, in place of a default at the same path, and never as /dev/ptmx", () => {
    const { devices } = plan({
      linux: {
        devices: [
          { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o100600, uid: 3, gid: 4 },
          { path: "/dev/sub/disk", type: "b", major: 7, minor: 300 },
          { path: "/run/pipe", type: "p", major: 9, minor: 9 },
          { path: "/dev/ptmx", type: "c", major: 5, minor: 2 },
        ],
      },
    });
    assert.deepEqual(devices.slice(5), [
      {
        why: "/linux/devices/0",
        directory: "/dev",
        name: "null",
        mode: S_IFCHR | 0o600,
        major: 1,
        minor: 3,
        uid: 3,
        gid: 4,
        hostNode: "/dev/null",
        bind: false,
      },
      {
        why: "/linux/devices/1",
        directory: "/dev/sub",
        name: "disk",
        mode: S_IFBLK | 0o666,
        major: 7,
        minor: 300,
        uid: 0,
        gid: 0,
        hostNode: "/dev/sub/disk",
        bind: false,
      },
      {
        why: "/linux/devices/2",
        directory: "/run",
        name: "pipe",
        mode: S_IFIFO | 0o666,
        major: 0,
        minor: 0,
        uid: 0,
        gid: 0,
        hostNode: "/run/pipe",
        bind: false,
      },
    ]);
  });

  it("in a user namespace those of the host are bound, but a fifo is made", () => {
    const { devices } = plan({
      linux: { namespaces: [{ type: "mount" }, { type: "user" }], devices: [{ path: "/run/pipe", type: "p" }] },
    });
    assert.deepEqual(
      devices.map(({ name, bind }) => `${name} ${bind}`),
      ["null true", "random true", "full true", "tty true", "zero true", "urandom true", "pipe false"],
    );
  });

  it("a /dev that is bound from the host is left alone", () => {
    const { devices, links, ownDev } = plan({
      mounts: [{ destination: "/dev/", source: "/dev", options: ["rbind"] }],
      linux: { devices: [{ path: "/dev/x", type: "c", major: 1, minor: 3 }] },
    });
    assert.deepEqual([devices, links, ownDev], [[], [], false]);
  });
});
