// The systemd cgroup driver of a user without privileges: containers are scopes of the user's own systemd. It needs a session of the user's
// with delegated controllers, so it runs in the guest of test/guest as the user `tester`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Box, eventually, ok, PROGRAM, refused, type Container, type Result } from "./harness.ts";
import type { Config } from "./bundle.ts";

const { XDG_RUNTIME_DIR = "", DBUS_SESSION_BUS_ADDRESS = "", PATH = "" } = process.env;
const uid = process.getuid?.() ?? 0;
const possible =
  uid !== 0 && existsSync(`${XDG_RUNTIME_DIR}/systemd/private`) && existsSync("/sys/fs/cgroup/cgroup.controllers");

const PATIENCE_MS = 30_000;

describe(
  possible
    ? "the systemd cgroup driver of a user"
    : "the systemd cgroup driver of a user: skipped, we are root or no systemd of the user runs",
  function () {
    this.timeout(240_000);
    if (!possible) {
      it.skip("needs a user with a session of systemd's: make test-guest has one", () => undefined);
      return;
    }
    let box: Box;
    beforeEach(() => {
      box = new Box();
    });
    afterEach(() => {
      box.clean();
      box.remove();
    });

    const session = { PATH, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS };
    const runtime = (args: readonly string[], env: { readonly [name: string]: string } = session): Result =>
      box.exec(PROGRAM, ["--root", box.stateRoot, ...args], { env });
    const property = (unit: string, name: string): string =>
      spawnSync("systemctl", ["--user", "show", "--value", "--property", name, unit], {
        encoding: "utf8",
      }).stdout.trim();

    const made = (resources: object = {}): Container =>
      box.container((config: Config) => {
        config.process.args = ["sleep", "600"];
        config.linux.namespaces.push({ type: "user" });
        config.linux["uidMappings"] = [{ containerID: 0, hostID: uid, size: 1 }];
        config.linux["gidMappings"] = [{ containerID: 0, hostID: process.getgid?.() ?? 0, size: 1 }];
        config.mounts = config.mounts.map((mount) =>
          mount.destination === "/dev/pts"
            ? { ...mount, options: (mount.options ?? []).filter((option) => option !== "gid=5") }
            : mount,
        );
        config.linux.resources = { ...config.linux.resources, ...resources };
      });

    it("a container is a scope below user.slice of the user's systemd, with its limits; exec, update and delete work by it", () => {
      const container = made({ memory: { limit: 67108864 }, pids: { limit: 44 } });
      ok(runtime(["--systemd-cgroup", "run", "--detach", "--bundle", container.bundle, container.id]));
      const unit = `runc-${container.id}.scope`;
      const { pid } = JSON.parse(ok(runtime(["state", container.id])).stdout) as { readonly pid: number };
      const group = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
      assert.match(group, new RegExp(`/user@${uid}\\.service/user\\.slice/${unit}$`));
      assert.deepEqual(
        ["Slice", "MemoryMax", "TasksMax", "Delegate"].map((name) => property(unit, name)),
        ["user.slice", "67108864", "44", "yes"],
      );
      assert.equal(readFileSync(`/sys/fs/cgroup${group}/memory.max`, "utf8").trim(), "67108864");
      ok(runtime(["exec", container.id, "true"]));
      ok(runtime(["update", "--pids-limit", "50", container.id]));
      assert.equal(property(unit, "TasksMax"), "50");
      ok(runtime(["delete", "--force", container.id]));
      eventually(
        "the scope is gone",
        () => property(unit, "ActiveState") === "inactive" && !existsSync(`/sys/fs/cgroup${group}`),
        PATIENCE_MS,
      );
    });

    it("the user's systemd is found by XDG_RUNTIME_DIR alone, or by DBUS_SESSION_BUS_ADDRESS alone", () => {
      for (const env of [
        { PATH, XDG_RUNTIME_DIR },
        { PATH, DBUS_SESSION_BUS_ADDRESS },
      ]) {
        const container = made();
        ok(runtime(["--systemd-cgroup", "create", "--bundle", container.bundle, container.id], env));
        assert.equal(property(`runc-${container.id}.scope`, "ActiveState"), "active");
        ok(runtime(["delete", "--force", container.id], env));
        eventually(
          "the scope is gone",
          () => property(`runc-${container.id}.scope`, "ActiveState") === "inactive",
          PATIENCE_MS,
        );
      }
    });

    it("without a session it is said that the user's systemd cannot be reached", () => {
      const container = made();
      refused(
        runtime(["--systemd-cgroup", "create", "--bundle", container.bundle, container.id], { PATH }),
        /complete cgroup: connect to the user's systemd: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set.* — there must be a session of the user's/,
      );
      assert.deepEqual(box.cgroups(), []);
    });
  },
);
