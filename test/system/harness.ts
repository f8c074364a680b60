// Runs the runtime under test against the real kernel, as root. RUNTIME=PATH names another program than build/tsrun: with runc as
// RUNTIME a failing test shows what is the machine's fault or the test's.

import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, basename, join, resolve } from "node:path";
import { afterEach, before, beforeEach, it } from "mocha";
import { defaultConfig, makeRootfs, sharedRootfs, type Config, type User } from "./bundle.ts";
import { assertNothingLeft, cgroups, hostSnapshot, leftovers, sleepMs, type Mark, type Snapshot } from "./leftovers.ts";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

export const PROJECT: string = resolve(HERE, "../..");

/** The runtime under test. */
export const PROGRAM: string = resolve(PROJECT, process.env["RUNTIME"] ?? "build/tsrun");

/** The runtime whose callers we want to serve: what it says and does is what they expect. */
export const RUNC = "/usr/sbin/runc";

/** True for a program whose own words are to be tested, false for runc in its place. */
export const isTsrun: boolean = basename(PROGRAM) !== "runc";

/** For promises that runc (or the old one at hand) does not keep. */
export const itOurs: (name: string, test: (this: Mocha.Context) => void | Promise<void>) => void = isTsrun
  ? it
  : it.skip;

/** For promises about a time namespace, which Linux has since 5.6 where it was built with them. */
export const itWithTimeNamespaces: (name: string, test: () => void | Promise<void>) => void = existsSync(
  "/proc/self/ns/time",
)
  ? itOurs
  : (name) => it.skip(`${name} (this kernel has no time namespaces)`);

/** How many times slower than a machine of ours the host is; a guest says so. */
export const SLOWNESS: number = Number(process.env["TEST_SLOWNESS"] ?? 1);

export const TIMEOUT_MS: number = 20_000 * SLOWNESS;

