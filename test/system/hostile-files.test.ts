// Files that an image offers, and those that a command line names, are opened without waiting and read up to a limit: what lies there may be a fifo, a
// device or a sparse file of any size.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { describe } from "mocha";
import type { Config } from "./bundle.ts";
import { ended, itOurs, ok, PROGRAM, refused, useBox, type Result } from "./harness.ts";

const LIMIT = 16 * 2 ** 20;

/** What may lie in a file's place, and what is said of it; undefined: it is as good as none. */
const KINDS: readonly {
  readonly what: string;
  readonly make: (path: string) => void;
  readonly said: RegExp;
  readonly inImage: RegExp | undefined;
}[] = [
  {
    what: "a fifo",
    make: (path) => void execFileSync("/usr/bin/mkfifo", [path]),
    said: /is a fifo, and nothing has come out of it for 10 seconds/,
    inImage: undefined,
  },
  {
    what: "400 MB of nothing",
    make: (path) => {
      writeFileSync(path, "");
      truncateSync(path, 400 * 2 ** 20);
    },
    said: new RegExp(`is larger than ${LIMIT} bytes`),
    inImage: new RegExp(`/etc/passwd is larger than ${LIMIT / 4} bytes`),
  },
  {
    what: "/dev/zero",
    make: (path) => void execFileSync("/usr/bin/mknod", [path, "c", "1", "5"]),
    said: /is not a regular file/,
    inImage: undefined,
  },
  {
    what: "a directory",
    make: (path) => mkdirSync(path),
    said: /is a directory \(EISDIR\)/,
    inImage: undefined,
  },
  {
    what: "a link to itself",
    make: (path) => symlinkSync(path.slice(path.lastIndexOf("/") + 1), path),
    said: /\(ELOOP\)/,
    inImage: undefined,
  },
];

describe("a hostile file", () => {
  const box = useBox();

  const home = (config: Config): void => {
    config.process.args = ["sh", "-c", 'echo "$HOME"'];
    config.process.env = ["PATH=/bin:/usr/bin:/sbin"];
  };

  for (const { what, make, inImage } of KINDS)
    itOurs(`${what} in /etc/passwd of an image: run and exec go on or say so, at once`, () => {
      const container = box().container(home);
      const passwd = container.at("etc/passwd");
      rmSync(passwd, { force: true });
      make(passwd);
      const begin = Date.now();
      const result = container.run();
      if (inImage === undefined) assert.deepEqual([result.status, result.stdout], [0, "/\n"], result.stderr);
      else refused(result, inImage);
      rmSync(passwd, { recursive: true });
      const other = box().container((config) => {
        home(config);
        config.process.args = ["sleep", "60"];
      });
      ok(other.run(["-d"]));
      const theirs = other.at("etc/passwd");
      rmSync(theirs, { force: true });
      make(theirs);
      const { status, stdout, stderr } = box().runtime(["exec", other.id, "sh", "-c", 'echo "$HOME"']);
      if (inImage === undefined) assert.deepEqual([status, stdout], [0, "/\n"], stderr);
      else {
        assert.equal(status, 255);
        assert.match(stderr, inImage);
      }
      assert(Date.now() - begin < 8000, "took its time");
      ok(other.delete("--force"));
    });

  for (const { what, make, said } of KINDS)
    itOurs(`${what} for a document of the command line is an error that says so`, () => {
      const container = box().container((config) => (config.process.args = ["sleep", "60"]));
      ok(container.run(["-d"]));
      const file = box().path("document");
      make(file);
      const commands = [
        ["exec", "--process", file, container.id],
        ["update", "--resources", file, container.id],
        ["mounts", "add", container.id, file],
        ["create", "--config", file, "--bundle", container.bundle, `${container.id}x`],
      ];
      for (const command of what === "a fifo" ? commands.slice(0, 1) : commands) {
        const { status, stderr } = box().runtime(command);
        assert.equal(status, command[0] === "exec" ? 255 : 1, `${command.join(" ")}: ${stderr}`);
        assert.match(stderr, said, command.join(" "));
      }
      ok(container.delete("--force"));
    });

  itOurs("is not a pipe that a shell makes: exec --process, update --resources and mounts add take it", () => {
    const container = box().container((config) => (config.process.args = ["sleep", "60"]));
    ok(container.run(["-d"]));
    const bash = (script: string): Result => box().exec("/bin/bash", ["-c", script]);
    const tsrun = `${PROGRAM} --root ${box().stateRoot}`;
    const process_ = JSON.stringify({ args: ["/bin/echo", "piped"], cwd: "/" });
    assert.equal(
      ok(bash(`${tsrun} exec --process <(sleep 0.2; echo '${process_}') ${container.id}`)).stdout,
      "piped\n",
    );
    ok(bash(`${tsrun} update --resources <(echo '{"pids":{"limit":33}}') ${container.id}`));
    ok(bash(`echo '{"pids":{"limit":34}}' | ${tsrun} update --resources - ${container.id}`));
    ok(bash(`${tsrun} mounts add ${container.id} <(echo '[]')`));
    refused(
      bash(`${tsrun} update --resources - ${container.id} < /dev/zero`),
      new RegExp(`larger than ${LIMIT} bytes`),
    );
    ok(container.delete("--force"));
  });

  itOurs("that is to be the log keeps no command from its end: a fifo that nobody reads, or that is full", async () => {
    const fifo = box().path("fifo");
    execFileSync("/usr/bin/mkfifo", [fifo]);
    const begin = Date.now();
    const { status, stderr } = box().runtime(["--log", fifo, "state", "no-such-container"]);
    assert.equal(status, 1);
    assert.match(stderr, /open the log: --log: openat\(2\) .*ENXIO/);
    // a reader that takes nothing: the pipe is filled before
    const reader = spawn("/bin/sh");
    reader.stdin.end(
      `exec 3<>${fifo}; dd if=/dev/zero of=/proc/self/fd/3 bs=65536 count=1 2>/dev/null; echo full; exec sleep 30\n`,
    );
    await new Promise((resolve) => reader.stdout.once("data", resolve));
    const full = box().runtime(["--log", fifo, "state", "no-such-container"]);
    assert.equal(full.status, 1);
    assert.match(full.stderr, /container does not exist/);
    reader.kill("SIGKILL");
    await ended(reader);
    assert(Date.now() - begin < 10_000, "took its time");
  });
});
