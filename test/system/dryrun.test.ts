// What `validate --host` says beforehand is what `run` hears: each mistake alone, and all of them together.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { hasController, onV2 } from "./groups.ts";
import { isTsrun, ok, refused, soon, useBox, type Box, type Container } from "./harness.ts";

type Finding = {
  readonly level: string;
  readonly pointer: string;
  readonly line?: number;
  readonly column?: number;
  readonly problem: string;
  readonly hint?: string;
};

type Mistake = {
  readonly name: string;
  /** Where it is, and what is said of it. */
  readonly pointer: string;
  readonly says: RegExp;
  /** Controllers without which the mistake is another. */
  readonly controllers?: readonly string[];
  readonly make: (config: Config, box: Box) => void;
};

const capability = (set: string, name: string) => (config: Config) => {
  const sets = config.process.capabilities ?? {};
  config.process.capabilities = { ...sets, [set]: [...(sets[set] ?? []), name] };
};
const mount =
  (destination: string, type: string, ...options: string[]) =>
  (config: Config): void =>
    void config.mounts.push({ destination, type, source: type, options });
const resources = (part: object) => (config: Config) => {
  config.linux.resources = { ...config.linux.resources, ...part };
};

/** What root's capabilities lack here, whatever the machine: containers of engines have few, machines all. */
const missingCapability = (): string | undefined => {
  const own = BigInt(
    `0x${/^CapPrm:\s*(\w+)/m.exec(execFileSync("cat", ["/proc/self/status"], { encoding: "utf8" }))?.[1] ?? "0"}`,
  );
  return (own & (1n << 24n)) === 0n ? "CAP_SYS_RESOURCE" : undefined;
};

