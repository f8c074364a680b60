import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { SpecError } from "./base/errors.ts";
import { planLsm, type LsmPlan } from "./lsm.ts";
import type { LsmFacts } from "./spec/facts.ts";
import { decodeSpec } from "./spec/decode.ts";

const none: LsmFacts = { apparmor: false, confined: false, selinux: false };
const apparmor: LsmFacts = { ...none, apparmor: true };
const selinux: LsmFacts = { ...none, selinux: true };

function plan(facts: LsmFacts, process: object, linux: object = {}): LsmPlan {
  const spec = decodeSpec({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["a"], ...process },
    linux,
  });
  assert(spec.process);
  return planLsm(spec, spec.process, facts);
}

describe("the plan of security modules", () => {
  it("is one command for AppArmor", () => {
    assert.deepEqual(plan(apparmor, { apparmorProfile: "p" }).apparmor, {
      command: "exec p",
      why: "/process/apparmorProfile",
    });
    assert.equal(plan(apparmor, { apparmorProfile: "unconfined" }).apparmor?.command, "exec unconfined");
  });

  it("adds the profile to ours where no_new_privs forbids to leave it", () => {
    const confined = { ...apparmor, confined: true };
    assert.equal(plan(confined, { apparmorProfile: "p", noNewPrivileges: true }).apparmor?.command, "stack p");
    assert.equal(plan(confined, { apparmorProfile: "p" }).apparmor?.command, "exec p");
    assert.equal(plan(apparmor, { apparmorProfile: "p", noNewPrivileges: true }).apparmor?.command, "exec p");
  });

  it("is the label for SELinux", () => {
    assert.deepEqual(plan(selinux, { selinuxLabel: "u:r:t:s0" }, { mountLabel: "u:r:f:s0" }), {
      apparmor: undefined,
      selinux: { label: "u:r:t:s0", why: "/process/selinuxLabel" },
    });
  });

  it("needs the module, but unconfined is what a host without AppArmor is", () => {
    assert.deepEqual(plan(none, { apparmorProfile: "unconfined" }), { apparmor: undefined, selinux: undefined });
    const refused = (facts: LsmFacts, process: object, linux: object = {}): readonly string[] => {
      try {
        plan(facts, process, linux);
      } catch (error) {
        assert(error instanceof SpecError);
        return error.violations.map(({ pointer }) => pointer);
      }
      return [];
    };
    assert.deepEqual(refused(none, { apparmorProfile: "p", selinuxLabel: "l" }, { mountLabel: "m" }), [
      "/process/apparmorProfile",
      "/process/selinuxLabel",
      "/linux/mountLabel",
    ]);
    assert.deepEqual(refused(apparmor, { apparmorProfile: "p", selinuxLabel: "l" }), ["/process/selinuxLabel"]);
    assert.deepEqual(refused(selinux, { apparmorProfile: "p", selinuxLabel: "l" }, { mountLabel: "m" }), [
      "/process/apparmorProfile",
    ]);
  });
});
