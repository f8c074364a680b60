import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type Context } from "mocha";
import type { Config, Mount } from "./bundle.ts";
import { hasController, itOnV1, itOnV2, onV2 } from "./groups.ts";
import {
  isTsrun,
  itOurs,
  ok,
  PROGRAM,
  PROJECT,
  refused,
  shareNamespace,
  useBox,
  type Container,
  type Result,
} from "./harness.ts";
import { skipBecause } from "../skip.ts";

const CAPABILITY = (name: string): Record<string, string[]> => ({
  bounding: [name],
  effective: [name],
  permitted: [name],
  inheritable: [name],
  ambient: [name],
});

const writable = (config: Config): void => void (config.root.readonly = false);

const add =
  (...mounts: Mount[]) =>
  (config: Config): void =>
    void config.mounts.push(...mounts);

/** The options of the mount at `point`, and of its file system, as the container's mountinfo has them. */
function optionsAt(mountinfo: string, point: string): string[] {
  const line = mountinfo.split("\n").findLast((text) => text.split(" ")[4] === point);
  assert(line !== undefined, `${point} is no mount:\n${mountinfo}`);
  const [front = "", back = ""] = line.split(" - ");
  return [...(front.split(" ")[5] ?? "").split(","), ...(back.split(" ")[2] ?? "").split(",")];
}

