import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SpecError } from "../base/errors.ts";
import type { Seccomp, Spec } from "../spec/types.ts";
import { planSeccomp, type SeccompPlan } from "./plan.ts";

const ALLOW = 0x7fff0000;
const ERRNO = 0x50000;
const NOTIFY = 0x7fc00000;

/** Only what the planner reads. */
function specOf(seccomp: Partial<Seccomp> | undefined, annotations: { [name: string]: string } = {}): Spec {
  const profile: Seccomp | undefined = seccomp && {
    defaultAction: "SCMP_ACT_ALLOW",
    defaultErrnoRet: undefined,
    architectures: [],
    flags: undefined,
    listenerPath: undefined,
    listenerMetadata: undefined,
    syscalls: [],
    ...seccomp,
  };
  return { annotations, linux: { seccomp: profile } } as unknown as Spec;
}

function plan(
  seccomp: Partial<Seccomp>,
  noNewPrivileges = true,
  annotations: { [name: string]: string } = {},
): SeccompPlan {
  const made = planSeccomp(specOf(seccomp, annotations), noNewPrivileges);
  assert(made);
  return made;
}

type Rule = Seccomp["syscalls"][0];
const rule = (names: readonly string[], action: Rule["action"], more: Partial<Rule> = {}): Rule => ({
  names,
  action,
  errnoRet: undefined,
  args: [],
  ...more,
});

