// A process that the runtime was asked to run in the foreground: its streams, its end, and signals to it.

import { readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { failure, kept, text, type Ended } from "./invoke.ts";

/** How a process ended. `status` is what a shell would say: 128 + N when signal N ended it. */
export type Exit = { readonly status: number; readonly signal: NodeJS.Signals | undefined };

/** Where the standard streams of a process go. Default: "pipe". */
export type Stdio = "pipe" | "inherit" | "ignore" | number;
export type StdioOptions = { readonly stdin?: Stdio; readonly stdout?: Stdio; readonly stderr?: Stdio };

export const stdioOf = ({ stdin = "pipe", stdout = "pipe", stderr = "pipe" }: StdioOptions): [Stdio, Stdio, Stdio] => [
  stdin,
  stdout,
  stderr,
];

/** The output of a process that has ended. */
export type Output = Exit & { readonly stdout: string; readonly stderr: string };

/**
 * A process in a container, started by `run` or `exec`. Its streams are null where the caller asked for something other than a pipe.
 * With `await using` it is killed when the scope is left before it has ended.
 */
export class ContainerProcess implements AsyncDisposable {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /**
   * Settles when the process has ended.
   *
   * @throws TsrunError when the runtime could not run it
   */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #pidFile: string | undefined;
  readonly #kill: (signal: NodeJS.Signals) => Promise<void>;

  /**
   * @param failureStatus the highest status that the runtime itself ends with when it fails before the process runs
   * @param kill sends SIGKILL, which the runtime cannot pass on
   */
  constructor(
    command: string,
    child: ChildProcess,
    ended: Promise<Ended>,
    {
      pidFile,
      kill,
    }: { readonly pidFile?: string | undefined; readonly kill: (signal: NodeJS.Signals) => Promise<void> },
  ) {
    this.stdin = child.stdin;
    this.stdout = kept(child.stdout);
    this.stderr = kept(child.stderr);
    this.#child = child;
    this.#pidFile = pidFile;
    this.#kill = kill;
    this.stdin?.on("error", () => {}); // the process may end without reading it
    this.exited = ended.then(
      (end) => {
        this.#forget();
        if (end.record !== undefined) throw failure(command, end, "");
        return exitOf(end);
      },
      (error: unknown) => {
        this.#forget();
        throw error;
      },
    );
    this.exited.catch(() => {}); // whoever awaits it hears of it
  }

  /** The process ID on the host; undefined before the process runs and after it has ended. */
  get pid(): number | undefined {
    if (this.#pidFile === undefined) return undefined;
    try {
      const pid = Number(readFileSync(this.#pidFile, "utf8"));
      return Number.isInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Sends a signal to the process. The runtime passes it on, except SIGKILL and SIGSTOP, which are sent directly. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (signal === "SIGKILL" || signal === "SIGSTOP") await this.#kill(signal);
    else this.#child.kill(signal);
  }

  /**
   * Waits for the end and collects the output. Standard input is closed.
   *
   * @throws TsrunError when the runtime could not run the process
   */
  async output(): Promise<Output> {
    this.stdin?.end();
    const [exit, stdout, stderr] = await Promise.all([this.exited, text(this.stdout), text(this.stderr)]);
    return { ...exit, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL").catch(() => {}); // it may end at the same moment
    await this.exited.catch(() => {});
  }

  #forget(): void {
    if (this.#pidFile !== undefined) rmSync(this.#pidFile, { force: true });
  }
}

/** From the status of the runtime, which is that of the process or 128 + its signal. */
function exitOf({ status, signal }: Ended): Exit {
  if (status === undefined) return { status: 128 + (signal === undefined ? 0 : constants.signals[signal]), signal };
  const name = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return { status, signal: isSignal(name) ? name : undefined };
}

const isSignal = (name: string | undefined): name is NodeJS.Signals => name !== undefined && name in constants.signals;