describe("the root file system", () => {
  const box = useBox();

  for (const [flag, ...flags] of [["pivot_root"], ["--no-pivot", "--no-pivot"]]) {
    describe(`by ${flag}`, () => {
      it("is the bundle's, and nothing of the host's is left in sight", () => {
        const [root, above] = box().inside("ls -A /; echo --; ls -A /..", writable, flags).split("--\n");
        assert.equal(above, root, "there is nothing above the root");
        const listing = box().inside("ls -A /", writable, flags).trim().split("\n");
        assert.deepEqual(listing, [
          "bin",
          "dev",
          "etc",
          "home",
          "mnt",
          "proc",
          "root",
          "sbin",
          "sys",
          "tmp",
          "usr",
          "var",
        ]);
        const mounts = box().inside("cut -d' ' -f5 /proc/self/mountinfo", undefined, flags).trim().split("\n");
        if (flag === "pivot_root")
          assert.deepEqual(
            mounts.filter((point) => /^\/(run|boot|mnt)/.test(point) || point.includes(box().directory)),
            [],
          );
        assert.equal(mounts.filter((point) => point === "/").length >= 1, true);
      });

      it("is written to unless it is read-only", () => {
        const container = box().container((config) => {
          config.process.args = ["sh", "-c", "echo written > /file"];
          writable(config);
        });
        assert.equal(container.run(flags).status, 0);
        assert.equal(readFileSync(container.at("file"), "utf8"), "written\n");
      });

      it("cannot be written to when it is read-only, but a tmpfs in it can", () => {
        const inside = box().inside(
          "touch /file 2>&1; touch /tmp/file && echo tmp; touch /dev/file && echo dev",
          add({ destination: "/tmp", type: "tmpfs", source: "tmpfs" }),
          flags,
        );
        assert.equal(inside, "touch: /file: Read-only file system\ntmp\ndev\n");
      });
    });
  }

  it("is found by an absolute path as well", () => {
    const container = box().container();
    const other = box().container((config) => {
      config.root.path = container.rootfs;
      config.process.args = ["ls", "/only-here"];
    });
    mkdirSync(container.at("only-here"));
    assert.equal(other.run().status, 0);
  });

  for (const type of ["overlay", "tmpfs"]) {
    it(`may be a mount of its own, of type ${type}, with mounts made in it that go with the container`, () => {
      const container = box().container((config) => {
        config.root.path = box().path("merged");
        writable(config);
        add(
          { destination: "/made/here", type: "tmpfs", source: "tmpfs" },
          { destination: "/etc/hosts", type: "bind", source: box().write("hosts", "mine\n"), options: ["bind"] },
        )(config);
        config.linux.maskedPaths?.push("/etc/passwd");
        config.process.args = [
          "sh",
          "-c",
          "cat /etc/hosts /etc/passwd; echo written > /file; rm /etc/group; grep -c ' /made/here ' /proc/self/mountinfo; mknod /node c 1 3 2>/dev/null; ls -d /file",
        ];
      });
      for (const name of ["merged", "upper", "work"]) mkdirSync(box().path(name));
      execFileSync("mount", [
        "-t",
        type,
        "-o",
        type === "overlay"
          ? `lowerdir=${container.rootfs},upperdir=${box().path("upper")},workdir=${box().path("work")}`
          : "mode=755",
        type,
        box().path("merged"),
      ]);
      try {
        if (type === "tmpfs") execFileSync("cp", ["-a", `${container.rootfs}/.`, box().path("merged")]);
        assert.equal(ok(container.run()).stdout, "mine\n1\n/file\n");
        assert.equal(readFileSync(box().path("merged/file"), "utf8"), "written\n");
        assert.equal(existsSync(container.at("file")), false);
        assert.equal(existsSync(box().path("merged/etc/group")), false);
        assert.equal(existsSync(container.at("etc/group")), true);
        assert.deepEqual(readdirSync(box().path("merged/made/here")), []);
      } finally {
        execFileSync("umount", [box().path("merged")]);
      }
    });
  }

  itOurs(
    "may be the host's own: its files with the container's mounts over them, of which the host sees nothing",
    () => {
      const onHost = (): string[] =>
        readFileSync("/proc/self/mountinfo", "utf8")
          .split("\n")
          .filter((line) => /^\S+ \S+ \S+ \S+ \/(mnt|dev|proc|sys) /.test(line));
      const before = onHost();
      const script = `cat ${box().write("here", "of the host\n")}; touch ${box().path("written")} 2>&1; ls /proc | grep -cE '^[0-9]+$'; touch /mnt/x && ls /mnt`;
      const inside = box().inside(script, (config) => {
        config.root = { path: "/", readonly: true };
        config.process.env = ["PATH=/usr/bin:/bin"];
        config.mounts = [
          ...config.mounts.filter(({ destination }) => /^\/(proc|sys|dev)$/.test(destination)),
          { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
        ];
      });
      assert.match(inside, /^of the host\ntouch: .*Read-only file system\n[34]\nx\n$/);
      assert.equal(existsSync(box().path("written")), false);
      assert.equal(existsSync("/mnt/x"), false);
      assert.deepEqual(onHost(), before);
    },
  );

  for (const flags of [[], ["--no-pivot"]])
    itOurs(
      `leaves no whole procfs in the container's mount namespace that would allow a fresh one without masks, ${flags[0] ?? "pivot_root"}`,
      () => {
        // [kernel] In a user namespace proc may be mounted only where the mount namespace holds one of which nothing is hidden.
        const mount = (change: (config: Config) => void): string =>
          box().inside(
            "unshare -Urmpf mount -t proc proc /proc 2>&1 && echo mounted; true",
            (config) => {
              config.process.user = { uid: 1000, gid: 1000 };
              change(config);
            },
            flags,
          );
        assert.match(
          mount(() => undefined),
          /permission denied|Operation not permitted/i,
        );
        assert.equal(
          mount((config) => {
            config.linux.maskedPaths = [];
            config.linux.readonlyPaths = [];
          }),
          "mounted\n",
          "without masks there is one",
        );
      },
    );

  itOurs("may lie on a shared mount: the host sees nothing of what is mounted in it", () => {
    mkdirSync(box().path("disk"));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", box().path("disk")]);
    try {
      execFileSync("mount", ["--make-shared", box().path("disk")]);
      const container = box().container((config) => {
        config.root.path = box().path("disk/rootfs");
        config.process.args = ["sh", "-c", "mount -t tmpfs tmpfs /mnt; grep -c . /proc/self/mountinfo"];
        config.process.capabilities = CAPABILITY("CAP_SYS_ADMIN");
      });
      execFileSync("cp", ["-a", container.rootfs, box().path("disk/rootfs")]);
      const count = (): number =>
        readFileSync("/proc/self/mountinfo", "utf8")
          .split("\n")
          .filter((line) => line.includes(box().directory)).length;
      const before = count();
      const { status, stderr } = container.run();
      assert.equal(status, 0, stderr);
      assert.equal(count(), before);
    } finally {
      execFileSync("umount", [box().path("disk")]);
    }
  });

  itOurs("stays where it is without a mount namespace of its own: chroot only", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "ls -d /bin && test -e /only-here"];
      shareNamespace(config, "mount");
      config.mounts = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = false;
    });
    mkdirSync(container.at("only-here"));
    const { status, stderr } = container.run();
    assert.equal(status, 0, stderr);
    for (const name of readdirSync(container.at("dev"))) rmSync(container.at(`dev/${name}`));
  });

  itOurs("of a host whose own root is an initramfs needs --no-pivot, and the error says so", function (this: Context) {
    const start = box().path("initramfs");
    execFileSync("gcc", ["-O2", "-static", "-o", start, join(PROJECT, "test/system/fixtures/initramfs.c")]);
    copyFileSync(PROGRAM, box().path("program"));
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "ls -A /; test -e /only-here"];
      writable(config);
    });
    mkdirSync(container.at("only-here"));
    const run = (...flags: string[]): Result =>
      box().exec(start, [
        box().directory,
        "./program",
        "--root",
        box().stateRoot,
        "run",
        ...flags,
        "--bundle",
        container.bundle,
        container.id,
      ]);
    const refusal = run();
    if (refusal.status === 77) skipBecause(this, "whoever made our mount namespace has left rootfs out of it");
    refused(refusal, /pivot_root\(2\).*EINVAL.*initramfs.*--no-pivot/);
    assert.deepEqual(ok(run("--no-pivot")).stdout.trim().split("\n"), readdirSync(container.rootfs).sort());
  });

  for (const [value, expected] of [
    ["shared", /shared:/],
    ["slave", /master:|^$/],
    ["private", /^$/],
    ["unbindable", /unbindable/],
  ] as const) {
    (["shared", "unbindable"].includes(value) ? itOurs : it)(
      `rootfsPropagation ${value} is that of the container's root`,
      () => {
        const inside = box().inside(
          "grep ' / / \\| / [^ ]* - ' /proc/self/mountinfo | head -1; cat /proc/self/mountinfo",
          (config) => (config.linux.rootfsPropagation = value),
        );
        const line = inside.split("\n").findLast((text) => text.split(" ")[4] === "/") ?? "";
        assert.match(line.split(" - ")[0]?.split(" ").slice(6).join(" ") ?? "", expected, line);
      },
    );
  }
});

