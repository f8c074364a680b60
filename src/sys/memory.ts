// Buffers as C sees them: structs by offset (the layouts stand in abi/), arrays of pointers. Byte order is the machine's: little endian
// on both architectures that tsrun supports.

import type { Int64 } from "../base/int64.ts";
import { host, type Memory } from "./host.ts";

/** A zeroed struct of `size` bytes with setters by offset. Keep it referenced for as long as C holds its address. */
export class Struct {
  readonly buffer: ArrayBuffer;
  readonly #view: DataView;
  #held: unknown[] | undefined;

  constructor(size: number) {
    this.buffer = new ArrayBuffer(size);
    this.#view = new DataView(this.buffer);
  }

  u8(offset: number, value: number): this {
    this.#view.setUint8(offset, value);
    return this;
  }

  u16(offset: number, value: number): this {
    this.#view.setUint16(offset, value, true);
    return this;
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: Int64): this {
    if (typeof value === "number" && value >= 0) {
      this.#view.setUint32(offset, value, true); // modulo 2^32
      this.#view.setUint32(offset + 4, value / 0x1_0000_0000, true);
    } else this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }

  /** Stores the address of `target` and keeps it referenced. A string is stored as a C string. */
  pointer(offset: number, target: Memory | string | null): this {
    if (target === null) return this.u64(offset, 0);
    const memory = typeof target === "string" ? host.encode(target) : target;
    (this.#held ??= []).push(memory);
    return this.u64(offset, host.address(memory));
  }

  getU8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  getU16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  getU32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  getI32(offset: number): number {
    return this.#view.getInt32(offset, true);
  }

  /** 64 bits as a Number: only where the value is known to be below 2^53. */
  getNumber(offset: number): number {
    return this.#view.getUint32(offset, true) + this.#view.getUint32(offset + 4, true) * 0x1_0000_0000;
  }

  getU64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
}

/** A NULL-terminated array of C strings, as execve(2) takes. Hold the result until the call has returned. */
export function stringArray(strings: readonly string[]): {
  readonly pointers: ArrayBuffer;
  readonly strings: readonly ArrayBuffer[];
} {
  const held = strings.map((text) => {
    if (text.includes("\0")) throw new TypeError("a C string cannot hold NUL");
    return host.encode(text);
  });
  const pointers = new Uint32Array(2 * (strings.length + 1)); // by halves, which need no BigInt
  held.forEach((memory, i) => {
    const address = host.address(memory);
    pointers[2 * i] = address; // modulo 2^32
    pointers[2 * i + 1] = address / 0x1_0000_0000;
  });
  return { pointers: pointers.buffer, strings: held };
}

/** The bytes of `text` in UTF-8, without a NUL. */
export function utf8(text: string): Uint8Array {
  const memory = host.encode(text);
  return new Uint8Array(memory, 0, memory.byteLength - 1);
}
