// D-Bus over a unix socket: as much of it as is needed to ask a service something and to hear its signals. Written here because the program is
// linked statically: libsystemd, opened by it, crashes where the host's C library is another than the one that it was linked with.
// @see the D-Bus specification, Message Protocol, Authentication Protocol

import { EINTR, ETIMEDOUT } from "../abi/errno.ts";
import { POLLIN } from "../abi/poll.ts";
import { HostError, isErrno, SysError } from "../base/errors.ts";
import type { Int64 } from "../base/int64.ts";
import type { Fd } from "./fd.ts";
import { read } from "./file.ts";
import { host } from "./host.ts";
import { utf8 } from "./memory.ts";
import { poll } from "./poll.ts";
import { connectUnix, sendmsg } from "./socket.ts";
import { monotonicMs } from "./time.ts";

// message types
const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;
const NO_REPLY_EXPECTED = 0x1;

// header fields
const PATH = 1;
const INTERFACE = 2;
const MEMBER = 3;
const ERROR_NAME = 4;
const REPLY_SERIAL = 5;
const DESTINATION = 6;
const SIGNATURE = 8;

/** The fixed part of a header, and the length of the array of fields behind it. */
const HEADER_BYTES = 16;

/** [D-Bus] No message may be longer. */
const LONGEST_MESSAGE = 128 * 1024 * 1024;

/** How long a call may take: libdbus's and sd-bus's default. */
const CALL_TIMEOUT_MS = 25_000;

/** What values of a type are aligned to, and for numbers how long they are. */
const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  b: 4,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  x: 8,
  t: 8,
  d: 8,
  s: 4,
  o: 4,
  g: 1,
  a: 4,
  "(": 8,
  "{": 8,
  r: 8,
  e: 8,
  v: 1,
};

const alignmentOf = (type: string): number => ALIGNMENT[type.charAt(0)] ?? 1;

/**
 * The other side refused a call: "DETAIL: TEXT (org.freedesktop.DBus.Error.AccessDenied)". Known codes besides systemd's own:
 * org.freedesktop.DBus.Error.PropertyReadOnly, org.freedesktop.DBus.Error.InteractiveAuthorizationRequired, and for an errno (System.Error.ENXIO).
 */
export class DBusError extends HostError {
  /** "org.freedesktop.systemd1.UnitExists" */
  readonly code: string;
  /** What it says about it. */
  readonly text: string;

  constructor(code: string, text: string, detail: string) {
    super(`${detail}: ${text} (${code})`);
    this.code = code;
    this.text = text;
  }
}

/** Values as they go over the wire, little endian. */
export class Body {
  readonly #bytes: number[] = [];
  #depth = 0;
  #signature = "";

  /** The types of what has been appended. */
  get signature(): string {
    return this.#signature;
  }

  get bytes(): readonly number[] {
    return this.#bytes;
  }

  /** A string, object path or signature. */
  appendText(type: "s" | "o" | "g", value: string): void {
    this.#note(type);
    const bytes = utf8(value);
    if (type === "g") this.#bytes.push(bytes.byteLength);
    else this.#integer(4, bytes.byteLength);
    for (const byte of bytes) this.#bytes.push(byte);
    this.#bytes.push(0);
  }

  /** @param type b, an integer's or d */
  appendNumber(type: string, value: Int64 | boolean): void {
    this.#note(type);
    const length = alignmentOf(type);
    if (type !== "d") return this.#integer(length, value);
    this.align(8);
    this.#bytes.push(...new Uint8Array(new Float64Array([Number(value)]).buffer));
  }

  /** Appends what `fill` appends as one array, structure, dictionary entry or variant of these types. */
  append(type: "a" | "r" | "e" | "v", contents: string, fill: () => void): void {
    this.#note(type === "a" ? `a${contents}` : type === "r" ? `(${contents})` : type);
    this.#depth++;
    if (type === "a") this.#array(contents, fill);
    else {
      if (type === "v") this.appendText("g", contents);
      else this.align(8);
      fill();
    }
    this.#depth--;
  }

  #array(element: string, fill: () => void): void {
    this.#integer(4, 0);
    const at = this.#bytes.length - 4;
    this.align(alignmentOf(element));
    const start = this.#bytes.length;
    fill();
    // [D-Bus] The padding before the first element does not count.
    for (let i = 0, length = this.#bytes.length - start; i < 4; i++, length = Math.floor(length / 256))
      this.#bytes[at + i] = length % 256;
  }

