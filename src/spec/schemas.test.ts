import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, it } from "mocha";
import { start, tables } from "../../build/gen/known.js";
import { isConfig } from "../../build/gen/validate.js";
import { pointer } from "../base/json.ts";
import { exampleConfig } from "./example.ts";
import { explain } from "./explain.ts";
import { full } from "./full.fixture.ts";

/** Every value inside `json` with its path, outermost first. */
function* places(
  json: unknown,
  path: readonly (string | number)[] = [],
): Generator<readonly [readonly (string | number)[], unknown]> {
  yield [path, json];
  if (typeof json !== "object" || json === null) return;
  for (const [key, value] of Object.entries(json))
    yield* places(value, [...path, Array.isArray(json) ? Number(key) : key]);
}

/** A copy of `json` in which what stands at `path` is `value`, or is gone. */
function changed(json: unknown, path: readonly (string | number)[], value?: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(json))
    return json.map((item: unknown, index) => (index === key ? changed(item, rest, value) : item));
  const entries = Object.entries(json as object).map(
    ([name, inside]) => [name, name === key ? changed(inside, rest, value) : inside] as const,
  );
  return Object.fromEntries(entries.filter(([, inside]) => inside !== undefined));
}

describe("the schemas", () => {
  it("accept a document that uses every property they know", () => {
    assert.deepEqual(explain("Config", full), []);
    assert(isConfig(full));
    const used = new Set<string>();
    const visit = (value: unknown, number: number): void => {
      if (number === 0 || typeof value !== "object" || value === null) return;
      for (const [key, inside] of Object.entries(value)) {
        const table = tables[number] ?? {};
        if (!Array.isArray(value)) used.add(`${number} ${key}`);
        visit(inside, Array.isArray(value) ? number : (table[key] ?? table["*"] ?? 0));
      }
    };
    visit(full, start.Config);
    const unused = tables.flatMap((table, number) =>
      Object.keys(table).filter((name) => name !== "*" && !used.has(`${number} ${name}`)),
    );
    assert.deepEqual(unused, []);
  });

  it("accept what `spec` writes", () => {
    for (const rootless of [undefined, { uid: 1000, gid: 1000 }])
      assert(isConfig(exampleConfig({ cgroupNamespace: true, rootless })));
  });

  // The essence of the runtime-spec's own fixtures (schema/test/config).
  const good: [string, unknown][] = [
    ["the least there can be", { ociVersion: "1.0.0", root: { path: "rootfs" } }],
    [
      "the least that can start",
      { ociVersion: "1.0.0", root: { path: "rootfs" }, process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } } },
    ],
    [
      "network devices",
      {
        ociVersion: "1.0.0",
        root: { path: "rootfs" },
        linux: { netDevices: { eth0: { name: "container_eth0" }, ens4: {}, ens5: {} } },
      },
    ],
    [
      "rdma",
      {
        ociVersion: "1.0.0",
        root: { path: "rootfs" },
        linux: { resources: { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, rxe3: { hcaObjects: 1 } } } },
      },
    ],
    [
      "unknown properties anywhere",
      {
        ociVersion: "1.2.1+x",
        root: { path: "r", y: 1 },
        process: { cwd: "/", args: ["a"], z: [{}] },
        linux: { futureThing: {} },
        x: null,
      },
    ],
    [
      "sections of other platforms",
      { ociVersion: "1.0.0", root: { path: "rootfs" }, windows: 5, freebsd: { jail: { vnet: "wrong" } }, zos: [] },
    ],
    ["development versions", { ociVersion: "1.0.0-rc5-dev", root: { path: "rootfs" } }],
  ];
  for (const [name, json] of good) it(`accept ${name}`, () => assert(isConfig(json)));

  const bad: [string, unknown, string, string][] = [
    ["nothing", {}, "/ociVersion", "is required"],
    ["null", null, "", "must be an object, not null"],
    ["a list", [], "", "must be an object, not a list"],
    ["no root", { root: undefined }, "/root", "is required"],
    ["an empty root path", { root: { path: "" } }, "/root/path", "must not be empty"],
    [
      "a version that is none",
      { ociVersion: "1.0" },
      "/ociVersion",
      'must be a version as SemVer writes it, such as "1.3.0", not "1.0"',
    ],
    ["no cwd", { process: { args: ["a"] } }, "/process/cwd", "is required"],
    ["a relative cwd", { process: { args: ["a"], cwd: "tmp" } }, "/process/cwd", 'must be an absolute path, not "tmp"'],
    ["no args", { process: { cwd: "/" } }, "/process/args", "args must not be empty"],
    ["empty args", { process: { cwd: "/", args: [] } }, "/process/args", "args must not be empty"],
    ["a number among args", { process: { cwd: "/", args: ["a", 5] } }, "/process/args/1", "must be a string, not 5"],
    [
      "a user name for uid",
      { process: { cwd: "/", args: ["a"], user: { uid: "root", gid: 0 } } },
      "/process/user/uid",
      'must be an integer between 0 and 4294967295, not "root"',
    ],
    [
      "a negative gid",
      { process: { cwd: "/", args: ["a"], user: { uid: 0, gid: -1 } } },
      "/process/user/gid",
      "must be an integer between 0 and 4294967295, not -1",
    ],
    [
      "half an id",
      { process: { cwd: "/", args: ["a"], user: { uid: 0.5, gid: 0 } } },
      "/process/user/uid",
      "must be an integer between 0 and 4294967295, not 0.5",
    ],
    [
      "text for a boolean",
      { process: { cwd: "/", args: ["a"], terminal: "true" } },
      "/process/terminal",
      'must be true or false, not "true"',
    ],
    [
      "an unknown rlimit",
      { process: { cwd: "/", args: ["a"], rlimits: [{ type: "RLIMIT_FOO", soft: 0, hard: 0 }] } },
      "/process/rlimits/0/type",
      'must be one of RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK, not "RLIMIT_FOO"',
    ],
    [
      "a rounded number",
      { process: { cwd: "/", args: ["a"], rlimits: [{ type: "RLIMIT_CPU", soft: 0, hard: 2 ** 53 }] } },
      "/process/rlimits/0/hard",
      "must be an integer between 0 and 18446744073709551615, not 9007199254740992",
    ],
    [
      "more than 64 bits",
      { process: { cwd: "/", args: ["a"], rlimits: [{ type: "RLIMIT_CPU", soft: 0, hard: 2n ** 64n }] } },
      "/process/rlimits/0/hard",
      "must be an integer between 0 and 18446744073709551615, not 18446744073709551616",
    ],
    [
      "an impossible oomScoreAdj",
      { process: { cwd: "/", args: ["a"], oomScoreAdj: 9999 } },
      "/process/oomScoreAdj",
      "must be an integer between -1000 and 1000, not 9999",
    ],
    [
      "an unknown I/O class",
      { process: { cwd: "/", args: ["a"], ioPriority: { class: "IDLE", priority: 8 } } },
      "/process/ioPriority/class",
      'must be one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE, not "IDLE"',
    ],
    [
      "a relative hook",
      { hooks: { poststop: [{ path: "hook" }] } },
      "/hooks/poststop/0/path",
      'must be an absolute path, not "hook"',
    ],
    [
      "a hook with no time",
      { hooks: { prestart: [{ path: "/hook", timeout: 0 }] } },
      "/hooks/prestart/0/timeout",
      "must be an integer between 1 and 2147483647, not 0",
    ],
    ["a mount to nowhere", { mounts: [{ source: "/tmp" }] }, "/mounts/0/destination", "is required"],
    ["a mount to the empty path", { mounts: [{ destination: "" }] }, "/mounts/0/destination", "must not be empty"],
    [
      "options as text",
      { mounts: [{ destination: "/a", options: "ro" }] },
      "/mounts/0/options",
      'must be a list, not "ro"',
    ],
    ["a number as annotation", { annotations: { "a/b~c": 1 } }, "/annotations/a~1b~0c", "must be a string, not 1"],
    [
      "a namespace without type",
      { linux: { namespaces: [{ path: "/proc/1/ns/net" }] } },
      "/linux/namespaces/0/type",
      "is required",
    ],
    [
      "an unknown namespace",
      { linux: { namespaces: [{ type: "net" }] } },
      "/linux/namespaces/0/type",
      'must be one of pid, network, mount, ipc, uts, user, cgroup, time, not "net"',
    ],
    [
      "a network device named by a number",
      { linux: { netDevices: { eth0: { name: 23 } } } },
      "/linux/netDevices/eth0/name",
      "must be a string, not 23",
    ],
    [
      "a huge page in kB",
      { linux: { resources: { hugepageLimits: [{ limit: 1234123, pageSize: "64kB" }] } } },
      "/linux/resources/hugepageLimits/0/pageSize",
      'must be a size such as "64KB", "2MB" or "1GB", not "64kB"',
    ],
    [
      "words for rdma handles",
      { linux: { resources: { rdma: { mlx5_1: { hcaHandles: "not a uint32" } } } } },
      "/linux/resources/rdma/mlx5_1/hcaHandles",
      'must be an integer between 0 and 4294967295, not "not a uint32"',
    ],
    [
      "a memory limit as text",
      { linux: { resources: { memory: { limit: "1G" } } } },
      "/linux/resources/memory/limit",
      'must be an integer between -9223372036854775808 and 9223372036854775807, not "1G"',
    ],
    [
      "a weight of 17 bits",
      { linux: { resources: { blockIO: { weight: 65536 } } } },
      "/linux/resources/blockIO/weight",
      "must be an integer between 0 and 65535, not 65536",
    ],
    [
      "unknown access letters",
      { linux: { resources: { devices: [{ allow: true, access: "xa" }] } } },
      "/linux/resources/devices/0/access",
      'must be made of the letters "r", "w" and "m", not "xa"',
    ],
    [
      "a device rule for fifos",
      { linux: { resources: { devices: [{ allow: true, type: "p" }] } } },
      "/linux/resources/devices/0/type",
      'must be one of a, b, c, not "p"',
    ],
    [
      "a device of type a",
      { linux: { devices: [{ type: "a", path: "/dev/x", major: 1, minor: 1 }] } },
      "/linux/devices/0/type",
      'must be one of c, b, u, p, not "a"',
    ],
    [
      "a device without numbers",
      { linux: { devices: [{ type: "c", path: "/dev/x", major: 1 }] } },
      "/linux/devices/0/minor",
      'is required unless type is "p"',
    ],
    [
      "a masked path that is relative",
      { linux: { maskedPaths: ["proc/kcore"] } },
      "/linux/maskedPaths/0",
      'must be an absolute path, not "proc/kcore"',
    ],
    [
      "an unknown propagation",
      { linux: { rootfsPropagation: "bidirectional" } },
      "/linux/rootfsPropagation",
      'must be one of shared, slave, private, unbindable, rshared, rslave, rprivate, runbindable, not "bidirectional"',
    ],
    [
      "an unknown seccomp action",
      { linux: { seccomp: { defaultAction: "allow" } } },
      "/linux/seccomp/defaultAction",
      'must be one of SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_NOTIFY, not "allow"',
    ],
    ["seccomp without default", { linux: { seccomp: {} } }, "/linux/seccomp/defaultAction", "is required"],
    [
      "a seccomp rule for nothing",
      { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [], action: "SCMP_ACT_KILL" }] } } },
      "/linux/seccomp/syscalls/0/names",
      "must not be empty",
    ],
    [
      "a seventh argument",
      {
        linux: {
          seccomp: {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [{ names: ["x"], action: "SCMP_ACT_KILL", args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }],
          },
        },
      },
      "/linux/seccomp/syscalls/0/args/0/index",
      "must be an integer between 0 and 5, not 6",
    ],
    [
      "an unknown personality",
      { linux: { personality: { domain: "SOLARIS" } } },
      "/linux/personality/domain",
      'must be one of LINUX, LINUX32, not "SOLARIS"',
    ],
  ];
  for (const [name, part, where, problem] of bad) {
    it(`refuse ${name}`, () => {
      const least = { ociVersion: "1.0.0", root: { path: "rootfs" } };
      const json: unknown =
        name === "nothing" || name === "null" || name === "a list" ? part : { ...least, ...(part as object) };
      assert(!isConfig(json));
      const [first] = explain("Config", json);
      assert.deepEqual([first?.pointer, first?.problem], [where, problem]);
    });
  }

  it("tell of every violation at once", () => {
    const json = {
      ociVersion: 1,
      root: {},
      process: { cwd: "", args: [], terminal: 0 },
      linux: { namespaces: [{}, { type: "x" }] },
    };
    assert.deepEqual(
      explain("Config", json)
        .map(({ pointer }) => pointer)
        .sort(),
      [
        "/linux/namespaces/0/type",
        "/linux/namespaces/1/type",
        "/ociVersion",
        "/process/args",
        "/process/cwd",
        "/process/terminal",
        "/root/path",
      ],
    );
  });

  it("give one answer in both their forms, whatever is wrong", () => {
    const replacements = [
      undefined,
      null,
      true,
      -1,
      0.5,
      2 ** 53,
      -(2n ** 63n) - 1n,
      2n ** 64n,
      "",
      "x",
      [],
      [null],
      {},
      { x: null },
    ];
    let refused = 0;
    for (const [path] of places(full)) {
      for (const replacement of replacements) {
        const json = changed(full, path, replacement);
        const violations = explain("Config", json);
        assert.equal(isConfig(json), violations.length === 0, `${pointer(...path)} = ${String(replacement)}`);
        if (violations.length > 0) refused++;
      }
    }
    assert(refused > 2000);
  });
});

