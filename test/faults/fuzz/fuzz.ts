// Mutated input for the program itself, and the judge of how it ends: never by a signal, never by an internal error, never after more than a second of
// processor time, never with more than 64 MB.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PROGRAM, SLOWNESS, type Box } from "../../system/harness.ts";
import { commandLine, mutation, random, type Json } from "./mutations.ts";

const DOCUMENTS: string = resolve(dirname(PROGRAM), "fuzz-documents");
/** Of the program's own files and stack some 20 MB are mapped. */
const LIMITS = `ulimit -t ${2 * SLOWNESS}; ulimit -v ${(64 + 32) * 1024}`;
const MAX_KB = 64 * 1024;

export type Ended = { readonly status: number | null; readonly signal: string | null; readonly stderr: string };

/** @throws AssertionError unless it ended as a program of ours does */
export function sane({ status, signal, stderr }: Ended, what: string): void {
  const said = `${what}\n${stderr.slice(0, 2000)}`;
  assert.equal(signal, null, said);
  assert(status !== null && (status <= 3 || status === 255), `status ${status}: ${said}`);
  assert.doesNotMatch(
    stderr,
    /internal error|InternalError|TypeError|RangeError|ReferenceError|SyntaxError|stack overflow|died without a word/,
    said,
  );
}

/** In the engine, many in one process. @returns what it says last @throws AssertionError with each document that ended badly */
export function documents(good: readonly Json[], directory: string, seed: number, from: number, count: number): string {
  const file = join(directory, "good.json");
  writeFileSync(file, JSON.stringify(good));
  const { status, signal, stdout, stderr } = spawnSync(DOCUMENTS, [file, ...[seed, from, count].map(String)], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const lines = stdout.trim().split("\n");
  const last = lines.pop() ?? "";
  assert.deepEqual([status, signal, lines.join("\n"), stderr], [0, null, "", ""], `seed ${seed}, from ${from}`);
  const [, total, planned, peak] = /^(\d+) documents, (\d+) planned, (\d+) KB$/.exec(last) ?? [];
  assert.equal(Number(total), count, last);
  assert(Number(planned) > count / 50 && Number(planned) < count / 2, `too few or too many are good: ${last}`);
  assert(Number(peak) < MAX_KB, last);
  return last;
}

/** In mount namespaces of their own: a document without one would mount on the host. */
const RUN = `${LIMITS}; "$1" --root "$4" run --bundle "$3" "$2" </dev/null >/dev/null; r=$?; "$1" --root "$4" delete --force "$2" || exit 99; exit $r`;

/** A container of each document, in a bundle whose root file system is there. */
export function runs(box: Box, good: readonly Json[], seed: number, from: number, count: number): number {
  let made = 0;
  const container = box.container();
  for (let n = from; n < from + count; n++) {
    const text = mutation(seed, n, good, true);
    writeFileSync(join(container.bundle, "config.json"), text);
    const ended = box.exec("/usr/bin/unshare", [
      ...["--mount", "--propagation", "private", "timeout", "-s", "KILL", "30", "/bin/sh", "-c", RUN, "sh"],
      ...[PROGRAM, container.id, container.bundle, box.stateRoot],
    ]);
    assert.notEqual(ended.status, 99, `seed ${seed}, document ${n}: ${ended.stderr}`);
    // The container's own program may end in any way.
    if (ended.stderr.includes("tsrun: ")) sane(ended, `seed ${seed}, document ${n}: ${text.slice(0, 3000)}`);
    else made++;
  }
  box.removeCgroups();
  box.assertNothingLeft();
  return made;
}

export function commandLines(box: Box, seed: number, from: number, count: number): void {
  for (let n = from; n < from + count; n++) {
    const words = commandLine(seed, n);
    const ended = box.exec("/bin/sh", [
      "-c",
      `${LIMITS}; exec timeout -s KILL 20 "$@"`,
      "sh",
      PROGRAM,
      "--root",
      box.stateRoot,
      ...words,
    ]);
    sane(ended, `seed ${seed}, command line ${n}: ${JSON.stringify(words).slice(0, 1000)}`);
  }
}

/** State directories whose documents are mutated: every command ends well or says so, and delete --force takes them away. */
export function stateDirectories(box: Box, seed: number, from: number, count: number): void {
  const record = {
    ociVersion: "1.2.0",
    id: "x",
    bundle: "/",
    rootfs: "/",
    annotations: {},
    created: "2026-01-01T00:00:00Z",
    owner: 0,
    pid: 0,
    startTime: "",
    cgroup: [],
    keyring: false,
    sharedPid: false,
    poststart: [],
    poststop: [],
  };
  for (let n = from; n < from + count; n++) {
    const pick = random(seed + n);
    const id = `${box.prefix}s${n}`;
    const directory = join(box.stateRoot, id);
    const text = mutation(seed, n, [{ ...record, id }], true);
    // No path outside of the test and no process of others must get into it.
    if (/"(pid|owner)":|"path"|cgroup":\[\{/.test(text.replace(/"pid":0|"owner":0/g, ""))) continue;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, "state.json"), text, { mode: 0o600 });
    if (pick(2) === 0)
      writeFileSync(
        join(directory, "config.json"),
        mutation(seed, n, [{ ociVersion: "1.0.0", process: { args: ["a"], cwd: "/" } }]),
      );
    for (const words of [
      ["state", id],
      ["list"],
      ["kill", id, "KILL"],
      ["exec", id, "true"],
      ["delete", "--force", id],
    ])
      sane(box.runtime(words), `seed ${seed}, state directory ${n}, ${words.join(" ")}: ${text}`);
  }
}
