// JSON without its two traps: integers beyond 2^53, which JSON.parse rounds, and errors that do not say where.
// The engine's own JSON.parse is the fast way in; parseExact is for when it failed or a number came out unsafe.
// JSON pointers (RFC 6901) name places in a document.

/** The text is not JSON. Line and column count from 1; the column counts UTF-16 units. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly line: number;
  readonly column: number;
  /** What should have stood there, such as `"," or "}"`. */
  readonly expected: string;
  /** The message without line and column. */
  readonly problem: string;

  constructor(text: string, position: number, expected: string) {
    const before = text.slice(0, position);
    const line = before.split("\n").length;
    const column = position - before.lastIndexOf("\n");
    const problem = `expected ${expected}, found ${found(text, position)}`;
    super(`line ${line}, column ${column}: ${problem}`);
    this.line = line;
    this.column = column;
    this.expected = expected;
    this.problem = problem;
  }
}

/** As Go has it. Nothing here recurses, so that no document exhausts the stack. */
const MAX_DEPTH = 10_000;

/**
 * The most values and escapes of a document: a config.json of podman has some 1,500. What is smaller is read in a second and a few megabytes;
 * a value takes up to 150 bytes of memory where its text takes 2.
 */
const MAX_PARTS = 131_072;

/** An object whose end has not been read yet, and the name of the property that is being read. */
type OpenObject = { readonly list: undefined; readonly object: { [key: string]: unknown }; key: string };
type OpenList = { readonly list: unknown[] };

/**
 * Parses JSON as JSON.parse does, but integers that are not safe as numbers become bigints.
 *
 * @param duplicate hears the pointer of each key that occurs again in its object (the last one wins, as in Go)
 * @throws JsonSyntaxError
 */
