import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseConfig } from "../spec/load.ts";
import type { Spec } from "../spec/types.ts";
import {
  checkVersion,
  configFile,
  planDump,
  planRestore,
  type CheckpointFlags,
  type RestoreFlags,
} from "./options-plan.ts";
import { planSources } from "./sources-plan.ts";

const flags = {
  tcpEstablished: false,
  extUnixSk: false,
  shellJob: false,
  fileLocks: false,
  autoDedup: false,
  lazyPages: false,
  manageCgroupsMode: undefined,
  networkLock: undefined,
};
const dumpFlags: CheckpointFlags = {
  ...flags,
  leaveRunning: false,
  preDump: false,
  parentPath: undefined,
  tcpSkipInFlight: false,
  linkRemap: false,
  pageServer: undefined,
};
const restoreFlags: RestoreFlags = { ...flags, tcpClose: false, lsmProfile: undefined, lsmMountContext: undefined };
const host = { ownConfig: false, iptablesRestore: true };

const specOf = (config: object): Spec =>
  parseConfig(
    JSON.stringify({
      ociVersion: "1.2.0",
      root: { path: "rootfs" },
      process: { cwd: "/", args: ["true"] },
      linux: { namespaces: [{ type: "mount" }] },
      ...config,
    }),
    () => assert.fail("the config is wrong"),
  ).spec;

const container = (spec: Spec): Parameters<typeof planDump>[1] => ({
  spec,
  pid: 42,
  rootfs: "/b/rootfs",
  mounts: [{ mountPoint: "/data", kind: "bind", destination: "/data", below: "" }],
  joined: [
    { type: "network", inode: 4026531840 },
    { type: "ipc", inode: 5 },
  ],
  freezer: "/sys/fs/cgroup/freezer/x",
});

describe("the options of a checkpoint", () => {
  it("name external mounts by where they are, and namespaces of network and pid by their inodes", () => {
    const options = planDump(dumpFlags, container(specOf({})), host);
    assert.deepEqual(options.externalMounts, [{ key: "/data", value: "/data" }]);
    assert.deepEqual(options.external, ["net[4026531840]:extRootNetNS"]);
    assert.equal(options.manageCgroupsMode, 3);
    assert.equal(options.networkLock, undefined);
  });

  it("lock the network by nftables where iptables is missing, unless told otherwise", () => {
    const without = { ...host, iptablesRestore: false };
    assert.equal(planDump(dumpFlags, container(specOf({})), without).networkLock, 2);
    assert.equal(planDump({ ...dumpFlags, networkLock: "skip" }, container(specOf({})), without).networkLock, 3);
  });

  it("of --pre-dump track memory, and leave out what only the last one needs", () => {
    const options = planDump({ ...dumpFlags, preDump: true }, container(specOf({})), host);
    assert.equal(options.trackMemory, true);
    assert.equal(options.externalMounts, undefined);
  });
});

describe("the options of a restore", () => {
  const restored = {
    root: "/b/rootfs",
    mounts: [],
    firstFd: 4,
    streams: ["/dev/null", "pipe:[1]", "pipe:[2]"],
    cgroups: [],
  };

  it("give namespaces to join as descriptors or as paths, and pipes the streams in their place", () => {
    const spec = specOf({
      linux: {
        namespaces: [
          { type: "mount" },
          { type: "ipc", path: "/i" },
          { type: "network", path: "/n" },
          { type: "pid", path: "/p" },
        ],
      },
    });
    const options = planRestore(restoreFlags, { ...restored, spec }, host);
    assert.deepEqual(options.inheritFds, [
      { key: "extRootNetNS", fd: 4 },
      { key: "extRootPidNS", fd: 5 },
      { key: "pipe:[1]", fd: 1 },
      { key: "pipe:[2]", fd: 2 },
    ]);
    assert.deepEqual(options.joinNamespaces, [{ type: "ipc", path: "/i" }]);
  });

  it("leave cgroups alone where the container has none", () => {
    assert.equal(planRestore(restoreFlags, { ...restored, spec: specOf({}) }, host).manageCgroupsMode, 0);
  });

  it("refuse a cgroup namespace of others, which CRIU cannot join", () => {
    const spec = specOf({ linux: { namespaces: [{ type: "mount" }, { type: "cgroup", path: "/c" }] } });
    assert.throws(() => planRestore(restoreFlags, { ...restored, spec }, host), /cgroup namespace \/c/);
  });
});

describe("CRIU's configuration file", () => {
  it("is that of the annotation, none if it is empty, else tsrun's or runc's", () => {
    assert.equal(configFile({ "org.criu.config": "/x" }, true), "/x");
    assert.equal(configFile({ "org.criu.config": "" }, true), undefined);
    assert.equal(configFile({}, true), "/etc/criu/tsrun.conf");
    assert.equal(configFile({}, false), "/etc/criu/runc.conf");
  });
});

describe("CRIU's version", () => {
  it("is refused before 3.15, with both versions", () => {
    checkVersion(31500);
    assert.throws(() => checkVersion(31402), /^HostError: CRIU 3\.14\.2 is too old: 3\.15 or newer is needed$/);
  });
});

describe("what is mounted in the place of external mounts", () => {
  const spec = specOf({
    mounts: [
      { destination: "/link", type: "bind", source: "src", options: ["rbind"] },
      { destination: "/proc", type: "proc", source: "proc" },
    ],
  });
  const groups = [
    { name: "/sys/fs/cgroup/pids", source: "/sys/fs/cgroup/pids/new" },
    { name: "/sys/fs/cgroup/systemd", source: "/sys/fs/cgroup/systemd/new" },
  ];
  const real = (destination: string): string => (destination === "/link" ? "/real" : destination);

  it("is the source of the bind with the same destination, with what lay below it, and the new cgroup", () => {
    assert.deepEqual(
      planSources(
        [
          { mountPoint: "/real", kind: "bind", destination: "/link", below: "" },
          { mountPoint: "/real/sub", kind: "bind", destination: "/link", below: "/sub" },
          { mountPoint: "/sys/fs/cgroup/pids", kind: "cgroup" },
          { mountPoint: "/dev/zero", kind: "host", path: "/dev/zero" },
        ],
        spec,
        "/b",
        groups,
        real,
      ),
      [
        { name: "/real", source: "/b/src" },
        { name: "/real/sub", source: "/b/src/sub" },
        { name: "/sys/fs/cgroup/pids", source: "/sys/fs/cgroup/pids/new" },
        { name: "/dev/zero", source: "/dev/zero" },
      ],
    );
  });

  it("is refused where config.json has nothing for it", () => {
    assert.throws(
      () => planSources([{ mountPoint: "/gone", kind: "unknown" }], spec, "/b", groups, real),
      /the images need something mounted at \/gone, and config.json has no mount for it/,
    );
  });

  it("is taken from config.json alone for images of runc, by its names", () => {
    assert.deepEqual(planSources(undefined, spec, "/b", groups, real), [
      { name: "/real", source: "/b/src" },
      { name: "/dev/null", source: "/dev/null" },
      { name: "/sys/fs/cgroup/pids", source: "/sys/fs/cgroup/pids/new" },
      { name: "/sys/fs/cgroup/systemd", source: "/sys/fs/cgroup/systemd/new" },
    ]);
  });
});
