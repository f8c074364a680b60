// What the foreign function interface promises, one case a promise.

import { SYS_close, SYS_getpid, SYS_lseek } from "../../../src/abi/syscall.ts";
import { host } from "../../../src/sys/host.ts";
import { contains, equal, library, show, throws, untyped } from "./expect.ts";

/** What the C side saw of the arguments, as 64-bit integers. */
function recorded(...args: readonly unknown[]): (number | bigint)[] {
  equal(untyped.call(library("record"), ...args), 0, "record");
  const get = library("recorded");
  return args.map((_, i) => host.callLong(get, i));
}

/** True when C saw exactly these 64 bits for the one argument. */
function arrivesAs(arg: unknown, bits: bigint): void {
  recorded(arg);
  const u = BigInt.asUintN(64, bits);
  equal(
    host.call(library("recorded_is"), 0, Number(u >> 32n), Number(u & 0xffff_ffffn)),
    1,
    `${show(arg)} as ${u.toString(16)}`,
  );
}

function bytes(buffer: unknown, count: number): number[] {
  const at = library("byte_at");
  return Array.from({ length: count }, (_, i) => untyped.call(at, buffer, i) as number);
}

/** The bytes of `text`, without the NUL. */
function words(text: string): Uint8Array {
  const memory = host.encode(text);
  return new Uint8Array(memory, 0, memory.byteLength - 1);
}

/** Everything that no C function can take. */
const refused: readonly (readonly [string, () => unknown])[] = [
  ["undefined", () => undefined],
  ["true", () => true],
  ["false", () => false],
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["-Infinity", () => -Infinity],
  ["1.5", () => 1.5],
  ["2^53", () => 2 ** 53],
  ["-2^53", () => -(2 ** 53)],
  ["1e300", () => 1e300],
  ["5e-324", () => 5e-324],
  ["2n^64", () => 2n ** 64n],
  ["-2n^63-1n", () => -(2n ** 63n) - 1n],
  ["a bigint of 10000 bits", () => 2n ** 10000n],
  ["a negative bigint of 10000 bits", () => -(2n ** 10000n)],
  ["a symbol", () => Symbol("x")],
  ["a registered symbol", () => Symbol.iterator],
  ["an object", () => ({})],
  ["an object without prototype", () => Object.create(null)],
  ["an array", () => [1, 2, 3]],
  ["a function", () => () => 0],
  ["a native function", () => Math.max],
  ["a date", () => new Date(0)],
  ["a regular expression", () => /x/],
  ["a map", () => new Map()],
  ["an error", () => new Error("x")],
  ["a boxed number", () => Object(1)],
  ["a boxed string", () => Object("x")],
  ["a boxed bigint", () => Object(1n)],
  ["an object with valueOf", () => ({ valueOf: () => 1, toString: () => "1" })],
  ["a string with NUL in the middle", () => "a\0b"],
  ["a string that is NUL", () => "\0"],
  ["a string that ends in NUL", () => "abc\0"],
  ["an object that poses as a view", () => ({ buffer: new ArrayBuffer(8), byteOffset: 0, byteLength: 8 })],
  ["a view's prototype", () => Uint8Array.prototype],
  ["a DataView", () => new DataView(new ArrayBuffer(8))],
  ["a DataView's prototype", () => DataView.prototype],
  ["an ArrayBuffer's prototype", () => ArrayBuffer.prototype],
  ["an object that inherits from a view", () => Object.create(new Uint8Array(8))],
  ["an object that inherits from a DataView", () => Object.create(new DataView(new ArrayBuffer(8)))],
  ["an object that inherits from a buffer", () => Object.create(new ArrayBuffer(8))],
  [
    "an object whose getters throw",
    () => ({
      get buffer() {
        throw new Error("buffer was read");
      },
      get byteOffset() {
        throw new Error("byteOffset was read");
      },
      get byteLength() {
        throw new Error("byteLength was read");
      },
    }),
  ],
  [
    "an object whose buffer dies at once",
    () => ({
      get buffer() {
        return new ArrayBuffer(64);
      },
      byteOffset: 0,
      byteLength: 64,
    }),
  ],
];

