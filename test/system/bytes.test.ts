// Names, arguments and environments are bytes. Those that are no UTF-8 come through unchanged, from the command line and from directories to execve and
// to the kernel; JSON is UTF-8 by its own standard.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import type { Config } from "./bundle.ts";
import { eventually, itOurs, ok, PROGRAM, useBox, type Box, type Container, type Result } from "./harness.ts";

const sleeper = (config: Config): void => void (config.process.args = ["sleep", "60"]);

/** Bytes as `od -An -tx1` shows them. */
const hex = (bytes: readonly number[]): string =>
  bytes.map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");

/** UTF-8 and what is none: a lone byte, half a character, an encoded surrogate, one that stands for such a byte in a string. */
const BYTES = [0x61, 0xff, 0xc3, 0xbc, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xed, 0xb2, 0x80, 0xf0, 0x9f, 0x90, 0xa7, 0x80];
const ODD = `$(printf '${BYTES.map((byte) => `\\${byte.toString(8)}`).join("")}')`;
const ODD_BUFFER = Buffer.from(BYTES);

/** Node passes on text only: a shell writes the bytes. T is the program with its state root. */
const shell = (box: Box, script: string): Result =>
  box.exec("/bin/sh", ["-c", `T='${PROGRAM} --root ${box.stateRoot}'; ODD="${ODD}"; ${script}`]);

