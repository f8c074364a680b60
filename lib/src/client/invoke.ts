// One call of the runtime's program: arguments in, output or a typed error out.

import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { lastError, TsrunError } from "./error.ts";

export type GlobalOptions = {
  /** The program: tsrun, runc or crun, by name or path. By default the program that this package brings, else `tsrun` in PATH. */
  readonly program?: string | undefined;
  /** Directory below which the runtime keeps the state of containers (--root). By default the runtime's own choice. */
  readonly root?: string | undefined;
  /** Lets systemd make the cgroups (--systemd-cgroup). */
  readonly systemdCgroup?: boolean | undefined;
  /** What --rootless is set to. By default the option is not given. */
  readonly rootless?: boolean | "auto" | undefined;
  /** Environment of the runtime. By default that of this process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
};

/** A directory for logs and pid files of this process, made when it is first needed and removed when the process exits. */
let scratch: string | undefined;
let files = 0;

/** A name in a directory of our own. The caller removes the file. */
export function scratchFile(suffix: string): string {
  if (scratch === undefined) {
    const directory = mkdtempSync(join(tmpdir(), "tsrun-client-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    scratch = directory;
  }
  return join(scratch, `${++files}${suffix}`);
}

/** The runtime's process, and how to find out why it failed. */
export type Invocation = {
  readonly child: ChildProcess;
  /** Settles when the process has ended and its log was read: undefined, or why it failed. Standard error is not waited for. */
  readonly ended: Promise<Ended>;
};

export type Ended = {
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly record: ReturnType<typeof lastError>;
};

/**
 * Starts one command of the runtime.
 *
 * @throws TsrunError runtime-not-started, as the rejection of `ended`
 */
export function start(
  options: Required<Pick<GlobalOptions, "program">> & GlobalOptions,
  command: string,
  args: readonly string[],
  stdio: StdioOptions,
): Invocation {
  const log = scratchFile(".log");
  const globals = [
    ...(options.root === undefined ? [] : ["--root", options.root]),
    "--log",
    log,
    "--log-format",
    "json",
    ...(options.systemdCgroup ? ["--systemd-cgroup"] : []),
    ...(options.rootless === undefined ? [] : [`--rootless=${options.rootless}`]),
  ];
  const child = spawn(options.program ?? "tsrun", [...globals, command, ...args], {
    stdio,
    env: options.env ?? process.env,
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", (cause) => {
      rmSync(log, { force: true });
      reject(
        new TsrunError(
          command,
          { msg: `cannot start ${options.program}: ${cause.message}`, code: "runtime-not-started" },
          { cause },
        ),
      );
    });
    child.once("exit", (status, signal) => {
      const record = status === 0 ? undefined : lastError(readIfThere(log));
      rmSync(log, { force: true });
      resolve({ status: status ?? undefined, signal: signal ?? undefined, record });
    });
  });
  return { child, ended };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/**
 * The output of a process, kept until somebody reads it. Node itself throws away what has not been read when a process exits; the
 * runtime's process exits long before the container that has its streams. A reader that leaves closes the pipe.
 */
export function kept(output: Readable | null): Readable | null {
  if (output === null) return null;
  const copy = new PassThrough();
  output.on("error", (error) => copy.destroy(error));
  copy.on("close", () => output.destroy());
  return output.pipe(copy);
}

/** Reads a stream to its end as UTF-8. */
export async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) return "";
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * Runs one command to its end. What is given as `input` is its standard input.
 *
 * @returns what it wrote to standard output
 * @throws TsrunError when it failed; the signal's reason when that was aborted, after the runtime has been killed
 */
export async function invoke(
  options: Required<Pick<GlobalOptions, "program">> & GlobalOptions,
  command: string,
  args: readonly string[],
  { input, signal }: { readonly input?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  signal?.throwIfAborted();
  const { child, ended } = start(options, command, args, [input === undefined ? "ignore" : "pipe", "pipe", "pipe"]);
  const kill = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", kill, { once: true });
  try {
    child.stdin?.on("error", () => {}).end(input); // a command that fails first does not read it
    const [end, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    signal?.throwIfAborted();
    if (end.status !== 0) throw failure(command, end, stderr);
    return stdout;
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/** The error of a command that ended with another status than 0. */
export function failure(command: string, { status, signal, record }: Ended, stderr: string): TsrunError {
  const how = signal === undefined ? `exit status ${status}` : `killed by ${signal}`;
  const msg = stderr.trim().split("\n").at(-1);
  return new TsrunError(command, record ?? { msg: msg || `${command}: ${how}` }, { status, stderr });
}
