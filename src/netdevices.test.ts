import { describe, it } from "mocha";
import assert from "node:assert/strict";
import { lastingAddress, planNetDevices } from "./netdevices.ts";
import { decodeSpec } from "./spec/decode.ts";
import { Struct } from "./sys/memory.ts";
import { attributesOf, encode, textAttribute, textOf, u32Attribute, type Attribute } from "./sys/netlink.ts";

const spec = (linux: object): ReturnType<typeof decodeSpec> =>
  decodeSpec({ ociVersion: "1.3.0", root: { path: "rootfs" }, linux });

describe("the plan of network devices", () => {
  it("names each device on both sides, and who asked", () => {
    assert.deepEqual(
      planNetDevices(spec({ namespaces: [{ type: "network" }], netDevices: { eth0: { name: "net%d" }, "a~b": {} } })),
      {
        namespace: undefined,
        devices: [
          { host: "eth0", name: "net%d", why: "/linux/netDevices/eth0" },
          { host: "a~b", name: "a~b", why: "/linux/netDevices/a~0b" },
        ],
      },
    );
  });

  it("goes into the namespace that the container joins", () => {
    assert.equal(
      planNetDevices(spec({ namespaces: [{ type: "network", path: "/run/netns/a" }], netDevices: { eth0: {} } }))
        .namespace,
      "/run/netns/a",
    );
  });
});

describe("a netlink message", () => {
  it("is header, family header, and attributes padded to four bytes", () => {
    const bytes = encode(
      {
        type: 16,
        flags: 0x400,
        header: new Struct(16).u8(0, 2),
        attributes: [textAttribute(3, "eth0"), u32Attribute(28, 7)],
      },
      9,
    );
    assert.equal(
      Buffer.from(bytes).toString("hex"),
      [
        "34000000" + "1000" + "0504" + "09000000" + "00000000", // length 52, RTM_NEWLINK, CREATE|ACK|REQUEST, sequence number, from nobody
        "02000000".padEnd(32, "0"),
        "0900" + "0300" + "6574683000" + "000000",
        "0800" + "1c00" + "07000000",
      ].join(""),
    );
  });

  it("is read back, nested flags apart", () => {
    const bytes = encode(
      { type: 16, flags: 0, header: new Struct(16), attributes: [textAttribute(0x8003, "eth0"), u32Attribute(1, 5)] },
      1,
    );
    const attributes = attributesOf(bytes.subarray(16), 16);
    assert.deepEqual(
      attributes.map(({ type }) => type),
      [3, 1],
    );
    assert.equal(textOf(attributes[0]?.value ?? new Uint8Array(0)), "eth0");
  });

  it("that is cut short is read as far as it goes", () => {
    assert.deepEqual(attributesOf(new Uint8Array([1, 0, 1, 0, 0, 0, 0, 0]), 0), []);
    assert.deepEqual(attributesOf(new Uint8Array(3), 0), []);
  });
});

describe("an address", () => {
  const PERMANENT = 0x80;
  const NOPREFIXROUTE = 0x200;
  const SECONDARY = 0x1;
  const [IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS] = [1, 2, 6, 8];
  const local: Attribute = { type: IFA_LOCAL, value: new Uint8Array([10, 0, 0, 1]) };

  /** The body of an RTM_NEWADDR. */
  function address({
    family = 2,
    flags = PERMANENT,
    scope = 0,
    index = 5,
    attributes = [local],
  }: { family?: number; flags?: number; scope?: number; index?: number; attributes?: Attribute[] } = {}): Uint8Array {
    return encode(
      {
        type: 20,
        flags: 0,
        header: new Struct(8)
          .u8(0, family)
          .u8(1, 24)
          .u8(2, flags & 0xff)
          .u8(3, scope)
          .u32(4, index),
        attributes,
      },
      1,
    ).subarray(16);
  }

  it("goes along when it is permanent, global and the device's", () => {
    assert.equal(lastingAddress(address(), 5).length, 1);
    assert.equal(lastingAddress(address({ family: 10 }), 5).length, 1);
    assert.deepEqual(lastingAddress(address({ flags: 0 }), 5), []);
    assert.deepEqual(lastingAddress(address({ scope: 253 }), 5), [], "link");
    assert.deepEqual(lastingAddress(address({ scope: 254 }), 5), [], "host");
    assert.deepEqual(lastingAddress(address({ index: 6 }), 5), [], "another device's");
    assert.deepEqual(lastingAddress(address({ family: 7 }), 5), [], "another family");
  });

  it("says so in 32 bits where there are any", () => {
    assert.deepEqual(lastingAddress(address({ attributes: [local, u32Attribute(IFA_FLAGS, 0)] }), 5), []);
    assert.equal(
      lastingAddress(address({ flags: 0, attributes: [local, u32Attribute(IFA_FLAGS, PERMANENT)] }), 5).length,
      1,
    );
  });

  it("keeps its properties, and not its lifetimes", () => {
    const flags = u32Attribute(IFA_FLAGS, PERMANENT + NOPREFIXROUTE + SECONDARY);
    const attributes = [
      { type: IFA_ADDRESS, value: new Uint8Array([10, 0, 0, 2]) },
      local,
      { type: IFA_CACHEINFO, value: new Uint8Array(16) },
      flags,
    ];
    const [kept] = lastingAddress(address({ attributes }), 5);
    assert.deepEqual(
      kept?.attributes.map(({ type, value }) => [type, ...value]),
      [
        [IFA_ADDRESS, 10, 0, 0, 2],
        [IFA_LOCAL, 10, 0, 0, 1],
        [IFA_FLAGS, 0, 2, 0, 0],
      ],
    );
    assert.deepEqual([kept?.family, kept?.prefix], [2, 24]);
  });
});
