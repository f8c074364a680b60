import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { enosysStub, newestCall, type Newest } from "./stub.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const ARM = 0x40000028;
const AARCH64 = 0xc00000b7;
const X32 = 0x40000000;

/** Runs the stub as the kernel would: "ENOSYS", or "on" when it ends without an answer. */
function run(stub: Uint8Array, arch: number, nr: number): string {
  const view = new DataView(stub.buffer);
  let a = 0;
  for (let at = 0; at < stub.byteLength;) {
    const [code, jt, jf, k] = [
      view.getUint16(at, true),
      view.getUint8(at + 2),
      view.getUint8(at + 3),
      view.getUint32(at + 4, true),
    ];
    at += 8;
    const choose = (test: boolean): void => void (at += 8 * (test ? jt : jf));
    if (code === 0x20) a = k === 0 ? nr >>> 0 : arch;
    else if (code === 0x05) at += 8 * k;
    else if (code === 0x15) choose(a === k);
    else if (code === 0x25) choose(a > k);
    else if (code === 0x35) choose(a >= k);
    else if (code === 0x45) choose((a & k) !== 0);
    else if (code === 0x06) return k === 0x50026 ? "ENOSYS" : `0x${k.toString(16)}`;
    else assert.fail(`instruction 0x${code.toString(16)}`);
    assert(at <= stub.byteLength, "jumps out of the stub");
  }
  return "on";
}

function answers(
  newest: readonly Newest[],
  calls: readonly (readonly [arch: number, nr: number])[],
): readonly string[] {
  const stub = enosysStub(newest);
  return calls.map(([arch, nr]) => run(stub, arch, nr));
}

describe("seccomp -ENOSYS stub", () => {
  it("answers calls above the newest, and no others", () => {
    const calls = [
      [AARCH64, 0],
      [AARCH64, 435],
      [AARCH64, 436],
      [AARCH64, 0xffffffff],
    ] as const;
    assert.deepEqual(answers([{ arch: AARCH64, call: 435, x32: undefined }], calls), ["on", "on", "ENOSYS", "ENOSYS"]);
  });

  it("leaves architectures alone that it does not know", () => {
    assert.deepEqual(
      answers(
        [{ arch: AARCH64, call: 435, x32: undefined }],
        [
          [ARM, 1000],
          [X86_64, 1000],
        ],
      ),
      ["on", "on"],
    );
  });

  it("knows each architecture by its own newest", () => {
    const newest = [
      { arch: X86_64, call: 439, x32: undefined },
      { arch: I386, call: 300, x32: undefined },
    ];
    assert.deepEqual(
      answers(newest, [
        [X86_64, 439],
        [X86_64, 440],
        [I386, 300],
        [I386, 301],
        [I386, 439],
        [AARCH64, 1000],
      ]),
      ["on", "ENOSYS", "on", "ENOSYS", "ENOSYS", "on"],
    );
  });

  it("passes x32 calls on when the profile does not list x32", () => {
    const calls = [
      [X86_64, X32 + 1],
      [X86_64, X32 + 1000],
      [X86_64, 0xffffffff],
      [X86_64, 1000],
    ] as const;
    assert.deepEqual(answers([{ arch: X86_64, call: 439, x32: undefined }], calls), ["on", "on", "on", "ENOSYS"]);
  });

  it("knows the newest of x86_64 and of x32", () => {
    const newest = [
      { arch: X86_64, call: 439, x32: X32 + 547 },
      { arch: I386, call: 439, x32: undefined },
    ];
    const calls = [
      [X86_64, 439],
      [X86_64, 440],
      [X86_64, 547],
      [X86_64, X32 + 547],
      [X86_64, X32 + 548],
      [X86_64, X32 + 100],
      [I386, 440],
    ] as const;
    assert.deepEqual(answers(newest, calls), ["on", "ENOSYS", "ENOSYS", "on", "ENOSYS", "on", "ENOSYS"]);
  });

  it("knows x32 alone", () => {
    const calls = [
      [X86_64, 1000],
      [X86_64, X32 + 547],
      [X86_64, X32 + 548],
    ] as const;
    assert.deepEqual(answers([{ arch: X86_64, call: undefined, x32: X32 + 547 }], calls), ["on", "on", "ENOSYS"]);
  });

  it("is empty when no architecture has a call", () =>
    assert.equal(enosysStub([{ arch: X86_64, call: undefined, x32: undefined }]).byteLength, 0));

  it("takes ARM's private calls for old ones", () => {
    assert.equal(newestCall(ARM, [3, 435, 0xf0005]), 435);
    assert.deepEqual(
      answers(
        [{ arch: ARM, call: 435, x32: undefined }],
        [
          [ARM, 435],
          [ARM, 436],
          [ARM, 0xf0005],
        ],
      ),
      ["on", "ENOSYS", "on"],
    );
  });

  it("does not count the pseudo numbers of calls that an architecture has not", () => {
    assert.equal(newestCall(X86_64, [-101, -1, 5, 4]), 5);
    assert.equal(newestCall(X86_64, [-101, -1]), undefined);
  });
});