  #integer(length: number, value: Int64 | boolean): void {
    this.align(length);
    let rest = BigInt(value) & 0xffff_ffff_ffff_ffffn;
    for (let i = 0; i < length; i++, rest >>= 8n) this.#bytes.push(Number(rest & 0xffn));
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  #note(type: string): void {
    if (this.#depth === 0) this.#signature += type;
  }
}

export type Call = {
  readonly destination: string;
  readonly path: string;
  readonly sender: string;
  readonly member: string;
};

/** A whole message. */
function encode({ destination, path, sender, member }: Call, body: Body, serial: number, flags: number): Uint8Array {
  const message = new Body();
  for (const byte of ["l".charCodeAt(0), METHOD_CALL, flags, 1]) message.appendNumber("y", byte);
  message.appendNumber("u", body.bytes.length);
  message.appendNumber("u", serial);
  const field = (code: number, type: "s" | "o" | "g", value: string): void =>
    message.append("r", "yv", () => {
      message.appendNumber("y", code);
      message.append("v", type, () => message.appendText(type, value));
    });
  message.append("a", "(yv)", () => {
    field(PATH, "o", path);
    field(INTERFACE, "s", sender);
    field(MEMBER, "s", member);
    field(DESTINATION, "s", destination);
    if (body.signature !== "") field(SIGNATURE, "g", body.signature);
  });
  message.align(8);
  return new Uint8Array([...message.bytes, ...body.bytes]);
}

/** A message that has come. Its arguments are read one after the other. */
export class Message {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  readonly type: number;
  /** Of a header field, as text; a number's is in decimal. */
  readonly fields: ReadonlyMap<number, string>;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.type = bytes[1] ?? 0;
    const fields = new Map<number, string>();
    const end = HEADER_BYTES + this.#view.getUint32(12, true);
    for (this.#at = HEADER_BYTES; this.#at < end;) {
      this.#align(8);
      const code = this.#bytes[this.#at++] ?? 0;
      const type = this.#signature();
      if (type === "u") fields.set(code, String(this.readUint32()));
      else if (type === "g") fields.set(code, this.#signature());
      else fields.set(code, this.readText());
    }
    this.#align(8);
    this.fields = fields;
  }

  isSignal(sender: string, member: string): boolean {
    return this.type === SIGNAL && this.fields.get(INTERFACE) === sender && this.fields.get(MEMBER) === member;
  }