/** ES2024's transfer(), where the engine has it. */
function detached(): ArrayBuffer | undefined {
  const buffer = new ArrayBuffer(16) as ArrayBuffer & { transfer?(): ArrayBuffer };
  if (!buffer.transfer) return undefined;
  buffer.transfer();
  return buffer;
}

const typedArrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

export const cases: { readonly [name: string]: () => void } = {
  "integers arrive with all their bits and their sign": () => {
    for (const n of [
      0, 1, -1, 127, -128, 0x7fff_ffff, -0x8000_0000, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, -0x1_0000_0001,
    ])
      arrivesAs(n, BigInt(n));
    for (const n of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 40 + 1, 1.0, 1e3]) arrivesAs(n, BigInt(n));
    arrivesAs(-0, 0n);
  },
  "bigints arrive exactly, signed and unsigned, up to both limits": () => {
    for (const n of [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 62n + 1n])
      arrivesAs(n, n);
    for (const n of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 2n]) arrivesAs(n, n);
  },
  "null is the null pointer": () => arrivesAs(null, 0n),
  "a call with fewer than eight arguments passes zeros for the rest": () => {
    recorded(1, 2, 3, 4, 5, 6, 7, 8);
    recorded(9);
    for (let i = 1; i < 8; i++) equal(host.call(library("recorded"), i), 0, `argument ${i}`);
  },
  "eight arguments arrive in order": () => {
    equal(recorded(1, -2, 3n, null, 5, 2 ** 40, -7n, 8).join(), "1,-2,3,0,5,1099511627776,-7,8");
  },
  "a ninth argument is refused": () => {
    const fn = library("record");
    contains(throws("TypeError", () => host.call(fn, 1, 2, 3, 4, 5, 6, 7, 8, 9), "nine").message, "at most 8");
    throws("TypeError", () => host.callLong(fn, ...new Array<number>(1000).fill(0)), "a thousand");
  },
  "a seventh argument of a system call is refused": () => {
    equal(host.syscall(SYS_getpid, 1, 2, 3, 4, 5, 6) > 0, true, "six");
    contains(throws("TypeError", () => host.syscall(SYS_getpid, 1, 2, 3, 4, 5, 6, 7), "seven").message, "at most 6");
  },
  "strings arrive as UTF-8 with a NUL at the end": () => {
    const utf8: readonly (readonly [string, readonly number[]])[] = [
      ["", [0]],
      ["plain", [0x70, 0x6c, 0x61, 0x69, 0x6e, 0]],
      ["ü", [0xc3, 0xbc, 0]],
      ["\x80\xff", [0xc2, 0x80, 0xc3, 0xbf, 0]],
      ["漢", [0xe6, 0xbc, 0xa2, 0]],
      ["🐧", [0xf0, 0x9f, 0x90, 0xa7, 0]],
      ["a🐧ü", [0x61, 0xf0, 0x9f, 0x90, 0xa7, 0xc3, 0xbc, 0]],
    ];
    for (const [text, wanted] of utf8) {
      equal(host.call(library("length_of"), text), wanted.length - 1, show(text));
      equal(bytes(text, wanted.length).join(), wanted.join(), show(text));
    }
    equal(host.call(library("length_of"), "ü".repeat(100_000)), 200_000, "a long one");
    let rope = "";
    for (let i = 0; i < 5000; i++) rope += i % 2 ? "ab" : "ü";
    equal(host.call(library("length_of"), rope), 10_000, "one put together");
  },
  "an ArrayBuffer passes its address, and C writes into it": () => {
    const buffer = new ArrayBuffer(8);
    equal(host.call(library("fill"), buffer, 8, 0x5a), 8);
    equal(new Uint8Array(buffer).join(), "90,90,90,90,90,90,90,90");
    equal(recorded(buffer)[0], host.address(buffer), "address");
  },
  "every typed array passes the address of its own first byte": () => {
    for (const TypedArray of typedArrays) {
      const buffer = new ArrayBuffer(64);
      const array = new TypedArray(buffer, 16, 2);
      equal(recorded(array)[0], host.address(buffer) + 16, TypedArray.name);
      equal(host.address(array), host.address(buffer) + 16, TypedArray.name);
      equal(host.call(library("fill"), array, array.byteLength, 0xff), array.byteLength);
      const around = new Uint8Array(buffer);
      equal(around[15], 0, `${TypedArray.name} before`);
      equal(around[16], 255, `${TypedArray.name} first`);
      equal(around[16 + array.byteLength], 0, `${TypedArray.name} after`);
    }
    const part = new Uint8Array(new ArrayBuffer(64)).subarray(10, 20);
    equal(host.address(part), host.address(part.buffer) + 10, "subarray");
  },
  "buffers without bytes are buffers": () => {
    const buffer = new ArrayBuffer(8);
    equal(host.address(new Uint8Array(buffer, 8, 0)), host.address(buffer) + 8, "at the end");
    equal(host.decode(new ArrayBuffer(0)), "", "empty buffer");
    equal(host.decode(new Uint8Array(0)), "", "empty array");
    equal(recorded(new ArrayBuffer(0)).length, 1);
  },
  "a subclass of a typed array is a typed array": () => {
    class Bytes extends Uint8Array {}
    const array = new Bytes(4);
    equal(host.address(array), host.address(array.buffer));
  },
  "what is not an argument is a TypeError, at every place": () => {
    const fn = library("record");
    for (const [what, make] of refused) {
      for (let place = 0; place < 8; place++) {
        const args: unknown[] = new Array<number>(8).fill(1);
        args[place] = make();
        throws("TypeError", () => untyped.call(fn, ...args), `call: ${what}`);
        throws("TypeError", () => untyped.callLong(fn, ...args), `callLong: ${what}`);
        if (place < 6) throws("TypeError", () => untyped.syscall(SYS_getpid, ...args.slice(0, 6)), `syscall: ${what}`);
      }
    }
  },
  "what is not a function's address is a TypeError": () => {
    for (const [what, make] of refused) {
      throws("TypeError", () => untyped.call(make()), `call ${what}`);
      throws("TypeError", () => untyped.callLong(make(), 1, 2), `callLong ${what}`);
      throws("TypeError", () => untyped.syscall(make()), `syscall ${what}`);
    }
    for (const address of [0, -1, -0x8000_0000, 0n, -1n, 2n ** 64n - 1n, null, "getpid", new ArrayBuffer(8)])
      throws("TypeError", () => untyped.call(address), `call ${show(address)}`);
    for (const name of ["call", "callLong", "syscall"] as const)
      throws("TypeError", () => untyped[name](), `${name} without arguments`);
  },
  "every function refuses what it cannot take, and too few arguments": () => {
    for (const [what, make] of refused) {
      for (const name of ["address", "decode", "symbol", "view", "cstring"] as const)
        throws("TypeError", () => untyped[name](make(), 1), `${name}: ${what}`);
      throws("TypeError", () => untyped.view(4096, make()), `view of length ${what}`);
      if (typeof make() === "string") continue;
      throws("TypeError", () => untyped.encode(make()), `encode: ${what}`);
      throws("TypeError", () => untyped.load(make()), `load: ${what}`);
    }
    for (const name of ["address", "decode", "symbol", "view", "cstring", "encode", "load"] as const)
      throws("TypeError", () => untyped[name](), `${name} without arguments`);
    for (const name of ["address", "decode"] as const)
      throws("TypeError", () => untyped[name](1), `${name} of a number`);
  },
  "a view that lies about itself is taken as it is": () => {
    const array = new Uint8Array([1, 2, 3, 4]);
    for (const name of ["buffer", "byteOffset", "byteLength"]) {
      Object.defineProperty(array, name, {
        get() {
          throw new Error(`${name} was read`);
        },
      });
    }
    equal(bytes(array, 4).join(), "1,2,3,4");
    equal(Object.setPrototypeOf(array, null), array);
    equal(bytes(array, 4).join(), "1,2,3,4", "a removed prototype");
  },
  "a detached buffer and its views are refused": () => {
    const buffer = new ArrayBuffer(16) as ArrayBuffer & { transfer?(): ArrayBuffer };
    const views = [new Uint8Array(buffer), new BigInt64Array(buffer, 8)];
    const gone = detached();
    if (!buffer.transfer || !gone) return; // an engine that cannot detach has nothing to refuse
    buffer.transfer();
    for (const dead of [gone, buffer, ...views]) {
      throws("TypeError", () => untyped.call(library("record"), dead), "call");
      throws("TypeError", () => untyped.address(dead), "address");
      throws("TypeError", () => untyped.decode(dead), "decode");
    }
  },
  "a view beyond a buffer that shrank is refused": () => {
    const Resizable = ArrayBuffer as unknown as new (
      size: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize?(size: number): void };
    const buffer = new Resizable(64, { maxByteLength: 64 });
    if (!buffer.resize) return; // an engine without resizable buffers
    const views = [new Uint8Array(buffer, 32, 16), new Float64Array(buffer, 40)];
    buffer.resize(16);
    for (const dead of views) throws("TypeError", () => untyped.address(dead), "address");
    equal(host.address(new Uint8Array(buffer)), host.address(buffer), "what is left");
  },
  "a proxy is refused": () => {
    if (typeof Proxy === "undefined") return; // the host does not add it
    throws("TypeError", () => untyped.address(new Proxy(new Uint8Array(4), {})), "a proxy");
  },
  "64-bit results are exact": () => {
    const identity = library("identity");
    for (const n of [0, 1, -1, 0x8000_0000, -0x8000_0001, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
      equal(host.callLong(identity, n), n);
    for (const n of [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])
      equal(host.callLong(identity, n), n);
    equal(host.callLong(identity, 2n ** 64n - 1n), -1, "2^64-1 as a signed integer");
    equal(host.callLong(identity, 2n ** 63n), -(2n ** 63n), "2^63 as a signed integer");
    equal(host.callLong(identity, 5n), 5, "a small bigint comes back as a number");
  },
  "an int result has the right sign whatever the upper half of the register holds": () => {
    equal(host.call(library("minus_one_with_garbage")), -1);
    equal(host.call(library("five_with_garbage")), 5);
    equal(host.call(library("identity"), 0x8000_0000), -0x8000_0000);
    equal(host.call(library("identity"), 0x7fff_ffff), 0x7fff_ffff);
    equal(host.callLong(library("minus_one_with_garbage")), -0x2152411000000001n, "all 64 bits");
  },
  "a pointer comes back exactly and can be passed on": () => {
    const words = host.callLong(library("words_of_c")) as number;
    equal(typeof words, "number");
    equal(host.call(library("byte_at"), words, 0), 0x66);
    equal(host.callLong(library("identity"), words), words);
    equal(host.callLong(library("nothing")), 0, "NULL");
  },
  "a system call returns the kernel's result, or the negative errno": () => {
    equal(host.syscall(SYS_getpid) > 1, true);
    equal(host.syscall(SYS_close, -1), -9, "close");
    equal(host.syscall(100_000), -38, "no such call");
    equal(host.syscall(SYS_close, 2n ** 32n - 1n), -9, "a bigint");
    equal(host.syscall(SYS_lseek, 0, 2n ** 63n, 0) < 0, true, "lseek");
  },
  "a function that is not linked in is a ReferenceError that names it": () => {
    for (const name of ["no_such_function", "malloc", "recor", "records", "", "n".repeat(5000)])
      contains(throws("ReferenceError", () => host.symbol(name), "symbol").message, name.slice(0, 100));
  },
  "functions that are linked in are found, libc's too": () => {
    equal(host.call(host.symbol("getpid")), host.syscall(SYS_getpid));
    equal(host.call(host.symbol("atoi"), "-42"), -42);
  },
  "view borrows memory: both sides see every write": () => {
    const words = host.callLong(library("words_of_c")) as number;
    const view = new Uint8Array(host.view(words, 4));
    equal(view.byteLength, 4);
    view[0] = 0x46;
    equal(host.call(library("byte_at"), words, 0), 0x46);
    host.call(library("fill"), words, 1, 0x66);
    equal(view[0], 0x66);
    equal(host.address(view), words);
    equal(host.view(words, 0).byteLength, 0, "no bytes");
  },
  "view and cstring refuse what cannot be memory": () => {
    for (const [address, length] of [
      [0, 8],
      [-1, 8],
      [4096, -1],
      [4096, 2 ** 31],
      [4096, 2 ** 40],
      [2n ** 64n - 1n, 8],
      [4096, 2n ** 63n],
    ]) {
      throws("TypeError", () => untyped.view(address, length), `view ${show(address)} ${show(length)}`);
    }
    for (const address of [0, -1, 2n ** 63n])
      throws("TypeError", () => untyped.cstring(address), `cstring ${show(address)}`);
  },
  "cstring reads up to the NUL": () => {
    equal(host.cstring(host.callLong(library("words_of_c")) as number), "from C: grüß dich 🐧");
    for (const [text, wanted] of [
      ["", ""],
      ["a\0b", "a"],
      ["ü", "ü"],
    ] as const) {
      const memory = host.encode(text); // held over the call: cstring gets a mere number
      equal(host.cstring(host.address(memory)), wanted);
    }
  },
  "encode writes UTF-8 and counts the NUL": () => {
    equal(new Uint8Array(host.encode("")).join(), "0");
    equal(new Uint8Array(host.encode("aü漢🐧")).join(), "97,195,188,230,188,162,240,159,144,167,0");
    equal(new Uint8Array(host.encode("a\0b")).join(), "97,0,98,0", "NUL inside is kept");
    equal(host.encode("x".repeat(1_000_000)).byteLength, 1_000_001);
  },
  "decode is the inverse of encode": () => {
    for (const text of [
      "",
      "plain",
      "grüß",
      "漢字",
      "🐧🐧",
      "a\0b",
      "\u{10ffff}",
      "\x7f\x80\u07ff\u0800\uffff",
      "x".repeat(100_000),
      "ü".repeat(100_000),
    ]) {
      const memory = host.encode(text);
      equal(host.decode(new Uint8Array(memory, 0, memory.byteLength - 1)), text);
    }
  },
  "bytes that are no UTF-8 are lone surrogates in a string, and bytes again after it": () => {
    equal(host.cstring(host.callLong(library("invalid_utf8")) as number), "a\udcffb\udcc3(\udce2\udc82c", "a C string");
    const bad: readonly (readonly number[])[] = [
      [0x80],
      [0xbf],
      [0xc3],
      [0xc0, 0x80],
      [0xc1, 0xbf],
      [0xe2, 0x82],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xed, 0xb2, 0x80],
      [0xed, 0xbf, 0xbf],
      [0xf0, 0x9f],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf8, 0x88, 0x80, 0x80, 0x80],
      [0xfe, 0xff],
    ];
    for (const bytes of bad) {
      const each = String.fromCharCode(...bytes.map((byte) => 0xdc00 + byte));
      for (const [before, after] of [
        ["", ""],
        ["a", "b"],
        ["a longer text before ", " and after 🐧"],
        ["\ud7ff", "\ue000"],
      ] as const) {
        const all = new Uint8Array([...words(before), ...bytes, ...words(after)]);
        equal(host.decode(all), before + each + after, bytes.join());
        const encoded = new Uint8Array(host.encode(before + each + after));
        equal(encoded.join(), `${all.join()},0`, `${bytes.join()} again`);
      }
    }
    const every = Uint8Array.from({ length: 65536 }, (_one, i) => (i % 2 === 0 ? i >> 9 : (i * 7) & 0xff) || 1);
    equal(new Uint8Array(host.encode(host.decode(every))).join(), `${every.join()},0`, "any bytes");
    equal(host.call(library("length_of"), host.decode(new Uint8Array([0x61, 0xff, 0x80]))), 3, "as an argument");
  },
  "a module loads on demand, once": () => {
    const first = host.load("once.js") as typeof import("./once.ts");
    equal(first.answer, 42);
    const before = first.count();
    const again = host.load("once.js") as typeof import("./once.ts");
    equal(again.count(), before, "runs of the top level");
    equal(again, first, "the namespace");
  },
  "modules loaded on demand share what they import": () => {
    const once = host.load("once.js") as typeof import("./once.ts");
    const twin = host.load("twin.js") as typeof import("./twin.ts");
    equal(once.count(), twin.count());
    equal(twin.count(), 2);
  },
  "an unknown module is a ReferenceError that names it": () => {
    contains(throws("ReferenceError", () => host.load("no/such.js"), "load").message, "no/such.js");
    throws("ReferenceError", () => host.load(""), "the empty name");
    throws("ReferenceError", () => host.load("../main.js"), "a path");
  },
  "a module whose top level throws passes the error on, each time": () => {
    for (const time of ["first", "second"]) {
      try {
        host.load("broken.js");
      } catch (error) {
        equal(error instanceof RangeError && error.message, "broken at the top level", time);
        continue;
      }
      throw new Error(`${time} time: loaded`);
    }
    equal((host.load("once.js") as typeof import("./once.ts")).answer, 42, "others still load");
  },
  "argv is the command line": () => {
    equal(host.argv.length, 3);
    equal(host.argv[1], "run");
    equal(host.argv[2], "argv is the command line");
  },
  "endless recursion is an error, not a crash": () => {
    const dive = (n: number): number => 1 + dive(n + 1);
    try {
      dive(0);
    } catch (error) {
      contains(String(error), "stack overflow");
      return;
    }
    throw new Error("no error");
  },
  "text that would confuse printf is printed as it is": () => {
    contains(throws("ReferenceError", () => host.load("%s%n%d.js"), "load").message, "%s%n%d.js");
    contains(throws("ReferenceError", () => host.symbol("%n"), "symbol").message, "%n");
  },
  "a hundred thousand calls, good and bad, leave the heap as it was": () => {
    const record = library("record");
    const heap = library("heap_in_use");
    const buffer = new ArrayBuffer(32);
    const bad: readonly unknown[] = [undefined, 1.5, 2n ** 70n, "a\0b", {}, Symbol.iterator];
    const round = (count: number): void => {
      for (let i = 0; i < count; i++) {
        host.call(
          record,
          "a string",
          "ü",
          buffer,
          new Uint8Array(buffer, 4),
          new Uint16Array(buffer, 8),
          2n ** 63n,
          -1,
          null,
        );
        host.callLong(record, "a string", 2n ** 64n - 1n);
        host.syscall(SYS_close, -1, "unused");
        host.decode(host.encode("text"));
        host.view(host.address(buffer), 8);
        try {
          untyped.call(record, `frésh ${i}`, "plain", `ümlaut ${i}`, 2n ** 40n, bad[i % bad.length]);
        } catch {
          continue;
        }
      }
    };
    round(200);
    const before = host.callLong(heap) as number;
    round(15_000);
    const grown = (host.callLong(heap) as number) - before;
    if (grown > 16_384) throw new Error(`the heap grew by ${grown} bytes`);
  },
  "failing symbol, load and view leave the heap as it was": () => {
    const heap = library("heap_in_use");
    const acts = [
      () => host.symbol("no_such_function"),
      () => host.load("no/such.js"),
      () => host.load("broken.js"),
      () => host.view(0, 8),
      () => host.cstring(-1),
    ];
    const round = (count: number): void => {
      for (let i = 0; i < count; i++) {
        for (const act of acts) {
          try {
            act();
          } catch {
            continue;
          }
        }
      }
    };
    round(50);
    const before = host.callLong(heap) as number;
    round(1000);
    const grown = (host.callLong(heap) as number) - before;
    if (grown > 16_384) throw new Error(`the heap grew by ${grown} bytes`);
  },
};