describe("the schemas of what tsrun prints", () => {
  const read = (file: string): object =>
    JSON.parse(readFileSync(new URL(`../../schemas/${file}`, import.meta.url), "utf8")) as object;
  const ajv = new Ajv({ strict: false, schemas: [read("defs.json")] });
  const isState = ajv.compile(read("state-schema.json"));
  const isFeatures = ajv.compile(read("features-schema.json"));

  it("know a state", () => {
    const state = {
      ociVersion: "1.3.0",
      id: "a",
      status: "running",
      pid: 4422,
      bundle: "/containers/a",
      annotations: { k: "v" },
    };
    assert(isState(state));
    assert(isState({ ...state, rootfs: "/r", created: "2026-01-02T03:04:05.123456789Z", owner: "" }));
    assert(isState({ ...state, status: "stopped", pid: 0 }));
    for (const wrong of [
      { pid: 0 },
      { pid: undefined },
      { status: "dead" },
      { bundle: "b" },
      { id: "" },
      { created: "yesterday" },
      { annotations: { a: 1 } },
    ]) {
      assert(!isState(JSON.parse(JSON.stringify({ ...state, ...wrong }))), JSON.stringify(wrong));
    }
  });

  it("know features", () => {
    assert(
      isFeatures({
        ociVersionMin: "1.0.0",
        ociVersionMax: "1.3.0",
        linux: { cgroup: { v1: true }, mountExtensions: { idmap: { enabled: false } } },
      }),
    );
    assert(!isFeatures({ ociVersionMin: "1.1.0" }));
    assert(!isFeatures({ ociVersionMin: "1.0.0", ociVersionMax: "1.3.0", linux: { seccomp: { enabled: "yes" } } }));
  });
});