describe("bytes that are no UTF-8", () => {
  const box = useBox();

  const running = (change: (config: Config) => void = () => undefined): Container => {
    const container = box().container((config) => {
      sleeper(config);
      change(config);
    });
    ok(container.run(["-d"]));
    return container;
  };

  itOurs("pass through exec's arguments, --env and --cwd unchanged", () => {
    const container = running((config) => (config.root.readonly = false));
    mkdirSync(Buffer.concat([Buffer.from(`${container.rootfs}/`), ODD_BUFFER]));
    const { stdout } = ok(
      shell(
        box(),
        `$T exec --env "ODD=$ODD" --cwd "/$ODD" ${container.id} sh -c 'printf %s "$1" | od -An -v -w99 -tx1; printf %s "$ODD" | od -An -v -w99 -tx1; pwd | tr -d "/\\n" | od -An -v -w99 -tx1' sh "$ODD"`,
      ),
    );
    assert.deepEqual(stdout.trimEnd().split("\n"), Array(3).fill(hex(BYTES)));
    ok(container.delete("--force"));
  });

  itOurs("pass through the runtime's environment to its hooks, and from /etc/passwd to HOME", () => {
    const seen = box().path("seen");
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", 'printf %s "$HOME" | od -An -v -w99 -tx1'];
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `printf %s "$ODD" > ${seen}`] }] };
    });
    const passwd = join(container.rootfs, "etc/passwd");
    rmSync(passwd); // it is a hard link to the file of all other containers
    writeFileSync(passwd, Buffer.concat([Buffer.from("root:x:0:0:root:"), ODD_BUFFER, Buffer.from(":/bin/sh\n")]));
    const { stdout } = ok(shell(box(), `export ODD; $T run --bundle ${container.bundle} ${container.id}`));
    assert.equal(stdout.trimEnd(), hex(BYTES));
    assert.deepEqual(readFileSync(seen), ODD_BUFFER);
  });

  itOurs("are part of --root, --bundle and --pid-file, and lead nowhere else", () => {
    const container = box().container(sleeper);
    const { stdout } = ok(
      shell(
        box(),
        `cd ${box().directory}; mkdir "b$ODD"; mv ${container.bundle}/* "b$ODD"; T='${PROGRAM}'; ` +
          `$T --root "r$ODD" create --bundle "b$ODD" --pid-file "p$ODD" ${container.id} </dev/null >/dev/null 2>&1 && ls "r$ODD" && ` +
          `$T --root "r$ODD" start ${container.id} && $T --root "r$ODD" state ${container.id} && cat "p$ODD" && $T --root "r$ODD" delete --force ${container.id}`,
      ),
    );
    const state = JSON.parse(stdout.slice(stdout.indexOf("{"), stdout.lastIndexOf("}") + 1)) as { bundle: string };
    const escaped = String.fromCharCode(
      ...[0x61, 0xdcff, 0xfc, 0xdcc3, 0x28, 0xdced, 0xdca0, 0xdc80, 0xdced, 0xdcb2, 0xdc80, 0xd83d, 0xdc27, 0xdc80],
    );
    assert.equal(state.bundle, `${box().directory}/b${escaped}`);
    assert.deepEqual(
      readdirSync(box().directory, { encoding: "buffer" })
        .filter((name) => /^[bpr]/.test(name.toString("latin1")) && !name.toString().startsWith("bundle"))
        .map((name) => name.subarray(1)),
      [ODD_BUFFER, ODD_BUFFER, ODD_BUFFER],
    );
  });

  itOurs("are in file names that tmpcopyup copies", () => {
    const container = box().container((config) => {
      config.process.args = ["sh", "-c", "cd /odd; printf '%s\\n' * | od -An -v -w99 -tx1; cat ./*/*"];
      config.mounts.push({ destination: "/odd", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
    });
    const directory = Buffer.concat([Buffer.from(`${container.rootfs}/odd/`), ODD_BUFFER]);
    mkdirSync(directory, { recursive: true });
    writeFileSync(Buffer.concat([directory, Buffer.from("/"), ODD_BUFFER]), "content");
    assert.equal(ok(container.run()).stdout, `${hex([...BYTES, 0x0a])}\ncontent`);
  });

  /** Puts a process of the container's into a group below each of its own, however long its path becomes: from directory to directory. */
  function hidden(container: Container, names: readonly Buffer[]): number {
    ok(box().runtime(["exec", "-d", "--pid-file", box().path("hidden"), container.id, "sleep", "61"]));
    const pid = Number(readFileSync(box().path("hidden"), "utf8"));
    const script = `
      const { existsSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
      const [directory, pid, ...names] = process.argv.slice(1);
      const main = () => {
      process.chdir(directory);
      for (const name of names.map((text) => Buffer.from(text, "hex"))) {
        if (existsSync("cgroup.clone_children")) writeFileSync("cgroup.clone_children", "1"); // [kernel] or a cpuset below is empty
        mkdirSync(name);
        if (names.length === 1) return writeFileSync(Buffer.concat([name, Buffer.from("/cgroup.procs")]), pid);
        process.chdir(name.toString());
      }
      writeFileSync("cgroup.procs", pid);
      };
      main();`;
    for (const directory of box()
      .cgroups()
      .filter((path) => path.endsWith(`/${container.id}`)))
      ok(
        box().exec(process.execPath, [
          "-e",
          script,
          directory,
          String(pid),
          ...names.map((name) => name.toString("hex")),
        ]),
      );
    return pid;
  }

  const PLACES: { readonly [what: string]: readonly Buffer[] } = {
    "a name that is no UTF-8": [ODD_BUFFER],
    "31 directories of 130 letters": Array.from({ length: 31 }, () => Buffer.from("x".repeat(130))),
  };

  for (const [what, names] of Object.entries(PLACES))
    itOurs(`and long paths do not hide a process in ${what}: ps, kill --all and delete --force find it`, () => {
      const container = running((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      const pid = hidden(container, names);
      const { stdout } = ok(box().runtime(["ps", "--format", "json", container.id]));
      assert((JSON.parse(stdout) as number[]).includes(pid), `${pid} is not in ${stdout}`);
      ok(container.kill("--all", "KILL"));
      eventually("the hidden process has ended", () => !existsSync(`/proc/${pid}/exe`));
      ok(container.delete("--force"));
      assert.deepEqual(box().cgroups(), []);
    });

  itOurs("in JSON are read as Go reads them: each is U+FFFD", () => {
    const container = running();
    writeFileSync(
      box().path("process"),
      Buffer.concat([Buffer.from('{"cwd":"/","args":["/bin/echo","'), ODD_BUFFER, Buffer.from('"]}')]),
    );
    const { stdout } = ok(box().runtime(["exec", "--process", box().path("process"), container.id]));
    assert.equal(stdout, `${ODD_BUFFER.toString("utf8")}\n`);
    ok(container.delete("--force"));
  });
});