export type Result = {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunOptions = {
  readonly program?: string;
  readonly cwd?: string;
  readonly env?: { readonly [name: string]: string };
  readonly input?: string;
  readonly timeoutMs?: number;
};

export type State = {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: { readonly [name: string]: string };
  readonly owner: string;
};

let boxes = 0;

/** A directory, an id prefix and state roots for one test. */
export class Box implements Mark {
  readonly prefix: string = `tsrun-test-${process.pid}-${++boxes}-`;
  readonly token: string = `TSRUN_TEST=${this.prefix}`;
  readonly directory: string = mkdtempSync(join(tmpdir(), this.prefix));
  readonly stateRoot: string = join(this.directory, "state");
  readonly before: Snapshot = hostSnapshot();
  #outputs = 0;
  #containers = 0;

  /** A file of this test's own. */
  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string, mode = 0o644): string {
    writeFileSync(this.path(name), text, { mode });
    return this.path(name);
  }

  /**
   * Runs a program to its end. Its output goes to files and not through pipes: a container that lives on keeps them open.
   * The environment holds nothing but what finds the processes again, as callers do it (CLIENTS 0.8).
   */
  exec(program: string, args: readonly string[], options: RunOptions = {}): Result {
    const output = this.path(`output.${this.#outputs++}`);
    const [out, err] = [openSync(`${output}.out`, "a"), openSync(`${output}.err`, "a")];
    try {
      const { status, signal, error } = spawnSync(program, args, {
        stdio: [options.input === undefined ? "ignore" : "pipe", out, err],
        ...(options.input === undefined ? {} : { input: options.input }),
        cwd: options.cwd ?? this.directory,
        env: { TSRUN_TEST: this.prefix, ...options.env },
        timeout: options.timeoutMs ?? TIMEOUT_MS,
        killSignal: "SIGKILL",
      });
      const stderr = readFileSync(`${output}.err`, "utf8");
      if (error !== undefined) throw new Error(`${program} ${args.join(" ")}: ${error.message}\n${stderr}`);
      return { status, signal, stdout: readFileSync(`${output}.out`, "utf8"), stderr };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }

  /** Runs the runtime with a state root of this test's own. */
  runtime(args: readonly string[], options: RunOptions = {}): Result {
    return this.exec(options.program ?? PROGRAM, ["--root", this.stateRoot, ...args], options);
  }

  /** Like `runtime`, beside others. */
  beside(args: readonly string[]): Promise<Result> {
    const output = this.path(`output.${this.#outputs++}`);
    const [out, err] = [openSync(`${output}.out`, "a"), openSync(`${output}.err`, "a")];
    const child = spawn(PROGRAM, ["--root", this.stateRoot, ...args], {
      stdio: ["ignore", out, err],
      cwd: this.directory,
      env: { TSRUN_TEST: this.prefix },
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    closeSync(out);
    closeSync(err);
    return ended(child).then(({ status, signal }) => ({
      status,
      signal,
      stdout: readFileSync(`${output}.out`, "utf8"),
      stderr: readFileSync(`${output}.err`, "utf8"),
    }));
  }

  /** Starts the runtime and does not wait for it. Its streams are pipes. */
  spawn(args: readonly string[], options: RunOptions = {}): ChildProcess {
    return spawn(options.program ?? PROGRAM, ["--root", this.stateRoot, ...args], {
      cwd: options.cwd ?? this.directory,
      env: { TSRUN_TEST: this.prefix, ...options.env },
    });
  }

  /** A bundle and an id for a container that does not exist yet. */
  container(change: (config: Config) => void = () => undefined): Container {
    const id = `${this.prefix}${++this.#containers}`;
    const bundle = this.path(`bundle${this.#containers}`);
    makeRootfs(bundle);
    const container = new Container(this, id, bundle);
    const config = defaultConfig();
    change(config);
    container.configure(config);
    return container;
  }

  /** What a shell script prints that runs as a container of its own. @throws AssertionError when its status is not 0 */
  inside(script: string, change: (config: Config) => void = () => undefined, flags: readonly string[] = []): string {
    const container = this.container((config) => {
      config.process.args = ["sh", "-c", script];
      change(config);
    });
    const { status, stdout, stderr } = container.run(flags);
    assert.equal(status, 0, `exit status of: ${script}\n${stdout}${stderr}`);
    assert.equal(stderr, "");
    return stdout;
  }

  /** All cgroup directories of this test's containers. */
  cgroups(): string[] {
    return cgroups(this);
  }

  leftovers(): string[] {
    return leftovers(this, [this.stateRoot], 0);
  }

  assertNothingLeft(): void {
    assertNothingLeft(this, [this.stateRoot], this.before);
  }

  /** Takes away the groups above a container's own: runc leaves them, and so may we. */
  removeCgroups(): void {
    for (const end = Date.now() + 2000 * SLOWNESS; this.cgroups().length > 0 && Date.now() < end; sleepMs(20)) {
      for (const path of this.cgroups().reverse())
        spawnSync("find", [path, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]);
    }
  }

  /** Takes away what a failed test has left, so that the next one starts clean. */
  clean(): void {
    for (const id of readdirIfThere(this.stateRoot)) this.runtime(["delete", "--force", id]);
    for (const line of leftovers(this, [], 0)) {
      const pid = /^process: (\d+)/.exec(line)?.[1];
      if (pid !== undefined) killIfThere(Number(pid));
    }
    this.removeCgroups();
    for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n").reverse()) {
      if (line.includes(this.directory)) spawnSync("umount", ["-l", line.split(" ")[4] ?? ""]);
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function readdirIfThere(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}

/** A container of the runtime under test; the methods are the commands. */
export class Container {
  readonly box: Box;
  readonly id: string;
  readonly bundle: string;

  constructor(box: Box, id: string, bundle: string) {
    this.box = box;
    this.id = id;
    this.bundle = bundle;
  }

  get rootfs(): string {
    return join(this.bundle, "rootfs");
  }

  /** A path below the root file system, as the host sees it. */
  at(path: string): string {
    return join(this.rootfs, path);
  }

  configure(config: object): void {
    this.configureText(JSON.stringify(config, null, 2));
  }

  configureText(text: string): void {
    writeFileSync(join(this.bundle, "config.json"), text);
  }

  run(flags: readonly string[] = [], options: RunOptions = {}): Result {
    return this.box.runtime(["run", ...flags, "--bundle", this.bundle, this.id], options);
  }

  spawnRun(flags: readonly string[] = [], options: RunOptions = {}): ChildProcess {
    return this.box.spawn(["run", ...flags, "--bundle", this.bundle, this.id], options);
  }

  create(flags: readonly string[] = [], options: RunOptions = {}): Result {
    return this.box.runtime(["create", ...flags, "--bundle", this.bundle, this.id], options);
  }

  start(): Result {
    return this.box.runtime(["start", this.id]);
  }

  kill(...args: string[]): Result {
    return this.box.runtime(["kill", this.id, ...args]);
  }

  delete(...flags: string[]): Result {
    return this.box.runtime(["delete", ...flags, this.id]);
  }

  /** @throws AssertionError when there is no such container */
  state(): State {
    const { status, stdout, stderr } = this.box.runtime(["state", this.id]);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, "");
    return JSON.parse(stdout) as State;
  }

  /** Waits until `state` says so. */
  waitFor(status: string, patienceMs = 5000): State {
    for (const end = Date.now() + patienceMs * SLOWNESS; ; sleepMs(20)) {
      const isLast = Date.now() > end;
      const state = this.state();
      if (state.status === status) return state;
      assert(!isLast, `container is ${state.status} and does not become ${status}`);
    }
  }
}

/** @throws AssertionError with what the program said, when it failed */
export function ok(result: Result): Result {
  assert.equal(result.status, 0, result.stderr);
  return result;
}

/** A command that fails says so once, on standard error, with status 1. */
export function refused(result: Result, message: RegExp): void {
  assert.notEqual(result.status, 0, "succeeded");
  assert.match(result.stderr, message);
  assert.equal(result.status, 1, result.stderr);
}

/** Waits for a condition. It is looked at once more when the time is over: who was not given the processor meanwhile has seen nothing. */
export function eventually(what: string, holds: () => boolean, patienceMs = 5000): void {
  for (const end = Date.now() + patienceMs * SLOWNESS; ; sleepMs(10)) {
    const isLast = Date.now() > end;
    if (holds()) return;
    assert(!isLast, `did not come true: ${what}`);
  }
}

/** Waits for a condition and lets other things happen meanwhile. */
export async function soon(what: string, holds: () => boolean, patienceMs = 5000): Promise<void> {
  for (const end = Date.now() + patienceMs * SLOWNESS; ; await new Promise((next) => setTimeout(next, 10))) {
    const isLast = Date.now() > end;
    if (holds()) return;
    assert(!isLast, `did not come true: ${what}`);
  }
}

/** Takes a cgroup's directory away, which the kernel allows a moment after it lists no process any more. */
export function removeGroup(directory: string): void {
  eventually(`${directory} can be removed`, () => {
    try {
      rmdirSync(directory);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
      return false;
    }
  });
}

/** How a process started with `spawn` ended, and all it said. */
export function ended(child: ChildProcess): Promise<Result> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on("data", (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

/** Lines "name: value" as an object. */
export function fields(text: string): { readonly [name: string]: string } {
  return Object.fromEntries(
    text
      .split("\n")
      .flatMap((line) =>
        line.includes(":") ? [[line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]] : [],
      ),
  );
}

export const user = (uid: number, gid: number = uid, more: Partial<User> = {}): User => ({ uid, gid, ...more });

/** Drops a namespace from the config: the container shares the host's. */
export function shareNamespace(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter((namespace) => namespace.type !== type);
}

/** Gives each test of a file a box of its own, and asserts at the end of each that nothing of it is left. */
export function useBox(): () => Box {
  let box: Box | undefined;
  before(() => {
    assert.equal(process.getuid?.(), 0, "these tests run as root");
    mkdirSync(tmpdir(), { recursive: true });
    sharedRootfs();
  });
  beforeEach(function () {
    const own = (box = new Box());
    // Asserted as the end of the test itself: a hook that fails would end the whole file.
    const test = this.currentTest;
    const promise = test?.fn;
    if (test === undefined || promise === undefined) return;
    test.fn = async function () {
      await (promise as (this: unknown) => unknown).call(this);
      own.assertNothingLeft();
    };
  });
  afterEach(() => {
    const used = box as Box;
    if (used.leftovers().length > 0) used.clean();
    used.remove();
  });
  return () => box as Box;
}