describe("mounts", () => {
  const box = useBox();

  it("of the default config.json are what they say", () => {
    const inside = box().inside("cat /proc/self/mountinfo");
    const type = (point: string): string | undefined =>
      inside
        .split("\n")
        .findLast((line) => line.split(" ")[4] === point)
        ?.split(" - ")[1]
        ?.split(" ")[0];
    assert.deepEqual(["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"].map(type), [
      "proc",
      "tmpfs",
      "devpts",
      "tmpfs",
      "mqueue",
      "sysfs",
      onV2() ? "cgroup2" : "tmpfs",
    ]);
    const has = (point: string, ...wanted: string[]): void =>
      assert.deepEqual(
        wanted.filter((option) => !optionsAt(inside, point).includes(option)),
        [],
        point,
      );
    has("/dev", "nosuid", "mode=755", "size=65536k");
    has("/dev/pts", "nosuid", "noexec", "gid=5", "mode=620", "ptmxmode=666");
    has("/dev/shm", "nosuid", "nodev", "noexec");
    has("/sys", "ro", "nosuid", "nodev", "noexec");
    has("/sys/fs/cgroup", ...(isTsrun ? ["ro"] : []), "nosuid", "nodev", "noexec");
  });

  itOnV1("of type cgroup show every v1 controller, with the container's own group, read-only", ["pids"], () => {
    const inside = box().inside(
      "ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs; mkdir /sys/fs/cgroup/pids/x 2>&1; mkdir /sys/fs/cgroup/x 2>&1; true",
      (config) => config.linux.namespaces.push({ type: "cgroup" }),
    );
    for (const name of ["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"].filter(
      hasController,
    ))
      assert.match(inside, new RegExp(`^${name}$`, "m"));
    assert.match(inside, /^1\n/m);
    assert.match(inside, /pids\/x': Read-only file system/);
    assert.match(inside, /cgroup\/x': (Read-only file system|Permission denied)/);
  });

  itOnV1("of type cgroup are the container's group also without a cgroup namespace", ["pids"], () => {
    assert.match(box().inside("cat /sys/fs/cgroup/pids/cgroup.procs"), /^1\n/);
  });

  itOnV2(
    "of type cgroup without a cgroup namespace show all of v2, read-only, with the container's group where /proc says",
    [],
    () => {
      const inside = box().inside(
        "own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); grep -x 1 $own/cgroup.procs; mkdir $own/x 2>&1; true",
      );
      assert.match(inside, /^1\n.*Read-only file system\n$/);
    },
  );

  it("are made in the listed order: the later one hides the earlier", () => {
    mkdirSync(box().path("first"));
    mkdirSync(box().path("second"));
    box().write("first/name", "first");
    box().write("second/name", "second");
    const bind = (name: string): Mount => ({
      destination: "/mnt",
      type: "bind",
      source: box().path(name),
      options: ["rbind"],
    });
    assert.equal(box().inside("cat /mnt/name", add(bind("first"), bind("second"))), "second");
    assert.equal(box().inside("cat /mnt/name", add(bind("second"), bind("first"))), "first");
  });

  it("of type cgroup may be listed before the sysfs that covers it, and a read-only tmpfs before another one on its place", () => {
    const inside = box().inside("ls -A /sys/fs/cgroup | wc -l; touch /mnt/file && ls /mnt", (config) => {
      writable(config);
      const cgroup = config.mounts.filter(({ type }) => type === "cgroup");
      config.mounts = [...cgroup, ...config.mounts.filter(({ type }) => type !== "cgroup")];
      add({ destination: "/mnt", type: "tmpfs", options: ["ro"] }, { destination: "/mnt", type: "tmpfs" })(config);
    });
    assert.equal(inside, "0\nfile\n");
  });

  it("make the missing mount point, and everything above it, inside the root", () => {
    const file = box().write("source", "text");
    const inside = box().inside("cat /a/b/file; ls -d /c/d/e", (config) => {
      writable(config);
      add(
        { destination: "/a/b/file", type: "bind", source: file, options: ["bind"] },
        { destination: "/c/d/e", type: "tmpfs", source: "tmpfs" },
      )(config);
    });
    assert.equal(inside, "text/c/d/e\n");
  });

  describe("bind", () => {
    it("take a source relative to the bundle", () => {
      const container = box().container((config) => {
        add({ destination: "/mnt", type: "bind", source: "data", options: ["bind"] })(config);
        config.process.args = ["cat", "/mnt/file"];
      });
      mkdirSync(join(container.bundle, "data"));
      writeFileSync(join(container.bundle, "data/file"), "relative");
      assert.equal(container.run([], { cwd: "/" }).stdout, "relative");
    });

    for (const type of ["none", undefined] as const) {
      it(`are recognised by the option, type ${type}`, () => {
        mkdirSync(box().path("data"));
        box().write("data/file", "x");
        const mount: Mount = { destination: "/mnt", source: box().path("data"), options: ["rbind"] };
        assert.equal(box().inside("cat /mnt/file", add(type === undefined ? mount : { ...mount, type })), "x");
      });
    }

    it("read-only cannot be written, read-write can", () => {
      mkdirSync(box().path("data"));
      const bind = (...options: string[]): ((config: Config) => void) =>
        add({ destination: "/mnt", type: "bind", source: box().path("data"), options });
      assert.match(box().inside("touch /mnt/no 2>&1; true", bind("bind", "ro")), /Read-only/);
      box().inside("touch /mnt/yes", bind("bind"));
      assert.deepEqual(readdirSync(box().path("data")), ["yes"]);
    });

    it("with flags get them: nosuid nodev noexec", () => {
      mkdirSync(box().path("data"));
      const options = optionsAt(
        box().inside(
          "cat /proc/self/mountinfo",
          add({
            destination: "/mnt",
            type: "bind",
            source: box().path("data"),
            options: ["bind", "nosuid", "nodev", "noexec", "ro", "noatime"],
          }),
        ),
        "/mnt",
      );
      assert.deepEqual(
        ["ro", "nosuid", "nodev", "noexec", "noatime"].filter((option) => !options.includes(option)),
        [],
      );
    });

    it("of a file hide the file below", () => {
      const file = box().write("hosts", "mine\n");
      assert.equal(
        box().inside(
          "cat /etc/hosts",
          add({ destination: "/etc/hosts", type: "bind", source: file, options: ["bind", "ro"] }),
        ),
        "mine\n",
      );
    });

    it("with rbind bring the mounts below, with bind do not; rro makes all read-only", () => {
      mkdirSync(box().path("data/sub"), { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", box().path("data/sub")]);
      try {
        box().write("data/sub/file", "");
        const bind = (...options: string[]): ((config: Config) => void) =>
          add({ destination: "/mnt", type: "bind", source: box().path("data"), options });
        assert.equal(box().inside("ls /mnt/sub", bind("rbind")), "file\n");
        assert.equal(box().inside("ls /mnt/sub", bind("bind")), "");
        assert.equal(box().inside("touch /mnt/sub/file && echo writable", bind("rbind", "ro")), "writable\n");
        assert.match(box().inside("touch /mnt/sub/file 2>&1; true", bind("rbind", "rro")), /Read-only/);
      } finally {
        execFileSync("umount", [box().path("data/sub")]);
      }
    });

    it("never show the host what the container mounts in them", () => {
      mkdirSync(box().path("data/sub"), { recursive: true });
      box().inside("mount -t tmpfs tmpfs /mnt/sub && touch /mnt/sub/file", (config) => {
        config.process.capabilities = CAPABILITY("CAP_SYS_ADMIN");
        add({ destination: "/mnt", type: "bind", source: box().path("data"), options: ["rbind", "rprivate"] })(config);
      });
      assert.deepEqual(readdirSync(box().path("data/sub")), []);
    });

    for (const [option, seen] of [
      ["rprivate", ""],
      ["rslave", "file\n"],
    ] as const)
      it(`that are ${option} ${seen === "" ? "do not see" : "see"} what the host mounts in their source later`, () => {
        const data = box().path("data");
        mkdirSync(data);
        execFileSync("mount", ["-t", "tmpfs", "tmpfs", data]);
        try {
          execFileSync("mount", ["--make-shared", data]);
          mkdirSync(join(data, "sub"));
          const container = box().container((config) => {
            config.process.args = ["sleep", "1000"];
            add({ destination: "/mnt", type: "bind", source: data, options: ["rbind", option] })(config);
          });
          ok(container.create());
          ok(container.start());
          execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(data, "sub")]);
          writeFileSync(join(data, "sub/file"), "");
          assert.equal(ok(box().runtime(["exec", container.id, "ls", "/mnt/sub"])).stdout, seen);
          ok(box().runtime(["delete", "--force", container.id]));
        } finally {
          execFileSync("umount", ["-R", "-l", data]);
        }
      });
  });

  describe("tmpfs", () => {
    it("take their data options", () => {
      assert.deepEqual(
        optionsAt(
          box().inside(
            "cat /proc/self/mountinfo",
            add({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m", "mode=1700"] }),
          ),
          "/mnt",
        ).filter((option) => /size|mode|nosuid/.test(option)),
        ["nosuid", "size=1024k", "mode=1700"],
      );
    });

    it("without a mode have that of the directory below", () => {
      const container = box().container((config) => {
        add({ destination: "/mnt", type: "tmpfs", source: "tmpfs" })(config);
        config.process.args = ["stat", "-c", "%a", "/mnt"];
      });
      chmodSync(container.at("mnt"), 0o1751);
      assert.equal(container.run().stdout, "1751\n");
    });

    it("read-only are read-only, though mounts below them could be made", () => {
      const inside = box().inside(
        "touch /mnt/x 2>&1; touch /mnt/below/x && ls /mnt/below",
        add(
          { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["ro"] },
          { destination: "/mnt/below", type: "tmpfs", source: "tmpfs" },
        ),
      );
      assert.match(inside, /Read-only file system\nx\n$/);
    });

    it("with tmpcopyup begin with what the directory held", () => {
      assert.match(
        box().inside(
          "cat /etc/hosts; touch /etc/new",
          add({ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }),
        ),
        /localhost/,
      );
    });
  });

  it("with tmpcopyup belong to whom uid= and gid= say, and have the mode of mode=", () => {
    const container = box().container((config) => {
      const add = (destination: string, ...options: string[]): unknown =>
        config.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", ...options] });
      add("/home", "uid=5", "gid=6");
      add("/mnt", "gid=6");
      if (isTsrun) add("/tmp", "mode=711"); // runc 1.1 takes the directory's
      config.process.args = ["stat", "-c", "%a %u:%g", "/home", "/mnt", "/tmp"];
    });
    for (const name of ["home", "mnt", "tmp"])
      execFileSync("sh", ["-c", 'chown 3:4 "$0" && chmod 750 "$0"', container.at(name)]);
    const [home, mnt, tmp] = ok(container.run()).stdout.split("\n");
    assert.equal(home, "750 5:6");
    if (isTsrun) assert.deepEqual([mnt, tmp], ["750 3:6", "711 3:4"]);
  });

  it("with tmpcopyup have owners, modes, links and nodes as they were, and the source keeps what it had", () => {
    const container = box().container((config) => {
      config.mounts.push({ destination: "/home", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "size=1m"] });
      config.process.capabilities = CAPABILITY("CAP_DAC_OVERRIDE");
      config.process.args = [
        "sh",
        "-c",
        "cd /home && stat -c '%n %a %u:%g %F %t:%T' . below below/file below/link below/null below/fifo && readlink below/link && cat below/file && touch below/new && rm below/file",
      ];
    });
    const home = container.at("home");
    execFileSync("sh", [
      "-c",
      "cd $0 && rm -rf * && mkdir below && echo text > below/file && ln -s ../away below/link && mknod below/null c 1 3 && mkfifo below/fifo && chown 1:2 below/file && chown -h 5:6 below/link && chown 7:0 below && chown 3:4 . && chmod 4751 below/file && chmod 2711 below && chmod 750 .",
      home,
    ]);
    assert.equal(
      ok(container.run()).stdout,
      [
        ". 750 3:4 directory 0:0",
        "below 2711 7:0 directory 0:0",
        "below/file 4751 1:2 regular file 0:0",
        "below/link 777 5:6 symbolic link 0:0",
        "below/null 644 0:0 character special file 1:3",
        "below/fifo 644 0:0 fifo 0:0",
        "../away",
        "text",
        "",
      ].join("\n"),
    );
    assert.deepEqual(readdirSync(join(home, "below")).sort(), ["fifo", "file", "link", "null"]);
  });

  it("of devpts are the user namespace's own: their gid must be mapped there, and then a terminal has it", () => {
    const inside = (size: number): Container =>
      box().container((config) => {
        config.linux.namespaces.push({ type: "user" });
        config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size }];
        config.process.terminal = true;
        config.process.args = ["stat", "-L", "-c", "%u:%g %a", "/proc/self/fd/0", "/dev/ptmx"];
      });
    const refusal = inside(5).run();
    refused(
      refusal,
      isTsrun ? /\/mounts\/2\/options\/5: cannot specify gid=5 mount option: gid 5 is not mapped/ : /devpts/,
    );
    if (isTsrun) assert.match(ok(inside(6).run()).stdout, /^0:5 620\r?\n0:0 666\r?\n$/);
  });

  describe("that aim out of the root", () => {
    it("through a symlink land inside of it", () => {
      const container = box().container((config) => {
        writable(config);
        add({ destination: "/link/inside", type: "tmpfs", source: "tmpfs", options: ["size=1m"] })(config);
        config.process.args = ["sh", "-c", "grep -o ' /[^ ]*inside ' /proc/self/mountinfo"];
      });
      symlinkSync("/../../../../../../etc", container.at("link"));
      const { status, stdout, stderr } = container.run();
      assert.equal(status, 0, stderr);
      assert.equal(stdout.trim(), "/etc/inside");
      assert.equal(existsSync("/etc/inside"), false);
    });

    it("do so through .. neither", () => {
      const inside = box().inside("grep -o ' /[^ ]*inside ' /proc/self/mountinfo", (config) => {
        writable(config);
        add({ destination: "/../../../mnt/inside", type: "tmpfs", source: "tmpfs" })(config);
      });
      assert.equal(inside.trim(), "/mnt/inside");
    });

    for (const path of ["/proc", "/sys"]) {
      it(`are refused where ${path} is a symlink (CVE-2019-19921)`, () => {
        const container = box().container();
        rmSync(container.at(path), { recursive: true });
        symlinkSync("/tmp", container.at(path));
        refused(container.run(), /./);
      });
    }

    it("are refused on /proc and below it, unless they are procfs or known files (CVE-2019-16884)", () => {
      mkdirSync(box().path("data"));
      refused(
        box()
          .container(add({ destination: "/proc", type: "bind", source: box().path("data"), options: ["bind"] }))
          .run(),
        /\/proc/,
      );
      refused(
        box()
          .container(add({ destination: "/proc/self", type: "tmpfs", source: "tmpfs" }))
          .run(),
        /\/proc/,
      );
      box().inside(
        "true",
        add({ destination: "/proc/uptime", type: "bind", source: box().write("uptime", "1 1"), options: ["bind"] }),
      );
    });
  });
});

describe("devices", () => {
  const box = useBox();

  it("of every container are null, zero, full, random, urandom and tty, for everybody", () => {
    const inside = box().inside("cd /dev; stat -c '%n %F %t:%T %a %u:%g' null zero full random urandom tty");
    assert.deepEqual(
      inside.trim().split("\n"),
      [
        ["null", "1:3"],
        ["zero", "1:5"],
        ["full", "1:7"],
        ["random", "1:8"],
        ["urandom", "1:9"],
        ["tty", "5:0"],
      ].map(([name, number]) => `${name} character special file ${number} 666 0:0`),
    );
  });

  it("can be used by a user without rights", () => {
    box().inside(
      "echo x > /dev/null && head -c 1 /dev/zero /dev/urandom | wc -c; ! echo x > /dev/full 2>/dev/null",
      (config) => (config.process.user = { uid: 1000, gid: 1000 }),
    );
  });

  it("come with the links fd, stdin, stdout, stderr and ptmx, and core where there is a kcore", () => {
    const inside = box().inside("cd /dev; for l in fd stdin stdout stderr ptmx core; do echo $l $(readlink $l); done");
    const links = Object.fromEntries(
      inside
        .trim()
        .split("\n")
        .map((line) => line.split(" ")),
    );
    assert.deepEqual(
      { ...links, core: "" },
      {
        fd: "/proc/self/fd",
        stdin: "/proc/self/fd/0",
        stdout: "/proc/self/fd/1",
        stderr: "/proc/self/fd/2",
        ptmx: "pts/ptmx",
        core: "",
      },
    );
    assert.equal(links["core"], existsSync("/proc/kcore") ? "/proc/kcore" : undefined);
  });

  it("of config.json are made as it says: type, numbers, mode, owner, with the directories above", () => {
    const inside = box().inside("stat -c '%F %t:%T %a %u:%g' /dev/a/char /dev/b/block /dev/fifo", (config) => {
      config.linux.devices = [
        { path: "/dev/a/char", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 },
        { path: "/dev/b/block", type: "b", major: 7, minor: 300, fileMode: 0o604 },
        { path: "/dev/fifo", type: "p", fileMode: 0o777, uid: 1000 },
      ];
    });
    assert.equal(
      inside,
      "character special file a:e5 640 7:8\nblock special file 7:12c 604 0:0\nfifo 0:0 777 1000:0\n",
    );
  });

  it("that are in the image already stay as they are", () => {
    const container = box().container((config) => {
      writable(config);
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      config.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 1 }];
      config.process.args = ["stat", "-c", "%F %t:%T %a %u:%g", "/dev/fuse"];
    });
    execFileSync("mknod", ["-m", "0640", container.at("dev/fuse"), "c", "10", "229"]);
    assert.equal(ok(container.run()).stdout, "character special file a:e5 640 0:0\n");
  });

  it("are still made when config.json lists a default one again", () => {
    const inside = box().inside("stat -c %a /dev/null; : > /dev/null", (config) => {
      config.linux.devices = [{ path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 }];
      // As with runc the default node's rule goes with the node.
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
        ],
      };
    });
    assert.equal(inside, "666\n");
  });

  it("are made also where /dev is read-only afterwards", () => {
    const inside = box().inside("touch /dev/x 2>&1; test -c /dev/null && test -L /dev/ptmx && echo made", (config) => {
      for (const mount of config.mounts)
        if (mount.destination === "/dev") mount.options = [...(mount.options ?? []), "ro"];
    });
    assert.equal(inside, "touch: /dev/x: Read-only file system\nmade\n");
  });

  it("are left alone when /dev is bound from the host", () => {
    const before = readdirSync("/dev").length;
    box().inside("test -c /dev/null", (config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      add({ destination: "/dev", type: "bind", source: "/dev", options: ["rbind", "rslave"] })(config);
    });
    assert.equal(readdirSync("/dev").length, before);
    assert.equal(statSync("/dev/null").isCharacterDevice(), true);
  });

  itOurs("do not follow a /dev that the image made a symlink (CVE-2026-41579)", () => {
    const container = box().container((config) => {
      writable(config);
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    });
    rmSync(container.at("dev"), { recursive: true });
    mkdirSync(box().path("victim"));
    symlinkSync(`/../../../../../../../../..${box().path("victim")}`, container.at("dev"));
    container.run();
    assert.deepEqual(readdirSync(box().path("victim")), []);
  });
});

