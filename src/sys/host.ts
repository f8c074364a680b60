// The TypeScript face of host/host.c: the foreign function interface. Everything else in sys/ is built from these few calls.

/** Memory of the engine. A DataView is none that C could take: pass its buffer. */
export type Memory =
  | ArrayBufferLike
  | (
      | Int8Array
      | Uint8Array
      | Uint8ClampedArray
      | Int16Array
      | Uint16Array
      | Int32Array
      | Uint32Array
      | BigInt64Array
      | BigUint64Array
      | Float32Array
      | Float64Array
    );

/** An integer (exact as a Number, or any 64 bits as a BigInt), a string (passed as a C string), a buffer (its address) or NULL. */
export type Argument = number | bigint | string | Memory | null;

export type Host = {
  readonly argv: readonly string[];
  /** Where environ(7) begins: pointers to C strings, then NULL, then the auxiliary vector of getauxval(3). */
  readonly environ: number;
  /** A raw system call: the kernel's result, or the negative errno. */
  syscall(nr: number, ...args: readonly Argument[]): number;
  /** Calls a C function that returns int. At most eight arguments. */
  call(fn: number, ...args: readonly Argument[]): number;
  /** Calls a C function that returns 64 bits: a BigInt where a Number would not be exact. */
  callLong(fn: number, ...args: readonly Argument[]): number | bigint;
  /** The address of a C function that this program has for us to call (host/functions.h). @throws ReferenceError when it has none of that name */
  symbol(name: string): number;
  /** Where the buffer's bytes are. They stay there as long as the buffer is referenced; keep it so over the call. */
  address(buffer: Memory): number;
  /** Borrows foreign memory as a buffer: not copied, not freed. */
  view(address: number, length: number): ArrayBuffer;
  cstring(address: number): string;
  /**
   * Bytes to a string. Paths, arguments and environments are UTF-8 by custom alone: a byte that is not becomes a lone surrogate, U+DC80 to U+DCFF, and
   * `encode`, like every call that takes a string, makes the byte of it again. @see PEP 383
   */
  decode(bytes: Memory): string;
  /** A string as UTF-8 with a NUL at the end, which byteLength counts. */
  encode(text: string): ArrayBuffer;
  /** Loads a bytecode module of this program, once; its namespace. The build writes these calls: see scripts/deferred.mjs. */
  load(name: string): unknown;
  /** Where the engine's heap is mapped that was linked into this program. 0: none was. */
  readonly heap: number;
  /** The end of it, which every command changes: anonymous memory already. Of no length when nothing is known of that. */
  readonly hot: ArrayBuffer;
  /**
   * Maps our writable memory at `address` again, as it is: from `fd` at `offset`, where the bytes are that it was mapped from, or anonymous with fd -1.
   * `address` and `length` are whole pages. @returns 0 or the negative errno
   */
  remap(address: number, length: number, fd: number, offset: number): number;
};

declare global {
  var host: Host;
}

export const host: Host = globalThis.host;