export function parseExact(text: string, duplicate?: (pointer: string) => void): unknown {
  const plain = /[^"\\\u0000-\u001f]*/y;
  const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
  const space = /[ \t\n\r]*/y;
  /** Lists and objects from the outermost down to where we are. */
  const open: (OpenObject | OpenList)[] = [];
  let at = 0;
  let parts = 0;
  let told = 0;

  const fail = (expected: string, position: number = at): never => {
    throw new JsonSyntaxError(text, position, expected);
  };

  const countPart = (): void => {
    if (++parts > MAX_PARTS) fail(`at most ${MAX_PARTS} values and escapes`);
  };

  const skipSpace = (): string => {
    if (text.charCodeAt(at) <= 0x20) {
      space.lastIndex = at;
      space.test(text);
      at = space.lastIndex;
    }
    return text.charAt(at);
  };

  const parseString = (): string => {
    let out = "";
    for (at++; ;) {
      plain.lastIndex = at;
      plain.test(text);
      out += text.slice(at, plain.lastIndex);
      at = plain.lastIndex;
      const c = text.charAt(at);
      if (c === '"') {
        at++;
        return out;
      }
      if (c !== "\\") return fail(c === "" ? "the end of the string" : "an escape such as \\n for a control character");
      countPart();
      out += parseEscape();
    }
  };

  const parseEscape = (): string => {
    const c = text.charAt(at + 1);
    if (c === "u") {
      const hex = text.slice(at + 2, at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) fail("four hexadecimal digits after \\u");
      at += 6;
      return String.fromCharCode(parseInt(hex, 16));
    }
    const meant = ESCAPES[c];
    if (c === "" || meant === undefined) return fail('one of the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u');
    at += 2;
    return meant;
  };

  const parseNumber = (): number | bigint => {
    number.lastIndex = at;
    const match = number.exec(text);
    if (!match) return fail("a digit", at + 1);
    const [digits] = match;
    const value = Number(digits);
    const integer = match[1] === undefined && match[2] === undefined;
    at += digits.length;
    return integer && !Number.isSafeInteger(value) && digits.length <= MAX_DIGITS ? BigInt(digits) : value;
  };

  const parseWord = (word: string, value: unknown): unknown => {
    if (text.slice(at, at + word.length) !== word) fail("a value");
    at += word.length;
    return value;
  };

  const parseScalar = (c: string): unknown => {
    if (c === '"') return parseString();
    if (c === "t") return parseWord("true", true);
    if (c === "f") return parseWord("false", false);
    if (c === "n") return parseWord("null", null);
    return c === "-" || (c >= "0" && c <= "9") ? parseNumber() : fail("a value");
  };

  /** The name of the next property of the innermost object, which `next` begins, and its colon. */
  const parseKey = (next: string, around: OpenObject): void => {
    if (next !== '"') fail("a property name in double quotes");
    around.key = parseString();
    if (skipSpace() !== ":") fail('":"');
    at++;
    if (duplicate && told < MAX_TOLD && Object.hasOwn(around.object, around.key)) {
      told++;
      duplicate(
        open
          .map((level) => `/${escapePointer(String(level.list === undefined ? level.key : level.list.length))}`)
          .join(""),
      );
    }
  };

  for (;;) {
    // Down to a value that has nothing inside.
    const c = skipSpace();
    countPart();
    let value: unknown;
    if (c === "{" || c === "[") {
      if (open.length === MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels of nesting`);
      at++;
      const next = skipSpace();
      if (c === "[" && next !== "]") {
        open.push({ list: [] });
        continue;
      }
      if (c === "{" && next !== "}") {
        const around: OpenObject = { list: undefined, object: {}, key: "" };
        open.push(around);
        parseKey(next, around);
        continue;
      }
      at++;
      value = c === "[" ? [] : {};
    } else value = parseScalar(c);
    // Up again, as far as lists and objects end.
    for (;;) {
      const around = open.at(-1);
      if (around === undefined) {
        if (skipSpace() !== "") fail("the end of the document");
        return value;
      }
      if (around.list !== undefined) around.list.push(value);
      else setOwn(around.object, around.key, value);
      const next = skipSpace();
      at++;
      if (next === ",") {
        if (around.list === undefined) parseKey(skipSpace(), around);
        break;
      }
      if (next !== (around.list === undefined ? "}" : "]"))
        fail(around.list === undefined ? '"," or "}"' : '"," or "]"', at - 1);
      open.pop();
      value = around.list === undefined ? around.object : around.list;
    }
  }
}

/** What has more is infinite as a number, and no field takes it. The engine needs a second for 200,000 of them. */
const MAX_DIGITS = 400;

/** So many equal keys are told of: a pointer may be as long as the document is deep. */
const MAX_TOLD = 1000;

function setOwn(object: { [key: string]: unknown }, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

const ESCAPES: { readonly [letter: string]: string } = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** How to name what stands at `position` in an error. */
function found(text: string, position: number): string {
  const [c] = text.slice(position, position + 2);
  if (c === undefined) return "the end of the text";
  if (c < "!" || c > "~") return `U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  return JSON.stringify(/^[\w-]/.test(c) ? (/^[\w.+-]{1,24}/.exec(text.slice(position, position + 24)) ?? [c])[0] : c);
}

/** Text as JSON.stringify makes it, with bigints as exact integers. `indent` is spaces, or the text to indent with. */
export function stringify(value: unknown, indent: number | string = 0): string {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    if (!holdsBigInt(value)) throw error; // a cycle
  }
  return write(value, typeof indent === "number" ? " ".repeat(indent) : indent, "\n") ?? "null";
}

function holdsBigInt(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value === "bigint";
  return Object.values(value).some(holdsBigInt);
}

function write(value: unknown, indent: string, newline: string): string | undefined {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent ? newline + indent : "";
  const outer = indent ? newline : "";
  const deeper = newline + indent;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) parts.push(inner + (write(item, indent, deeper) ?? "null"));
    return parts.length ? `[${parts.join(",")}${outer}]` : "[]";
  }
  for (const [key, item] of Object.entries(value)) {
    const text = write(item, indent, deeper);
    if (text !== undefined) parts.push(`${inner}${JSON.stringify(key)}:${indent ? " " : ""}${text}`);
  }
  return parts.length ? `{${parts.join(",")}${outer}}` : "{}";
}

/** The JSON pointer of these keys and indices: pointer("mounts", 3) is "/mounts/3", pointer() the whole document. */
export function pointer(...path: readonly (string | number)[]): string {
  return path.map((part) => `/${escapePointer(String(part))}`).join("");
}

/** One key as it stands between two slashes of a pointer. */
export function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The keys of a JSON pointer, unescaped. */
export function pointerPath(text: string): string[] {
  return text
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
