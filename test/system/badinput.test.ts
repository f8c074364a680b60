// Input that nobody would write: huge, deep, broken, and two thousand mutations of good config.json files, the same ones each time. The
// engine never crashes, nothing is ever left, and what the schema or a law forbids never becomes a container.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { isConfig } from "../../build/gen/validate.js";
import { parseExact, stringify } from "../../src/base/json.ts";
import { decodeSpec } from "../../src/spec/decode.ts";
import { full } from "../../src/spec/full.fixture.ts";
import { asGoNames, asGoReads } from "../../src/spec/names.ts";
import { checkLaws, checkNulBytes } from "../../src/spec/validate.ts";
import { defaultConfig } from "./bundle.ts";
import { isTsrun, PROGRAM, PROJECT, refused, SLOWNESS, useBox, type Box } from "./harness.ts";

const MUTATIONS = 2000;
const CREATED = 200;
const SEED = 20_261_122;
const AT_ONCE = 4;
/** As many commands to a shell: to start each from here would take longer than they do. An even number. */
const EACH = 16;
/** What a signal ends has a status above 128. */
const PLAN_AND_VALIDATE =
  'answer() { "$1" $2 -b "$3" >"$3/stdout" 2>"$3/stderr"; echo $? >"$3/status"; }; while [ $# -gt 0 ]; do answer "$0" plan "$1"; answer "$0" validate "$2"; shift 2; done';

type Json = { [key: string]: unknown };
type Output = {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** mulberry32: small, and the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Text that goes into the document as it is: JSON has numbers that JavaScript has not. */
const raw = (text: string): string => `@@${text}@@`;

const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  -0,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  raw("9223372036854775807"),
  raw("9223372036854775808"),
  raw("-9223372036854775809"),
  raw("18446744073709551615"),
  raw("18446744073709551616"),
  raw("1e400"),
  raw("1E+2"),
  raw("-0.0"),
  "",
  " ",
  "a",
  "\0",
  "a\0b",
  "\n",
  "a=b",
  "=",
  "/",
  "//",
  "..",
  "../../../../../..",
  "/proc/self/fd/3",
  "/dev/null",
  "\ud800",
  "\u202e\u0000",
  "💥",
  "%s%n",
  "$(reboot)",
  "$" + "{PATH}",
  "__proto__",
  "constructor",
  "x".repeat(300),
  "x/".repeat(3000),
  "rbind",
  "ro",
  "idmap",
  "shared",
  "CAP_SYS_ADMIN",
  "RLIMIT_NOFILE",
  "SCMP_ACT_NOTIFY",
  "MPOL_BIND",
  "user",
  "mount",
  "1-0",
  "0-99999999999",
  "[::1]",
  [],
  {},
  [[]],
  [null],
  { "": 0 },
  { a: { b: {} } },
  ["a", 1, null],
  Array.from({ length: 300 }, (_, i) => `k=${i}`),
  { path: "/bin/true" },
  [{ type: "pid" }, { type: "pid" }],
];

const clone = <T>(value: T): T => structuredClone(value);

/** Good documents: the default one, and it with each section that there is. */
function seeds(): readonly Json[] {
  const base = (): Json => clone(defaultConfig()) as unknown as Json;
  const sections = Object.entries(full)
    .filter(([key]) => !["process", "linux", "root", "mounts"].includes(key))
    .map(([key, value]) => ({ ...base(), [key]: clone(value) }));
  const parts = (where: "process" | "linux"): Json[] =>
    Object.entries(full[where] as Json).map(([key, value]) => ({
      ...base(),
      [where]: { ...(base()[where] as Json), [key]: clone(value) },
    }));
  const samples = readdirSync(join(PROJECT, "bundles"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      try {
        return [JSON.parse(readFileSync(join(PROJECT, "bundles", name, "config.json"), "utf8")) as Json];
      } catch {
        return [];
      }
    });
  return [base(), clone(full), ...sections, ...parts("process"), ...parts("linux"), ...samples];
}

/** Every place of a document: the object or list and the key in it. */
function places(value: unknown, found: [Json, string][] = []): [Json, string][] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Json, key]);
    places((value as Json)[key], found);
  }
  return found;
}

