// Loaded by mocha before every test: what the build and host/host.c provide to the sources, for sources run directly under Node.
import Mocha from "mocha";

// A host that says how slow it is has all the more time.
const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);
const timeout = Mocha.Runnable.prototype.timeout as (ms?: number | string) => number;
if (slowness > 1) {
  Mocha.Runnable.prototype.timeout = function (this: Mocha.Runnable, ms?: number | string) {
    return ms === undefined ? timeout.call(this) : timeout.call(this, typeof ms === "number" ? ms * slowness : ms);
  } as typeof Mocha.Runnable.prototype.timeout;
}

Object.assign(globalThis, {
  ARCH_X86_64: process.arch === "x64",
  TSRUN_VERSION: "0.0.0",
  TSRUN_COMMIT: "test",
  /** The parts of the host that pure code uses; who makes a system call in a unit test gets a TypeError. */
  host: {
    argv: ["tsrun"],
    encode: (text: string): ArrayBuffer => new Uint8Array(Buffer.from(`${text}\0`)).buffer,
    decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
  },
});
