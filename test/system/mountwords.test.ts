// The words of mounts[].options, each as the container's own mountinfo has it (FEATURES A8–A12, A15, R1).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { knownMountOptions } from "../../src/rootfs/options.ts";
import type { Config, Mount } from "./bundle.ts";
import { isTsrun, itOurs, ok, refused, useBox, type Box } from "./harness.ts";

type Seen = {
  readonly point: string;
  readonly own: readonly string[];
  readonly tags: readonly string[];
  readonly superblock: readonly string[];
};

/** All mounts of a container with these. */
function mountsOf(
  box: Box,
  mounts: readonly Mount[],
  change: (config: Config) => void = () => undefined,
): readonly Seen[] {
  const text = box.inside("cat /proc/self/mountinfo", (config) => {
    config.mounts.push(...mounts);
    change(config);
  });
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [front = "", back = ""] = line.split(" - ");
      const fields = front.split(" ");
      return {
        point: fields[4] ?? "",
        own: (fields[5] ?? "").split(","),
        tags: fields.slice(6),
        superblock: (back.split(" ")[2] ?? "").split(","),
      };
    });
}

function at(mounts: readonly Seen[], point: string): Seen {
  const found = mounts.findLast((mount) => mount.point === point);
  assert(found !== undefined, `${point} is no mount`);
  return found;
}

/** A mount for each list of words, all of them in one container. */
const eachIn = (
  lists: readonly (readonly string[])[],
  mount: Omit<Mount, "destination" | "options">,
  first: readonly string[] = [],
): Mount[] => lists.map((words, i) => ({ ...mount, destination: `/tmp/${i}`, options: [...first, ...words] }));

const writable: Mount = { destination: "/tmp", type: "tmpfs", source: "tmpfs" };

/** What each word makes of a tmpfs: the options of the mount, and of the file system. */
const FLAGS: readonly (readonly [words: readonly string[], own: readonly string[], superblock: readonly string[]])[] = [
  [[], ["rw", "relatime"], ["rw"]],
  [["defaults"], ["rw", "relatime"], ["rw"]],
  [["ro"], ["ro", "relatime"], []],
  [["ro", "rw"], ["rw", "relatime"], ["rw"]],
  [["nosuid"], ["rw", "nosuid", "relatime"], []],
  [["nosuid", "suid"], ["rw", "relatime"], []],
  [["nodev"], ["rw", "nodev", "relatime"], []],
  [["nodev", "dev"], ["rw", "relatime"], []],
  [["noexec"], ["rw", "noexec", "relatime"], []],
  [["noexec", "exec"], ["rw", "relatime"], []],
  [["noatime"], ["rw", "noatime"], []],
  [["noatime", "atime"], ["rw", "relatime"], []],
  [["nodiratime"], ["rw", "nodiratime", "relatime"], []],
  [["nodiratime", "diratime"], ["rw", "relatime"], []],
  [["relatime"], ["rw", "relatime"], []],
  [["strictatime"], ["rw"], []],
  [["strictatime", "nostrictatime"], ["rw", "relatime"], []],
  [["nosymfollow"], ["rw", "relatime", "nosymfollow"], []],
  [["nosymfollow", "symfollow"], ["rw", "relatime"], []],
  [["sync"], ["rw", "relatime"], ["sync"]],
  [["sync", "async"], ["rw", "relatime"], ["!sync"]],
  [["dirsync"], ["rw", "relatime"], ["dirsync"]],
  [["mand", "nomand"], ["rw", "relatime"], ["!mand"]],
  [["lazytime"], ["rw", "relatime"], ["lazytime"]],
  [["lazytime", "nolazytime"], ["rw", "relatime"], ["!lazytime"]],
  [["silent", "loud"], ["rw", "relatime"], ["!silent"]],
  [["iversion", "noiversion"], ["rw", "relatime"], ["!iversion"]],
];

/** For the whole tree of a bind: what the mount and the one below it have. */
const TREE: readonly (readonly [words: readonly string[], own: readonly string[]])[] = [
  [["rro"], ["ro", "relatime"]],
  [
    ["rro", "rrw"],
    ["rw", "relatime"],
  ],
  [["rnosuid"], ["rw", "nosuid", "relatime"]],
  [
    ["rnosuid", "rsuid"],
    ["rw", "relatime"],
  ],
  [["rnodev"], ["rw", "nodev", "relatime"]],
  [
    ["rnodev", "rdev"],
    ["rw", "relatime"],
  ],
  [["rnoexec"], ["rw", "noexec", "relatime"]],
  [
    ["rnoexec", "rexec"],
    ["rw", "relatime"],
  ],
  [["rnodiratime"], ["rw", "nodiratime", "relatime"]],
  [
    ["rnodiratime", "rdiratime"],
    ["rw", "relatime"],
  ],
  [["rrelatime"], ["rw", "relatime"]],
  [["rnorelatime"], ["rw", "relatime"]],
  [["rnoatime"], ["rw", "noatime"]],
  [
    ["rnoatime", "ratime"],
    ["rw", "relatime"],
  ],
  [["rstrictatime"], ["rw"]],
  [
    ["rstrictatime", "rnostrictatime"],
    ["rw", "relatime"],
  ],
  [["rnosymfollow"], ["rw", "relatime", "nosymfollow"]],
  [
    ["rnosymfollow", "rsymfollow"],
    ["rw", "relatime"],
  ],
];