/** One document of the series. `tame` keeps what would act on the host: another root, other cgroups. */
function mutation(n: number, good: readonly Json[], tame: boolean): string {
  const pick = random(SEED + n * 7919);
  const one = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
  const document = clone(tame ? (good[0] as Json) : one(good));
  let twice = "";
  for (let count = 1 + pick(3); count > 0; count--) {
    const all = places(document);
    const place = one(all);
    const [parent, key] = place;
    switch (pick(6)) {
      case 0:
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete parent[key];
        break;
      case 1:
        parent[key] = [parent[key]];
        break;
      case 2:
        if (Array.isArray(parent)) parent.push(clone(parent[Number(key)]));
        else parent[`${key}${one(["", "s", "x", "\u0000", "/"])}`] = clone(one(all)[0]);
        break;
      case 3:
        twice = key;
        break;
      default:
        parent[key] = clone(one(STRANGE));
    }
  }
  if (tame) {
    const { root, linux } = document as { root?: { path?: unknown }; linux?: { cgroupsPath?: unknown } };
    if (typeof root?.path === "string" && root.path !== "") root.path = "rootfs";
    if (typeof linux?.cgroupsPath === "string") delete linux.cgroupsPath;
  }
  const text = stringify(document).replaceAll(/"@@([^"]*)@@"/g, "$1");
  return twice === ""
    ? text
    : text.replace(
        JSON.stringify(twice) + ":",
        () => `${JSON.stringify(twice)}:${one(["null", "0", '"x"', "{}"])},${JSON.stringify(twice)}:`,
      );
}

/** What the schema and the laws say, in another engine than the runtime's. */
function allowed(text: string): boolean {
  let json: unknown;
  try {
    json = parseExact(text);
  } catch {
    return false;
  }
  try {
    asGoNames(json, "Config");
  } catch {
    return false;
  }
  if (!isConfig(json)) asGoReads(json, "Config");
  return isConfig(json) && checkNulBytes(text, json, "Config").length === 0 && checkLaws(decodeSpec(json)).length === 0;
}

