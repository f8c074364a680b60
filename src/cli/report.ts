// Prints an error, once and for all: to standard error for people, and to the log file for callers. No other module prints one.
//
//   tsrun: create web1: mount filesystems: /mounts/3: mount(2) /proc: operation not permitted (EPERM) — what to try
//
// The texts of errno are those that docker, podman and containerd look for.

import { HostError, SpecError, StateError, StepError, SysError, UsageError } from "../base/errors.ts";
import { asRunc } from "../sys/own-name.ts";
import type { WaitStep } from "../runtime/steps.ts";
import { complain } from "../sys/print.ts";
import { append, type LogFlags } from "./log.ts";
import defer * as codes from "./codes.ts";
import defer * as errnoTable from "../abi/errno_table.ts";
import defer * as help from "./help.ts";
import defer * as hints from "./hints.ts";
import defer * as trace from "../trace.ts";

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
  readonly extra: Readonly<Record<string, string | readonly object[]>>;
};

export function report(error: unknown, failed: Failed): void {
  const { lines, extra } = describe(error, failed);
  const logged = append(failed.flags, "error", lines.join("; "), extra);
  if (!logged && !isOfLog(error)) complain(`tsrun: warning: cannot write the log ${String(failed.flags["log"])}\n`);
  if (error instanceof UsageError) help.showUsage(error.message, String(extra["code"]), failed.command); // what is wrong comes last, where it is seen
  complain(bareWords(error, failed) ?? lines.map((line) => `tsrun: ${line}\n`).join(""));
}

const isOfLog = (error: unknown): boolean => error instanceof StepError && error.why === "--log";

/** By the name of runc: that a program cannot be executed is told by its `run` in these words alone, and its callers compare them. */
function bareWords(error: unknown, { command }: Failed): string | undefined {
  let cause = error;
  while (cause instanceof StepError) cause = cause.cause;
  if (command !== "run" || !(cause instanceof SysError) || cause.syscall !== "execve" || !asRunc()) return undefined;
  return `exec ${cause.detail}: ${textOf(cause.errno)[1]}\n`;
}

/** The errno's name and text. */
const textOf = (errno: number): readonly [string, string] =>
  errnoTable.ERRNO[errno] ?? [`errno ${errno}`, "unknown error"];

const WAITING: { readonly [Step in WaitStep]: true } = {
  "wait for cgroup": true,
  "wait for hooks of the runtime": true,
  "wait for init to enter the pid namespace": true,
  "wait for readiness": true,
  "wait for the process to enter the container": true,
  "wait for the program": true,
};

/** Nobody reads more mistakes than these at once. */
const MOST_LINES = 100;

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
    const { code } = codes.codeOf(cause);
    const hint = command === undefined ? '"tsrun help" lists the commands' : `"tsrun ${command} --help" shows how`;
    return {
      lines: [`${command === undefined ? "" : `${command}: `}${cause.message} — ${hint}`],
      extra: { code, hint },
    };
  }
  const call = cause instanceof SysError ? `${cause.syscall} ${cause.detail}` : undefined;
  // What the parent waited for says nothing when the child has told what it was doing, and a step that is its call says it twice.
  const told = steps.filter((step, i) => (i + 1 === steps.length || !Object.hasOwn(WAITING, step)) && step !== call);
  const prefix = [[command, subject].filter(Boolean).join(" "), ...told].filter(Boolean);
  const line = (...parts: readonly (string | undefined)[]): string => [...prefix, ...parts].filter(Boolean).join(": ");
  const about = { ...(told.length > 0 && { step: told.join(": ") }), ...(pointer !== undefined && { pointer }) };
  if (cause instanceof SpecError) {
    const violations = cause.violations.slice(0, MOST_LINES).map(({ pointer: at, problem, hint }) => ({
      pointer: at,
      problem,
      ...hinted(hint ?? codes.violationHint(problem)),
    }));
    const [first] = violations;
    return {
      lines: [
        ...violations.map(({ pointer: at, problem, hint }) => withHint(line(at, problem), hint)),
        ...(cause.violations.length > MOST_LINES ? [line("and more")] : []),
      ],
      extra: {
        code: codes.codeOf(cause).code,
        ...about,
        ...(violations.length === 1 ? { pointer: first?.pointer ?? "", ...hinted(first?.hint) } : { violations }),
      },
    };
  }
  if (cause instanceof SysError) {
    const { syscall, errno, detail, note } = cause;
    const [name, text] = textOf(errno);
    const { code, hint } = hints.hintFor(cause, steps);
    const path = pathIn(detail);
    const called =
      syscall === "execve" || syscall === "fork/exec"
        ? `exec ${detail}`
        : `${syscall}${section(syscall)}${detail === "" ? "" : ` ${detail}`}`; // runc's word for it
    const message = line(pointer, called, `${text} (${name})`, note);
    return {
      lines: [withHint(message, hint)],
      extra: {
        code,
        ...about,
        syscall: syscall === "fork/exec" ? "execve" : syscall,
        ...(path !== undefined && { path }),
        errno: name,
        ...(note !== undefined && { note }),
        ...(hint !== undefined && { hint }),
      },
    };
  }
  const { code, hint } = codes.codeOf(cause);
  if (cause instanceof StateError || cause instanceof HostError)
    return {
      lines: [withHint(line(pointer, cause.message), hint)],
      extra: { code, ...about, ...(hint !== undefined && { hint }) },
    };
  return {
    lines: [line(pointer, `internal error: ${trace.render(cause)}`)],
    extra: { code, ...about },
  };
}

const hinted = (hint: string | undefined): { readonly hint?: string } => (hint === undefined ? {} : { hint });

const withHint = (message: string, hint: string | undefined): string =>
  hint === undefined ? message : `${message} — ${hint}`;

/** What the call was made on, when that is a path: the last one that its detail names. */
const pathIn = (detail: string): string | undefined =>
  /(?:^|[ "])(\/[^"]*)"?$/.exec(detail)?.[1]?.replace(/^.* (?=\/)/, "");

/** The manual's section: 2 for calls of the kernel, 3 for those of a library; what Go calls fork/exec is neither. */
function section(name: string): string {
  if (name.includes("/")) return "";
  return /^(seccomp|sd|dl)[_a-z]*$/.test(name) && name !== "seccomp" ? "(3)" : "(2)";
}
