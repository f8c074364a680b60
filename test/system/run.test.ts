import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { describe, it } from "mocha";
import { ended, eventually, isTsrun, itOurs, ok, PROGRAM, refused, shareNamespace, soon, useBox } from "./harness.ts";

/** Writes where the standard streams lead. */
const LINKS = "set -- $(for n in 0 1 2; do readlink /proc/$$/fd/$n; done); echo $@ > /links";

describe("run in the foreground", () => {
  const box = useBox();

  for (const status of [0, 1, 7, 126, 255]) {
    it(`ends with the container's status ${status}`, () => {
      assert.equal(
        box()
          .container((config) => (config.process.args = ["sh", "-c", `exit ${status}`]))
          .run().status,
        status,
      );
    });
  }

  it("ends with 128 + 9 when the container is killed", async () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    const end = ended(container.spawnRun());
    await soon(
      "it runs",
      () => existsSync(`${box().stateRoot}/${container.id}/state.json`) && container.state().status === "running",
    );
    ok(container.kill("KILL"));
    assert.equal((await end).status, 137);
  });

  for (const [signal, number] of [
    ["TERM", 15],
    ["SEGV", 11],
    ["USR1", 10],
    ["ABRT", 6],
  ] as const) {
    it(`ends with 128 + ${number} when the process dies of SIG${signal}`, () => {
      const container = box().container((config) => {
        shareNamespace(config, "pid"); // [kernel] pid 1 of a namespace does not die of its own signals
        config.process.args = ["sh", "-c", `kill -${signal} $$; sleep 5`];
      });
      assert.equal(container.run().status, 128 + number);
    });
  }

  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGCONT"] as const) {
    it(`passes ${signal} on to the container`, async () => {
      const container = box().container(
        (config) =>
          (config.process.args = [
            "sh",
            "-c",
            `trap 'echo got it; exit 5' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`,
          ]),
      );
      const child = container.spawnRun();
      let said = "";
      child.stdout?.on("data", (data: Buffer) => (said += data.toString()));
      const end = ended(child);
      await soon("it is ready", () => said.includes("ready"));
      child.kill(signal);
      const { status, stderr } = await end;
      assert.equal(said, "ready\ngot it\n", stderr);
      assert.equal(status, 5);
    });
  }

  it("passes every signal on that can be caught and is not its own business", async () => {
    const numbers = Array.from({ length: 64 }, (_value, i) => i + 1).filter(
      (number) => ![9, 13, 17, 19, 23, 32, 33].includes(number),
    ); // KILL, PIPE, CHLD, STOP, URG, and two of libc's
    const container = box().container(
      (config) =>
        (config.process.args = [
          "sh",
          "-c",
          `for n in ${numbers.join(" ")}; do trap "echo $n," $n; done; echo ready; while :; do sleep 0.02; done`,
        ]),
    );
    const child = container.spawnRun();
    let said = "";
    child.stdout?.on("data", (data: Buffer) => (said += data.toString()));
    const end = ended(child);
    await soon("it is ready", () => said.includes("ready"));
    for (const number of numbers) {
      if (!isTsrun && number === 28) continue; // SIGWINCH: runc passes it on to a terminal only
      process.kill(child.pid ?? 0, number);
      await soon(`signal ${number} comes`, () => said.includes(`\n${number},`), 20_000);
    }
    ok(container.kill("KILL"));
    assert.equal((await end).status, 137);
  });

  it("passes bytes of every value through, both ways", async () => {
    const bytes = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_value, i) => i)), randomBytes(1 << 20)]);
    const child = box()
      .container((config) => (config.process.args = ["cat"]))
      .spawnRun();
    const heard: Buffer[] = [];
    child.stdout?.on("data", (data: Buffer) => heard.push(data));
    child.stdin?.end(bytes);
    assert.equal((await ended(child)).status, 0);
    assert.equal(Buffer.concat(heard).equals(bytes), true);
  });

  for (const command of ["run", "exec"]) {
    it(`${command} with standard streams that are closed gives the process /dev/null for them`, () => {
      const container = box().container((config) => {
        config.root.readonly = false;
        config.process.args = command === "run" ? ["sh", "-c", LINKS] : ["sleep", "60"];
      });
      if (command === "exec") ok(container.run(["-d"]));
      const script = box().write("run", 'exec "$@" <&- >&- 2>&-\n');
      const words =
        command === "run" ? ["run", "-b", container.bundle, container.id] : ["exec", container.id, "sh", "-c", LINKS];
      assert.equal(box().exec("/bin/sh", [script, PROGRAM, "--root", box().stateRoot, ...words]).status, 0);
      assert.deepEqual(readFileSync(container.at("links"), "utf8"), "/dev/null /dev/null /dev/null\n");
      if (command === "exec") ok(container.delete("--force"));
    });
  }

  for (const [flags, whose] of [
    [[], "are its own"],
    [["--no-subreaper"], "with --no-subreaper are not its own"],
  ] as const) {
    it(`orphans of a container without a pid namespace ${whose}`, async () => {
      const container = box().container((config) => {
        shareNamespace(config, "pid");
        const orphan =
          'until [ -e /dev/shm/orphaned ]; do sleep 0.05; done; cut -d" " -f4 /proc/$$/stat; touch /dev/shm/told';
        config.process.args = [
          "sh",
          "-c",
          `(sh -c '${orphan}' &); touch /dev/shm/orphaned; until [ -e /dev/shm/told ]; do sleep 0.05; done`,
        ];
      });
      const child = container.spawnRun(flags);
      const { status, stdout, stderr } = await ended(child);
      assert.equal(status, 0, stderr);
      assert.equal(stdout.trim() === String(child.pid), flags.length === 0, stdout);
    });
  }

  it("prints 100 MB without loss", async function () {
    this.timeout(60_000);
    const container = box().container(
      (config) =>
        (config.process.args = ["sh", "-c", "dd if=/dev/zero bs=1M count=100 2>/dev/null | tr '\\0' x; echo end"]),
    );
    const child = container.spawnRun();
    const hash = createHash("sha256");
    let bytes = 0;
    child.stdout?.on("data", (data: Buffer) => {
      bytes += data.length;
      hash.update(data);
    });
    assert.equal((await ended(child)).status, 0);
    assert.equal(bytes, 100 * 2 ** 20 + 4);
    const expected = createHash("sha256");
    for (let i = 0; i < 100; i++) expected.update(Buffer.alloc(2 ** 20, "x"));
    assert.equal(hash.digest("hex"), expected.update("end\n").digest("hex"));
  });

  it("passes stdin through, to its end", () => {
    const input = "line\n".repeat(20_000);
    assert.equal(
      ok(
        box()
          .container((config) => (config.process.args = ["cat"]))
          .run([], { input }),
      ).stdout,
      input,
    );
  });

  it("keeps stdout and stderr apart", () => {
    const { stdout, stderr } = box()
      .container((config) => (config.process.args = ["sh", "-c", "echo out; echo err >&2"]))
      .run();
    assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
  });

  itOurs("reads nothing from its own stdin: what the container leaves is the caller's", () => {
    const container = box().container((config) => (config.process.args = ["head", "-n", "0"]));
    const script = box().write("run", '"$@" && cat\n');
    assert.equal(
      box().exec("/bin/sh", [script, PROGRAM, "--root", box().stateRoot, "run", "-b", container.bundle, container.id], {
        input: "rest\n",
        env: { PATH: "/bin" },
      }).stdout,
      "rest\n",
    );
  });

  it("reaps what the container orphans to it, and waits for the container's own process", () => {
    const container = box().container((config) => {
      shareNamespace(config, "pid");
      config.process.args = [
        "sh",
        "-c",
        "for i in 1 2 3 4 5; do (sh -c 'sleep 0.05 & exit' &); done; sleep 0.4; exit 9",
      ];
    });
    assert.equal(container.run().status, 9);
  });

  it("leaves no process behind that the container left in a shared pid namespace", () => {
    const container = box().container((config) => {
      shareNamespace(config, "pid");
      config.process.args = ["sh", "-c", "(sleep 60 &) ; exit 4"];
    });
    assert.equal(container.run().status, 4);
  });

  it("with --keep leaves the stopped container", () => {
    const container = box().container();
    ok(container.run(["--keep"]));
    assert.equal(container.state().status, "stopped");
    ok(container.delete());
  });

  it("writes the pid file without a newline, and nothing on standard error", () => {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "readlink /proc/self/ns/pid"]));
    const { stderr } = ok(container.run(["--pid-file", "the.pid"]));
    assert.match(readFileSync(box().path("the.pid"), "utf8"), /^\d+$/);
    assert.equal(stderr, "");
  });

  it("killed by SIGKILL leaves what delete --force takes away", async () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    const child = container.spawnRun();
    await soon(
      "it runs",
      () => existsSync(`${box().stateRoot}/${container.id}/state.json`) && container.state().status === "running",
    );
    const end = new Promise((resolve) => child.once("exit", resolve)); // the container holds the streams
    child.kill("SIGKILL");
    await end;
    ok(container.delete("--force"));
  });
});

