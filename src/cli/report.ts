// Prints an error, once and for all: to standard error for people, and to the log file for callers. No other module prints one.
//
//   tsrun: create web1: mount filesystems: /mounts/3: mount(2) /proc: operation not permitted (EPERM) — what to try
//
// The texts of errno are those that docker, podman and containerd look for.

import { HostError, SpecError, StateError, StepError, SysError, UsageError } from "../base/errors.ts";
import { load } from "../sys/host.ts";
import { complain } from "../sys/print.ts";
import { append, type LogFlags } from "./log.ts";

export type Failed = {
  readonly flags: LogFlags;
  /** undefined when the command line did not get so far. */
  readonly command: string | undefined;
  /** The container's id, or whatever the command's first argument is. */
  readonly subject: string | undefined;
};

export type Report = {
  /** One line for each thing that is wrong. */
  readonly lines: readonly string[];
  /** For programs: further keys of the JSON record. */
  readonly extra: Readonly<Record<string, string>>;
};

export function report(error: unknown, failed: Failed): void {
  const { lines, extra } = describe(error, failed);
  const logged = append(failed.flags, "error", lines.join("; "), extra);
  if (!logged) complain(`tsrun: warning: cannot write the log file ${String(failed.flags["log"])}\n`);
  complain(lines.map((line) => `tsrun: ${line}\n`).join(""));
}

/** What there is to say about an error. */
export function describe(error: unknown, { command, subject }: Failed): Report {
  const steps: string[] = [];
  let pointer: string | undefined;
  let cause = error;
  for (; cause instanceof StepError; cause = cause.cause) {
    steps.push(cause.step);
    pointer = cause.why ?? pointer;
  }
  if (cause instanceof UsageError) {
    const hint = command === undefined ? '"tsrun help" lists the commands' : `"tsrun ${command} --help" shows how`;
    return { lines: [`${command === undefined ? "" : `${command}: `}${cause.message} — ${hint}`], extra: { code: "usage", hint } };
  }
  const call = cause instanceof SysError ? `${cause.syscall} ${cause.detail}` : undefined;
  // What the parent waited for says nothing when the child has told what it was doing, and a step that is its call says it twice.
  const told = steps.filter((step, i) => (i + 1 === steps.length || !step.startsWith("wait for ")) && step !== call);
  const prefix = [[command, subject].filter(Boolean).join(" "), ...told].filter(Boolean);
  const line = (...parts: readonly (string | undefined)[]): string => [...prefix, ...parts].filter(Boolean).join(": ");
  const about = { ...(told.length > 0 && { step: told.join(": ") }), ...(pointer !== undefined && { pointer }) };
  if (cause instanceof SpecError) {
    const lines = cause.violations.map((violation) => line(violation.pointer, violation.problem));
    return { lines, extra: { code: "spec", ...about, ...(cause.violations.length === 1 && { pointer: cause.violations[0]?.pointer ?? "" }) } };
  }
  if (cause instanceof SysError) {
    const { syscall, errno, detail } = cause;
    const [name, text] = load<typeof import("../abi/errno_table.ts")>("abi/errno_table").ERRNO[errno] ?? [`errno ${errno}`, "unknown error"];
    const hint = load<typeof import("../sys/hints.ts")>("sys/hints").hint(cause, steps);
    const message = line(pointer, `${syscall}(${section(syscall)})${detail === "" ? "" : ` ${detail}`}`, `${text} (${name})`);
    return { lines: [hint === undefined ? message : `${message} — ${hint}`], extra: { code: "system", ...about, syscall, path: detail, errno: name, ...(hint !== undefined && { hint }) } };
  }
  if (cause instanceof StateError) return { lines: [line(pointer, cause.message)], extra: { code: "state", ...about } };
  if (cause instanceof HostError) return { lines: [line(pointer, cause.message)], extra: { code: "host", ...about } };
  return { lines: [line(pointer, `internal error: ${load<typeof import("../trace.ts")>("trace").render(cause)}`)], extra: { code: "internal", ...about } };
}

/** The manual's section: 2 for calls of the kernel, 3 for those of a library. */
const section = (name: string): number => (/^(seccomp|sd|dl)[_a-z]*$/.test(name) && name !== "seccomp" ? 3 : 2);
