import { describe, it } from "mocha";
import assert from "node:assert/strict";
import {
  BPF_DEVCG_ACC_MKNOD as M,
  BPF_DEVCG_ACC_READ as R,
  BPF_DEVCG_ACC_WRITE as W,
  BPF_DEVCG_DEV_BLOCK as BLOCK,
  BPF_DEVCG_DEV_CHAR as CHAR,
} from "../abi/bpf.ts";
import { SpecError } from "../base/errors.ts";
import type { Device, DeviceRule } from "../spec/types.ts";
import { deviceProgram } from "./device-program.ts";
import { deviceLine, ignoredAccess, planDevices, type DevicePlan } from "./device-rules.ts";

const rule = (allow: boolean, type: "a" | "b" | "c", numbers = "*:*", access = "rwm"): DeviceRule => {
  const [major, minor] = numbers.split(":").map((text) => (text === "*" ? undefined : Number(text)));
  return { allow, type, major, minor, access };
};
const node = (path: string): Device => ({
  path,
  type: "c",
  major: 1,
  minor: 3,
  fileMode: undefined,
  uid: undefined,
  gid: undefined,
});
const own = (plan: DevicePlan): string[] => plan.exceptions.filter(({ why }) => why !== "default").map(deviceLine);
const DENY_ALL = rule(false, "a");
const ALLOW_ALL = rule(true, "a");

describe("device rules", () => {
  it("without rules only the default devices are allowed", () => {
    const plan = planDevices([], []);
    assert.equal(plan.allow, false);
    assert.deepEqual(plan.exceptions.map(deviceLine), [
      "c *:* m",
      "b *:* m",
      "c 1:3 rwm",
      "c 1:8 rwm",
      "c 1:7 rwm",
      "c 5:0 rwm",
      "c 1:5 rwm",
      "c 1:9 rwm",
      "c 136:* rwm",
      "c 5:2 rwm",
      "c 10:200 rwm",
    ]);
  });

  it("a node of config.json takes the place of the default node of that path", () => {
    assert.equal(
      planDevices([], [node("/dev/null")]).exceptions.some((exception) => deviceLine(exception) === "c 1:3 rwm"),
      false,
    );
  });

  it("the last rule for everything decides, and forgets the rules before it", () => {
    const plan = planDevices([rule(true, "c", "10:229"), DENY_ALL, rule(true, "b", "8:0", "r")], []);
    assert.deepEqual([plan.allow, plan.why, own(plan)], [false, "/linux/resources/devices/1", ["b 8:0 r"]]);
    assert.deepEqual(planDevices([DENY_ALL, ALLOW_ALL], []), {
      allow: true,
      why: "/linux/resources/devices/1",
      exceptions: [],
    });
  });

  it("rights of one device add up, and are taken back one by one", () => {
    assert.deepEqual(own(planDevices([DENY_ALL, rule(true, "b", "8:0", "r"), rule(true, "b", "8:0", "w")], [])), [
      "b 8:0 rw",
    ]);
    assert.deepEqual(own(planDevices([DENY_ALL, rule(true, "b", "8:0"), rule(false, "b", "8:0", "wm")], [])), [
      "b 8:0 r",
    ]);
    assert.deepEqual(own(planDevices([DENY_ALL, rule(true, "b", "8:0", "r"), rule(false, "b", "8:0", "r")], [])), []);
  });

  it("when all is allowed, exceptions deny, and the default devices stay usable", () => {
    const plan = planDevices([ALLOW_ALL, rule(false, "b", "8:*", "w"), rule(false, "c", "1:3")], []);
    assert.deepEqual([plan.allow, own(plan)], [true, ["b 8:* w"]]);
  });

  it("letters that are no access count for nothing, and are named", () => {
    const rules = [DENY_ALL, rule(true, "c", "1:11", "rwa"), rule(true, "b", "8:0", "r")];
    assert.deepEqual(own(planDevices(rules, [])), ["c 1:11 rw", "b 8:0 r"]);
    assert.deepEqual(ignoredAccess(rules), [
      { why: "/linux/resources/devices/1/access", problem: 'only "r", "w" and "m" are access to a device, "a" is not' },
    ]);
  });

  it("refuses a hole in a wider exception, which no cgroup would enforce", () => {
    assert.throws(
      () => planDevices([DENY_ALL, rule(true, "c", "10:*"), rule(false, "c", "10:229", "w")], []),
      (error: unknown) => error instanceof SpecError && error.violations[0]?.pointer === "/linux/resources/devices/2",
    );
    assert.doesNotThrow(() =>
      planDevices([DENY_ALL, rule(true, "c", "10:*", "r"), rule(false, "c", "10:229", "w")], []),
    );
  });
});

