// The client: a method for each command of the runtime. Works with tsrun, and with runc and crun as far as they have the command.

import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";
import type { ChildProcess } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseExact, stringify } from "../../../src/base/json.ts";
import type { Config, Features, Process, Resources, State } from "../../../build/gen/config-types.ts";
import { bundleOf, type Bundle } from "./bundle.ts";
import { TsrunError } from "./error.ts";
import { failure, invoke, kept, scratchFile, start, text, type GlobalOptions } from "./invoke.ts";
import { findProgram } from "./program.ts";
import { ContainerProcess, stdioOf, type StdioOptions } from "./process.ts";
import { openTerminal, type Terminal, type TerminalSize } from "./terminal.ts";
import type { ContainerEvent, Statistics } from "./events.ts";

/** Which runtime answers to `--version`. */
export type RuntimeKind = "tsrun" | "runc" | "crun" | "other";

export type Version = {
  readonly kind: RuntimeKind;
  /** Such as "1.3.6". */
  readonly version: string;
  readonly commit: string | undefined;
  /** Version of the runtime specification. */
  readonly spec: string | undefined;
};

/** Options that every call takes. */
export type CallOptions = {
  /** Kills the command when it is aborted. The call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
};

export type CreateOptions = CallOptions &
  StdioOptions & {
    /** Directory of a bundle, or a config whose root.path is absolute. */
    readonly bundle: string | Config;
    /** Descriptors that the container gets besides 0 to 2. */
    readonly preserveFds?: number;
    readonly noPivot?: boolean;
    readonly noNewKeyring?: boolean;
    /** A file to write the PID of init to. */
    readonly pidFile?: string;
    /** For a config with `process.terminal`: the size of its terminal. Needs tsrun. */
    readonly terminal?: TerminalSize | undefined;
  };

export type ExecOptions = CallOptions &
  StdioOptions & {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** "UID[:GID]" */
    readonly user?: string;
    readonly additionalGids?: readonly number[];
    readonly capabilities?: readonly string[];
    readonly noNewPrivileges?: boolean;
    readonly preserveFds?: number;
    /**
     * Gives the process a terminal: stdin is what is typed, stdout what it shows, stderr stays empty. A whole `Process` says so itself, and
     * its `consoleSize` the size.
     */
    readonly terminal?: boolean;
  };

export type CheckpointOptions = CallOptions & {
  readonly imagePath?: string;
  readonly workPath?: string;
  readonly parentPath?: string;
  readonly leaveRunning?: boolean;
  readonly preDump?: boolean;
  readonly tcpEstablished?: boolean;
  readonly externalUnixSockets?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly manageCgroupsMode?: "soft" | "full" | "strict" | "ignore";
};

/**
 * A container runtime on this host.
 *
 * @example
 * const runtime = new Runtime();
 * await using container = await runtime.create("web1", { bundle: "/srv/web1" });
 * await container.start();
 */
export class Runtime {
  readonly #options: GlobalOptions & { readonly program: string };
  #version: Promise<Version> | undefined;

  constructor(options: GlobalOptions = {}) {
    this.#options = { ...options, program: options.program ?? findProgram() };
  }

  /** The program that is called. */
  get program(): string {
    return this.#options.program;
  }

