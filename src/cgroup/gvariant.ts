// Values with a D-Bus type, and their text form as annotations have it: "uint64 5", "'yes'", "[true, false]", "@as []".
// Pure. The grammar is GLib's text format of GVariant without maybe types: what runc reads, and tuples besides.

import { compareInt64, int64, MAX_INT64, MAX_UINT64, MIN_INT64, type Int64 } from "../base/int64.ts";

/** A structure is its members; a dictionary entry is [key, value]. A double is a number, an integer an Int64. */
export type Value = boolean | Int64 | string | readonly Value[] | Variant;

export type Variant = {
  /** One complete type. @see the D-Bus specification, Type System */
  readonly signature: string;
  readonly value: Value;
};

export const text = (value: string): Variant => ({ signature: "s", value });
export const flag = (value: boolean): Variant => ({ signature: "b", value });
export const uint64 = (value: Int64): Variant => ({ signature: "t", value });
export const bytes = (value: readonly number[]): Variant => ({ signature: "ay", value });

/** The value in the text form, its types left out where anybody sees them. */
export function show({ signature, value }: Variant): string {
  if (typeof value === "string") return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  if (typeof value !== "object") return String(value);
  if (!isList(value)) return `<${show(value)}>`;
  if (signature.startsWith("a{"))
    return `{${value.map((entry) => showEntry(signature.slice(2, -1), entry)).join(", ")}}`;
  if (signature.startsWith("a"))
    return `[${value.map((element) => show({ signature: signature.slice(1), value: element })).join(", ")}]`;
  const types = split(signature.slice(1, -1));
  return `(${value.map((member, i) => show({ signature: types[i] ?? "", value: member })).join(", ")})`;
}

function showEntry(types: string, entry: Value): string {
  const [key = "", value = ""] = isList(entry) ? entry : [];
  return `${show({ signature: types.slice(0, 1), value: key })}: ${show({ signature: types.slice(1), value })}`;
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** "sa{sv}(ii)" as "s", "a{sv}", "(ii)". */
export function split(signature: string): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number): number {
  const letter = signature.charAt(at);
  if (letter === "a") return endOfType(signature, at + 1);
  if (letter !== "(" && letter !== "{") {
    if (!/[ybnqiuxtdsogv]/.test(letter)) throw new Error(`bad type "${signature}"`);
    return at + 1;
  }
  const close = letter === "(" ? ")" : "}";
  for (let next = at + 1; next < signature.length; next = endOfType(signature, next))
    if (signature.charAt(next) === close) return next + 1;
  throw new Error(`bad type "${signature}"`);
}

// ---- from text

/** What was read, before it is known which of the possible types it is. */
type Node = { readonly declared: string | undefined } & (
  | { readonly kind: "number" | "string"; readonly text: string }
  | { readonly kind: "flag"; readonly value: boolean }
  | { readonly kind: "bytes"; readonly bytes: readonly number[] }
  | { readonly kind: "array" | "tuple"; readonly children: readonly Node[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Node, Node])[] }
  | { readonly kind: "variant"; readonly inner: Node }
);

const keywords: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

