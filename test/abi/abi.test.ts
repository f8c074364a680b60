// Compares every number of src/abi with the C headers: gcc compiles a program from the exported constants, which prints what the
// headers say; for the other machine a cross compiler checks the same by _Static_assert. The sources' own form is part of the
// test: line one of a file names its headers, a struct is preceded by its C type, a field followed by its width and C path.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import { after, before, describe, it } from "mocha";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

type Arch = "x86_64" | "aarch64";
type Module = Readonly<Record<string, unknown>>;

/** What one C expression must be; `id` names it in reports. */
interface Check {
  readonly id: string;
  readonly expression: string;
  readonly expected: bigint;
  /** False for what only a running program can tell, such as glibc's SIGRTMIN. */
  readonly constant: boolean;
}

const abi = join(HERE, "../../src/abi");
const names = readdirSync(abi)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3))
  .sort();
const sources = new Map(names.map((name) => [name, readFileSync(join(abi, `${name}.ts`), "utf8")]));
const host: Arch = process.arch === "arm64" ? "aarch64" : "x86_64";
const other: Arch = host === "x86_64" ? "aarch64" : "x86_64";
const crossCompiler = other === "aarch64" ? "aarch64-linux-gnu-gcc" : "x86_64-linux-gnu-gcc";
const packages = readFileSync(join(HERE, `packages.${host}.txt`), "utf8")
  .trim()
  .split("\n");

/** What installed headers may lack, and the Linux that brought it (or why no header has it). Headers of Linux 6.1 lack all of it. */
const mayBeAbsent: ReadonlyMap<string, string> = new Map([
  ["fcntl.F_SEAL_EXEC", "6.3"],
  ["memfd.MFD_NOEXEC_SEAL", "6.3"],
  ["memfd.MFD_EXEC", "6.3"],
  ["mount.MOVE_MOUNT_BENEATH", "6.5"],
  ["mount.FSCONFIG_CMD_CREATE_EXCL", "6.6"],
  ["stat.STATX_MNT_ID_UNIQUE", "6.8"],
  ["magic.PID_FS_MAGIC", "6.9"],
  ["mempolicy.MPOL_WEIGHTED_INTERLEAVE", "6.9"],
  ["pidfd.PIDFD_THREAD", "6.9"],
  ["pidfd.PIDFD_SIGNAL_THREAD", "6.9"],
  ["pidfd.PIDFD_SIGNAL_THREAD_GROUP", "6.9"],
  ["pidfd.PIDFD_SIGNAL_PROCESS_GROUP", "6.9"],
  ["nsfs.NS_GET_PID_FROM_PIDNS", "6.11"],
  ["sched.SCHED_EXT", "6.12"],
  ["statfs.ST_NOSYMFOLLOW", "5.10, but glibc 2.36 has no name for it"],
  ["keyctl.KEY_USR_VIEW", "2.6, but only keyutils.h has a name for it"],
  ["keyctl.KEY_USR_READ", "2.6, but only keyutils.h has a name for it"],
  ["keyctl.KEY_USR_SEARCH", "2.6, but only keyutils.h has a name for it"],
  ["libseccomp.SCMP_FLTATR_CTL_WAITKILL", "none: libseccomp 2.6"],
  ["syscall.SYS_fchmodat2", "6.6"],
  ["syscall.SYS_open_tree_attr", "6.15"],
  ["syscall_table.cachestat", "6.5"],
  ["syscall_table.fchmodat2", "6.6"],
  ["syscall_table.map_shadow_stack", "6.6"],
  ["syscall_table.futex_wake", "6.7"],
  ["syscall_table.futex_wait", "6.7"],
  ["syscall_table.futex_requeue", "6.7"],
  ["syscall_table.statmount", "6.8"],
  ["syscall_table.listmount", "6.8"],
  ["syscall_table.lsm_get_self_attr", "6.8"],
  ["syscall_table.lsm_set_self_attr", "6.8"],
  ["syscall_table.lsm_list_modules", "6.8"],
  ["syscall_table.mseal", "6.10"],
  ["syscall_table.setxattrat", "6.13"],
  ["syscall_table.getxattrat", "6.13"],
  ["syscall_table.listxattrat", "6.13"],
  ["syscall_table.removexattrat", "6.13"],
  ["syscall_table.open_tree_attr", "6.15"],
  ["syscall_table.file_getattr", "6.17"],
  ["syscall_table.file_setattr", "6.17"],
]);