  /** The next argument, a string or an object path. */
  readText(): string {
    const length = this.readUint32();
    const text = host.decode(this.#bytes.slice(this.#at, this.#at + length));
    this.#at += length + 1;
    return text;
  }

  /** The next argument, 32 bits. */
  readUint32(): number {
    this.#align(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  #signature(): string {
    const length = this.#bytes[this.#at++] ?? 0;
    const text = host.decode(this.#bytes.slice(this.#at, this.#at + length));
    this.#at += length + 1;
    return text;
  }

  #align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }
}

/** A connection; disposing of it closes it. */
export class Bus {
  readonly #socket: Fd;
  #serial = 0;
  /** What has come and is not a whole message yet. */
  #received: Uint8Array = new Uint8Array(0);
  readonly #waiting: Message[] = [];

  private constructor(socket: Fd) {
    this.#socket = socket;
  }

  /** A connection without a bus between, to whoever listens at the path. @throws SysError ENOENT, ECONNREFUSED @throws HostError it does not take us */
  static direct(path: string): Bus {
    const bus = new Bus(connectUnix(path));
    try {
      bus.#authenticate();
      return bus;
    } catch (error) {
      bus[Symbol.dispose]();
      throw error;
    }
  }

  /** A connection to a bus, which wants to be greeted. @param addresses "unix:path=/x;unix:abstract=y,guid=z" */
  static at(addresses: string): Bus {
    const bus = Bus.direct(socketOf(addresses));
    bus.send(
      {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        sender: "org.freedesktop.DBus",
        member: "Hello",
      },
      new Body(),
      0,
    );
    return bus;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** The kernel tells the other side who we are, so that we need not, and in a user namespace could not. All at once: it is not asked back. */
  #authenticate(): void {
    this.#write(utf8("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    const end = monotonicMs() + CALL_TIMEOUT_MS;
    for (;;) {
      const text = host.decode(this.#received.slice());
      const ok = text.indexOf("OK ");
      const line = text.indexOf("\r\n", Math.max(ok, 0));
      if (ok >= 0 && line >= 0)
        return void (this.#received = this.#received.slice(utf8(text.slice(0, line + 2)).byteLength));
      if (/^(REJECTED|ERROR)/m.test(text)) throw new HostError(`D-Bus does not accept us: ${text.trim()}`);
      this.#fill(end, "authentication");
    }
  }

  /** Asks and does not wait for what comes of it. @returns the serial number */
  send(call: Call, body: Body, flags: number = NO_REPLY_EXPECTED): number {
    this.#write(encode(call, body, ++this.#serial, flags));
    return this.#serial;
  }

  /** Asks and waits for the answer. @param detail what is asked, for the error @throws DBusError the other side says no */
  call(call: Call, body: Body, detail: string): Message {
    const serial = String(this.send(call, body, 0));
    for (const end = monotonicMs() + CALL_TIMEOUT_MS; ;) {
      const message = this.#next(end, detail);
      if (message.fields.get(REPLY_SERIAL) !== serial) {
        if (message.type === SIGNAL) this.#waiting.push(message);
        continue;
      }
      if (message.type === METHOD_RETURN) return message;
      if (message.type === ERROR)
        throw new DBusError(
          message.fields.get(ERROR_NAME) ?? "",
          message.fields.get(SIGNATURE)?.startsWith("s") === true ? message.readText() : "",
          detail,
        );
    }
  }

  /** The next signal. @throws SysError ETIMEDOUT */
  receive(timeoutMs: number, detail: string): Message {
    for (const end = monotonicMs() + timeoutMs; ;) {
      const message = this.#waiting.shift() ?? this.#next(end, detail);
      if (message.type === SIGNAL) return message;
    }
  }

  #next(end: number, detail: string): Message {
    for (;;) {
      const length = lengthOf(this.#received);
      if (length !== undefined && this.#received.byteLength >= length) {
        const message = new Message(this.#received.slice(0, length));
        this.#received = this.#received.slice(length);
        return message;
      }
      this.#fill(end, detail);
    }
  }

  #fill(end: number, detail: string): void {
    const left = end - monotonicMs();
    if (left <= 0) throw new SysError("poll", ETIMEDOUT, `D-Bus: ${detail}`);
    try {
      if ((poll([{ fd: this.#socket, events: POLLIN }], left)[0] ?? 0) === 0) return;
    } catch (error) {
      if (isErrno(error, EINTR)) return;
      throw error;
    }
    const buffer = new Uint8Array(8192);
    const count = read(this.#socket, buffer);
    if (count === 0) throw new HostError(`D-Bus has closed the connection: ${detail}`);
    const longer = new Uint8Array(this.#received.byteLength + count);
    longer.set(this.#received);
    longer.set(buffer.subarray(0, count), this.#received.byteLength);
    this.#received = longer;
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength;) done += sendmsg(this.#socket, bytes.slice(done), []);
  }
}

/** How long the message is that begins here; undefined before that is known. @throws HostError what comes is no message for us */
function lengthOf(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Math.ceil((HEADER_BYTES + view.getUint32(12, true)) / 8) * 8 + view.getUint32(4, true);
  if (bytes[0] !== "l".charCodeAt(0) || length > LONGEST_MESSAGE)
    throw new HostError("D-Bus speaks another language than ours");
  return length;
}

/** The first unix socket of an address, as connect(2) takes it. @throws HostError there is none */
function socketOf(addresses: string): string {
  for (const address of addresses.split(";")) {
    const [, kind, name = ""] = /^unix:(?:[^;]*,)?(path|abstract)=([^,;]*)/.exec(address) ?? [];
    const path = name.replace(/%([\da-fA-F]{2})/g, (_all, code: string) => String.fromCharCode(parseInt(code, 16)));
    if (kind !== undefined) return kind === "abstract" ? `@${path}` : path;
  }
  throw new HostError(`no unix socket is in the D-Bus address ${JSON.stringify(addresses)}`);
}
