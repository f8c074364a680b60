// What the runtime keeps of a container is written whole, or the command fails and takes everything back: a disk that is full, a limit on the size of
// files, a write that takes only a part. And what cannot be read afterwards is no reason to forget a container.

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import { SYSCALLS } from "../../src/abi/syscall_table.ts";
import type { Config } from "./bundle.ts";
import { value } from "./groups.ts";
import { itOurs, ok, PROGRAM, refused, useBox, type Container, type Result } from "./harness.ts";

const SECRET = "hunter2-of-the-database";

const sleeper = (config: Config): void => void (config.process.args = ["sleep", "60"]);

describe("the records of a container", () => {
  const box = useBox();

  const stateFile = (container: Container, name: string): string => join(box().stateRoot, container.id, name);

  /** The state root on a tmpfs of its own. */
  function withTmpfs(options: string, act: () => void): void {
    mkdirSync(box().stateRoot, { recursive: true });
    ok(box().exec("/bin/mount", ["-t", "tmpfs", "-o", options, "tmpfs", box().stateRoot]));
    try {
      act();
      assert.deepEqual(readdirSync(box().stateRoot), [], "left in the state root");
    } finally {
      ok(box().exec("/bin/umount", [box().stateRoot]));
    }
  }

  const limited = (bytes: number, args: readonly string[]): Result =>
    box().exec("/usr/bin/prlimit", [`--fsize=${bytes}`, PROGRAM, "--root", box().stateRoot, ...args]);

  /** Whatever a command's status is: with 0 the container can be used and deleted, and otherwise there is nothing of it. */
  function assertAllOrNothing(container: Container, result: Result, where: string): void {
    if (result.status === 0) {
      assert.equal(readFileSync(stateFile(container, "config.json"), "utf8").length > 0, true, where);
      JSON.parse(readFileSync(stateFile(container, "config.json"), "utf8"));
      JSON.parse(readFileSync(stateFile(container, "state.json"), "utf8"));
      ok(container.delete("--force"));
    } else {
      assert.equal(result.status, 1, where + result.stderr);
      assert.equal(existsSync(stateFile(container, "")), false, where);
      assert.deepEqual(
        box()
          .leftovers()
          .filter((line) => !line.startsWith("mount: ") || !line.includes(" tmpfs tmpfs ")),
        [],
        where,
      );
    }
  }

  itOurs("create and run -d under a limit on the size of files make whole records or nothing", () => {
    for (const bytes of [0, 100, 700, 1500, 3000, 5000]) {
      for (const command of [["create"], ["run", "-d"]]) {
        const container = box().container(sleeper);
        const result = limited(bytes, [...command, "--bundle", container.bundle, container.id]);
        assert.notEqual(result.status, null, `${command.join(" ")}: killed by ${result.signal} at ${bytes} bytes`);
        assertAllOrNothing(container, result, `${command.join(" ")} with ${bytes} bytes: `);
      }
    }
  });

  itOurs(
    "create on a full file system makes whole records or nothing, and no error shows what was to be written",
    () => {
      const log = box().path("log");
      for (const kilobytes of [4, 8, 12, 16])
        withTmpfs(`size=${kilobytes}k`, () => {
          const container = box().container((config) => {
            sleeper(config);
            config.process.env = [...(config.process.env ?? []), `PASSWORD=${SECRET}`];
            config.annotations = { filler: "x".repeat(9000) };
          });
          const result = box().runtime(["--log", log, "create", "--bundle", container.bundle, container.id]);
          if (kilobytes < 12) refused(result, /no space left on device \(ENOSPC\)/);
          assert.doesNotMatch(result.stderr, /hunter2|PASSWORD|filler/);
          assertAllOrNothing(container, result, `${kilobytes} KB: `);
        });
      assert.doesNotMatch(readFileSync(log, "utf8"), /hunter2|PASSWORD|filler/);
    },
  );

  itOurs("a write(2) that takes a part of a record is continued", () => {
    const container = box().container(sleeper);
    const result = box().exec("/usr/bin/strace", [
      ...["-D", "-f", "-qq", "-o", "/dev/null", "-P", stateFile(container, "config.json")],
      ...["-P", stateFile(container, "state.json.new")],
      ...["-e", "trace=write", "-e", "inject=write:retval=1:when=1"],
      ...[PROGRAM, "--root", box().stateRoot, "create", "--bundle", container.bundle, container.id],
    ]);
    ok(result);
    // strace does not make the call: the byte that was "taken" is missing, and what follows it is there
    assert.equal(
      readFileSync(stateFile(container, "config.json"), "utf8"),
      readFileSync(join(container.bundle, "config.json"), "utf8").slice(1),
    );
    ok(container.delete("--force"));
  });

  itOurs("a write(2) that takes a part of a limit is an error", () => {
    const container = box().container((config) => {
      sleeper(config);
      config.linux.cgroupsPath = `/${box().prefix}group`;
      config.linux.resources = { ...config.linux.resources, pids: { limit: 77 } };
    });
    const result = box().exec("/usr/bin/strace", [
      ...["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:retval=1"],
      ...["", "pids/"].flatMap((hierarchy) => ["-P", `/sys/fs/cgroup/${hierarchy}${box().prefix}group/pids.max`]),
      ...[PROGRAM, "--root", box().stateRoot, "create", "--bundle", container.bundle, container.id],
    ]);
    refused(result, /pids\.max has taken only 1 of 2 bytes/);
  });

  itOurs("what cannot be opened after it was made is taken back", () => {
    const container = box().container(sleeper);
    const result = box().exec("/usr/bin/strace", [
      ...["-D", "-f", "-qq", "-o", "/dev/null", "-P", join(box().stateRoot, container.id)],
      ...["-e", "trace=openat", "-e", "inject=openat:error=EMFILE:when=1"],
      ...[PROGRAM, "--root", box().stateRoot, "create", "--bundle", container.bundle, container.id],
    ]);
    refused(result, /reserve container id: .*EMFILE/);
    assert.equal(existsSync(stateFile(container, "")), false);
  });

  itOurs("update that cannot record the limits sets them back", () => {
    const container = box().container((config) => {
      sleeper(config);
      config.linux.resources = { ...config.linux.resources, pids: { limit: 77 }, cpu: { shares: 512 } };
    });
    ok(container.create());
    const before = value(container, "pids.max", "pids.max");
    for (const update of [
      () => limited(10, ["update", "--pids-limit", "55", container.id]),
      () =>
        box().exec("/usr/bin/strace", [
          ...["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EIO"],
          ...[PROGRAM, "--root", box().stateRoot, "update", "--pids-limit", "55", container.id],
        ]),
    ]) {
      const { status, stderr } = update();
      assert.equal(status, 1, stderr);
      assert.equal(value(container, "pids.max", "pids.max"), before);
      assert.deepEqual(readdirSync(stateFile(container, "")).sort(), ["config.json", "start.sock", "state.json"]);
    }
    ok(box().runtime(["update", "--pids-limit", "55", container.id]));
    assert.equal(value(container, "pids.max", "pids.max"), "55");
    ok(container.delete("--force"));
  });

  itOurs("the pid file's temporary follows nothing, and what was there by its name does not stay", () => {
    const target = box().write("target", "precious");
    const container = box().container(sleeper);
    const [file, temporary] = [box().path("pid"), box().path(".pid")];
    for (const occupy of [
      () => symlinkSync(target, temporary),
      () => ok(box().exec("/usr/bin/mkfifo", [temporary])),
      () => writeFileSync(temporary, "of a killed one"),
    ]) {
      occupy();
      ok(container.create(["--pid-file", file], { timeoutMs: 10_000 }));
      assert.equal(readFileSync(target, "utf8"), "precious");
      assert.equal(readFileSync(file, "utf8"), String(container.state().pid));
      assert.equal(existsSync(temporary), false);
      ok(container.delete("--force"));
      rmSync(file);
    }
    mkdirSync(file);
    refused(container.create(["--pid-file", file]), /write pid file/);
    assert.equal(existsSync(temporary), false);
  });

  itOurs("a seccomp filter too large for the cache costs nothing but the cache", () => {
    const container = box().container((config) => {
      sleeper(config);
      config.mounts = config.mounts.slice(0, 1);
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        syscalls: [{ names: Object.keys(SYSCALLS).filter((name) => /^[fmrs]/.test(name)), action: "SCMP_ACT_LOG" }],
      };
    });
    container.configureText(JSON.stringify(JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8"))));
    const size = (file: string): number => statSync(file).size;
    const cache = join(box().stateRoot, "@seccomp");
    ok(container.create());
    const whole = size(join(cache, readdirSync(cache)[0] ?? ""));
    assert(whole > size(join(container.bundle, "config.json")), "the limit is none for the other files");
    ok(container.delete("--force"));
    rmSync(cache, { recursive: true });
    ok(limited(whole - 1, ["create", "--bundle", container.bundle, container.id]));
    assert.deepEqual(readdirSync(cache), []);
    ok(container.delete("--force"));
    const foreground = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as Config;
    foreground.process.args = ["sh", "-c", "sleep 0.3; echo alive"];
    container.configureText(JSON.stringify(foreground));
    const { stdout } = ok(limited(whole - 1, ["run", "--bundle", container.bundle, container.id]));
    assert.equal(stdout, "alive\n", "the runtime's own SIGXFSZ has been passed on");
    // and where not even libseccomp can hand it over whole, a part of it is not taken for all
    refused(
      limited(900, ["create", "--bundle", container.bundle, container.id]),
      /compile seccomp filter: .*file too large \(EFBIG\)/,
    );
    rmSync(cache, { recursive: true });
  });
});

/** Fields of other forms, in place of the right ones. */
const WRONG: { readonly [field: string]: readonly unknown[] } = {
  ociVersion: [1, null],
  bundle: [[], {}],
  rootfs: [null],
  annotations: [null, [], "x", { a: 1 }],
  created: [0],
  owner: ["0", -1],
  pid: ["1", -1, 1.5, null, 1e12],
  startTime: [12, "x", null],
  cgroup: [
    5,
    null,
    {},
    [null],
    ["x"],
    [{}],
    [{ controllers: "cpu", path: "/x" }],
    [{ controllers: [1], path: "/x" }],
    [{ controllers: ["cpu"], path: "x" }],
  ],
  systemdUnit: ["x", null, {}, { name: 1, user: true }],
  intelRdt: [1, null, {}, { group: "/x", remove: ["x"] }],
  keyring: ["yes", null],
  sharedPid: [0, null],
  poststart: [null, {}, [1], [{}], [{ path: "x", args: [] }]],
  poststop: [
    null,
    "x",
    [null],
    [{ path: "/x" }],
    [{ path: "/x", args: [], timeout: "1" }],
    [{ path: "/x", args: [], env: [1] }],
  ],
};

describe("a state.json that is damaged", () => {
  const box = useBox();

  /** Every command says so in one line, and delete --force takes away the container that runs all the same. */
  function assertDeletable(damage: (file: string, whole: string) => void, what: string): void {
    const container = box().container((config) => {
      sleeper(config);
      config.linux.cgroupsPath = `/${place()}`;
    });
    ok(container.run(["-d"], {}));
    const { pid } = container.state();
    const file = join(box().stateRoot, container.id, "state.json");
    damage(file, readFileSync(file, "utf8"));
    for (const command of [
      ["state", container.id],
      ["kill", container.id, "KILL"],
      ["delete", container.id],
      ["pause", container.id],
      ["ps", container.id],
      ["update", "--pids-limit", "5", container.id],
      ["exec", container.id, "true"],
    ]) {
      const { status, stderr } = box().runtime(command);
      assert.equal(status, command[0] === "exec" ? 255 : 1, `${what}: ${command.join(" ")}: ${stderr}`);
      assert.match(stderr, /^tsrun: .*state\.json of container \S+ is damaged: /, `${what}: ${command.join(" ")}`);
    }
    assert.equal(existsSync(`/proc/${pid}`), true, what);
    ok(box().runtime(["delete", "--force", container.id]));
    assert.deepEqual(box().leftovers(), [], what);
  }

  let places = 0;
  const place = (): string => `${box().prefix}place${++places}`;

  for (const [field, values] of Object.entries(WRONG))
    itOurs(`in /${field} is told as such, and delete --force takes the container away`, () => {
      for (const wrong of values)
        assertDeletable(
          (file, whole) => writeFileSync(file, JSON.stringify({ ...(JSON.parse(whole) as object), [field]: wrong })),
          `${field}: ${JSON.stringify(wrong)}`,
        );
    });

  itOurs("by its end missing is told as such, and delete --force takes the container away", () => {
    for (const part of [0, 0.1, 0.3, 0.5, 0.9, 0.99])
      assertDeletable(
        (file, whole) => truncateSync(file, Math.floor(part * Buffer.byteLength(whole))),
        `${part} of it`,
      );
  });

  itOurs("with config.json too: processes in a group of its name are not killed, and delete --force says which", () => {
    const container = box().container((config) => {
      sleeper(config);
      config.root.path = join(box().directory, "bundle1", "rootfs");
    });
    ok(container.run(["-d"]));
    const { pid } = container.state();
    const directory = join(box().stateRoot, container.id);
    const whole = readFileSync(join(directory, "config.json"));
    truncateSync(join(directory, "state.json"), 0);
    truncateSync(join(directory, "config.json"), 100);
    refused(
      box().runtime(["delete", "--force", container.id]),
      new RegExp(`is damaged, and nothing says that the processes in \\S*${container.id}.* are the container's`),
    );
    assert.equal(existsSync(`/proc/${pid}`), true);
    assert.equal(existsSync(directory), true);
    // config.json alone says where its root file system is, which its processes have
    writeFileSync(join(directory, "config.json"), whole);
    ok(box().runtime(["delete", "--force", container.id]));
  });

  itOurs("in config.json or resources.json: exec and update say so", () => {
    const container = box().container(sleeper);
    ok(container.run(["-d"]));
    const file = join(box().stateRoot, container.id, "config.json");
    const whole = readFileSync(file, "utf8");
    for (const text of [
      "",
      whole.slice(0, whole.length / 2),
      "[]",
      "null",
      '{"process":5}',
      '{"process":{"args":"x","cwd":1},"linux":{"namespaces":5}}',
      JSON.stringify({ ...(JSON.parse(whole) as object), process: { args: ["a"], cwd: "/", env: 5 } }),
    ]) {
      writeFileSync(file, text);
      const { status, stderr } = box().runtime(["exec", container.id, "true"]);
      assert.equal(status, 255, stderr);
      assert.match(
        stderr,
        /config\.json of container \S+ is damaged: |config.json of the container has no process/,
        text,
      );
    }
    writeFileSync(file, whole.slice(0, whole.length / 2));
    refused(box().runtime(["update", "--pids-limit", "7", container.id]), /config\.json of container \S+ is damaged: /);
    writeFileSync(file, whole);
    for (const text of ["{", '{"pids":null,"memory":5}']) {
      writeFileSync(join(box().stateRoot, container.id, "resources.json"), text);
      const { status, stderr } = box().runtime(["update", "--pids-limit", "7", container.id]);
      assert.doesNotMatch(stderr, /internal error/);
      if (text === "{")
        assert.deepEqual([status, /resources\.json of container \S+ is damaged: /.test(stderr)], [1, true], stderr);
    }
    ok(container.delete("--force"));
  });
});