/** Fields C cannot point at: the two registers of bpf_insn are bit-fields sharing a byte. */
const unaddressable = new Set(["bpf.bpf_insn.regs"]);

/** Every module as the build makes it for one machine. */
async function modulesFor(arch: Arch): Promise<ReadonlyMap<string, Module>> {
  const { outputFiles } = esbuild.buildSync({
    stdin: { contents: names.map((name) => `export * as ${name}_ from "./${name}.ts";`).join("\n"), resolveDir: abi },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    minifySyntax: true,
    define: { ARCH_X86_64: String(arch === "x86_64") },
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
  const all = (await import(`data:text/javascript;base64,${code}`)) as Readonly<Record<string, Module>>;
  return new Map(names.map((name) => [name, all[`${name}_`] ?? {}]));
}

/** The widths that field comments use; the number is what the C macro KIND answers. */
const kinds: Readonly<Record<string, readonly [bytes: number, kind: number]>> = {
  u8: [1, 1],
  s8: [1, 2],
  u16: [2, 3],
  s16: [2, 4],
  u32: [4, 5],
  s32: [4, 6],
  u64: [8, 7],
  s64: [8, 8],
  char: [1, 9],
  ptr: [8, 0],
  bytes: [1, 0],
};
const kindMacro = `#define KIND(x) _Generic((x), unsigned char: 1, signed char: 2, unsigned short: 3, short: 4, unsigned int: 5, int: 6, \\
  unsigned long: 7, long: 8, unsigned long long: 7, long long: 8, char: 9, default: 0)`;

function structChecks(module: string, name: string, value: Readonly<Record<string, number>>, arch: Arch): Check[] {
  const id = `${module}.${name}`;
  const text = new RegExp(
    `/\\*\\* ((?:struct |union )?\\w+)(?:: [^\\n]*)? \\*/\\nexport const ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`,
    "s",
  ).exec(sources.get(module) ?? "");
  assert.ok(text, `${id}: no comment with the C type before it`);
  const [, type = "", body = ""] = text;
  const checks: Check[] = [];
  const check = (what: string, expression: string, expected: number): void => {
    checks.push({ id: what, expression, expected: BigInt(expected), constant: true });
  };
  const seen = new Set(["size"]);
  let end = "0";
  for (const line of body.split("\n")) {
    if (/^ {2}size: /.test(line)) continue;
    const field = /^ {2}(\w+): [^/]+, \/\/ ([\w[\]|]+)(?: (\S+))?$/.exec(line);
    assert.ok(field, `${id}: cannot read "${line}"`);
    const [, key = "", widths = "", path = key] = field;
    seen.add(key);
    const offset = value[key];
    assert.ok(offset !== undefined, `${id}.${key}: in the source, not in the module`);
    if (path === "-") {
      assert.ok(unaddressable.has(`${id}.${key}`), `${id}.${key}: only what C cannot address may go unchecked`);
      continue;
    }
    const both = widths.split("|");
    const width = /^(\w+?)(?:\[(\d*)\])?$/.exec((arch === "aarch64" ? both[1] : undefined) ?? both[0] ?? "");
    const [bytes, kind] = kinds[width?.[1] ?? ""] ?? assert.fail(`${id}.${key}: unknown width ${widths}`);
    const array = width?.[2];
    const lvalue = `((${type} *)0)->${path}`;
    check(`${id}.${key}`, `offsetof(${type}, ${path})`, offset);
    if (array === undefined || array !== "")
      check(`${id}.${key} (bytes)`, `sizeof(${lvalue})`, bytes * Number(array ?? 1));
    if (kind !== 0) check(`${id}.${key} (sign and bytes)`, `KIND(${lvalue}${array === undefined ? "" : "[0]"})`, kind);
    end = array === "" ? `offsetof(${type}, ${path})` : `offsetof(${type}, ${path}) + sizeof(${lvalue})`;
  }
  assert.deepEqual(new Set(Object.keys(value)), seen, `${id}: the source's fields are the module's`);
  // A union's faces are passed to bpf(2) with their own length, not that of the union, which grows with every kernel.
  check(
    `${id}.size`,
    type.startsWith("union ") ? end : `sizeof(${type})`,
    value["size"] ?? assert.fail(`${id}: no size`),
  );
  return checks;
}

function tableChecks(module: string, table: Readonly<Record<string, unknown>>): Check[] {
  return Object.entries(table).map(([key, entry]) => {
    const id = `${module}.${key}`;
    // errno_table maps the other way round: number to [name, text]
    if (Array.isArray(entry)) return { id, expression: String(entry[0]), expected: BigInt(key), constant: true };
    const expression = module === "syscall_table" ? `__NR_${key}` : key;
    return { id, expression, expected: BigInt(entry as number), constant: !key.startsWith("SIGRT") };
  });
}

function checksOf(module: string, exports: Module, arch: Arch): Check[] {
  return Object.entries(exports).flatMap(([name, value]) => {
    if (typeof value === "number" || typeof value === "bigint") {
      const expression = module === "syscall" ? name.replace(/^SYS_/, "__NR_") : name;
      return [{ id: `${module}.${name}`, expression, expected: BigInt(value), constant: true }];
    }
    assert.ok(typeof value === "object" && value !== null, `${module}.${name} is neither number nor object`);
    if (module.endsWith("_table")) return tableChecks(module, value as Readonly<Record<string, unknown>>);
    return structChecks(module, name, value as Readonly<Record<string, number>>, arch);
  });
}

const headersOf = (module: string): string[] =>
  /^\/\/ ((?:<[\w/.-]+> ?)+)\n/
    .exec(sources.get(module) ?? "")?.[1]
    ?.trim()
    .split(" ") ?? [];

/** One C file for one module: a check a line, so that a compiler's line number names the check. */
function cFile(
  module: string,
  checks: readonly Check[],
  line: (check: Check) => string,
): { text: string; firstLine: number } {
  const head = [
    ...headersOf(module).map((header) => `#include ${header}`),
    "#include <stddef.h>",
    ...kindMacro.split("\n"),
    "void row(const char *id, unsigned long long value);",
    `void ${module}_rows(void) {`,
  ];
  return { text: [...head, ...checks.map(line), "}", ""].join("\n"), firstLine: head.length + 1 };
}

/**
 * Writes and compiles the C files of all modules, dropping checks the headers know nothing of until the rest compiles.
 *
 * @returns the ids dropped, with what the compiler said
 */
function compile(
  compiler: string,
  dir: string,
  checks: ReadonlyMap<string, readonly Check[]>,
  line: (check: Check) => string,
): Map<string, string> {
  const absent = new Map<string, string>();
  let rest = new Map(checks);
  for (;;) {
    const firstLines = new Map<string, number>();
    for (const [module, list] of rest) {
      const { text, firstLine } = cFile(module, list, line);
      firstLines.set(module, firstLine);
      writeFileSync(join(dir, `${module}.c`), text);
    }
    const run = spawnSync(
      compiler,
      ["-D_GNU_SOURCE", "-std=gnu11", "-w", "-fsyntax-only", ...[...rest.keys()].map((module) => `${module}.c`)],
      { cwd: dir, encoding: "utf8" },
    );
    if (run.error) throw run.error;
    if (run.status === 0) return absent;
    const found = new Set<Check>();
    for (const [, module = "", number, what = ""] of run.stderr.matchAll(/^(\w+)\.c:(\d+):\d+: error: (.*)$/gm)) {
      const check = rest.get(module)?.[Number(number) - (firstLines.get(module) ?? 0)];
      if (check === undefined) continue;
      found.add(check);
      absent.set(check.id, what);
    }
    assert.notEqual(found.size, 0, run.stderr); // a header itself does not compile
    rest = new Map([...rest].map(([module, list]) => [module, list.filter((check) => !found.has(check))]));
  }
}

function reportAbsent(absent: ReadonlyMap<string, string>, arch: Arch): void {
  const unknown = [...absent]
    .filter(([id, what]) => !mayBeAbsent.has(id) || what.startsWith("static assertion"))
    .map(([id, what]) => `${id}: ${what}`);
  assert.deepEqual(unknown, [], `the installed headers for ${arch} lack, or contradict, what is not on the list`);
  if (absent.size === 0) return;
  const list = [...absent.keys()].map((id) => `${id} (${mayBeAbsent.get(id)})`);
  console.log(`      ${absent.size} not in the installed headers for ${arch}: ${list.join(", ")}`);
}

describe("src/abi", function () {
  this.timeout(120_000);
  const modules = new Map<Arch, ReadonlyMap<string, Module>>();
  const dir = mkdtempSync(join(tmpdir(), "tsrun-abi-"));
  const checksFor = (arch: Arch): Map<string, Check[]> =>
    new Map([...(modules.get(arch) ?? [])].map(([module, exports]) => [module, checksOf(module, exports, arch)]));

  before(async () => {
    for (const arch of ["x86_64", "aarch64"] as const) modules.set(arch, await modulesFor(arch));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("every file opens with three lines of comment, the first naming its headers", () => {
    for (const [name, text] of sources) {
      assert.notEqual(headersOf(name).length, 0, `${name}.ts: line 1 names no header`);
      assert.match(text, /^(\/\/ [^\n]+\n){3}\n/, `${name}.ts: three lines of comment, then a blank one`);
    }
  });

  it(`every number is what the headers of this machine (${host}) say`, () => {
    const checks = checksFor(host);
    reportAbsent(
      compile("gcc", dir, checks, ({ id, expression }) => `row("${id}", (unsigned long long)(${expression}));`),
      host,
    );
    const calls = [...checks.keys()].map((module) => `${module}_rows`);
    writeFileSync(
      join(dir, "main.c"),
      [
        "#include <stdio.h>",
        'void row(const char *id, unsigned long long value) { printf("%s=%llu\\n", id, value); }',
        ...calls.map((call) => `void ${call}(void);`),
        `int main(void) { ${calls.map((call) => `${call}();`).join(" ")} return 0; }`,
      ].join("\n"),
    );
    execFileSync(
      "gcc",
      [
        "-D_GNU_SOURCE",
        "-std=gnu11",
        "-w",
        "-o",
        "rows",
        "main.c",
        ...[...checks.keys()].map((module) => `${module}.c`),
      ],
      { cwd: dir },
    );
    const printed = new Map(
      execFileSync(join(dir, "rows"), { encoding: "utf8" })
        .trim()
        .split("\n")
        .map((line) => {
          const at = line.lastIndexOf("=");
          return [line.slice(0, at), BigInt(line.slice(at + 1))] as const;
        }),
    );
    const all = [...checks.values()].flat();
    const wrong = all.flatMap(({ id, expected }) => {
      const said = printed.get(id);
      return said === undefined || said === BigInt.asUintN(64, expected)
        ? []
        : [`${id} is ${expected}, the headers say ${said}`];
    });
    assert.deepEqual(wrong, []);
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length, "every check has a name of its own");
    assert.ok(
      printed.size + mayBeAbsent.size >= all.length && printed.size > 2000,
      `${printed.size} of ${all.length} checked`,
    );
  });

  it(`every number is what the headers of the other machine (${other}) say`, () => {
    assert.ok(
      spawnSync(crossCompiler, ["--version"]).status === 0,
      `${crossCompiler} is missing: apt-get install ${packages.join(" ")}`,
    );
    const checks = new Map(
      [...checksFor(other)].map(([module, list]) => [module, list.filter(({ constant }) => constant)]),
    );
    const absent = compile(
      crossCompiler,
      dir,
      checks,
      ({ id, expression, expected }) =>
        `_Static_assert((unsigned long long)(${expression}) == ${BigInt.asUintN(64, expected)}ULL, "${id} is ${expected} here");`,
    );
    reportAbsent(absent, other);
  });

  it("a wrong number does not pass", () => {
    const good: Check = { id: "poll.POLLIN", expression: "POLLIN", expected: 1n, constant: true };
    const lists = new Map([["poll", [good, { ...good, id: "poll.wrong", expected: 2n }]]]);
    const absent = compile(
      "gcc",
      dir,
      lists,
      ({ id, expression, expected }) => `_Static_assert((${expression}) == ${expected}, "${id}");`,
    );
    assert.deepEqual([...absent.keys()], ["poll.wrong"]);
  });

  it("what may be absent from headers is exported", () => {
    const ids = new Set([...checksFor(host).values()].flat().map(({ id }) => id));
    assert.deepEqual(
      [...mayBeAbsent.keys()].filter((id) => !ids.has(id)),
      [],
    );
  });

  it("error texts are strerror's, with the first letter lowered as Go does", () => {
    const { ERRNO } = modules.get(host)?.get("errno_table") as {
      ERRNO: Readonly<Record<number, readonly [string, string]>>;
    };
    writeFileSync(
      join(dir, "texts.c"),
      "#include <stdio.h>\n#include <string.h>\nint main(void) { for (int i = 0; i < 200; i++) puts(strerror(i)); return 0; }\n",
    );
    execFileSync("gcc", ["-o", "texts", "texts.c"], { cwd: dir });
    const texts = execFileSync(join(dir, "texts"), { encoding: "utf8", env: { LC_ALL: "C" } }).split("\n");
    for (const [number, [name, text]] of Object.entries(ERRNO)) {
      const lowered = (texts[Number(number)] ?? "").replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
      // Go's tables were generated when glibc still said so
      assert.equal(text, name === "ESTALE" ? "stale NFS file handle" : lowered, name);
    }
  });

  it("the table of errors has every error number", () => {
    const { ERRNO } = modules.get(host)?.get("errno_table") as {
      ERRNO: Readonly<Record<number, readonly [string, string]>>;
    };
    const numbers = new Set(Object.values(modules.get(host)?.get("errno") ?? {}));
    assert.deepEqual(new Set(Object.keys(ERRNO).map(Number)), numbers);
  });

  it("tables of names agree with the constants", () => {
    const tables = modules.get(host) ?? new Map<string, Module>();
    const signals = tables.get("signal_table")?.["SIGNALS"] as Readonly<Record<string, number>>;
    for (const [key, value] of Object.entries(tables.get("signal") ?? {}))
      if (/^SIG(?!_|RTMIN)/.test(key)) assert.equal(signals[key], value, key);
    const calls = tables.get("syscall_table")?.["SYSCALLS"] as Readonly<Record<string, number>>;
    for (const [key, value] of Object.entries(tables.get("syscall") ?? {}))
      assert.equal(calls[key.slice(4)], value, key);
  });

  it("run directly, the sources are those of this machine", async () => {
    for (const name of names) {
      const direct = (await import(`../../src/abi/${name}.ts`)) as Module;
      assert.deepEqual({ ...direct }, { ...modules.get(host)?.get(name) }, name);
    }
  });

  it("a program pays for the numbers it uses and nothing else", () => {
    const { outputFiles } = esbuild.buildSync({
      stdin: {
        contents:
          'import { SYS_mount } from "./syscall.ts"; import { O_PATH, O_NOFOLLOW } from "./fcntl.ts"; import { stat } from "./stat.ts"; import "./syscall_table.ts"; print(SYS_mount, O_PATH | O_NOFOLLOW, stat.size);',
        resolveDir: abi,
      },
      bundle: true,
      write: false,
      format: "esm",
      minify: true,
      define: { ARCH_X86_64: "true" },
    });
    const text = outputFiles[0]?.text ?? "";
    assert.match(text, /print\(165,\s*2228224,/);
    assert.ok(text.length < 400, text);
  });
});
