import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decodeProcess } from "../../spec/decode-process.ts";
import { parseStored } from "../../spec/stored.ts";
import * as json from "../../base/json.ts";
import { changeProcess, inheritProcess, type Changes } from "./exec-plan.ts";

const base = decodeProcess({
  args: ["init"],
  cwd: "/srv",
  env: ["PATH=/bin", "A=1"],
  terminal: true,
  user: { uid: 1, gid: 2, additionalGids: [3], umask: 0o27 },
  capabilities: {
    bounding: ["CAP_KILL"],
    effective: [],
    permitted: ["CAP_KILL"],
    inheritable: ["CAP_CHOWN"],
    ambient: [],
  },
  rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 2 }],
  oomScoreAdj: 9,
  noNewPrivileges: true,
  apparmorProfile: "profile",
});

const none: Changes = {
  args: ["true"],
  cwd: undefined,
  env: [],
  terminal: false,
  user: undefined,
  additionalGids: [],
  capabilities: [],
  noNewPrivileges: false,
  apparmorProfile: undefined,
  selinuxLabel: undefined,
};

describe("what exec runs", () => {
  it("is the container's process with other arguments, and no terminal unless asked for", () => {
    assert.deepEqual(changeProcess(base, none), { ...base, args: ["true"], terminal: false });
  });

  it("takes the changes of the command line", () => {
    const changed = changeProcess(base, {
      ...none,
      cwd: "/tmp",
      env: ["A=2"],
      terminal: true,
      user: "7:8",
      additionalGids: ["4"],
      selinuxLabel: "label",
    });
    assert.deepEqual(changed, {
      ...base,
      args: ["true"],
      cwd: "/tmp",
      env: ["PATH=/bin", "A=1", "A=2"],
      user: { ...base.user, uid: 7, gid: 8, additionalGids: [3, 4] },
      selinuxLabel: "label",
    });
  });

  it("a user without a group keeps the container's", () => {
    assert.deepEqual(changeProcess(base, { ...none, user: "7" }).user, { ...base.user, uid: 7 });
  });

  for (const [what, changes, message] of [
    ["no arguments", { args: [] }, "exec args cannot be empty"],
    ["a relative directory", { cwd: "tmp" }, "Cwd must be an absolute path"],
    ["a variable without a value", { env: ["A"] }, 'invalid environment variable "A": must be NAME=VALUE'],
    ["a variable without a name", { env: ["=A"] }, 'invalid environment variable "=A": must be NAME=VALUE'],
    ["a user's name", { user: "root" }, 'bad uid: "root" is not a number from 0 to 4294967294'],
    ["a group's name", { user: "0:root" }, 'bad gid: "root" is not a number from 0 to 4294967294'],
    [
      "a group that is no number",
      { additionalGids: ["-1"] },
      'bad additional gid: "-1" is not a number from 0 to 4294967294',
    ],
    ["a uid that means none", { user: "4294967295" }, 'bad uid: "4294967295" is not a number from 0 to 4294967294'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => changeProcess(base, { ...none, ...changes }), { message });
    });
  }

  it("an added capability is never inheritable (CVE-2022-29162), and ambient only where it is inheritable already", () => {
    const { capabilities } = changeProcess(base, { ...none, capabilities: ["CAP_CHOWN", "CAP_SYS_TIME"] });
    assert.deepEqual(capabilities, {
      bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_SYS_TIME"],
      effective: ["CAP_CHOWN", "CAP_SYS_TIME"],
      permitted: ["CAP_KILL", "CAP_CHOWN", "CAP_SYS_TIME"],
      inheritable: ["CAP_CHOWN"],
      ambient: ["CAP_CHOWN"],
    });
  });

  it("a document of its own keeps what it does not say", () => {
    const own = decodeProcess({ args: ["x"], cwd: "/" });
    const { user, capabilities, rlimits, oomScoreAdj, noNewPrivileges, apparmorProfile, env } = inheritProcess(
      own,
      base,
    );
    assert.deepEqual(
      { user, capabilities, rlimits, oomScoreAdj, noNewPrivileges, apparmorProfile, env },
      {
        user: { uid: 0, gid: 0, umask: 0o27, additionalGids: [] },
        capabilities: base.capabilities,
        rlimits: base.rlimits,
        oomScoreAdj: 9,
        noNewPrivileges: false,
        apparmorProfile: "profile",
        env: [],
      },
    );
  });
});

describe("the stored config.json", () => {
  const text = (process: string): string =>
    `{"ociVersion":"1.0.2","process":${process},"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/x"}]}}`;
  const never = (): never => assert.fail("base/json.ts was loaded");

  it("tells the process and the kinds of namespaces", () => {
    const { process, namespaces } = parseStored(text('{"args":["a"],"cwd":"/"}'), never);
    assert.deepEqual([process?.args, namespaces], [["a"], ["pid", "network"]]);
  });

  it("null is absence, as create took it", () => {
    assert.equal(
      parseStored(text('{"args":["a"],"cwd":"/","oomScoreAdj":null,"capabilities":null}'), never).process?.oomScoreAdj,
      undefined,
    );
  });

  it("limits of 64 bits are exact", () => {
    const { process } = parseStored(
      text('{"args":["a"],"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}]}'),
      () => json,
    );
    assert.equal(process?.rlimits[0]?.hard, 18446744073709551615n);
  });
});
