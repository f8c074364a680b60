import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { hostPath } from "../base/brand.ts";
import { basename } from "../base/path.ts";
import { decodeResources } from "../spec/decode.ts";
import type { Resources } from "../spec/types.ts";
import { mergeResources, planChange } from "./update-plan.ts";

const V1 = ["cpu", "cpuset", "memory", "pids", "devices", "blkio", "hugetlb", "net_cls"].map((name) => ({
  controllers: [name],
  path: hostPath(`/v1/${name}`),
}));
const V2 = [{ controllers: [""], path: hostPath("/v2/c") }];
const AVAILABLE = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"];

const resources = (json: object): Resources => decodeResources(json);

const writes = (groups: typeof V1, before: object, asked: object): string[] =>
  planChange(groups, resources(before), resources(asked), AVAILABLE).writes.map(
    ({ file, value }) => `${basename(file)}=${value}`,
  );

describe("changed limits", () => {
  it("write only what was asked for", () => {
    const before = {
      memory: { limit: 1000 },
      cpu: { shares: 100, cpus: "0" },
      pids: { limit: 7 },
      unified: { "memory.high": "1" },
    };
    assert.deepEqual(writes(V2, before, { pids: { limit: 9 } }), ["pids.max=9"]);
    assert.deepEqual(writes(V1, { memory: { limit: 1000 } }, { cpu: { shares: 200 } }), ["cpu.shares=200"]);
    assert.deepEqual(writes(V1, before, {}), []);
  });

  it("write a quota together with its period, and a period with its quota", () => {
    assert.deepEqual(writes(V2, { cpu: { quota: 1000, period: 5000 } }, { cpu: { quota: 2000 } }), [
      "cpu.max=2000 5000",
    ]);
    assert.deepEqual(writes(V2, { cpu: { quota: 1000, period: 5000 } }, { cpu: { period: 9000 } }), [
      "cpu.max=1000 9000",
    ]);
    assert.deepEqual(writes(V2, {}, { cpu: { quota: 2000 } }), ["cpu.max=2000 100000"]);
    assert.deepEqual(writes(V1, { cpu: { quota: 1000, period: 5000 } }, { cpu: { quota: 2000 } }), [
      "cpu.cfs_period_us=5000",
      "cpu.cfs_quota_us=2000",
    ]);
  });

  it("write a memory limit together with that of memory and swap", () => {
    assert.deepEqual(writes(V2, { memory: { limit: 100, swap: 150 } }, { memory: { limit: 120 } }), [
      "memory.swap.max=30",
      "memory.max=120",
    ]);
    assert.deepEqual(writes(V2, { memory: { limit: 100, swap: 150 } }, { memory: { swap: 100 } }), [
      "memory.swap.max=0",
      "memory.max=100",
    ]);
    assert.deepEqual(writes(V1, { memory: { limit: 100, swap: 150 } }, { memory: { limit: 120 } }), [
      "memory.limit_in_bytes=120",
      "memory.memsw.limit_in_bytes=150",
    ]);
  });

  it("take the limit of swap away with that of memory", () => {
    assert.deepEqual(writes(V2, { memory: { limit: 100, swap: 150 } }, { memory: { limit: -1 } }), [
      "memory.swap.max=max",
      "memory.max=max",
    ]);
    assert.deepEqual(writes(V1, { memory: { limit: 100, swap: 150 } }, { memory: { limit: -1 } }), [
      "memory.memsw.limit_in_bytes=-1",
      "memory.limit_in_bytes=-1",
    ]);
  });

  it("refuse a limit of swap below that of memory, and one without", () => {
    assert.throws(
      () => writes(V2, { memory: { limit: 100 } }, { memory: { swap: 50 } }),
      /memory\+swap limit should be >= memory limit/,
    );
    assert.throws(() => writes(V2, {}, { memory: { swap: 50 } }), /unable to set swap limit without memory limit/);
  });

  it("check what is in use when they are told to", () => {
    const check = (asked: object): unknown => planChange(V2, resources({}), resources(asked), AVAILABLE).check;
    assert.deepEqual(check({ memory: { limit: 10, swap: 20, checkBeforeUpdate: true } }), {
      file: "/v2/c/memory.current",
      limit: 10,
      swap: 20,
    });
    assert.equal(check({ memory: { limit: -1, checkBeforeUpdate: true } }), undefined);
    assert.equal(check({ memory: { limit: 10 } }), undefined);
  });

  it("say which controller is missing", () => {
    assert.throws(
      () => planChange(V2, resources({}), resources({ memory: { limit: 10 } }), ["pids"]),
      /"memory" is not available/,
    );
    assert.throws(() => planChange([], resources({}), resources({ memory: { limit: 10 } }), []), /no cgroup/);
  });
});

describe("what holds after a change", () => {
  it("is what was asked for, over what held before", () => {
    const { memory, cpu, pids } = mergeResources(
      resources({ memory: { limit: 100, reservation: 50 }, cpu: { shares: 5, mems: "0" } }),
      resources({ memory: { limit: 200 }, cpu: { mems: "1" }, pids: { limit: 3 } }),
    );
    assert.deepEqual([memory.limit, memory.reservation, cpu.shares, cpu.mems, pids.limit], [200, 50, 5, "1", 3]);
  });

  it("replaces the entry of a device and keeps those of others", () => {
    const before = resources({
      blockIO: {
        weightDevice: [
          { major: 8, minor: 0, weight: 10, leafWeight: 20 },
          { major: 8, minor: 16, weight: 30 },
        ],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
      },
    });
    const { blockIO } = mergeResources(
      before,
      resources({
        blockIO: {
          weightDevice: [{ major: 8, minor: 0, weight: 11 }],
          throttleReadBpsDevice: [{ major: 8, minor: 16, rate: 2 }],
        },
      }),
    );
    assert.deepEqual(blockIO.weightDevice, [
      { major: 8, minor: 0, weight: 11, leafWeight: 20 },
      { major: 8, minor: 16, weight: 30, leafWeight: undefined },
    ]);
    assert.deepEqual(blockIO.throttleReadBpsDevice, [
      { major: 8, minor: 0, rate: 1 },
      { major: 8, minor: 16, rate: 2 },
    ]);
  });

  it("has the devices that it had: they are not updated (runc)", () => {
    const before = resources({ devices: [{ allow: true, access: "rwm" }] });
    assert.deepEqual(
      mergeResources(before, resources({ devices: [{ allow: false, access: "rwm" }] })).devices,
      before.devices,
    );
  });

  it("has no weight when it becomes idle", () => {
    assert.equal(mergeResources(resources({ cpu: { shares: 512 } }), resources({ cpu: { idle: 1 } })).cpu.shares, 0);
  });
});
