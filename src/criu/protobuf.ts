// Protocol Buffers' wire format, as much of it as CRIU's messages need: varints, and fields with a length. Nothing here knows any message.
// @see https://protobuf.dev/programming-guides/encoding/

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** One field: its number and its value. A number or boolean is a varint, bytes stand as they are. */
export type Field = readonly [number: number, value: number | boolean | Uint8Array];

/** A message from its fields, in the order given. */
export function encode(fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "object") {
      pushVarint(bytes, number * 8 + LENGTH);
      pushVarint(bytes, value.byteLength);
      for (const byte of value) bytes.push(byte);
    } else {
      pushVarint(bytes, number * 8 + VARINT);
      pushVarint(bytes, Number(value));
    }
  }
  return new Uint8Array(bytes);
}

/** A negative int32 takes ten bytes, as 64 bits of two's complement. */
function pushVarint(bytes: number[], value: number): void {
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    return;
  }
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

/** What a message holds, by the numbers of its fields. A field that is repeated has several values. */
export class Message {
  readonly #fields: ReadonlyMap<number, readonly (number | Uint8Array)[]>;

  /** @throws RangeError when the bytes are no message */
  constructor(bytes: Uint8Array) {
    this.#fields = decode(bytes);
  }

  /** A varint as an int32, int64 or enum; the last one counts. */
  number(field: number): number | undefined {
    const value = this.#fields.get(field)?.at(-1);
    return typeof value === "number" ? value : undefined;
  }

  boolean(field: number): boolean | undefined {
    const value = this.number(field);
    return value === undefined ? undefined : value !== 0;
  }

  bytes(field: number): Uint8Array | undefined {
    const value = this.#fields.get(field)?.at(-1);
    return typeof value === "object" ? value : undefined;
  }

  message(field: number): Message | undefined {
    const bytes = this.bytes(field);
    return bytes === undefined ? undefined : new Message(bytes);
  }
}

function decode(bytes: Uint8Array): ReadonlyMap<number, readonly (number | Uint8Array)[]> {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.byteLength) throw new RangeError("a field reaches beyond the end of its message");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = take(1)[0] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new RangeError("a varint has more than ten bytes");
  };
  while (at < bytes.byteLength) {
    const key = varint();
    const kind = key % 8;
    const value = kind === VARINT ? varint() : kind === LENGTH ? take(varint()) : take(widthOf(kind));
    const number = Math.floor(key / 8);
    const values = fields.get(number);
    if (values === undefined) fields.set(number, [value]);
    else values.push(value);
  }
  return fields;
}

function widthOf(kind: number): number {
  if (kind === FIXED64) return 8;
  if (kind === FIXED32) return 4;
  throw new RangeError(`a field of the unknown wire type ${kind}`);
}
