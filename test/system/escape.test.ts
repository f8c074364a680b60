// The ways out of a container that runtimes have had: each test is the attack. fixtures/escape.c is what the attacker runs.
// Races run for a bounded time: a test that passes has not lost, it cannot prove that it never would.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { Config, Mount } from "./bundle.ts";
import {
  ended,
  eventually,
  fields,
  isTsrun,
  itOurs,
  ok,
  PROGRAM,
  refused,
  SLOWNESS,
  useBox,
  user,
  type Box,
  type Container,
} from "./harness.ts";
import { OnTerminal, useTerminals } from "./terminal.ts";
import { fileURLToPath } from "node:url";
import { skipBecause } from "../skip.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

let escape = "";

before(() => {
  escape = join(mkdtempSync(join(tmpdir(), "tsrun-escape-")), "escape");
  execFileSync("gcc", ["-O2", "-static", "-o", escape, join(HERE, "fixtures/escape.c")]);
});
after(() => rmSync(join(escape, ".."), { recursive: true, force: true }));

const UPWARDS = "/../../../../../../../../../..";

const writable = (config: Config): void => void (config.root.readonly = false);

const withoutDev = (config: Config): void =>
  void (config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev")));

const add = (config: Config, ...mounts: Mount[]): void => void config.mounts.push(...mounts);

const shell = (config: Config, script: string): void => void (config.process.args = ["sh", "-c", script]);

/** A container with the attacker's program in it. */
function armed(box: Box, change: (config: Config) => void): Container {
  const container = box.container((config) => {
    writable(config);
    change(config);
  });
  copyFileSync(escape, container.at("bin/escape"));
  return container;
}

function detached(container: Container): Container {
  ok(container.run(["--detach"]));
  return container;
}

/** Puts a link to a directory of the host's where the container has `path`; what comes into that directory has escaped. */
function linkOut(box: Box, container: Container, path: string): string {
  const victim = box.path("victim");
  mkdirSync(victim, { recursive: true });
  rmSync(container.at(path), { recursive: true, force: true });
  symlinkSync(`${UPWARDS}${victim}`, container.at(path));
  return victim;
}

/** While `attempt` is made again and again, something on the host exchanges the two names. Goes on where the machine was too slow for what is `wanted`. */
async function swapping(
  box: Box,
  a: string,
  b: string,
  seconds: number,
  attempt: () => void | Promise<void>,
  wanted: () => boolean = () => true,
): Promise<void> {
  const swapper = spawn(escape, ["swap", a, b, String(60 * SLOWNESS)], {
    stdio: "ignore",
    env: { TSRUN_TEST: box.prefix },
  });
  const gone = ended(swapper);
  try {
    const [end, last] = [Date.now() + seconds * 1000, Date.now() + 12_000 * SLOWNESS];
    while (Date.now() < end || (!wanted() && Date.now() < last)) await attempt();
  } finally {
    swapper.kill("SIGKILL");
    await gone;
  }
}

describe("what the runtime holds of the host", function () {
  this.timeout(120_000);
  const box = useBox();

  /** The runtime called by somebody who has directories of the host open, as a careless engine has. */
  const careless = (...args: string[]): string[] => [
    "-c",
    'exec 3</ 5</etc 7</ 8</ 9</; exec "$0" "$@"',
    PROGRAM,
    "--root",
    box().stateRoot,
    ...args,
  ];

  it("is no working directory: process.cwd in /proc/self/fd finds nothing of the host's, whatever its number (CVE-2024-21626)", () => {
    const container = box().container((config) => shell(config, "ls"));
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
    for (const command of ["run", "create"]) {
      for (let fd = 3; fd < 40; fd++) {
        config.process.cwd = `/proc/self/fd/${fd}`;
        container.configure(config);
        const { status, stdout, stderr } = box().exec(
          "bash",
          careless(command, "--bundle", container.bundle, container.id),
        );
        assert.equal(stdout, "");
        assert.notEqual(status, 0, `descriptor ${fd}`);
        // Not "possible container breakout detected": that is the second line of defence, and there was nothing to detect.
        assert.match(stderr, isTsrun ? /[Nn]o such file|[Nn]ot a directory/ : /./, `descriptor ${fd}`);
      }
    }
  });

  it("is no working directory: a descriptor that the program shall get is not entered (CVE-2024-21626)", () => {
    const container = box().container((config) => {
      config.process.cwd = "/proc/self/fd/3";
      shell(config, "ls");
    });
    for (const number of [0, 3]) {
      const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
      config.process.cwd = `/proc/self/fd/${number}`;
      container.configure(config);
      const { status, stdout, stderr } = box().exec("bash", [
        "-c",
        'exec 0</ 3</; exec "$0" "$@"',
        PROGRAM,
        "--root",
        box().stateRoot,
        "run",
        "--preserve-fds",
        "1",
        "--bundle",
        container.bundle,
        container.id,
      ]);
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
      assert.match(stderr, /outside of container mount namespace root/);
    }
  });

  it("is no working directory through a link of the image's (CVE-2024-21626)", () => {
    for (const fd of [3, 5, 7, 8, 9]) {
      const container = box().container((config) => {
        config.process.cwd = "/home/user";
        shell(config, "ls");
      });
      rmSync(container.at("home/user"), { recursive: true, force: true });
      symlinkSync(`/proc/self/fd/${fd}`, container.at("home/user"));
      const { status, stdout } = box().exec("bash", careless("run", "--bundle", container.bundle, container.id));
      assert.notEqual(status, 0);
      assert.equal(stdout, "");
    }
  });

  it("is no working directory of exec (CVE-2024-21626)", () => {
    const container = detached(box().container((config) => (config.process.args = ["sleep", "600"])));
    for (const preserve of [[], ["--preserve-fds", "1"]]) {
      for (let fd = 3; fd < 40; fd++) {
        const { status, stdout, stderr } = box().exec(
          "bash",
          careless("exec", ...preserve, "--cwd", `/proc/self/fd/${fd}`, container.id, "ls"),
        );
        assert.notEqual(status, 0, `descriptor ${fd}: ${stdout}`);
        assert.equal(stdout, "");
        assert.match(
          stderr,
          !isTsrun
            ? /./
            : preserve.length > 0 && fd === 3
              ? /outside of container/
              : /[Nn]o such file|[Nn]ot a directory/,
          `descriptor ${fd}`,
        );
      }
    }
    ok(container.delete("--force"));
  });

  it("is no descriptor of the program, of exec's or of a hook in the container, whatever the caller left open (CVE-2024-21626, CVE-2016-9962)", () => {
    const list = "for fd in /proc/self/fd/*; do echo $(basename $fd) $(readlink $fd); done > /fds-$0; touch /listed-$0";
    const container = box().container((config) => {
      writable(config);
      config.process.args = ["sh", "-c", `${list}; sleep 60`, "program"];
      config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", list, "hook"] }] };
    });
    ok(box().exec("bash", careless("run", "--detach", "--bundle", container.bundle, container.id)));
    ok(box().exec("bash", careless("exec", container.id, "sh", "-c", list, "exec")));
    eventually("the program has listed its own", () => existsSync(container.at("listed-program")));
    for (const name of isTsrun ? ["program", "hook", "exec"] : ["program", "exec"]) {
      const lines = readFileSync(container.at(`fds-${name}`), "utf8")
        .trim()
        .split("\n");
      // The shell's own is the directory that it listed; it is closed by the time of readlink.
      assert.deepEqual(
        lines.filter((line) => Number(line.split(" ")[0]) > 2 && /^\d+ \S/.test(line)),
        [],
        `${name}:\n${lines.join("\n")}`,
      );
    }
    ok(container.delete("--force"));
  });

  itOurs("is no file, only sockets, while the container waits for start (CVE-2016-9962)", () => {
    const container = box().container();
    ok(box().exec("bash", careless("create", "--bundle", container.bundle, container.id)));
    const { pid } = container.state();
    const held = readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => Number(fd) > 2)
      .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    assert.deepEqual(
      held.filter((what) => !/^(socket|anon_inode):/.test(what)),
      [],
    );
    assert.notEqual(statSync(`/proc/${pid}/root/.`).ino, statSync("/").ino);
    ok(container.delete("--force"));
  });

  const mapped = (config: Config): void => {
    config.linux.namespaces.push({ type: "user" });
    config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  };

  /** What the attacker has got hold of, each once. */
  const loot = (container: Container): string[] => [
    ...new Set(
      readFileSync(container.at("loot"), "utf8")
        .split("\n")
        .filter((line) => line !== "" && line !== "waiting"),
    ),
  ];

  /** It may trace whatever it sees, and that is all it may. */
  const tracer = (change: (config: Config) => void = () => undefined): Container => {
    const container = armed(box(), (config) => {
      config.process.capabilities = {
        bounding: ["CAP_SYS_PTRACE"],
        effective: ["CAP_SYS_PTRACE"],
        permitted: ["CAP_SYS_PTRACE"],
      };
      shell(config, "exec escape pry 1000 > /loot 2>&1");
      change(config);
    });
    chmodSync(container.rootfs, 0o777); // in a user namespace its root writes there as somebody else
    detached(container);
    eventually(
      "the attacker waits",
      () => existsSync(container.at("loot")) && readFileSync(container.at("loot"), "utf8") !== "",
    );
    return container;
  };

  for (const [what, change] of [
    ["", undefined],
    [
      ", with a filter that is loaded by root",
      (config: Config): void => {
        config.process.noNewPrivileges = false;
        config.linux["seccomp"] = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["unshare", "clone3"], action: "SCMP_ACT_ERRNO" }],
        };
      },
    ],
  ] as const) {
    itOurs(`is out of reach of a container with CAP_SYS_PTRACE while exec joins it${what} (CVE-2016-9962)`, () => {
      const container = tracer(change);
      for (let i = 0; i < 200 && (i < 10 || loot(container).length === 0); i++)
        ok(box().runtime(["exec", "--user", i % 2 === 0 ? "0" : "1000", container.id, "true"]));
      assert.deepEqual(loot(container), ["caught"]); // or the attack has not taken place
      ok(container.delete("--force"));
    });
  }

  // [kernel] A process that is not dumpable can be traced only by who may in the user namespace where its program was started: there is nobody to catch.
  itOurs(
    "is not seen by a container with CAP_SYS_PTRACE in a user namespace while exec joins it (CVE-2016-9962)",
    () => {
      const container = tracer(mapped);
      for (let i = 0; i < 30; i++)
        ok(box().runtime(["exec", "--user", i % 2 === 0 ? "0" : "1000", container.id, "true"]));
      assert.deepEqual(loot(container), []);
      ok(container.delete("--force"));
    },
  );

  itOurs(
    "is not seen by a container with CAP_SYS_PTRACE whose user and pid namespaces another one joins (CVE-2016-9962)",
    () => {
      const first = tracer(mapped);
      const { pid } = first.state();
      const joining = (config: Config): void => {
        const joined = ["user", "pid"].map((type) => ({ type, path: `/proc/${pid}/ns/${type}` }));
        config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "pid"), ...joined];
      };
      for (let i = 0; i < 20; i++) ok(box().container(joining).run());
      assert.deepEqual(loot(first), []);
      ok(first.delete("--force"));
    },
  );

  for (const [what, change] of [
    ["", (): void => undefined],
    [
      ", with a filter that is loaded by root",
      (config: Config): void => {
        config.process.noNewPrivileges = false;
        config.linux["seccomp"] = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["unshare", "clone3"], action: "SCMP_ACT_ERRNO" }],
        };
      },
    ],
  ] as const) {
    itOurs(
      `is out of reach of a container with CAP_SYS_PTRACE whose pid namespace another one joins${what} (CVE-2016-9962)`,
      function (this: Mocha.Context) {
        if (
          box().exec("unshare", ["--mount", "mount", "-t", "proc", "-o", "pidns=/proc/self/ns/pid", "proc", "/proc"], {
            env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
          }).status !== 0
        )
          skipBecause(this, "before Linux 6.17 it is not: docs/SECURITY.md");
        const first = tracer();
        const { pid } = first.state();
        const files: { readonly [type: string]: string } = { network: "net", pid: "pid", ipc: "ipc", uts: "uts" };
        for (let i = 0; i < 200 && (i < 10 || loot(first).length === 0); i++) {
          ok(
            box()
              .container((config) => {
                // Its own is a mount namespace and nothing else.
                config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
                  files[type] === undefined ? { type } : { type, path: `/proc/${pid}/ns/${files[type]}` },
                );
                config.root = { path: first.rootfs };
                config.process.capabilities = {
                  bounding: ["CAP_SYS_PTRACE"],
                  effective: ["CAP_SYS_PTRACE"],
                  permitted: ["CAP_SYS_PTRACE"],
                };
                config.process.user = user(i % 2 === 0 ? 0 : 1000);
                change(config);
              })
              .run(),
          );
        }
        assert.deepEqual(loot(first), ["caught", "its mnt namespace"]); // or the attack has not taken place
        ok(first.delete("--force"));
      },
    );
  }

  itOurs(
    "is not traced by a container without CAP_SYS_PTRACE whose pid namespace another one joins (CVE-2016-9962)",
    () => {
      const first = tracer((config) => void delete config.process.capabilities);
      const path = `/proc/${first.state().pid}/ns/pid`;
      for (let i = 0; i < 8; i++) {
        ok(
          box()
            .container((config) => {
              config.linux.namespaces = config.linux.namespaces.map((namespace) =>
                namespace.type === "pid" ? { type: "pid", path } : namespace,
              );
            })
            .run(),
        );
      }
      assert.deepEqual(loot(first), []);
      ok(first.delete("--force"));
    },
  );
});

