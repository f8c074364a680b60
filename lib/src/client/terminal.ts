// The terminal of a container. Node can neither make a pseudoterminal nor receive one over a socket: `tsrun console` receives the
// master and relays it to pipes.

import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { TsrunError } from "./error.ts";
import { scratchFile, text } from "./invoke.ts";

/** In characters. */
export type TerminalSize = { readonly columns: number; readonly rows: number };

export type Terminal = AsyncDisposable & {
  /** What is typed. */
  readonly input: Writable;
  /** What the terminal shows. Ends when no process has the terminal open any more. */
  readonly output: Readable;
  /** The console socket, for the runtime. */
  readonly socket: string;
};

const WAIT_MS = 5;

/** @throws TsrunError the console could not be started */
export async function openTerminal(program: string): Promise<Terminal> {
  const socket = scratchFile(".sock");
  const child = spawn(program, ["console", socket], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  let isEnded = false;
  void ended.then(() => (isEnded = true));
  while (!existsSync(socket)) {
    if (isEnded)
      throw new TsrunError("console", { msg: (await text(child.stderr)).trim() || `cannot start ${program}` });
    await sleep(WAIT_MS);
  }
  child.stdin.on("error", () => {}); // the terminal may be gone before everything is typed
  return {
    input: child.stdin,
    output: child.stdout,
    socket,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(socket, { force: true });
    },
  };
}