/** Ends by itself, with a status of ours, and in our words. */
function sane({ status, signal, stderr }: Output, what: string): void {
  assert.equal(signal, null, `${what}: ${stderr.slice(0, 2000)}`);
  assert(status === 0 || status === 1, `${what}: status ${status}: ${stderr.slice(0, 2000)}`);
  assert.doesNotMatch(
    stderr,
    /internal error|InternalError|TypeError|RangeError|ReferenceError|SyntaxError|stack overflow|\bat \w+ \(|died without a word/,
    what,
  );
  if (status === 1) assert.match(stderr, /^tsrun: /, what);
}

(isTsrun ? describe : describe.skip)("input that nobody would write", function () {
  this.timeout(600_000 * SLOWNESS);
  const box = useBox();
  let good: readonly Json[] = [];

  before(() => void (good = seeds()));

  const bundle = (name: string, text: string | Buffer): string => {
    const path = box().path(name);
    mkdirSync(join(path, "rootfs"), { recursive: true });
    writeFileSync(join(path, "config.json"), text);
    return path;
  };

  /** Several commands at once. */
  async function all(
    count: number,
    command: (n: number) => readonly string[],
    check: (output: Output, n: number) => void,
  ): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let n = next++; n < count; n = next++) {
        const [program = "", ...args] = command(n);
        check(await output(box(), program, args), n);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  it(`${MUTATIONS} mutations of good documents never crash plan and validate, and plan takes none that the schema or a law forbids`, async () => {
    const texts = Array.from({ length: MUTATIONS }, (_, n) => mutation(n, good, false));
    const bundles = Array.from({ length: AT_ONCE * EACH }, (_, i) => bundle(`bundle${i}`, ""));
    let taken = 0;
    // A bundle is written anew only after its command has ended: as many at a time as there are bundles.
    for (let from = 0; from < MUTATIONS; from += bundles.length) {
      const some = texts.slice(from, from + bundles.length);
      some.forEach((text, i) => writeFileSync(join(bundles[i] as string, "config.json"), text));
      await all(
        AT_ONCE,
        (worker) => ["/bin/sh", "-c", PLAN_AND_VALIDATE, PROGRAM, ...bundles.slice(worker * EACH, (worker + 1) * EACH)],
        (said) => assert.deepEqual([said.status, said.stderr], [0, ""]),
      );
      some.forEach((text, i) => {
        const what = `mutation ${from + i}: ${text.slice(0, 6000)}`;
        const read = (name: string): string => readFileSync(join(bundles[i] as string, name), "utf8");
        const said = { status: Number(read("status")), signal: null, stdout: read("stdout"), stderr: read("stderr") };
        // What validate finds is its output, and so is a plan that says what will fail on this host.
        const isPlan = i % 2 === 0 && (said.status === 0 || /will fail here/.test(said.stdout));
        sane({ ...said, stderr: (isPlan || i % 2 === 1) && said.stderr === "" ? "tsrun: " : said.stderr }, what);
        if (isPlan) {
          taken++;
          assert(allowed(text), `taken: ${what}`);
        }
      });
    }
    assert(
      taken > MUTATIONS / 20 && taken < MUTATIONS / 2,
      `${taken} of ${MUTATIONS / 2} were good: too few or too many to show anything`,
    );
    box().assertNothingLeft();
  });

  it(`${CREATED} mutations never crash create, and nothing is left of any of them`, async () => {
    const states = box().stateRoot;
    // In mount namespaces of their own: a document without one would mount on the host. What is left there is seen before it goes.
    const script =
      'id=$2; b=$3; s=$4; cut -d" " -f3- /proc/self/mountinfo > "$b/before"; "$1" --root "$s" create --bundle "$b" "$id"; r=$?; "$1" --root "$s" delete --force "$id" || exit 99; cut -d" " -f3- /proc/self/mountinfo | diff "$b/before" - >&2 || exit 98; exit $r';
    let made = 0;
    await all(
      CREATED,
      (n) => {
        const container = box().container();
        writeFileSync(join(container.bundle, "config.json"), mutation(100_000 + n, good, true));
        return [
          "/usr/bin/unshare",
          "--mount",
          "--propagation",
          "private",
          "/bin/sh",
          "-c",
          script,
          "sh",
          PROGRAM,
          container.id,
          container.bundle,
          states,
        ];
      },
      (said, n) => {
        const text = mutation(100_000 + n, good, true);
        sane(said.status === 0 ? { ...said, stderr: "" } : said, `mutation ${n}: ${text.slice(0, 6000)}`);
        if (said.status === 0) made++;
        if (said.status === 0) assert(allowed(text), `created: ${text.slice(0, 6000)}`);
      },
    );
    assert(made > CREATED / 20 && made < CREATED, `${made} of ${CREATED} were created`);
    box().removeCgroups();
    box().assertNothingLeft();
  });

  const good10MB = (): string => {
    const config = defaultConfig();
    config.annotations = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`org.example.${i}`, "v".repeat(1000)]),
    );
    return JSON.stringify(config);
  };

  const deep = (open: string, close: string, levels: number): string =>
    `{"ociVersion":"1.0.0","annotations":${open.repeat(levels)}0${close.repeat(levels)}}`;

  const BROKEN: readonly (readonly [what: string, content: () => string | Buffer, message: RegExp])[] = [
    ["10 MB of opening brackets", () => "[".repeat(10 * 2 ** 20), /not JSON: .*levels of nesting/],
    ["10 MB of blanks", () => " ".repeat(10 * 2 ** 20), /not JSON/],
    ["one string of 10 MB that does not end", () => `{"ociVersion":"${"x".repeat(10 * 2 ** 20)}`, /not JSON/],
    ["100000 levels of lists", () => deep("[", "]", 100_000), /not JSON: .*levels of nesting/],
    ["100000 levels of objects", () => deep('{"a":', "}", 100_000), /not JSON: .*levels of nesting/],
    ["900 levels, which are JSON", () => deep('{"a":', "}", 900), /\/annotations/],
    ["NUL bytes", () => Buffer.from('{"ociVersion":"1.0.0"\0}'), /not JSON|NUL/],
    ["UTF-16", () => Buffer.from(JSON.stringify(defaultConfig()), "utf16le"), /not JSON/],
    [
      "bytes that are no UTF-8, in a key",
      () => Buffer.from([...Buffer.from('{"ociVersion":"1.0.0","'), 0xff, 0xfe, ...Buffer.from('":{}}')]),
      /root/,
    ],
    ["a number of 100000 digits", () => `{"ociVersion":${"9".repeat(100_000)}}`, /ociVersion/],
    ["a binary program", () => readFileSync(PROGRAM), /not JSON/],
  ];
  for (const [what, content, message] of BROKEN)
    it(`${what}: one error`, () => {
      const path = bundle("broken", content());
      const { status, stderr } = box().runtime(["plan", "-b", path]);
      assert.equal(status, 1, stderr.slice(0, 500));
      refused(box().runtime(["create", "--bundle", path, `${box().prefix}1`]), message);
      sane({ ...box().runtime(["validate", "-b", path]), stderr: "tsrun: " }, "validate");
    });

  /** Documents of which every part is wrong, or unknown, or too much. */
  const MANY = 15_000;
  const many = <T>(item: T): T[] => Array.from({ length: MANY }, () => item);
  const withProcess = (part: object): object => ({ process: { args: ["true"], cwd: "/", ...part } });
  const EVERYWHERE: readonly (readonly [what: string, part: () => object])[] = [
    ["wrong rlimits", () => withProcess({ rlimits: many({ type: "X", soft: -1, hard: "x" }) })],
    ["wrong variables", () => withProcess({ env: many("x") })],
    ["wrong mounts", () => ({ mounts: many({ destination: 1 }) })],
    ["namespaces", () => ({ linux: { namespaces: many({ type: "pid" }) } })],
    [
      "rules of seccomp that a law forbids",
      () => ({
        linux: {
          seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: many({ names: ["write"], action: "SCMP_ACT_NOTIFY" }) },
        },
      }),
    ],
    ["unknown properties", () => ({ mounts: many({ destination: "/a", type: "tmpfs", sourcc: "x" }) })],
    ["relative mounts", () => ({ mounts: many({ destination: "a", type: "tmpfs" }) })],
    ["devices", () => ({ linux: { devices: many({ path: "a", type: "c", major: 1, minor: 1 }) } })],
    ["sysctls", () => ({ linux: { sysctl: Object.fromEntries(many(0).map((_, i) => [`a.${i}`, "1"])) } })],
    [
      "device rules",
      () => ({ linux: { resources: { devices: many({ allow: true, type: "c", major: 1, access: "r" }) } } }),
    ],
    ["ids", () => ({ linux: { uidMappings: many({ containerID: 0, hostID: 0, size: 1 }) } })],
    [
      "annotations",
      () => ({ annotations: Object.fromEntries(many(0).map((_, i) => [`org.systemd.property.${i}`, "x"])) }),
    ],
    ["a name of 300 KB", () => ({ ["x".repeat(300_000)]: 1 })],
    ["10000 levels below a name that nobody knows", () => ({ x: raw("[".repeat(9_998) + "]".repeat(9_998)) })],
    ["10000 levels where there may be none", () => ({ hooks: raw("[".repeat(9_998) + "]".repeat(9_998)) })],
  ];
  /** A second, or two of processor time on a machine that does something else as well, and, program and all, 96 MB of addresses; what would take more ends by a signal or an internal error. */
  const within = (args: readonly string[]): Output => limited(`ulimit -t ${2 * SLOWNESS}; ulimit -v 98304`, args);
  const limited = (limits: string, args: readonly string[]): Output =>
    spawnSync("/bin/sh", ["-c", `${limits}; exec "$@"`, "sh", PROGRAM, ...args], {
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
  for (const [what, part] of EVERYWHERE)
    it(`${MANY} ${what}: validate and plan answer within a second and 96 MB of addresses`, () => {
      const text = stringify({ ociVersion: "1.0.0", root: { path: "rootfs" }, ...part() });
      const path = bundle("broken", text.replaceAll(/"@@([^"]*)@@"/g, "$1"));
      for (const args of [["plan"], ["validate"], ["validate", "--host"]]) {
        const said = within([...args, "-b", path]);
        sane({ ...said, stderr: said.status === 1 && args[0] === "validate" ? "tsrun: " : said.stderr }, what);
      }
    });

  for (const kilobytes of [8192, 128, 16])
    it(`a stack of ${kilobytes} KB is enough for a container, and for a document of 900 levels`, () => {
      const container = box().container();
      container.configure({ ...defaultConfig(), x: JSON.parse("[".repeat(900) + "]".repeat(900)) as unknown });
      const run = ["--root", box().stateRoot, "run", "--bundle", container.bundle, container.id];
      for (const args of [run, ["validate", "-b", container.bundle]]) {
        const { status, stdout, stderr } = limited(`ulimit -s ${kilobytes}`, args);
        assert.equal(status, 0, stdout + stderr);
      }
    });

  it("a NUL in root.path is found, with --host, too", () => {
    const path = bundle("broken", JSON.stringify({ ociVersion: "1.0.0", root: { path: "root\0fs" } }));
    for (const flags of [[], ["--host"]]) {
      const { status, stdout, stderr } = box().runtime(["validate", ...flags, "-b", path]);
      assert.equal(status, 1, stderr);
      assert.match(stdout, /error \/root\/path: contains a NUL byte/);
    }
  });

  it("a config.json of 10 MB that is good runs", () => {
    const container = box().container();
    container.configureText(good10MB());
    const { status, stderr } = container.run();
    assert.equal(status, 0, stderr);
  });

  it("bytes that are no UTF-8 in a string are no end of it, as in Go", () => {
    const container = box().container();
    const [front = "", back = ""] = JSON.stringify({ ...defaultConfig(), annotations: { a: "@" } }).split("@");
    writeFileSync(
      join(container.bundle, "config.json"),
      Buffer.concat([Buffer.from(front), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(back)]),
    );
    const { status, stderr } = container.run();
    assert.equal(status, 0, stderr);
  });

  it("a document that names itself, and keys of the engine's own, mean nothing", () => {
    const container = box().container();
    const text = JSON.stringify(defaultConfig());
    container.configureText(
      text.replace(
        "{",
        '{"__proto__":{"root":{"path":"/"},"hostname":"evil"},"constructor":{"prototype":{}},"toString":5,',
      ),
    );
    assert.equal(container.run().status, 0);
    container.configureText(
      text.replace('"root":', '"rooot":').replace("{", '{"__proto__":{"root":{"path":"rootfs"}},'),
    );
    refused(container.run(), /\/root: is required/);
  });
});

function output(box: Box, program: string, args: readonly string[]): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: box.directory,
      env: { TSRUN_TEST: box.prefix, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000 * SLOWNESS,
      killSignal: "SIGKILL",
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}
