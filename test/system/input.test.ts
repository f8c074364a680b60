// Bad input: each kind has a clear error, exit status 1, and leaves nothing on the host (useBox asserts that after every test).

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { isTsrun, itOurs, ok, PROGRAM, refused, useBox, type Container } from "./harness.ts";

/** `create` and `run` must both refuse, and not differ in what they say about it. */
function bothRefuse(container: Container, message: RegExp): void {
  const [create, run] = [container.create(), container.run()];
  if (create.status === 0) container.delete("--force");
  refused(create, message);
  refused(run, message);
  if (isTsrun) {
    // Once, on one line for each thing that is wrong, beginning with the program and the command.
    for (const line of create.stderr.trim().split("\n")) assert.match(line, /^tsrun: create /);
    const shape = (text: string): string =>
      text.replaceAll("tsrun: run ", "tsrun: create ").replaceAll(/descriptor \d+/g, "descriptor");
    assert.equal(shape(run.stderr), shape(create.stderr));
    assert.doesNotMatch(create.stderr, /internal error|\bat \w+ \(|undefined/);
  }
}

describe("bad input", () => {
  const box = useBox();
  const bad = (change: (config: Config) => void): Container => box().container(change);
  const text = (content: string): Container => {
    const container = box().container();
    container.configureText(content);
    return container;
  };

  describe("the bundle", () => {
    it("without config.json is refused, in runc's words", () => {
      const container = box().container();
      unlinkSync(join(container.bundle, "config.json"));
      bothRefuse(container, /JSON specification file config\.json not found/);
    });

    it("that does not exist is refused", () => {
      refused(
        box().runtime(["create", "--bundle", "/nonexistent/bundle", `${box().prefix}1`]),
        /\/nonexistent\/bundle/,
      );
    });

    it("whose config.json is a directory is refused", () => {
      const container = box().container();
      unlinkSync(join(container.bundle, "config.json"));
      mkdirSync(join(container.bundle, "config.json"));
      bothRefuse(container, /is a directory/);
    });

    for (const [what, content, where] of [
      ["a missing comma", '{\n  "ociVersion": "1.0.2"\n  "root": {}\n}', /line 3.*column 3/i],
      ["a trailing comma", '{\n  "ociVersion": "1.0.2",\n}', /line 3.*column 1/i],
      ["nothing", "", /line 1/i],
      ["a lone brace", "{", /line 1.*column 2/i],
      ["text after its end", '{}\n{"a": 1}', /line 2.*column 1/i],
      ["a comment", "{\n// no\n}", /line 2.*column 1/i],
      ["a bare word", '{"a": tru}', /line 1.*column (7|10)/i],
      ["an unfinished string", '{"a": "x\n}', /line 1/i],
    ] as const) {
      itOurs(`whose config.json is broken by ${what} is refused, with line and column`, () =>
        bothRefuse(text(content), where),
      );
    }

    it("whose config.json is no object is refused", () => {
      for (const content of ["[]", "5", '"x"', "null", "true"]) {
        const container = text(content);
        refused(container.create(), /./);
      }
    });

    itOurs(
      "whose config.json breaks the schema in several places is told all of them, each with its pointer and what was expected",
      () => {
        const container = bad((config) => {
          config.process.args = "sh" as unknown as string[];
          config.process.user.uid = -1;
          config.process.cwd = 5 as unknown as string;
          config.root = {} as Config["root"];
          config.mounts[1] = { source: "x" } as unknown as Config["mounts"][0];
          config.linux.namespaces[0] = { type: "bogus" };
          (config.process.rlimits as { type: string }[])[0]!.type = "RLIMIT_BOGUS";
          config.hooks = { prestart: [{ path: 7 as unknown as string }] };
        });
        const { stderr } = container.create();
        for (const pointer of [
          "/process/args",
          "/process/user/uid",
          "/process/cwd",
          "/root/path",
          "/mounts/1/destination",
          "/linux/namespaces/0/type",
          "/process/rlimits/0/type",
          "/hooks/prestart/0/path",
        ])
          assert.match(
            stderr,
            new RegExp(
              `${pointer.slice(0, pointer.lastIndexOf("/"))}.*${pointer.slice(pointer.lastIndexOf("/") + 1)}.*\\n`,
            ),
            `${pointer} is not in\n${stderr}`,
          );
        bothRefuse(container, /\/process\/args/);
      },
    );

    itOurs("laws that the schema cannot say are told all at once as well", () => {
      bothRefuse(
        bad((config) => {
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts" && type !== "mount");
          config.linux.namespaces.push({ type: "pid" });
          config.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }];
        }),
        /(?=[^]*\/hostname)(?=[^]*\/linux\/maskedPaths)(?=[^]*\/linux\/namespaces\/3)(?=[^]*\/process\/rlimits\/0)/,
      );
    });

    itOurs("of another major ociVersion is refused", () => {
      for (const version of ["2.0.0", "0.9.0"])
        bothRefuse(
          bad((config) => (config.ociVersion = version)),
          /\/ociVersion.*[02]\./,
        );
    });

    itOurs("whose ociVersion is no version is refused", () =>
      bothRefuse(
        bad((config) => (config.ociVersion = "latest")),
        /\/ociVersion/,
      ),
    );

    it("of a newer minor ociVersion runs", () => {
      ok(bad((config) => (config.ociVersion = "1.99.0")).run());
    });

    it("with unknown properties runs, silently (spec: must ignore)", () => {
      const { status, stderr } = bad((config) => {
        config["extra"] = [{ deep: null }];
        config.linux["future"] = "x";
      }).run();
      assert.deepEqual([status, stderr], [0, ""]);
    });

    it("with names in another case confines as with the right ones, as Go reads them: the process, and that of exec", () => {
      const container = bad((config) => {
        const { process, linux } = config as { process: Record<string, unknown>; linux: Record<string, unknown> };
        delete process["noNewPrivileges"];
        process["NoNewPrivileges"] = true;
        process["args"] = ["sleep", "60"];
        linux["Seccomp"] = {
          DefaultAction: "SCMP_ACT_ALLOW",
          Syscalls: [{ Names: ["umask"], Action: "SCMP_ACT_ERRNO" }],
        };
        delete linux["maskedPaths"];
        linux["MaskedPaths"] = ["/proc/version"];
      });
      ok(container.run(["--detach"]));
      const { stdout } = box().runtime([
        "exec",
        container.id,
        "sh",
        "-c",
        "grep -E '^(NoNewPrivs|Seccomp):' /proc/1/status /proc/self/status; wc -c < /proc/version",
      ]);
      assert.deepEqual(stdout.replaceAll("\t", " ").split("\n"), [
        "/proc/1/status:NoNewPrivs: 1",
        "/proc/1/status:Seccomp: 2",
        "/proc/self/status:NoNewPrivs: 1",
        "/proc/self/status:Seccomp: 2",
        "0",
        "",
      ]);
      ok(container.delete("--force"));
    });

    itOurs("with one name in two spellings is refused", () =>
      bothRefuse(
        bad((config) => ((config.process as Record<string, unknown>)["NoNewPrivileges"] = true)),
        /\/process\/NoNewPrivileges: is noNewPrivileges in another spelling/,
      ),
    );

    itOurs("with a NUL byte in a string is refused", () =>
      bothRefuse(
        bad((config) => (config.process.args = ["echo", "a\0b"])),
        /\/process\/args\/1.*NUL/,
      ),
    );
  });

  it("sections of other systems are none: they are ignored", () => {
    const container = bad((config) => {
      Object.assign(config, {
        windows: { layerFolders: ["C:\\layer"] },
        solaris: { limitpriv: "default" },
        vm: { kernel: { path: "/vmlinuz" } },
        zos: { namespaces: [] },
        freebsd: { jail: {} },
      });
    });
    ok(container.run());
  });

  describe("the root", () => {
    it("that is missing is refused with its name", () => {
      const container = box().container();
      rmSync(container.rootfs, { recursive: true });
      bothRefuse(container, /rootfs.*(no such file or directory|does not exist)/);
    });

    it("that is a file is refused", () => {
      bothRefuse(
        bad((config) => (config.root.path = "config.json")),
        /not a directory/,
      );
    });

    itOurs("that is a symlink is refused", () => {
      const container = bad((config) => (config.root.path = "link"));
      symlinkSync("rootfs", join(container.bundle, "link"));
      bothRefuse(
        container,
        /link.*(symbolic link|symlink|not a directory)|(symbolic link|symlink|not a directory).*link/,
      );
    });
  });

  describe("the process", () => {
    it("that is absent is refused", () => {
      const container = bad((config) => delete (config as Partial<Config>).process);
      bothRefuse(container, isTsrun ? /\/process/ : /process/);
    });

    it("without args is refused", () =>
      bothRefuse(
        bad((config) => (config.process.args = [])),
        /args/,
      ));

    it("with a relative cwd is refused", () =>
      bothRefuse(
        bad((config) => (config.process.cwd = "bin")),
        /cwd/i,
      ));
    it("whose cwd is a file is refused", () =>
      bothRefuse(
        bad((config) => (config.process.cwd = "/etc/passwd")),
        /not a directory/,
      ));
    it("whose program is missing is refused", () =>
      bothRefuse(
        bad((config) => (config.process.args = ["nope"])),
        /exec: "nope": executable file not found in \$PATH/,
      ));
    it("whose program is a directory is refused", () =>
      bothRefuse(
        bad((config) => (config.process.args = ["/bin"])),
        isTsrun ? /is a directory/ : /directory|permission denied/,
      ));
    it("whose program is not executable is refused", () =>
      bothRefuse(
        bad((config) => (config.process.args = ["/etc/hosts"])),
        /permission denied/,
      ));

    itOurs("with an environment entry without = is refused", () =>
      bothRefuse(
        bad((config) => config.process.env.push("NOVALUE")),
        /\/process\/env\/2/,
      ),
    );
    it("with an unknown rlimit is refused", () =>
      bothRefuse(
        bad((config) => (config.process.rlimits = [{ type: "RLIMIT_BOGUS", soft: 1, hard: 1 }])),
        /RLIMIT_BOGUS|rlimits\/0\/type/,
      ));
    itOurs("with one rlimit twice is refused", () =>
      bothRefuse(
        bad((config) => (config.process.rlimits = [1, 2].map((n) => ({ type: "RLIMIT_CORE", soft: n, hard: n })))),
        /\/process\/rlimits\/1/,
      ),
    );
    itOurs("with a soft limit above the hard one is refused", () =>
      bothRefuse(
        bad((config) => (config.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }])),
        /\/process\/rlimits\/0/,
      ),
    );
    itOurs("with an oomScoreAdj out of range is refused", () =>
      bothRefuse(
        bad((config) => (config.process.oomScoreAdj = 5000)),
        /oomScoreAdj/,
      ),
    );
  });

  describe("namespaces", () => {
    it("of an unknown type are refused", () =>
      bothRefuse(
        bad((config) => config.linux.namespaces.push({ type: "bogus" })),
        /bogus|namespaces\/5\/type/,
      ));
    it("twice are refused", () =>
      bothRefuse(
        bad((config) => config.linux.namespaces.push({ type: "ipc" })),
        /duplicated? ns|malformed/,
      ));
    it("missing for a hostname are refused", () =>
      bothRefuse(
        bad((config) => (config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts"))),
        /hostname.*UTS namespace/i,
      ));
    itOurs("missing for a domainname are refused", () =>
      bothRefuse(
        bad((config) => {
          delete config.hostname;
          config.domainname = "x";
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts");
        }),
        /domainname.*UTS namespace/i,
      ),
    );
    itOurs("missing for time offsets are refused", () =>
      bothRefuse(
        bad((config) => (config.linux.timeOffsets = { boottime: { secs: 1, nanosecs: 0 } })),
        /\/linux\/timeOffsets/,
      ),
    );
    it("a hostname that is too long is refused", () =>
      bothRefuse(
        bad((config) => (config.hostname = "h".repeat(100))),
        /sethostname.*invalid argument|hostname/,
      ));
  });

  describe("mounts", () => {
    const mount = (destination: string, type: string, source: string, ...options: string[]): Container =>
      bad((config) => config.mounts.push({ destination, type, source, options }));

    it("with an option that the kernel refuses are an error that names the mount", () =>
      bothRefuse(
        mount("/mnt", "tmpfs", "tmpfs", "bogus=1"),
        isTsrun ? /\/mounts\/7.*invalid argument/ : /mnt.*invalid argument/,
      ));
    it("of an unknown file system are an error that names it", () =>
      bothRefuse(mount("/mnt", "bogusfs", "none"), isTsrun ? /\/mounts\/7.*no such device/ : /no such device/));
    it("with a missing source are an error that names it", () =>
      bothRefuse(mount("/mnt", "bind", "/no/such/source", "bind"), /\/no\/such\/source.*no such file or directory/));
    itOurs("with a source of the wrong kind are an error", () =>
      bothRefuse(mount("/etc/passwd", "bind", "/tmp", "bind"), /\/mounts\/7.*not a directory/),
    );
    it("on a destination below a file are an error", () =>
      bothRefuse(mount("/etc/passwd/x", "tmpfs", "tmpfs"), /not a directory/));
    itOurs("without a destination are refused", () =>
      bothRefuse(mount("", "tmpfs", "tmpfs"), /\/mounts\/7\/destination/),
    );
    itOurs("on the root itself are refused", () => bothRefuse(mount("/", "tmpfs", "tmpfs"), /\/mounts\/7/));
    itOurs("leave the mount points that an earlier mount needed, but no mount", () => {
      const container = bad((config) => {
        config.mounts.push(
          { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
          { destination: "/tmp", type: "bogusfs", source: "none" },
        );
      });
      bothRefuse(container, /\/mounts\/8/);
      assert.equal(existsSync(container.at("mnt")), true);
    });
  });

  describe("the id", () => {
    for (const id of ["", "a/b", "..", ".", "../x", "a b", "ü", "a\nb", "x".repeat(1025)]) {
      it(`${JSON.stringify(id.slice(0, 20))} is refused`, () => {
        const container = box().container();
        const { status, stderr } = box().runtime(["create", "--bundle", container.bundle, "--", id]);
        assert.equal(status, 1, stderr);
        assert.match(stderr, /id|ID|name too long|path/, stderr);
      });
    }

    it("with .. does not reach another directory by delete --force either", () => {
      mkdirSync(box().path("victim"));
      mkdirSync(box().stateRoot);
      const { status } = box().runtime(["delete", "--force", "../victim"]);
      assert.notEqual(status, 0);
      assert.equal(existsSync(box().path("victim")), true);
    });

    for (const id of ["a", "A-Z_0.9+x", "a.b", "0"]) {
      itOurs(`${JSON.stringify(id)} is fine`, () => {
        const container = box().container((config) => (config.linux.cgroupsPath = `/${box().prefix}id`));
        ok(box().runtime(["create", "--bundle", container.bundle, id]));
        ok(box().runtime(["delete", "-f", id]));
      });
    }
  });

  describe("the caller", () => {
    itOurs("who is not root is told so", () => {
      const container = box().container();
      for (const path of [box().directory, container.bundle]) chmodSync(path, 0o777);
      for (const command of ["create", "run"]) {
        const result = box().exec("/usr/bin/setpriv", [
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          PROGRAM,
          "--root",
          box().path("nobody"),
          command,
          "-b",
          container.bundle,
          `${box().prefix}1`,
        ]);
        refused(result, /root/);
      }
    });

    it("whose pid file cannot be written gets an error, and no container", () => {
      const container = box().container();
      refused(container.create(["--pid-file", "/nonexistent/pid"]), /\/nonexistent\/.*no such file or directory/);
      refused(container.run(["--pid-file", "/nonexistent/pid"]), /\/nonexistent\/.*no such file or directory/);
    });

    itOurs("whose state root is a file gets an error", () => {
      const container = box().container();
      box().write("file", "");
      refused(
        box().exec(PROGRAM, ["--root", box().path("file"), "create", "-b", container.bundle, container.id]),
        /not a directory/,
      );
      refused(box().exec(PROGRAM, ["--root", "/", "create", "-b", container.bundle, container.id]), /root/);
    });
  });
});
