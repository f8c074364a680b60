import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SpecError } from "../base/errors.ts";
import { stringify } from "../base/json.ts";
import { exampleConfig } from "./example.ts";
import * as explain from "./explain.ts";
import { full } from "./full.fixture.ts";
import { parseConfig, parseProcess, parseResources } from "./load.ts";

const explainer = (): typeof explain => explain;
const never = (): never => assert.fail("the explainer was loaded");

/** The violations with which this is refused, as "pointer: problem". */
function violations(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    assert(error instanceof SpecError, String(error));
    return error.violations.map(({ pointer, problem }) => `${pointer}: ${problem}`);
  }
  return [];
}

const least = { ociVersion: "1.0.0", root: { path: "rootfs" } };
const config = (part: object): string => JSON.stringify({ ...least, ...part });

describe("parseConfig", () => {
  it("reads what `spec` writes without loading the explainer", () => {
    const { spec } = parseConfig(
      JSON.stringify(exampleConfig({ cgroupNamespace: true, rootless: undefined }), undefined, "\t"),
      never,
    );
    assert.equal(spec.process?.args[0], "sh");
  });

  it("keeps 64-bit numbers exact", () => {
    const text = `{"ociVersion":"1.0.2","root":{"path":"rootfs"},
      "process":{"cwd":"/","args":["a"],"rlimits":[{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}]},
      "linux":{"resources":{"memory":{"limit":9223372036854771712,"swap":-1,"reservation":9007199254740991}}}}`;
    const { spec } = parseConfig(text, never);
    assert.deepEqual(spec.process?.rlimits, [{ type: "RLIMIT_CORE", soft: 0, hard: 18446744073709551615n }]);
    assert.equal(spec.linux.resources.memory.limit, 9223372036854771712n);
    assert.equal(spec.linux.resources.memory.reservation, 9007199254740991);
  });

  it("does not round a number that would round into range", () => {
    // 18446744073709551616 is 2^64; 9223372036854775808 is 2^63
    const memory = (limit: string): string =>
      `{"ociVersion":"1.0.2","root":{"path":"r"},"linux":{"resources":{"memory":{"limit":${limit}}}}}`;
    assert.deepEqual(
      violations(() => parseConfig(memory("9223372036854775808"), explainer)),
      [
        "/linux/resources/memory/limit: must be an integer between -9223372036854775808 and 9223372036854775807, not 9223372036854775808",
      ],
    );
    assert.deepEqual(
      violations(() => parseConfig(memory("9223372036854775807"), explainer)),
      [],
    );
  });

  it("reads a document that uses everything", () => {
    assert.deepEqual(
      violations(() =>
        parseConfig(stringify({ ...full, linux: { ...(full["linux"] as object), sysctl: {} } }), explainer),
      ),
      [],
    );
  });

  it("takes null for absent, as Go writes it", () => {
    const { spec } = parseConfig(
      config({
        process: {
          cwd: "/",
          args: ["a"],
          env: null,
          capabilities: { bounding: ["CAP_KILL"], ambient: null },
          rlimits: null,
          oomScoreAdj: null,
        },
        mounts: [{ destination: "/a", options: null }],
        hooks: { prestart: null },
        linux: { resources: null, seccomp: null, namespaces: null, timeOffsets: null, memoryPolicy: null },
      }),
      never,
    );
    assert.deepEqual(spec.process?.capabilities?.ambient, []);
    assert.equal(spec.linux.seccomp, undefined);
    assert.deepEqual(
      violations(() => parseConfig(config({ process: { cwd: null, args: ["a"] } }), explainer)),
      ["/process/cwd: is required"],
    );
    assert.deepEqual(
      violations(() => parseConfig(config({ mounts: [null] }), explainer)),
      ["/mounts/0: must be an object, not null"],
    );
  });

  it("takes pagesize for pageSize, as Go does and runc's tests write", () => {
    const { spec } = parseConfig(
      config({ linux: { resources: { hugepageLimits: [{ pagesize: "2MB", limit: 1 }] } } }),
      never,
    );
    assert.equal(spec.linux.resources.hugepageLimits[0]?.pageSize, "2MB");
  });

  it("says where a document is not JSON", () => {
    assert.deepEqual(
      violations(() => parseConfig('{\n "ociVersion": "1.0.0",\n}', explainer)),
      [': not JSON: line 3, column 1: expected a property name in double quotes, found "}"'],
    );
    assert.deepEqual(violations(() => parseConfig("{]", explainer)).length, 1);
    assert.deepEqual(
      violations(() => parseConfig("[".repeat(100000), explainer)),
      [': not JSON: line 1, column 10001: expected at most 10000 levels of nesting, found "["'],
    );
  });

  it("reports violations of laws, all of them, with those of the process", () => {
    const text = config({
      hostname: "a",
      process: { cwd: "/", args: ["a"], env: ["FOO"] },
      linux: { maskedPaths: ["/a"] },
    });
    assert.deepEqual(
      violations(() => parseConfig(text, never)),
      [
        "/hostname: unable to set hostname without a private UTS namespace",
        "/linux/maskedPaths: unable to restrict sys entries without a private MNT namespace",
        "/process/env/0: invalid environment variable \"FOO\": missing '='",
      ],
    );
  });

  it("refuses NUL bytes wherever they reach the kernel", () => {
    assert.deepEqual(
      violations(() =>
        parseConfig(
          config({
            process: { cwd: "/", args: ["a\0b", "\\u0000"] },
            mounts: [{ destination: "/a", options: ["x\0"] }],
            annotations: { a: "\0" },
            linux: { resources: { unified: { "a\0": "1" } } },
          }),
          never,
        ),
      ),
      [
        "/process/args/0: contains a NUL byte (\\u0000)",
        "/mounts/0/options/0: contains a NUL byte (\\u0000)",
        "/linux/resources/unified: has a name that contains a NUL byte (\\u0000)",
      ],
    );
  });
});

