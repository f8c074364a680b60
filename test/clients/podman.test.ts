import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { eventually, itOurs, ok, PROGRAM, SLOWNESS, soon, useBox, type Result } from "../system/harness.ts";
import { IMAGE, removeStore, rootfsArchive } from "./image.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

// podman's own default limits cannot be had without CAP_SYS_RESOURCE, its network not without plug-ins.
const RUN_FLAGS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--network=none"];

describe("podman", function () {
  this.timeout(60_000);
  const box = useBox();
  let store = "";

  before(() => {
    store = mkdtempSync(join(tmpdir(), "tsrun-podman-"));
    // Our name is not among those that podman reads JSON errors from: this is the line that makes it one (docs).
    writeFileSync(join(store, "containers.conf"), `[engine]\nruntime_supports_json = ["${basename(PROGRAM)}"]\n`);
  });
  after(() => removeStore(store));

  const podman = (args: readonly string[], input?: string): Result =>
    box().exec(
      "/usr/bin/podman",
      [
        "--runtime",
        PROGRAM,
        "--root",
        join(store, "root"),
        "--runroot",
        join(store, "runroot"),
        "--tmpdir",
        join(store, "tmp"),
        "--storage-driver",
        "vfs",
        "--events-backend",
        "none",
        "--cgroup-manager",
        "cgroupfs",
        ...args,
      ],
      {
        env: { PATH, HOME: store, CONTAINERS_CONF: join(store, "containers.conf") },
        ...(input === undefined ? {} : { input }),
      },
    );

  let imported = false;

  /** `podman run`, with a cgroup above the container's that is of this test alone. */
  function run(flags: readonly string[], command: readonly string[], input?: string): Result {
    if (!imported) {
      mkdirSync(join(store, "image"));
      ok(podman(["import", rootfsArchive(join(store, "image")), IMAGE]));
      imported = true;
    }
    const result = podman(
      ["run", "--cgroup-parent", `/${box().prefix}podman`, ...RUN_FLAGS, ...flags, IMAGE, ...command],
      input,
    );
    if (flags.includes("--rm")) removeParents();
    return result;
  }

  /** podman leaves the parent, and for a moment conmon's group in it, with every runtime; the container's own has to be gone. */
  function removeParents(): void {
    const left = box()
      .cgroups()
      .flatMap((parent) =>
        readdirSync(parent)
          .filter((name) => /^(libpod|crio)-[0-9a-f]+$/.test(name))
          .map((name) => join(parent, name)),
      );
    assert.deepEqual(left, []);
    box().removeCgroups();
  }

  it("starts a container, gets its output and its status 0", () => {
    assert.deepEqual(run(["--rm"], ["echo", "hello"]), { status: 0, signal: null, stdout: "hello\n", stderr: "" });
  });

  it("pauses a container and lets it go on, changes its limits, and lists its processes", () => {
    const name = `${box().prefix}pause`;
    ok(run(["--detach", "--name", name, "--memory", "64m"], ["sleep", "600"]));
    const status = (): string => ok(podman(["inspect", "--format", "{{.State.Status}}", name])).stdout.trim();
    ok(podman(["pause", name]));
    assert.equal(status(), "paused");
    assert.notEqual(podman(["exec", name, "true"]).status, 0);
    ok(podman(["unpause", name]));
    assert.equal(status(), "running");
    ok(podman(["update", "--memory", "96m", "--cpu-shares", "512", name]));
    const pid = ok(podman(["inspect", "--format", "{{.State.Pid}}", name])).stdout.trim();
    const path = /memory:(.*)/.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1];
    const limit =
      path === undefined
        ? `/sys/fs/cgroup${/0::(.*)/.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1]}/memory.max`
        : `/sys/fs/cgroup/memory${path}/memory.limit_in_bytes`;
    assert.equal(readFileSync(limit, "utf8").trim(), String(96 * 2 ** 20));
    assert.match(ok(podman(["top", name, "hpid", "args"])).stdout, new RegExp(`^${pid} +sleep 600`, "m"));
    ok(podman(["pause", name]));
    ok(podman(["rm", "--force", "--time", "0", name]));
    removeParents();
  });

  it("starts a container in the pid namespace of another: with a terminal, detached, and execs into it", () => {
    const [first, second] = [`${box().prefix}first`, `${box().prefix}second`];
    ok(run(["--detach", "--name", first], ["sleep", "601"]));
    assert.match(
      ok(
        run(
          ["--pid", `container:${first}`, "--tty", "--name", second],
          ["sh", "-c", "test -t 0 || test -t 1 && cat /proc/1/comm"],
        ),
      ).stdout,
      /^sleep\r?\n$/,
    );
    ok(podman(["rm", second]));
    ok(run(["--pid", `container:${first}`, "--detach", "--name", second], ["sleep", "602"]));
    assert.match(ok(podman(["exec", second, "ps"])).stdout, /sleep 601\n[^]*sleep 602\n/);
    assert.equal(
      readlinkSync(`/proc/${ok(podman(["inspect", "--format", "{{.State.Pid}}", second])).stdout.trim()}/ns/pid`),
      readlinkSync(`/proc/${ok(podman(["inspect", "--format", "{{.State.Pid}}", first])).stdout.trim()}/ns/pid`),
    );
    for (const name of [second, first]) ok(podman(["rm", "--force", "--time", "0", name]));
    removeParents();
  });

  it("gets another exit status, and both streams apart", () => {
    assert.deepEqual(run(["--rm"], ["sh", "-c", "echo out; echo err >&2; exit 7"]), {
      status: 7,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("confines it by its default seccomp profile", () => {
    const { stdout } = ok(run(["--rm"], ["grep", "Seccomp:", "/proc/self/status"]));
    assert.match(stdout, /Seccomp:\s+2/);
  });

  it("says 127 for a program that is missing, in words that it knows", () => {
    const { status, stderr } = run(["--rm"], ["nosuchprogram"]);
    assert.equal(status, 127, stderr);
    assert.match(
      stderr,
      /executable file not found in \$PATH.*OCI runtime attempted to invoke a command that was not found/,
    );
  });

  it("says 126 for a program that is not executable", () => {
    const { status, stderr } = run(["--rm"], ["/etc/passwd"]);
    assert.equal(status, 126, stderr);
    assert.match(stderr, /permission denied/);
  });

  it("says what failed when a mount does", () => {
    const { status, stderr } = run(["--rm", "--mount", "type=tmpfs,destination=/etc/passwd/x"], ["true"]);
    assert.notEqual(status, 0);
    assert.match(stderr, /not a directory/);
  });

  it("passes stdin with -i", () => {
    assert.equal(ok(run(["--rm", "-i"], ["cat"], "some input\n")).stdout, "some input\n");
  });

  it("sets hostname, user, working directory, environment, capabilities, a volume, a tmpfs, a read-only root", () => {
    mkdirSync(box().path("volume"));
    box().write("volume/file", "from the volume\n");
    const { stdout } = ok(
      run(
        [
          "--rm",
          "--hostname",
          "web1",
          "--user",
          "1000:50",
          "--workdir",
          "/tmp",
          "--env",
          "A=b c",
          "--cap-drop",
          "all",
          "--volume",
          `${box().path("volume")}:/mnt:ro`,
          "--tmpfs",
          "/tmp",
          "--read-only",
        ],
        [
          "sh",
          "-c",
          'hostname; id -u; id -g; pwd; echo "$A"; grep CapBnd /proc/self/status; cat /mnt/file; touch /mnt/x 2>/dev/null || echo volume is read-only; touch /x 2>/dev/null || echo root is read-only; touch /tmp/x && echo tmpfs is not',
        ],
      ),
    );
    assert.equal(
      stdout.replaceAll("\t", " "),
      "web1\n1000\n50\n/tmp\nb c\nCapBnd: 0000000000000000\nfrom the volume\nvolume is read-only\nroot is read-only\ntmpfs is not\n",
    );
  });

  it("limits memory, cpus and processes", () => {
    const { stdout } = ok(
      run(
        ["--rm", "--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"],
        [
          "sh",
          "-c",
          "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us 2>/dev/null || cat memory.max pids.max cpu.max",
        ],
      ),
    );
    assert.match(stdout, /^67108864\n50\n50000\b/);
  });

  it("starts detached, stops and removes it", () => {
    const name = `${box().prefix}web`;
    ok(run(["--detach", "--name", name], ["sleep", String(60 * SLOWNESS)]));
    assert.equal(ok(podman(["inspect", "--format", "{{.State.Status}}", name])).stdout, "running\n");
    ok(podman(["stop", "--time", "1", name]));
    assert.equal(
      ok(podman(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name])).stdout,
      "exited 137\n",
    );
    ok(podman(["start", name]));
    ok(podman(["kill", "--signal", "KILL", name]));
    eventually("it has ended", () => podman(["inspect", "--format", "{{.State.Status}}", name]).stdout === "exited\n");
    ok(podman(["rm", "--force", name]));
    removeParents();
  });

  it("executes commands in a container: output, streams, statuses, user, standard input, a terminal", () => {
    const name = `${box().prefix}exec`;
    ok(run(["--detach", "--name", name], ["sleep", String(60 * SLOWNESS)]));
    assert.deepEqual(podman(["exec", name, "sh", "-c", "echo out; echo err >&2; exit 7"]), {
      status: 7,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
    });
    assert.equal(
      ok(
        podman([
          "exec",
          "--user",
          "1000:100",
          "--workdir",
          "/tmp",
          "--env",
          "A=b",
          name,
          "sh",
          "-c",
          "id -u; id -g; pwd; echo $A",
        ]),
      ).stdout,
      "1000\n100\n/tmp\nb\n",
    );
    assert.equal(ok(podman(["exec", "-i", name, "cat"], "from stdin\n")).stdout, "from stdin\n");
    assert.equal(ok(podman(["exec", "-t", name, "tty"])).stdout, "/dev/pts/0\r\n");
    const missing = podman(["exec", name, "no-such-program"]);
    assert.equal(missing.status, 127, missing.stderr);
    assert.match(missing.stderr, /executable file not found in \$PATH/);
    ok(podman(["exec", "--detach", name, "sh", "-c", "sleep 0.1; echo done >/proc/1/cwd/dev/shm/done"]));
    eventually("it has been done", () => podman(["exec", name, "cat", "/dev/shm/done"]).stdout === "done\n");
    ok(podman(["rm", "--force", "--time", "0", name]));
    removeParents();
  });

  it("shows the container's terminal", () => {
    assert.equal(
      ok(run(["--rm", "-t"], ["sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all; ls /dev/console"]))
        .stdout,
      "/dev/pts/0\r\nall\r\n/dev/console\r\n",
    );
  });

  it("passes signals on to a container in the foreground", async () => {
    const name = `${box().prefix}signal`;
    const flags = [
      "--runtime",
      PROGRAM,
      "--root",
      join(store, "root"),
      "--runroot",
      join(store, "runroot"),
      "--tmpdir",
      join(store, "tmp"),
      "--storage-driver",
      "vfs",
      "--events-backend",
      "none",
      "--cgroup-manager",
      "cgroupfs",
    ];
    const child = spawn(
      "/usr/bin/podman",
      [
        ...flags,
        "run",
        "--rm",
        "--name",
        name,
        "--cgroup-parent",
        `/${box().prefix}podman`,
        ...RUN_FLAGS,
        IMAGE,
        "sh",
        "-c",
        "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
      ],
      { env: { PATH, HOME: store, TSRUN_TEST: box().prefix } },
    );
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    const end = new Promise<number | null>((resolve) => child.once("close", resolve));
    await soon("it is ready", () => said.includes("ready"), 20_000);
    child.kill("SIGTERM");
    assert.equal(await end, 5);
    assert.equal(said, "ready\ngot it\n");
    removeParents();
  });

  itOurs("shows our version in its info", () => {
    assert.match(ok(podman(["info", "--format", "{{.Host.OCIRuntime.Version}}"])).stdout, /tsrun version/);
  });
});
