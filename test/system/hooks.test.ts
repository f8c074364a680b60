import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "mocha";
import type { Config, Hook } from "./bundle.ts";
import {
  isTsrun,
  itOurs,
  ok,
  refused,
  shareNamespace,
  SLOWNESS,
  useBox,
  type Box,
  type Container,
  type Result,
} from "./harness.ts";

const kinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
type Kind = (typeof kinds)[number];

/** A hook that runs a shell script. Only startContainer hooks see the container's root. */
const sh = (script: string, more: Partial<Hook> = {}): Hook => ({
  path: "/bin/sh",
  args: ["sh", "-c", script],
  ...more,
});

/** A container whose root is writable and holds the directory of the test at /mnt, so that all hooks can write the same files. */
function withHooks(
  box: Box,
  hooks: { [kind: string]: Hook[] },
  change: (config: Config) => void = () => undefined,
): Container {
  return box.container((config) => {
    config.hooks = hooks;
    config.mounts.push({ destination: "/mnt", type: "bind", source: box.directory, options: ["rbind"] });
    config.process.args = ["sh", "-c", "echo process >> /mnt/log"];
    change(config);
  });
}

/** The directory of the test as a hook of this kind sees it. */
const seenFrom = (box: Box, kind: Kind): string => (kind === "startContainer" ? "/mnt" : box.directory);

const log = (box: Box): string[] =>
  existsSync(box.path("log")) ? readFileSync(box.path("log"), "utf8").trim().split("\n") : [];

