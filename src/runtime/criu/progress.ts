// How far CRIU has come, on a terminal, once it takes more than a second.

import { complain } from "../../sys/print.ts";
import { Fd } from "../../sys/fd.ts";
import { terminalModes } from "../../sys/terminal.ts";
import { monotonicMs } from "../../sys/time.ts";
import type { Listener } from "../../criu/swrk.ts";

const PATIENCE_MS = 1000;
const EVERY_MS = 200;
const PAGE_BYTES = 4096;

/** What is moved so far, and how much there is of it in all, as far as that is known. */
export type Amount = { readonly done: number; readonly of: number };

export type Progress = {
  readonly waiting: Listener["waiting"];
  /** Takes the line away again. */
  readonly end: () => void;
};

/** @param word such as "written" @param look called only when something is shown */
export function showProgress(word: string, look: () => Amount): Progress {
  if (terminalModes(new Fd(2)) === undefined) return { waiting: undefined, end: () => undefined };
  const from = monotonicMs() + PATIENCE_MS;
  let shown = false;
  return {
    waiting: {
      everyMs: EVERY_MS,
      act: () => {
        if (monotonicMs() < from) return;
        complain(`\r${progressText(word, look())}\x1b[K`);
        shown = true;
      },
    },
    end: () => {
      if (shown) complain("\r\x1b[K");
    },
  };
}

function progressText(word: string, { done, of }: Amount): string {
  const [some, all] = [done, Math.max(done, of)].map((bytes) => Math.round(bytes / PAGE_BYTES));
  return `${some} of ${all} pages ${word}${all === 0 ? "" : ` (${Math.floor((100 * (some ?? 0)) / (all ?? 1))} %)`}`;
}
