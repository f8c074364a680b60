// Whatever waits on a container or on a caller ends in bounded time, and when it is asked to; and who may let a created container go on is its owner.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import type { Config } from "./bundle.ts";
import { group, itOnV1 } from "./groups.ts";
import { ended, eventually, itOurs, ok, PROGRAM, refused, useBox, type Container, type Result } from "./harness.ts";

const sleeper = (config: Config): void => void (config.process.args = ["sleep", "60"]);

/** Listens at a path and accepts nobody, until its queue is full. */
const FULL = `
  use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, sockaddr_un($ARGV[0])) or die; listen($s, 0);
  my @held;
  for (1..8) { socket(my $c, AF_UNIX, SOCK_STREAM | 0x800, 0); connect($c, sockaddr_un($ARGV[0])) or last; push @held, $c }
  print "full\\n"; sleep 60`;

/** Connects to a path as the user of a number, and prints what comes. */
const CONNECT = `
  use Socket; $| = 1; $( = $) = $ARGV[1]; $< = $> = $ARGV[1];
  socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un($ARGV[0])) or do { print "refused: $!\\n"; exit };
  alarm 5; my $n = sysread($s, my $x, 1); print $n ? "got $x\\n" : "closed\\n"`;

describe("who waits", () => {
  const box = useBox();

  const elapsed = async (act: () => Promise<Result>): Promise<Result & { readonly ms: number }> => {
    const begin = Date.now();
    return { ...(await act()), ms: Date.now() - begin };
  };

  async function fullSocket(): Promise<{ readonly path: string; readonly child: ChildProcess }> {
    const path = box().path("full.sock");
    const child = spawn("/usr/bin/perl", ["-e", FULL, path]);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return { path, child };
  }

  itOurs("for a console socket whose queue is full gives up, and nothing is left", async () => {
    const { path, child } = await fullSocket();
    const container = box().container((config) => {
      sleeper(config);
      config.process.terminal = true;
    });
    const { ms, status, stderr } = await elapsed(() =>
      ended(box().spawn(["create", "--console-socket", path, "--bundle", container.bundle, container.id])),
    );
    assert.equal(status, 1);
    assert.match(stderr, /connect console: connect\(2\) .*EAGAIN/);
    assert(ms < 15_000, `took ${ms} ms`);
    child.kill("SIGKILL");
    await ended(child);
  });

  /** Starts a command that waits, and asks it to end. */
  async function endsWhenAsked(args: readonly string[], signal: NodeJS.Signals, waits: () => boolean): Promise<Result> {
    const running = box().spawn(args);
    const end = ended(running);
    for (let i = 0; i < 500 && !waits(); i++) await new Promise((next) => setTimeout(next, 10));
    await new Promise((next) => setTimeout(next, 300));
    running.kill(signal);
    const { ms, ...result } = await elapsed(() => end);
    assert(ms < 3000, `${args.join(" ")} took ${ms} ms to end`);
    assert.match(result.stderr, new RegExp(`asked to end by ${signal}`));
    return result;
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    itOurs(`in the foreground ends by ${signal}: for a socket, for hooks, for a container that hangs`, async () => {
      const { path, child } = await fullSocket();
      const other = box().container(sleeper);
      await endsWhenAsked(["run", "--pidfd-socket", path, "--bundle", other.bundle, other.id], signal, () => true);
      child.kill("SIGKILL");
      await ended(child);
      for (const kind of ["createRuntime", "createContainer"]) {
        const begun = box().path(`begun-${kind}`);
        const container = box().container((config) => {
          sleeper(config);
          config.hooks = { [kind]: [{ path: "/bin/sh", args: ["sh", "-c", `: > ${begun}; exec sleep 60`] }] };
        });
        await endsWhenAsked(["run", "--bundle", container.bundle, container.id], signal, () => existsSync(begun));
        assert.equal(existsSync(join(box().stateRoot, container.id)), false);
      }
    });

  itOnV1("for a container's end is not kept by a group below that the container has frozen", ["freezer"], () => {
    for (const end of [
      (container: Container) => container.delete("--force"),
      (container: Container) => {
        ok(container.kill("KILL"));
        container.waitFor("stopped");
        return container.delete();
      },
      (container: Container) => {
        ok(container.kill("--all", "KILL"));
        container.waitFor("stopped");
        return container.delete();
      },
    ]) {
      const container = box().container(sleeper);
      ok(container.run(["-d"]));
      ok(box().runtime(["exec", "-d", "--pid-file", box().path("pid"), container.id, "sleep", "61"]));
      const below = join(group(box(), container, "freezer"), "below");
      mkdirSync(below);
      writeFileSync(join(below, "cgroup.procs"), readFileSync(box().path("pid")));
      writeFileSync(join(below, "freezer.state"), "FROZEN");
      eventually("it is frozen", () => readFileSync(join(below, "freezer.state"), "utf8") === "FROZEN\n");
      const begin = Date.now();
      ok(end(container));
      assert(Date.now() - begin < 5000, `took ${Date.now() - begin} ms`);
    }
  });

  itOnV1("for a container's end is not kept by a pause at the same time", ["freezer"], async () => {
    for (let round = 0; round < 30; round++) {
      const container = box().container(sleeper);
      ok(container.run(["-d"]));
      const pauses = [box().beside(["pause", container.id]), box().beside(["pause", container.id])];
      const { status, stderr } = await box().beside(["delete", "--force", container.id]);
      assert.equal(status, 0, stderr);
      await Promise.all(pauses);
      assert.deepEqual(box().cgroups(), []);
    }
  });

  const connectAs = (uid: number, path: string): string =>
    ok(box().exec("/usr/bin/perl", ["-e", CONNECT, path, String(uid)])).stdout.trim();

  itOurs("for start lets nobody else begin, whatever the umask is", () => {
    const container = box().container(sleeper);
    ok(
      box().exec("/bin/sh", [
        "-c",
        'umask 0; exec "$@" </dev/null >/dev/null 2>&1',
        "sh",
        ...command(container, "create"),
      ]),
    );
    const socket = join(box().stateRoot, container.id, "start.sock");
    for (const directory of [box().directory, box().stateRoot, join(box().stateRoot, container.id)])
      chmodSync(directory, 0o755);
    assert.equal((statSync(socket).mode & 0o777).toString(8), "600");
    assert.match(connectAs(1000, socket), /^refused: Permission denied/);
    chmodSync(socket, 0o777); // and who gets through all the same is not let in
    assert.equal(connectAs(1000, socket), "closed");
    assert.equal(container.state().status, "created");
    ok(container.start());
    assert.equal(container.state().status, "running");
    ok(container.delete("--force"));
  });

  itOurs("for start knows that the container has begun when whoever began it is gone", () => {
    const container = box().container(sleeper);
    ok(container.create());
    const socket = join(box().stateRoot, container.id, "start.sock");
    assert.equal(connectAs(0, socket), "got +");
    assert.equal(existsSync(socket), true);
    assert.equal(container.state().status, "running");
    refused(container.delete(), /that is not stopped: running/);
    refused(container.start(), /cannot start an already running container/);
    ok(box().runtime(["exec", container.id, "true"]));
    ok(container.delete("--force"));
  });

  const command = ({ bundle, id }: Container, name: string): readonly string[] => [
    PROGRAM,
    "--root",
    box().stateRoot,
    name,
    "--bundle",
    bundle,
    id,
  ];
});