describe("hooks", () => {
  const box = useBox();

  itOurs("run in the order of the spec, each kind in the listed order", () => {
    const hooks = Object.fromEntries(
      kinds.map((kind) => [kind, [1, 2].map((n) => sh(`echo ${kind} ${n} >> ${seenFrom(box(), kind)}/log`))]),
    );
    const container = withHooks(
      box(),
      hooks,
      (config) => (config.process.args = ["sh", "-c", "echo process >> /mnt/log; sleep 0.3"]),
    );
    ok(container.create());
    const both = (...some: Kind[]): string[] => some.flatMap((kind) => [`${kind} 1`, `${kind} 2`]);
    assert.deepEqual(log(box()), both("prestart", "createRuntime", "createContainer"));
    ok(container.start());
    container.waitFor("stopped");
    assert.deepEqual(
      log(box()).filter((line) => line !== "process"),
      both("prestart", "createRuntime", "createContainer", "startContainer", "poststart"),
    );
    assert.equal(log(box()).indexOf("process") >= 8, true);
    ok(container.delete());
    assert.deepEqual(log(box()).slice(-2), both("poststop"));
  });

  itOurs("run with `run` as well", () => {
    const container = withHooks(
      box(),
      Object.fromEntries(kinds.map((kind) => [kind, [sh(`echo ${kind} >> ${seenFrom(box(), kind)}/log`)]])),
    );
    ok(container.run());
    assert.deepEqual(
      log(box()).filter((line) => line !== "process"),
      kinds,
    );
  });

  it("read the state on stdin: ociVersion, id, status, pid, bundle, annotations", () => {
    const container = withHooks(
      box(),
      Object.fromEntries(kinds.map((kind) => [kind, [sh(`cat > ${seenFrom(box(), kind)}/${kind}`)]])),
      (config) => (config.annotations = { "org.example.key": "välue" }),
    );
    ok(container.create());
    const { pid } = container.state();
    ok(container.start());
    container.waitFor("stopped");
    ok(container.delete());
    const state = (kind: Kind): { readonly [key: string]: unknown } =>
      JSON.parse(readFileSync(box().path(kind), "utf8")) as { readonly [key: string]: unknown };
    for (const kind of kinds) {
      assert.deepEqual(
        { ...state(kind), pid: 0, status: "", ociVersion: "" },
        {
          ociVersion: "",
          id: container.id,
          status: "",
          pid: 0,
          bundle: container.bundle,
          annotations: { "org.example.key": "välue" },
        },
        kind,
      );
      assert.match(String(state(kind)["ociVersion"]), /^1\./, kind);
    }
    if (!isTsrun) return;
    assert.deepEqual(
      kinds.map((kind) => state(kind)["status"]),
      ["creating", "creating", "creating", "created", "running", "stopped"],
    );
    assert.deepEqual(
      kinds.map((kind) => state(kind)["pid"] ?? 0),
      [pid, pid, 1, 1, pid, 0].map((value, i) =>
        kinds[i] === "createContainer" ? state("createContainer")["pid"] : value,
      ),
    );
    assert([1, pid].includes(Number(state("createContainer")["pid"])));
  });

  it("get their args as they are, and their path as the only one without args", () => {
    writeFileSync(box().path("args"), `#!/bin/sh\nprintf '[%s]' "$0" "$@" > ${box().path("log")}\n`, { mode: 0o755 });
    ok(
      withHooks(
        box(),
        { createRuntime: [{ path: box().path("args"), args: ["zero", "a b", "", "-x"] }] },
        (config) => (config.process.args = ["true"]),
      ).run(),
    );
    assert.equal(readFileSync(box().path("log"), "utf8"), `[${box().path("args")}][a b][][-x]`); // a script's $0 is its path
    ok(
      withHooks(
        box(),
        { createRuntime: [{ path: box().path("args") }] },
        (config) => (config.process.args = ["true"]),
      ).run(),
    );
    assert.equal(readFileSync(box().path("log"), "utf8"), `[${box().path("args")}]`);
  });

  it("get the environment that config.json gives them", () => {
    ok(
      withHooks(
        box(),
        {
          createRuntime: [
            { path: "/usr/bin/env", env: ["A=1", "B=x y"], args: ["env"] },
            sh(`env > ${box().path("log")}`, { env: ["A=1", "B=x y"] }),
          ],
        },
        (config) => (config.process.args = ["true"]),
      ).run(),
    );
    assert.deepEqual(
      log(box()).filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line)),
      ["A=1", "B=x y"],
    );
  });

  it("of createContainer run in the container's namespaces, on the host's root; of startContainer on the container's; the others on the host's", () => {
    const links = (kind: Kind): Hook =>
      sh(
        `for n in mnt net; do readlink /proc/self/ns/$n; done > ${seenFrom(box(), kind)}/${kind}; test -e ${box().directory} && echo host >> ${seenFrom(box(), kind)}/${kind}; true`,
      );
    const container = withHooks(
      box(),
      Object.fromEntries(kinds.map((kind) => [kind, [links(kind)]])),
      (config) =>
        (config.process.args = ["sh", "-c", "for n in mnt net; do readlink /proc/self/ns/$n; done > /mnt/process"]),
    );
    ok(container.run());
    const read = (name: string): string[] => readFileSync(box().path(name), "utf8").trim().split("\n");
    const host = [readlinkSync("/proc/self/ns/mnt"), readlinkSync("/proc/self/ns/net"), "host"];
    for (const kind of ["prestart", "createRuntime", "poststart", "poststop"]) assert.deepEqual(read(kind), host, kind);
    assert.deepEqual(read("createContainer"), [...read("process"), "host"]);
    assert.deepEqual(read("startContainer"), read("process"));
  });

  itOurs(
    "of the runtime run in the bundle's directory, those of createContainer in the root file system's, of startContainer in the process's",
    () => {
      const where = (kind: Kind): Hook => sh(`pwd > ${seenFrom(box(), kind)}/${kind}`);
      const container = withHooks(
        box(),
        Object.fromEntries(kinds.map((kind) => [kind, [where(kind)]])),
        (config) => ((config.process.args = ["sleep", "60"]), (config.process.cwd = "/mnt")),
      );
      const command = (name: string, ...args: string[]): Result =>
        box().runtime([name, ...args, container.id], { cwd: "/" });
      ok(command("create", "--bundle", container.bundle));
      ok(command("start"));
      ok(command("delete", "--force"));
      const seen = Object.fromEntries(kinds.map((kind) => [kind, readFileSync(box().path(kind), "utf8").trim()]));
      const of = (directory: string): object =>
        Object.fromEntries(["prestart", "createRuntime", "poststart", "poststop"].map((kind) => [kind, directory]));
      assert.deepEqual(seen, {
        ...of(container.bundle),
        createContainer: `${container.bundle}/rootfs`,
        startContainer: "/mnt",
      });
    },
  );

  itOurs("of poststop run when the bundle is gone, too", () => {
    const container = withHooks(box(), { poststop: [sh(`pwd > ${box().path("log")}`)] });
    ok(container.create());
    renameSync(container.bundle, `${container.bundle}.gone`);
    ok(container.delete("--force"));
    assert.deepEqual(log(box()), ["/"]);
  });

  itOurs(
    "in the container see nothing of the caller's environment: startContainer has the process's, createContainer none",
    () => {
      const variables = (kind: Kind): Hook =>
        sh(`env | grep -Ev '^(PWD|SHLVL|_|OLDPWD)=' > ${seenFrom(box(), kind)}/${kind}; true`);
      const container = withHooks(
        box(),
        Object.fromEntries(kinds.map((kind) => [kind, [variables(kind)]])),
        (config) => (config.process.env = ["PATH=/bin:/usr/bin", "A=process"]),
      );
      ok(container.run([], { env: { SECRET: "caller", PATH: "/bin:/usr/bin" } }));
      const read = (kind: Kind): string => readFileSync(box().path(kind), "utf8");
      assert.match(read("createRuntime"), /^SECRET=caller$/m);
      assert.equal(read("createContainer"), "");
      assert.match(read("startContainer"), /^A=process$/m);
      assert.doesNotMatch(read("startContainer"), /SECRET/);
    },
  );

  it("of prestart and createRuntime find the namespaces made: they can set up the network", () => {
    const container = withHooks(
      box(),
      {
        createRuntime: [
          sh(`pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/'); nsenter -t $pid -n ip addr add 192.0.2.9/32 dev lo`, {
            env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
          }),
        ],
      },
      (config) => (config.process.args = ["ip", "addr"]),
    );
    assert.match(ok(container.run()).stdout, /192\.0\.2\.9\/32/);
  });

  it("of createContainer find the mounts made, before the root is changed", () => {
    const container = withHooks(
      box(),
      { createContainer: [sh(`grep -c "$(pwd)\\|/rootfs/proc " /proc/self/mountinfo > ${box().path("log")}`)] },
      (config) => (config.process.args = ["true"]),
    );
    ok(container.run());
    assert(Number(log(box())[0]) >= 1);
  });

  it("that end without reading their input do no harm, whatever the size of the state", () => {
    ok(
      withHooks(box(), { createRuntime: [sh("exec <&-; sleep 0.1")] }, (config) => {
        config.process.args = ["true"];
        config.annotations = { large: "x".repeat(200_000) };
      }).run(),
    );
  });

  it("whose children hold its streams open do not hold us up", () => {
    ok(
      withHooks(
        box(),
        { createRuntime: [sh(`${isTsrun ? "sleep 600" : "sleep 1"} & echo $! > ${box().path("child")}`)] },
        (config) => (config.process.args = ["true"]),
      ).run(),
    );
    if (isTsrun) process.kill(Number(readFileSync(box().path("child"), "utf8")), "SIGKILL"); // it is still there
  });

  it("that take longer than their timeout are killed, which is a failure", () => {
    const begin = Date.now();
    refused(
      withHooks(box(), { createRuntime: [sh(`exec sleep ${15 * SLOWNESS}`, { timeout: 1 })] }).run(),
      /hook ran past specified timeout/,
    );
    assert(Date.now() - begin < 5000 * SLOWNESS);
    assert.deepEqual(log(box()), []);
  });

  for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
    itOurs(`of ${kind} that fail end create, with what the hook said, and poststop hooks run`, () => {
      const container = withHooks(box(), {
        [kind]: [sh("echo the reason >&2; exit 3"), sh(`echo never >> ${box().path("log")}`)],
        poststop: [sh(`echo poststop >> ${box().path("log")}`)],
      });
      const result = container.create();
      refused(result, new RegExp(`${kind}[^]*exit status 3[^]*the reason`));
      assert.deepEqual(log(box()), ["poststop"]);
      refused(box().runtime(["state", container.id]), /does not exist/);
    });
  }

  itOurs(
    "of startContainer that fail are an error of start: the process never runs and the container is destroyed (runtime.md, Lifecycle, 7)",
    () => {
      const container = withHooks(box(), {
        startContainer: [sh("echo the reason >&2; exit 3")],
        poststop: [sh(`echo poststop >> ${box().path("log")}`)],
      });
      ok(container.create());
      refused(container.start(), /startContainer[^]*exit status 3[^]*the reason/);
      assert.deepEqual(log(box()), ["poststop"]);
      refused(box().runtime(["state", container.id]), /does not exist/);
    },
  );

  it("of startContainer that fail end run, and nothing is left", () => {
    const { status, stderr } = withHooks(box(), { startContainer: [sh("exit 3")] }).run();
    assert.equal(status, 1, stderr);
    assert.deepEqual(log(box()), []);
  });

  itOurs(
    "of poststart that fail are an error of start, and the container is destroyed (runtime.md, Lifecycle, 9)",
    () => {
      const container = withHooks(
        box(),
        {
          poststart: [sh("echo the reason >&2; exit 3"), sh(`echo second >> ${box().path("log")}`)],
          poststop: [sh(`echo poststop >> ${box().path("log")}`)],
        },
        (config) => (config.process.args = ["sleep", "60"]),
      );
      ok(container.create());
      refused(container.start(), /poststart[^]*exit status 3[^]*the reason/);
      assert.deepEqual(log(box()), ["poststop"]);
      refused(box().runtime(["state", container.id]), /does not exist/);
      ok(container.delete("--force"));
    },
  );

  for (const flags of [[], ["--detach"]])
    itOurs(`of poststart that fail end ${["run", ...flags].join(" ")}, and nothing is left`, () => {
      const container = withHooks(
        box(),
        { poststart: [sh("exit 3")], poststop: [sh(`echo poststop >> ${box().path("log")}`)] },
        (config) => (config.process.args = ["sleep", "60"]),
      );
      refused(container.run(flags), /poststart.*exit status 3/);
      assert.deepEqual(log(box()), ["poststop"]);
    });

  itOurs("of poststop that fail are a warning, the hooks after them still run, and the container is gone", () => {
    const container = withHooks(box(), { poststop: [sh("exit 3"), sh(`echo second >> ${box().path("log")}`)] });
    ok(container.create());
    const { status, stderr } = container.delete("--force");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /poststop.*exit status 3/);
    assert.deepEqual(log(box()), ["second"]);
    refused(box().runtime(["state", container.id]), /does not exist/);
  });

  it("run without a mount namespace of the container's, too", () => {
    const every = Object.fromEntries(
      kinds.map((kind) => [
        kind,
        [sh(`echo ${kind} >> ${kind === "startContainer" ? "" : `${box().path("bundle1")}/rootfs`}/log`)],
      ]),
    );
    const container = box().container((config) => {
      shareNamespace(config, "mount");
      config.hooks = every;
      config.mounts = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = false;
    });
    ok(container.run());
    assert.deepEqual(readFileSync(container.at("log"), "utf8").trim().split("\n").sort(), [...kinds].sort());
    for (const name of readdirSync(container.at("dev"))) rmSync(container.at(`dev/${name}`));
  });

  it("that cannot be started are a failure that names them", () => {
    refused(
      withHooks(box(), { createRuntime: [{ path: "/no/such/hook" }] }).run(),
      /\/no\/such\/hook.*no such file or directory/,
    );
  });

  it("with a relative path are refused", () => {
    if (isTsrun)
      refused(withHooks(box(), { createRuntime: [{ path: "bin/true" }] }).run(), /\/hooks\/createRuntime\/0\/path/);
  });

  it("leave no descriptor of theirs in the container", () => {
    const container = withHooks(
      box(),
      { startContainer: [sh("true")], createContainer: [sh("true")] },
      (config) => (config.process.args = ["ls", "/proc/self/fd"]),
    );
    assert.equal(ok(container.run()).stdout, "0\n1\n2\n3\n");
  });
});
