// process.apparmorProfile, process.selinuxLabel, linux.mountLabel: what a host without the module says, and what AppArmor and SELinux do where
// they are there. The types of the labels are those of container-selinux; the guest's own policy (test/guest/selinux.cil) has them, too.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { before, describe, it, type Context } from "mocha";
import type { Config } from "./bundle.ts";
import { itOurs, ok, PROGRAM, refused, useBox } from "./harness.ts";
import { skipBecause } from "../skip.ts";

const apparmor =
  existsSync("/sys/module/apparmor/parameters/enabled") &&
  readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
const selinux = existsSync("/sys/fs/selinux/enforce");

describe("a host without AppArmor", () => {
  const box = useBox();
  before(function (this: Context) {
    if (apparmor) skipBecause(this, "this host has it");
  });

  it("refuses a profile", () => {
    refused(
      box()
        .container((config) => (config.process["apparmorProfile"] = "tsrun-test"))
        .run(),
      /apparmor: config provided but apparmor not supported/,
    );
  });

  itOurs("takes unconfined, which it is", () => {
    assert.equal(
      box().inside("echo runs", (config) => (config.process["apparmorProfile"] = "unconfined")),
      "runs\n",
    );
  });
});

describe("a host without SELinux", () => {
  const box = useBox();
  before(function (this: Context) {
    if (selinux) skipBecause(this, "this host has it");
  });

  it("refuses a label of the process", () => {
    refused(
      box()
        .container((config) => (config.process["selinuxLabel"] = "system_u:system_r:container_t:s0:c4,c5"))
        .run(),
      /selinux label is specified in config, but selinux is disabled or not supported/,
    );
  });

  itOurs("refuses a label of the mounts", () => {
    refused(
      box()
        .container((config) => (config.linux["mountLabel"] = "system_u:object_r:container_file_t:s0:c4,c5"))
        .run(),
      /\/linux\/mountLabel: selinux label is specified in config, but selinux is disabled or not supported/,
    );
  });
});

