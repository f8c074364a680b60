import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { decodeSpec } from "../spec/decode.ts";
import type { Process, Spec } from "../spec/types.ts";
import { bitWords } from "../sys/scheduling.ts";
import { numberSet, planAffinity, planScheduling, type SchedulingPlan } from "./scheduling-plan.ts";

function decoded(process: object, linux: object = {}): { readonly spec: Spec; readonly process: Process } {
  const spec = decodeSpec({
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["a"], ...process },
    linux,
  });
  assert(spec.process);
  return { spec, process: spec.process };
}

function plan(process: object, linux: object = {}): SchedulingPlan {
  const { spec, process: own } = decoded(process, linux);
  return planScheduling(spec, own);
}

describe("the scheduling plan", () => {
  it("is empty when nothing is asked", () => {
    assert.deepEqual(plan({}), {
      scheduler: undefined,
      ioPriority: undefined,
      personality: undefined,
      memoryPolicy: undefined,
      warnings: [],
    });
  });

  it("has the kernel's number for every policy", () => {
    const policies = [
      "SCHED_OTHER",
      "SCHED_FIFO",
      "SCHED_RR",
      "SCHED_BATCH",
      "SCHED_ISO",
      "SCHED_IDLE",
      "SCHED_DEADLINE",
    ];
    assert.deepEqual(
      policies.map((policy) => plan({ scheduler: { policy } }).scheduler?.policy),
      [0, 1, 2, 3, 4, 5, 6],
    );
  });

  it("adds the scheduler's flags up", () => {
    const flags = [
      "RESET_ON_FORK",
      "RECLAIM",
      "DL_OVERRUN",
      "KEEP_POLICY",
      "KEEP_PARAMS",
      "UTIL_CLAMP_MIN",
      "UTIL_CLAMP_MAX",
    ].map((flag) => `SCHED_FLAG_${flag}`);
    assert.equal(plan({ scheduler: { policy: "SCHED_OTHER", flags } }).scheduler?.flags, 0x7f);
  });

  it("says in words what the scheduler is asked, and whether there is a cpuset beside", () => {
    const scheduler = { policy: "SCHED_DEADLINE", runtime: 42000, deadline: 100000, flags: ["SCHED_FLAG_RECLAIM"] };
    assert.deepEqual(plan({ scheduler }).scheduler, {
      policy: 6,
      flags: 2,
      nice: 0,
      priority: 0,
      runtime: 42000,
      deadline: 100000,
      period: 0,
      cpuset: false,
      text: "SCHED_DEADLINE SCHED_FLAG_RECLAIM runtime 42000 deadline 100000",
      why: "/process/scheduler",
    });
    assert.equal(plan({ scheduler }, { resources: { cpu: { cpus: "0" } } }).scheduler?.cpuset, true);
  });

  it("puts I/O class and level into one number", () => {
    assert.deepEqual(plan({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 } }).ioPriority, {
      value: 0x4004,
      text: "IOPRIO_CLASS_BE 4",
      why: "/process/ioPriority",
    });
    assert.equal(plan({ ioPriority: { class: "IOPRIO_CLASS_RT", priority: 0 } }).ioPriority?.value, 0x2000);
    assert.equal(plan({ ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 7 } }).ioPriority?.value, 0x6007);
  });

  it("takes the personality's domain, and warns of flags", () => {
    assert.equal(plan({}, { personality: { domain: "LINUX" } }).personality?.persona, 0);
    const { personality, warnings } = plan({}, { personality: { domain: "LINUX32", flags: ["A", "B"] } });
    assert.equal(personality?.persona, 8);
    assert.deepEqual(warnings, [
      "ignoring unsupported personality flags: [A B] because personality flag has not supported at this time",
    ]);
  });

  it("has the kernel's numbers for every memory policy", () => {
    const modes = ["DEFAULT", "PREFERRED", "BIND", "INTERLEAVE", "LOCAL", "PREFERRED_MANY", "WEIGHTED_INTERLEAVE"];
    assert.deepEqual(
      modes.map((mode) => plan({}, { memoryPolicy: { mode: `MPOL_${mode}` } }).memoryPolicy?.mode),
      [0, 1, 2, 3, 4, 5, 6],
    );
    const { memoryPolicy } = plan(
      {},
      { memoryPolicy: { mode: "MPOL_BIND", nodes: "0-1,4", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_NUMA_BALANCING"] } },
    );
    assert.deepEqual(memoryPolicy, {
      mode: 0xa002,
      nodes: 0b10011n,
      text: "MPOL_BIND MPOL_F_STATIC_NODES MPOL_F_NUMA_BALANCING nodes 0-1,4",
      why: "/linux/memoryPolicy",
    });
  });
});

describe("a list of numbers", () => {
  it("is a set of bits", () => {
    assert.equal(numberSet("0-3,7"), 0b1000_1111n);
    assert.equal(numberSet("5"), 0b10_0000n);
    assert.equal(numberSet(" 0 - 1 ,, 3-3 "), 0b1011n);
    assert.equal(numberSet("64,127"), (1n << 64n) | (1n << 127n));
  });

  it("is words of 64 bits for the kernel", () => {
    assert.deepEqual([...bitWords(0n)], [0n]);
    assert.deepEqual([...bitWords(numberSet("0,63"))], [0x8000_0000_0000_0001n]);
    assert.deepEqual([...bitWords(numberSet("63-64,130"))], [0x8000_0000_0000_0000n, 1n, 4n]);
  });
});

describe("the affinity plan", () => {
  it("has what was asked for, by processor", () => {
    assert.deepEqual(planAffinity(decoded({}).process), { initial: undefined, final: undefined });
    assert.deepEqual(planAffinity(decoded({ execCPUAffinity: { initial: "1", final: "0-1" } }).process), {
      initial: { cpus: 2n, text: "1", why: "/process/execCPUAffinity/initial" },
      final: { cpus: 3n, text: "0-1", why: "/process/execCPUAffinity/final" },
    });
  });
});
