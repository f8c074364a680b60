import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { encode, Message } from "./protobuf.ts";
import { decodeResponse, encodeRequest } from "./messages.ts";

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
const words = (value: Uint8Array): string => Buffer.from(value).toString();

describe("Protocol Buffers' wire format", () => {
  it("writes the examples of its documentation", () => {
    assert.deepEqual([...encode([[1, 150]])], [0x08, 0x96, 0x01]);
    assert.deepEqual([...encode([[2, text("testing")]])], [0x12, 0x07, ...text("testing")]);
    assert.deepEqual([...encode([[4, -2]])].slice(1), [0xfe, ...Array<number>(8).fill(0xff), 0x01]);
  });

  it("reads what it has written, the last of several values, and numbers below zero", () => {
    const message = new Message(
      encode([
        [1, 2 ** 40],
        [3, true],
        [1, -7],
        [20, text("é")],
      ]),
    );
    assert.equal(message.number(1), -7);
    assert.equal(message.boolean(3), true);
    assert.equal(words(message.bytes(20) ?? new Uint8Array()), "é");
    assert.equal(message.number(2), undefined);
  });

  it("passes over fields of fixed width, and refuses what is cut off", () => {
    assert.equal(new Message(new Uint8Array([0x0d, 1, 2, 3, 4, 0x10, 5])).number(2), 5);
    assert.throws(() => new Message(new Uint8Array([0x12, 9, 1])), RangeError);
    assert.throws(() => new Message(new Uint8Array([0x08, 0x80])), RangeError);
    assert.throws(() => new Message(new Uint8Array([0x0b])), RangeError);
  });
});

describe("CRIU's messages", () => {
  it("ask for a dump with the options that are given, and with no others", () => {
    const request = new Message(
      encodeRequest(
        {
          kind: "dump",
          options: { imagesDirFd: 5, pid: 42, shellJob: false, externalMounts: [{ key: "/a", value: "b" }] },
        },
        text,
      ),
    );
    assert.equal(request.number(1), 1);
    const options = request.message(2);
    assert.deepEqual(
      [1, 2, 3, 7].map((field) => options?.number(field)),
      [5, 42, undefined, 0],
    );
    const mount = options?.message(23);
    assert.deepEqual(
      [1, 2].map((field) => words(mount?.bytes(field) ?? new Uint8Array())),
      ["/a", "b"],
    );
  });

  it("tell a notification from the end, and give versions as one number", () => {
    const notification = encode([
      [1, 6],
      [2, true],
      [
        5,
        encode([
          [1, text("post-restore")],
          [2, 99],
        ]),
      ],
    ]);
    assert.deepEqual(decodeResponse(notification, words).notification, { script: "post-restore", pid: 99 });
    const version = encode([
      [1, 10],
      [2, true],
      [
        10,
        encode([
          [1, 4],
          [2, 2],
          [4, 1],
        ]),
      ],
    ]);
    assert.equal(decodeResponse(version, words).version, 40201);
    assert.throws(() => decodeResponse(new Uint8Array(), words), RangeError);
  });
});