describe(apparmor ? "AppArmor" : "AppArmor, which this kernel does not have", () => {
  const box = useBox();
  const NAME = "tsrun-system-test";
  const OUTER = "tsrun-system-test-outer";

  const PROFILES = `
profile ${NAME} flags=(attach_disconnected) { file, network, capability, signal, ptrace, deny /etc/** r, }
profile ${OUTER} flags=(attach_disconnected) { file, network, capability, signal, ptrace, mount, umount, pivot_root, unix, change_profile -> **, }
`;

  before(function (this: Context) {
    if (!apparmor) skipBecause(this, "this host has no AppArmor");
    const { status, stderr } = spawnSync("apparmor_parser", ["--replace", "--skip-cache"], {
      input: PROFILES,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  });

  /** What the container's process is confined by. */
  const confinement = (profile: string, noNewPrivileges = true, script = "cat /proc/self/attr/current"): string =>
    box().inside(script, (config) => {
      config.process["apparmorProfile"] = profile;
      config.process.noNewPrivileges = noNewPrivileges;
    });

  it("confines the process by the profile, with no_new_privs and without", () => {
    assert.equal(confinement(NAME), `${NAME} (enforce)\n`);
    assert.equal(confinement(NAME, false), `${NAME} (enforce)\n`);
  });

  it("forbids what the profile forbids", () => {
    assert.match(confinement(NAME, true, "cat /etc/passwd 2>&1; true"), /Permission denied/);
  });

  itOurs("needs no /proc in the container", () => {
    assert.match(
      box().inside("cat /etc/passwd 2>&1; true", (config) => {
        config.process["apparmorProfile"] = NAME;
        config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
        config.linux.maskedPaths = config.linux.readonlyPaths = [];
      }),
      /Permission denied/,
    );
  });

  itOurs("adds the profile to the runtime's own, when that is confined and no_new_privs forbids a change", () => {
    const confined = (noNewPrivileges: boolean): string => {
      const container = box().container((config) => {
        config.process["apparmorProfile"] = NAME;
        config.process.noNewPrivileges = noNewPrivileges;
        config.process.args = ["cat", "/proc/self/attr/current"];
      });
      return ok(
        box().exec(
          "aa-exec",
          ["-p", OUTER, "--", PROGRAM, "--root", box().stateRoot, "run", "-b", container.bundle, container.id],
          { env: { PATH: process.env["PATH"] ?? "" } },
        ),
      ).stdout;
    };
    assert.deepEqual(confined(true).replace(" (enforce)\n", "").split("//&").sort(), [NAME, OUTER]);
    assert.equal(confined(false), `${NAME} (enforce)\n`);
  });

  it("confines a process that joins the container as it confines the container's own, or by a profile of its own", () => {
    const container = box().container((config) => {
      config.process["apparmorProfile"] = NAME;
      config.process.args = ["sleep", "100"];
    });
    ok(container.run(["--detach"]));
    const exec = (...flags: string[]): string =>
      ok(box().runtime(["exec", ...flags, container.id, "cat", "/proc/self/attr/current"])).stdout;
    assert.equal(exec(), `${NAME} (enforce)\n`);
    assert.equal(exec("--apparmor", OUTER), `${OUTER} (enforce)\n`);
    ok(container.delete("--force"));
  });

  it("leaves the process alone when it is told so", () => assert.equal(confinement("unconfined"), "unconfined\n"));

  it("that does not know the profile is an error in the words that podman looks for", () => {
    const result = box()
      .container((config) => (config.process["apparmorProfile"] = "no-such-profile"))
      .run();
    refused(result, /no such file or directory/);
    assert.match(result.stderr, /`\/proc\/[a-z0-9-].+\/attr.*\/exec`/);
  });

  it("does not confine the hooks of the host", () => {
    const hook = box().write("hook", `#!/bin/sh\ncat /proc/self/attr/current >${box().path("seen")}\n`, 0o755);
    ok(
      box()
        .container((config) => {
          config.process["apparmorProfile"] = NAME;
          config.hooks = { createContainer: [{ path: hook }] };
        })
        .run(),
    );
    assert.equal(readFileSync(box().path("seen"), "utf8"), "unconfined\n");
  });
});

describe(selinux ? "SELinux" : "SELinux, which this host does not use", () => {
  const box = useBox();
  before(function (this: Context) {
    if (!selinux) skipBecause(this, "this host has no SELinux");
  });

  const LABEL = "system_u:system_r:container_t:s0:c1,c2";
  const FILES = "system_u:object_r:container_file_t:s0:c1,c2";
  const labelled = (config: Config): void => {
    config.process["selinuxLabel"] = LABEL;
    config.linux["mountLabel"] = FILES;
    config.root.readonly = false;
  };
  const current = (text: string): string => text.replace(/[ \0\n]+$/, "");

  it("gives the process its label, with no_new_privs and without, and one that joins the same or its own", () => {
    for (const noNewPrivileges of [true, false]) {
      assert.equal(
        current(
          box().inside("cat /proc/self/attr/current", (config) => {
            labelled(config);
            config.process.noNewPrivileges = noNewPrivileges;
          }),
        ),
        LABEL,
      );
    }
    const container = box().container((config) => {
      labelled(config);
      config.process.args = ["sleep", "100"];
    });
    ok(container.run(["--detach"]));
    assert.equal(current(readFileSync(`/proc/${container.state().pid}/attr/current`, "utf8")), LABEL);
    assert.equal(current(ok(box().runtime(["exec", container.id, "cat", "/proc/self/attr/current"])).stdout), LABEL);
    const other = LABEL.replace("c1,c2", "c0,c3");
    assert.equal(
      current(
        ok(box().runtime(["exec", "--process-label", other, container.id, "cat", "/proc/self/attr/current"])).stdout,
      ),
      other,
    );
    ok(container.delete("--force"));
  });

  it("gives every file system that keeps one the label of the mounts, and mqueue's root too", () => {
    const container = box().container((config) => {
      labelled(config);
      config.process.args = ["sleep", "100"];
    });
    ok(container.run(["--detach"]));
    const root = `/proc/${container.state().pid}/root`;
    for (const point of ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]) {
      assert.equal(
        current(
          ok(
            box().exec("/usr/bin/getfattr", [
              "--absolute-names",
              "--only-values",
              "-n",
              "security.selinux",
              `${root}${point}`,
            ]),
          ).stdout,
        ),
        FILES,
        point,
      );
    }
    const options = (point: string): string =>
      readFileSync(`/proc/${container.state().pid}/mountinfo`, "utf8")
        .split("\n")
        .findLast((line) => line.split(" ")[4] === point) ?? "";
    for (const point of ["/dev", "/dev/pts", "/dev/shm"])
      assert(options(point).includes(`context="${FILES}"`), options(point));
    for (const point of ["/proc", "/sys"]) assert(!options(point).includes("context="), options(point));
    ok(container.delete("--force"));
  });

  it("forbids what the policy forbids: root of the container makes no file in a root of another label", () => {
    assert.equal(
      box().inside("(echo x >/x) 2>/dev/null || echo denied; echo y >/dev/shm/y && cat /dev/shm/y", labelled),
      "denied\ny\n",
    );
  });

  it("labels the session keyring as the process, which else could not search it", () => {
    assert.match(
      box().inside("cat /proc/keys", (config) => {
        labelled(config);
        config.linux.maskedPaths = [];
      }),
      /keyring +_ses\./,
    );
  });

  it("that does not know the label is an error that names it, and nothing is left", () => {
    refused(
      box()
        .container((config) => (config.process["selinuxLabel"] = "system_u:system_r:no_such_t:s0"))
        .run(),
      /\/process\/selinuxLabel.*no_such_t.*invalid argument/,
    );
    refused(
      box()
        .container((config) => (config.linux["mountLabel"] = "system_u:object_r:no_such_t:s0"))
        .run(),
      /invalid argument/,
    );
  });
});