const PROPAGATION: readonly (readonly [words: readonly string[], top: RegExp, below: RegExp])[] = [
  [["private"], /^$/, /^(master:\d+)?$/],
  [["rprivate"], /^$/, /^$/],
  [["shared"], /^shared:\d+( master:\d+)?$/, /^(master:\d+)?$/],
  [["rshared"], /^shared:\d+( master:\d+)?$/, /^shared:\d+( master:\d+)?$/],
  [["slave"], /^(master:\d+)?$/, /^(master:\d+)?$/],
  [["rslave"], /^(master:\d+)?$/, /^(master:\d+)?$/],
  [["unbindable"], /^unbindable$/, /^(master:\d+)?$/],
  [["runbindable"], /^unbindable$/, /^unbindable$/],
  [["rshared", "rslave", "rprivate"], /^$/, /^$/],
];

describe("a word of mounts[].options", () => {
  const box = useBox();

  it("is a flag of the mount or of the file system, and the last one of a kind counts", () => {
    const seen = mountsOf(box(), [
      writable,
      ...eachIn(
        FLAGS.map(([words]) => words),
        { type: "tmpfs", source: "tmpfs" },
      ),
    ]);
    FLAGS.forEach(([words, own, superblock], i) => {
      const mount = at(seen, `/tmp/${i}`);
      assert.deepEqual([...mount.own].sort(), [...own].sort(), words.join(","));
      for (const word of superblock)
        assert.equal(
          mount.superblock.includes(word.replace("!", "")),
          !word.startsWith("!"),
          `${words.join(",")}: ${mount.superblock.join(",")}`,
        );
    });
  });

  it("that sets a flag of a bind leaves its source's file system alone", () => {
    mkdirSync(box().path("data"));
    const lists = FLAGS.slice(2, 17).map(([words]) => words);
    const seen = mountsOf(box(), [writable, ...eachIn(lists, { type: "bind", source: box().path("data") }, ["bind"])]);
    FLAGS.slice(2, 17).forEach(([words, own], i) => {
      const mount = at(seen, `/tmp/${i}`);
      for (const flag of ["ro", "nosuid", "nodev", "noexec"])
        assert.equal(mount.own.includes(flag), own.includes(flag), `${words.join(",")}: ${mount.own.join(",")}`);
      assert.equal(mount.superblock.includes("ro"), false);
    });
  });

  it("for the whole tree reaches the mounts below, too", () => {
    mkdirSync(box().path("data/sub"), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "relatime", "tmpfs", box().path("data")]);
    try {
      mkdirSync(box().path("data/sub"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "relatime", "tmpfs", box().path("data/sub")]);
      const seen = mountsOf(box(), [
        writable,
        ...eachIn(
          TREE.map(([words]) => words),
          { type: "bind", source: box().path("data") },
          ["rbind"],
        ),
      ]);
      TREE.forEach(([words, own], i) => {
        assert.deepEqual([...at(seen, `/tmp/${i}`).own].sort(), [...own].sort(), words.join(","));
        assert.deepEqual([...at(seen, `/tmp/${i}/sub`).own].sort(), [...own].sort(), `${words.join(",")} below`);
      });
    } finally {
      execFileSync("umount", ["-R", box().path("data")]);
    }
  });

  it("for the tree of a file system is its own mount's", () => {
    const mount = at(
      mountsOf(box(), [
        writable,
        { destination: "/tmp/0", type: "tmpfs", source: "tmpfs", options: ["rro", "rnoexec"] },
      ]),
      "/tmp/0",
    );
    assert.deepEqual([...mount.own].sort(), ["noexec", "relatime", "ro"]);
  });

  itOurs("for propagation is a call of its own, one after the other", () => {
    mkdirSync(box().path("data/sub"), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", box().path("data")]);
    try {
      mkdirSync(box().path("data/sub"));
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", box().path("data/sub")]);
      for (const [words, top, below] of PROPAGATION) {
        const seen = mountsOf(box(), [
          { destination: "/mnt", type: "bind", source: box().path("data"), options: ["rbind", ...words] },
        ]);
        assert.match(at(seen, "/mnt").tags.join(" "), top, words.join(","));
        assert.match(at(seen, "/mnt/sub").tags.join(" "), below, `${words.join(",")} below`);
      }
    } finally {
      execFileSync("umount", ["-R", box().path("data")]);
    }
  });

  it("that is none is data for the file system, in its order and joined by commas", () => {
    const mount = at(
      mountsOf(box(), [
        writable,
        {
          destination: "/tmp/0",
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=64k", "nosuid", "nr_inodes=9", "mode=0711"],
        },
      ]),
      "/tmp/0",
    );
    for (const word of ["size=64k", "nr_inodes=9", "mode=711"])
      assert(mount.superblock.includes(word), mount.superblock.join(","));
  });

  it("that is none is refused on a bind, where the kernel would ignore it", () => {
    mkdirSync(box().path("data"));
    refused(
      box()
        .container((config) =>
          config.mounts.push({
            destination: "/mnt",
            type: "bind",
            source: box().path("data"),
            options: ["bind", "mode=0700"],
          }),
        )
        .run(),
      isTsrun ? /\/mounts\/7\/options: .*mode=0700/ : /./,
    );
  });

  it("keeps the flags of a bind's source when no word asks, and puts its own in their place when one does", () => {
    mkdirSync(box().path("data"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid,nodev,noexec", "tmpfs", box().path("data")]);
    try {
      const bind = (...options: string[]): Seen =>
        at(
          mountsOf(box(), [
            { destination: "/mnt", type: "bind", source: box().path("data"), options: ["bind", ...options] },
          ]),
          "/mnt",
        );
      assert.deepEqual(
        ["nosuid", "nodev", "noexec"].filter((word) => !bind().own.includes(word)),
        [],
      );
      const own = bind("ro", "nosuid").own;
      assert.deepEqual(
        ["ro", "nosuid", "nodev", "noexec"].map((word) => own.includes(word)),
        [true, true, ...(isTsrun ? [false, false] : [own.includes("nodev"), own.includes("noexec")])],
      );
    } finally {
      execFileSync("umount", [box().path("data")]);
    }
  });

  itOurs("is tried above", () => {
    const tried = new Set([
      ...FLAGS.flatMap(([words]) => words),
      ...TREE.flatMap(([words]) => words),
      ...PROPAGATION.flatMap(([words]) => words),
    ]);
    // rootfs.test.ts has bind, rbind and tmpcopyup; "iversion" and "mand" are of few file systems; norelatime is the kernel's default by another name.
    const elsewhere = ["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap", "norelatime"];
    assert.deepEqual(
      knownMountOptions().filter((word) => !tried.has(word) && !elsewhere.includes(word)),
      [],
    );
  });

  it("remount changes what is mounted there", () => {
    const seen = mountsOf(box(), [
      writable,
      { destination: "/tmp", source: "tmpfs", options: ["bind", "remount", "ro", "noexec"] },
    ]);
    assert.deepEqual(
      ["ro", "noexec"].filter((word) => !at(seen, "/tmp").own.includes(word)),
      [],
    );
    assert.equal(seen.filter(({ point }) => point === "/tmp").length, 1);
  });
});

describe("a destination that is relative", () => {
  const box = useBox();

  itOurs("starts at the container's root, with a warning", () => {
    const container = box().container((config) => {
      config.root.readonly = false;
      config.mounts.push({ destination: "here/below", type: "tmpfs", source: "tmpfs" });
      config.process.args = ["sh", "-c", "grep -o ' /here/below ' /proc/self/mountinfo"];
    });
    const { stdout, stderr } = ok(container.run());
    assert.equal(stdout, " /here/below \n");
    assert.match(stderr, /warning: \/mounts\/7\/destination: relative destination path "here\/below" is deprecated/);
  });
});

describe("what an option of the host's mounts says", () => {
  const box = useBox();

  it("stays for a read-only root: nosuid and nodev of the file system that it lies on", () => {
    mkdirSync(box().path("disk"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid,nodev", "tmpfs", box().path("disk")]);
    try {
      const container = box().container((config) => {
        config.root.path = box().path("disk/rootfs");
        config.process.args = ["cat", "/proc/self/mountinfo"];
      });
      execFileSync("cp", ["-a", container.rootfs, box().path("disk/rootfs")]);
      const line =
        ok(container.run())
          .stdout.split("\n")
          .findLast((text) => text.split(" ")[4] === "/") ?? "";
      assert.deepEqual(
        ["ro", "nosuid", "nodev"].filter((word) => !(line.split(" ")[5] ?? "").split(",").includes(word)),
        [],
        line,
      );
      assert.match(
        readFileSync("/proc/self/mountinfo", "utf8"),
        new RegExp(`${box().path("disk")} rw,`),
        "the host's own stays writable",
      );
    } finally {
      execFileSync("umount", [box().path("disk")]);
    }
  });
});