describe("paths of an image or a volume do not lead out", () => {
  const box = useBox();

  it("a mount point that is exchanged for a link while it is mounted on: the mount is in the container or nowhere (CVE-2021-30465)", async () => {
    mkdirSync(box().path("volume/sub"), { recursive: true });
    mkdirSync(box().path("victim"));
    symlinkSync(`${UPWARDS}${box().path("victim")}`, box().path("volume/link"));
    const container = box().container((config) => {
      writable(config);
      add(config, { destination: "/mnt", type: "bind", source: box().path("volume"), options: ["rbind"] });
      for (const name of ["one", "two", "three"])
        add(config, {
          destination: `/mnt/sub/${name}`,
          type: "tmpfs",
          source: `marker-${name}`,
          options: ["size=64k"],
        });
      shell(config, "grep -c marker- /proc/self/mountinfo");
    });
    let made = 0;
    await swapping(
      box(),
      box().path("volume/sub"),
      box().path("volume/link"),
      4,
      () => {
        const { status, stdout, stderr } = container.run();
        if (status === 0) assert.equal(stdout, "3\n");
        else assert.notEqual(stderr, "");
        if (status === 0) made++;
        assert.deepEqual(readdirSync(box().path("victim")), []);
      },
      () => made > 0,
    );
    assert.notEqual(made, 0, "no container came up");
  });

  it("a bind over a name that is exchanged for a link covers nothing of the host's (CVE-2021-30465)", async () => {
    mkdirSync(box().path("volume/sub"), { recursive: true });
    symlinkSync("/", box().path("volume/link"));
    mkdirSync(box().path("data"));
    box().write("data/marker", "");
    const container = box().container((config) => {
      writable(config);
      add(config, { destination: "/mnt", type: "bind", source: box().path("volume"), options: ["rbind"] });
      add(config, { destination: "/mnt/sub/proc", type: "bind", source: box().path("data"), options: ["bind"] });
      shell(config, "test -e /proc/self/status && test ! -e /proc/marker && echo whole");
    });
    await swapping(box(), box().path("volume/sub"), box().path("volume/link"), 3, () => {
      const { status, stdout, stderr } = container.run();
      if (status === 0) assert.equal(stdout, "whole\n");
      else assert.notEqual(stderr, "");
    });
  });

  it("a missing mount point behind a link is made in the container only (CVE-2024-45310)", () => {
    const file = box().write("file", "");
    for (const mount of [
      { type: "tmpfs", source: "tmpfs" },
      { type: "bind", source: file, options: ["bind"] },
    ] satisfies Omit<Mount, "destination">[]) {
      const container = box().container((config) => {
        writable(config);
        add(config, { destination: "/mnt/deep/er", ...mount });
      });
      const victim = linkOut(box(), container, "mnt");
      container.run();
      assert.deepEqual(readdirSync(victim), []);
    }
  });

  it("a missing mount point on a volume that is changed meanwhile is made in the container only (CVE-2024-45310)", async () => {
    const victim = box().path("victim");
    mkdirSync(victim);
    mkdirSync(box().path("volume/sub"), { recursive: true });
    symlinkSync(`${UPWARDS}${victim}`, box().path("volume/link"));
    const file = box().write("file", "");
    const container = box().container((config) => {
      writable(config);
      add(config, { destination: "/mnt", type: "bind", source: box().path("volume"), options: ["rbind"] });
      for (let i = 0; i < 8; i++)
        add(config, { destination: `/mnt/sub/a${i}/b`, type: "bind", source: file, options: ["bind"] });
    });
    await swapping(box(), box().path("volume/sub"), box().path("volume/link"), 4, () => {
      container.run();
      assert.deepEqual(readdirSync(victim), []);
    });
  });

  for (const [what, change] of [
    ["with nothing mounted on it", withoutDev],
    ["with a tmpfs on it", writable],
    [
      "with a devpts below it",
      (config: Config): void => {
        withoutDev(config);
        add(config, {
          destination: "/dev/pts",
          type: "devpts",
          source: "devpts",
          options: ["newinstance", "ptmxmode=0666"],
        });
      },
    ],
  ] as const) {
    itOurs(
      `a /dev that is a link, ${what}, makes no node, link or directory on the host (CVE-2026-41579, CVE-2026-47766)`,
      () => {
        const container = box().container((config) => {
          writable(config);
          change(config);
          config.linux.devices = [{ path: "/dev/deep/node", type: "c", major: 1, minor: 5 }];
        });
        const victim = linkOut(box(), container, "dev");
        container.run();
        assert.deepEqual(readdirSync(victim), []);
      },
    );
  }

  itOurs("a /dev that is a link keeps ptmx and console of the host where they are (CVE-2026-41579)", () => {
    const container = box().container((config) => {
      writable(config);
      withoutDev(config);
    });
    const victim = linkOut(box(), container, "dev");
    for (const name of ["ptmx", "console", "null"]) writeFileSync(join(victim, name), "mine");
    container.run();
    assert.deepEqual(readdirSync(victim).sort(), ["console", "null", "ptmx"]);
    assert.deepEqual(
      readdirSync(victim).map((name) => readFileSync(join(victim, name), "utf8")),
      ["mine", "mine", "mine"],
    );
  });

  it("a working directory that the image has behind a dangling link is not made on the host", () => {
    const container = box().container((config) => {
      writable(config);
      config.process.cwd = "/home/made";
    });
    const victim = linkOut(box(), container, "home");
    container.run();
    assert.deepEqual(readdirSync(victim), []);
  });
});