describe("run --detach", () => {
  const box = useBox();

  it("returns while the container runs, with the caller's streams for its own", () => {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "echo started; sleep 60"]));
    const output = openSync(box().path("out"), "w");
    const { status } = spawnSync(
      PROGRAM,
      ["--root", box().stateRoot, "run", "-d", "--pid-file", box().path("pid"), "-b", container.bundle, container.id],
      { stdio: ["ignore", output, output], env: {} },
    );
    closeSync(output);
    assert.equal(status, 0, readFileSync(box().path("out"), "utf8"));
    const state = container.state();
    assert.equal(state.status, "running");
    assert.equal(readFileSync(box().path("pid"), "utf8"), String(state.pid));
    assert.equal(readlinkSync(`/proc/${state.pid}/fd/1`), box().path("out"));
    eventually("it says so", () => readFileSync(box().path("out"), "utf8") === "started\n");
    ok(container.kill("KILL"));
    container.waitFor("stopped");
    assert.equal(readFileSync(box().path("out"), "utf8"), "started\n");
    ok(container.delete());
  });

  it("leaves the container to whoever reaps orphans: its parent is not the runtime", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(container.run(["-d"]));
    const stat = readFileSync(`/proc/${container.state().pid}/stat`, "utf8");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1], "1");
    ok(container.delete("-f"));
  });

  it("fails when the program does, and leaves nothing", () => {
    refused(
      box()
        .container((config) => (config.process.args = ["/nonexistent"]))
        .run(["-d"]),
      /no such file or directory/,
    );
  });

  it("does not end with a stopped container's status", () => {
    const container = box().container((config) => (config.process.args = ["sh", "-c", "exit 3"]));
    assert.equal(container.run(["-d"]).status, 0);
    container.waitFor("stopped");
    ok(container.delete());
  });
});
