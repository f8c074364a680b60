import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "mocha";
import type { Config } from "./bundle.ts";
import { itOurs, ok, PROGRAM, refused, useBox, type Container, type Result } from "./harness.ts";

type Finding = { readonly level: string; readonly pointer: string; readonly problem: string; readonly hint?: string };

describe("validate", () => {
  const box = useBox();
  const validate = (container: Container, ...flags: string[]): Result =>
    box().runtime(["validate", "-b", container.bundle, ...flags]);
  const validateText = (text: string): Result => {
    const container = box().container();
    container.configureText(text);
    return validate(container);
  };

  /** The pointers and levels of what `validate --host` finds. */
  function onHost(change: (config: Config) => void): string[] {
    const { stdout, stderr } = validate(box().container(change), "--host", "--json");
    assert.equal(stderr, "");
    return (JSON.parse(stdout) as { findings: Finding[] }).findings.map(({ level, pointer }) => `${level} ${pointer}`);
  }

  itOurs("finds nothing in what `spec` writes, with status 0, also as seen by this host", () => {
    const container = box().container();
    for (const flags of [[], ["--host"]]) {
      const { stdout, stderr } = ok(validate(container, ...flags));
      assert.equal(stdout, `${container.bundle}/config.json: 0 errors, 0 warnings\n`);
      assert.equal(stderr, "");
    }
  });

  itOurs("prints every mistake of all kinds, one a line, with status 1", () => {
    const { status, stdout, stderr } = validateText(
      '{"ociVersion":"1.0.0","root":{},"hostname":5,"domainname":"a","noNewPrivileges":true,"hostname":6}',
    );
    assert.equal(status, 1);
    assert.equal(stderr, "");
    assert.equal(
      stdout.replaceAll(/^\/.*\/(?=config\.json)/gm, ""),
      [
        "config.json:1:1: error /process: is required to create a container",
        "config.json:1:30: error /root/path: is required",
        'config.json:1:97: error /hostname: must be a string, not 6; write "6"',
        "config.json:1:63: warning /noNewPrivileges: nothing of this name is known and it is ignored; did you mean /process/noNewPrivileges?",
        "config.json:1:86: warning /hostname: is given more than once: the last one counts",
        "config.json: 3 errors, 2 warnings",
        "",
      ].join("\n"),
    );
  });

  itOurs("finds what every plan refuses, without a look at the host", () => {
    const container = box().container((config) => {
      config.mounts.push({ destination: "/a" }, { destination: "/proc/sys", type: "tmpfs" });
      config.mounts.push({ destination: "/b", type: "bind", source: "/tmp", options: ["bind", "mode=755"] });
    });
    const { status, stdout } = validate(container);
    assert.equal(status, 1);
    for (const pointer of ["/mounts/7:", "/mounts/8/destination:", "/mounts/9/options:"])
      assert.match(stdout, new RegExp(`: error ${pointer}`));
    assert.match(stdout, /: 3 errors, 0 warnings\n$/);
  });

  itOurs("warnings alone are status 0", () => {
    const container = box().container((config) => (config["hostnam"] = "a"));
    assert.match(
      ok(validate(container)).stdout,
      /config\.json:\d+:3: warning \/hostnam: .*did you mean hostname\?\n.*config.json: 0 errors, 1 warning\n$/,
    );
  });

  itOurs("says where the text is not JSON", () => {
    const { status, stdout } = validateText('{\n  "root": {,\n}');
    assert.equal(status, 1);
    assert.match(stdout, /config\.json:2:12: error: not JSON: expected /);
  });

  itOurs("--json prints an object", () => {
    const container = box().container((config) => (config["hostnam"] = "a"));
    const text = readFileSync(join(container.bundle, "config.json"), "utf8");
    const line = text.slice(0, text.indexOf('"hostnam"')).split("\n").length;
    assert.deepEqual(JSON.parse(ok(validate(container, "--json")).stdout), {
      bundle: container.bundle,
      valid: true,
      findings: [
        {
          level: "warning",
          pointer: "/hostnam",
          line,
          column: 3,
          problem: "nothing of this name is known and it is ignored",
          hint: "did you mean hostname?",
        },
      ],
    });
  });

  itOurs("--format=github prints annotations, and --format=sarif a log, for services of continuous integration", () => {
    const container = box().container((config) => Object.assign(config, { hostnaem: "a" }));
    const github = ok(validate(container, "--format=github")).stdout;
    assert.match(
      github,
      /^::warning file=.*config\.json,line=\d+,col=\d+,title=config-doubtful::\/hostnaem: .*did you mean hostname\?\n$/,
    );
    const log = JSON.parse(ok(validate(container, "--format", "sarif")).stdout);
    assert.equal(log.runs[0].tool.driver.name, "tsrun");
    assert.equal(log.runs[0].results[0].ruleId, "config-doubtful");
    refused(validate(container, "--format=xml"), /invalid format option xml: there are text, json, github, sarif/);
    refused(validate(container, "--json", "--format=github"), /exclude each other/);
  });

  itOurs("takes the bundle as an operand and from the working directory, and fails without a config.json", () => {
    const container = box().container();
    ok(box().runtime(["validate", container.bundle]));
    ok(box().runtime(["validate"], { cwd: container.bundle }));
    rmSync(join(container.bundle, "config.json"));
    refused(validate(container), /config\.json not found/);
  });

  itOurs("changes nothing in the bundle", () => {
    const container = box().container();
    const before = readFileSync(join(container.bundle, "config.json"));
    ok(validate(container, "--host"));
    assert.deepEqual(readFileSync(join(container.bundle, "config.json")), before);
  });

  itOurs("needs no privileges", () => {
    const container = box().container();
    chmodSync(box().directory, 0o755);
    const program = box().path("tsrun");
    ok(box().exec("/bin/cp", [PROGRAM, program]));
    const asNobody = (...flags: string[]): Result =>
      box().exec("/usr/bin/setpriv", [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        program,
        "validate",
        "-b",
        container.bundle,
        ...flags,
      ]);
    ok(asNobody());
    const { status, stdout } = asNobody("--host");
    assert.equal(status, 1);
    assert.match(stdout, /: error \/linux\/namespaces: rootless container requires user namespaces/);
    assert.match(stdout, /: warning: looked at as user 65534/);
  });

  itOurs("--host finds a root file system, mount sources, namespaces and hooks that are not there", () => {
    const hook = box().write("hook", "#!/bin/sh\n");
    const found = onHost((config) => {
      config.root.path = "nowhere";
      config.mounts.push(
        { destination: "/a", source: "/nowhere", options: ["bind"] },
        { destination: "/b", source: "rootfs", options: ["bind"] },
      );
      config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
        type === "network" ? { type, path: "/nowhere" } : type === "ipc" ? { type, path: "/etc/passwd" } : { type },
      );
      config.hooks = {
        prestart: [{ path: "/nowhere" }, { path: "/bin/sh" }, { path: hook }],
        poststop: [{ path: "/tmp" }],
      };
    });
    assert.deepEqual(found, [
      "error /mounts/7/source",
      "error /linux/namespaces/1/path",
      "error /linux/namespaces/2/path",
      "error /root/path",
      "error /hooks/prestart/0/path",
      "error /hooks/prestart/2/path",
      "error /hooks/poststop/0/path",
    ]);
  });

  itOurs("--host finds what the plan refuses, all of it, and names it by where it stands", () => {
    const found = onHost((config) => {
      config.mounts.splice(1, 0, { destination: "/x", source: "/tmp", options: ["bind", "size=5"] });
      config.mounts.push({ destination: "/y", options: [] });
      config.linux.cgroupsPath = "/..";
      config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] };
    });
    for (const pointer of ["/mounts/1/options", "/mounts/8", "/linux/cgroupsPath", "/linux/seccomp/flags"])
      assert(found.includes(`error ${pointer}`), `${pointer} in ${found.join(", ")}`);
  });

  itOurs(
    "--host finds a program that the root file system has not, follows its links, and doubts only when a mount may bring it",
    () => {
      const program = (name: string, change: (config: Config) => void = () => undefined): string[] =>
        onHost((config) => {
          config.process.args = [name];
          change(config);
        });
      for (const name of ["sh", "/bin/sh", "bin/sh"]) assert.deepEqual(program(name), [], name);
      for (const name of ["nothing", "/bin/nothing", "/bin", "/etc/passwd"])
        assert.deepEqual(program(name), ["error /process/args/0"], name);
      assert.deepEqual(
        program("nothing", (config) => config.mounts.push({ destination: "/usr", source: "/usr", options: ["bind"] })),
        ["error /process/args/0"],
      );
      assert.deepEqual(
        program("nothing", (config) => config.mounts.push({ destination: "/usr", type: "ext4", source: "/dev/null" })),
        ["warning /process/args/0"],
      );
      const tool = box().path("tools/tool");
      mkdirSync(box().path("tools"));
      writeFileSync(tool, "#!/bin/sh\n", { mode: 0o755 });
      const brought = (config: Config): unknown =>
        config.mounts.push({ destination: "/opt", source: box().path("tools"), options: ["bind"] });
      assert.deepEqual(program("/opt/tool", brought), []);
      writeFileSync(tool, "#!/bin/python\n");
      assert.deepEqual(program("/opt/tool", brought), ["error /process/args/0"]);
      chmodSync(tool, 0o644);
      assert.deepEqual(program("/opt/tool", brought), ["error /process/args/0"]);
    },
  );

  itOurs("--host finds unknown capabilities, system calls, architectures, sysctls, drivers and file systems", () => {
    const found = onHost((config) => {
      config.process.capabilities = {
        bounding: ["CAP_KILL", "CAP_NONE"],
        effective: ["CAP_NONE"],
        ambient: ["CAP_KILL"],
      };
      config.mounts.push({ destination: "/f", type: "nofs", source: "none" });
      config.linux.devices = [{ type: "c", path: "/dev/x", major: 4000, minor: 1 }];
      config.linux.sysctl = { "kernel.msgnone": "1", "fs.mqueue.none": "1" };
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["read", "no_such_call"], action: "SCMP_ACT_ERRNO" }],
      };
    });
    for (const line of [
      "warning /process/capabilities/bounding/1",
      "warning /process/capabilities/ambient/0",
      "warning /mounts/7/type",
      "warning /linux/devices/0",
      "error /linux/sysctl/fs.mqueue.none",
      "warning /linux/seccomp/syscalls/0/names",
    ])
      assert(found.includes(line), `${line} in ${found.join(", ")}`);
    assert(!found.includes("warning /process/capabilities/effective/0"), "said twice");
  });

  itOurs("--host finds ids that this host has not, and users that are not mapped", () => {
    const found = onHost((config) => {
      config.linux.namespaces.push({ type: "user" });
      config.linux["uidMappings"] = [{ containerID: 0, hostID: 0, size: 1000 }];
      config.linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 1000 }];
      config.process.user = { uid: 5000, gid: 0 };
    });
    assert(found.includes("error /process/user/uid"), found.join(", "));
  });

  itOurs("--host says of a config.json that breaks laws both the laws and what is missing here", () => {
    const found = onHost((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts");
      config.root.path = "nowhere";
    });
    assert.deepEqual(found, ["error /hostname", "error /root/path"]);
  });
});