describe("procfs and sysfs are the kernel's", () => {
  const box = useBox();

  for (const path of ["proc", "sys"]) {
    it(`a /${path} of the image that is a link or no directory is refused (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642)`, () => {
      for (const make of [
        (at: string) => symlinkSync("/tmp", at),
        (at: string) => symlinkSync("tmp/missing", at),
        (at: string) => writeFileSync(at, ""),
      ]) {
        const container = box().container(writable);
        rmSync(container.at(path), { recursive: true });
        make(container.at(path));
        refused(container.run(), /must be mounted on ordinary directory|[Nn]ot a directory/);
      }
    });
  }

  it("a /proc that a volume's author makes a link meanwhile is procfs or refused (CVE-2019-19921)", async () => {
    const container = box().container((config) =>
      shell(config, "test -e /proc/self/status && ! test -e /fake/self/status && echo whole"),
    );
    mkdirSync(container.at("fake"));
    symlinkSync("/fake", container.at("link"));
    await swapping(box(), container.at("proc"), container.at("link"), 3, () => {
      const { status, stdout, stderr } = container.run();
      if (status === 0) assert.equal(stdout, "whole\n");
      else assert.equal(stdout, "", stderr);
    });
  });

  it("nothing but procfs is mounted on /proc, nor below it, nor through a link to it (CVE-2019-16884, CVE-2023-28642)", () => {
    mkdirSync(box().path("fake/self/attr"), { recursive: true });
    box().write("fake/self/attr/exec", "");
    const bind = (destination: string): Mount => ({
      destination,
      type: "bind",
      source: box().path("fake"),
      options: ["rbind"],
    });
    const tmpfs = (destination: string): Mount => ({ destination, type: "tmpfs", source: "tmpfs" });
    for (const mount of [
      bind("/proc"),
      bind("/proc/"),
      bind("/dev/../proc"),
      tmpfs("/proc"),
      bind("/proc/self"),
      tmpfs("/proc/sys"),
      tmpfs("/proc/self/attr"),
      bind("/to-proc"),
      tmpfs("/to-proc/self"),
      tmpfs("/to-self"),
    ]) {
      const container = box().container((config) => {
        writable(config);
        add(config, mount);
      });
      symlinkSync("/proc", container.at("to-proc"));
      symlinkSync("proc/self", container.at("to-self"));
      refused(container.run(), /proc/);
    }
  });

  itOurs("sysctls go into procfs or nowhere: a /proc of the image's own is refused (CVE-2025-52881)", () => {
    const container = box().container((config) => {
      writable(config);
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      config.linux.sysctl = { "kernel.domainname": "escaped" };
      config.linux.maskedPaths = config.linux.readonlyPaths = [];
    });
    mkdirSync(container.at("proc/sys/kernel"), { recursive: true });
    writeFileSync(container.at("proc/sys/kernel/domainname"), "mine");
    refused(container.run(), /\/proc of the container is not procfs/);
    assert.equal(readFileSync(container.at("proc/sys/kernel/domainname"), "utf8"), "mine");
  });

  itOurs("sysctls go where they belong and not into what is bound over them (CVE-2025-52881)", () => {
    const file = box().write("file", "mine");
    const container = box().container((config) => {
      add(config, { destination: "/proc/sys/kernel/domainname", type: "bind", source: file, options: ["bind"] });
      config.linux.sysctl = { "kernel.domainname": "escaped" };
    });
    assert.notEqual(container.run().status, 0);
    assert.equal(readFileSync(file, "utf8"), "mine");
  });

  itOurs("sysctls go where they belong and not into what a hook has bound over them (CVE-2025-52881)", () => {
    const file = box().write("file", "mine");
    const container = box().container((config) => (config.linux.sysctl = { "kernel.domainname": "escaped" }));
    const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
    config.hooks = {
      createContainer: [
        {
          path: "/bin/sh",
          args: ["sh", "-c", 'mount --bind "$0" "$1"', file, container.at("proc/sys/kernel/domainname")],
          env: ["PATH=/usr/bin:/bin"],
        },
      ],
    };
    container.configure(config);
    refused(container.run(), /write sysctl kernel\/domainname.*EXDEV/);
    assert.equal(readFileSync(file, "utf8"), "mine");
  });

  it("a masked path is covered by the null device and nothing else that the image calls /dev/null (CVE-2025-31133)", () => {
    const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    for (const make of [
      (at: string): void => symlinkSync("/proc/sys/kernel/core_pattern", at),
      (at: string): void => symlinkSync("/proc/sysrq-trigger", at),
      (at: string): void => writeFileSync(at, "mine"),
      (at: string): void => mkdirSync(at),
      (at: string): void => execFileSync("mkfifo", [at]) && undefined,
    ]) {
      const container = box().container((config) => {
        writable(config);
        withoutDev(config);
        config.linux.maskedPaths = ["/proc/timer_list", "/proc/keys", "/etc/passwd"];
        shell(config, "stat -L -c %t:%T /etc/passwd; echo '|/escape' > /etc/passwd");
      });
      rmSync(container.at("dev/null"), { force: true, recursive: true });
      make(container.at("dev/null"));
      const { status, stdout } = container.run();
      if (status === 0) assert.equal(stdout, "1:3\n");
      else assert.equal(stdout, "");
      assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), pattern);
    }
  });

  it("a masked path is covered by the null device also when /dev/null is exchanged meanwhile (CVE-2025-31133)", async () => {
    mkdirSync(box().path("dev"));
    execFileSync("mknod", [box().path("dev/null"), "c", "1", "3"]);
    symlinkSync("/proc/sys/kernel/core_pattern", box().path("dev/link"));
    const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    const container = box().container((config) => {
      writable(config);
      withoutDev(config);
      add(config, { destination: "/dev", type: "bind", source: box().path("dev"), options: ["rbind"] });
      config.linux.maskedPaths = ["/etc/passwd", "/etc/group"];
      shell(config, "stat -c %t:%T /etc/passwd /etc/group");
    });
    await swapping(box(), box().path("dev/null"), box().path("dev/link"), 3, () => {
      const { status, stdout, stderr } = container.run();
      if (status === 0) assert.equal(stdout, "1:3\n1:3\n");
      else assert.notEqual(stderr + stdout, "");
      if (status !== 0) assert.doesNotMatch(stdout, /0:0/);
    });
    assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), pattern);
  });
});

