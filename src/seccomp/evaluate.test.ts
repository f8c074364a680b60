import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Seccomp } from "../spec/types.ts";
import { allows } from "./evaluate.ts";
import { planSeccomp, type SeccompPlan } from "./plan.ts";

function plan(profile: Partial<Seccomp>, annotations: { readonly [name: string]: string } = {}): SeccompPlan {
  const seccomp: Seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: undefined,
    architectures: [],
    flags: undefined,
    listenerPath: undefined,
    listenerMetadata: undefined,
    syscalls: [],
    ...profile,
  };
  const planned = planSeccomp(
    { linux: { seccomp }, annotations } as unknown as Parameters<typeof planSeccomp>[0],
    false,
  );
  assert(planned !== undefined);
  return planned;
}

const allow = (names: string[], args: Seccomp["syscalls"][number]["args"] = []): Seccomp["syscalls"][number] => ({
  names,
  action: "SCMP_ACT_ALLOW",
  errnoRet: undefined,
  args,
});

describe("what a filter lets happen", () => {
  it("is what the default says of calls that no rule names", () => {
    assert.equal(allows(plan({}), "clone", []), false);
    assert.equal(allows(plan({ defaultAction: "SCMP_ACT_ALLOW" }), "clone", []), true);
    assert.equal(allows(plan({ defaultAction: "SCMP_ACT_LOG" }), "clone", []), true);
  });

  it("is what a rule says whose conditions hold", () => {
    const docker = plan({
      syscalls: [allow(["clone"], [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }])],
    });
    assert.equal(allows(docker, "clone", [0x8011]), true);
    assert.equal(allows(docker, "clone", [0x20008011]), false);
    for (const [op, below, same, above] of [
      ["SCMP_CMP_LT", true, false, false],
      ["SCMP_CMP_LE", true, true, false],
      ["SCMP_CMP_EQ", false, true, false],
      ["SCMP_CMP_GE", false, true, true],
      ["SCMP_CMP_GT", false, false, true],
      ["SCMP_CMP_NE", true, false, true],
    ] as const)
      assert.deepEqual(
        [1, 2, 3].map((value) =>
          allows(plan({ syscalls: [allow(["ioctl"], [{ index: 1, value: 2, valueTwo: 0, op }])] }), "ioctl", [
            0,
            value,
          ]),
        ),
        [below, same, above],
        op,
      );
  });

  it("is nothing where rules disagree, and of a program nothing is known", () => {
    const rules = [
      allow(["clone"]),
      {
        names: ["clone"],
        action: "SCMP_ACT_KILL" as const,
        errnoRet: undefined,
        args: [{ index: 0, value: 1, valueTwo: 0, op: "SCMP_CMP_GE" as const }],
      },
    ];
    assert.equal(allows(plan({ syscalls: rules }), "clone", [0x11]), false);
    assert.equal(
      allows(plan({ defaultAction: "SCMP_ACT_ALLOW" }, { "run.oci.seccomp_bpf_data": "AAAA" }), "clone", []),
      false,
    );
  });
});