const mistakes: readonly Mistake[] = [
  {
    name: "a hard limit above the largest that there can be",
    pointer: "/process/rlimits/0",
    says: /RLIMIT_NOFILE.*operation not permitted; .*nr_open/,
    make: (config) => (config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 ** 40 }]),
  },
  {
    name: "an effective capability that is not permitted",
    pointer: "/process/capabilities/effective/3",
    says: /CAP_SYS_ADMIN is not among the permitted/,
    make: capability("effective", "CAP_SYS_ADMIN"),
  },
  {
    name: "an inheritable capability outside of the bounding set",
    pointer: "/process/capabilities/inheritable/0",
    says: /CAP_SYS_ADMIN is not in the bounding set/,
    make: capability("inheritable", "CAP_SYS_ADMIN"),
  },
  {
    name: "processors that are not there",
    pointer: "/linux/resources/cpu/cpus",
    says: /processor \d+ is not there/,
    controllers: ["cpuset"],
    make: resources({ cpu: { cpus: "0-8000" } }),
  },
  {
    name: "a memory limit that no program can start with",
    pointer: "/linux/resources/memory/limit",
    says: /too few for any program/,
    controllers: ["memory"],
    make: resources({ memory: { limit: 4096 } }),
  },
  {
    name: "a quota that is larger than the kernel takes",
    pointer: "/linux/resources/cpu/quota",
    says: /more than the kernel takes/,
    controllers: ["cpu"],
    make: resources({ cpu: { quota: 2 ** 50, period: 100000 } }),
  },
  {
    name: "a quota that is smaller than the kernel takes",
    pointer: "/linux/resources/cpu/quota",
    says: /less than the kernel takes/,
    controllers: ["cpu"],
    make: resources({ cpu: { quota: 500, period: 100000 } }),
  },
  {
    name: "a period that the kernel does not take",
    pointer: "/linux/resources/cpu/period",
    says: /not between 1000/,
    controllers: ["cpu"],
    make: resources({ cpu: { quota: 50000, period: 2_000_000 } }),
  },
  {
    name: "more processes than there can be",
    pointer: "/linux/resources/pids/limit",
    says: /more than there can be processes/,
    controllers: ["pids"],
    make: resources({ pids: { limit: 5_000_000 } }),
  },
  {
    name: "a limit for a block device that is not there",
    pointer: "/linux/resources/blockIO/throttleReadBpsDevice/0",
    says: /no block device 77:1/,
    controllers: ["blkio"],
    make: resources({ blockIO: { throttleReadBpsDevice: [{ major: 77, minor: 1, rate: 1 }] } }),
  },
  {
    name: "an option that tmpfs does not know",
    pointer: "/mounts/7/options/1",
    says: /Unknown parameter 'siz'; did you mean "size=5"/,
    make: mount("/x", "tmpfs", "nosuid", "siz=5"),
  },
  {
    name: "a value that tmpfs does not take",
    pointer: "/mounts/7/options/0",
    says: /tmpfs: Bad value for 'size'/,
    make: mount("/x", "tmpfs", "size=abc"),
  },
  {
    name: "an option that proc does not know",
    pointer: "/mounts/0/options/0",
    says: /proc: .*hidepidd.*did you mean "hidepid=2"/,
    make: (config) =>
      void (config.mounts[0] = { destination: "/proc", type: "proc", source: "proc", options: ["hidepidd=2"] }),
  },
  {
    name: "a directory bound on a file",
    pointer: "/mounts/7",
    says: /is a directory, and \/etc\/passwd is a file/,
    make: (config) => void config.mounts.push({ destination: "/etc/passwd", source: "/tmp", options: ["bind"] }),
  },
  {
    name: "a file bound on a directory, through a link of the image",
    pointer: "/mounts/7",
    says: /is a file, and \/link is a directory/,
    make: (config) => void config.mounts.push({ destination: "/link", source: "/etc/passwd", options: ["bind"] }),
  },
  {
    name: "a file bound on what an earlier mount made a directory",
    pointer: "/mounts/8",
    says: /is a file, and \/home is a directory/,
    make: (config) => {
      mount("/home", "tmpfs")(config);
      config.mounts.push({ destination: "/home", source: "/etc/passwd", options: ["bind"] });
    },
  },
  {
    name: "a mount point below a file",
    pointer: "/mounts/7/destination",
    says: /\/etc\/passwd\/x.*not a directory/,
    make: mount("/etc/passwd/x", "tmpfs"),
  },
  {
    name: "a block device that is not there",
    pointer: "/mounts/7/source",
    says: /\/dev\/no-such-disk: no such file/,
    make: (config) => void config.mounts.push({ destination: "/x", type: "ext4", source: "/dev/no-such-disk" }),
  },
  {
    name: "a host name that is too long",
    pointer: "/hostname",
    says: /invalid argument; a name has at most 64 bytes/,
    make: (config) => (config.hostname = "a".repeat(65)),
  },
  {
    name: "a sysctl that does not take the value",
    pointer: "/linux/sysctl/net.ipv4.ip_forward",
    says: /"x" in \/proc\/sys\/net\/ipv4\/ip_forward: invalid argument/,
    make: (config) => (config.linux.sysctl = { "net.ipv4.ip_forward": "x" }),
  },
  {
    name: "a misspelt sysctl",
    pointer: "/linux/sysctl/kernel.msgmax",
    says: /./,
    make: (config) => (config.linux.sysctl = { "kernel.msgmax": "none" }),
  },
  {
    name: "a program whose loader the image lacks",
    pointer: "/process/args/0",
    says: /loaded by \/lib64\/no-such-loader\.so/,
    make: (config) => (config.process.args = ["/bin/dynamic"]),
  },
  {
    name: "a script whose interpreter the image lacks",
    pointer: "/process/args/0",
    says: /a script for \/usr\/bin\/python9/,
    make: (config) => (config.process.args = ["/bin/script"]),
  },
  {
    name: "a terminal without devpts",
    pointer: "/process/terminal",
    says: /takes a devpts on \/dev\/pts/,
    make: (config) => {
      config.process.terminal = true;
      config.mounts = config.mounts.filter(({ type }) => type !== "devpts");
    },
  },
  {
    name: "a root that is a symbolic link",
    pointer: "/root/path",
    says: /is a symbolic link/,
    make: (config) => (config.root.path = "linked"),
  },
  {
    name: "a clock offset that is too large",
    pointer: "/linux/timeOffsets",
    says: /numerical result out of range/,
    make: (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { monotonic: { secs: 2 ** 40 } };
    },
  },
];