describe("masks and read-only paths of /proc and /sys", () => {
  const box = useBox();

  // [kernel] A directory that something is mounted on in another mount namespace can be renamed, and the mount goes along.
  const move = "cd $0 && mv proc old-proc && mv sys old-sys && mkdir proc sys";
  const probe = [
    "test -e /old-proc/self/status && echo moved",
    "head -c 1 /old-proc/kcore 2>/dev/null | wc -c; head -c 1 /old-proc/keys | wc -c; ls -A /old-proc/scsi 2>/dev/null | wc -l; ls -A /old-sys/firmware | wc -l",
    "(: > /old-proc/sys/kernel/domainname) 2>&1; true",
  ].join("; ");

  for (const flags of [[], ["--no-pivot"]])
    for (const inUserNamespace of [false, true]) {
      itOurs(
        `stay on them when the directories under them are renamed before, ${flags[0] ?? "pivot_root"}${inUserNamespace ? ", in a user namespace" : ""}`,
        () => {
          const container = box().container((config) => {
            writable(config);
            shell(config, probe);
            config.mounts = config.mounts.filter(({ type }) => type !== "cgroup"); // below a /sys that has gone it cannot be made read-only: an error
            if (!inUserNamespace) return;
            config.linux.namespaces.push({ type: "user" });
            config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 65_536 }];
          });
          const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
          config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", move, container.rootfs] }] };
          container.configure(config);
          const { stdout } = ok(container.run(flags));
          assert.match(
            stdout,
            /^moved\n0\n0\n0\n0\nsh: can't create \/old-proc\/sys\/kernel\/domainname: Read-only file system\n$/,
          );
        },
      );
    }

  itOurs("stay on them when those directories are renamed again and again while the container is made", async () => {
    const container = box().container((config) => {
      writable(config);
      shell(
        config,
        "for p in /proc /other; do test -e $p/self/status && echo proc && head -c 1 $p/keys | wc -c && (: > $p/sys/kernel/domainname) 2>/dev/null && echo written; done; true",
      );
    });
    mkdirSync(container.at("other"));
    let made = 0;
    await swapping(
      box(),
      container.at("proc"),
      container.at("other"),
      3,
      () => {
        const { status, stdout, stderr } = container.run();
        if (status !== 0) return assert.notEqual(stderr, "");
        assert.match(stdout, /^(proc\n0\n)*$/);
        if (stdout !== "") made++;
      },
      () => made > 0,
    );
    assert.notEqual(made, 0, "no container came up");
  });
});

