// Whether the container's process gets a terminal of its own, and what is known of it beforehand.

import type { Process } from "../spec/types.ts";

/** undefined: the process keeps the standard streams that the runtime was called with. */
export type TerminalPlan =
  | {
      /** undefined: nobody asked for one. */
      readonly size: { readonly rows: number; readonly columns: number } | undefined;
      /** Only in a mount namespace of the container's own. */
      readonly bindConsole: boolean;
      readonly why: string;
    }
  | undefined;

export function planTerminal(process: Process, bindConsole: boolean): TerminalPlan {
  const { terminal, consoleSize } = process;
  return terminal
    ? {
        size: consoleSize && { rows: consoleSize.height, columns: consoleSize.width },
        bindConsole,
        why: "/process/terminal",
      }
    : undefined;
}
