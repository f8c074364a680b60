import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { eventually, ok, PROGRAM, soon, useBox, type Result } from "../system/harness.ts";
import { IMAGE, imageArchive, removeStore } from "./image.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

describe("containerd", function () {
  this.timeout(60_000);
  const box = useBox();
  let store = "";
  let daemon: ChildProcess | undefined;

  const socket = (): string => join(store, "containerd.sock");
  const ctr = (...args: string[]): Result =>
    box().exec("/usr/bin/ctr", ["--address", socket(), ...args], { env: { PATH } });

  before(async () => {
    store = mkdtempSync(join(tmpdir(), "tsrun-containerd-"));
    const config = `version = 2
root = "${store}/root"
state = "${store}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "${socket()}"
[ttrpc]
address = "${socket()}.ttrpc"
`;
    writeFileSync(join(store, "config.toml"), config);
    const log = openSync(join(store, "log"), "w");
    daemon = spawn("/usr/bin/containerd", ["--config", join(store, "config.toml")], {
      stdio: ["ignore", log, log],
      env: { PATH },
    });
    await soon("containerd listens", () => existsSync(socket()), 20_000);
  });

  after(async () => {
    const end = new Promise((resolve) =>
      daemon === undefined || daemon.exitCode !== null ? resolve(0) : daemon.once("exit", resolve),
    );
    daemon?.kill("SIGTERM");
    await end;
    removeStore(store);
  });

  let imported = false;
  const run = (id: string, ...rest: string[]): Result => {
    if (!imported) {
      eventually("containerd answers", () => ctr("version").status === 0, 20_000);
      ok(ctr("image", "import", imageArchive(store)));
      imported = true;
    }
    const result = ctr(
      "run",
      "--runc-binary",
      PROGRAM,
      "--runc-root",
      join(store, "runc"),
      "--cgroup",
      `/${box().prefix}ctr`,
      ...rest.slice(0, rest.indexOf(IMAGE) + 1),
      `${box().prefix}${id}`,
      ...rest.slice(rest.indexOf(IMAGE) + 1),
    );
    if (rest.includes("--rm")) box().removeCgroups(); // containerd leaves the parent
    return result;
  };

  /** What the daemon and its shim keep of containers that are gone: nothing. */
  const assertGone = (): void => {
    assert.equal(ok(ctr("task", "ls", "-q")).stdout, "");
    assert.equal(ok(ctr("container", "ls", "-q")).stdout, "");
    eventually("the mounts of the shim are gone", () => !readFileSync("/proc/self/mountinfo", "utf8").includes(store));
  };

  it("starts a container, gets its output and its status 0", () => {
    assert.deepEqual(run("hello", "--rm", IMAGE, "echo", "hello"), {
      status: 0,
      signal: null,
      stdout: "hello\n",
      stderr: "",
    });
    assertGone();
  });

  it("gets another exit status", () => {
    const { status, stdout } = run("seven", "--rm", IMAGE, "sh", "-c", "echo out; exit 7");
    assert.deepEqual([status, stdout], [7, "out\n"]);
    assertGone();
  });

  it("reads our error from the JSON log when the program is missing", () => {
    const { status, stderr } = run("missing", "--rm", IMAGE, "nosuchprogram");
    assert.notEqual(status, 0);
    assert.match(stderr, /OCI runtime create failed: .*executable file not found in \$PATH/);
    ctr("container", "delete", `${box().prefix}missing`);
    ctr("snapshot", "delete", `${box().prefix}missing`);
    assertGone();
  });

  it("confines it by a seccomp profile", () => {
    assert.match(
      ok(run("seccomp", "--rm", "--seccomp", IMAGE, "grep", "Seccomp:", "/proc/self/status")).stdout,
      /Seccomp:\s+2/,
    );
    assertGone();
  });

  it("limits memory and shows the container its own cgroup", () => {
    const { stdout } = ok(
      run(
        "memory",
        "--rm",
        "--memory-limit",
        "67108864",
        "--mount",
        "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro:nosuid",
        IMAGE,
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
      ),
    );
    assert.equal(stdout, "67108864\n");
    assertGone();
  });

  it("starts detached, sees it run, kills it and takes it away", () => {
    const id = `${box().prefix}web`;
    ok(run("web", "--detach", IMAGE, "sleep", "60"));
    assert.match(ok(ctr("task", "ls")).stdout, new RegExp(`${id}\\s+\\d+\\s+RUNNING`));
    ok(ctr("task", "kill", "--signal", "SIGKILL", id));
    eventually("it has stopped", () => /STOPPED/.test(ctr("task", "ls").stdout));
    ctr("task", "delete", id); // its exit status is the task's, 137
    ok(ctr("container", "delete", id));
    assertGone();
    box().removeCgroups();
  });

  it("pauses a task, lists its processes, and resumes it", () => {
    const id = `${box().prefix}pause`;
    ok(run("pause", "--detach", IMAGE, "sleep", "60"));
    ok(ctr("task", "pause", id));
    assert.match(ok(ctr("task", "ls")).stdout, new RegExp(`${id}\\s+\\d+\\s+PAUSED`));
    assert.match(ok(ctr("task", "ps", id)).stdout, /^\d+/m);
    ok(ctr("task", "resume", id));
    assert.match(ok(ctr("task", "ls")).stdout, new RegExp(`${id}\\s+\\d+\\s+RUNNING`));
    ok(ctr("task", "kill", "--signal", "SIGKILL", id));
    eventually("it has stopped", () => /STOPPED/.test(ctr("task", "ls").stdout));
    ctr("task", "delete", id);
    ok(ctr("container", "delete", id));
    assertGone();
    box().removeCgroups();
  });

  it("executes commands in a container", () => {
    const id = `${box().prefix}exec`;
    ok(run("exec", "--detach", IMAGE, "sleep", "60"));
    assert.equal(ok(ctr("task", "exec", "--exec-id", "one", id, "echo", "hello")).stdout, "hello\n");
    assert.equal(ctr("task", "exec", "--exec-id", "two", id, "sh", "-c", "exit 9").status, 9);
    assert.match(
      ctr("task", "exec", "--exec-id", "three", id, "no-such-program").stderr,
      /OCI runtime exec failed.*executable file not found in \$PATH/,
    );
    ok(ctr("task", "kill", "--signal", "SIGKILL", id));
    eventually("it has stopped", () => /STOPPED/.test(ctr("task", "ls").stdout));
    ctr("task", "delete", id);
    ok(ctr("container", "delete", id));
    assertGone();
    box().removeCgroups();
  });

  it("takes away with delete --force what it cannot find any more", () => {
    ok(run("lost", "--detach", IMAGE, "sleep", "60"));
    ok(
      ctr("task", "delete", "--force", `${box().prefix}lost`).status === 137
        ? { status: 0, signal: null, stdout: "", stderr: "" }
        : ctr("task", "ls"),
    );
    ok(ctr("container", "delete", `${box().prefix}lost`));
    assertGone();
    box().removeCgroups();
  });
});