describe("the terminal's /dev/console", () => {
  const box = useBox();
  useTerminals();

  const onImagesDev = (): Container => {
    const container = box().container((config) => {
      writable(config);
      withoutDev(config);
      add(config, {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      });
      config.process.terminal = true;
      config.linux.maskedPaths = config.linux.readonlyPaths = [];
      shell(config, "grep -q ' /proc/' /proc/self/mountinfo && echo covered; true");
    });
    mkdirSync(container.at("dev/pts"), { recursive: true });
    return container;
  };

  for (const target of ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", `${UPWARDS}/etc/hostname`]) {
    itOurs(`is not bound through a link of the image to ${target} (CVE-2025-52565)`, async () => {
      const container = onImagesDev();
      symlinkSync(target, container.at("dev/console"));
      const terminal = new OnTerminal(box(), ["run", "--bundle", container.bundle, container.id]);
      await terminal.end();
      assert.match(terminal.complaints + terminal.said, /console/);
      assert.doesNotMatch(terminal.said, /covered/);
    });
  }

  itOurs("is not bound anywhere else when it is exchanged for a link meanwhile (CVE-2025-52565)", async () => {
    const container = onImagesDev();
    writeFileSync(container.at("dev/console"), "");
    symlinkSync("/proc/sys/kernel/core_pattern", container.at("dev/other"));
    await swapping(box(), container.at("dev/console"), container.at("dev/other"), 3, async () => {
      const terminal = new OnTerminal(box(), ["run", "--bundle", container.bundle, container.id]);
      await terminal.end();
      assert.doesNotMatch(terminal.said, /covered/);
    });
  });
});

