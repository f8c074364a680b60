// sd-bus, libsystemd's D-Bus, by FFI: one function for each of the library's, named as it is there. Opened when systemd is to be asked
// for something; tsrun is not linked to it. Its functions return 0 or more, or a negative errno; those that take any number of
// arguments are not used. @see sd-bus(3)

import { sd_bus_error } from "../abi/sd_bus.ts";
import { HostError, SysError } from "../base/errors.ts";
import type { Int64 } from "../base/int64.ts";
import { host, type Argument } from "./host.ts";
import { Struct } from "./memory.ts";

const NAME = "libsystemd.so.0";

let library = 0;
const functions = new Map<string, number>();

/** @throws HostError that names the package when the library is missing, or too old for the function */
function resolve(name: string): number {
  const known = functions.get(name);
  if (known !== undefined) return known;
  try {
    if (library === 0) library = host.dlopen(NAME);
    const found = host.dlsym(library, name);
    functions.set(name, found);
    return found;
  } catch (error) {
    throw new HostError(`--systemd-cgroup needs ${NAME}, which cannot be loaded (Debian's package is libsystemd0): ${error instanceof Error ? error.message : String(error)}`);
  }
}

function check(name: string, detail: string, ...args: readonly Argument[]): number {
  const result = host.call(resolve(name), ...args);
  if (result < 0) throw new SysError(name, -result, detail);
  return result;
}

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

/** A message, ours until it is disposed of. */
export class Message {
  readonly #raw: bigint;

  constructor(raw: bigint) {
    this.#raw = raw;
  }

  /** For Bus. */
  get raw(): bigint {
    return this.#raw;
  }

  /** @see sd_bus_message_unref(3) */
  [Symbol.dispose](): void {
    host.callLong(resolve("sd_bus_message_unref"), this.#raw);
  }

  /** A string, object path or signature. @see sd_bus_message_append_basic(3) */
  appendText(type: "s" | "o" | "g", value: string): void {
    check("sd_bus_message_append_basic", JSON.stringify(value), this.#raw, type.charCodeAt(0), value);
  }

  /** @param type b, an integer's or d */
  appendNumber(type: string, value: Int64 | boolean): void {
    const memory = new DataView(new ArrayBuffer(8));
    if (type === "d") memory.setFloat64(0, Number(value), true);
    else memory.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true); // little endian: its lower bytes are the narrower types
    check("sd_bus_message_append_basic", String(value), this.#raw, type.charCodeAt(0), memory.buffer);
  }

  /** Appends what `fill` appends as one array, structure, dictionary entry or variant. @see sd_bus_message_open_container(3) */
  append(type: "a" | "r" | "e" | "v", contents: string, fill: () => void): void {
    check("sd_bus_message_open_container", contents, this.#raw, type.charCodeAt(0), contents);
    fill();
    check("sd_bus_message_close_container", contents, this.#raw);
  }

  /** The next argument, a string or an object path. @see sd_bus_message_read_basic(3) */
  readText(type: "s" | "o"): string {
    const pointer = new Struct(8);
    check("sd_bus_message_read_basic", type, this.#raw, type.charCodeAt(0), pointer.buffer);
    return host.cstring(pointer.getNumber(0));
  }

  /** The next argument, 32 bits. */
  readUint32(): number {
    const value = new Struct(8);
    check("sd_bus_message_read_basic", "u", this.#raw, "u".charCodeAt(0), value.buffer);
    return value.getU32(0);
  }

  /** @see sd_bus_message_is_signal(3) */
  isSignal(sender: string, member: string): boolean {
    return check("sd_bus_message_is_signal", member, this.#raw, sender, member) > 0;
  }
}

/** A connection. Not to be taken along into another process: the library refuses to work there. */
export class Bus {
  readonly #raw: bigint;

  private constructor(raw: bigint) {
    this.#raw = raw;
  }

  /** A connection without a bus between: to whoever listens at the address. @see sd_bus_set_address(3) */
  static at(address: string): Bus {
    const bus = new Bus(pointer("sd_bus_new", ""));
    try {
      check("sd_bus_set_address", address, bus.#raw, address);
      check("sd_bus_start", address, bus.#raw);
      return bus;
    } catch (error) {
      bus[Symbol.dispose]();
      throw error;
    }
  }

  /** @see sd_bus_open_system(3) */
  static system(): Bus {
    return new Bus(pointer("sd_bus_open_system", ""));
  }

  /** $DBUS_SESSION_BUS_ADDRESS, or $XDG_RUNTIME_DIR/bus. @see sd_bus_open_user(3) */
  static user(): Bus {
    return new Bus(pointer("sd_bus_open_user", ""));
  }

  /** @see sd_bus_flush_close_unref(3) */
  [Symbol.dispose](): void {
    host.callLong(resolve("sd_bus_flush_close_unref"), this.#raw);
  }

  /** @see sd_bus_message_new_method_call(3) */
  method(destination: string, path: string, sender: string, member: string): Message {
    const message = new Struct(8);
    check("sd_bus_message_new_method_call", member, this.#raw, message.buffer, destination, path, sender, member);
    return new Message(message.getU64(0));
  }

  /** Asks and waits for the answer, 25 seconds at most. @param detail what is asked, for the error @throws DBusError the other side says no @see sd_bus_call(3) */
  call(message: Message, detail: string): Message {
    const reply = new Struct(8);
    const error = new Struct(sd_bus_error.size);
    const result = host.call(resolve("sd_bus_call"), this.#raw, message.raw, 0, error.buffer, reply.buffer);
    if (result >= 0) return new Message(reply.getU64(0));
    const [name, text] = [error.getNumber(sd_bus_error.name), error.getNumber(sd_bus_error.message)];
    if (name === 0) throw new SysError("sd_bus_call", -result, detail);
    const refused = new DBusError(host.cstring(name), text === 0 ? "" : host.cstring(text), detail);
    host.call(resolve("sd_bus_error_free"), error.buffer);
    throw refused;
  }

  /** Asks and does not want to hear of it. @see sd_bus_send(3) */
  send(message: Message): void {
    check("sd_bus_message_set_expect_reply", "", message.raw, 0);
    check("sd_bus_send", "", this.#raw, message.raw, null);
  }

  /** Waits for the next message that is no answer. undefined: the time is over, or something else has happened. @see sd_bus_process(3), sd_bus_wait(3) */
  receive(timeoutMs: number): Message | undefined {
    const message = new Struct(8);
    if (check("sd_bus_process", "", this.#raw, message.buffer) === 0) check("sd_bus_wait", "", this.#raw, Math.round(timeoutMs * 1000));
    return message.getU64(0) === 0n ? undefined : new Message(message.getU64(0));
  }
}

/** Calls one that makes something and says where. */
function pointer(name: string, detail: string): bigint {
  const made = new Struct(8);
  check(name, detail, made.buffer);
  return made.getU64(0);
}
