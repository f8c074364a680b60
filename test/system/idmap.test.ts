// Id-mapped mounts: whose a file is below the destination, on the file systems that tests find (what /tmp lies on, and tmpfs), and what is said where it cannot be.

import assert from "node:assert/strict";
import { chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { isTsrun, itOurs, ok, PROGRAM, refused, useBox, type Box, type Container, type Result } from "./harness.ts";

const map = (containerID: number, hostID: number, size: number): object[] => [{ containerID, hostID, size }];

/** Files of these owners, as "UID:GID". */
function files(box: Box, name: string, ...owners: string[]): string {
  const directory = box.path(name);
  mkdirSync(directory, { recursive: true });
  for (const owner of owners) {
    writeFileSync(join(directory, owner), "");
    chownSync(join(directory, owner), Number(owner.split(":")[0]), Number(owner.split(":")[1]));
  }
  return directory;
}

const bind = (config: Config, source: string, destination: string, more: object): void =>
  void config.mounts.push({ destination, source, options: ["bind"], ...more });

const owners = (...paths: string[]): string => `stat -c %u:%g ${paths.join(" ")}`;

/** Runs the container with mounts of the host that only this command sees. */
function runAmong(container: Container, prepare: string): Result {
  return container.box.exec("unshare", [
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    `${prepare}\nexec "$0" "$@"`,
    PROGRAM,
    "--root",
    container.box.stateRoot,
    "run",
    "--bundle",
    container.bundle,
    container.id,
  ]);
}

describe("an id-mapped mount", () => {
  const box = useBox();
  if (!isTsrun) return; // Debian's runc is older than these mounts without a user namespace

  it("shows the files of one as those of another, and the source as it was", () => {
    const source = files(box(), "source", "100:200", "101:201", "7:7");
    const inside = box().inside(owners("/mapped/*", "/plain/100:200"), (config) => {
      bind(config, source, "/mapped", {
        uidMappings: map(100, 1000, 2),
        gidMappings: map(200, 3000, 2),
        options: ["bind", "idmap"],
      });
      bind(config, source, "/plain", {});
    });
    assert.equal(inside, "1000:3000\n1001:3001\n65534:65534\n100:200\n");
    assert.equal(statSync(join(source, "100:200")).uid, 100);
  });

  it("needs no word beside its maps, and may have several ranges", () => {
    const source = files(box(), "source", "100:210", "101:220", "102:230");
    const uidMappings = [...map(100, 1000, 1), ...map(101, 2000, 1), ...map(102, 3000, 1)];
    const gidMappings = [...map(210, 1100, 10), ...map(220, 2200, 10), ...map(230, 3300, 10)];
    assert.equal(
      box().inside(owners("/mapped/*"), (config) => bind(config, source, "/mapped", { uidMappings, gidMappings })),
      "1000:1100\n2000:2200\n3000:3300\n",
    );
  });

  itOurs("may have its maps in the option, as crun takes them from podman", () => {
    const source = files(box(), "source", "100:210", "101:220");
    const options = ["idmap=uids=100-1000-1#101-2000-1;gids=210-1100-10#220-2200-10"];
    assert.equal(
      box().inside(owners("/mapped/*"), (config) => bind(config, source, "/mapped", { options: ["bind", ...options] })),
      "1000:1100\n2000:2200\n",
    );
    const wrong = box().container((config) => bind(config, source, "/mapped", { options: ["bind", "idmap=uids=1"] }));
    refused(wrong.run(), /idmap=uids=1/);
  });

  it("has new files owned as the maps say, and takes none of who is not in them", () => {
    const source = files(box(), "source");
    chownSync(source, 100, 200);
    const write = (uid: number, gid: number): Result => {
      const container = box().container((config) => {
        config.process.user = { uid, gid };
        config.process.args = ["touch", `/mapped/of-${uid}`];
        bind(config, source, "/mapped", { uidMappings: map(100, 1000, 1), gidMappings: map(200, 1000, 1) });
      });
      return container.run();
    };
    ok(write(1000, 1000));
    assert.deepEqual([statSync(join(source, "of-1000")).uid, statSync(join(source, "of-1000")).gid], [100, 200]);
    const refusal = write(0, 0);
    assert.notEqual(refusal.status, 0);
    assert.match(refusal.stderr, /Value too large|Permission denied/);
    assert.deepEqual(readdirSync(source), ["of-1000"]);
  });

  it("of the same source may be there several times, each with maps of its own, also through a link", () => {
    const source = files(box(), "source", "100:200");
    symlinkSync(source, box().path("link"));
    const inside = box().inside(owners("/a/*", "/b/*", "/c/*"), (config) => {
      bind(config, source, "/a", { uidMappings: map(100, 1000, 1), gidMappings: map(200, 2000, 1) });
      bind(config, source, "/b", { uidMappings: map(100, 3000, 1), gidMappings: map(200, 4000, 1) });
      bind(config, box().path("link"), "/c", { uidMappings: map(100, 1000, 1), gidMappings: map(200, 2000, 1) });
    });
    assert.equal(inside, "1000:2000\n3000:4000\n1000:2000\n");
  });

  it("is the mount alone with idmap, and with ridmap all that lies below it", () => {
    const source = files(box(), "source", "100:200");
    mkdirSync(join(source, "below"));
    const below = `mount -t tmpfs tmpfs ${source}/below && touch ${source}/below/file && chown 100:200 ${source}/below/file`;
    const shown = (options: string[]): string => {
      const container = box().container((config) => {
        config.process.args = ["sh", "-c", owners("/mapped/100:200", "/mapped/below/file")];
        bind(config, source, "/mapped", { uidMappings: map(100, 1000, 1), gidMappings: map(200, 2000, 1), options });
      });
      return ok(runAmong(container, below)).stdout;
    };
    assert.equal(shown(["rbind", "idmap"]), "1000:2000\n100:200\n");
    assert.equal(shown(["rbind", "ridmap"]), "1000:2000\n1000:2000\n");
  });

  it("takes other options as any bind does", () => {
    const source = files(box(), "source", "100:200");
    const inside = box().inside("touch /mapped/x 2>&1; grep ' /mapped ' /proc/self/mountinfo", (config) =>
      bind(config, source, "/mapped", {
        uidMappings: map(100, 1000, 1),
        gidMappings: map(200, 2000, 1),
        options: ["bind", "ro", "nosuid", "shared"],
      }),
    );
    assert.match(inside, /Read-only file system/);
    assert.match(inside, / ro,nosuid,.*idmapped shared:/);
  });

  it("can be a single file, and there can be many with few descriptors allowed", () => {
    const source = files(box(), "source", "100:200");
    const inside = box().inside(`${owners("/m1/*", "/m20", "/m21/*")}; ulimit -n`, (config) => {
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 20, hard: 20 }];
      for (let i = 0; i < 22; i++)
        bind(config, i === 20 ? join(source, "100:200") : source, `/m${i}`, {
          uidMappings: map(100, 1000 + i, 1),
          gidMappings: map(200, 2000, 1),
        });
    });
    assert.equal(inside, "1001:2000\n1020:2000\n1021:2000\n20\n");
  });

  it("shows what an earlier mount of the container made, where its source lies in the root file system (runc mounts.bats)", () => {
    const source = files(box(), "source", "100:200");
    const inside = box().inside(owners("/first/*", "/second/*", "/third/*"), (config) => {
      bind(config, source, "/first", {});
      bind(config, "rootfs/first", "/second", { uidMappings: map(100, 1000, 1), gidMappings: map(200, 3000, 1) });
      bind(config, "rootfs/second", "/third", {});
    });
    assert.equal(inside, "100:200\n1000:3000\n1000:3000\n");
  });

  it("does so in a user namespace, too, where only the parent may map", () => {
    const source = files(box(), "source", "0:0");
    const inside = box().inside(owners("/tmp/*", "/mnt/*"), (config) => {
      config.linux.namespaces.push({ type: "user" });
      config.linux["uidMappings"] = map(0, 100000, 65536);
      config.linux["gidMappings"] = map(0, 100000, 65536);
      bind(config, source, "/tmp", {});
      bind(config, "rootfs/tmp", "/mnt", { options: ["bind", "idmap"] });
    });
    assert.equal(inside, "65534:65534\n0:0\n");
  });

  it("of what an earlier mount made that cannot be is refused, and says why", () => {
    const container = box().container((config) => {
      bind(config, "/sys/kernel", "/first", {});
      bind(config, "rootfs/first", "/second", { uidMappings: map(0, 1000, 1), gidMappings: map(0, 1000, 1) });
    });
    refused(
      container.run(),
      /bind source of \/second: map ids: \/mounts\/8: mount_setattr\(2\) MOUNT_ATTR_IDMAP on \S*first: invalid argument \(EINVAL\)/,
    );
  });

  it("of a file system that cannot be is refused, and says why", () => {
    const container = box().container((config) =>
      bind(config, "/sys/kernel", "/mapped", { uidMappings: map(0, 1000, 1), gidMappings: map(0, 1000, 1) }),
    );
    refused(
      container.run(),
      /open mount sources: bind source of \/mapped: map ids: \/mounts\/7: mount_setattr\(2\) MOUNT_ATTR_IDMAP on \/sys\/kernel: invalid argument \(EINVAL\) — .*a file system that supports/,
    );
  });

  it("whose maps are none is refused, and leaves no process", () => {
    const overlapping = [...map(0, 1000, 10), ...map(5, 2000, 10)];
    const container = box().container((config) =>
      bind(config, files(box(), "source"), "/mapped", { uidMappings: overlapping, gidMappings: map(0, 1000, 1) }),
    );
    refused(container.run(), /\/mounts\/7/);
  });

  itOurs("is among what features names", () => {
    const features = JSON.parse(ok(box().exec(PROGRAM, ["features"])).stdout) as {
      linux: { mountExtensions: { idmap: { enabled: boolean } } };
    };
    assert.equal(features.linux.mountExtensions.idmap.enabled, true);
  });
});
