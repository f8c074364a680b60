import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { externalMounts, parseMountinfo } from "./external-mounts.ts";

const CONTAINER = `67 44 254:0 /srv/web/rootfs / ro,relatime - ext4 /dev/vda rw
68 67 0:40 / /proc rw,relatime - proc proc rw
69 67 0:41 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
70 69 0:42 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw
73 67 0:44 / /sys ro,nosuid - sysfs sysfs ro
74 73 0:45 / /sys/fs/cgroup ro - tmpfs tmpfs rw,mode=755
75 74 0:37 /web /sys/fs/cgroup/systemd ro - cgroup cgroup rw,xattr,name=systemd
83 74 0:29 /web /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
84 67 254:0 /srv/data /data rw,relatime - ext4 /dev/vda rw
85 84 0:99 / /data/more\\040room rw - tmpfs tmpfs rw
86 84 0:98 / /data/own rw - tmpfs tmpfs rw
48 68 0:40 /sys /proc/sys ro,relatime - proc proc rw
50 68 0:41 /null /proc/keys rw,nosuid - tmpfs tmpfs rw
52 73 0:46 / /sys/firmware ro,relatime - tmpfs tmpfs ro
90 69 0:42 /0 /dev/console rw - devpts devpts rw
91 69 0:5 /zero /dev/zero rw - devtmpfs devtmpfs rw
92 67 254:0 /srv/web/rootfs/a /b rw - ext4 /dev/vda rw
93 67 0:77 / /net rw - nfs4 server:/ rw
`;

describe("the external mounts of a container", () => {
  const configured = [
    { id: 84, destination: "/link-to-data", bind: true },
    { id: 86, destination: "/data/own", bind: false },
    { id: 69, destination: "/dev", bind: false },
  ];

  it("are its binds, what came along with them, directories of cgroups, devices of the host, and what CRIU cannot make", () => {
    assert.deepEqual(externalMounts(parseMountinfo(CONTAINER), configured, false), [
      { mountPoint: "/data", kind: "bind", destination: "/link-to-data", below: "" },
      { mountPoint: "/net", kind: "unknown" },
      { mountPoint: "/dev/zero", kind: "host", path: "/dev/zero" },
      { mountPoint: "/data/more room", kind: "bind", destination: "/link-to-data", below: "/more room" },
      { mountPoint: "/sys/fs/cgroup/systemd", kind: "cgroup" },
      { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", kind: "cgroup" },
    ]);
  });

  it("are without its cgroups when those are mounted in a cgroup namespace of its own", () => {
    const kinds = externalMounts(parseMountinfo(CONTAINER), configured, true).map(({ kind }) => kind);
    assert(!kinds.includes("cgroup"));
  });
});
