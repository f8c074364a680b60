// NOTIFY_SOCKET: the service in the container tells that it is ready, and whoever called the runtime hears it, as systemd would.

import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { Config } from "./bundle.ts";
import { ended, eventually, isTsrun, ok, refused, soon, useBox, user, type Container } from "./harness.ts";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

describe("NOTIFY_SOCKET", function () {
  if (!isTsrun) return; // runc waits for ever for a container that ends without a word, among others
  const box = useBox();
  let tools = "";

  before(() => {
    tools = mkdtempSync(join(tmpdir(), "tsrun-notify-"));
    execFileSync("gcc", ["-O2", "-static", "-o", join(tools, "notify"), join(HERE, "fixtures/notify.c")]);
  });
  after(() => rmSync(tools, { recursive: true, force: true }));

  /** A service that says what `script` lets it say, by the command `say TEXT…`. */
  function service(script: string, change: (config: Config) => void = () => undefined): Container {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", `say() { /bin/notify say "$NOTIFY_SOCKET" "$@"; }\n${script}`];
      change(config);
    });
    copyFileSync(join(tools, "notify"), container.at("bin/notify"));
    return container;
  }

  type Host = { readonly socket: string; readonly process: ChildProcess; readonly heard: Promise<string[]> };

  /** Who called the runtime. */
  async function host(options: { readonly holdMs?: number; readonly socket?: string } = {}): Promise<Host> {
    const socket = options.socket ?? box().path("host.sock");
    const listener = spawn(join(tools, "notify"), ["listen", socket, String(options.holdMs ?? 0)], {
      env: { TSRUN_TEST: box().prefix },
    });
    let text = "";
    listener.stdout.on("data", (data: Buffer) => (text += data.toString()));
    const heard = ended(listener).then(() => text.trim().split("\n").slice(1));
    await soon("the host listens", () => text.startsWith("listening\n"));
    return { socket, process: listener, heard };
  }

  async function heardNothing({ process, heard }: Host): Promise<void> {
    process.kill("SIGKILL");
    assert.deepEqual(await heard, []);
  }

  const env = ({ socket }: Host): { readonly env: { readonly NOTIFY_SOCKET: string } } => ({
    env: { NOTIFY_SOCKET: socket },
  });

  it("start tells that the service is ready, which process it is, and waits until that was read", async () => {
    const caller = await host({ holdMs: 300 });
    const container = service("say 'STATUS=getting up'; say 'READY=1\nSTATUS=up'; sleep 100");
    ok(container.create([], env(caller)));
    const began = Date.now();
    ok(box().runtime(["start", container.id], env(caller)));
    assert(Date.now() - began >= 300, "waited");
    assert.deepEqual(await caller.heard, ["READY=1\\n", `MAINPID=${container.state().pid}\\n`, "BARRIER=1 and 1"]);
    ok(container.delete("--force"));
  });

  it("start does not end before the service is ready", async () => {
    const caller = await host();
    const container = service("while [ ! -e /tmp/go ]; do sleep 0.05; done; say READY=1; sleep 100", (config) =>
      config.mounts.push({ destination: "/tmp", type: "bind", source: box().directory, options: ["bind"] }),
    );
    ok(container.create([], env(caller)));
    const start = ended(box().spawn(["start", container.id], env(caller)));
    container.waitFor("running");
    assert.equal(
      await Promise.race([start.then(() => "ended"), new Promise((next) => setTimeout(() => next("waits"), 300))]),
      "waits",
    );
    box().write("go", "");
    ok(await start);
    assert.equal((await caller.heard)[0], "READY=1\\n");
    ok(container.delete("--force"));
  });

  it("start ends with the container, when that ends without a word", async () => {
    const caller = await host();
    const container = service("sleep 0.2");
    ok(container.create([], env(caller)));
    ok(box().runtime(["start", container.id], env(caller)));
    await heardNothing(caller);
    container.waitFor("stopped");
    ok(container.delete());
  });

  it("start does not wait for a service that knows of no socket", async () => {
    const caller = await host();
    const container = service("sleep 100");
    ok(container.create());
    ok(box().runtime(["start", container.id], env(caller)));
    await heardNothing(caller);
    ok(container.delete("--force"));
  });

  it("run --detach tells and waits as start does", async () => {
    const caller = await host();
    const container = service("say READY=1; sleep 100");
    ok(container.run(["--detach"], env(caller)));
    assert.deepEqual(await caller.heard, ["READY=1\\n", `MAINPID=${container.state().pid}\\n`, "BARRIER=1 and 1"]);
    ok(container.delete("--force"));
  });

  it("run in the foreground is itself the process to watch, and its end the container's", async () => {
    const caller = await host();
    const container = service("say STATUS=1; sleep 0.1; say READY=1; sleep 0.3; exit 7");
    const run = container.spawnRun([], env(caller));
    const end = ended(run);
    assert.deepEqual(await caller.heard, ["READY=1\\n", `MAINPID=${run.pid}\\n`, "BARRIER=1 and 1"]);
    assert.equal((await end).status, 7);
  });

  it("run in the foreground passes on what the service said before it ended", async () => {
    const caller = await host();
    const container = service("until [ -e /tmp/go ]; do sleep 0.05; done; say READY=1; exit 7", (config) =>
      config.mounts.push({ destination: "/tmp", type: "bind", source: box().directory, options: ["bind"] }),
    );
    const run = container.spawnRun([], env(caller));
    const end = ended(run);
    await soon("the container is there", () => box().runtime(["state", container.id]).status === 0);
    const { pid } = container.waitFor("running");
    run.kill("SIGSTOP"); // so that it learns of both at once
    box().write("go", "");
    await soon("the service has ended", () => /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8")));
    run.kill("SIGCONT");
    assert.deepEqual(await caller.heard, ["READY=1\\n", `MAINPID=${run.pid}\\n`, "BARRIER=1 and 1"]);
    assert.equal((await end).status, 7);
  });

  it("run in the foreground does not let a service hang that goes on talking", async () => {
    const caller = await host();
    assert.equal(
      (
        await ended(
          service(
            "say READY=1; sleep 0.1; i=0; while [ $i -lt 30 ]; do say WATCHDOG=1 2>/dev/null; i=$((i+1)); done; exit 5",
          ).spawnRun([], env(caller)),
        )
      ).status,
      5,
    );
    assert.equal((await caller.heard).length, 3);
  });

  it("run in the foreground passes signals on while it waits", async () => {
    const caller = await host();
    const container = service("trap 'exit 3' TERM; touch /tmp/trap; while :; do sleep 0.05; done", (config) =>
      config.mounts.push({ destination: "/tmp", type: "bind", source: box().directory, options: ["bind"] }),
    );
    const run = container.spawnRun([], env(caller));
    await soon("the trap is set", () => existsSync(box().path("trap")));
    run.kill("SIGTERM");
    assert.equal((await ended(run)).status, 3);
    await heardNothing(caller);
  });

  it("in the container is a socket that every user may write to, in a directory that nobody may", async () => {
    const caller = await host();
    const script =
      "echo $NOTIFY_SOCKET; grep ' /run/notify ' /proc/self/mountinfo; touch /run/notify/x 2>&1; say READY=1";
    const { stdout } = ok(service(script, (config) => (config.process.user = user(1000))).run([], env(caller)));
    assert.match(
      stdout,
      /^\/run\/notify\/notify\.sock\n.* ro,nosuid,nodev,noexec,.*\ntouch: .*Read-only file system\n$/,
    );
    assert.equal((await caller.heard)[0], "READY=1\\n");
  });

  it("may be an abstract one", async () => {
    const caller = await host({ socket: `@${box().prefix}notify` });
    ok(service("say READY=1").run([], env(caller)));
    assert.equal((await caller.heard)[0], "READY=1\\n");
  });

  it("of config.json gives way to the runtime's", async () => {
    const caller = await host();
    const { stdout } = ok(
      service("env | grep NOTIFY", (config) => config.process.env.push("NOTIFY_SOCKET=/other")).run([], env(caller)),
    );
    assert.equal(stdout, "NOTIFY_SOCKET=/run/notify/notify.sock\n");
    await heardNothing(caller);
  });

  it("that nobody listens on does not keep the container from running", () => {
    const container = service("say READY=1; sleep 100");
    const { status, stderr } = container.run(["--detach"], { env: { NOTIFY_SOCKET: box().path("nobody") } });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /warning.*nobody/);
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  it("leaves nothing behind when the container cannot be created", () => {
    refused(
      service("true", (config) => (config.process.args = ["nosuch"])).create([], {
        env: { NOTIFY_SOCKET: box().path("nobody") },
      }),
      /executable file not found/,
    );
    eventually("the state is gone", () => box().leftovers().length === 0);
  });

  it("of a caller that has none is not there", () => {
    assert.equal(
      ok(service("env | grep -c NOTIFY; ls /run/notify 2>&1; true").run()).stdout,
      "0\nls: /run/notify: No such file or directory\n",
    );
  });
});