describe("rights and roots", () => {
  const box = useBox();

  const masks = (text: string): string[] =>
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(
      (name) => `${name} ${BigInt(`0x${fields(text)[name] ?? "0"}`)}`,
    );

  it("no capability is inheritable unless config.json says so, for the program and for exec --cap (CVE-2022-29162)", () => {
    const container = box().container((config) => {
      writable(config);
      shell(config, "cat /proc/self/status > /status; touch /told; sleep 60");
    });
    detached(container);
    const exec = ok(
      box().runtime(["exec", "--cap", "CAP_CHOWN", "--cap", "CAP_NET_RAW", container.id, "cat", "/proc/self/status"]),
    ).stdout;
    assert.equal(masks(exec)[0], "CapInh 0");
    assert.equal(masks(exec)[4], "CapAmb 0");
    eventually("the program has told", () => existsSync(container.at("told")));
    assert.equal(masks(readFileSync(container.at("status"), "utf8"))[0], "CapInh 0");
    ok(container.delete("--force"));
  });

  it("no capability comes back: of a user without rights nothing is permitted, and bounding is what config.json says", () => {
    const text = box().inside("cat /proc/self/status", (config) => (config.process.user = { uid: 1000, gid: 1000 }));
    const kill = (1n << 5n) | (1n << 10n) | (1n << 29n);
    assert.deepEqual([masks(text)[0], masks(text)[3], masks(text)[4]], ["CapInh 0", `CapBnd ${kill}`, "CapAmb 0"]);
  });

  for (const flags of [[], ["--no-pivot"]]) {
    it(`a second chroot leads to the container's own root again, ${flags[0] ?? "pivot_root"}`, () => {
      const container = armed(box(), (config) => {
        config.process.capabilities = {
          bounding: ["CAP_SYS_CHROOT"],
          effective: ["CAP_SYS_CHROOT"],
          permitted: ["CAP_SYS_CHROOT"],
        };
        config.process.args = ["escape", "chroot"];
      });
      const { status, stdout } = container.run(flags);
      assert.equal(stdout, "the same root\n");
      assert.equal(status, 0);
    });
  }

  it("the root of pid 1 is the container's, and no directory above it", () => {
    const inside = box().inside(
      "ls -di / /proc/1/root/ /proc/1/root/../.. /proc/self/cwd/../../.. | awk '{print $1}' | sort -u | wc -l",
    );
    assert.equal(inside.trim(), "1");
  });

  it("cgroups of the host are not written through /sys/fs/cgroup, with or without a cgroup namespace (CVE-2023-25809)", () => {
    for (const namespace of [[], [{ type: "cgroup" }]]) {
      const inside = box().inside(
        "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/escaped 2>/dev/null && echo made $d; { echo 1 > $d/cgroup.procs; } 2>/dev/null && echo wrote $d; { echo /x > $d/release_agent; } 2>/dev/null && echo agent $d; done; true",
        (config) => config.linux.namespaces.push(...namespace),
      );
      assert.equal(inside, "");
    }
  });

  it("the devices of the host are neither made nor opened without a right to them", () => {
    const inside = box().inside(
      "for n in '8 0' '254 0' '259 0' '1 1'; do mknod /tmp/b b $n 2>/dev/null && head -c 1 /tmp/b > /dev/null 2>&1 && echo read $n; rm -f /tmp/b; mknod /tmp/c c $n 2>/dev/null && head -c 1 /tmp/c > /dev/null 2>&1 && test \"$n\" = '1 1' && echo memory; rm -f /tmp/c; done; true",
      (config) => {
        writable(config);
        config.process.capabilities = { bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"] };
      },
    );
    assert.equal(inside, "");
  });
});

describe("the state directory", () => {
  const box = useBox();

  it("is removed without what links in it lead to", () => {
    const container = detached(box().container((config) => (config.process.args = ["sleep", "60"])));
    mkdirSync(box().path("victim/below"), { recursive: true });
    box().write("victim/file", "mine");
    symlinkSync(box().path("victim"), join(box().stateRoot, container.id, "link"));
    ok(container.delete("--force"));
    assert.deepEqual(readdirSync(box().path("victim")).sort(), ["below", "file"]);
    rmSync(join(box().stateRoot, container.id), { recursive: true, force: true });
  });

  it("is no link to somewhere else: delete --force leaves that alone", () => {
    const container = box().container();
    ok(container.create());
    const own = join(box().stateRoot, container.id);
    const victim = box().path("victim");
    renameSync(own, victim); // a real one, but for where it is
    box().write("victim/file", "mine");
    const files = readdirSync(victim).sort();
    symlinkSync(victim, own);
    const { stderr } = box().runtime(["delete", "--force", container.id]);
    if (isTsrun) assert.match(stderr, /^$|does not exist/);
    assert.deepEqual(readdirSync(victim).sort(), files);
    rmSync(own);
    renameSync(victim, own);
    rmSync(join(own, "file"));
    ok(container.delete("--force"));
  });

  for (const id of ["../victim", "..", ".", "a/../../victim", "/victim"]) {
    it(`is not left by the id ${JSON.stringify(id)}`, () => {
      mkdirSync(box().stateRoot, { recursive: true });
      mkdirSync(box().path("victim"));
      box().write("victim/state.json", "{}");
      box().runtime(["delete", "--force", id]);
      const container = box().container();
      refused(box().runtime(["run", "--bundle", container.bundle, id]), /id/);
      assert.equal(existsSync(box().path("victim/state.json")), true);
      assert.equal(existsSync(box().stateRoot), true);
    });
  }
});
