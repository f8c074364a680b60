import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import { constants } from "node:os";
import { join } from "node:path";
import { ended, eventually, itOurs, ok, refused, shareNamespace, useBox, user, type Container } from "./harness.ts";
import { sleepMs } from "./leftovers.ts";
import type { Config } from "./bundle.ts";
import { listen, OnTerminal, useTerminals } from "./terminal.ts";

/** Fields of proc_pid_stat(5), from the third on. */
function stat(pid: string | number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The runtime of a container's first process. */
const parentOf = (pid: string): number => Number(stat(pid)[1]);

/** Processor time that a process has used. */
const ticks = (pid: number): number => Number(stat(pid)[11]) + Number(stat(pid)[12]);

describe("a terminal in the foreground", () => {
  const box = useBox();
  useTerminals();

  function container(script: string, change: (config: Config) => void = () => undefined): Container {
    return box().container((config) => {
      config.process.terminal = true;
      config.process.args = ["sh", "-c", script];
      change(config);
    });
  }

  const run = (made: Container, ...flags: string[]): OnTerminal =>
    new OnTerminal(box(), ["run", ...flags, "--bundle", made.bundle, made.id]);

  it("is the container's own, its controlling one, and /dev/console too", async () => {
    const made = container(
      "for i in 0 1 2; do readlink /proc/self/fd/$i; done; echo here >/dev/tty; echo there >/dev/console; stat -c %t:%T /dev/console /dev/pts/0; set -- $(cat /proc/self/stat); echo $7; grep -c ' /dev/console .*devpts' /proc/self/mountinfo",
    );
    assert.equal(await run(made).ends(0), "/dev/pts/0\n/dev/pts/0\n/dev/pts/0\nhere\nthere\n88:0\n88:0\n34816\n1\n");
  });

  it("has the size of ours from the start, and follows it", async () => {
    const screen = run(container("trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done"));
    await screen.saw("33 101");
    screen.resize();
    assert.equal(await screen.ends(0), "33 101\n50 120\n");
  });

  it("takes what is typed, as it is typed", async () => {
    const screen = run(container("stty raw -echo; echo ready; dd bs=1 count=4 2>/dev/null | hexdump -C | head -n 1"));
    await screen.saw("ready");
    screen.type("a\r\x03\x04");
    assert.match(await screen.ends(0), /61 0d 03 04/);
  });

  it("Ctrl-C interrupts what runs in the container, and not the runtime", async () => {
    const screen = run(container("trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.05; done"));
    await screen.saw("ready");
    screen.type("\x03");
    assert.match(await screen.ends(3), /ready\n\^?C?interrupted\n/);
  });

  it("belongs to the container's user, with the group of its devpts", async () => {
    const made = container(
      "stat -c %u:%g:%a $(tty); : >/dev/tty; : >/dev/stdout && echo open",
      (config) => (config.process.user = user(1000, 100)),
    );
    assert.equal(await run(made).ends(0), "1000:5:620\nopen\n");
  });

  it("is given back as it was when the container does not start", async () => {
    const screen = run(container("", (config) => (config.process.args = ["/nonexistent"])));
    assert.match(await screen.ends(1), /no such file or directory/);
  });

  it("is given back as it was when the container is killed", async () => {
    const made = container("echo ready; sleep 60");
    const screen = run(made);
    await screen.saw("ready");
    ok(made.kill("KILL"));
    await screen.ends(137);
  });

  it("loses nothing of a long output, nor the last words", async () => {
    const screen = run(container("seq 1 100000; echo the end"));
    const expected = `${Array.from({ length: 100_000 }, (_value, i) => String(i + 1)).join("\n")}\nthe end\n`;
    assert.equal((await screen.ends(0)) === expected, true);
  });

  it("may be let go of and opened again", async () => {
    const screen = run(
      container("echo first; exec </dev/null >/dev/null 2>&1; sleep 0.4; echo again >/dev/console; sleep 0.2; exit 4"),
    );
    assert.equal(await screen.ends(4), "first\nagain\n");
  });

  it("ends with the container although a process that was left behind has it open", async () => {
    const screen = run(
      container(
        "(sleep 60 &); echo done",
        (config) => (config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid")),
      ),
    );
    assert.equal(await screen.ends(0), "done\n");
  });

  itOurs("needs none of ours: output comes through a pipe with plain newlines, and the size is consoleSize", () => {
    const made = container(
      "stty size; echo out; echo err >&2",
      (config) => (config.process["consoleSize"] = { height: 10, width: 110 }),
    );
    assert.equal(ok(made.run()).stdout, "10 110\nout\nerr\n");
  });

  itOurs("whoever reads no more does not stop the container", async () => {
    const child = container("seq 1 100000; exit 6").spawnRun();
    child.stdout?.once("data", () => child.stdout?.destroy());
    assert.equal((await ended(child)).status, 6);
  });

  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
    it(`is given back as it was when ${signal} ends the container`, async () => {
      const screen = run(
        container("trap - HUP; echo ready; exec sleep 60", (config) => shareNamespace(config, "pid")),
        "--pid-file",
        box().path("pid"),
      );
      await screen.saw("ready");
      process.kill(parentOf(readFileSync(box().path("pid"), "utf8")), signal);
      await screen.ends(128 + constants.signals[signal]);
    });
  }

  it("that hangs up tells the container, and the runtime goes with it", async () => {
    const made = container(
      "trap 'touch /hung-up; exit' HUP; echo ready; while :; do sleep 0.05; done",
      (config) => (config.root.readonly = false),
    );
    const screen = run(made);
    await screen.saw("ready");
    screen.signal("SIGKILL"); // who has the other end of our terminal
    await screen.end();
    eventually(
      "the container ends and is taken away",
      () => existsSync(made.at("hung-up")) && !existsSync(join(box().stateRoot, made.id)),
      20_000,
    );
  });

  it("that hangs up does not end a container that does not mind, nor keep the processor busy", async () => {
    const made = container(
      "trap '' HUP; echo ready; until [ -e /go ]; do sleep 0.1; done; touch /done",
      (config) => (config.root.readonly = false),
    );
    const screen = run(made, "--pid-file", box().path("pid"));
    await screen.saw("ready");
    const runtime = parentOf(readFileSync(box().path("pid"), "utf8"));
    screen.signal("SIGKILL");
    await screen.end();
    const begin = ticks(runtime);
    sleepMs(1000);
    assert.equal(ticks(runtime) - begin < 50, true, `${ticks(runtime) - begin} ticks in a second`);
    writeFileSync(made.at("go"), "");
    eventually(
      "the container ends and is taken away",
      () => existsSync(made.at("done")) && !existsSync(join(box().stateRoot, made.id)),
      20_000,
    );
  });

  it("passes signals on as without a terminal", async () => {
    const made = container("trap 'echo terminated; exit 8' TERM; echo ready; while :; do sleep 0.05; done");
    const screen = run(made, "--pid-file", box().path("pid"));
    await screen.saw("ready");
    process.kill(parentOf(readFileSync(box().path("pid"), "utf8")), "SIGTERM");
    assert.equal(await screen.ends(8), "ready\nterminated\n");
  });
});

describe("a terminal for who calls the runtime", () => {
  const box = useBox();
  useTerminals();

  function container(script: string, change: (config: Config) => void = () => undefined): Container {
    return box().container((config) => {
      config.process.terminal = true;
      config.process.args = ["sh", "-c", script];
      change(config);
    });
  }

  for (const command of ["create", "run --detach"]) {
    it(`${command} sends its master to --console-socket`, async () => {
      const made = container(
        "tty; stty size; read line; echo got $line; sleep 60",
        (config) => (config.process["consoleSize"] = { height: 20, width: 70 }),
      );
      const console = await listen(box(), "console");
      ok(
        box().runtime([
          ...command.split(" "),
          "--console-socket",
          box().path("console"),
          "--bundle",
          made.bundle,
          made.id,
        ]),
      );
      await console.saw(/^name \/dev\/p\S+\n/);
      if (command === "create") ok(made.start());
      await console.saw("/dev/pts/0\r\n20 70\r\n");
      console.type("typed\n");
      await console.saw("got typed\r\n");
      ok(made.delete("--force"));
      await console.end();
    });

    it(`${command} refuses a terminal that nobody takes`, () => {
      refused(
        box().runtime([...command.split(" "), "--bundle", container("true").bundle, `${box().prefix}1`]),
        /cannot allocate tty if (runc|tsrun) will detach without setting console socket/,
      );
    });

    it(`${command} fails when nobody listens`, () => {
      refused(
        box().runtime([
          ...command.split(" "),
          "--console-socket",
          box().path("none"),
          "--bundle",
          container("true").bundle,
          `${box().prefix}1`,
        ]),
        /no such file or directory/,
      );
    });

    it(`${command} refuses a console socket without a terminal`, () => {
      const made = container("true", (config) => (config.process.terminal = false));
      refused(
        box().runtime([
          ...command.split(" "),
          "--console-socket",
          box().path("none"),
          "--bundle",
          made.bundle,
          made.id,
        ]),
        /cannot use console socket if (runc|tsrun) will not detach or allocate tty/,
      );
    });
  }

  it("run refuses a console socket in the foreground", () => {
    refused(
      container("true").run(["--console-socket", box().path("none")]),
      /cannot use console socket if (runc|tsrun) will not detach or allocate tty/,
    );
  });

  itOurs("is refused when /dev/pts is no devpts (CVE-2025-52565)", async () => {
    const made = container(
      "true",
      (config) =>
        (config.mounts = config.mounts.map((mount) =>
          mount.destination === "/dev/pts" ? { ...mount, type: "tmpfs", options: [] } : mount,
        )),
    );
    const console = await listen(box(), "console");
    refused(
      made.create(["--console-socket", box().path("console")]),
      /attach terminal: \/dev\/pts of the container is not a devpts/,
    );
    await console.end();
  });

  for (const target of ["/proc/sysrq-trigger", "../etc/hostname", "/nonexistent"]) {
    itOurs(`is not bound over ${target} where the image makes /dev/console a link to it (CVE-2025-52565)`, async () => {
      const made = container(
        "true",
        (config) =>
          (config.mounts = config.mounts.filter(
            ({ destination }) => destination !== "/dev" && destination !== "/dev/mqueue" && destination !== "/dev/shm",
          )),
      );
      mkdirSync(made.at("dev/pts"), { recursive: true });
      symlinkSync(target, made.at("dev/console"));
      const console = await listen(box(), "console");
      refused(
        made.create(["--console-socket", box().path("console")]),
        /attach terminal: \/dev\/console of the container is a symbolic link/,
      );
      await console.end();
    });
  }

  it("/dev/console is a file that is made where it is missing", async () => {
    const made = container(
      "sleep 60",
      (config) =>
        (config.mounts = config.mounts.filter(
          ({ destination }) => destination !== "/dev" && destination !== "/dev/mqueue" && destination !== "/dev/shm",
        )),
    );
    mkdirSync(made.at("dev/pts"), { recursive: true });
    const console = await listen(box(), "console");
    ok(made.create(["--console-socket", box().path("console")]));
    assert.equal(statSync(made.at("dev/console")).isFile(), true);
    ok(made.delete("--force"));
    await console.end();
  });
});

describe("--pidfd-socket", () => {
  const box = useBox();
  useTerminals();

  for (const command of ["create", "run --detach"]) {
    itOurs(`${command} sends a pidfd of init`, async () => {
      const made = box().container((config) => (config.process.args = ["sleep", "60"]));
      const socket = await listen(box(), "pidfd");
      ok(
        box().runtime([...command.split(" "), "--pidfd-socket", box().path("pidfd"), "--bundle", made.bundle, made.id]),
      );
      await socket.end();
      assert.equal(socket.said, `name standard\npid ${made.state().pid}\n`);
      ok(made.delete("--force"));
    });
  }

  itOurs("create fails when nobody listens, and leaves nothing", () => {
    refused(
      box()
        .container()
        .create(["--pidfd-socket", box().path("none")]),
      /no such file or directory/,
    );
    assert.equal(existsSync(box().stateRoot) && existsSync(`${box().stateRoot}/${box().prefix}1`), false);
  });
});
