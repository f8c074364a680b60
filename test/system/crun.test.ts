// What crun has and runc has not, as its callers use it.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { eventually, isTsrun, ok, refused, shareNamespace, useBox, type Container } from "./harness.ts";

describe("like crun", function () {
  if (!isTsrun) return;
  this.timeout(60_000);
  const box = useBox();

  function sleeper(): Container {
    const container = box().container((config) => (config.process.args = ["sleep", "100"]));
    ok(container.run(["--detach"]));
    return container;
  }

  it("create and run --config take another file, of the bundle or by an absolute path", () => {
    const container = box().container((config) => (config.process.args = ["echo", "from config.json"]));
    const other = readFileSync(join(container.bundle, "config.json"), "utf8").replace(
      "from config.json",
      "from another",
    );
    writeFileSync(join(container.bundle, "other.json"), other);
    assert.equal(ok(container.run(["--config", "other.json"])).stdout, "from another\n");
    assert.equal(ok(container.run(["-f", join(container.bundle, "other.json")])).stdout, "from another\n");
    refused(container.run(["--config", "none.json"]), /none\.json not found/);
  });

  it("kill --regex and delete --regex act on every container whose name has a match, and on no other", () => {
    const [first, second] = [sleeper(), sleeper()];
    ok(box().runtime(["kill", "--regex", `${box().prefix}1$`, "KILL"]));
    first.waitFor("stopped");
    assert.equal(second.state().status, "running");
    refused(
      box().runtime(["delete", "--regex", `^${box().prefix}`]),
      /cannot delete container .*2 that is not stopped/,
    );
    refused(box().runtime(["state", first.id]), /does not exist/);
    ok(box().runtime(["delete", "-f", "-r", `^${box().prefix}`]));
    refused(box().runtime(["state", second.id]), /does not exist/);
    ok(box().runtime(["delete", "--regex", "no such name"]));
    refused(box().runtime(["delete", "--regex", "("]), /invalid regular expression \(/);
  });

  it("mounts add puts mounts into a running container, mounts remove takes them away", () => {
    const container = sleeper();
    mkdirSync(box().path("shared"));
    writeFileSync(box().path("shared/file"), "of the host\n");
    const file = box().write(
      "mounts.json",
      JSON.stringify([
        { destination: "/mnt", type: "bind", source: box().path("shared"), options: ["bind", "ro"] },
        { destination: "/home", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"] },
      ]),
    );
    const inside = (script: string): string => box().runtime(["exec", container.id, "sh", "-c", script]).stdout;
    ok(box().runtime(["mounts", "add", container.id, file]));
    assert.equal(
      inside("cat /mnt/file; touch /mnt/x 2>&1; touch /home/x && ls /home"),
      "of the host\ntouch: /mnt/x: Read-only file system\nx\n",
    );
    assert.match(inside("grep ' /home ' /proc/self/mountinfo"), /nosuid/);
    ok(
      box().runtime([
        "mounts",
        "remove",
        container.id,
        box().write("gone.json", JSON.stringify({ mounts: [{ destination: "/mnt" }, { destination: "/home" }] })),
      ]),
    );
    assert.equal(inside("ls /mnt; grep -E ' /(mnt|home) ' /proc/self/mountinfo"), "");
    ok(container.delete("--force"));
  });

  it("mounts add leaves nothing behind when one of them fails, and says which", () => {
    const container = sleeper();
    const file = box().write(
      "mounts.json",
      JSON.stringify([
        { destination: "/home", type: "tmpfs", source: "tmpfs" },
        { destination: "/mnt", type: "bogusfs", source: "none" },
      ]),
    );
    refused(box().runtime(["mounts", "add", container.id, file]), /mount \/mnt: \/mounts\/1: .*no such device/);
    assert.equal(box().runtime(["exec", container.id, "grep", "/home", "/proc/self/mountinfo"]).stdout, "");
    refused(box().runtime(["mounts", "add", container.id, "/no/such/file"]), /no such file or directory/);
    refused(
      box().runtime(["mounts", "add", container.id, box().write("bad.json", '[{"source": "x"}]')]),
      /\/mounts\/0/,
    );
    refused(
      box().runtime(["mounts", "remove", container.id, box().write("absent.json", '[{"destination": "/tmp"}]')]),
      /unmount \/tmp: \/mounts\/0: umount2/,
    );
    refused(box().runtime(["mounts", "swap", container.id, file]), /add and remove/);
    refused(box().runtime(["mounts", "add", "unknown", file]), /does not exist/);
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(box().runtime(["mounts", "add", container.id, file]), /container not running/);
    ok(container.delete());
  });

  it("mounts add works where the container shares the pid namespace, and follows no link out of its root", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "ln -s / /tmp/out; sleep 100"];
      config.root.readonly = false;
      config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
      shareNamespace(config, "pid");
    });
    ok(container.run(["--detach"]));
    eventually("the link is there", () => box().runtime(["exec", container.id, "test", "-L", "/tmp/out"]).status === 0);
    mkdirSync(box().path("target"));
    const file = box().write(
      "mounts.json",
      JSON.stringify({ mounts: [{ destination: `/tmp/out${box().path("target")}`, type: "tmpfs", source: "tmpfs" }] }),
    );
    ok(box().runtime(["mounts", "add", container.id, file]));
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(box().path("target")), false);
    ok(container.delete("--force"));
  });

  it("--cgroup-manager disabled leaves the container in its caller's cgroups, and warns that nothing is limited", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "cat /proc/self/cgroup; ls -d /sys/fs/cgroup/*"];
      config.linux.resources = { ...config.linux.resources, pids: { limit: 10 } };
    });
    const { stdout, stderr } = ok(
      box().runtime(["--cgroup-manager", "disabled", "run", "--bundle", container.bundle, container.id]),
    );
    assert.equal(stdout.includes(readFileSync("/proc/self/cgroup", "utf8")), true, stdout);
    assert.match(stderr, /warning: --cgroup-manager disabled: nothing of \/linux\/resources is applied/);
    const other = box().container((config) => (config.process.args = ["sleep", "100"]));
    ok(box().runtime(["--cgroup-manager=disabled", "create", "--bundle", other.bundle, other.id]));
    assert.equal(other.state().status, "created");
    ok(other.start());
    assert.deepEqual(box().cgroups(), []);
    ok(other.kill("KILL"));
    other.waitFor("stopped");
    ok(other.delete());
  });

  it("list -q and -f json, spec --bundle are there", () => {
    const container = sleeper();
    assert.equal(ok(box().runtime(["list", "-q"])).stdout, `${container.id}\n`);
    assert.equal(
      (JSON.parse(ok(box().runtime(["list", "-f", "json"])).stdout) as { id: string }[])[0]?.id,
      container.id,
    );
    mkdirSync(box().path("new"));
    ok(box().runtime(["spec", "--bundle", box().path("new")]));
    ok(container.delete("--force"));
  });
});