describe("validate --host, a dry run", function () {
  if (!isTsrun) return;
  this.timeout(60_000);
  const box = useBox();

  function findings(container: Container): readonly Finding[] {
    const { stdout } = box().runtime(["validate", "--host", "--json", "-b", container.bundle]);
    return (JSON.parse(stdout) as { findings: Finding[] }).findings;
  }

  /** A bundle with what some of the mistakes need. */
  function bundle(...made: readonly Mistake["make"][]): Container {
    const container = box().container((config) => made.forEach((make) => make(config, box())));
    symlinkSync("rootfs", `${container.bundle}/linked`);
    mkdirSync(container.at("real"));
    symlinkSync("real", container.at("link"));
    writeFileSync(container.at("bin/script"), "#!/usr/bin/python9 -x\n", { mode: 0o755 });
    writeFileSync(container.at("bin/dynamic"), elfWith("/lib64/no-such-loader.so"), { mode: 0o755 });
    return container;
  }

  for (const { name, pointer, says, controllers = [], make } of mistakes) {
    const missing = controllers.find((one) => !hasController(one));
    const title = `names ${name}, which \`run\` refuses`;
    if (missing !== undefined) {
      it.skip(`${title} (this host has no ${missing} controller)`);
      continue;
    }
    it(title, () => {
      const container = bundle(make);
      const errors = findings(container).filter(({ level }) => level === "error");
      assert.deepEqual(
        errors.map((error) => error.pointer),
        [pointer],
      );
      const [error] = errors;
      assert.match(`${error?.problem}${error?.hint === undefined ? "" : `; ${error.hint}`}`, says);
      assert((error?.line ?? 0) > 1 && (error?.column ?? 0) > 1, JSON.stringify(error));
      assert.notEqual(box().runtime(["run", "-b", container.bundle, container.id]).status, 0);
      box().runtime(["delete", "--force", container.id]);
    });
  }

  it("names them all at once, in the order of the text", () => {
    const combined = [
      "a hard limit above the largest that there can be",
      "an effective capability that is not permitted",
      "an option that tmpfs does not know",
      "a directory bound on a file",
      "a host name that is too long",
      "a script whose interpreter the image lacks",
      ...(hasController("cpuset") ? ["processors that are not there"] : []),
      ...(hasController("memory") ? ["a memory limit that no program can start with"] : []),
    ].map((name) => mistakes.find((one) => one.name === name));
    const makers = combined.flatMap((one) => (one === undefined ? [] : [one.make]));
    const container = bundle(...makers);
    const errors = findings(container).filter(({ level }) => level === "error");
    assert.equal(errors.length, combined.length, JSON.stringify(errors, null, 1));
    const { stdout, status } = box().runtime(["validate", "--host", "-b", container.bundle]);
    assert.equal(status, 1);
    const places = [...stdout.matchAll(/config\.json:(\d+):\d+: error/g)].map(([, line]) => Number(line));
    assert.equal(places.length, combined.length);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
  });

  it("names what only a missing capability forbids", function () {
    const missing = missingCapability();
    if (missing === undefined) return this.skip();
    const container = bundle(
      capability("permitted", missing),
      (config) => (config.process.oomScoreAdj = -900),
      (config) => (config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1_000_000, hard: 1_000_000 }]),
    );
    const errors = findings(container).filter(({ level }) => level === "error");
    assert.deepEqual(errors.map(({ pointer }) => pointer).sort(), [
      "/process/capabilities/permitted/3",
      "/process/oomScoreAdj",
      "/process/rlimits/0",
    ]);
    refused(container.run(), /oom|rlimit|cap/i);
  });

  it("looks at the host also for what is left of a document that breaks the schema", () => {
    const container = bundle((config) => {
      Object.assign(config, { hostname: 5 });
      config.mounts.push({ destination: "/x" } as never, { destination: "/y", type: "tmpfs", options: ["siz=5"] });
      config.mounts.unshift({ source: "/a" } as never);
      config.process.user = { uid: "0", gid: 0 } as never;
    });
    const found = findings(container).filter(({ level }) => level === "error");
    const pointers = found.map(({ pointer }) => pointer);
    for (const pointer of [
      "/hostname",
      "/mounts/0/destination",
      "/process/user/uid",
      "/mounts/8",
      "/mounts/9/options/0",
    ])
      assert(pointers.includes(pointer), `${pointer} in ${pointers.join(" ")}`);
  });

  it("says what was meant by words that the schema does not count up", () => {
    const container = bundle(
      capability("bounding", "CAP_NET_ADMN"),
      mount("/x", "tmpsf"),
      (config) => void config.mounts.push({ destination: "/y", source: "/tmp", options: ["bind", "nosiud"] }),
    );
    const { stdout } = box().runtime(["validate", "-b", container.bundle]);
    assert.match(
      stdout,
      /bounding\/3: there is no capability CAP_NET_ADMN: it is ignored; did you mean CAP_NET_ADMIN\?/,
    );
    assert.match(stdout, /"tmpsf" is no file system that is known; did you mean "tmpfs"\?/);
    assert.match(stdout, /no mount has an option "nosiud"; did you mean "nosuid"\?/);
  });

  it("warns of users that the container's own files do not name", () => {
    const container = bundle((config) => (config.process.user = { uid: 4321, gid: 4322 }));
    const warnings = findings(container).map(({ level, pointer }) => `${level} ${pointer}`);
    assert.deepEqual(warnings, ["warning /process/user/uid", "warning /process/user/gid"]);
    ok(container.run());
  });

  it("names a pid namespace whose first process has ended", async () => {
    const holder = spawn("unshare", ["--pid", "--fork", "--kill-child", "sleep", "1000"], { stdio: "ignore" });
    const child = (): string =>
      execFileSync("cat", [`/proc/${holder.pid}/task/${holder.pid}/children`], { encoding: "utf8" }).trim();
    await soon("the holder has a child", () => child() !== "");
    const path = box().path("pidns");
    writeFileSync(path, "");
    execFileSync("mount", ["--bind", `/proc/${child()}/ns/pid`, path]);
    try {
      const container = bundle(
        (config) =>
          (config.linux.namespaces = config.linux.namespaces.map((one) =>
            one.type === "pid" ? { type: "pid", path } : one,
          )),
      );
      assert.deepEqual(findings(container), []);
      holder.kill("SIGKILL");
      await soon("the holder has ended", () => holder.exitCode !== null || holder.signalCode !== null);
      const told = findings(container);
      assert.deepEqual(
        told.map(({ level, pointer }) => `${level} ${pointer}`),
        ["error /linux/namespaces/0/path"],
      );
      assert.match(told[0]?.problem ?? "", /whose first process has ended/);
      refused(container.run(), /./);
    } finally {
      holder.kill("SIGKILL");
      execFileSync("umount", [path]);
    }
  });

  it("leaves no process, mount or cgroup behind", () => {
    const container = bundle(...mistakes.slice(0, 4).map(({ make }) => make));
    findings(container);
    assert.deepEqual(box().cgroups(), []);
    assert.equal(existsSync(container.at("x")), false);
    if (!onV2()) assert.equal(existsSync(`/sys/fs/cgroup/memory/${container.id}`), false);
  });
});

/** The beginning of a program of this machine's kind that names its loader. */
function elfWith(loader: string): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(process.arch === "arm64" ? 183 : 62, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32); // e_phoff
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64); // PT_INTERP
  bytes.writeBigUInt64LE(128n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 32);
  bytes.write(`${loader}\0`, 128);
  return bytes;
}