/** @throws Error in words */
export function parseVariant(source: string): Variant {
  const reader = new Reader(source);
  const node = reader.node();
  reader.end();
  const signature = typeOf(node);
  if (signature === undefined) throw new Error(`cannot tell the type of ${source}: write it before, as in "@as []"`);
  return { signature, value: convert(node, signature) };
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  node(): Node {
    const declared = this.#type();
    const next = this.#peek();
    if (next === "'" || next === '"') return { declared, kind: "string", text: this.#string() };
    if (next === "[") return { declared, kind: "array", children: this.#list("]", () => this.node()) };
    if (next === "(") return { declared, kind: "tuple", children: this.#list(")", () => this.node()) };
    if (next === "{") return { declared, kind: "dict", entries: this.#list("}", () => this.#entry()) };
    if (next === "<") return { declared, kind: "variant", inner: this.#inner() };
    if (/^b['"]/.test(this.#source.slice(this.#at))) return { declared, kind: "bytes", bytes: this.#bytes() };
    const word = this.#take(/[\w+.-]+/y) ?? this.#fail();
    if (word === "true" || word === "false") return { declared, kind: "flag", value: word === "true" };
    if (/^[+-]?(0x[\da-f]+|\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)$/i.test(word))
      return { declared, kind: "number", text: word };
    throw new Error(`unexpected "${word}": strings stand in quotes`);
  }

  end(): void {
    if (this.#peek() !== "") this.#fail();
  }

  #type(): string | undefined {
    this.#peek();
    const given = this.#take(/@\S+/y);
    if (given !== undefined) {
      if (split(given.slice(1)).length !== 1) throw new Error(`bad type "${given}"`);
      return given.slice(1);
    }
    const keyword = this.#take(/(boolean|byte|u?int(16|32|64)|double|string|objectpath|signature)\b/y);
    return keyword === undefined ? undefined : keywords[keyword];
  }

  #list<T>(close: string, element: () => T): readonly T[] {
    const all: T[] = [];
    this.#at++;
    while (this.#peek() !== close) {
      all.push(element());
      if (this.#peek() === ",") this.#at++;
      else if (this.#peek() !== close) this.#fail();
    }
    this.#at++;
    return all;
  }

  #entry(): readonly [Node, Node] {
    const key = this.node();
    if (this.#peek() !== ":") this.#fail();
    this.#at++;
    return [key, this.node()];
  }

  #inner(): Node {
    this.#at++;
    const inner = this.node();
    if (this.#peek() !== ">") this.#fail();
    this.#at++;
    return inner;
  }

  #string(): string {
    const quote = this.#source.charAt(this.#at++);
    let out = "";
    for (let letter = this.#next(); letter !== quote; letter = this.#next()) {
      if (letter !== "\\") {
        out += letter;
        continue;
      }
      const escape = this.#next();
      if (escape === "u") out += String.fromCodePoint(this.#hex(4));
      else if (escape === "U") out += String.fromCodePoint(this.#hex(8));
      else if (escape !== "\n") out += controls[escape] ?? escape;
    }
    return out;
  }

  /** b'…': bytes with a NUL at the end. */
  #bytes(): readonly number[] {
    this.#at++;
    const quote = this.#source.charAt(this.#at++);
    const out: number[] = [];
    for (let letter = this.#next(); letter !== quote; letter = this.#next()) {
      if (letter === "\\") {
        const octal = this.#take(/[0-7]{1,3}/y);
        const escape = octal === undefined ? this.#next() : "";
        out.push(
          octal === undefined
            ? escape === "x"
              ? this.#hex(2)
              : (controls[escape] ?? escape).charCodeAt(0) & 0xff
            : parseInt(octal, 8) & 0xff,
        );
      } else out.push(letter.charCodeAt(0) & 0xff);
    }
    return [...out, 0];
  }

  #hex(digits: number): number {
    const taken = this.#source.slice(this.#at, this.#at + digits);
    const code = parseInt(taken, 16);
    if (!/^[\da-f]+$/i.test(taken) || taken.length < digits || code > 0x10ffff) this.#fail();
    this.#at += digits;
    return code;
  }

  #next(): string {
    if (this.#at >= this.#source.length) throw new Error("a quote is not closed");
    return this.#source.charAt(this.#at++);
  }

  /** The next character that is no blank; "" at the end. */
  #peek(): string {
    this.#take(/\s+/y);
    return this.#source.charAt(this.#at);
  }

  /** @param pattern sticky */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(): never {
    const rest = this.#source.slice(this.#at);
    throw new Error(rest === "" ? "unexpected end" : `unexpected ${JSON.stringify(rest)}`);
  }
}

const controls: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** What it is declared to be, else what its elements are declared to be, else the usual type. undefined: empty, of no type. */
function typeOf(node: Node): string | undefined {
  if (node.declared !== undefined) return node.declared;
  switch (node.kind) {
    case "number":
      return /^[^x]*[.e]/i.test(node.text) ? "d" : "i";
    case "string":
      return "s";
    case "flag":
      return "b";
    case "bytes":
      return "ay";
    case "variant":
      return "v";
    case "array": {
      const element = common(node.children);
      return element === undefined ? undefined : `a${element}`;
    }
    case "dict": {
      const key = common(node.entries.map(([first]) => first));
      const value = common(node.entries.map(([, second]) => second));
      return key === undefined || value === undefined ? undefined : `a{${key}${value}}`;
    }
    case "tuple": {
      const members = node.children.map(typeOf);
      return members.includes(undefined) ? undefined : `(${members.join("")})`;
    }
  }
}

function common(nodes: readonly Node[]): string | undefined {
  const types = nodes.map(typeOf);
  const declared = nodes.findIndex((node) => node.declared !== undefined);
  return declared >= 0 ? types[declared] : types.includes("d") ? "d" : types.find((type) => type !== undefined);
}

const ranges: Readonly<Record<string, readonly [Int64, Int64]>> = {
  y: [0, 0xff],
  n: [-0x8000, 0x7fff],
  q: [0, 0xffff],
  i: [-0x8000_0000, 0x7fff_ffff],
  u: [0, 0xffff_ffff],
  x: [MIN_INT64, MAX_INT64],
  t: [0, MAX_UINT64],
};

function convert(node: Node, signature: string): Value {
  const wrong = (): never => {
    throw new Error(`a value of type "${typeOf(node) ?? node.kind}" cannot be of type "${signature}"`);
  };
  if (node.declared !== undefined && node.declared !== signature) return wrong();
  switch (node.kind) {
    case "number":
      return signature === "d" ? Number(node.text) : integer(node.text, ranges[signature] ?? wrong(), signature);
    case "string":
      return /^[sog]$/.test(signature) ? node.text : wrong();
    case "flag":
      return signature === "b" ? node.value : wrong();
    case "bytes":
      return signature === "ay" ? node.bytes : wrong();
    case "variant": {
      const inner = typeOf(node.inner);
      if (signature !== "v" || inner === undefined) return wrong();
      return { signature: inner, value: convert(node.inner, inner) };
    }
    case "array":
      if (!signature.startsWith("a") || signature.startsWith("a{")) return wrong();
      return node.children.map((child) => convert(child, signature.slice(1)));
    case "dict": {
      if (!signature.startsWith("a{")) return wrong();
      const [key = "", value = ""] = split(signature.slice(2, -1));
      return node.entries.map(([first, second]) => [convert(first, key), convert(second, value)]);
    }
    case "tuple": {
      const members = signature.startsWith("(") ? split(signature.slice(1, -1)) : wrong();
      if (members.length !== node.children.length) return wrong();
      return node.children.map((child, i) => convert(child, members[i] ?? ""));
    }
  }
}

/** Decimal, hexadecimal with 0x or octal with 0, as in Go. */
function integer(source: string, [least, most]: readonly [Int64, Int64], signature: string): Int64 {
  const [, sign = "", digits = ""] = /^([+-]?)(.*)$/.exec(source) ?? [];
  if (/^0\d*[89]/.test(digits) || /[.e]/i.test(digits.replace(/^0x.*/i, "")))
    throw new Error(`"${source}" cannot be of type "${signature}"`);
  const magnitude = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = int64(sign === "-" ? -magnitude : magnitude);
  if (compareInt64(value, least) < 0 || compareInt64(value, most) > 0)
    throw new Error(`${source} is out of range for type "${signature}"`);
  return value;
}
