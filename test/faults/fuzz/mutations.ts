// Structural mutations of good documents: the same number makes the same document, under Node and in the engine of tsrun.

export type Json = { [key: string]: unknown };

/** mulberry32: small, and the same everywhere. */
export function random(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

type Pick = (below: number) => number;
const one = <T>(pick: Pick, list: readonly T[]): T => list[pick(list.length)] as T;

/** Text that goes into the document as it is: JSON has numbers that JavaScript has not. */
const raw = (text: string): string => `@@${text}@@`;
const withRaw = (text: string): string => text.replaceAll(/"@@([^"]*)@@"/g, "$1");

const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  -(2 ** 53),
  raw("9223372036854775807"),
  raw("9223372036854775808"),
  raw("-9223372036854775809"),
  raw("18446744073709551615"),
  raw("18446744073709551616"),
  raw("1e400"),
  raw("-0.0"),
  "",
  " ",
  "a",
  "\0",
  "\n",
  "a=b",
  "=",
  "/",
  "..",
  "../../../../../..",
  "/proc/self/fd/3",
  "/dev/zero",
  "\ud800",
  "\u202e",
  "💥",
  "%s%n",
  "__proto__",
  "constructor",
  "x".repeat(300),
  "x/".repeat(3000),
  "rbind",
  "ro",
  "idmap",
  "shared",
  "tmpcopyup",
  "CAP_SYS_ADMIN",
  "RLIMIT_NOFILE",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_ERRNO",
  "MPOL_BIND",
  "SCHED_DEADLINE",
  "user",
  "mount",
  "1-0",
  "0-99999999999",
  [],
  {},
  [[]],
  [null],
  { "": 0 },
  ["a", 1, null],
  [{ type: "pid" }, { type: "pid" }],
  [{ containerID: 0, hostID: 0, size: 4294967295 }],
];

/** Every place of a document: the object or list, and the key in it. */
function places(value: unknown, found: [Json, string][] = []): [Json, string][] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Json, key]);
    places((value as Json)[key], found);
  }
  return found;
}

const clone = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Array.isArray(value)
      ? value.map(clone)
      : Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, clone(inside)]));

const otherCase = (pick: Pick, key: string): string =>
  [...key].map((c) => (pick(3) === 0 ? (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()) : c)).join("");

function change(pick: Pick, document: unknown, others: readonly unknown[]): void {
  const all = places(document);
  if (all.length === 0) return;
  const [parent, key] = one(pick, all);
  const isList = Array.isArray(parent);
  switch (pick(12)) {
    case 0:
      if (isList) parent.splice(Number(key), 1);
      else delete parent[key];
      return;
    case 1:
      parent[key] = [parent[key]];
      return;
    case 2:
      parent[key] = { [key]: parent[key] };
      return;
    case 3:
      if (isList) parent.push(clone(parent[Number(key)]));
      else parent[`${key}${one(pick, ["", "s", "x", "\u0000", "/", "~"])}`] = clone(one(pick, all)[0]);
      return;
    case 4:
      if (isList) for (let i = pick(200); i > 0; i--) parent.push(clone(parent[Number(key)]));
      return;
    case 5:
      if (!isList) {
        parent[otherCase(pick, key)] = parent[key];
        if (pick(4) > 0) delete parent[key];
      }
      return;
    case 6: {
      const [from, name] = one(pick, places(one(pick, others)));
      parent[key] = clone(from[name]); // what stands elsewhere
      return;
    }
    case 7: {
      const value = parent[key];
      if (typeof value === "number") parent[key] = value + one(pick, [-1, 1, 0.5, 2 ** 31, -(2 ** 31), 2 ** 32]);
      else if (typeof value === "string")
        parent[key] = value.slice(pick(value.length + 1)) + one(pick, ["", "\0", "é", "x"]);
      return;
    }
    default:
      parent[key] = clone(one(pick, STRANGE));
  }
}

/** Of the text itself: what is cut off, given twice, or nested as deep as no document is. */
function changeText(pick: Pick, text: string): string {
  const at = pick(text.length);
  switch (pick(24)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + one(pick, ['"', "{", "[", ",", ":", "\\", "\u0000", "1", "-", "}"]) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + pick(10));
    case 3: {
      const levels = 1 + pick(12_000);
      return text.replace("{", () => `{"x":${"[".repeat(levels)}${"]".repeat(levels)},`);
    }
    case 4: {
      const [name] = /"[a-zA-Z]+":/.exec(text.slice(at)) ?? [];
      return name === undefined
        ? text
        : text.replace(name, () => `${name}${one(pick, ["null", "0", "{}", "[]"])},${name}`);
    }
    default:
      return text;
  }
}

/** Document number `n` of a series. @param tame another root or other cgroups than the good document's are taken back, for what is run */
export function mutation(seed: number, n: number, good: readonly unknown[], tame = false): string {
  const pick = random(seed + n * 7919);
  const document = clone(tame ? good[0] : one(pick, good)) as Json;
  for (let count = 1 + pick(4); count > 0; count--) change(pick, document, good);
  if (tame) {
    const { root, linux } = document as { root?: { path?: unknown }; linux?: { cgroupsPath?: unknown } };
    if (typeof root?.path === "string" && root.path !== "") root.path = "rootfs";
    if (typeof linux?.cgroupsPath === "string") delete linux.cgroupsPath;
  }
  return changeText(pick, withRaw(JSON.stringify(document)));
}

const WORDS = [
  ...[
    "create",
    "start",
    "run",
    "exec",
    "state",
    "list",
    "kill",
    "delete",
    "pause",
    "resume",
    "update",
    "events",
    "ps",
    "spec",
  ],
  ...[
    "features",
    "mounts",
    "plan",
    "validate",
    "doctor",
    "help",
    "checkpoint",
    "restore",
    "--help",
    "--version",
    "--root",
  ],
  ...[
    "--log",
    "--log-format",
    "json",
    "text",
    "--debug",
    "--systemd-cgroup",
    "--rootless",
    "true",
    "auto",
    "--bundle",
    "-b",
  ],
  ...[
    "--pid-file",
    "--console-socket",
    "--no-pivot",
    "--force",
    "-f",
    "--all",
    "--resources",
    "-",
    "--process",
    "--tty",
    "-t",
  ],
  ...[
    "--memory",
    "10M",
    "-1",
    "99999999999999999999",
    "--pids-limit",
    "--user",
    "0:0",
    "--cap",
    "--env",
    "A=B",
    "--cwd",
    "/",
  ],
  ...[
    "--preserve-fds",
    "1",
    "KILL",
    "9",
    "SIGRTMIN+1",
    "id",
    "../id",
    "",
    "--",
    "--=",
    "-",
    "-x",
    "--no-such",
    "--root=",
    "=",
    "💥",
  ],
  ...[
    "/dev/null",
    "/nonexistent",
    "table",
    "--format",
    "--regex",
    ".*",
    "(",
    "[",
    "--quiet",
    "--interval",
    "0s",
    "--stats",
  ],
];

/** Command line number `n` of a series. */
export function commandLine(seed: number, n: number): readonly string[] {
  const pick = random(seed + n * 104_729);
  return Array.from({ length: 1 + pick(7) }, () => (pick(20) === 0 ? "x".repeat(pick(5000)) : one(pick, WORDS)));
}