describe("parseProcess", () => {
  it("reads the document of exec, whose user may be absent", () => {
    const process = parseProcess('{"args":["a"],"cwd":"/","env":["A=b"]}', never);
    assert.deepEqual(process.user, { uid: 0, gid: 0, umask: undefined, additionalGids: [] });
  });
  it("names places from the top of that document", () => {
    assert.deepEqual(
      violations(() => parseProcess('{"cwd":"/"}', explainer)),
      ["/args: args must not be empty"],
    );
    assert.deepEqual(
      violations(() => parseProcess('{"args":["a"],"cwd":"/","env":["=b"]}', explainer)),
      ['/env/0: invalid environment variable "=b": name cannot be empty'],
    );
  });
});

describe("parseResources", () => {
  it("reads the document of update", () => {
    const resources = parseResources('{"memory":{"limit":9223372036854771712},"cpu":{"cpus":""},"pids":{}}', never);
    assert.equal(resources.memory.limit, 9223372036854771712n);
    assert.equal(resources.cpu.cpus, undefined);
    assert.equal(resources.pids.limit, undefined);
  });
  it("refuses what config.json may not say either", () => {
    assert.deepEqual(
      violations(() => parseResources('{"cpu":{"shares":-1}}', explainer)),
      ["/cpu/shares: must be an integer between 0 and 18446744073709551615, not -1"],
    );
  });
});

describe("names in any case, which Go reads", () => {
  const confined = {
    ociVersion: "1.0.0",
    Root: { path: "rootfs" },
    process: { cwd: "/", args: ["a"], NoNewPrivileges: true },
    linux: {
      Seccomp: { DefaultAction: "SCMP_ACT_ALLOW" },
      MaskedPaths: ["/proc/kcore"],
      namespaces: [{ type: "mount" }],
      resources: { pids: { Limit: 5 } },
    },
    x: { deep: [[[]]] },
  };

  it("confine as the right names do, and are the right ones for those who read the document later", () => {
    const { spec, text } = parseConfig(JSON.stringify(confined), never);
    assert.equal(spec.process?.noNewPrivileges, true);
    assert.equal(spec.linux.seccomp?.defaultAction, "SCMP_ACT_ALLOW");
    assert.deepEqual(spec.linux.maskedPaths, ["/proc/kcore"]);
    assert.equal(spec.linux.resources.pids.limit, 5);
    assert.deepEqual(parseConfig(text, never).spec, spec);
    assert.doesNotMatch(text, /NoNewPrivileges|Seccomp|"x"/);
  });

  it("are read of the other documents, too", () => {
    assert.equal(parseProcess('{"Args":["a"],"CWD":"/","noNewprivileges":true}', never).noNewPrivileges, true);
    assert.equal(parseResources('{"Memory":{"LIMIT":5}}', never).memory.limit, 5);
  });

  it("are refused where the right one is there as well", () =>
    assert.deepEqual(
      violations(() => parseConfig(config({ linux: {}, Linux: {} }), explainer)),
      ["/Linux: is linux in another spelling, and linux is there as well"],
    ));

  it("a document in the specification's names stays as it is", () => {
    const text = config({ "org.example": 1, process: { cwd: "/", args: ["a"] } });
    assert.equal(parseConfig(text, never).text, text);
  });
});