describe("seccomp plan", () => {
  it("no linux.seccomp makes no plan", () => assert.equal(planSeccomp(specOf(undefined), true), undefined));

  for (const [name, action] of [
    ["SCMP_ACT_KILL", 0],
    ["SCMP_ACT_KILL_THREAD", 0],
    ["SCMP_ACT_KILL_PROCESS", 0x80000000],
    ["SCMP_ACT_TRAP", 0x30000],
    ["SCMP_ACT_ERRNO", ERRNO + 1],
    ["SCMP_ACT_TRACE", 0x7ff00001],
    ["SCMP_ACT_ALLOW", ALLOW],
    ["SCMP_ACT_LOG", 0x7ffc0000],
  ] as const)
    it(`${name} becomes 0x${action.toString(16)}`, () =>
      assert.equal(plan({ defaultAction: name }).defaultAction, action));

  it("defaultErrnoRet and errnoRet replace EPERM", () => {
    const made = plan({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 6,
      syscalls: [
        rule(["read"], "SCMP_ACT_ERRNO", { errnoRet: 100 }),
        rule(["open"], "SCMP_ACT_TRACE", { errnoRet: 7 }),
      ],
    });
    assert.equal(made.defaultAction, ERRNO + 6);
    assert.deepEqual(
      made.rules.map(({ action }) => action),
      [ERRNO + 100, 0x7ff00007],
    );
  });

  it("an errno keeps 16 bits", () =>
    assert.equal(plan({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 0x12345 }).defaultAction, ERRNO + 0x2345));

  it("architectures become libseccomp's names", () => {
    assert.deepEqual(
      plan({ architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_PPC64LE"] }).architectures,
      ["x86_64", "mips64n32", "ppc64le"],
    );
  });

  it("flags absent means SPEC_ALLOW, no flags means none", () => {
    assert.equal(plan({}).flags, 4);
    assert.equal(plan({ flags: [] }).flags, 0);
  });

  it("TSYNC is known and changes nothing", () =>
    assert.equal(plan({ flags: ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"] }).flags, 2));

  it("a rule that asks for the default makes no rule, but its names are kept", () => {
    const made = plan({
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [rule(["mount", "umount2"], "SCMP_ACT_ERRNO", { errnoRet: 1 }), rule(["read"], "SCMP_ACT_ALLOW")],
    });
    assert.deepEqual(made.redundant, ["mount", "umount2"]);
    assert.deepEqual(
      made.rules.map(({ names, why }) => [names, why]),
      [[["read"], "/linux/seccomp/syscalls/1"]],
    );
  });

  it("KILL and KILL_THREAD are one action", () =>
    assert.deepEqual(
      plan({ defaultAction: "SCMP_ACT_KILL", syscalls: [rule(["read"], "SCMP_ACT_KILL_THREAD")] }).rules,
      [],
    ));

  it("comparisons of different arguments hold together", () => {
    const args = [
      { index: 0, value: 1, valueTwo: 0, op: "SCMP_CMP_EQ" },
      { index: 1, value: 0xffff_ffff_ffff_ffffn, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" },
    ] as const;
    assert.deepEqual(
      plan({ syscalls: [rule(["read"], "SCMP_ACT_KILL", { args })] }).rules.map(({ conditions }) => conditions),
      [
        [
          { arg: 0, op: 4, a: 1, b: 0 },
          { arg: 1, op: 7, a: 0xffff_ffff_ffff_ffffn, b: 2 },
        ],
      ],
    );
  });

  it("comparisons of the same argument are alternatives, all of them", () => {
    const args = [0, 0, 2].map((index, i) => ({ index, value: i, valueTwo: 0, op: "SCMP_CMP_NE" }) as const);
    assert.deepEqual(
      plan({ syscalls: [rule(["read"], "SCMP_ACT_KILL", { args })] }).rules.map(({ conditions }) => conditions),
      [[{ arg: 0, op: 1, a: 0, b: 0 }], [{ arg: 0, op: 1, a: 1, b: 0 }], [{ arg: 2, op: 1, a: 2, b: 0 }]],
    );
  });

  for (const [op, number] of [
    ["NE", 1],
    ["LT", 2],
    ["LE", 3],
    ["EQ", 4],
    ["GE", 5],
    ["GT", 6],
    ["MASKED_EQ", 7],
  ] as const)
    it(`SCMP_CMP_${op} is libseccomp's ${number}`, () => {
      const args = [{ index: 5, value: 1, valueTwo: 0, op: `SCMP_CMP_${op}` as const }];
      assert.equal(plan({ syscalls: [rule(["read"], "SCMP_ACT_KILL", { args })] }).rules[0]?.conditions[0]?.op, number);
    });

  it("newer calls get ENOSYS where the default denies, and only there", () => {
    const denying = (["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"] as const).map(
      (defaultAction) => plan({ defaultAction }).enosys,
    );
    const allowing = (["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"] as const).map(
      (defaultAction) => plan({ defaultAction }).enosys,
    );
    assert.deepEqual(
      [denying, allowing],
      [
        [true, true, true, true],
        [false, false, false],
      ],
    );
    assert.equal(plan({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 }).enosys, false);
  });

  it("a NOTIFY rule asks for the listener", () => {
    const made = plan({
      listenerPath: "/run/agent.sock",
      listenerMetadata: "m",
      syscalls: [rule(["mkdir"], "SCMP_ACT_NOTIFY")],
      flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    });
    assert.deepEqual(made.listener, { path: "/run/agent.sock", metadata: "m" });
    assert.equal(made.flags, 40);
    assert.equal(made.rules[0]?.action, NOTIFY);
  });

  it("listenerPath without a NOTIFY rule is ignored", () => {
    const made = plan({ listenerPath: "/run/agent.sock" });
    assert.deepEqual([made.listener, made.flags], [undefined, 4]);
  });

  it("WAIT_KILLABLE_RECV without a NOTIFY rule is refused", () => {
    assert.throws(() => plan({ flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }), SpecError);
  });

  it("the filter is loaded before privileges go without no_new_privs, else as late as possible", () => {
    const notify = { listenerPath: "/run/agent.sock", syscalls: [rule(["mkdir"], "SCMP_ACT_NOTIFY")] };
    assert.deepEqual(
      [plan({}, false), plan(notify, false), plan(notify, true), plan({}, true)].map(({ moment }) => moment),
      ["privileged", "privileged", "created", "started"],
    );
  });

  it("crun's annotations bring a whole program, and make unknown names an error", () => {
    const raw = planSeccomp(specOf(undefined, { "run.oci.seccomp_bpf_data": "BgAAAAAA/38=" }), true);
    assert.deepEqual([raw?.program, raw?.flags, raw?.moment], ["BgAAAAAA/38=", 4, "started"]);
    assert.deepEqual(
      ["0", "1"].map((value) => plan({}, true, { "run.oci.seccomp_fail_unknown_syscall": value }).failUnknown),
      [false, true],
    );
  });
});
