import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { kernelFilesystems } from "./mountinfo.ts";

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
23 27 0:22 / /sys rw,relatime shared:7 master:1 - sysfs sysfs rw
24 27 0:23 / /srv/a\\040b\\134c rw - proc proc rw
25 22 0:21 /sys /proc/sys ro - proc proc rw
26 27 8:1 / / rw - ext4 /dev/sda1 rw
27 27 0:24 / /run/bundle/rootfs/proc rw - proc proc rw
28 27 0:25 / /run/bundle/rootfs2 rw - sysfs sysfs rw
`;

describe("kernelFilesystems", () => {
  it("finds whole procfs and sysfs outside of the root file system, with their paths decoded", () => {
    assert.deepEqual(kernelFilesystems(MOUNTINFO, "/run/bundle/rootfs"), [
      "/proc",
      "/sys",
      "/srv/a b\\c",
      "/run/bundle/rootfs2",
    ]);
  });
});