  /** Asked once, then remembered. @throws TsrunError */
  version(): Promise<Version> {
    return (this.#version ??= this.#askVersion());
  }

  /** What config.json may ask of this runtime. @throws TsrunError */
  async features(options?: CallOptions): Promise<Features> {
    return this.#json<Features>("features", [], options);
  }

  /**
   * Creates a container, up to the point where only its program is missing. With `await using` it is killed and deleted when the
   * scope is left.
   *
   * @throws TsrunError when it could not be created; nothing is left then
   */
  async create(id: string, options: CreateOptions): Promise<Container> {
    options.signal?.throwIfAborted();
    const bundle = bundleOf(withTerminal(options.bundle, options.terminal));
    const terminal = await this.#terminal("create", options.terminal);
    try {
      const stdio = options.terminal === undefined ? stdioOf(options) : (["ignore", "ignore", "pipe"] as const);
      const { child, ended } = start(
        this.#options,
        "create",
        [...createArgs(bundle, options), ...socketArgs(terminal), id],
        [...stdio],
      );
      const streams = { stdin: child.stdin, stdout: kept(child.stdout), stderr: kept(child.stderr) };
      await this.#until(child, options.signal, async () => {
        const end = await ended;
        if (end.status === 0) return;
        throw failure("create", end, await text(streams.stderr));
      });
      return new Container(this, id, bundle, streams, terminal);
    } catch (error) {
      await terminal?.[Symbol.asyncDispose]();
      if (options.signal?.aborted) await this.delete(id, { force: true }).catch(() => {}); // the error of the abort comes first
      bundle.remove();
      throw error;
    }
  }

  /**
   * Runs a container in the foreground: creates it, starts it, and deletes it when its process has ended.
   *
   * @throws TsrunError runtime-not-started; that the container could not be run is told by `exited` of the result
   */
  async run(id: string, options: CreateOptions): Promise<ContainerProcess> {
    options.signal?.throwIfAborted();
    if (options.terminal !== undefined)
      throw new TsrunError("run", {
        msg: "a terminal needs create, whose container has it",
        code: "runtime-lacks-command",
      });
    const bundle = bundleOf(options.bundle);
    const { child, ended } = start(this.#options, "run", [...createArgs(bundle, options), id], stdioOf(options));
    const process = new ContainerProcess(
      "run",
      child,
      ended.finally(() => bundle.remove()),
      {
        kill: (signal) => this.kill(id, signal),
      },
    );
    onAbort(options.signal, ended, () => process.kill("SIGKILL").then(() => this.delete(id, { force: true })));
    return process;
  }

  /** Runs the program of a container that was created. @throws TsrunError */
  async start(id: string, options?: CallOptions): Promise<void> {
    await invoke(this.#options, "start", [id], options);
  }

  /**
   * Runs one more process in a container, in the foreground.
   *
   * @param command program and arguments, or a whole process as in config.json
   */
  async exec(id: string, command: readonly string[] | Process, options: ExecOptions = {}): Promise<ContainerProcess> {
    options.signal?.throwIfAborted();
    const pidFile = scratchFile(".pid");
    const processFile = isProcess(command) ? scratchFile(".json") : undefined;
    if (processFile !== undefined) writeFileSync(processFile, stringify(command), { mode: 0o600 });
    const args = [
      "--pid-file",
      pidFile,
      ...(processFile === undefined ? execArgs(options) : ["--process", processFile]),
      id,
    ];
    const { child, ended } = start(
      this.#options,
      "exec",
      isProcess(command) ? args : [...args, ...command],
      stdioOf(options),
    );
    const remove = (): void => void (processFile !== undefined && rmSync(processFile, { force: true }));
    const process: ContainerProcess = new ContainerProcess("exec", child, ended.finally(remove), {
      pidFile,
      kill: async (signal) => {
        if (process.pid !== undefined) globalThis.process.kill(process.pid, signal);
      },
    });
    onAbort(options.signal, ended, () => process.kill("SIGKILL"));
    return process;
  }

  /** Sends a signal to init of a container. @param signal a name with or without SIG, or a number @throws TsrunError */
  async kill(
    id: string,
    signal: string | number = "SIGTERM",
    { all = false, ...options }: CallOptions & { readonly all?: boolean } = {},
  ): Promise<void> {
    await invoke(this.#options, "kill", [...(all ? ["--all"] : []), id, String(signal)], options);
  }

  /** Removes a container that has stopped; with `force` kills it first, and an unknown container is no error. @throws TsrunError */
  async delete(
    id: string,
    { force = false, ...options }: CallOptions & { readonly force?: boolean } = {},
  ): Promise<void> {
    await invoke(this.#options, "delete", [...(force ? ["--force"] : []), id], options);
  }

  /** @throws TsrunError */
  async state(id: string, options?: CallOptions): Promise<State> {
    return this.#json<State>("state", [id], options);
  }

  /** Every container below the runtime's root. @throws TsrunError */
  async list(options?: CallOptions): Promise<readonly State[]> {
    return (await this.#json<readonly State[] | null>("list", ["--format", "json"], options)) ?? [];
  }

  /** Freezes every process of a container. @throws TsrunError */
  async pause(id: string, options?: CallOptions): Promise<void> {
    await invoke(this.#options, "pause", [id], options);
  }

  /** Thaws a paused container. @throws TsrunError */
  async resume(id: string, options?: CallOptions): Promise<void> {
    await invoke(this.#options, "resume", [id], options);
  }

  /** Changes the limits of a container. @throws TsrunError */
  async update(id: string, resources: Resources, options?: CallOptions): Promise<void> {
    await invoke(this.#options, "update", ["--resources", "-", id], { ...options, input: stringify(resources) });
  }

  /** PIDs, on the host, of the processes of a container. @throws TsrunError */
  async ps(id: string, options?: CallOptions): Promise<readonly number[]> {
    return (await this.#json<readonly number[] | null>("ps", ["--format", "json", id], options)) ?? [];
  }

  /** What a container uses at this moment. crun cannot tell. @throws TsrunError */
  async stats(id: string, options?: CallOptions): Promise<Statistics> {
    await this.#refuse("events", ["crun"]);
    const event = await this.#json<{ readonly data: Statistics }>("events", ["--stats", id], options);
    return event.data;
  }

  /**
   * Statistics at an interval, and each time that the kernel killed in the container because memory had run out. Ends with the
   * container, or when the loop is left. crun has no events.
   *
   * @throws TsrunError
   */
  async *events(
    id: string,
    { intervalMs = 5000, signal }: CallOptions & { readonly intervalMs?: number } = {},
  ): AsyncGenerator<ContainerEvent> {
    await this.#refuse("events", ["crun"]);
    signal?.throwIfAborted();
    const { child, ended } = start(
      this.#options,
      "events",
      ["--interval", `${intervalMs}ms`, id],
      ["ignore", "pipe", "pipe"],
    );
    const kill = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", kill, { once: true });
    let left = true;
    try {
      if (child.stdout !== null)
        for await (const line of createInterface({ input: child.stdout })) yield parse<ContainerEvent>("events", line);
      left = false;
      const end = await ended;
      signal?.throwIfAborted();
      if (end.status !== 0) throw failure("events", end, await text(child.stderr));
    } finally {
      signal?.removeEventListener("abort", kill);
      if (left) kill();
    }
  }

  /** Saves a container with CRIU. @throws TsrunError */
  async checkpoint(id: string, options: CheckpointOptions = {}): Promise<void> {
    await invoke(this.#options, "checkpoint", [...checkpointArgs(options), id], { signal: options.signal });
  }

  /** Waits until a container has stopped. @throws TsrunError when there is none */
  async waitStopped(
    id: string,
    { intervalMs = 50, signal }: CallOptions & { readonly intervalMs?: number } = {},
  ): Promise<State> {
    for (;;) {
      const state = await this.state(id, { signal });
      if (state.status === "stopped") return state;
      while (isAlive(state.pid)) await sleep(intervalMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  async #askVersion(): Promise<Version> {
    const { child, ended } = start(this.#options, "--version", [], ["ignore", "pipe", "pipe"]);
    const [end, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (end.status !== 0) throw failure("--version", end, err);
    const [, name = "", version = ""] = /^(\S+) version (\S+)/.exec(out) ?? [];
    return {
      kind: name === "tsrun" || name === "runc" || name === "crun" ? name : "other",
      version,
      commit: /^commit: (\S+)/m.exec(out)?.[1],
      spec: /^spec: (\S+)/m.exec(out)?.[1],
    };
  }

  async #refuse(command: string, kinds: readonly RuntimeKind[]): Promise<void> {
    const { kind } = await this.version();
    if (kinds.includes(kind))
      throw new TsrunError(command, { msg: `${kind} has no command ${command}`, code: "runtime-lacks-command" });
  }

  async #terminal(command: string, size: TerminalSize | undefined): Promise<Terminal | undefined> {
    if (size === undefined) return undefined;
    const { kind } = await this.version();
    if (kind !== "tsrun")
      throw new TsrunError(command, {
        msg: `terminals need tsrun, and this is ${kind}`,
        code: "runtime-lacks-command",
      });
    return openTerminal(this.#options.program);
  }

  /** Waits for `act`, and kills the runtime when the signal is aborted meanwhile. */
  async #until(child: ChildProcess, signal: AbortSignal | undefined, act: () => Promise<void>): Promise<void> {
    const kill = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", kill, { once: true });
    try {
      await act();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", kill);
    }
    signal?.throwIfAborted();
  }

  async #json<T>(command: string, args: readonly string[], options?: CallOptions): Promise<T> {
    return parse<T>(command, await invoke(this.#options, command, args, options));
  }
}

type Streams = { readonly stdin: Writable | null; readonly stdout: Readable | null; readonly stderr: Readable | null };

/** A container that was created by this client. With `await using` it is killed and deleted when the scope is left. */
export class Container implements AsyncDisposable {
  readonly id: string;
  /** Streams of the container's process; null where the caller asked for something other than a pipe, or for a terminal. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The terminal of the container's process, when it was created with one. */
  readonly terminal: Terminal | undefined;
  readonly #runtime: Runtime;
  readonly #bundle: Bundle;

  /** @internal */
  constructor(runtime: Runtime, id: string, bundle: Bundle, streams: Streams, terminal: Terminal | undefined) {
    this.id = id;
    this.#runtime = runtime;
    this.#bundle = bundle;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = terminal === undefined ? streams.stderr : null;
    this.terminal = terminal;
    this.stdin?.on("error", () => {}); // the process may end without reading it
  }

  start(options?: CallOptions): Promise<void> {
    return this.#runtime.start(this.id, options);
  }

  exec(command: readonly string[] | Process, options?: ExecOptions): Promise<ContainerProcess> {
    return this.#runtime.exec(this.id, command, options);
  }

  kill(signal?: string | number, options?: CallOptions & { readonly all?: boolean }): Promise<void> {
    return this.#runtime.kill(this.id, signal, options);
  }

  state(options?: CallOptions): Promise<State> {
    return this.#runtime.state(this.id, options);
  }

  pause(options?: CallOptions): Promise<void> {
    return this.#runtime.pause(this.id, options);
  }

  resume(options?: CallOptions): Promise<void> {
    return this.#runtime.resume(this.id, options);
  }

  update(resources: Resources, options?: CallOptions): Promise<void> {
    return this.#runtime.update(this.id, resources, options);
  }

  ps(options?: CallOptions): Promise<readonly number[]> {
    return this.#runtime.ps(this.id, options);
  }

  stats(options?: CallOptions): Promise<Statistics> {
    return this.#runtime.stats(this.id, options);
  }

  events(options?: CallOptions & { readonly intervalMs?: number }): AsyncGenerator<ContainerEvent> {
    return this.#runtime.events(this.id, options);
  }

  checkpoint(options?: CheckpointOptions): Promise<void> {
    return this.#runtime.checkpoint(this.id, options);
  }

  /** Waits until the container has stopped. */
  stopped(options?: CallOptions & { readonly intervalMs?: number }): Promise<State> {
    return this.#runtime.waitStopped(this.id, options);
  }

  /** Deletes the container, and what was made for its bundle. */
  async delete(options?: CallOptions & { readonly force?: boolean }): Promise<void> {
    await this.#runtime.delete(this.id, options);
    await this.terminal?.[Symbol.asyncDispose]();
    this.#bundle.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true });
  }
}

/** A config object gets the terminal that was asked for; the config.json of a bundle has to say so itself. */
function withTerminal(bundle: string | Config, size: TerminalSize | undefined): string | Config {
  if (size === undefined || typeof bundle === "string" || bundle.process === undefined) return bundle;
  const consoleSize = { height: size.rows, width: size.columns };
  return { ...bundle, process: { ...bundle.process, terminal: true, consoleSize } };
}

const isProcess = (command: readonly string[] | Process): command is Process => !Array.isArray(command);

function createArgs(bundle: Bundle, { preserveFds, noPivot, noNewKeyring, pidFile }: CreateOptions): string[] {
  return [
    ...["--bundle", bundle.path],
    ...(pidFile === undefined ? [] : ["--pid-file", pidFile]),
    ...(preserveFds === undefined ? [] : ["--preserve-fds", String(preserveFds)]),
    ...(noPivot ? ["--no-pivot"] : []),
    ...(noNewKeyring ? ["--no-new-keyring"] : []),
  ];
}

const socketArgs = (terminal: Terminal | undefined): string[] =>
  terminal === undefined ? [] : ["--console-socket", terminal.socket];

function execArgs(options: ExecOptions): string[] {
  const { cwd, env, user, additionalGids, capabilities, noNewPrivileges, preserveFds, terminal } = options;
  return [
    ...(terminal ? ["--tty"] : []),
    ...(cwd === undefined ? [] : ["--cwd", cwd]),
    ...Object.entries(env ?? {}).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ...(user === undefined ? [] : ["--user", user]),
    ...(additionalGids ?? []).flatMap((gid) => ["--additional-gids", String(gid)]),
    ...(capabilities ?? []).flatMap((name) => ["--cap", name]),
    ...(noNewPrivileges ? ["--no-new-privs"] : []),
    ...(preserveFds === undefined ? [] : ["--preserve-fds", String(preserveFds)]),
  ];
}

function checkpointArgs(options: CheckpointOptions): string[] {
  const { imagePath, workPath, parentPath, manageCgroupsMode } = options;
  return [
    ...(imagePath === undefined ? [] : ["--image-path", imagePath]),
    ...(workPath === undefined ? [] : ["--work-path", workPath]),
    ...(parentPath === undefined ? [] : ["--parent-path", parentPath]),
    ...(manageCgroupsMode === undefined ? [] : ["--manage-cgroups-mode", manageCgroupsMode]),
    ...(options.leaveRunning ? ["--leave-running"] : []),
    ...(options.preDump ? ["--pre-dump"] : []),
    ...(options.tcpEstablished ? ["--tcp-established"] : []),
    ...(options.externalUnixSockets ? ["--ext-unix-sk"] : []),
    ...(options.shellJob ? ["--shell-job"] : []),
    ...(options.fileLocks ? ["--file-locks"] : []),
  ];
}

/** Calls `act` when the signal is aborted before the process has ended. */
function onAbort(signal: AbortSignal | undefined, ended: Promise<unknown>, act: () => Promise<void>): void {
  if (signal === undefined) return;
  const abort = (): void => void act().catch(() => {}); // the process may have ended meanwhile
  signal.addEventListener("abort", abort, { once: true });
  const forget = (): void => signal.removeEventListener("abort", abort);
  ended.then(forget, forget);
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Integers of 64 bits that are not exact as numbers become bigints. */
function parse<T>(command: string, text: string): T {
  try {
    return (/[0-9]{16}/.test(text) ? parseExact(text) : JSON.parse(text)) as T;
  } catch (cause) {
    throw new TsrunError(
      command,
      { msg: `${command} printed no JSON: ${text.slice(0, 200)}`, code: "runtime-output" },
      { cause },
    );
  }
}
