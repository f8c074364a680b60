import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import {
  eventually,
  isTsrun,
  itOurs,
  ok,
  PROGRAM,
  refused,
  RUNC,
  shareNamespace,
  useBox,
  type Box,
  type Container,
  type Result,
  type State,
} from "./harness.ts";

const program =
  (...args: string[]) =>
  (config: Config): void =>
    void (config.process.args = args);
const sleep = program("sleep", "60");

/** The same container under runc, in a state root of its own; the callback's commands go to runc. */
function withRunc<T>(box: Box, container: Container, act: (runc: (...args: string[]) => Result, id: string) => T): T {
  assert(existsSync(RUNC), "runc is what we are compared with: scripts/install-deps --test");
  const id = `${container.id}r`;
  const runc = (...args: string[]): Result =>
    box.exec(RUNC, ["--root", box.path("runc-state"), ...args], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  try {
    return act(runc, id);
  } finally {
    runc("delete", "--force", id);
  }
}

describe("create", () => {
  const box = useBox();

  it("does everything but the user's program: it has not run", () => {
    const container = box().container((config) => {
      config.root.readonly = false;
      config.process.args = ["touch", "/ran"];
    });
    ok(container.create());
    assert.equal(container.state().status, "created");
    assert.equal(existsSync(container.at("ran")), false);
    ok(container.start());
    container.waitFor("stopped");
    assert.equal(existsSync(container.at("ran")), true);
    ok(container.delete());
  });

  it("prints nothing, and writes nothing to the log (CLIENTS 0.6)", () => {
    const container = box().container();
    const result = box().runtime([
      "--log",
      box().path("log"),
      "--log-format",
      "json",
      "create",
      "--bundle",
      container.bundle,
      container.id,
    ]);
    assert.deepEqual(
      [
        result.status,
        result.stdout,
        result.stderr,
        existsSync(box().path("log")) ? readFileSync(box().path("log"), "utf8") : "",
      ],
      [0, "", "", ""],
    );
    ok(container.delete("--force"));
  });

  it("returns when init is alive and its pid file complete: digits, no newline, the host's pid", () => {
    const container = box().container();
    ok(container.create(["--pid-file", box().path("pid")]));
    const text = readFileSync(box().path("pid"), "utf8");
    assert.match(text, /^[1-9]\d*$/);
    assert.equal(Number(text), container.state().pid);
    assert.equal(existsSync(`/proc/${text}`), true);
    ok(container.delete("--force"));
  });

  it("leaves init as its only process: a child of whoever reaps orphans above", () => {
    const container = box().container();
    ok(container.create());
    const stat = readFileSync(`/proc/${container.state().pid}/stat`, "utf8");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1], "1");
    ok(container.delete("--force"));
  });

  it("takes the bundle from the working directory", () => {
    const container = box().container();
    ok(box().runtime(["create", container.id], { cwd: container.bundle }));
    assert.equal(container.state().bundle, container.bundle);
    ok(container.delete("--force"));
  });

  it("with an id in use is refused, and the container with it is as it was", () => {
    const container = box().container(sleep);
    ok(container.create());
    const before = container.state();
    refused(container.create(), /container with given ID already exists/);
    assert.deepEqual(container.state(), before);
    ok(container.start());
    refused(container.create(), /container with given ID already exists/);
    refused(container.run(), /container with given ID already exists/);
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  it("keeps its own copy of config.json: what is edited later has no effect", () => {
    const container = box().container(program("sh", "-c", "echo first; hostname"));
    ok(container.create());
    container.configure({
      ...(JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config),
      process: { broken: true },
      hooks: { poststop: [{ path: "/no" }] },
    });
    ok(container.start());
    container.waitFor("stopped");
    container.configureText("{");
    ok(container.delete());
  });

  it("takes annotations along into the state", () => {
    const annotations = { "org.example.one": "1", "with space": 'ü\n"quoted"', "org.example.empty": "" };
    const container = box().container((config) => (config.annotations = annotations));
    ok(container.create());
    assert.deepEqual(container.state().annotations, annotations);
    ok(container.delete("--force"));
  });

  it("works below a state root whose path is longer than a socket's address may be", () => {
    const root = box().path("r".repeat(60) + "/" + "s".repeat(80));
    const container = box().container(sleep);
    const runtime = (...args: string[]): Result => box().exec(PROGRAM, ["--root", root, ...args]);
    ok(runtime("create", "--bundle", container.bundle, container.id));
    ok(runtime("start", container.id));
    assert.equal((JSON.parse(runtime("state", container.id).stdout) as State).status, "running");
    ok(runtime("delete", "--force", container.id));
  });

  it("keeps the state root to its owner", () => {
    const container = box().container();
    ok(container.create());
    assert.equal(statSync(box().stateRoot).mode & 0o077 & ~0o011, 0);
    ok(container.delete("--force"));
  });

  it("twenty at once do not disturb each other", async () => {
    const containers = Array.from({ length: 20 }, () => box().container(sleep));
    const results = await Promise.all(
      containers.map(({ id, bundle }) => box().beside(["create", "--bundle", bundle, id])),
    );
    assert.deepEqual(
      results.filter(({ status }) => status !== 0),
      [],
    );
    assert.equal(new Set(containers.map((container) => container.state().pid)).size, 20);
    assert.deepEqual(
      await Promise.all(
        containers.map(({ id }) =>
          box()
            .beside(["start", id])
            .then(({ status }) => status),
        ),
      ),
      containers.map(() => 0),
    );
    assert.deepEqual(
      await Promise.all(
        containers.map(({ id }) =>
          box()
            .beside(["delete", "--force", id])
            .then(({ status }) => status),
        ),
      ),
      containers.map(() => 0),
    );
  });

  it("of one id, ten at once: one is created", async () => {
    const container = box().container(sleep);
    const errors = (
      await Promise.all(
        Array.from({ length: 10 }, () => box().beside(["create", "--bundle", container.bundle, container.id])),
      )
    ).map(({ stderr }) => stderr);
    assert.equal(errors.filter((text) => text === "").length, 1, errors.join(""));
    assert.equal(
      errors.filter((text) => text.includes("container with given ID already exists")).length,
      9,
      errors.join(""),
    );
    assert.equal(container.state().status, "created");
    ok(container.start());
    ok(container.delete("--force"));
  });
});

describe("start", () => {
  const box = useBox();

  it("lets the program run, and the state is running", () => {
    const container = box().container(sleep);
    ok(container.create());
    assert.deepEqual(ok(container.start()), { status: 0, signal: null, stdout: "", stderr: "" });
    const state = container.state();
    assert.equal(state.status, "running");
    eventually("init is sleep", () => readFileSync(`/proc/${state.pid}/comm`, "utf8") === "sleep\n");
    ok(container.delete("--force"));
  });

  it("is for created containers only: running and stopped ones stay as they are", () => {
    const container = box().container(sleep);
    ok(container.create());
    ok(container.start());
    refused(container.start(), /cannot start an already running container/);
    assert.equal(container.state().status, "running");
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    refused(container.start(), /cannot start a container that has stopped/);
    assert.equal(container.state().status, "stopped");
    ok(container.delete());
  });

  itOurs("twice at once succeeds once", async () => {
    for (let round = 0; round < 5; round++) {
      const container = box().container((config) => {
        config.root.readonly = false;
        config.process.args = ["sh", "-c", "echo x >> /count; exec sleep 60"];
      });
      ok(container.create());
      const results = await Promise.all([1, 2].map(() => box().beside(["start", container.id])));
      assert.deepEqual(
        results.map(({ status }) => status).sort(),
        [0, 1],
        results.map(({ stderr }) => stderr).join(""),
      );
      assert.match(results.map(({ stderr }) => stderr).join(""), /cannot start an already running container/);
      eventually(
        "it has counted",
        () => existsSync(container.at("count")) && readFileSync(container.at("count"), "utf8") !== "",
      );
      assert.equal(readFileSync(container.at("count"), "utf8"), "x\n");
      ok(container.delete("--force"));
    }
  });

  it("of a container whose init was killed is refused", () => {
    const container = box().container();
    ok(container.create());
    process.kill(container.state().pid, "SIGKILL");
    container.waitFor("stopped");
    refused(container.start(), /cannot start a container that has stopped/);
    ok(container.delete());
  });
});

describe("state", () => {
  const box = useBox();

  it("is what runc prints, key by key", () => {
    const container = box().container((config) => {
      sleep(config);
      config.annotations = { a: "1", b: "2" };
    });
    ok(container.create());
    const ours = box().runtime(["state", container.id]);
    const theirs = withRunc(box(), container, (runc, id) => {
      ok(runc("create", "--bundle", container.bundle, id));
      return runc("state", id);
    });
    const shape = (text: string): string =>
      text
        .replace(/"(id|created)": ".*"/g, '"$1": ""')
        .replace(/"pid": \d+/, '"pid": 1')
        .replace(/"owner": ".*"/, '"owner": ""'); // runc knows the owner in list only
    assert.equal(shape(ours.stdout), shape(theirs.stdout));
    assert.equal(ours.stderr, "");
    const { created, pid, id, rootfs } = JSON.parse(ours.stdout) as State;
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
    assert(Math.abs(Date.parse(created) - Date.now()) < 60_000);
    assert.deepEqual([id, rootfs, existsSync(`/proc/${pid}`)], [container.id, container.rootfs, true]);
    ok(container.delete("--force"));
  });

  it("has no annotations and pid 0 for a stopped container without them, as with runc", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    const ours = Object.keys(container.state()).filter((key) => key !== "ended"); // our own, after those of runc
    const theirs = withRunc(box(), container, (runc, id) => {
      ok(runc("run", "--keep", "--bundle", container.bundle, id));
      return JSON.parse(runc("state", id).stdout) as State;
    });
    assert.deepEqual(ours, Object.keys(theirs));
    assert.deepEqual([container.state().pid, container.state().status], [theirs.pid, theirs.status]);
    ok(container.delete());
  });

  it("knows a later process with the pid of a dead init from it", () => {
    if (!isTsrun) return;
    const container = box().container(sleep);
    ok(container.run(["-d"]));
    const file = join(box().stateRoot, container.id, "state.json");
    const record = JSON.parse(readFileSync(file, "utf8")) as { startTime: string };
    const text = readFileSync(file, "utf8");
    writeFileSync(file, JSON.stringify({ ...record, startTime: "1" }));
    assert.equal(container.state().status, "stopped");
    writeFileSync(file, text);
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  it("of an unknown id is an error that says so", () =>
    refused(box().runtime(["state", "unknown"]), /container does not exist/));
});

describe("list", () => {
  const box = useBox();

  it("prints runc's table", () => {
    const containers = [box().container(sleep), box().container()];
    const shape = (text: string): string =>
      text
        .replaceAll(/tsrun-test-\d+-\d+-\d+r?/g, "ID")
        .replaceAll(
          /\b\d+ {2,}(created|running|stopped)/g,
          (found, status: string) => `${found.startsWith("0") ? "0" : "PID"} ${status}`,
        )
        .replaceAll(/\S+Z {2,}/g, "TIME ")
        .replaceAll(/CREATED {2,}/g, "CREATED ")
        .replaceAll(/ID {2,}/g, "ID ")
        .replaceAll(/bundle\d/g, "bundle");
    for (const container of containers) ok(container.create());
    const ours = box().runtime(["list"]);
    const theirs = withRunc(box(), containers[0] as Container, (runc, first) =>
      withRunc(box(), containers[1] as Container, (_runc, second) => {
        ok(runc("create", "--bundle", containers[0]?.bundle ?? "", first));
        ok(runc("create", "--bundle", containers[1]?.bundle ?? "", second));
        return runc("list");
      }),
    );
    assert.equal(shape(ours.stdout), shape(theirs.stdout));
    for (const container of containers) ok(container.delete("--force"));
  });

  it("--format json prints what runc prints, and null when there are none", () => {
    ok(box().exec("/bin/mkdir", ["-p", box().stateRoot]));
    assert.equal(ok(box().runtime(["list", "--format", "json"])).stdout.trim(), "null");
    const container = box().container(sleep);
    ok(container.create());
    const ours = ok(box().runtime(["list", "-f=json"])).stdout;
    const theirs = withRunc(box(), container, (runc, id) => {
      ok(runc("create", "--bundle", container.bundle, id));
      return ok(runc("list", "-f=json")).stdout;
    });
    const shape = (text: string): string =>
      text.replace(/"(id|created)":"[^"]*"/g, '"$1":""').replace(/"pid":\d+/, '"pid":1');
    assert.equal(shape(ours), shape(theirs));
    ok(container.delete("--force"));
  });

  it("--quiet prints the ids", () => {
    const containers = [1, 2, 3].map(() => box().container());
    for (const container of containers) ok(container.create());
    assert.equal(ok(box().runtime(["list", "-q"])).stdout, containers.map(({ id }) => `${id}\n`).join(""));
    for (const container of containers) ok(container.delete("--force"));
  });

  it("goes on past what is no container, with a word on standard error", () => {
    const container = box().container();
    ok(container.create());
    ok(box().exec("/bin/mkdir", [join(box().stateRoot, "broken")]));
    const { status, stdout, stderr } = box().runtime(["list", "-q"]);
    assert.deepEqual([status, stdout], [0, `${container.id}\n`]);
    assert.match(stderr, /broken/);
    ok(container.delete("--force"));
    ok(box().runtime(["delete", "--force", "broken"]));
  });
});

describe("kill", () => {
  const box = useBox();
  /** A container that prints the signals it gets and ends on TERM. */
  const listener = (config: Config): void => {
    config.root.readonly = false;
    config.process.args = [
      "sh",
      "-c",
      "for s in HUP USR1 USR2 WINCH RTMIN RTMIN+3; do trap \"echo $s >> /got\" $s; done; trap 'echo TERM >> /got; exit' TERM; echo ready >> /got; while :; do sleep 0.02; done",
    ];
  };
  const got = (container: Container): string[] =>
    existsSync(container.at("got")) ? readFileSync(container.at("got"), "utf8").trim().split("\n") : [];

  it("sends SIGTERM without a signal, and the container ends", () => {
    const container = box().container(listener);
    ok(container.run(["-d"]));
    eventually("it is ready", () => got(container).includes("ready"));
    ok(container.kill());
    container.waitFor("stopped");
    assert.deepEqual(got(container), ["ready", "TERM"]);
    ok(container.delete());
  });

  for (const [word, name] of [
    ["USR1", "USR1"],
    ["SIGUSR1", "USR1"],
    ["usr2", "USR2"],
    ["sigHup", "HUP"],
    ["10", "USR1"],
    ["28", "WINCH"],
    ["12", "USR2"],
  ] as const) {
    it(`takes the signal ${word}`, () => {
      const container = box().container(listener);
      ok(container.run(["-d"]));
      eventually("it is ready", () => got(container).includes("ready"));
      ok(container.kill(word));
      eventually("it has come", () => got(container).includes(name));
      assert.deepEqual(got(container), ["ready", name]);
      ok(container.delete("--force"));
    });
  }

  it("refuses a signal that does not exist, and sends nothing", () => {
    const container = box().container(sleep);
    ok(container.run(["-d"]));
    for (const word of ["NOSUCH", "999", "-1", "SIG", ""])
      if (word !== "") refused(container.kill(word), /signal|flag/);
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  it("reaches a created container, too", () => {
    const container = box().container();
    ok(container.create());
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    ok(container.delete());
    const other = box().container();
    ok(other.create());
    ok(other.kill("TERM"));
    other.waitFor("stopped");
    ok(other.delete());
  });

  for (const first of ["while init lives", "when init is gone"]) {
    it(`KILL reaches every process of a container without a pid namespace ${first}`, () => {
      const container = box().container((config) => {
        shareNamespace(config, "pid");
        config.process.args = ["sh", "-c", "sleep 600 & sleep 600 & exec sleep 600"];
      });
      ok(container.run(["-d"]));
      const others = (): string[] =>
        box()
          .cgroups()
          .flatMap((group) =>
            readFileSync(join(group, "cgroup.procs"), "utf8")
              .split("\n")
              .filter((pid) => pid !== ""),
          );
      eventually("all of them run", () => new Set(others()).size === 3);
      if (first === "when init is gone") process.kill(container.state().pid, "SIGKILL");
      if (first === "when init is gone") container.waitFor("stopped");
      ok(container.kill("KILL"));
      eventually("none is left", () => others().length === 0);
      ok(container.delete());
    });
  }

  it("of a stopped container is refused, in the words that containerd looks for", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    refused(container.kill("KILL"), /container not running/);
    refused(container.kill("0"), /container not running/);
    ok(container.delete());
  });

  it("of an unknown id is an error that says so", () =>
    refused(box().runtime(["kill", "unknown", "KILL"]), /container does not exist/));
});

describe("delete", () => {
  const box = useBox();

  it("is for stopped containers: a running one stays", () => {
    const container = box().container(sleep);
    ok(container.run(["-d"]));
    const ours = container.delete();
    refused(ours, /cannot delete container .* that is not stopped: running/);
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
    refused(box().runtime(["state", container.id]), /container does not exist/);
  });

  it("takes a created container, as runc does", () => {
    const container = box().container();
    ok(container.create());
    const { pid } = container.state();
    ok(container.delete());
    assert.equal(
      box()
        .exec("/bin/cat", [`/proc/${pid}/stat`])
        .stdout.includes(") S "),
      false,
    ); // nor a process that is still waiting to be reaped
  });

  it("makes the id free again", () => {
    const container = box().container();
    for (let i = 0; i < 2; i++) {
      ok(container.create());
      ok(container.delete("--force"));
    }
  });

  it("touches nothing that create did not make", () => {
    const container = box().container();
    ok(container.create(["--pid-file", box().path("pid")]));
    ok(container.delete("--force"));
    assert.deepEqual(
      [container.at("bin/busybox"), join(container.bundle, "config.json"), box().path("pid")].map((path) =>
        existsSync(path),
      ),
      [true, true, true],
    );
  });

  it("works when the bundle is gone", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    ok(box().exec("/bin/rm", ["-rf", container.bundle]));
    ok(container.delete());
  });

  it("of an unknown id is an error, with --force it is not", () => {
    refused(box().runtime(["delete", "unknown"]), /container does not exist/);
    ok(box().runtime(["delete", "--force", "unknown"]));
    ok(box().runtime(["delete", "-f", "unknown"]));
  });

  itOurs("--force removes a directory that is no container", () => {
    for (const content of [undefined, "", "{", "[]", "{}"]) {
      const directory = join(box().stateRoot, "broken");
      ok(box().exec("/bin/mkdir", ["-p", directory]));
      if (content !== undefined) writeFileSync(join(directory, "state.json"), content);
      ok(box().runtime(["delete", "--force", "broken"]));
      assert.equal(existsSync(directory), false, content);
    }
  });

  itOurs("follows no symlink out of the state directory", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    const victim = box().write("victim", "precious");
    symlinkSync(victim, join(box().stateRoot, container.id, "link"));
    ok(container.delete());
    assert.equal(readFileSync(victim, "utf8"), "precious");
  });

  it("ten at once: the container is gone and none hangs", async () => {
    const container = box().container(sleep);
    ok(container.run(["-d"]));
    const results = await Promise.all(
      Array.from({ length: 10 }, () => box().beside(["delete", "--force", container.id])),
    );
    if (isTsrun)
      assert.deepEqual(
        results.filter(({ status }) => status !== 0),
        [],
      );
    else assert(results.some(({ status }) => status === 0));
    box().runtime(["delete", "--force", container.id]);
  });
});

describe("what callers of runc look for", () => {
  const box = useBox();

  it("in errors is in ours word for word (CLIENTS 10)", () => {
    const running = box().container(sleep);
    const stopped = box().container();
    const missing = box().container(program("nosuchprogram"));
    const mount = box().container((config) =>
      config.mounts.push({ destination: "/mnt", type: "bind", source: "/no/such/source", options: ["bind"] }),
    );
    ok(running.run(["-d"]));
    ok(stopped.run(["--keep"]));
    const cases: readonly (readonly [string, Container, (id: string) => string[]])[] = [
      ["container does not exist", missing, () => ["state", "unknown"]],
      ["container does not exist", missing, () => ["kill", "unknown", "9"]],
      ["container does not exist", missing, () => ["start", "unknown"]],
      ["container does not exist", missing, () => ["delete", "unknown"]],
      ["container with given ID already exists", running, (id) => ["create", "--bundle", running.bundle, id]],
      ["cannot start an already running container", running, (id) => ["start", id]],
      ["that is not stopped: running", running, (id) => ["delete", id]],
      ["container not running", stopped, (id) => ["kill", id, "9"]],
      ["cannot start a container that has stopped", stopped, (id) => ["start", id]],
      ["executable file not found in $PATH", missing, (id) => ["create", "--bundle", missing.bundle, id]],
      ["no such file or directory", mount, (id) => ["create", "--bundle", mount.bundle, id]],
      ["flag needs an argument", missing, () => ["create", "--bundle"]],
      ["requires exactly 1 argument(s)", missing, () => ["start"]],
      ["container id cannot be empty", missing, () => ["create", "--bundle", running.bundle, ""]],
    ];
    withRunc(box(), running, (runc, runningId) =>
      withRunc(box(), stopped, (_runc, stoppedId) => {
        ok(runc("run", "-d", "--bundle", running.bundle, runningId));
        ok(runc("run", "--keep", "--bundle", stopped.bundle, stoppedId));
        for (const [text, container, args] of cases) {
          const theirs = runc(...args(`${container.id}r`));
          const ours = box().runtime(args(container.id));
          assert(theirs.stderr.includes(text), `runc ${args("ID").join(" ")}: ${theirs.stderr}`);
          assert(ours.stderr.includes(text), `${args("ID").join(" ")}: ${ours.stderr}`);
          assert.equal(ours.status, 1);
        }
      }),
    );
    ok(running.delete("--force"));
    ok(stopped.delete());
  });
});
