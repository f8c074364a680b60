import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { findMount, parseOwn } from "./mounts.ts";

const mountinfo = `23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 /docker/x /mnt/a\\040b/cpuset rw,relatime - cgroup cgroup rw,cpuset
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

describe("the host's cgroups", () => {
  it("reads every kind of line of /proc/self/cgroup", () => {
    assert.deepEqual(parseOwn("12:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/x\n"), [
      { name: "cpu,cpuacct", path: "/a:b" },
      { name: "name=systemd", path: "/" },
      { name: "", path: "/x" },
    ]);
  });

  it("takes a cgroup outside of our cgroup namespace for the root", () => {
    assert.deepEqual(parseOwn("0::/../../elsewhere\n"), [{ name: "", path: "/" }]);
  });

  it("finds a hierarchy's mount by its controllers, its root and its place as they are", () => {
    assert.deepEqual(findMount(mountinfo, ["cpu", "cpuacct"]), { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", root: "/" });
    assert.deepEqual(findMount(mountinfo, ["cpuset"]), { mountPoint: "/mnt/a b/cpuset", root: "/docker/x" });
    assert.deepEqual(findMount(mountinfo, ["name=systemd"]), { mountPoint: "/sys/fs/cgroup/systemd", root: "/" });
    assert.equal(findMount(mountinfo, ["memory"]), undefined);
  });
});
