// What of a container's surroundings is found again by a restore: namespaces, mounts of the host's, cgroups, terminals, pipes; and what the flags keep.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import {
  ended,
  eventually,
  ok,
  PROGRAM,
  refused,
  shareNamespace,
  soon,
  useBox,
  type Container,
} from "../system/harness.ts";
import { listen, OnTerminal, useTerminals } from "../system/terminal.ts";
import {
  checkpoint,
  criu,
  goesOn,
  holding,
  imagesOf,
  quietly,
  restore,
  saveAndRestore,
  start,
  useCriu,
} from "./criu.ts";

const namespaceOf = (pid: number | "self", type: string): string => readlinkSync(`/proc/${pid}/ns/${type}`);

describe("checkpoint and restore", function () {
  this.timeout(60_000);
  useCriu();
  useTerminals();
  const box = useBox();

  const inside = (container: Container, script: string): string =>
    ok(box().runtime(["exec", container.id, "sh", "-c", script])).stdout;

  describe("find again", () => {
    it("namespaces that are joined by path: of network and pid as external ones, others by CRIU's join", () => {
      const holder = start(holding(box(), [], (config) => (config.linux.cgroupsPath = `/${box().prefix}holder`)));
      const { pid } = holder.state();
      const files: Readonly<Record<string, string>> = { network: "net", pid: "pid", ipc: "ipc", uts: "uts" };
      const container = start(
        holding(box(), [], (config) => {
          delete config.hostname;
          config.linux.namespaces = [
            ...config.linux.namespaces.filter(({ type }) => !(type in files)),
            ...Object.entries(files).map(([type, file]) => ({ type, path: `/proc/${pid}/ns/${file}` })),
          ];
        }),
      );
      const before = container.state().pid;
      ok(checkpoint(container));
      eventually("its number is free", () => !existsSync(`/proc/${before}`)); // CRIU makes processes with the numbers that they had
      ok(restore(container));
      goesOn(container);
      for (const file of Object.values(files))
        assert.equal(namespaceOf(container.state().pid, file), namespaceOf(pid, file), file);
      ok(container.delete("--force"));
      ok(holder.delete("--force"));
    });

    it("the host's namespaces, where the container has none of its own", () => {
      const container = start(
        holding(box(), [], (config) =>
          ["network", "ipc", "uts"].forEach((type) => (shareNamespace(config, type), delete config.hostname)),
        ),
      );
      saveAndRestore(container);
      for (const file of ["net", "ipc", "uts"])
        assert.equal(namespaceOf(container.state().pid, file), namespaceOf("self", file));
      ok(container.delete("--force"));
    });

    it("a network namespace of its own empty, with lo up and its sysctls set", () => {
      const container = start(
        holding(box(), ["tcp"], (config) => (config.linux.sysctl = { "net.ipv4.ip_forward": "1" })),
      );
      saveAndRestore(container, ["--tcp-established"], ["--tcp-established"]);
      assert.match(
        inside(container, "cat /proc/sys/net/ipv4/ip_forward; ip address show lo"),
        /^1\n.*LOOPBACK,UP.*\n[^]*127\.0\.0\.1/,
      );
      ok(container.delete("--force"));
    });

    it("a user namespace with its ids, and devices that are bound in it", () => {
      const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
      const container = holding(box(), [], (config) => {
        config.linux.namespaces.push({ type: "user" });
        config.linux["uidMappings"] = mapping;
        config.linux["gidMappings"] = mapping;
      });
      execFileSync("chown", ["-R", "--no-dereference", "100000:100000", container.rootfs]);
      execFileSync("chmod", ["0711", box().directory]);
      start(container);
      ok(checkpoint(container));
      // CRIU 4.2 opens an image in the new namespace, now and then before its maps are written: nothing is left then, and the next try may do it.
      let restored = restore(container);
      for (let tries = 1; restored.status !== 0 && tries < 20; tries++) {
        refused(restored, /Permission denied; nothing is left of what it made/);
        restored = restore(container);
      }
      ok(restored);
      assert.match(readFileSync(`/proc/${container.state().pid}/uid_map`, "utf8"), /^\s*0\s+100000\s+65536\n$/);
      assert.equal(inside(container, "head -c 2 /dev/zero | wc -c; id -u"), "2\n0\n");
      ok(container.delete("--force"));
    });

    it("binds: through a symlink, with what lies below, and with places to mount that have gone", () => {
      for (const name of ["one", "two", "tree/sub"]) mkdirSync(box().path(name), { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", box().path("tree/sub")]);
      try {
        writeFileSync(box().path("tree/sub/file"), "of the host");
        const container = holding(box(), [], (config) =>
          config.mounts.push(
            { destination: "/conf", source: box().path("one"), options: ["bind"] },
            { destination: "/test", type: "bind", source: box().path("one"), options: ["bind"] },
            { destination: "/test/for/nested", type: "bind", source: box().path("two"), options: ["bind", "ro"] },
            { destination: "/tree", type: "bind", source: box().path("tree"), options: ["rbind"] },
          ),
        );
        mkdirSync(container.at("real/conf"), { recursive: true });
        symlinkSync("/real/conf", container.at("conf"));
        start(container);
        ok(checkpoint(container));
        rmSync(box().path("one/for"), { recursive: true });
        ok(restore(container));
        goesOn(container);
        writeFileSync(box().path("two/new"), "new");
        writeFileSync(box().path("one/new"), "one");
        assert.equal(inside(container, "cat /test/for/nested/new /conf/new /tree/sub/file"), "newoneof the host");
        assert.equal(existsSync(box().path("one/for/nested")), true);
        ok(container.delete("--force"));
      } finally {
        execFileSync("umount", [box().path("tree/sub")]);
      }
    });

    it("a root file system on overlay", () => {
      const container = holding(box(), []);
      for (const name of ["upper", "work", "merged"]) mkdirSync(box().path(name));
      const merged = box().path("merged");
      execFileSync("mount", [
        "-t",
        "overlay",
        "overlay",
        "-o",
        `lowerdir=${container.rootfs},upperdir=${box().path("upper")},workdir=${box().path("work")}`,
        merged,
      ]);
      try {
        const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as { root: object };
        config.root = { path: merged };
        container.configure(config);
        start(container);
        inside(container, "echo upper > /file");
        saveAndRestore(container);
        assert.equal(inside(container, "cat /file"), "upper\n");
        ok(container.delete("--force"));
      } finally {
        execFileSync("umount", [merged]);
      }
    });

    for (const mode of ["soft", "full", "ignore"]) {
      it(`cgroups with --manage-cgroups-mode ${mode}, also where they have another name now, with limits of config.json`, () => {
        const container = start(holding(box(), [], (config) => (config.linux.resources = { pids: { limit: 77 } })));
        ok(checkpoint(container, ["--manage-cgroups-mode", mode]));
        const config = JSON.parse(readFileSync(join(container.bundle, "config.json"), "utf8")) as {
          linux: { cgroupsPath: string };
        };
        config.linux.cgroupsPath = `/${box().prefix}other`;
        container.configure(config);
        ok(restore(container, ["--detach", "--manage-cgroups-mode", mode]));
        goesOn(container);
        const { pid } = container.state();
        assert.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), new RegExp(`:pids:/${box().prefix}other$`, "m"));
        assert.deepEqual(
          box()
            .cgroups()
            .filter((path) => !path.endsWith("other")),
          [],
        );
        const stats = JSON.parse(ok(box().runtime(["events", "--stats", container.id])).stdout) as {
          data: { pids: { limit: number } };
        };
        assert.equal(stats.data.pids.limit, 77);
        ok(container.delete("--force"));
      });
    }

    it("no cgroup with --manage-cgroups-mode strict, for the container's own is there already; nothing is left then", () => {
      const container = start(holding(box(), []));
      ok(checkpoint(container));
      refused(
        restore(container, ["--detach", "--manage-cgroups-mode", "strict"]),
        /cg: Abort restore of existing cgroups; nothing is left/,
      );
      assert.deepEqual(box().leftovers(), []);
    });

    it("cgroups of a cgroup namespace of its own", () => {
      const container = start(holding(box(), [], (config) => config.linux.namespaces.push({ type: "cgroup" })));
      saveAndRestore(container, ["--manage-cgroups-mode", "ignore"], ["--manage-cgroups-mode", "ignore"]);
      ok(container.delete("--force"));
    });

    it("no cgroups, with --cgroup-manager disabled", () => {
      const container = holding(box(), []);
      quietly(box(), ["--cgroup-manager", "disabled", "run", "--detach", "--bundle", container.bundle, container.id]);
      goesOn(container);
      ok(checkpoint(container));
      ok(
        box().runtime([
          "--criu",
          criu(),
          "--cgroup-manager",
          "disabled",
          "restore",
          "--detach",
          "--bundle",
          container.bundle,
          "--image-path",
          imagesOf(container),
          container.id,
        ]),
      );
      goesOn(container);
      ok(container.delete("--force"));
    });
  });

  it("keep a seccomp filter, capabilities and no_new_privs", () => {
    const container = start(
      holding(
        box(),
        [],
        (config) =>
          (config.linux["seccomp"] = {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [{ names: ["mkdirat", "mkdir"], action: "SCMP_ACT_ERRNO" }],
          }),
      ),
    );
    const status = (): readonly string[] =>
      readFileSync(`/proc/${container.state().pid}/status`, "utf8")
        .split("\n")
        .filter((line) => /^(Cap|NoNewPrivs|Seccomp:|Groups|[UG]id)/.test(line));
    const before = status();
    saveAndRestore(container);
    assert.deepEqual(status(), before);
    ok(container.delete("--force"));
  });

  it("connect pipes of the standard streams to those of restore, by descriptors.json", () => {
    const loop = "while :; do if read line; then echo got $line; echo err $line >&2; else sleep 0.02; fi; done";
    const container = holding(box(), [], (config) => (config.process.args = ["sh", "-c", loop]));
    /** A shell's pipes: those of Node are sockets. */
    const through = (typed: string, args: readonly string[]): readonly string[] => {
      const [out, err] = [box().path(`${typed}.out`), box().path(`${typed}.err`)];
      const script = `out=$1 err=$2; shift 2; echo ${typed} | "$@" > >(head -n 1 >"$out") 2> >(head -n 1 >"$err")`;
      const ended = spawnSync(
        "/bin/bash",
        ["-c", script, "-", out, err, PROGRAM, "--root", box().stateRoot, "--criu", criu(), ...args],
        {
          cwd: box().directory,
          env: { TSRUN_TEST: box().prefix, PATH: "/usr/bin:/bin" },
          stdio: "ignore",
        },
      );
      assert.equal(ended.status, 0, existsSync(err) ? readFileSync(err, "utf8") : "");
      const read = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
      eventually("it has answered", () => read(out) !== "" && read(err) !== "");
      return [read(out), read(err)];
    };
    assert.deepEqual(through("one", ["run", "--detach", "--bundle", container.bundle, container.id]), [
      "got one\n",
      "err one\n",
    ]);
    for (const word of ["two", "three"]) {
      ok(checkpoint(container));
      const streams = JSON.parse(
        readFileSync(join(imagesOf(container), "descriptors.json"), "utf8"),
      ) as readonly string[];
      assert.equal(streams.length, 3);
      for (const stream of streams) assert.match(stream, /^pipe:\[\d+\]$/);
      assert.deepEqual(
        through(word, [
          "restore",
          "--detach",
          "--bundle",
          container.bundle,
          "--image-path",
          imagesOf(container),
          container.id,
        ]),
        [`got ${word}\n`, `err ${word}\n`],
      );
    }
    ok(container.delete("--force"));
  });

  it("keep a terminal, whose master goes to --console-socket", async () => {
    const container = holding(box(), [], (config) => {
      config.process.terminal = true;
      config.process.args = [
        "sh",
        "-c",
        "stty rows 33 cols 44; i=0; while :; do i=$((i+1)); echo $i > /dev/shm/count; echo tick $i $(stty size); sleep 0.05; done",
      ];
    });
    const first = await listen(box(), "first");
    quietly(box(), [
      "run",
      "--detach",
      "--console-socket",
      box().path("first"),
      "--bundle",
      container.bundle,
      container.id,
    ]);
    await first.saw(/tick \d+ 33 44/);
    let shown = first; // its end is that of the terminal
    for (const name of ["second", "third"]) {
      ok(checkpoint(container));
      shown.signal("SIGKILL");
      await shown.end();
      refused(restore(container), /without setting console socket/);
      shown = await listen(box(), name);
      ok(restore(container, ["--detach", "--console-socket", box().path(name)]));
      await shown.saw(/name [^\n]*\n[^]*tick \d+ 33 44/);
      goesOn(container);
    }
    ok(container.delete("--force"));
    shown.signal("SIGKILL");
    await shown.end();
  });

  it("show the terminal of a container that is restored in the foreground", async () => {
    const container = holding(box(), [], (config) => {
      config.process.terminal = true;
      config.process.args = ["sh", "-c", "while read line; do echo got $line; [ $line = end ] && exit 5; done"];
    });
    const first = await listen(box(), "first");
    quietly(box(), [
      "run",
      "--detach",
      "--console-socket",
      box().path("first"),
      "--bundle",
      container.bundle,
      container.id,
    ]);
    ok(checkpoint(container));
    first.signal("SIGKILL");
    await first.end();
    const shown = new OnTerminal(box(), [
      "--criu",
      criu(),
      "restore",
      "--bundle",
      container.bundle,
      "--image-path",
      imagesOf(container),
      container.id,
    ]);
    await soon("it is restored", () => box().runtime(["state", container.id]).stdout.includes('"running"'));
    shown.type("word\n");
    await shown.saw("got word");
    shown.type("end\n");
    assert.match(await shown.ends(5), /got end/);
  });

  it("--tcp-established keeps connections; without it the container cannot be saved and goes on", () => {
    const container = start(holding(box(), ["tcp"]));
    refused(
      checkpoint(container),
      /CRIU cannot save the container: .*\(it has open TCP connections: --tcp-established keeps them\); the container goes on running; its log is \S+dump\.log/,
    );
    goesOn(container);
    saveAndRestore(container, ["--tcp-established"], ["--tcp-established"]);
    ok(container.delete("--force"));
  });

  for (const kind of ["lock", "flock"]) {
    it(`--file-locks keeps a lock (${kind}); without it the container cannot be saved and goes on`, () => {
      const container = start(holding(box(), [`${kind}=/tmp/lock`]));
      refused(
        checkpoint(container),
        /\(a process holds a file lock: --file-locks saves it\); the container goes on running/,
      );
      goesOn(container);
      saveAndRestore(container, ["--file-locks"], ["--file-locks"]);
      const locks = readFileSync("/proc/locks", "utf8");
      assert.match(locks, new RegExp(`${kind === "lock" ? "POSIX" : "FLOCK"} .* ${container.state().pid} `));
      ok(container.delete("--force"));
    });
  }

  it("keep a removed file, and with --link-remap one that still has another name", () => {
    const container = start(holding(box(), ["removed=/tmp/gone", "linked=/tmp/moved"]));
    refused(checkpoint(container), /--link-remap gives it a name again/);
    goesOn(container);
    saveAndRestore(container, ["--link-remap"]);
    ok(container.delete("--force"));
  });

  it("--ext-unix-sk allows a socket that leads out of the container; without it the container cannot be saved and goes on", async () => {
    mkdirSync(box().path("sockets"));
    const server = datagramSocket(box().path("sockets/log"));
    await server.ready;
    const container = start(
      holding(box(), [`unix=${box().path("sockets/log")}`], (config) => {
        shareNamespace(config, "network"); // CRIU sees both ends where they are in one
        config.mounts.push({
          destination: box().path("sockets"),
          type: "bind",
          source: box().path("sockets"),
          options: ["bind"],
        });
      }),
    );
    refused(checkpoint(container), /\(a unix socket leads out of the container: --ext-unix-sk allows that\)/);
    goesOn(container);
    saveAndRestore(container, ["--ext-unix-sk"], ["--ext-unix-sk"]);
    ok(container.delete("--force"));
    await server.end();
  });

  it("--shell-job saves a container with the terminal of a shell outside; without it the container cannot be saved and goes on", async () => {
    const container = holding(box(), []);
    const shell = new OnTerminal(box(), ["run", "--bundle", container.bundle, container.id]);
    await soon("it runs", () => box().runtime(["state", container.id]).stdout.includes('"running"'));
    goesOn(container);
    refused(checkpoint(container), /--shell-job allows that\); the container goes on running/);
    goesOn(container);
    ok(checkpoint(container, ["--shell-job"]));
    await shell.end();
  });

  it("read CRIU's options from the file that the annotation org.criu.config names", () => {
    const file = box().write("criu.conf", "log-file=other.log\n");
    const container = start(holding(box(), [], (config) => (config.annotations = { "org.criu.config": file })));
    saveAndRestore(container);
    assert.deepEqual(
      ["other.log", "dump.log", "restore.log"].map((name) => existsSync(join(imagesOf(container), name))),
      [true, false, false],
    );
    ok(container.delete("--force"));
  });

  it("run prestart and createRuntime hooks once the namespaces are there, and poststop hooks at the end", () => {
    const hook = (name: string): { path: string; args: string[] } => ({
      path: "/bin/sh",
      args: [
        "sh",
        "-c",
        `read -r state; echo ${name} $(readlink /proc/$(echo "$state" | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')/ns/net) >> ${box().path("hooks")}`,
      ],
    });
    const kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    const container = start(
      holding(box(), [], (config) => {
        config.hooks = Object.fromEntries(
          kinds.filter((kind) => !/^(create|start)Container$/.test(kind)).map((kind) => [kind, [hook(kind)]]),
        );
      }),
    );
    const told = (): string[] => readFileSync(box().path("hooks"), "utf8").trim().split("\n");
    ok(checkpoint(container));
    assert.deepEqual(
      told().map((line) => line.split(" ")[0]),
      ["prestart", "createRuntime", "poststart", "poststop"],
    );
    rmSync(box().path("hooks"));
    ok(restore(container));
    const net = namespaceOf(container.state().pid, "net");
    assert.deepEqual(told(), [`prestart ${net}`, `createRuntime ${net}`]);
    ok(container.delete("--force"));
    assert.equal(told().length, 3);
  });
});

/** A datagram socket that takes what comes, in a process of its own. */
function datagramSocket(path: string): { readonly ready: Promise<void>; readonly end: () => Promise<unknown> } {
  const script =
    "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nwhile 1: s.recv(99)";
  const child = spawn("python3", ["-c", script, path], { stdio: "ignore" });
  const end = ended(child);
  return {
    ready: soon("it listens", () => existsSync(path)),
    end: () => {
      child.kill("SIGKILL");
      return end;
    },
  };
}