describe("masked and read-only paths", () => {
  const box = useBox();

  it("masked: a file reads empty, a directory is empty and read-only, what is missing does not matter", () => {
    const inside = box().inside(
      "wc -c < /etc/passwd; ls -A /home | wc -l; touch /home/x 2>&1; ls -A /var | wc -l",
      (config) => {
        writable(config);
        config.linux.maskedPaths = ["/etc/passwd", "/home", "/var", "/nonexistent", "/proc/nonexistent"];
      },
    );
    assert.equal(inside, "0\n0\ntouch: /home/x: Read-only file system\n0\n");
  });

  it("masked: the default ones below /proc and /sys give nothing away", () => {
    assert.equal(
      box().inside(
        "head -c 10 /proc/kcore 2>/dev/null | wc -c; cat /proc/keys /proc/timer_list /proc/latency_stats 2>/dev/null | wc -c; ls -A /sys/firmware | wc -l",
      ),
      "0\n0\n0\n",
    );
  });

  itOurs("masked: many directories are covered by one and the same tmpfs", () => {
    const inside = box().inside(
      "stat -c %d /home /var /tmp | sort -u | wc -l; ls -A /home /var /tmp | grep -v : | grep -c .; true",
      (config) => {
        config.linux.maskedPaths = ["/home", "/var", "/tmp"];
      },
    );
    assert.equal(inside, "1\n0\n");
  });

  it("read-only: files and directories cannot be written, what is missing does not matter", () => {
    const inside = box().inside("touch /etc/x /tmp/x 2>&1; echo x 2>&1 > /proc/sys/kernel/domainname", (config) => {
      writable(config);
      config.process.args[2] += "; true";
      config.linux.readonlyPaths = ["/etc", "/proc/sys", "/nonexistent"];
    });
    assert.match(inside, /\/etc\/x: Read-only file system/);
    assert.doesNotMatch(inside, /\/tmp\/x/);
  });

  it("read-only: the flags that the mount had stay", () => {
    const options = optionsAt(
      box().inside("cat /proc/self/mountinfo", (config) => {
        add({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec"] })(config);
        config.linux.readonlyPaths = ["/mnt"];
      }),
      "/mnt",
    );
    assert.deepEqual(
      ["ro", "nosuid", "nodev", "noexec"].filter((option) => !options.includes(option)),
      [],
    );
  });

  it("are refused without a mount namespace", () => {
    refused(
      box()
        .container((config) => {
          shareNamespace(config, "mount");
          config.mounts = [];
        })
        .run(),
      isTsrun ? /\/linux\/maskedPaths.*MNT namespace/ : /MNT/,
    );
  });
});

describe("the runtime's own program", () => {
  const box = useBox();

  itOurs("cannot be written through /proc/self/exe of init by a container in its way (CVE-2019-5736)", () => {
    // A hook in the container's namespaces sees init: what its exe leads to is not the runtime, and must not open for writing. (The kernel
    // refuses that of what is executed anyway: who has it open already waits until it is not.)
    const container = box().container((config) => {
      config.process.capabilities = CAPABILITY("CAP_SYS_PTRACE");
      config.hooks = {
        startContainer: [
          {
            path: "/bin/sh",
            args: [
              "sh",
              "-c",
              "if test -s /proc/1/exe; then exit 8; fi; if echo x >> /proc/1/exe; then exit 7; fi; true",
            ],
          },
        ],
      };
    });
    const { status, stderr } = container.run();
    assert.equal(status, 0, stderr);
  });
});