/** Runs a program as the kernel would: registers of 64 bits, of which the program uses the lower half. */
function run(program: Uint8Array, type: number, access: number, major: number, minor: number): number {
  const view = new DataView(program.buffer);
  const context = [access * 65536 + type, major, minor];
  const register = new Uint32Array(11);
  for (let at = 0; at < program.byteLength; at += 8) {
    const [code, registers, offset, immediate] = [
      view.getUint8(at),
      view.getUint8(at + 1),
      view.getInt16(at + 2, true),
      view.getInt32(at + 4, true),
    ];
    const [to, from] = [registers & 0xf, registers >> 4];
    const value = code & 0x08 ? (register[from] as number) : immediate >>> 0;
    const held = register[to] as number;
    const jump = (taken: boolean): void => void (at += taken ? offset * 8 : 0);
    if (code === 0x61)
      register[to] = context[offset / 4] as number; // BPF_LDX | BPF_MEM | BPF_W
    else if (code === 0x95)
      return register[0] as number; // BPF_JMP | BPF_EXIT
    else if ((code & 0xf7) === 0xb4)
      register[to] = value; // BPF_ALU | BPF_MOV
    else if (code === 0x54)
      register[to] = held & value; // BPF_ALU | BPF_AND | BPF_K
    else if (code === 0x74)
      register[to] = held >>> value; // BPF_ALU | BPF_RSH | BPF_K
    else if ((code & 0xf7) === 0x56)
      jump(held !== value); // BPF_JMP32 | BPF_JNE
    else if (code === 0x16)
      jump(held === value); // BPF_JMP32 | BPF_JEQ | BPF_K
    else assert.fail(`instruction 0x${code.toString(16)}`);
  }
  return assert.fail("the program does not end");
}

describe("the device program", () => {
  const program = deviceProgram(
    planDevices([DENY_ALL, rule(true, "b", "8:0", "r"), rule(true, "c", "4294967295:7")], []),
  );

  for (const [name, type, access, major, minor, answer] of [
    ["a default device", CHAR, R | W, 1, 3, 1],
    ["the same numbers of a block device", BLOCK, R, 1, 3, 0],
    ["making any node", BLOCK, M, 77, 5, 1],
    ["making and using it", BLOCK, M | R, 77, 5, 0],
    ["every minor of the pseudo terminals", CHAR, R | W, 136, 99, 1],
    ["a right that the exception has", BLOCK, R, 8, 0, 1],
    ["a right that it has not", BLOCK, W, 8, 0, 0],
    ["one that it has with one that it has not", BLOCK, R | W, 8, 0, 0],
    ["the next minor", BLOCK, R, 8, 1, 0],
    ["the highest number", CHAR, R, 4294967295, 7, 1],
  ] as const) {
    it(`${answer === 1 ? "allows" : "denies"} ${name}`, () =>
      assert.equal(run(program, type, access, major, minor), answer));
  }

  it("denies any overlap with what is denied when all else is allowed", () => {
    const open = deviceProgram(planDevices([ALLOW_ALL, rule(false, "c", "10:229", "w")], []));
    assert.deepEqual(
      [R, W, R | W].map((access) => run(open, CHAR, access, 10, 229)),
      [1, 0, 0],
    );
    assert.equal(run(open, CHAR, W, 10, 228), 1);
  });
});
