// The fixture terminal.c from TypeScript: programs on a terminal, and sockets that take a terminal's master or a pidfd.

import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before } from "mocha";
import { ended, PROGRAM, soon, TIMEOUT_MS, type Box } from "./harness.ts";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

let program = "";

/** Compiles the fixture for the tests of a file. */
export function useTerminals(): void {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "tsrun-terminal-"));
    program = join(directory, "terminal");
    execFileSync("gcc", ["-O2", "-o", program, join(HERE, "fixtures/terminal.c")]);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
}

/** A program whose output is watched while it runs. */
export class Watched {
  readonly #child: ChildProcess;
  readonly #end: Promise<unknown>;
  said = "";
  complaints = "";

  constructor(box: Box, args: readonly string[]) {
    this.#child = spawn(program, args, {
      cwd: box.directory,
      env: { TSRUN_TEST: box.prefix },
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    this.#end = ended(this.#child);
    this.#child.stdout?.on("data", (data: Buffer) => (this.said += data.toString()));
    this.#child.stderr?.on("data", (data: Buffer) => (this.complaints += data.toString()));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  saw(text: string | RegExp): Promise<void> {
    const holds = (): boolean => (typeof text === "string" ? this.said.includes(text) : text.test(this.said));
    return soon(`it says ${String(text)}`, holds).catch((error: unknown) =>
      assert.fail(`${String(error)}; it said ${JSON.stringify(this.said + this.complaints)}`),
    );
  }

  async end(): Promise<void> {
    await this.#end;
  }
}

/** The runtime on a terminal of its own, of 33 rows and 101 columns. */
export class OnTerminal extends Watched {
  constructor(box: Box, args: readonly string[]) {
    super(box, ["pty", "33", "101", PROGRAM, "--root", box.stateRoot, ...args]);
  }

  /** Makes the window one of 50 rows and 120 columns. */
  resize(): void {
    this.signal("SIGUSR1");
  }

  /** What it printed, without the carriage returns of the terminal. Asserts its status, and that it left the terminal as it was. */
  async ends(status: number): Promise<string> {
    await this.end();
    assert.match(this.complaints, new RegExp(`status ${status}, modes restored\n$`), this.said);
    return this.said.replaceAll("\r\n", "\n");
  }
}

/** A socket of the caller's. Says "name …", then what a terminal shows, or "pid …". */
export async function listen(box: Box, name: string): Promise<Watched> {
  const watched = new Watched(box, ["listen", box.path(name)]);
  await soon("it listens", () => existsSync(box.path(name)));
  return watched;
}
